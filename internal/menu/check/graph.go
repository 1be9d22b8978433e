package check

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// judge looks at the calls as a whole, after all states are known: whether each can
// end, and none goes on without anybody wanting it to.
func (x *explorer) judge() {
	x.exits()
	x.endless()
}

// exits wants a way to the end of the call from every state, other than hanging up.
func (x *explorer) exits() {
	backwards := make([][]int32, len(x.vertices))
	out := make([]bool, len(x.vertices))
	var queue []int32
	for i := range x.vertices {
		// What has been reported, or never been looked at, is no second finding.
		ends := x.vertices[i].broken || x.vertices[i].call != nil // reported already, or never looked at
		for _, e := range x.vertices[i].edges {
			switch {
			case e.leaves: // hanging up is what is left where there is no exit
			case e.to == over:
				ends = true
			default:
				backwards[e.to] = append(backwards[e.to], int32(i))
			}
		}
		if ends {
			out[i] = true
			queue = append(queue, int32(i))
		}
	}
	for len(queue) > 0 {
		for _, from := range backwards[queue[0]] {
			if !out[from] {
				out[from] = true
				queue = append(queue, from)
			}
		}
		queue = queue[1:]
	}
	for i := range x.vertices {
		if !out[i] {
			x.report(violation{fault: fault{"no-exit", fmt.Sprintf(
				"a caller who comes to %q can only hang up: no key, no wrong key and no silence ends the call", x.vertices[i].state.Node)}, from: int32(i), nth: nothing})
			return // what leads here and what follows has no exit for the same reason
		}
	}
}

// unwanted tells whether an edge is taken without the caller wanting anything that
// the menu offers: he is silent, he errs, the menu goes on by itself. Waiting for the
// BOSS is ended by the Desk's deadline.
func (e edge) unwanted() bool { return !e.wanted && !e.leaves && !e.waits && e.to != over }

// endless finds calls that go round without the caller wanting it. What remains when
// states without a way on, and then those without a way in, are taken away again and
// again, are the circles and what lies between them.
func (x *explorer) endless() {
	left := x.peel()
	for i := range x.vertices {
		if left[i] {
			if start, round := x.circle(int32(i), left); round != nil {
				x.reportCircle(start, round, left)
			}
		}
	}
}

// peel marks the states that are part of a circle of unwanted edges, or between two.
// It takes time in proportion to the edges, and no recursion, however many states.
func (x *explorer) peel() []bool {
	left := make([]bool, len(x.vertices))
	forth, back := make([]int, len(x.vertices)), make([]int, len(x.vertices))
	to, from := make([][]int32, len(x.vertices)), make([][]int32, len(x.vertices))
	for i := range x.vertices {
		left[i] = true
		for _, e := range x.vertices[i].edges {
			if e.unwanted() {
				to[i] = append(to[i], e.to)
				from[e.to] = append(from[e.to], int32(i))
				forth[i]++
				back[e.to]++
			}
		}
	}
	var queue []int32
	drop := func(i int32) {
		if left[i] && (forth[i] == 0 || back[i] == 0) {
			left[i] = false
			queue = append(queue, i)
		}
	}
	for i := range x.vertices {
		drop(int32(i))
	}
	for ; len(queue) > 0; queue = queue[1:] {
		i := queue[0]
		for _, j := range from[i] {
			forth[j]--
			drop(j)
		}
		for _, j := range to[i] {
			back[j]--
			drop(j)
		}
	}
	return left
}

// circle walks on from a state until one comes again: where the circle begins, and
// its edges.
func (x *explorer) circle(i int32, left []bool) (int32, []edge) {
	at := map[int32]int{}
	var walked []edge
	var states []int32
	for {
		if n, again := at[i]; again {
			return states[n], walked[n:]
		}
		at[i] = len(states)
		states = append(states, i)
		n := slices.IndexFunc(x.vertices[i].edges, func(e edge) bool { return e.unwanted() && left[e.to] })
		if n < 0 {
			return i, nil
		}
		walked = append(walked, x.vertices[i].edges[n])
		i = x.vertices[i].edges[n].to
	}
}

// reportCircle tells of a circle once, and of none that goes through its nodes.
func (x *explorer) reportCircle(start int32, round []edge, left []bool) {
	numbers := make([]int, len(round))
	var nodes []string
	i := start
	for n, e := range round {
		numbers[n] = e.nth
		if id := x.vertices[i].state.Node; len(nodes) == 0 || nodes[len(nodes)-1] != id {
			nodes = append(nodes, id)
		}
		i = e.to
	}
	// A menu that does not count errors has a circle for every order of them: one
	// story is read, a hundred are not.
	for i := range left {
		if slices.Contains(nodes, x.vertices[i].state.Node) {
			left[i] = false
		}
	}
	message := fmt.Sprintf("node %q asks again and again, however often the caller errs or is silent", nodes[0])
	if len(nodes) > 1 {
		message = "the call goes round without the caller wanting it: " + strings.Join(append(nodes, nodes[0]), " → ") + "; let one of them lead to a goodbye (hangup)"
	}
	x.report(violation{fault: fault{"endless", message}, from: start, nth: nothing, round: numbers})
}

// silent are the unwanted edges of a caller who presses nothing.
func (e edge) silent() bool { return e.unwanted() && e.key == 0 }

// goodbye is how long it takes at most, from any state, until a call is over on which
// only edges of a kind are taken, in the n-th language; !ok where it has no end. Time
// in which the BOSS or a person is waited for is not part of it.
func (x *explorer) goodbye(n int, kind func(edge) bool) (longest time.Duration, ok bool) {
	// Depth first with a stack of its own: the longest ways have thousands of states.
	const unknown, walking = -1, -2
	left := make([]time.Duration, len(x.vertices))
	for i := range left {
		left[i] = unknown
	}
	type frame struct {
		state int32
		next  int // edge
	}
	for i := range x.vertices {
		stack := []frame{{state: int32(i)}}
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			v := &x.vertices[top.state]
			if left[top.state] >= 0 {
				stack = stack[:len(stack)-1]
				continue
			}
			left[top.state] = walking
			for top.next < len(v.edges) && (!kind(v.edges[top.next]) || left[v.edges[top.next].to] >= 0) {
				top.next++
			}
			if top.next < len(v.edges) {
				if left[v.edges[top.next].to] == walking {
					return 0, false
				}
				stack = append(stack, frame{state: v.edges[top.next].to})
				continue
			}
			left[top.state] = x.rest(v, n, kind, left)
			longest = max(longest, left[top.state])
			stack = stack[:len(stack)-1]
		}
	}
	return longest, true
}

// rest is the longest way from a state on, where those of its followers are known.
func (x *explorer) rest(v *vertex, n int, kind func(edge) bool, left []time.Duration) time.Duration {
	// Who errs as late as he can has heard all of the announcement before.
	here := x.lengths.in(n, v.longest)
	if v.watch.play == 0 {
		here = 0
	}
	if v.watch.timer != 0 && v.watch.play == 0 && v.watch.task == 0 {
		here += v.watch.after
	}
	var most time.Duration
	for _, e := range v.edges {
		if kind(e) {
			most = max(most, left[e.to])
		}
	}
	return here + most
}
