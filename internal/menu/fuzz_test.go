package menu_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"testing/fstest"

	"hotline/internal/menu"
	"hotline/internal/menu/transcript"
	"hotline/internal/menu/tree"
	"hotline/internal/orders"
)

// FuzzMachine lets anything happen in any order, late and repeated completions
// included, and holds the Machine to what it promises about every call.
func FuzzMachine(f *testing.F) {
	f.Add([]byte{0, 3, 1, 1, 1, 40, 41})
	f.Add([]byte{0, 30, 31, 30, 31, 30, 31, 30})
	f.Add([]byte{0, 10, 31, 1, 0, 30, 31, 45})
	f.Add([]byte{0, 1, 1, 42, 30, 50})
	tree := hotline(f)
	f.Fuzz(func(t *testing.T, script []byte) { walk(t, tree, script) })
}

// walk is a call of these events on the tree, watched from its begin to its end.
func walk(t *testing.T, tree *tree.Tree, script []byte) {
	w := watch{t: t, ids: map[menu.ID]bool{}, apps: map[menu.App]string{}}
	p := transcript.New(tree)
	w.step(p, menu.Started{})
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

// event makes an event of a byte: 0-11 keys, then completions (true, stale), answers, ends.
func event(p *transcript.Player, b byte) menu.Event {
	results := orders.Results()
	switch {
	case b < 12:
		return menu.Pressed{Key: "0123456789*#"[b], Heard: menu.Heard{Play: menu.ID(b), Ref: int(b), MS: 100, Percent: int(b) * 8}}
	case b < 36:
		events, err := p.Events([]string{"played", "failed", "committed", "refused"}[b%4])
		if err == nil {
			return events[0]
		}
	case b < 80:
		if events, err := p.Events("silence"); err == nil {
			return events[0]
		}
		return menu.Elapsed{ID: menu.ID(b)}
	case b < 200:
		events, _ := p.Events("answer " + results[int(b)%len(results)].String() + " balance=money:5850 amount=money:1 state=word:open")
		return events[0]
	case b < 210:
		return menu.Played{ID: menu.ID(b - 200)}
	case b < 220:
		return menu.Answered{ID: menu.ID(b - 210)}
	case b < 222:
		return menu.Closing{}
	case b < 224:
		return menu.Left{Why: []menu.Leaving{menu.ByTimeout, menu.BySwitch}[b-222]}
	case b == 224:
		return menu.Left{Why: menu.ByTransfer}
	}
	return menu.Started{}
}

// watch holds a call to the invariants.
type watch struct {
	t     *testing.T
	ids   map[menu.ID]bool
	apps  map[menu.App]string
	ended bool
}

func (w *watch) step(p *transcript.Player, e menu.Event) {
	clone := p.Clone()
	if w.ended && len(clone.Step(e)) > 0 {
		w.t.Fatalf("something happens after End: %#v", e)
	}
	waiting := p.Waiting()
	effects := p.Step(e)
	if twin := clone.Step(e); !w.ended && !reflect.DeepEqual(twin, effects) && len(twin)+len(effects) > 0 {
		w.t.Fatalf("a clone does something else: %v, %v", twin, effects)
	}
	for i, f := range effects {
		if w.ended {
			w.t.Fatalf("%s after End", transcript.Line(f))
		}
		w.effect(f)
		if _, last := f.(menu.End); last && i != len(effects)-1 {
			w.t.Fatalf("End is not the last effect")
		}
	}
	if _, gone := e.(menu.Left); gone && !w.ended {
		w.t.Fatal("the channel is gone and the call goes on")
	}
	if !w.ended && !p.Playing() && !p.Waiting() && !p.Timing() {
		w.t.Fatalf("dead air after %#v: nothing is awaited (waiting before: %v)", e, waiting)
	}
}

func (w *watch) effect(e menu.Effect) {
	fresh := func(id menu.ID) {
		if id == 0 || w.ids[id] {
			w.t.Fatalf("ID %d is not new", id)
		}
		w.ids[id] = true
	}
	move := func(app menu.App, from, to string) {
		if w.apps[app] != from {
			w.t.Fatalf("application %d goes from %q to %q", app, w.apps[app], to)
		}
		w.apps[app] = to
	}
	switch e := e.(type) {
	case menu.Play:
		fresh(e.ID)
		if len(e.Refs) == 0 {
			w.t.Fatal("an announcement without words")
		}
	case menu.SetTimer:
		fresh(e.ID)
	case menu.Submit:
		fresh(e.ID)
		move(e.App, "open", "open")
	case menu.Ask:
		fresh(e.ID)
		if e.App != 0 {
			move(e.App, "open", "open")
		}
	case menu.Verify:
		fresh(e.ID)
		move(e.App, "open", "open")
	case menu.Look:
		fresh(e.ID)
	case menu.Transfer:
		fresh(e.ID)
	case menu.AppOpened:
		for app, state := range w.apps {
			if state == "open" {
				w.t.Fatalf("application %d opens while %d is open", e.App, app)
			}
		}
		move(e.App, "", "open")
	case menu.AppBound:
		move(e.App, "open", "open")
	case menu.AppClosed:
		move(e.App, "open", "closed")
		if !e.Result.Valid() {
			w.t.Fatalf("%v is not in the closed set", e.Result)
		}
	case menu.AppLeft:
		move(e.App, "open", "left")
	case menu.End:
		w.ended = true
	case menu.Entered, menu.StopPlay, menu.Speak, menu.Rated, menu.CallBack:
	default:
		w.t.Fatal(fmt.Sprintf("unknown effect %T", e))
	}
}

// FuzzLoad reads whatever is written, and holds a call on every menu that has no
// problem to what a Machine promises (see FuzzMachine).
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"tree/testdata/*.yaml", "tree/testdata/bad/*.yaml", "../../menus/*.yaml"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			data, _ := os.ReadFile(file)
			f.Add(string(data), []byte{3, 1, 1, 1, 32, 50, 101, 10, 10, 12, 11, 0, 12, 40, 15, 40})
		}
	}
	f.Fuzz(func(t *testing.T, text string, script []byte) {
		menu, err := tree.Load(fstest.MapFS{"m.yaml": {Data: []byte(text)}, "services.yaml": {Data: services}}, "m.yaml", nil)
		if (menu == nil) == (err == nil) {
			t.Fatal("a tree and an error, or neither")
		}
		if menu != nil {
			walk(t, menu, script)
		}
	})
}
