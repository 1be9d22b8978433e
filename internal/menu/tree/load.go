package tree

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"hotline/internal/orders"
	"hotline/internal/prompts"
	"hotline/internal/source"
)

// Load reads the menu in the file name of fsys, with the files it refers to. The
// error is source.Problems: everything that is wrong, with its place; there is no
// half-loaded Tree. hasPrompt tells whether a prompt exists in every language.
func Load(fsys fs.FS, name string, hasPrompt func(id string) bool) (*Tree, error) {
	l := &loader{fsys: fsys, hasPrompt: hasPrompt, globals: map[string]source.Node{}, tree: &Tree{
		Keys: map[string]Meaning{}, Codes: map[string]string{}, Services: map[string]*Service{}, Calendars: map[string]*Calendar{}, Nodes: map[string]*Node{},
	}}
	l.limits = Limits{FirstDigit: 6 * time.Second, InterDigit: 1500 * time.Millisecond, NoInput: 2, Invalid: 2, Total: 3}
	l.bargeIn = true
	unread := func(rule, format string, args ...any) {
		l.problems = append(l.problems, source.Problem{Pos: source.Pos{File: name, Line: 1, Col: 1}, Message: fmt.Sprintf(format, args...), Rule: rule})
	}
	if root, ok := l.file(name, unread); ok {
		l.root(root)
		l.link()
	}
	if err := l.problems.Err(); err != nil {
		return nil, err
	}
	l.tree.Version = hex.EncodeToString(l.sum)[:12]
	return l.tree, nil
}

// loader gathers the tree, its problems, and the names that can only be looked
// up once all files are read.
type loader struct {
	fsys      fs.FS
	hasPrompt func(string) bool
	tree      *Tree
	problems  source.Problems
	sum       []byte // chained hash of the files read so far
	limits    Limits // the tree's defaults
	bargeIn   bool
	nodes     []source.Node // read after the defaults are known
	links     []link
	then      []link                 // of retries: only to transfers
	globals   map[string]source.Node // global keys
	confirms  bool                   // an order asks for 1 or 2
	blind     bool                   // the service catalogue cannot be read: that is the one problem to name
}

// link is a name that has to lead to something.
type link struct {
	name  string
	where source.Node
}

// file reads one file of the tree; report names a problem where the file is asked for.
func (l *loader) file(name string, report func(rule, format string, args ...any)) (source.Node, bool) {
	if !fs.ValidPath(name) {
		report("file", "%s is outside the folder of the menus", name)
		return source.Node{}, false
	}
	data, err := fs.ReadFile(l.fsys, name)
	if err != nil {
		report("file", "cannot be read: %v", err)
		return source.Node{}, false
	}
	h := sha256.New()
	h.Write(l.sum)
	h.Write([]byte(name + "\x00"))
	h.Write(data)
	l.sum = h.Sum(nil)
	return source.Parse(name, data, &l.problems)
}

func (l *loader) root(n source.Node) {
	t := l.tree
	file := n.Pos().File
	n.Object(map[string]source.Field{
		"menu": {Required: true, Read: func(n source.Node) { t.Name = n.Text() }},
		"dialled": {Required: true, Read: func(n source.Node) {
			t.Dialled, t.DialledAt = texts(n, "a number that leads here, e.g. dialled: [\"10086\"]"), n.Pos()
		}},
		"languages": {Required: true, Read: func(n source.Node) {
			t.Languages, t.LanguagesAt = texts(n, "a language, e.g. languages: [zh]"), n.Pos()
		}},
		"start":    {Required: true, Read: l.to(&t.Start)},
		"agent":    {Read: l.to(&t.Agent)},
		"keys":     {Read: l.keys},
		"timeouts": {Read: func(n source.Node) { l.timeouts(n, &l.limits) }},
		"retries":  {Read: func(n source.Node) { l.retries(n, &l.limits) }},
		"barge_in": {Read: func(n source.Node) { l.bargeIn = n.Bool() }},
		"phrases":  {Required: true, Read: l.phrases},
		"services": {Read: func(n source.Node) {
			f, ok := l.file(path.Join(path.Dir(file), n.Text()), n.Report)
			if l.blind = !ok; ok {
				f.Entries(l.service)
			}
		}},
		"include": {Read: func(n source.Node) {
			n.Report("type", "'include' is a word of the language that is not in this version: all nodes stand in this file")
		}},
		"nodes": {Required: true, Read: func(n source.Node) { l.nodes = append(l.nodes, n) }},
	})
	for _, n := range l.nodes {
		n.Entries(l.node)
	}
}

// texts reads a list of texts that may not be empty.
func texts(n source.Node, example string) []string {
	var list []string
	n.List(func(n source.Node) { list = append(list, n.Text()) })
	if n.IsList() && len(list) == 0 {
		n.Report("empty", "the list is empty; name at least %s", example)
	}
	return list
}

// to reads the id of a node, which must exist at the end.
func (l *loader) to(id *string) func(source.Node) {
	return func(n source.Node) {
		if *id = n.Scalar(); *id == "" {
			n.Report("dangling", "name a node here")
			return
		}
		l.links = append(l.links, link{*id, n})
	}
}

var dtmf = "0123456789*#"

func (l *loader) keys(n source.Node) {
	n.Entries(func(k, v source.Node) {
		key := k.Scalar()
		if key == "" || len(key) > 2 || strings.Trim(key, dtmf) != "" {
			k.Report("key", "%q is not one or two of the keys %s", key, dtmf)
			return
		}
		l.tree.Keys[key] = Meaning(v.OneOf(string(Back), string(Main), string(Repeat), string(Agent), string(Bye)))
		l.globals[key] = k
	})
}

func (l *loader) timeouts(n source.Node, to *Limits) {
	n.Object(map[string]source.Field{
		"first_digit": {Read: func(n source.Node) { to.FirstDigit = n.Duration(time.Second, time.Minute) }},
		"inter_digit": {Read: func(n source.Node) { to.InterDigit = n.Duration(300*time.Millisecond, 20*time.Second) }},
	})
}

func (l *loader) retries(n source.Node, to *Limits) {
	n.Object(map[string]source.Field{
		"no_input": {Read: func(n source.Node) { to.NoInput = n.Int(0, 9) }},
		"invalid":  {Read: func(n source.Node) { to.Invalid = n.Int(0, 9) }},
		"total":    {Read: func(n source.Node) { to.Total = n.Int(0, 9) }},
		"then": {Read: func(n source.Node) {
			l.to(&to.Then)(n)
			l.then = append(l.then, link{to.Then, n})
		}},
	})
}

// newer are phrases that only some menus need.
var newer = []string{"unknown_code", "goodbye", "too_short", "too_long", "mismatch", "entry_is", "right", "retype", "enter_password", "password_gave_up",
	"service_closed", "outside_hours", "callback_offer", "callback_yes", "callback_no", "callback_done", "thanks", "language_set",
	"applied", "changed", "reset", "bad_amount", "bad_month", "bad_phone", "bad_id_card", "wrong_password", "locked"}

// phrases reads what the engine itself says; every phrase must be there. A list
// says a further attempt differently.
func (l *loader) phrases(n source.Node) {
	fields := map[string]source.Field{}
	owner := map[prompts.Ref]string{}
	for _, c := range l.tree.Phrases.causes() {
		read := func(n source.Node) {
			ref := l.prompt(n)
			if other, taken := owner[ref]; taken && other != c.name && ref.ID != "" {
				n.Report("shared-prompt", "prompt %q is already said for %q; every cause has a prompt of its own", ref.ID, other)
			}
			owner[ref] = c.name
			c.keep(ref)
		}
		fields[c.name] = source.Field{Required: !slices.Contains(newer, c.name), Read: func(n source.Node) {
			if !n.IsList() {
				read(n)
				return
			}
			if !c.byAttempt {
				n.Report("type", "only no_input and invalid may differ by attempt; %q takes one prompt", c.name)
				return
			}
			n.List(read)
		}}
	}
	n.Object(fields)
}

func (l *loader) service(k, v source.Node) {
	s := &Service{ID: k.Scalar()}
	v.Object(map[string]source.Field{
		"name":  {Required: true, Read: func(n source.Node) { s.Say = l.prompt(n) }},
		"price": {Required: true, Read: func(n source.Node) { s.Price = l.money(n) }},
	})
	l.tree.Services[s.ID] = s
}

// money reads yuan with two decimals, "6.00", as a text: a float is no amount of money.
func (l *loader) money(n source.Node) orders.Money {
	text := n.Text()
	if text == "" {
		return 0 // said already
	}
	yuan, fen, ok := strings.Cut(text, ".")
	var v int64
	if _, err := fmt.Sscanf(yuan+fen, "%d", &v); err != nil || !ok || len(fen) != 2 || strings.Trim(yuan+fen, "0123456789") != "" || len(yuan) > 6 {
		n.Report("money", "expected an amount in yuan with two decimals such as \"6.00\", found %q", text)
	}
	return orders.Money(v)
}

// prompt reads the id of a prompt, which must exist.
func (l *loader) prompt(n source.Node) prompts.Ref {
	id := n.Text()
	if id != "" && l.hasPrompt != nil && !l.hasPrompt(id) {
		n.Report("missing-prompt", "no text for prompt %q; write it into the prompts folder", id)
	}
	return prompts.Prompt(id)
}

// refs reads one prompt or a list of them.
func (l *loader) refs(to *[]prompts.Ref) func(source.Node) {
	return func(n source.Node) {
		if n.IsList() {
			n.List(func(n source.Node) { *to = append(*to, l.prompt(n)) })
		} else {
			*to = append(*to, l.prompt(n))
		}
		if len(*to) == 0 {
			n.Report("empty", "nothing is said here; name at least one prompt, or leave the key out")
		}
	}
}

// link looks up the names, now that every node is known, and what only shows in the whole.
func (l *loader) link() {
	t := l.tree
	for _, k := range l.links {
		if _, there := t.Nodes[k.name]; !there {
			nearest := ""
			if len(l.problems) < manyProblems {
				nearest = like(k.name, t.Nodes)
			}
			k.where.Report("dangling", "no node %q%s", k.name, nearest)
		}
	}
	for key, k := range l.globals {
		if t.Keys[key] == Agent && t.Agent == "" {
			k.Report("agent", "this key asks for a person, but the menu has no 'agent: NODE'")
		}
		if l.confirms && (key == "1" || key == "2") {
			k.Report("reserved-key", "keys %s and %s confirm and decline an order; key %s cannot mean something else everywhere", "1", "2", key)
		}
	}
	for _, k := range l.then {
		if n := t.Nodes[k.name]; n != nil && n.Transfer == nil && n.Type != "" {
			k.where.Report("retries", "after the last attempt the caller goes to a transfer, or is told goodbye (leave 'then' out); %q is a %s", k.name, n.Type)
		}
	}
	if n := t.Nodes[t.Start]; n != nil && n.Menu == nil && n.Type != "" {
		l.problems = append(l.problems, source.Problem{Pos: n.Pos, Message: fmt.Sprintf("the first node %q must be a menu, it is a %s", t.Start, n.Type), Rule: "start"})
	}
	if n := t.Nodes[t.Agent]; n != nil && n.Transfer == nil && n.Type != "" {
		l.problems = append(l.problems, source.Problem{Pos: n.Pos, Message: fmt.Sprintf("'agent' leads to %q, which is a %s and not a transfer", t.Agent, n.Type), Rule: "agent"})
	}
	for _, n := range t.Nodes {
		switch {
		case n.Order != nil:
			n.Serves = &Function{Kind: orders.KindOrder, Service: n.Order.Service, Action: n.Order.Action}
		case n.Query != nil && n.Query.Service != "":
			n.Serves = &Function{Kind: orders.KindQuery, Service: n.Query.Service, Action: orders.Status}
		case n.Query != nil:
			n.Serves = &Function{Kind: orders.KindQuery, Service: n.Query.Name, Action: orders.Look}
		}
	}
	l.loops()
}

// manyProblems is how many of them are no slip of the pen any more: proposals for
// each would take longer than they help.
const manyProblems = 100

// like proposes the nearest known name.
func like(name string, nodes map[string]*Node) string {
	best, at := "", 3
	for id := range nodes {
		if d := len(name) - len(id); d > at || -d > at {
			continue // the distance is no less
		}
		if d := distance(name, id); d < at || d == at && best != "" && id < best {
			best, at = id, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diagonal, row[j] = row[j], min(row[j]+1, row[j-1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// loops finds circles of nodes that go on by themselves: a caller in one would
// hear it for ever without ever being asked anything.
func (l *loader) loops() {
	auto := func(n *Node) string {
		switch {
		case n == nil:
		case n.Say != nil:
			return n.Say.Then
		case n.Query != nil:
			return n.Query.Then
		case n.Order != nil && !n.Order.Confirm:
			return n.Order.Then
		case n.Transfer != nil:
			return n.Transfer.Else
		}
		return ""
	}
	reported := map[string]bool{}
	ids := make([]string, 0, len(l.tree.Nodes))
	for id := range l.tree.Nodes {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		var trail []string
		for at := id; at != "" && !reported[at]; at = auto(l.tree.Nodes[at]) {
			if i := slices.Index(trail, at); i >= 0 {
				circle := append(trail[i:], at)
				n := l.tree.Nodes[at]
				l.problems = append(l.problems, source.Problem{Pos: n.Pos, Message: "the menu goes round without asking the caller anything: " + strings.Join(circle, " → "), Rule: "loop"})
				for _, id := range circle {
					reported[id] = true
				}
				break
			}
			trail = append(trail, at)
		}
	}
}

// menuLine finds what only a menu has. One of them is enough, so that a menu whose
// name is misspelt is a problem, and not a hotline that silently does not exist.
var menuLine = regexp.MustCompile(`(?m)^\x{feff}?["']?(menu|nodes|dialled)["']?\s*:`)

// Files lists the menus at the top of a folder: the .yaml files with a key "menu",
// "nodes" or "dialled". The others are parts of them.
func Files(fsys fs.FS) ([]string, error) {
	names, err := fs.Glob(fsys, "*.yaml")
	if err != nil {
		return nil, err
	}
	var menus []string
	for _, name := range names {
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		if menuLine.Match(data) {
			menus = append(menus, name)
		}
	}
	return menus, nil
}
