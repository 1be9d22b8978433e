package menu_test

import (
	"maps"
	"slices"
	"testing"

	"hotline/internal/menu"
	"hotline/internal/menu/transcript"
	"hotline/internal/menu/tree"
	"hotline/internal/orders"
)

// FuzzResumed lets a server die after anything, and another go on with what a journal
// would know of the call; what it promises about one call holds for both parts of it
// together. Then it resumes what no journal would ever say.
func FuzzResumed(f *testing.F) {
	f.Add([]byte{3, 1, 1, 1}, []byte{12, 1, 12, 100})      // while ordering
	f.Add([]byte{3, 1, 1}, []byte{1, 12, 1, 12, 101, 12})  // while asked to confirm
	f.Add([]byte{1, 2, 1, 3, 5}, []byte{7, 9, 12, 1, 3})   // while typing a password
	f.Add([]byte{0, 12, 40}, []byte{15, 12, 16, 5, 1, 12}) // with a person
	f.Add([]byte{}, []byte{12})
	shipped, language, corners := hotline(f), fixture(f, "testdata/language/menu.yaml"), fixture(f, "testdata/corners/menu.yaml")
	f.Fuzz(func(t *testing.T, before, after []byte) {
		for _, menu := range []*tree.Tree{shipped, language, corners} {
			dieAndResume(t, menu, before, after)
			resumeAnything(t, menu, before, after)
		}
	})
}

// memory is what the journal keeps of a call, as far as resuming needs it.
type memory struct {
	tree *tree.Tree
	menu.Resumed
}

func (m *memory) effects(all []menu.Effect) {
	id := func(id menu.ID) { m.Last = max(m.Last, id) }
	for _, f := range all {
		switch f := f.(type) {
		case menu.Entered:
			m.Nodes = append(m.Nodes, f.Node)
		case menu.Speak:
			m.Language = f.Language
		case menu.Play:
			id(f.ID)
		case menu.SetTimer:
			id(f.ID)
		case menu.Submit:
			id(f.ID)
			m.Told = orders.Result{Outcome: orders.Unknown}
		case menu.Ask:
			id(f.ID)
		case menu.Verify:
			id(f.ID)
		case menu.Look:
			id(f.ID)
		case menu.Transfer:
			id(f.ID)
		case menu.AppOpened:
			m.Apps, m.Told = f.App, orders.Result{}
			m.Open = menu.Unfinished{App: f.App, Function: tree.Function{Kind: f.Kind}}
		case menu.AppBound:
			m.Open.Function = tree.Function{Kind: f.Kind, Service: f.Service, Action: f.Action}
		case menu.Missed:
			if f.Why == menu.NoInput {
				m.Open.Tries.NoInput++
			} else {
				m.Open.Tries.Invalid++
			}
		case menu.Replayed:
			m.Open.Tries.Replays++
		case menu.AppClosed:
			m.Open, m.Told = menu.Unfinished{}, f.Result
		}
	}
	if m.Open.App == 0 {
		m.Open = menu.Unfinished{}
	}
}

func dieAndResume(t *testing.T, tr *tree.Tree, before, after []byte) {
	w := watch{t: t, tree: tr, ids: map[menu.ID]bool{}, apps: map[menu.App]string{}}
	kept := memory{tree: tr}
	first := transcript.New(tr)
	happen := func(e menu.Event) {
		first2 := first.Clone()
		w.step(first, e)
		kept.effects(first2.Step(e))
	}
	happen(menu.Started{})
	for _, b := range before {
		if !w.ended {
			happen(event(first, b))
		}
	}
	if w.ended {
		return
	}
	// Tries are told of since an application was opened: those before it are of none.
	if kept.Open.App == 0 {
		w.tries = menu.Tries{}
	}
	second := transcript.New(tr)
	w.step(second, kept.Resumed)
	goOn(t, &w, second, after)
}

// resumeAnything gives a Machine nodes in any order, results of any kind, an application
// about anything.
func resumeAnything(t *testing.T, tr *tree.Tree, before, after []byte) {
	ids := slices.Sorted(maps.Keys(tr.Nodes))
	e := menu.Resumed{Last: 7, Apps: 3, Language: "en"}
	results := append(orders.Results(), orders.Result{}, orders.Result{Outcome: "won"})
	for i, b := range before {
		e.Nodes = append(e.Nodes, ids[(int(b)+i)%len(ids)])
		e.Told = results[int(b)%len(results)]
		if b%5 == 0 {
			e.Nodes = append(e.Nodes, "a node of another version")
		}
		if b%7 == 0 {
			e.Back = &menu.Returned{Reached: b%2 == 0, Node: ids[int(b)%len(ids)]}
		}
	}
	w := watch{t: t, tree: tr, ids: map[menu.ID]bool{}, apps: map[menu.App]string{1: "closed", 2: "closed", 3: "closed"}}
	if len(before)%2 == 0 && len(before) > 0 {
		e.Open = menu.Unfinished{App: 3, Function: tree.Function{Kind: orders.KindQuery, Service: "balance", Action: orders.Look}}
		if n := tr.Nodes[ids[int(before[0])%len(ids)]]; n.Serves != nil {
			e.Open.Function = *n.Serves
		}
		w.apps[3] = "open"
	}
	p := transcript.New(tr)
	w.step(p, e)
	goOn(t, &w, p, after)
}

// goOn lets the rest of a call happen, to its end.
func goOn(t *testing.T, w *watch, p *transcript.Player, script []byte) {
	for _, b := range script {
		w.step(p, event(p, b))
	}
	w.step(p, menu.Left{Why: menu.ByCaller})
	if !w.ended {
		t.Fatal("the channel is gone and the call has not ended")
	}
	for app, state := range w.apps {
		if state == "open" {
			t.Errorf("application %d has no outcome at the end of the call", app)
		}
	}
}
