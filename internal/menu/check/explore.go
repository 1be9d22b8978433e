package check

import (
	"fmt"
	"time"

	"hotline/internal/menu"
	"hotline/internal/menu/tree"
	"hotline/internal/prompts"
)

// mostStates bounds an exploration: a menu of a hundred nodes has some ten thousand,
// and a Machine that counts something without end is a fault that has to be named.
const mostStates = 1_000_000

// workday is when calls take place: when those of transcripts do, which replay them.
var workday = time.Date(2026, 10, 12, 10, 0, 0, 0, time.UTC)

// vertex is a state of a call that can be reached, and how it was the first time:
// by the fewest events, since the exploration is breadth first.
type vertex struct {
	call    Call // until it has been expanded
	watch   watch
	state   menu.State
	from    int32         // vertex
	nth     int           // of what can happen there
	longest []prompts.Ref // of the announcements with which this state may begin
	edges   []edge
	broken  bool // something that may happen here breaks a promise
}

// edge is an event with where it leads; to is over for the end of the call.
type edge struct {
	to      int32
	nth     int
	key     byte // pressed, 0 for another event
	wanted  bool
	leaves  bool
	waits   bool // "it takes a little longer": ended by the Desk's deadline, not by the menu
	entered *[]string
}

const (
	over    int32 = -1 // of an edge: the call has ended; of a vertex: it is the first
	nothing int   = -1 // happens after the state itself
)

// violation is a promise that is broken on a call that may happen.
type violation struct {
	fault
	from  int32
	nth   int   // of what can happen there
	round []int // for a call without an end: what happens again and again, by its number
}

// explorer walks through every state that calls on a tree can come to.
type explorer struct {
	tree     *tree.Tree
	alphabet *alphabet
	reducer  *reducer
	lengths  *lengths
	start    func() Call
	roots    []menu.Event
	vertices []vertex
	known    map[key]int32
	entered  map[string]bool // nodes that callers come to
	seen     map[string]bool // rule and node of violations: the first of each is told
	found    []violation
	steps    int
	limit    int
	progress func(states int)
}

func newExplorer(t *tree.Tree, l *lengths, start func() Call, o Options) *explorer {
	return &explorer{tree: t, alphabet: newAlphabet(t), reducer: newReducer(t, o.Quick), lengths: l, start: start,
		known: map[key]int32{}, entered: map[string]bool{}, seen: map[string]bool{}, limit: mostStates, progress: o.Progress}
}

// run plays all calls: it begins them, and follows each into every state.
func (x *explorer) run() {
	// A remembered language needs no call of its own: choosing one leads to the same.
	x.roots = []menu.Event{menu.Started{}, menu.Started{Anonymous: true}}
	for n, e := range x.roots {
		x.try(over, n, x.start(), &vertex{}, happening{event: e})
	}
	for i := 0; i < len(x.vertices); i++ {
		// Stopping in silence would be a clean bill for what has not been looked at.
		if len(x.vertices) > x.limit {
			x.report(violation{fault: fault{"too-many-states", fmt.Sprintf("calls can come to more than %d states: something is counted without end", x.limit)}, from: int32(i), nth: nothing})
			break
		}
		if i%4096 == 0 && x.progress != nil {
			x.progress(len(x.vertices))
		}
		x.expand(int32(i))
	}
}

// expand tries all that can happen in a state.
func (x *explorer) expand(i int32) {
	v := x.vertices[i] // a copy: the list grows, and moves, while its edges are tried
	all := x.alphabet.in(&v.state, &v.watch)
	edges := make([]edge, 0, len(all))
	for n, h := range all {
		c := v.call
		if n < len(all)-1 { // the last one may have the call itself
			c = c.Clone()
		}
		if e, ok := x.try(i, n, c, &v, h); ok {
			edges = append(edges, e)
		} else {
			x.vertices[i].broken = true
		}
	}
	x.vertices[i].edges, x.vertices[i].call = edges, nil
}

// try gives one event to a call and keeps the state that it leads to; !ok where that
// breaks a promise.
func (x *explorer) try(i int32, n int, c Call, from *vertex, h happening) (edge, bool) {
	x.steps++
	w := from.watch
	e := edge{to: over, nth: n, wanted: h.wanted, leaves: h.leaves, waits: h.waits}
	private := false // the Machine says so
	// Whether a key is secret has to be known before it is given: by then the journal
	// would have it.
	if p, pressed := h.event.(menu.Pressed); pressed {
		e.key = p.Key
		private = c.Secret()
		if f := x.private(&from.state, &w, p.Key, private); f != nil {
			x.report(violation{fault: *f, from: i, nth: n})
			return e, false
		}
	}
	// The effects are looked at before the state: a Machine may believe that it has
	// said something which nobody hears.
	w.event(h.event)
	effects, crash := step(c, h.event)
	f := w.effects(effects)
	if crash != "" {
		f = &fault{"crash", "the Machine breaks down: " + crash}
	}
	if f == nil {
		f = x.unheard(effects)
	}
	if f != nil {
		x.report(violation{fault: *f, from: i, nth: n})
		return e, false
	}
	e.entered = x.enter(effects)
	if w.ended || c.Ended() {
		return e, x.last(i, n, &w, c)
	}
	s := c.State()
	if f := x.arrived(&from.state, &s, &w, h, private); f != nil {
		x.report(violation{fault: *f, from: i, nth: n})
		return e, false
	}
	quiet := len(effects) == 0 && w.play != 0
	e.to = x.keep(vertex{call: c, watch: w, state: s, from: i, nth: n})
	// A key that changes nothing while something is said is no way round: that goes on.
	e.waits = e.waits || quiet && e.to == i
	return e, true
}

// keep gives the state's vertex, a new one where it has not been known.
func (x *explorer) keep(v vertex) int32 {
	k := x.reducer.reduce(v.state, &v.watch)
	to, known := x.known[k]
	if !known {
		to = int32(len(x.vertices))
		x.known[k] = to
		x.vertices = append(x.vertices, v)
	}
	// Announcements of one state differ in length, by a greeting or an answer: bounds
	// need the longest.
	if at := &x.vertices[to]; v.watch.play != 0 && (!known || x.lengths.of(v.watch.refs) > x.lengths.of(at.longest)) {
		at.longest = v.watch.refs
	}
	return to
}

// last looks at the end of a call.
func (x *explorer) last(i int32, n int, w *watch, c Call) bool {
	if w.ended == c.Ended() {
		return true
	}
	x.report(violation{fault: fault{"after-end", "the call has ended and goes on, or goes on and has ended"}, from: i, nth: n})
	return false
}

// arrived looks at the state that an event has led to.
func (x *explorer) arrived(before, s *menu.State, w *watch, h happening, private bool) *fault {
	if _, gone := h.event.(menu.Left); gone {
		return &fault{"after-end", "the caller has hung up and the call goes on"}
	}
	if f := x.keptInClear(before, s, w, h, private); f != nil {
		return f
	}
	return w.settled(s)
}

// private keeps the keys of private entries, and wants to be told that they are.
func (x *explorer) private(s *menu.State, w *watch, key byte, told bool) *fault {
	n := x.tree.Nodes[s.Node]
	if n == nil || s.Await != "key" || s.Asks != "entry" || key < '0' || key > '9' {
		return nil
	}
	secret := n.Auth != nil || n.Collect != nil && (n.Collect.Secret || n.Collect.Entry.Secret())
	if !secret && (n.Collect == nil || !n.Collect.Private()) {
		return nil
	}
	w.typed(key, secret)
	if !told {
		return &fault{"secret-key", "a key of a private entry would be recorded in clear"}
	}
	return nil
}

// keptInClear finds a key that was typed ahead, recorded in clear, and has then become
// part of a private entry.
func (x *explorer) keptInClear(before, s *menu.State, w *watch, h happening, told bool) *fault {
	if _, pressed := h.event.(menu.Pressed); pressed && !told && before.Asks != "entry" {
		w.clear = true
	}
	n := x.tree.Nodes[s.Node]
	if w.clear && s.Asks == "entry" && s.Typed != "" && n != nil && (n.Auth != nil || n.Collect != nil && n.Collect.Private()) {
		return &fault{"secret-key", "a key that was typed ahead, and has become part of a private entry, would be recorded in clear"}
	}
	if s.Ahead == "" {
		w.clear = false
	}
	return nil
}

// enter notes the nodes that a call has come to.
func (x *explorer) enter(effects []menu.Effect) *[]string {
	var ids []string
	for _, e := range effects {
		if e, ok := e.(menu.Entered); ok {
			ids = append(ids, e.Node)
			x.entered[e.Node] = true
		}
	}
	if ids == nil {
		return nil
	}
	return &ids
}

// unheard finds an announcement that some language has no words for, and a node that is none.
func (x *explorer) unheard(effects []menu.Effect) *fault {
	for _, e := range effects {
		switch e := e.(type) {
		case menu.Play:
			if ref, lang, bad := x.lengths.unsayable(e.Refs); bad {
				return &fault{"missing-prompt", fmt.Sprintf("%s cannot be said in language %q", ref, lang)}
			}
		case menu.Entered:
			if x.tree.Nodes[e.Node] == nil {
				return &fault{"dangling", fmt.Sprintf("the call comes to node %q, which does not exist", e.Node)}
			}
		}
	}
	return nil
}

// report keeps the first violation of each rule at each node: the others say the same.
func (x *explorer) report(v violation) {
	id := v.rule
	if v.from != over {
		id += " " + x.vertices[v.from].state.Node
	}
	if !x.seen[id] {
		x.seen[id] = true
		x.found = append(x.found, v)
	}
}
