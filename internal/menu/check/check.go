// Package check says what is wrong with a menu before a caller hears it: guidance
// that callers do not follow, causes of error that sound the same, and, by playing
// every call that can happen, calls that fall silent, never end or leak a secret.
//
// The calls are played on the real menu.Machine, so that what is checked is what
// callers get. It refuses to read YAML (menu/tree does, and names what is wrong with
// it), to change anything, and to judge texts by themselves (prompts does).
package check

import (
	"slices"
	"time"

	"hotline/internal/menu/tree"
	"hotline/internal/prompts"
	"hotline/internal/source"
)

// Finding is a problem, with the call that shows it where there is one: the caller's
// and the hotline's side in the notation of menu/transcript, for "ivr sim
// --transcript" and for dial tests.
type Finding struct {
	source.Problem
	Transcript string `json:"transcript,omitempty"`
}

// Report is what has been found out about one tree.
type Report struct {
	// Findings in the order of their places; those about texts have places relative to
	// the prompts' folder (see Texts), all others to the menus' folder.
	Findings []Finding
	Texts    []Finding

	States, Steps  int           // explored: states of a call, events tried in them
	Silent, Erring time.Duration // until a call is over at the latest, from anywhere, without a key or without a right one; 0: it has no end
	Functions      []Reach       // the shortest ways, by listening and by code
	Estimated      bool          // there is no audio of some texts: lengths are by the number of characters
}

// Worst is the function that takes a listening caller longest to reach.
func (r *Report) Worst() Reach {
	if len(r.Functions) == 0 {
		return Reach{}
	}
	return slices.MaxFunc(r.Functions, func(a, b Reach) int {
		switch {
		case a.Listens < b.Listens:
			return -1
		case a.Listens > b.Listens:
			return 1
		}
		return 0
	})
}

// Options are how Check looks.
type Options struct {
	Language string           // of the Report's seconds; "" for the tree's first
	Quick    bool             // plays the calls of one caller only: a fifth of the time, for every save
	Progress func(states int) // is told now and then how many states have been found; nil for none
}

// Check looks at a tree in every way. The catalogue should know its audio
// (prompts.Catalog.WithAudio), lengths are estimated otherwise.
func Check(t *tree.Tree, c *prompts.Catalog, o Options) *Report {
	return run(t, c, o, func() Call { return begin(t) })
}

func run(t *tree.Tree, c *prompts.Catalog, o Options, start func() Call) *Report {
	r := &Report{}
	r.guide(t, c)
	l := newLengths(t, c)
	x := newExplorer(t, l, start, o)
	x.run()
	x.judge()
	for _, v := range x.found {
		r.Findings = append(r.Findings, x.finding(v))
	}
	if len(x.found) == 0 && !o.Quick {
		r.unreached(x)
	}
	n := max(0, slices.Index(t.Languages, o.Language))
	r.Silent, _ = x.goodbye(n, edge.silent)
	r.Erring, _ = x.goodbye(n, edge.unwanted)
	r.Functions = x.listen(n)
	r.States, r.Steps, r.Estimated = len(x.vertices), x.steps, l.estimated
	for _, list := range [][]Finding{r.Findings, r.Texts} {
		slices.SortStableFunc(list, func(a, b Finding) int { return before(a.Pos, b.Pos) })
	}
	return r
}

// guide judges the guidance, by rules and by what the nodes waive of them.
func (r *Report) guide(t *tree.Tree, c *prompts.Catalog) {
	ps := slices.Clone(t.Warnings)
	for _, name := range sortedKeys(guidance) {
		ps = append(ps, guidance[name](t, c)...)
	}
	texts := map[source.Pos]bool{}
	for _, lang := range t.Languages {
		for _, e := range c.Entries(lang) {
			texts[e.Pos] = true
		}
	}
	for _, p := range waive(t, ps) {
		if texts[p.Pos] {
			r.Texts = append(r.Texts, Finding{Problem: p})
		} else {
			r.Findings = append(r.Findings, Finding{Problem: p})
		}
	}
}

// unreached names the nodes that no call comes to, though something leads there. Where
// only a person sends callers (a waiver says so), none is played.
func (r *Report) unreached(x *explorer) {
	sent := map[string]bool{}
	var send func(id string)
	send = func(id string) {
		if n := x.tree.Nodes[id]; n != nil && !sent[id] {
			sent[id] = true
			for _, next := range n.Leads() {
				send(next)
			}
		}
	}
	for _, n := range ordered(x.tree) {
		if n.Waive["unreachable"] != "" {
			send(n.ID)
		}
	}
	for _, n := range ordered(x.tree) {
		if !x.entered[n.ID] && !sent[n.ID] {
			r.Findings = append(r.Findings, Finding{Problem: warn(n.Pos, "never-reached", "no call comes to node %q", n.ID)})
		}
	}
}
