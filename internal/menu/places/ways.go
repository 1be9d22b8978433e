package places

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"hotline/internal/menu/graph"
	"hotline/internal/menu/tree"
)

// way is how a caller comes to a node.
type way struct {
	keys  string
	steps int // announcements that he answers, or hears, before it
}

// keys finds the way with the fewest steps to every node that keys lead to, breadth
// first. Where it is short is enough for a person to find the place; how long it takes
// callers is the business of menu/check.
func keys(t *tree.Tree) map[string]way {
	found := map[string]way{t.Start: {}}
	queue := []string{t.Start}
	reach := func(from, to, key string) {
		if _, known := found[to]; known || t.Nodes[to] == nil {
			return
		}
		w := found[from]
		found[to] = way{strings.TrimSpace(w.keys + " " + key), w.steps + 1}
		queue = append(queue, to)
	}
	for ; len(queue) > 0; queue = queue[1:] {
		id := queue[0]
		n := t.Nodes[id]
		for _, e := range graph.Exits(n) {
			if e.When != graph.GaveUp && e.When != graph.Nobody {
				reach(id, e.To, cmp.Or(e.Key, typed(n)))
			}
		}
		if id == t.Start {
			for _, key := range slices.Sorted(maps.Keys(t.Keys)) {
				if t.Keys[key] == tree.Agent {
					reach(id, t.Agent, key)
				}
			}
		}
	}
	return found
}

// typed is what a caller types in a node before he comes to the next.
func typed(n *tree.Node) string {
	switch {
	case n.Collect != nil:
		return "<" + n.Collect.Into + ">"
	case n.Auth != nil:
		return "<password>"
	case n.Order != nil && n.Order.Confirm:
		return "1"
	case n.Survey != nil:
		return "<rating>"
	}
	return ""
}

// inOrder lists the nodes as a caller who tries key after key meets them: the short
// ways first. Those that no key leads to come last.
func inOrder(t *tree.Tree, ways map[string]way) []string {
	far := len(t.Nodes) + 1
	steps := func(id string) int {
		if w, reached := ways[id]; reached {
			return w.steps
		}
		return far
	}
	return slices.SortedFunc(maps.Keys(t.Nodes), func(a, b string) int {
		return cmp.Or(cmp.Compare(steps(a), steps(b)), cmp.Compare(ways[a].keys, ways[b].keys), cmp.Compare(a, b))
	})
}
