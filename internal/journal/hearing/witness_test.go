package hearing_test

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"hotline/internal/journal"
	"hotline/internal/journal/hearing"
	"hotline/internal/menu"
	"hotline/internal/orders"
	"hotline/internal/prompts"
)

// witness sees calls and works the figures out by hand: one call after the other, one
// announcement after the other, with nothing of the journal.
type witness struct {
	endings []string
	length  func(lang string, at time.Time, r prompts.Ref) int
	calls   []witnessed
}

// witnessed is one call.
type witnessed struct {
	who  string
	at   time.Time
	said []saying
	left bool
}

// saying is an announcement with what came of it before the next.
type saying struct {
	menu.Play
	lang                   string
	again, afterError      bool
	known, whole           bool // how far it was heard; to its end
	ref, ms                int
	miss                   menu.Miss
	pressed, replayed, cut bool
	gaveUp, failed         bool
}

func (w *witness) begin(h journal.Head) {
	who := h.ID.String()
	if !h.Caller.IsZero() {
		who = h.Caller.Reveal()
	}
	w.calls = append(w.calls, witnessed{who: who, at: h.At})
}

// now is the announcement that was begun last; nil before the first.
func (w *witness) now() *saying {
	c := &w.calls[len(w.calls)-1]
	if len(c.said) == 0 {
		return nil
	}
	return &c.said[len(c.said)-1]
}

func (w *witness) event(e menu.Event) {
	s := w.now()
	if s == nil {
		return
	}
	hear := func(h menu.Heard) {
		if h.Play == s.ID {
			s.known, s.ref, s.ms = true, h.Ref, h.MS
		}
	}
	switch e := e.(type) {
	case menu.Pressed:
		s.pressed = true
		hear(e.Heard)
	case menu.Played:
		s.whole = s.whole || e.ID == s.ID && !e.Failed
		s.failed = s.failed || e.ID == s.ID && e.Failed
		hear(e.Heard)
	case menu.Closing:
		s.cut = true
		hear(e.Heard)
	case menu.Left:
		w.calls[len(w.calls)-1].left = e.Why == menu.ByCaller
		hear(e.Heard)
	}
}

func (w *witness) effect(lang string, f menu.Effect) {
	c, s := &w.calls[len(w.calls)-1], w.now()
	switch f := f.(type) {
	case menu.Play:
		next := saying{Play: f, lang: lang}
		next.Refs = slices.Clone(f.Refs)
		if s != nil {
			next.again, next.afterError = s.replayed || s.failed && s.again, s.miss != "" || s.failed && s.afterError
		}
		c.said = append(c.said, next)
	case menu.Missed:
		if s != nil && s.miss == "" {
			s.miss = f.Why
		}
	case menu.Replayed:
		if s != nil {
			s.replayed = true
		}
	case menu.AppClosed:
		if s != nil && c.left && f.Result.Outcome == orders.Abandoned {
			s.gaveUp = true
		}
	}
}

// prompt is what is collected of one.
type prompt struct {
	hearing.Prompt
	callers  map[string]bool
	listened []int
	gaveUp   []int
	nodes    map[string]*hearing.Node
}

// name is a prompt in the language that it is said in.
type name struct{ lang, id string }

func (s *saying) name(i int) name {
	r := s.Refs[i]
	return name{cmp.Or(r.In, s.lang), r.ID}
}

// piece is one prompt of an announcement that was begun, and how long it was listened to.
type piece struct {
	name
	ms    int
	known bool
}

// pieces are the prompts of an announcement that were begun.
func (w *witness) pieces(s *saying, at time.Time, longest map[name]int) (all []piece) {
	for i, r := range s.Refs {
		if r.Read != prompts.Say || !s.whole && i > s.ref {
			continue
		}
		p := piece{name: s.name(i)}
		if s.whole || i < s.ref {
			p.ms, p.known = w.full(p.name, at, longest)
		} else {
			p.ms, p.known = s.ms, s.known
		}
		all = append(all, p)
	}
	return all
}

// full is how long a prompt is.
func (w *witness) full(n name, at time.Time, longest map[name]int) (ms int, known bool) {
	if ms = w.length(n.lang, at, prompts.Prompt(n.id)); ms == 0 {
		return longest[n], longest[n] > 0
	}
	return ms, true
}

// longest is the most that was heard of each prompt where the voice was in it.
func (w *witness) longest() map[name]int {
	all := map[name]int{}
	for _, c := range w.calls {
		for _, s := range c.said {
			if s.known && s.ref < len(s.Refs) && s.Refs[s.ref].Read == prompts.Say {
				n := s.name(s.ref)
				all[n] = max(all[n], s.ms)
			}
		}
	}
	return all
}

// answered is what was answered to an announcement: one of its figures is 1, or none.
func (s *saying) answered(last bool) (a hearing.Answers) {
	switch {
	case s.cut, s.failed:
	case s.gaveUp:
		a.HungUp = 1
	case !s.Asks:
	case s.miss == menu.NoInput:
		a.NoInput = 1
	case s.miss == menu.NoMatch:
		a.NoMatch = 1
	case s.pressed && !last:
		a.Valid = 1
	}
	return a
}

func add(to *hearing.Answers, a hearing.Answers) {
	to.Valid, to.NoInput, to.NoMatch, to.HungUp = to.Valid+a.Valid, to.NoInput+a.NoInput, to.NoMatch+a.NoMatch, to.HungUp+a.HungUp
}

// count works it all out.
func (w *witness) count() map[name]*prompt {
	all, longest := map[name]*prompt{}, w.longest()
	for _, c := range w.calls {
		tried := map[name]bool{}
		for i := range c.said {
			s := &c.said[i]
			answer := s.answered(i == len(c.said)-1)
			failed := answer.All() > answer.Valid
			fault := -1 // the piece that a failed answer is put down to
			pieces := w.pieces(s, c.at, longest)
			for n, p := range pieces {
				if failed && !slices.Contains(w.endings, p.id) {
					fault = n
				}
			}
			judged := map[name]bool{}
			for n, p := range pieces {
				to := all[p.name]
				if to == nil {
					to = &prompt{callers: map[string]bool{}, nodes: map[string]*hearing.Node{}}
					all[p.name] = to
				}
				to.take(c.who, s, p)
				if s.Asks && answer.All() > 0 && !s.afterError && !tried[p.name] {
					add(&to.First, answer)
					judged[p.name], tried[p.name] = true, true
				}
				if n == fault {
					add(&to.Failed, answer)
					to.nodes[s.Node].Failed++
					if p.known {
						to.gaveUp = append(to.gaveUp, p.ms)
					}
				}
			}
		}
	}
	return all
}

// take counts one more time that a prompt was heard.
func (p *prompt) take(who string, s *saying, heard piece) {
	p.Heard++
	p.callers[who] = true
	if s.again {
		p.Replays++
	}
	if heard.known {
		p.listened = append(p.listened, heard.ms)
	}
	if p.nodes[s.Node] == nil {
		p.nodes[s.Node] = &hearing.Node{Node: s.Node}
	}
	p.nodes[s.Node].Heard++
}

// figures are a prompt's as the report has them, without the length.
func (p *prompt) figures(n name) hearing.Prompt {
	f := p.Prompt
	f.Language, f.ID, f.Callers = n.lang, n.id, int64(len(p.callers))
	f.Median, f.P90 = part(p.listened, 50), part(p.listened, 90)
	halves := map[int]int64{}
	for _, ms := range p.gaveUp {
		halves[ms/500*500]++
	}
	for ms, n := range halves {
		f.GaveUp = append(f.GaveUp, hearing.Count{MS: ms, N: n})
	}
	slices.SortFunc(f.GaveUp, func(a, b hearing.Count) int { return cmp.Compare(a.MS, b.MS) })
	f.At = p.second()
	for _, n := range p.nodes {
		f.Nodes = append(f.Nodes, *n)
	}
	slices.SortFunc(f.Nodes, func(a, b hearing.Node) int {
		return cmp.Or(cmp.Compare(b.Failed, a.Failed), cmp.Compare(b.Heard, a.Heard), strings.Compare(a.Node, b.Node))
	})
	return f
}

// part is the smallest of the values that so many percent are not larger than.
func part(values []int, percent int) *int {
	if len(values) == 0 {
		return nil
	}
	sorted := slices.Sorted(slices.Values(values))
	return &sorted[(len(sorted)*percent+99)/100-1]
}

// second is the middle of the densest half second, told in whole frames of 20 ms.
func (p *prompt) second() *hearing.Second {
	var best *hearing.Second
	frames := slices.Sorted(slices.Values(p.gaveUp))
	for i := range frames {
		frames[i] = frames[i] / 20 * 20
	}
	for i, from := range frames {
		var within []int
		for _, ms := range frames[i:] {
			if ms < from+500 {
				within = append(within, ms)
			}
		}
		if best == nil || int64(len(within)) > best.N {
			best = &hearing.Second{MS: within[(len(within)+1)/2-1], N: int64(len(within)), Of: int64(len(frames))}
		}
	}
	return best
}
