package check

import (
	"cmp"
	"container/heap"
	"slices"
	"strings"
	"time"

	"hotline/internal/menu/tree"
	"hotline/internal/orders"
)

// perKey is how long a caller takes to find and press a key.
const perKey = 500 * time.Millisecond

// Reach is how a caller gets to a function. Seconds are from the answer of the call
// until the function speaks; the time that the BOSS takes is not in them.
type Reach struct {
	Node    string        `json:"node"`
	Name    string        `json:"name"`           // in the language of the Report: how the options call it
	Code    string        `json:"code,omitempty"` // speed-dial code
	Service string        `json:"service,omitempty"`
	Action  orders.Action `json:"action,omitempty"`
	Listens float64       `json:"listening_seconds"` // who waits until his key has been named, each time
	Keys    string        `json:"keys"`
	AtOnce  float64       `json:"at_once_seconds"` // who knows the keys
	Dialled float64       `json:"dialled_seconds,omitempty"`
	Dials   string        `json:"dialled_keys,omitempty"`
}

// caller is how somebody gets through the menus.
type caller int

const (
	listening caller = iota // presses a key when it has been named
	hurrying                // presses it at once
	dialling                // begins with the speed-dial key
)

// functions are the nodes that callers want to get to: what is ordered, looked up or
// explained. Of those that belong to one function the first counts.
func (x *explorer) functions() []string {
	coded := map[string]bool{}
	for _, id := range x.tree.Codes {
		coded[id] = true
	}
	served := map[string]bool{}
	var ids []string
	// The operator's codes name functions by their first step, which may be a question.
	for _, n := range ordered(x.tree) {
		if n.Menu == nil && n.Transfer == nil && coded[n.ID] {
			ids = append(ids, n.ID)
			if n.Serves != nil {
				served[function(n.Serves.Service, n.Serves.Action)] = true
			}
		}
	}
	for _, n := range ordered(x.tree) {
		if (n.Order != nil || n.Query != nil) && !coded[n.ID] && n.Serves != nil && !served[function(n.Serves.Service, n.Serves.Action)] {
			ids = append(ids, n.ID)
		}
	}
	return ids
}

// name is how callers know a function: its service's name and the label of the option
// that leads to it.
func (x *explorer) name(n int, id string) string {
	lang := x.lengths.languages[n]
	for _, m := range ordered(x.tree) {
		if m.Menu == nil {
			continue
		}
		for _, o := range m.Menu.Options {
			if o.To != id {
				continue
			}
			words := []string{}
			for _, ref := range slices.Concat(m.Menu.Intro, o.Label) {
				words = append(words, strings.Trim(x.lengths.catalog.Text(lang, ref), "，。,. "))
			}
			return strings.Join(words, " ")
		}
	}
	return id
}

func function(service string, a orders.Action) string { return string(a) + " " + service }

// listen finds the shortest way to every function, in the n-th language.
func (x *explorer) listen(n int) []Reach {
	patient, hasty := x.ways(n, listening), x.ways(n, hurrying)
	var dialled map[string]way
	if x.tree.SpeedDial != "" {
		dialled = x.ways(n, dialling)
	}
	codes := map[string]string{}
	for code, id := range x.tree.Codes {
		codes[id] = code
	}
	var all []Reach
	for _, id := range x.functions() {
		w, reached := patient[id]
		if !reached {
			continue
		}
		r := Reach{Node: id, Name: x.name(n, id), Code: codes[id], Listens: w.time.Seconds(), Keys: w.keys, AtOnce: hasty[id].time.Seconds()}
		// An introduction serves nobody: it is no application.
		if f := x.tree.Nodes[id].Serves; f != nil {
			r.Service, r.Action = f.Service, f.Action
		}
		if d, ok := dialled[id]; ok {
			r.Dialled, r.Dials = d.time.Seconds(), d.keys
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b Reach) int {
		return cmp.Or(cmp.Compare(len(a.Keys), len(b.Keys)), strings.Compare(a.Node, b.Node))
	})
	return all
}

// way is how a caller has come to a state.
type way struct {
	state int32
	time  time.Duration
	keys  string
}

// ways are the shortest ones (Dijkstra's) to every node.
func (x *explorer) ways(n int, how caller) map[string]way {
	found := map[string]way{}
	if len(x.vertices) == 0 {
		return found // no call gets as far as to wait for something
	}
	done := make([]bool, len(x.vertices))
	open := &queue{{state: 0}}
	for open.Len() > 0 {
		w := heap.Pop(open).(way)
		if done[w.state] {
			continue
		}
		done[w.state] = true
		v := &x.vertices[w.state]
		for _, e := range v.edges {
			// Who waits for the BOSS longer than it takes does not get there sooner.
			if e.leaves || e.waits || e.to == over || !x.takes(v, e, how) {
				continue
			}
			next := way{e.to, w.time + x.takesTime(v, e, n, how), w.keys}
			if e.key != 0 {
				next.keys += string(e.key)
			}
			if e.entered != nil {
				for _, id := range *e.entered {
					if before, there := found[id]; !there || shorter(next, before) {
						found[id] = next
					}
				}
			}
			if !done[e.to] {
				heap.Push(open, next)
			}
		}
	}
	return found
}

// takes tells whether such a caller does this: by the menus nobody uses codes, and a
// listening caller presses what he has been told to. Keys that mean the same everywhere
// are not guessed, nor is one pressed while an earlier one has not yet had its effect.
func (x *explorer) takes(v *vertex, e edge, how caller) bool {
	atStart := v.state.Node == x.tree.Start && v.state.Await == "key" && v.state.Partial == ""
	dial := atStart && x.tree.SpeedDial != "" && e.key == x.tree.SpeedDial[0]
	if how == dialling {
		return !atStart && e.key == 0 || dial || v.state.Partial != "" // the code is all that is pressed
	}
	if how == listening && e.key != 0 {
		typed := v.state.Asks == "entry" && (v.state.Typed != "" || e.key >= '0' && e.key <= '9')
		_, global := x.tree.Keys[string(e.key)]
		if v.state.Partial != "" || global && !typed && !slices.Contains(v.watch.refs, tree.KeyRef(string(e.key))) {
			return false
		}
	}
	return !dial
}

// takesTime is how long the event of an edge takes to come.
func (x *explorer) takesTime(v *vertex, e edge, n int, how caller) time.Duration {
	playing := v.watch.play != 0
	switch {
	// A key that continues another, or an entry, is pressed without being told.
	case e.key != 0 && playing && how == listening && v.state.Await == "key":
		return x.lengths.until(n, v.watch.refs, e.key) + perKey
	case e.key != 0:
		return perKey
	case playing:
		return x.lengths.in(n, v.watch.refs)
	case v.watch.timer != 0 && v.watch.task == 0:
		return v.watch.after
	}
	return 0
}

// shorter compares ways by time; of equals the one with the fewest keys is shorter.
func shorter(a, b way) bool {
	return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(len(a.keys), len(b.keys))) < 0
}

// queue gives the shortest way first.
type queue []way

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return shorter(q[i], q[j]) }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(w any)        { *q = append(*q, w.(way)) }
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}
