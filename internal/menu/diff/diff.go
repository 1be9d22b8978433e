// Package diff says in words what changes for callers between two menus: functions
// that are gone or new, keys that moved, other texts, prices and errors, and the
// key presses and seconds to each function.
//
// What callers cannot notice is no change: a note, the place in a file, a prompt
// that has another name and says the same.
//
// It refuses to judge whether a change is good, and to print: Compare gives data.
package diff

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"hotline/internal/menu/graph"
	"hotline/internal/menu/tree"
	"hotline/internal/prompts"
)

// Side is one of the two menus that are compared.
type Side struct {
	Tree     *tree.Tree
	Texts    *prompts.Catalog
	Recorded prompts.Manifest // recordings that say these texts; what has none is estimated
}

// Group is what a change is about. The set is closed.
type Group string

// The groups, in the order in which they are told.
const (
	Functions Group = "functions" // what can be done
	Keys      Group = "keys"      // what is pressed for it
	Prices    Group = "prices"
	Prompts   Group = "prompts" // texts under the same id
	Spoken    Group = "spoken"  // other prompts than before
	Course    Group = "course"  // the way that a call takes
	Errors    Group = "errors"  // what happens when a caller errs or waits
)

// Groups lists them in that order.
func Groups() []Group { return []Group{Functions, Keys, Prices, Prompts, Spoken, Course, Errors} }

// Change is one difference, such as {Errors, "301 来电显示", "waits for the first
// key", "6s", "8s"}.
type Change struct {
	Group Group  `json:"group"`
	Where string `json:"where,omitempty"` // a node with its title, a prompt, a service; "" for the whole menu
	What  string `json:"what"`
	Old   string `json:"old,omitempty"` // "" for nothing
	New   string `json:"new,omitempty"`
}

// Report is everything that changes.
type Report struct {
	Menu     string    `json:"menu"`
	Versions [2]string `json:"versions"` // old, new
	Changes  []Change  `json:"changes"`  // by group, then place
	Ways     []Way     `json:"ways"`     // to every function that both have, in the order of the new menu
	Recorded int       `json:"recorded"` // percent of the ways' seconds that are real recordings; the rest is estimated from the texts
}

// Same tells whether callers notice nothing.
func (r *Report) Same() bool {
	return len(r.Changes) == 0 && !slices.ContainsFunc(r.Ways, Way.Changed)
}

// Compare tells what is different in the new menu.
func Compare(before, after Side) *Report {
	c := &comparison{old: newSide(before), new: newSide(after), moved: map[string]string{}, from: map[string]string{}}
	r := &Report{Menu: after.Tree.Name, Versions: [2]string{before.Tree.Version, after.Tree.Version}, Changes: []Change{}, Ways: []Way{}}
	c.report = r
	c.match()
	c.functions()
	c.whole()
	c.services()
	for _, id := range c.new.order {
		if was, there := c.from[id]; there {
			c.node(c.old.Tree.Nodes[was], c.new.Tree.Nodes[id])
		}
	}
	c.texts()
	slices.SortStableFunc(r.Changes, func(a, b Change) int {
		return cmp.Compare(slices.Index(Groups(), a.Group), slices.Index(Groups(), b.Group))
	})
	r.Recorded = share(c.old.clock, c.new.clock)
	return r
}

// comparison is a Report in the making.
type comparison struct {
	old, new *side
	moved    map[string]string // old node to new
	from     map[string]string // new node to old
	report   *Report
}

func (c *comparison) add(g Group, where, what, old, new string) {
	c.report.Changes = append(c.report.Changes, Change{g, where, what, old, new})
}

// side is a Side with what is asked of it again and again.
type side struct {
	Side
	order []string          // its nodes as a picture of the menu shows them
	title map[string]string // of nodes, as callers are told of them
	used  map[string]bool   // prompts that it can say
	clock *clock
}

func newSide(s Side) *side {
	d := &side{Side: s, title: map[string]string{}, used: map[string]bool{}, clock: &clock{recorded: s.Recorded, texts: s.Texts}}
	for _, n := range graph.New(s.Tree, d.words).Nodes {
		d.order = append(d.order, n.ID)
		if n.ID != s.Tree.Start { // whose title would be the greeting
			d.title[n.ID] = d.titled(s.Tree.Nodes[n.ID], n.Title)
		}
	}
	return d
}

// titled adds the service to a title that does not tell it ("开通" of what?), and
// what is done to it where the title is only the service.
func (s *side) titled(n *tree.Node, title string) string {
	id, action := "", ""
	switch {
	case n.Order != nil:
		id, action = n.Order.Service, string(n.Order.Action)
	case n.Query != nil:
		id, action = n.Query.Service, n.Query.Name
	}
	service := s.Tree.Services[id]
	if service == nil {
		return title
	}
	name := s.words([]prompts.Ref{service.Say})
	switch {
	case title == name:
		return action + " " + name
	case !strings.Contains(title, name):
		return title + " " + name
	}
	return title
}

// words is what callers hear, in the menu's first language.
func (s *side) words(refs []prompts.Ref) string { return s.in(s.Tree.Languages[0], refs) }

func (s *side) in(language string, refs []prompts.Ref) string {
	text := ""
	for _, r := range refs {
		t := s.Texts.Text(cmp.Or(r.In, language), r)
		if text != "" && cmp.Or(r.In, language) != "zh" {
			text += " "
		}
		text += cmp.Or(t, r.String())
	}
	return text
}

// name is a node as people look for it: its id, and what callers are told it is.
func (s *side) name(id string) string {
	if title := s.title[id]; title != "" {
		return id + " " + title
	}
	return id
}

// match finds the node that each node has become: the only one with the same
// purpose, whatever its id is now; else the one with the same id and type.
func (c *comparison) match() {
	olds, news := c.old.purposes(), c.new.purposes()
	pair := func(was, is string) { c.moved[was], c.from[is] = is, was }
	for purpose, was := range olds {
		if is := news[purpose]; len(was) == 1 && len(is) == 1 {
			pair(was[0], is[0])
		}
	}
	for _, id := range c.new.order {
		was, now := c.old.Tree.Nodes[id], c.new.Tree.Nodes[id]
		_, gone := c.moved[id]
		_, taken := c.from[id]
		if was != nil && was.Type == now.Type && !gone && !taken {
			pair(id, id)
		}
	}
}

// purposes lists the nodes by what they are there for: a function, or the menu of
// some title, the announcement of some text.
func (s *side) purposes() map[string][]string {
	all := map[string][]string{}
	for id, n := range s.Tree.Nodes {
		purpose := n.Type + " " + s.title[id]
		switch {
		case id == s.Tree.Start:
			purpose = "start"
		case id == s.Tree.Agent:
			purpose = "agent"
		case functionOf(n) != "":
			purpose = functionOf(n)
		case n.Say != nil:
			purpose = "say " + s.words(n.Say.Refs)
		}
		all[purpose] = append(all[purpose], id)
	}
	return all
}

// functionOf names what an order or a query is about; "" for other nodes.
func functionOf(n *tree.Node) string {
	switch {
	case n.Order != nil:
		return string(n.Order.Action) + " " + n.Order.Service
	case n.Query != nil && n.Query.Service != "":
		return n.Query.Name + " " + n.Query.Service
	case n.Query != nil:
		return "query " + n.Query.Name
	}
	return ""
}

// functions tells what is gone and new, and compares the ways to the rest.
func (c *comparison) functions() {
	olds, news := c.old.destinations(), c.new.destinations()
	for _, id := range c.old.order {
		way, there := olds[id]
		if _, still := news[c.moved[id]]; there && !still {
			c.add(Functions, c.old.name(id), "gone", way.Keys, "")
		}
	}
	for _, id := range c.new.order {
		way, there := news[id]
		if !there {
			continue
		}
		was, before := olds[c.from[id]]
		if !before {
			c.add(Functions, c.new.name(id), "new", "", way.Keys)
			continue
		}
		c.report.Ways = append(c.report.Ways, Way{Function: c.new.name(id), Old: was, New: way})
	}
	for _, id := range c.old.order {
		if _, still := c.moved[id]; !still && !has(olds, id) {
			c.add(Course, c.old.name(id), c.old.Tree.Nodes[id].Type+" is gone", id, "")
		}
	}
	for _, id := range c.new.order {
		if _, before := c.from[id]; !before && !has(news, id) {
			c.add(Course, c.new.name(id), c.new.Tree.Nodes[id].Type+" is new", "", id)
		}
	}
}

func has[V any](m map[string]V, key string) bool { _, there := m[key]; return there }

// whole compares what belongs to no node.
func (c *comparison) whole() {
	a, b := c.old.Tree, c.new.Tree
	set := func(g Group, where, what, old, new string) {
		if old != new {
			c.add(g, where, what, old, new)
		}
	}
	set(Course, "", "is dialled as", join(a.Dialled), join(b.Dialled))
	set(Course, "", "speaks", join(a.Languages), join(b.Languages))
	set(Keys, "", "key before and after a code", a.SpeedDial, b.SpeedDial)
	for _, key := range keysOf(a.Keys, b.Keys) {
		set(Keys, "", "key "+key+" everywhere means", string(a.Keys[key]), string(b.Keys[key]))
	}
	for _, code := range keysOf(a.Codes, b.Codes) {
		old, new := a.Codes[code], b.Codes[code]
		if c.now(old) != new {
			c.add(Keys, "", "code "+code+" leads to", c.old.maybe(old), c.new.maybe(new))
		}
	}
	c.facts(Errors, "phrases", c.old.flat("", a.Phrases), c.new.flat("", b.Phrases))
	for _, id := range keysOf(a.Calendars, b.Calendars) {
		c.facts(Course, "hours "+id, c.old.flat("", a.Calendars[id]), c.new.flat("", b.Calendars[id]))
	}
}

// now is what a node of the old menu is called in the new one.
func (c *comparison) now(old string) string { return cmp.Or(c.moved[old], old) }

func (s *side) maybe(id string) string {
	if id == "" {
		return ""
	}
	return s.name(id)
}

func (c *comparison) services() {
	a, b := c.old.Tree.Services, c.new.Tree.Services
	for _, id := range keysOf(a, b) {
		where := "service " + id
		switch {
		case a[id] == nil:
			continue // a new service is seen by its functions
		case b[id] == nil:
			continue
		case a[id].Price != b[id].Price:
			c.add(Prices, where+" "+c.new.words([]prompts.Ref{b[id].Say}), "yuan a month", a[id].Price.String(), b[id].Price.String())
		}
		c.facts(Course, where, c.old.flat("Service", a[id]), c.new.flat("Service", b[id]))
	}
}

// texts compares what the prompts say that both menus use.
func (c *comparison) texts() {
	for _, language := range c.new.Tree.Languages {
		if !slices.Contains(c.old.Tree.Languages, language) {
			continue
		}
		for _, id := range slices.Sorted(maps.Keys(c.new.used)) {
			ref := prompts.Prompt(id)
			old, new := c.old.Texts.Text(language, ref), c.new.Texts.Text(language, ref)
			if c.old.used[id] && old != new {
				c.add(Prompts, id, fmt.Sprintf("says in %s", language), old, new)
			}
		}
	}
}

// keysOf are the keys that any of two maps has, sorted.
func keysOf[V any](a, b map[string]V) []string {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]V{}
	}
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}
