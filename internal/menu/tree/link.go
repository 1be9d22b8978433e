package tree

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"hotline/internal/orders"
	"hotline/internal/orders/entry"
	"hotline/internal/source"
)

// link looks up the names, now that every node is known, and what only shows in the whole.
func (l *loader) link() {
	t := l.tree
	whole := t.Nodes[t.Start] != nil
	for _, k := range l.links {
		if _, there := t.Nodes[k.name]; !there {
			whole = false
			if !l.lost {
				l.dangling(k)
			}
		}
	}
	for id, n := range t.Nodes {
		if isCode.MatchString(id) {
			t.Codes[id] = id
		}
		n.Serves, n.Anyone = t.serves(n)
		whole = whole && n.Type != ""
	}
	l.linkGlobals()
	l.linkSpecial()
	l.linkVariables()
	t.inherit()
	l.loops()
	if whole && !l.torn { // otherwise a slip of the pen would be told once more for every node behind it
		l.reach()
		l.unset()
	}
	l.guide()
}

// manyProblems is how many of them are no slip of the pen any more: proposals for
// each would take longer than they help.
const manyProblems = 100

func (l *loader) dangling(k link) {
	nearest := ""
	if len(l.problems) < manyProblems {
		nearest = didYouMean(k.name, l.tree.Nodes, "")
	}
	k.where.Report("dangling", "no node %q%s", k.name, nearest)
}

// didYouMean asks about the nearest known name, or says otherwise where there is none.
func didYouMean[V any](name string, known map[string]V, otherwise string) string {
	if best := source.Nearest(name, maps.Keys(known)); best != "" {
		return fmt.Sprintf(" (did you mean %q?)", best)
	}
	return otherwise
}

// linkSpecial checks the nodes that have to be of a type: an application is closed as
// escalated where a person takes over, so the way to one may ask nothing on the way.
func (l *loader) linkSpecial() {
	t := l.tree
	for _, k := range l.then {
		if n := t.Nodes[k.name]; n != nil && !t.toPerson(n, map[*Node]bool{}) {
			k.where.Report("retries", "after the last attempt the caller goes to a transfer, or is told goodbye (leave 'then' out); %q is a %s that does not always lead to one", k.name, n.Type)
		}
	}
	if n := t.Nodes[t.Start]; n != nil && n.Menu == nil && n.Type != "" {
		l.report(n.Pos, "start", "the first node %q must be a menu, it is a %s", t.Start, n.Type)
	}
	if n := t.Nodes[t.Agent]; n != nil && !t.toPerson(n, map[*Node]bool{}) {
		l.report(n.Pos, "agent", "'agent' leads to %q, which is a %s; it has to be a transfer, or a switch to nothing but transfers", t.Agent, n.Type)
		l.torn = true
	}
}

// toPerson tells whether a node is a transfer, or leads to nothing but transfers
// without asking anything: a switch between queues.
func (t *Tree) toPerson(n *Node, seen map[*Node]bool) bool {
	switch {
	case n.Transfer != nil || n.Type == "" || seen[n]:
		return true // what has no type, and what goes round, is said elsewhere
	case n.Say == nil && n.Switch == nil && (n.Language == nil || n.Language.Set == ""):
		return false
	}
	seen[n] = true
	for _, id := range n.onward() {
		if id == "" && n.Switch != nil {
			continue // every value has its case
		}
		if next := t.Nodes[id]; id == "" || next != nil && !t.toPerson(next, seen) {
			return false
		}
	}
	return true
}

// serves is what an application that comes to a node is about, and whether anyone may
// have that, with a number or without.
func (t *Tree) serves(n *Node) (f *Function, anyone bool) {
	seen := map[*Node]bool{}
	asked := n.Collect != nil || n.Auth != nil
	for n != nil && !seen[n] {
		seen[n] = true
		switch {
		case n.Order != nil && n.Order.aboutPassword():
			return &Function{orders.KindPassword, n.Order.Service, n.Order.Action}, false
		case n.Order != nil:
			return &Function{orders.KindOrder, n.Order.Service, n.Order.Action}, false
		case n.Query != nil && n.Query.Service != "":
			return &Function{orders.KindQuery, n.Query.Service, orders.Status}, n.Query.Anyone
		case n.Query != nil:
			return &Function{orders.KindQuery, n.Query.Name, orders.Look}, n.Query.Anyone
		case !asked:
			return nil, false
		case n.Collect != nil:
			n = t.Nodes[n.Collect.Then]
		case n.Auth != nil:
			n = t.Nodes[n.Auth.Then]
		case n.Say != nil:
			n = t.Nodes[n.Say.Then]
		default:
			return nil, false
		}
	}
	return nil, false
}

// inherit marks the menus that can only be come to through one of business handling:
// whoever dials their code, or is sent there by a person, is inside as well. One that
// also has a way in from elsewhere is inside for those who came through the branch.
func (t *Tree) inherit() {
	outside, inside := map[string]bool{}, map[string]bool{}
	var walk func(id string)
	walk = func(id string) {
		n := t.Nodes[id]
		if n == nil || outside[id] || n.Menu != nil && n.Menu.Handling {
			return
		}
		outside[id] = true
		for _, next := range n.Leads() {
			walk(next)
		}
	}
	walk(t.Start)
	var mark func(n *Node)
	mark = func(n *Node) {
		for _, o := range n.Menu.Options {
			if sub := t.Nodes[o.To]; sub != nil && sub.Menu != nil && !outside[o.To] && !inside[o.To] {
				inside[o.To], sub.Menu.Handling = true, true
				mark(sub)
			}
		}
	}
	for _, id := range sorted(t.Nodes) {
		if n := t.Nodes[id]; n.Menu != nil && n.Menu.Handling {
			mark(n)
		}
	}
}

// linkVariables holds what uses a variable to what asks for it.
func (l *loader) linkVariables() {
	for _, u := range l.used {
		keepers := l.kept[u.name]
		if len(keepers) == 0 && l.lost {
			continue
		}
		if len(keepers) == 0 {
			u.where.Report("dangling", "no collect node asks for %q (see 'into')%s", u.name, didYouMean(u.name, l.kept, ""))
			continue
		}
		typed := func(c *Collect) bool { return c.Entry == entry.Phone }
		if u.node.Order != nil && slices.ContainsFunc(keepers, typed) && !l.proved(u.node.Order) {
			u.where.Report("other-number", "%q is a number that somebody types: an order for it needs the service password of its owner, for the BOSS to verify; add a variable of entry: password to 'with'", u.name)
		}
		for _, c := range keepers {
			switch {
			case u.node.Switch != nil && c.Entry.Private():
				u.where.Report("secret", "%q is private: a switch would write it into the menu and the journal", u.name)
			case u.node.Collect != nil && c.Entry != u.node.Collect.Entry:
				u.where.Report("same-as", "%q is an entry of kind %s; it can never be the same as one of kind %s", u.name, c.Entry, u.node.Collect.Entry)
			}
		}
	}
}

// proved tells whether a password goes with an order. One that a caller has typed before, at an
// auth, is that of the number that he calls from: it proves nothing about another.
func (l *loader) proved(o *Order) bool {
	for _, from := range o.With {
		keepers := l.kept[from]
		if len(keepers) > 0 && !slices.ContainsFunc(keepers, func(c *Collect) bool { return c.Entry != entry.Password }) {
			return true
		}
	}
	return false
}

// onward is where a node goes by itself, without a word of the caller: at once, or
// because the caller goes on saying nothing.
func (n *Node) onward() []string {
	switch {
	case n.Say != nil:
		return []string{n.Say.Then}
	case n.Query != nil:
		return []string{n.Query.Then}
	case n.Order != nil && !n.Order.Confirm:
		return []string{n.Order.Then}
	case n.Auth != nil: // once a call
		return []string{n.Auth.Then}
	case n.Transfer != nil:
		return []string{n.Transfer.Else}
	case n.Survey != nil:
		return []string{n.Survey.Then}
	case n.Language != nil && n.Language.Set != "":
		return []string{n.Language.Then}
	case n.Switch != nil:
		return append(values(n.Switch.Cases), n.Switch.Else)
	}
	return nil
}

// Leads lists every node that a node may lead to, by keys too; "" is the menu that the
// caller came from. What it leads to by itself comes first.
func (n *Node) Leads() []string {
	to := n.onward()
	switch {
	case n.Menu != nil:
		for _, o := range n.Menu.Options {
			to = append(to, o.To)
		}
	case n.Collect != nil:
		to = append(to, n.Collect.Then)
	case n.Order != nil:
		to = append(to, n.Order.Then)
	case n.Transfer != nil:
		to = append(to, n.Transfer.Then)
	case n.Language != nil:
		to = append(to, n.Language.Then)
	}
	if n.asks() {
		to = append(to, n.Limits.Then)
	}
	return to
}

// values are a mapping's values in the order of its keys.
func values(m map[string]string) []string {
	all := make([]string, 0, len(m)+1)
	for _, k := range sorted(m) {
		all = append(all, m[k])
	}
	return all
}

// loops finds circles of nodes that go on by themselves: a caller in one would
// hear it for ever without ever being asked anything.
func (l *loader) loops() {
	done := map[string]bool{}
	var trail []string
	var visit func(id string)
	visit = func(id string) {
		if i := slices.Index(trail, id); i >= 0 {
			circle := append(slices.Clone(trail[i:]), id)
			l.report(l.tree.Nodes[id].Pos, "loop", "the menu goes round, and a caller who says nothing never gets out of it: %s", strings.Join(circle, " → "))
			return
		}
		n := l.tree.Nodes[id]
		if n == nil || done[id] {
			return
		}
		trail = append(trail, id)
		for _, next := range n.onward() {
			visit(next)
		}
		trail = trail[:len(trail)-1]
		done[id] = true
	}
	for _, id := range sorted(l.tree.Nodes) {
		visit(id)
	}
}

// roots are the nodes that callers come to other than through a node: the first,
// those that can be dialled, a person's, and those that only a person sends callers
// to, which say so with a waiver.
func (t *Tree) roots() []string {
	roots := []string{t.Start}
	if slices.Contains(slices.Collect(maps.Values(t.Keys)), Agent) {
		roots = append(roots, t.Agent)
	}
	if t.SpeedDial != "" {
		roots = append(roots, values(t.Codes)...)
	}
	for _, id := range sorted(t.Nodes) {
		if t.Nodes[id].Waive["unreachable"] != "" {
			roots = append(roots, id)
		}
	}
	return roots
}

// ways are the nodes that can be come to from the roots, each with the one before it
// ("" for a root) on a shortest way, as it is shown to people. leads says where a node
// leads.
func (t *Tree) ways(leads func(*Node) []string) map[string]string {
	from := map[string]string{}
	next := []string{}
	come := func(id, before string) {
		if _, been := from[id]; !been && t.Nodes[id] != nil {
			from[id] = before
			next = append(next, id)
		}
	}
	for _, id := range t.roots() {
		come(id, "")
	}
	for i := 0; i < len(next); i++ {
		for _, id := range leads(t.Nodes[next[i]]) {
			come(id, next[i])
		}
	}
	return from
}

// reach finds nodes that no caller can come to: by keys, by code, or by what the menu does.
func (l *loader) reach() {
	from := l.tree.ways((*Node).Leads)
	for _, id := range sorted(l.tree.Nodes) {
		if _, reached := from[id]; !reached {
			l.report(l.tree.Nodes[id].Pos, "unreachable", "no caller can come to node %q: nothing leads here", id)
		}
	}
}

// unset finds uses of a variable on a way where nobody has been asked for it, such as
// a code that leads behind the question.
func (l *loader) unset() {
	for _, u := range l.used {
		if u.unset || len(l.kept[u.name]) == 0 {
			continue
		}
		from := l.tree.ways(func(n *Node) []string {
			if n.Collect != nil && n.Collect.Into == u.name {
				return []string{n.Limits.Then} // left without an entry
			}
			return n.Leads()
		})
		if _, reached := from[u.node.ID]; !reached {
			continue
		}
		var way []string
		for id := u.node.ID; id != ""; id = from[id] {
			way = append(way, id)
		}
		slices.Reverse(way)
		u.where.Report("unset", "a caller may come here without having been asked for %q: %s", u.name, strings.Join(way, " → "))
	}
}

// guide warns of menus whose keys do not ascend from 1 without gaps, as operators'
// standards for what callers hear want it, and of two keys for the same.
func (l *loader) guide() {
	for _, id := range sorted(l.tree.Nodes) {
		n := l.tree.Nodes[id]
		unread := func(o Option) bool { return o.Key == "" || o.To == "" }
		if n.Menu == nil || slices.ContainsFunc(n.Menu.Options, unread) {
			continue
		}
		var digits []Option
		keys := map[string]string{}
		for _, o := range n.Menu.Options {
			if o.Quiet {
				continue // for those who know it: not in the order that is heard
			}
			if other, taken := keys[o.To]; taken {
				l.warn(n, o.Pos, "duplicate-target", "key %s leads to %q, as key %s does; one of them is quiet, or wrong", o.Key, o.To, other)
			}
			keys[o.To] = o.Key
			if strings.Contains("123456789", o.Key) {
				digits = append(digits, o)
			}
		}
		for i, o := range digits {
			if want := strconv.Itoa(i + 1); o.Key != want {
				l.warn(n, o.Pos, "key-gap", "the keys of a menu ascend from 1 without gaps; this should be %s, it is %s", want, o.Key)
				break
			}
		}
	}
}

// warn reports what is not good and works all the same, unless the node waives it.
func (l *loader) warn(n *Node, at source.Pos, rule, format string, args ...any) {
	if n.Waive[rule] == "" {
		l.problems = append(l.problems, source.Problem{Pos: at, Message: fmt.Sprintf(format, args...), Rule: rule, Warning: true})
	}
}
