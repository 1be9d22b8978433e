package graph

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"hotline/internal/menu/tree"
	"hotline/internal/orders"
	"hotline/internal/orders/entry"
	"hotline/internal/prompts"
)

// shipped is the hotline as it is served, in Mandarin.
func shipped(t *testing.T) (*tree.Tree, func([]prompts.Ref) string) {
	t.Helper()
	texts, err := prompts.Load(os.DirFS("../../../prompts"))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := tree.Load(os.DirFS("../../../menus"), "10086.yaml", func(id string) bool { return texts.Has("zh", id) })
	if err != nil {
		t.Fatal(err)
	}
	return tree, func(refs []prompts.Ref) string {
		var b strings.Builder
		for _, r := range refs {
			b.WriteString(texts.Text("zh", r))
		}
		return b.String()
	}
}

// nasty has a node of every type, and names that mean something in every format.
func nasty() *tree.Tree {
	say := func(id string) []prompts.Ref { return []prompts.Ref{prompts.Prompt(id)} }
	t := &tree.Tree{
		Name: `"<10086>" & Co\`, Start: "main", Agent: "end", SpeedDial: "#",
		Keys:     map[string]tree.Meaning{"*": tree.Back, "0": tree.Agent},
		Codes:    map[string]string{"77": "lonely", "3011": "order"},
		Services: map[string]*tree.Service{"x": {ID: "x", Say: prompts.Prompt("svc.<x>"), Price: 600}},
		Nodes: map[string]*tree.Node{
			"main": {Type: "menu", Menu: &tree.Menu{Greeting: say("hi"), Options: []tree.Option{
				{Key: "1", Label: say(`say "hi" <b>#1;`), To: "lang"}, {Key: "2", Label: say("two\nlines\x01"), To: "col"},
				{Key: "3", Label: say("switch"), To: "sw"}, {Key: "#", Label: say("again"), To: "main", Quiet: true},
			}}},
			"lang":   {Type: "language", Language: &tree.Language{Choices: []tree.Choice{{Key: "1", Language: "zh", Say: say("zh")}, {Key: "2", Language: "en", Say: say("en")}}, Then: "set"}},
			"set":    {Type: "language", Language: &tree.Language{Set: "en", Then: "main"}},
			"col":    {Type: "collect", Limits: tree.Limits{Then: "bye"}, Collect: &tree.Collect{Entry: entry.Digits, Fewest: 4, Most: 8, Into: "pin", Then: "auth"}},
			"auth":   {Type: "auth", Limits: tree.Limits{Then: "end"}, Auth: &tree.Auth{Then: "order"}},
			"order":  {Type: "order", Order: &tree.Order{Service: "x", Action: orders.Open, Confirm: true, Then: "ask"}},
			"sw":     {Type: "switch", Switch: &tree.Switch{On: tree.ByBrand, Cases: map[string]string{"全球通": "q", "神州行": "say"}, Else: "odd id'\"<&;->"}},
			"q":      {Type: "query", Query: &tree.Query{Name: "balance", Answer: []tree.Part{{Ref: prompts.Prompt("is")}, {Value: "v"}}, Then: "ask"}},
			"say":    {Type: "say", Say: &tree.Say{Refs: say("text"), Then: "ask"}},
			"ask":    {Type: "survey", Survey: &tree.Survey{Say: say("rate"), Then: "bye"}},
			"bye":    {Type: "hangup", Hangup: &tree.Hangup{Say: say("bye")}},
			"end":    {Type: "transfer", Transfer: &tree.Transfer{Queue: "desk", Hours: "h", Callback: true, Then: "main", Else: "bye"}},
			"lonely": {Type: "say", Say: &tree.Say{Refs: say("code only")}},
			"adrift": {Type: "say", Say: &tree.Say{Refs: say("nothing leads here")}},
		},
	}
	t.Nodes["odd id'\"<&;->"] = &tree.Node{Type: "hangup", Hangup: &tree.Hangup{Say: say("odd")}}
	for id, n := range t.Nodes {
		n.ID = id
	}
	return t
}

// TestEverythingIsThere: every node once, every way out of it, in every format,
// and the format holds.
func TestEverythingIsThere(t *testing.T) {
	hotline, words := shipped(t)
	for name, c := range map[string]struct {
		tree  *tree.Tree
		words func([]prompts.Ref) string
	}{"shipped": {hotline, words}, "nasty": {nasty(), prompts.Join}} {
		t.Run(name, func(t *testing.T) {
			g := New(c.tree, c.words)
			keys := complete(t, c.tree, g)
			nodes, edges, badges := readMermaid(t, g.Mermaid())
			same(t, "mermaid", g, nodes, edges, badges, mermaidID, keys)
			nodes, edges, badges = readDOT(t, g.DOT())
			same(t, "dot", g, nodes, edges, badges, func(id string) string { return id }, keys)
			readSVG(t, g, g.SVG())
		})
	}
}

// complete holds the graph to its tree and gives what names its edges, with counts.
func complete(t *testing.T, tree *tree.Tree, g *Graph) map[string]int {
	t.Helper()
	seen := map[string]int{}
	for _, n := range g.Nodes {
		seen[n.ID]++
	}
	keys, edges := map[string]int{}, 0
	for id, n := range tree.Nodes {
		if seen[id] != 1 {
			t.Errorf("node %q stands %d times", id, seen[id])
		}
		for _, e := range Exits(n) {
			if e.When == GaveUp && e.To == tree.Agent {
				continue
			}
			edges++
			if name := (Edge{Key: e.Key, When: e.When}).name(); name != "" {
				keys[name]++
			}
		}
	}
	if len(g.Nodes) != len(tree.Nodes) || len(g.Edges) != edges || edges == 0 {
		t.Errorf("%d nodes of %d, %d edges of %d", len(g.Nodes), len(tree.Nodes), len(g.Edges), edges)
	}
	return keys
}

// same compares what was read back from a format with the graph.
func same(t *testing.T, format string, g *Graph, nodes map[string]int, edges, badges map[string]int, id func(string) string, keys map[string]int) {
	t.Helper()
	for _, n := range g.Nodes {
		if nodes[id(n.ID)] != 1 {
			t.Errorf("%s: node %q is declared %d times", format, n.ID, nodes[id(n.ID)])
		}
	}
	for _, e := range g.Edges {
		if !e.Reference && edges[id(e.From)+" "+id(e.To)] != 1 {
			t.Errorf("%s: no edge from %q to %q in %v", format, e.From, e.To, edges)
		}
	}
	total := 0
	for _, n := range edges {
		total += n
	}
	if total != len(g.Edges) || fmt.Sprint(badges) != fmt.Sprint(keys) {
		t.Errorf("%s: %d edges of %d, named %v, want %v", format, total, len(g.Edges), badges, keys)
	}
}

var (
	mermaidNode = regexp.MustCompile(`^  (n_\w+)(\[\[|\[/|\[\\|\(\[|\(\(|\{\{|\[|\(|\{|>)"([^"]*)"(\]\]|/\]|\\\]|\]\)|\)\)|\}\}|\]|\)|\}):::(t_\w+)$`)
	mermaidEdge = regexp.MustCompile(`^  (n_\w+) (-->|-\.->)(?:\|"([^"|]+)"\|)? (?:(n_\w+)|(r_\d+)\["→ [^"]+"\]:::ref)$`)
	mermaidCode = regexp.MustCompile(`#(\d+);`)
)

// readMermaid is the part of Mermaid's grammar that is used here. (Mermaid's own
// parser was held to the same text once.)
func readMermaid(t *testing.T, text string) (nodes, edges, badges map[string]int) {
	t.Helper()
	nodes, edges, badges = map[string]int{}, map[string]int{}, map[string]int{}
	classes := map[string]bool{}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if lines[0] != "---" || !strings.HasPrefix(lines[1], `title: "`) || lines[2] != "---" || lines[3] != "flowchart LR" {
		t.Fatalf("not a flowchart: %q", lines[:4])
	}
	for _, line := range lines[4:] {
		if m := mermaidNode.FindStringSubmatch(line); m != nil {
			nodes[m[1]]++
			classes[m[5]] = true
		} else if m := mermaidEdge.FindStringSubmatch(line); m != nil {
			edges[m[1]+" "+m[4]+m[5]]++
			if m[3] != "" {
				badges[mermaidCode.ReplaceAllStringFunc(m[3], func(s string) string {
					var r rune
					_, _ = fmt.Sscanf(s, "#%d;", &r)
					return string(r)
				})]++
			}
		} else if f := strings.Fields(line); len(f) == 3 && f[0] == "classDef" {
			delete(classes, f[1])
		} else {
			t.Errorf("no line of a flowchart: %s", line)
		}
	}
	if len(classes) > 0 {
		t.Errorf("classes without a definition: %v", classes)
	}
	return nodes, edges, badges
}

const dotString = `"((?:[^"\\]|\\.)*)"`

var (
	dotNode = regexp.MustCompile(`^  ` + dotString + ` \[label=` + dotString + `, (tooltip=` + dotString + `, )?shape=\w+, .*\];$`)
	dotEdge = regexp.MustCompile(`^  ` + dotString + ` -> ` + dotString + ` \[label=` + dotString + `, tooltip=` + dotString + `.*\];$`)
)

func readDOT(t *testing.T, text string) (nodes, edges, badges map[string]int) {
	t.Helper()
	plain := strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace
	nodes, edges, badges = map[string]int{}, map[string]int{}, map[string]int{}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if !strings.HasPrefix(lines[0], "digraph ") || lines[len(lines)-1] != "}" {
		t.Fatalf("not a digraph: %s … %s", lines[0], lines[len(lines)-1])
	}
	for _, line := range lines[1 : len(lines)-1] {
		if m := dotEdge.FindStringSubmatch(line); m != nil {
			edges[plain(m[1])+" "+plain(m[2])]++
			if m[3] != "" {
				badges[plain(m[3])]++
			}
			if nodes[plain(m[2])] != 1 {
				t.Errorf("an edge to %q, which is declared %d times", m[2], nodes[plain(m[2])])
			}
		} else if m := dotNode.FindStringSubmatch(line); m != nil {
			nodes[plain(m[1])]++
		} else if !strings.HasPrefix(line, "  rankdir=") && !strings.HasPrefix(line, "  node [") && !strings.HasPrefix(line, "  edge [") && !strings.HasPrefix(line, "  labelloc=") {
			t.Errorf("no line of a digraph: %s", line)
		}
	}
	return nodes, edges, badges
}

// readSVG holds the picture to XML, to the graph, and to its own size.
func readSVG(t *testing.T, g *Graph, text string) {
	t.Helper()
	var wide, high float64
	ids, hrefs, badges, paths := map[string]int{}, 0, map[string]int{}, 0
	class := ""
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			at := map[string]string{}
			for _, a := range e.Attr {
				at[a.Name.Local] = a.Value
			}
			class = at["class"]
			var x, y float64
			switch e.Name.Local {
			case "svg":
				_, err = fmt.Sscan(at["width"]+" "+at["height"], &wide, &high)
			case "g":
				ids[at["id"]]++
			case "a":
				hrefs++
			case "path":
				paths++
			case "text":
				_, err = fmt.Sscan(at["x"]+" "+at["y"], &x, &y)
			}
			if err != nil || x < 0 || x > wide || y < 0 || y > high {
				t.Fatalf("%v at %v,%v of %v,%v: %v", at, x, y, wide, high, err)
			}
		case xml.CharData:
			if class == "kt" || class == "krt" {
				badges[string(e)]++
				class = ""
			}
		}
	}
	refs := 0
	for _, e := range g.Edges {
		if e.Reference {
			refs++
		}
		if name := e.name(); name != "" {
			badges[name]--
		}
	}
	for _, n := range g.Nodes {
		if ids[xmlID(n.ID)] != 1 {
			t.Errorf("svg: node %q is drawn %d times", n.ID, ids[xmlID(n.ID)])
		}
		if n.Root != "" && n.Root != "start" {
			badges[n.Root]--
		}
	}
	for name, n := range badges {
		if n != 0 {
			t.Errorf("svg: %q is drawn %+d times too often", name, n)
		}
	}
	if hrefs != refs || paths != len(g.Edges) {
		t.Errorf("svg: %d references of %d, %d edges of %d", hrefs, refs, paths, len(g.Edges))
	}
}

// TestSVGNothingOverlaps: no box with its badge lies over another.
func TestSVGNothingOverlaps(t *testing.T) {
	hotline, words := shipped(t)
	p := newPicture(New(hotline, words))
	p.place()
	p.measure()
	for i, a := range p.all {
		for _, b := range p.all[:i] {
			right, left := p.left[a.depth]+a.reach(), p.left[a.depth]-badgeWidth(a.badge)
			if b.y-boxHeight < a.y && a.y < b.y+boxHeight && p.left[b.depth]-badgeWidth(b.badge) < right && left < p.left[b.depth]+b.reach() {
				t.Errorf("%s and %s lie over each other", a.id, b.id)
			}
		}
		if p.left[a.depth]+a.reach() > p.wide || a.y+boxHeight > p.high {
			t.Errorf("%s is outside the picture", a.id)
		}
	}
}

// TestShared: what many go on to stands apart, and each of them has a reference to it.
func TestShared(t *testing.T) {
	g := New(nasty(), prompts.Join)
	root, references := "", 0
	for _, n := range g.Nodes {
		if n.ID == "ask" {
			root = n.Root
		}
	}
	for _, e := range g.Edges {
		if e.To == "ask" && e.Reference {
			references++
		}
	}
	if root != "shared" || references != 3 {
		t.Errorf("ask stands as %q, with %d references", root, references)
	}
}
