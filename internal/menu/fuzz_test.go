package menu_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
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
	f.Add([]byte{1, 1, 1, 2, 3, 4, 5, 6, 11, 12, 101, 2, 6, 1, 0, 11, 12, 101, 12, 5})
	f.Add([]byte{0, 12, 40, 16, 5, 0, 12, 40, 15, 1, 11, 3, 1, 1, 11})
	shipped, language, corners := hotline(f), fixture(f, "testdata/language/menu.yaml"), fixture(f, "testdata/corners/menu.yaml")
	f.Fuzz(func(t *testing.T, script []byte) {
		for _, menu := range []*tree.Tree{shipped, language, corners} {
			walk(t, menu, script)
			fallSilent(t, menu, script)
		}
	})
}

// fallSilent is a call of these events after which the caller presses nothing any more,
// the BOSS does not answer in time and nobody takes the call: it ends by itself.
func fallSilent(t *testing.T, tree *tree.Tree, script []byte) {
	p := transcript.New(tree)
	p.Step(menu.Started{})
	for _, b := range script {
		p.Step(event(p, b))
	}
	for range 200 {
		lines := []string{"played"}
		switch {
		case p.Machine.Ended():
			return
		case p.Playing():
		case p.Waiting():
			lines = []string{"answer system_failed/boss_timeout", "profile system_failed/boss_timeout", "refused"}
		case p.Asking() && p.Machine.State().Await == "task":
			lines = []string{"profile system_failed/boss_timeout"}
		default:
			lines = []string{"silence"}
		}
		for _, line := range lines {
			events, err := p.Events(line)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range events {
				p.Step(e)
			}
		}
	}
	t.Fatalf("the caller is silent, and the call goes on and on at %q", p.Machine.Node())
}

// walk is a call of these events on the tree, watched from its begin to its end.
func walk(t *testing.T, tree *tree.Tree, script []byte) {
	w := watch{t: t, tree: tree, ids: map[menu.ID]bool{}, apps: map[menu.App]string{}}
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
		events, err := p.Events(happenings[b%12])
		if err == nil && len(events) > 0 {
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

// happenings are what may come besides keys, answers and ends.
var happenings = [12]string{
	"played", "failed", "committed", "refused", "returned", "returned 11.query", "seen closed", "seen open",
	"profile success/confirmed brand=word:全球通 star=count:5", "profile system_failed/boss_error",
	"seen at=2026-10-01T09:30", "seen notice=notice.upgrade at=2026-10-12T09:30",
}

// watch holds a call to the invariants.
type watch struct {
	t     *testing.T
	tree  *tree.Tree
	ids   map[menu.ID]bool
	apps  map[menu.App]string
	tries menu.Tries // told of since an application was opened last
	typed string     // of a secret
	ended bool
}

func (w *watch) step(p *transcript.Player, e menu.Event) {
	clone := p.Clone()
	if w.ended && len(clone.Step(e)) > 0 {
		w.t.Fatalf("something happens after End: %#v", e)
	}
	w.secrets(p, e)
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

// secrets follows what is typed of a secret: none of it may stand in what an effect
// prints, logs or marshals.
func (w *watch) secrets(p *transcript.Player, e menu.Event) {
	key, ok := e.(menu.Pressed)
	at := p.Machine.State()
	if !ok || at.Asks != "entry" || at.Await != "key" {
		return
	}
	n := w.tree.Nodes[at.Node]
	if n.Collect != nil && !n.Collect.Entry.Secret() {
		return
	}
	if !p.Machine.Secret() {
		w.t.Fatal("a key of a secret may be recorded")
	}
	w.typed += string(rune(key.Key))
}

func (w *watch) effect(e menu.Effect) {
	text, err := json.Marshal(e)
	if err != nil {
		w.t.Fatal(err)
	}
	all := fmt.Sprintf("%+v %s %s", e, text, transcript.Line(e))
	_, timer := e.(menu.SetTimer)          // half a second is 500000000 too
	for i := 0; i+6 <= len(w.typed); i++ { // the shortest secret
		if !timer && strings.Contains(all, w.typed[i:i+6]) {
			w.t.Fatalf("an effect shows what was typed in secret: %s", all)
		}
	}
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
		w.tries = menu.Tries{}
	case menu.AppBound:
		move(e.App, "open", "open")
	case menu.AppClosed:
		move(e.App, "open", "closed")
		if e.Tries != w.tries {
			w.t.Fatalf("application %d ends with %+v, and what was told of it is %+v", e.App, e.Tries, w.tries)
		}
		if !e.Result.Valid() {
			w.t.Fatalf("%v is not in the closed set", e.Result)
		}
	case menu.AppLeft:
		move(e.App, "open", "left")
	case menu.End:
		w.ended = true
	case menu.Missed:
		switch e.Why {
		case menu.NoInput:
			w.tries.NoInput++
		case menu.NoMatch:
			w.tries.Invalid++
		default:
			w.t.Fatalf("%q is no miss", e.Why)
		}
	case menu.Replayed:
		w.tries.Replays++
	case menu.Entered, menu.StopPlay, menu.Speak, menu.Rated, menu.CallBack:
	default:
		w.t.Fatal(fmt.Sprintf("unknown effect %T", e))
	}
}

// FuzzLoad reads whatever is written, and holds a call on every menu that has no
// problem to what a Machine promises (see FuzzMachine).
func FuzzLoad(f *testing.F) {
	beside := os.DirFS("tree/testdata/whole") // what a menu may include and refer to
	for _, pattern := range []string{"tree/testdata/*.yaml", "tree/testdata/whole/*.yaml", "tree/testdata/bad/*.yaml", "../../menus/*.yaml"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			data, _ := os.ReadFile(file)
			f.Add(string(data), []byte{3, 1, 1, 1, 32, 50, 101, 10, 10, 12, 11, 0, 12, 40, 15, 40})
		}
	}
	f.Fuzz(func(t *testing.T, text string, script []byte) {
		menu, err := tree.Load(overlay{fstest.MapFS{"m.yaml": {Data: []byte(text)}}, beside}, "m.yaml", nil)
		if (menu == nil) == (err == nil) {
			t.Fatal("a tree and an error, or neither")
		}
		if menu != nil {
			walk(t, menu, script)
		}
	})
}

// overlay is the files of a folder with others in front of them.
type overlay struct {
	front fstest.MapFS
	fs.FS
}

func (o overlay) Open(name string) (fs.File, error) {
	if _, there := o.front[name]; there {
		return o.front.Open(name)
	}
	return o.FS.Open(name)
}
