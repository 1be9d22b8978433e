// Package graph is a menu as a picture: which nodes there are, what leads from one
// to the next, and the same as Mermaid, DOT and SVG.
//
//	start ─1─ 101 query balance
//	      └3─ 301 menu ─1─ 3011 order open
//
// A menu is nearly a tree. It is drawn as one: every node stands once, beside the
// nearest node that leads to it, and every other way to it is a light reference.
//
// It refuses to judge a menu, which is the work of the checker, and to run other
// programs: a maintainer's machine needs nothing but a browser.
package graph

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"hotline/internal/menu/tree"
	"hotline/internal/orders/entry"
	"hotline/internal/prompts"
)

// Graph is one menu, ready to be drawn.
type Graph struct {
	Name  string // of the menu
	Note  string // the keys that mean the same everywhere, in words; "" for none
	Nodes []Node // as they are read from top to bottom: each before its children
	Edges []Edge // in the order of their nodes, then of the file
}

// Node is one node of the menu.
type Node struct {
	ID     string
	Type   string // as in the menu's file
	Title  string // what callers are told it is, or what it says
	Detail string // what it does, in the words of the menu's file
	Full   string // all of what it says
	Root   string // why it stands at the left edge, beside no other; "" where it does
	depth  int
}

// Edge leads from one node to another.
type Edge struct {
	From, To  string
	Key, When string // see Exit
	Label     string // what is said of it
	Quiet     bool
	Reference bool // To stands elsewhere in the picture
}

// name of an edge: its key, or its case.
func (e Edge) name() string {
	if e.Key != "" {
		return e.Key
	}
	return e.When
}

// New makes the graph of a tree. words turns what is said into text: the words of a
// language, or the ids of the prompts.
func New(t *tree.Tree, words func([]prompts.Ref) string) *Graph {
	g := &Graph{Name: t.Name, Note: everywhere(t)}
	d := &drawing{tree: t, words: words, graph: g, shared: map[string]bool{}, depth: map[string]int{}, parent: map[string]string{}, label: map[string]string{}}
	d.findShared()
	d.root(t.Start, "start")
	for _, id := range slices.Sorted(maps.Keys(d.shared)) {
		d.root(id, "shared")
	}
	if t.Agent != "" {
		d.root(t.Agent, "agent, from everywhere")
	}
	for _, code := range slices.Sorted(maps.Keys(t.Codes)) {
		d.root(t.Codes[code], "code only")
	}
	for _, id := range slices.Sorted(maps.Keys(t.Nodes)) {
		d.root(id, "no way leads here")
	}
	return g
}

// everywhere says what the global keys do, and how codes are dialled.
func everywhere(t *tree.Tree) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(t.Keys)) {
		parts = append(parts, key+" "+string(t.Keys[key]))
	}
	if t.SpeedDial != "" {
		parts = append(parts, t.SpeedDial+"code"+t.SpeedDial+" to a node with a number")
	}
	return strings.Join(parts, " · ")
}

// drawing is a Graph while it is being made.
type drawing struct {
	tree   *tree.Tree
	words  func([]prompts.Ref) string
	graph  *Graph
	shared map[string]bool   // nodes that many go on to
	depth  map[string]int    // of the nodes that have their place
	parent map[string]string // node beside which one stands
	label  map[string]string // what its parent says of it
}

// sharedBy is how many nodes go on to one by themselves before it is drawn apart:
// "what else can I do for you" belongs to none of the functions that end there.
const sharedBy = 3

func (d *drawing) findShared() {
	for to, from := range d.followers() {
		if len(from) >= sharedBy {
			d.shared[to] = true
		}
	}
}

// followers are, by node, those that go on to it without a key.
func (d *drawing) followers() map[string]map[string]bool {
	all := map[string]map[string]bool{}
	for id := range d.tree.Nodes {
		for _, e := range d.exits(id) {
			if e.Key != "" {
				continue
			}
			if all[e.To] == nil {
				all[e.To] = map[string]bool{}
			}
			all[e.To][id] = true
		}
	}
	return all
}

// root gives a place to a node that has none yet, and to all that it leads to.
// Breadth first finds the nearest parent; depth first is the order of reading.
func (d *drawing) root(id, why string) {
	if _, placed := d.depth[id]; placed || d.tree.Nodes[id] == nil {
		return
	}
	d.depth[id] = 0
	for queue := []string{id}; len(queue) > 0; queue = queue[1:] {
		for _, e := range d.exits(queue[0]) {
			if _, placed := d.depth[e.To]; placed || d.shared[e.To] {
				continue
			}
			d.depth[e.To] = d.depth[queue[0]] + 1
			d.parent[e.To], d.label[e.To] = queue[0], d.words(e.Label)
			queue = append(queue, e.To)
		}
	}
	d.add(id, why)
}

// exits are those that are drawn. That used-up attempts lead to a person is said
// once, by the key that means a person everywhere.
func (d *drawing) exits(id string) []Exit {
	return slices.DeleteFunc(Exits(d.tree.Nodes[id]), func(e Exit) bool {
		return d.tree.Nodes[e.To] == nil || e.When == GaveUp && e.To == d.tree.Agent
	})
}

// add lists a node and then, in order, the children that stand beside it.
func (d *drawing) add(id, root string) {
	n := d.tree.Nodes[id]
	full := d.words(said(n))
	node := Node{ID: id, Type: n.Type, Title: d.label[id], Detail: d.detail(n), Full: full, Root: root, depth: d.depth[id]}
	if node.Title == "" {
		node.Title = d.title(n, full)
	}
	for _, code := range slices.Sorted(maps.Keys(d.tree.Codes)) {
		if d.tree.Codes[code] == id && code != id {
			node.Detail = strings.TrimSpace(node.Detail + " " + d.tree.SpeedDial + code + d.tree.SpeedDial)
		}
	}
	d.graph.Nodes = append(d.graph.Nodes, node)
	var children []string
	for _, e := range d.exits(id) {
		mine := d.parent[e.To] == id && !slices.Contains(children, e.To)
		d.graph.Edges = append(d.graph.Edges, Edge{From: id, To: e.To, Key: e.Key, When: e.When, Label: d.words(e.Label), Quiet: e.Quiet, Reference: !mine})
		if mine {
			children = append(children, e.To)
		}
	}
	for _, child := range children {
		d.add(child, "")
	}
}

// title of a node that no label leads to: the service; for a query, what was chosen
// before its entries were typed; else what it says.
func (d *drawing) title(n *tree.Node, full string) string {
	service := ""
	switch {
	case n.Order != nil:
		service = n.Order.Service
	case n.Query != nil:
		service = n.Query.Service
		if label := d.chosen(n.ID); service == "" && label != "" {
			return label
		}
	}
	if s := d.tree.Services[service]; s != nil {
		return d.words([]prompts.Ref{s.Say})
	}
	return full
}

// chosen is the label of the option at the head of a chain of entries.
func (d *drawing) chosen(id string) string {
	for d.label[id] == "" {
		id = d.parent[id]
		if n := d.tree.Nodes[id]; n == nil || n.Collect == nil && n.Auth == nil {
			return ""
		}
	}
	return d.label[id]
}

// said are the announcements of a node itself, without its options.
func said(n *tree.Node) []prompts.Ref {
	switch {
	case n.Menu != nil:
		return slices.Concat(n.Menu.Greeting, n.Menu.Intro)
	case n.Say != nil:
		return n.Say.Refs
	case n.Collect != nil:
		return n.Collect.Say
	case n.Auth != nil:
		return n.Auth.Say
	case n.Query != nil:
		var refs []prompts.Ref
		for _, p := range n.Query.Answer {
			if p.Value == "" {
				refs = append(refs, p.Ref)
			}
		}
		return refs
	case n.Transfer != nil:
		return n.Transfer.Say
	case n.Survey != nil:
		return n.Survey.Say
	case n.Language != nil:
		var refs []prompts.Ref
		for _, c := range n.Language.Choices {
			refs = append(refs, c.Say...)
		}
		return refs
	case n.Hangup != nil:
		return n.Hangup.Say
	}
	return nil
}

// detail says what a node does, in the words of the menu's file.
func (d *drawing) detail(n *tree.Node) string {
	switch {
	case n.Menu != nil && n.Menu.Handling:
		return "handling"
	case n.Collect != nil:
		return collectDetail(n.Collect)
	case n.Auth != nil:
		return "service password"
	case n.Order != nil:
		text := string(n.Order.Action) + " " + n.Order.Service
		if s := d.tree.Services[n.Order.Service]; s != nil && s.Price != 0 {
			text += " " + s.Price.String()
		}
		return text
	case n.Query != nil:
		return strings.TrimSpace(n.Query.Name + " " + n.Query.Service)
	case n.Switch != nil:
		return "by " + strings.TrimSpace(string(n.Switch.On)+" "+n.Switch.Name)
	case n.Transfer != nil:
		text := "queue " + n.Transfer.Queue
		if n.Transfer.Hours != "" {
			text += ", hours " + n.Transfer.Hours
		}
		if n.Transfer.Callback {
			text += ", callback"
		}
		return text
	case n.Survey != nil:
		return "1 to 5"
	case n.Language != nil:
		return languageDetail(n.Language)
	}
	return ""
}

func collectDetail(c *tree.Collect) string {
	text := string(c.Entry)
	if c.Entry == entry.Digits {
		text = fmt.Sprintf("%d digits", c.Fewest)
		if c.Most != c.Fewest {
			text = fmt.Sprintf("%d to %d digits", c.Fewest, c.Most)
		}
	}
	return text + " into " + c.Into
}

func languageDetail(l *tree.Language) string {
	if l.Set != "" {
		return "set " + l.Set
	}
	var choices []string
	for _, c := range l.Choices {
		choices = append(choices, c.Key+" "+c.Language)
	}
	return strings.Join(choices, ", ")
}
