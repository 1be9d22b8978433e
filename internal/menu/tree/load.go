package tree

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"hotline/internal/source"
)

// Load reads the menu in the file name of fsys, with the files it refers to. The
// error is source.Problems: everything that is wrong, with its place; there is no
// half-loaded Tree. What is not good but works is in Tree.Warnings, or among the
// problems. hasPrompt tells whether a prompt exists in every language.
func Load(fsys fs.FS, name string, hasPrompt func(id string) bool) (*Tree, error) {
	l := newLoader(fsys, hasPrompt)
	unread := func(rule, format string, args ...any) {
		l.report(source.Pos{File: name, Line: 1, Col: 1}, rule, format, args...)
	}
	if root, ok := l.file(name, unread); ok {
		l.all(root)
	}
	if err := l.problems.Err(); err != nil {
		return nil, err
	}
	l.problems.Sort()
	l.tree.Warnings = l.problems
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

	included map[string]source.Node // files by where they were asked for first
	parts    parts                  // read once the head of the file is known
	said     map[string]source.Pos  // phrases by where they stand
	links    []link                 // to nodes
	then     []link                 // of retries: only to transfers
	used     []use                  // of variables
	kept     map[string][]*Collect  // variables by what asks for them
	globals  map[string]source.Node // global keys
	speed    source.Node            // the key of speed dial
	spread   []*template            // nodes of type service, to be expanded
	unspoken map[string]bool        // services with a verb that is none
	after    []func(source.Node)    // what is checked once the node being read has been read
	torn     bool                   // something leads nowhere yet: what can be reached cannot be told
	lost     bool                   // a file of nodes and phrases cannot be read: what is missing cannot be told
	blind    bool                   // the catalogue or the calendars cannot be read: so too for what they name
}

// parts are what is read after the head of the menu's file, which says how: an option
// cannot be judged before the global keys are known, nor a prompt before the languages
// are, and people write the keys of a file in any order.
type parts struct {
	catalogue, calendars, phrases, nodes []source.Node
}

// link is a name that has to lead to something.
type link struct {
	name  string
	where source.Node
}

func newLoader(fsys fs.FS, hasPrompt func(id string) bool) *loader {
	l := &loader{fsys: fsys, hasPrompt: hasPrompt, bargeIn: true,
		included: map[string]source.Node{}, said: map[string]source.Pos{}, kept: map[string][]*Collect{}, globals: map[string]source.Node{}, unspoken: map[string]bool{},
		tree: &Tree{Keys: map[string]Meaning{}, Codes: map[string]string{}, Services: map[string]*Service{},
			Calendars: map[string]*Calendar{}, Nodes: map[string]*Node{}},
	}
	l.limits = Limits{FirstDigit: 6 * time.Second, InterDigit: 1500 * time.Millisecond, EntryDigit: 4 * time.Second, NoInput: 2, Invalid: 2, Total: 3}
	return l
}

func (l *loader) report(at source.Pos, rule, format string, args ...any) {
	l.problems = append(l.problems, source.Problem{Pos: at, Message: fmt.Sprintf(format, args...), Rule: rule})
}

// file reads one file of the tree; report names a problem where the file is asked for.
func (l *loader) file(name string, report func(rule, format string, args ...any)) (source.Node, bool) {
	if !fs.ValidPath(name) {
		report("file", "%s is outside the folder of the menus", name)
		return source.Node{}, false
	}
	if slices.Contains(l.tree.Files, name) { // everything in it would be wrong in another place
		report("file", "%s is another part of this menu already; name the file that belongs here", name)
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
	l.tree.Files = append(l.tree.Files, name)
	return source.Parse(name, data, &l.problems)
}

// beside is a file by its path from the one that names it. One from the root of the
// disk stays what it is, and is refused.
func beside(n source.Node, name string) string {
	if path.IsAbs(name) {
		return name
	}
	return path.Join(path.Dir(n.Pos().File), name)
}

// beside reads the file that a value names, beside the file that it stands in.
func (l *loader) beside(n source.Node) (source.Node, bool) {
	name := n.Text()
	if name == "" {
		l.blind = true
		return source.Node{}, false
	}
	root, ok := l.file(beside(n, name), n.Report)
	if !ok {
		l.blind = true
	}
	return root, ok
}

// all reads everything, the head of the file before what depends on it.
func (l *loader) all(root source.Node) {
	l.head().read(root)
	for _, n := range l.parts.calendars {
		n.Entries(l.calendar)
	}
	for _, n := range l.parts.catalogue {
		n.Entries(l.service)
	}
	for _, n := range l.parts.nodes {
		n.Entries(l.node)
	}
	l.expand()
	l.phrases(root)
	l.link()
}

// include reads a file of nodes and phrases, and those that it includes; trail is
// the files from the menu's own to the one that asks.
func (l *loader) include(trail []string) value {
	files := list(named("file", func(n source.Node) {
		name := n.Text()
		if name == "" {
			l.lost = true
			return
		}
		name = beside(n, name)
		trail := append(slices.Clip(trail), n.Pos().File)
		if i := slices.Index(trail, name); i >= 0 {
			n.Report("include", "files include each other in a circle: %s", strings.Join(append(trail[i:], name), " → "))
			return
		}
		if first, again := l.included[name]; again { // every node in it would be said to stand twice
			n.Report("include", "%s is included already, by %s", name, first.Pos())
			return
		}
		l.included[name] = n
		part, ok := l.file(name, n.Report)
		if !ok {
			l.lost = true
			return
		}
		l.part(trail).read(part)
	}), "a file beside this one, e.g. include: [10086/1.yaml]")
	return files.also(func(n source.Node) { l.lost = l.lost || !n.IsList() })
}

// part is the keys of an included file.
func (l *loader) part(trail []string) table {
	return table{
		"phrases": {doc: "what the engine itself says; they may be split over the files",
			value: named("phrases", func(n source.Node) { l.parts.phrases = append(l.parts.phrases, n) })},
		"nodes": {doc: "the places of the menu by name",
			value: named("nodes", func(n source.Node) {
				l.parts.nodes = append(l.parts.nodes, n)
				l.lost = l.lost || !n.IsObject()
			})},
		"include": {doc: "files beside this one with more nodes and phrases", value: l.include(trail)},
	}
}

// menuLine finds what only a menu has. One of them is enough, so that a menu whose
// name is misspelt is a problem, and not a hotline that silently does not exist.
var menuLine = regexp.MustCompile(`(?m)^\x{feff}?(["']?|\{?\s*["'])(menu|dialled|start)["']?\s*[:：]`)

// spoilt tells whether a file has become one of which nothing can be told: emptied, or
// saved as something else than text. It might have been a menu.
func spoilt(data []byte) bool {
	return !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0 || len(bytes.TrimSpace(data)) == 0
}

// Files lists the menus at the top of a folder: the .yaml files with a key "menu",
// "dialled" or "start", and those of which it cannot be told. The others are parts of them.
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
		// A carriage return alone ends a line too.
		if menuLine.Match(bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))) || spoilt(data) {
			menus = append(menus, name)
		}
	}
	return menus, nil
}
