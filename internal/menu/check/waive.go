package check

import (
	"slices"
	"strings"

	"hotline/internal/menu/tree"
	"hotline/internal/source"
)

// waive leaves out what a node says does not hold for it. A waiver that silences
// nothing is a warning: what it was for has been put right, and it would hide the
// next mistake.
func waive(t *tree.Tree, ps source.Problems) source.Problems {
	nodes := ordered(t)
	type waiver struct{ node, rule string }
	used := map[waiver]bool{}
	left := slices.DeleteFunc(ps, func(p source.Problem) bool {
		silent := false
		for _, n := range owners(nodes, p.Pos) {
			if _, ok := n.Waive[p.Rule]; ok {
				used[waiver{n.ID, p.Rule}] = true
				silent = true
			}
		}
		return silent
	})
	for _, n := range nodes {
		for _, rule := range sortedKeys(n.Waive) {
			switch {
			case used[waiver{n.ID, rule}], slices.Contains(waivable, rule):
			case guidance[rule] == nil:
				left = append(left, warn(n.Pos, "waive", "node %q waives %q, which is no rule of guidance (known: %s)",
					n.ID, rule, strings.Join(append(sortedKeys(guidance), waivable...), ", ")))
			default:
				left = append(left, warn(n.Pos, "waive", "node %q waives %q, which is not broken here: take the waiver out", n.ID, rule))
			}
		}
	}
	return left
}

// owners are the nodes that a place belongs to: the last that begin before it. A
// template makes several nodes in one place.
func owners(nodes []*tree.Node, at source.Pos) []*tree.Node {
	var last []*tree.Node
	for _, n := range nodes {
		if n.Pos.File != at.File || before(n.Pos, at) > 0 {
			continue
		}
		if len(last) > 0 && last[0].Pos != n.Pos {
			last = last[:0]
		}
		last = append(last, n)
	}
	return last
}
