package diff

import (
	"cmp"
	"slices"
	"strings"

	"hotline/internal/menu/graph"
	"hotline/internal/menu/tree"
	"hotline/internal/orders"
	"hotline/internal/prompts"
)

// Way compares how callers come to one function.
type Way struct {
	Function string `json:"function"` // its node and title
	Old      Path   `json:"old"`
	New      Path   `json:"new"`
}

// noticeable is how many milliseconds more or less are a change.
const noticeable = 100

// Changed tells whether a caller has to press or to wait for something else.
func (w Way) Changed() bool { return w.Old.Keys != w.New.Keys || abs(w.Gained()) >= noticeable }

// Gained are the milliseconds that the new way takes more; less than 0 are saved.
func (w Way) Gained() int { return w.New.MS - w.Old.MS }

func abs(n int) int { return max(n, -n) }

// Path is the way with the fewest keys, and among those the one with the least to
// hear, for a caller who listens to each menu until he has heard his key, and
// confirms what has to be confirmed.
type Path struct {
	Keys    string `json:"keys"` // "3 1 1", an entry as "<month>"
	Presses int    `json:"presses"`
	MS      int    `json:"ms"` // until the last key has been pressed, in the menu's first language
}

// perPress is how many milliseconds a caller takes to find and press a key, as in
// "ivr check --listen": whoever compares the two finds one figure for one way.
const perPress = 500

func (p Path) less(q Path) bool {
	return cmp.Or(cmp.Compare(p.Presses, q.Presses), cmp.Compare(p.MS, q.MS), cmp.Compare(p.Keys, q.Keys)) < 0
}

func (p Path) then(step Path) Path {
	return Path{strings.TrimSpace(p.Keys + " " + step.Keys), p.Presses + step.Presses, p.MS + step.MS}
}

// destinations are the nodes that callers want to come to, with the way: orders,
// queries, persons, and the announcements that can be chosen.
func (s *side) destinations() map[string]Path {
	all := map[string]Path{}
	for id, p := range s.paths() {
		n := s.Tree.Nodes[id]
		switch {
		case n.Order != nil:
			if n.Order.Confirm {
				p = p.then(Path{"1", 1, s.ms(s.confirmation(n.Order))})
			}
		case n.Query != nil, n.Transfer != nil, n.Say != nil && s.chosen(id):
		default:
			continue
		}
		p.MS += p.Presses * perPress
		all[id] = p
	}
	return all
}

// chosen tells whether an option leads to the node.
func (s *side) chosen(id string) bool {
	for _, n := range s.Tree.Nodes {
		if n.Menu != nil && slices.ContainsFunc(n.Menu.Options, func(o tree.Option) bool { return o.To == id }) {
			return true
		}
	}
	return false
}

// paths are the best ways from the first menu to every node that keys lead to
// (Dijkstra's; a hotline has a few hundred nodes, which needs no heap).
func (s *side) paths() map[string]Path {
	best := map[string]Path{s.Tree.Start: {}}
	done := map[string]bool{}
	for {
		at, found := "", false
		for id, p := range best {
			if !done[id] && (!found || p.less(best[at]) || p == best[at] && id < at) {
				at, found = id, true
			}
		}
		if !found {
			return best
		}
		done[at] = true
		for to, step := range s.steps(s.Tree.Nodes[at]) {
			p := best[at].then(step)
			if old, known := best[to]; !known || p.less(old) {
				best[to] = p
			}
		}
	}
}

// steps are the best ways from a node to the next ones.
func (s *side) steps(n *tree.Node) map[string]Path {
	steps := map[string]Path{}
	add := func(to string, p Path) {
		if old, known := steps[to]; s.Tree.Nodes[to] != nil && (!known || p.less(old)) {
			steps[to] = p
		}
	}
	if n.ID == s.Tree.Start {
		for key, meaning := range s.Tree.Keys {
			if meaning == tree.Agent {
				add(s.Tree.Agent, Path{key, len(key), s.ms(s.announcement(n.Menu, ""))})
			}
		}
	}
	for _, e := range graph.Exits(n) {
		switch {
		case e.When == graph.GaveUp || e.When == graph.Nobody || n.Transfer != nil:
		case n.Menu != nil:
			add(e.To, Path{e.Key, 1, s.ms(s.announcement(n.Menu, e.Key))})
		case n.Language != nil && e.Key != "":
			add(e.To, Path{e.Key, 1, s.ms(s.choices(n.Language, e.Key))})
		default:
			add(e.To, s.through(n))
		}
	}
	return steps
}

// through is what a caller presses and hears in a node that is no choice.
func (s *side) through(n *tree.Node) Path {
	p := s.Tree.Phrases
	switch {
	case n.Say != nil:
		return Path{MS: s.ms(n.Say.Refs)}
	case n.Collect != nil:
		path := Path{"<" + n.Collect.Into + ">", n.Collect.Fewest, s.ms(n.Collect.Say)}
		if n.Collect.ReadBack {
			path = path.then(Path{"1", 1, s.ms([]prompts.Ref{p.EntryIs, p.Right, p.Press, tree.KeyRef("1")})})
		}
		return path
	case n.Auth != nil:
		ask := n.Auth.Say
		if len(ask) == 0 {
			ask = []prompts.Ref{p.EnterPassword}
		}
		return Path{"<password>", 6, s.ms(ask)}
	case n.Order != nil && n.Order.Confirm:
		return Path{"1", 1, s.ms(s.confirmation(n.Order)) + s.ms([]prompts.Ref{p.Done[n.Order.Action]})}
	case n.Order != nil:
		return Path{MS: s.ms([]prompts.Ref{p.Done[n.Order.Action]})}
	case n.Survey != nil:
		return Path{"<rating>", 1, s.ms(n.Survey.Say)}
	case n.Language != nil:
		return Path{MS: s.ms([]prompts.Ref{p.LanguageSet})}
	}
	return Path{}
}

// announcement is what a menu says until it has named a key ("" is all of it). Who
// wants what is not announced has to hear all.
func (s *side) announcement(m *tree.Menu, key string) []prompts.Ref {
	said := slices.Concat(m.Greeting, m.Intro)
	for _, o := range m.Options {
		if o.Quiet {
			continue
		}
		said = append(said, o.Label...)
		said = append(said, s.Tree.Phrases.Press, tree.KeyRef(o.Key))
		if o.Key == key {
			return said
		}
	}
	return append(said, m.Hint...)
}

func (s *side) choices(l *tree.Language, key string) []prompts.Ref {
	var said []prompts.Ref
	for _, c := range l.Choices {
		for _, r := range append(slices.Clone(c.Say), s.Tree.Phrases.Press, tree.KeyRef(c.Key)) {
			r.In = c.Language
			said = append(said, r)
		}
		if c.Key == key {
			break
		}
	}
	return said
}

// confirmation is what an order says until it has named the key that confirms.
func (s *side) confirmation(o *tree.Order) []prompts.Ref {
	p := s.Tree.Phrases
	will := p.WillOpen
	if o.Action == orders.Close {
		will = p.WillClose
	}
	service := s.Tree.Services[o.Service]
	if service == nil {
		return nil
	}
	said := []prompts.Ref{will, service.Say}
	if o.Action == orders.Open && service.Price > 0 { // closing costs nothing
		said = append(said, p.Price, prompts.Ref{Read: prompts.Money, N: int64(service.Price)})
	}
	return append(said, p.Confirm, p.Press, tree.KeyRef("1"))
}

func (s *side) ms(refs []prompts.Ref) int { return s.clock.ms(s.Tree.Languages[0], refs) }

// clock tells how long something is said, and how much of that it knows from recordings.
type clock struct {
	texts           *prompts.Catalog
	recorded        prompts.Manifest
	real, estimated int // milliseconds
}

func (c *clock) ms(language string, refs []prompts.Ref) int {
	total := 0
	for _, r := range refs {
		in := cmp.Or(r.In, language)
		said, err := c.texts.Fragments(in, []prompts.Ref{r})
		if err != nil {
			continue // a phrase that this menu does not have
		}
		for _, f := range said {
			if a, there := c.recorded[in][f.ID]; there {
				total += a.MS
				c.real += a.MS
				continue
			}
			ms := prompts.EstimateMS(f.Text)
			total += ms
			c.estimated += ms
		}
	}
	return total
}

// share is the percentage that is real.
func share(clocks ...*clock) int {
	real, all := 0, 0
	for _, c := range clocks {
		real += c.real
		all += c.real + c.estimated
	}
	if all == 0 {
		return 0
	}
	return real * 100 / all
}
