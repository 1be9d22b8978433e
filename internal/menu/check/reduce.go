package check

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"hotline/internal/menu"
	"hotline/internal/menu/tree"
	"hotline/internal/orders"
)

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// key is what the exploration takes for one and the same state of a call.
type key struct {
	state                              menu.State
	play, timer, task, profile, app    bool
	use                                menu.TimerUse
	look, moved, ended, typedSomething bool
}

// reducer leaves out of a State what makes no difference to what can still happen,
// or not to what the checker looks for. Without it each of a hundred nodes would be
// explored once for each of seventy functions that the caller has tried before, for
// each brand, each month typed. Every reduction has its reason beside it.
type reducer struct {
	tree     *tree.Tree
	quick    bool                       // all callers are one
	language bool                       // a switch asks for it
	live     map[string]map[string]bool // variables that are read at or after a node, before they are asked for again
}

func newReducer(t *tree.Tree, quick bool) *reducer {
	r := &reducer{tree: t, quick: quick, live: liveVariables(t)}
	for _, n := range t.Nodes {
		r.language = r.language || n.Switch != nil && n.Switch.On == tree.ByLanguage
	}
	return r
}

// reduce gives the key of a state; w is what has been seen of the call.
func (r *reducer) reduce(s menu.State, w *watch) key {
	// Whom the person should know about and what a rating is of: said, never decided by.
	s.About = ""
	// Languages differ in what is said, and every announcement is tried in all of them.
	if !r.language {
		s.Language = ""
	}
	if s.Ends {
		// Whatever came before, a goodbye is followed by the end of the call.
		s = menu.State{Await: s.Await, Next: s.Next, Ends: true, Playing: s.Playing, Timing: s.Timing, Broken: s.Broken, Kind: s.Kind}
	}
	if n := r.tree.Nodes[s.Node]; s.Await != "key" && (n == nil || n.Auth == nil) {
		s.NoInput, s.Invalid = 0, 0 // the next question counts anew; only a refused password is asked for once more
	}
	r.application(&s)
	r.variables(&s)
	r.detail(&s)
	r.caller(&s)
	return key{state: s, play: w.play != 0, timer: w.timer != 0, use: w.use, task: w.task != 0, profile: s.Asking,
		look: w.look != 0, moved: w.moved != 0, app: w.app != 0, typedSomething: w.secret+w.personal != "" && s.Asks == "entry"}
}

// application: a Machine compares the open application with the function that the
// caller comes to: the same goes on, any other is switched from. So all others are
// one. In a menu, which compares with none, the first to come stands for all; every
// function is the first to come where it leads back to.
func (r *reducer) application(s *menu.State) {
	if s.Kind == "" || s.Kind == orders.KindUndecided || s.Kind == orders.KindHandling {
		s.Function = tree.Function{}
		return
	}
	s.Kind = orders.KindOrder
	if n := r.tree.Nodes[s.Node]; n == nil || n.Serves == nil || *n.Serves != s.Function {
		s.Function = tree.Function{Service: "another"}
	}
}

// variables that nothing reads any more are gone.
func (r *reducer) variables(s *menu.State) {
	if s.Vars == "" {
		return
	}
	live := r.live[s.Node]
	own := ""
	if n := r.tree.Nodes[s.Node]; n != nil && n.Collect != nil && s.Asks == "read_back" {
		own = n.Collect.Into
	}
	var kept strings.Builder
	for pair := range strings.SplitSeq(s.Vars, ";") {
		if name, _, _ := strings.Cut(pair, "="); name != "" && (live[name] || name == own) {
			kept.WriteString(pair + ";")
		}
	}
	s.Vars = kept.String()
}

// detail: a call that is busy with something of its own (errors, keys typed so far or
// ahead, a wait that takes longer, an announcement that failed) does with it what it
// would do for any caller and on any way here, and what it does with callers and ways
// is seen where it is not busy. So one caller stands for all there. Only wrong
// passwords are counted beyond the question that they were typed at.
func (r *reducer) detail(s *menu.State) {
	if s.NoInput+s.Invalid+s.Waits+s.Broken == 0 && s.Partial+s.Typed+s.Ahead+s.Answer == "" {
		return
	}
	s.Path, s.Vars, s.Language, s.Function = "", "", "", tree.Function{}
	s.Asking, s.Asked, s.Brand, s.Star, s.Hidden = false, false, "", 0, false
	if s.Kind != "" {
		s.Kind = orders.KindOrder
	}
	if n := r.tree.Nodes[s.Node]; n == nil || n.Auth == nil {
		s.Verified, s.Wrong = false, 0
	}
}

// caller: a node asks for one thing that is known of the caller, so callers are told
// apart by one thing at a time: who has typed the password, is of a brand, speaks
// another language, hides the number. All of them together would be sixty callers at
// every node instead of nine.
func (r *reducer) caller(s *menu.State) {
	telling := []struct {
		differs bool
		forget  func()
	}{
		{s.Verified || s.Wrong > 0, func() { s.Verified, s.Wrong = false, 0 }},
		{s.Asked, func() { s.Asked, s.Brand, s.Star = false, "", 0 }},
		{s.Asking, func() { s.Asking = false }},
		{s.Language != "" && s.Language != r.tree.Languages[0], func() { s.Language = r.tree.Languages[0] }},
		{s.Hidden, func() { s.Hidden = false }},
	}
	n := r.tree.Nodes[s.Node]
	told := r.quick && (n == nil || n.Auth == nil) // where passwords are counted
	for _, t := range telling {
		if told {
			t.forget()
		}
		told = told || t.differs
	}
}

// liveVariables finds for each node the variables that may be read from there on before they
// are typed anew (the classic analysis of live variables, on the tree's edges; the
// keys that lead to menus from anywhere are edges to all of them).
func liveVariables(t *tree.Tree) map[string]map[string]bool {
	live := map[string]map[string]bool{}
	for id := range t.Nodes {
		live[id] = map[string]bool{}
	}
	for changed := true; changed; {
		changed = false
		menus := map[string]bool{}
		for id, n := range t.Nodes {
			if n.Menu != nil {
				maps.Copy(menus, live[id])
			}
		}
		for id, n := range t.Nodes {
			now := reads(n)
			maps.Copy(now, menus)
			for _, to := range n.Leads() {
				maps.Copy(now, live[to])
			}
			if n.Collect != nil {
				delete(now, n.Collect.Into)
			}
			if len(now) != len(live[id]) {
				live[id], changed = now, true
			}
		}
	}
	return live
}

// reads are the variables that a node itself reads.
func reads(n *tree.Node) map[string]bool {
	names := map[string]bool{}
	with := map[string]string{}
	switch {
	case n.Order != nil:
		with = n.Order.With
	case n.Query != nil:
		with = n.Query.With
	case n.Switch != nil && n.Switch.On == tree.ByVariable:
		names[n.Switch.Name] = true
	case n.Collect != nil && n.Collect.SameAs != "":
		names[n.Collect.SameAs] = true
	}
	for _, name := range with {
		names[name] = true
	}
	return names
}
