package check

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"hotline/internal/menu"
	"hotline/internal/menu/transcript"
	"hotline/internal/menu/tree"
	"hotline/internal/orders"
	"hotline/internal/orders/entry"
	"hotline/internal/prompts"
)

// TestShippedHotline: nothing is wrong with it, every node is come to, and calls have
// an end that can be waited for.
func TestShippedHotline(t *testing.T) {
	tr, c := shipped(t)
	r := Check(tr, c, Options{})
	for _, f := range append(r.Findings, r.Texts...) {
		t.Errorf("%v\n%s", f.Problem, f.Transcript)
	}
	if r.States < 10_000 || r.Steps < 5*r.States {
		t.Errorf("only %d states, %d events: something is not explored", r.States, r.Steps)
	}
	if r.Silent < time.Minute || r.Erring < r.Silent || r.Erring > 15*time.Minute {
		t.Errorf("silent %v, erring %v", r.Silent, r.Erring)
	}
	if !r.Estimated {
		t.Error("no recordings are known, and the lengths are said to be theirs")
	}
	codes := 0
	for _, id := range tr.Codes {
		if tr.Nodes[id].Menu == nil {
			codes++
		}
	}
	if len(r.Functions) != codes {
		t.Errorf("%d functions, %d codes of functions", len(r.Functions), codes)
	}
	for _, f := range r.Functions {
		if f.Listens <= f.AtOnce || f.Dials != "#"+f.Code+"#" && f.Dials != "" || f.Dials == "" || f.Name == f.Node {
			t.Errorf("%+v", f)
		}
		follows(t, tr, f.Keys, f.Node)
		follows(t, tr, f.Dials, f.Node)
	}
}

// follows presses the keys and wants to come to the node.
func follows(t *testing.T, tr *tree.Tree, keys, node string) {
	t.Helper()
	p := transcript.New(tr)
	p.Step(menu.Started{})
	come := false
	for i := range len(keys) {
		for _, e := range p.Step(menu.Pressed{Key: keys[i]}) {
			entered, ok := e.(menu.Entered)
			come = come || ok && entered.Node == node
		}
	}
	if !come {
		t.Errorf("keys %s do not lead to %q", keys, node)
	}
}

// TestSecondsAreThoseOfTheRecordings computes by hand what a caller hears on the way
// to the second option.
func TestSecondsAreThoseOfTheRecordings(t *testing.T) {
	tr, c := small(t)
	r := Check(tr, c, Options{})
	i := slices.IndexFunc(r.Functions, func(f Reach) bool { return f.Node == "service" })
	if i < 0 {
		t.Fatalf("%+v", r.Functions)
	}
	ms := 0
	for _, id := range []string{"label.101", "menu.press", "key.1", "svc.caller_id", "menu.press", "key.2"} {
		ms += prompts.EstimateMS(c.Text("zh", prompts.Prompt(id)))
	}
	got := r.Functions[i]
	if want := float64(ms+500) / 1000; got.Listens != want || got.AtOnce != 0.5 || got.Keys != "2" || got.Service != "caller_id" || got.Action != orders.Open {
		t.Errorf("%+v, want %v s", got, want)
	}
}

// TestSilentCaller: the bound is what the Machine does to a caller who presses nothing.
func TestSilentCaller(t *testing.T) {
	tr, c := small(t)
	l := newLengths(tr, c)
	var took time.Duration
	p := transcript.New(tr)
	effects := p.Step(menu.Started{})
	for !p.Machine.Ended() {
		var next menu.Event
		for _, e := range effects {
			switch e := e.(type) {
			case menu.Play:
				took += l.of(e.Refs)
				next = menu.Played{ID: e.ID}
			case menu.SetTimer:
				took += e.After
				next = menu.Elapsed{ID: e.ID}
			}
		}
		effects = p.Step(next)
	}
	x := newExplorer(tr, l, func() Call { return begin(tr) }, Options{})
	x.run()
	if r := Check(tr, c, Options{}); r.Silent < took || r.Silent > 3*took {
		t.Errorf("a silent caller's call takes %v, the bound is %v", took, r.Silent)
	}
}

// TestEntries: each word that is tried does what it is there for.
func TestEntries(t *testing.T) {
	for _, kind := range []entry.Kind{entry.Amount, entry.Month, entry.Phone, entry.IDCard, entry.Password, entry.Digits} {
		fewest, most := kind.Length()
		if kind == entry.Digits {
			fewest, most = 4, 8
		}
		faults := map[entry.Fault]int{}
		for _, w := range words(kind, fewest, most, "975318642") {
			_, fault := kind.Parse(w, fewest, most)
			faults[fault]++
		}
		if faults[entry.NoFault] < 2 || faults[entry.TooLong] == 0 ||
			fewest > 1 && faults[entry.TooShort] == 0 ||
			kind != entry.Password && kind != entry.Digits && faults[entry.Malformed] == 0 {
			t.Errorf("%s: %v of %q", kind, faults, words(kind, fewest, most, "975318642"))
		}
	}
}

// FuzzCheck: a menu that can be read can be checked, whatever it is like, and what is
// found has a transcript that the simulator plays.
func FuzzCheck(f *testing.F) {
	for _, pattern := range []string{"testdata/*.yaml", "../testdata/corners/*.yaml", "../tree/testdata/*.yaml", "../tree/testdata/whole/*.yaml"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			data, _ := os.ReadFile(file)
			f.Add(string(data))
		}
	}
	c, err := prompts.Load(os.DirFS("../../../prompts"))
	if err != nil {
		f.Fatal(err)
	}
	services, err := os.ReadFile("testdata/services.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tr, err := tree.Load(fstest.MapFS{"m.yaml": {Data: []byte(text)}, "services.yaml": {Data: services}}, "m.yaml", nil)
		if err != nil {
			return
		}
		r := &Report{}
		r.guide(tr, c)
		x := newExplorer(tr, newLengths(tr, c), func() Call { return begin(tr) }, Options{})
		x.limit = 3000
		x.run()
		x.judge()
		x.goodbye(0, edge.unwanted)
		x.listen(0)
		for _, v := range x.found {
			found := x.finding(v)
			if found.Rule == "crash" {
				t.Fatalf("%v\n%s", found, found.Transcript)
			}
			if _, err := transcript.Run(tr, found.Transcript); err != nil && !strings.Contains(found.Transcript, "> silence") {
				t.Fatalf("%v in\n%s", err, found.Transcript)
			}
		}
	})
}

// TestKeysWhileTheBOSSIsAsked: on the hotline without barge-in, a caller whose stars the
// BOSS has yet to tell, and who types ahead while a query is answered, is in no circle.
func TestKeysWhileTheBOSSIsAsked(t *testing.T) {
	_, c := shipped(t)
	files := fstest.MapFS{}
	for _, name := range []string{"10086.yaml", "10086/1.yaml", "10086/2.yaml", "10086/3.yaml", "services.yaml", "calendars.yaml"} {
		files[name] = &fstest.MapFile{Data: []byte(read(t, "../../../menus/"+name))}
	}
	files["10086.yaml"].Data = []byte(strings.Replace(read(t, "../../../menus/10086.yaml"), "\nstart: main\n", "\nstart: main\nbarge_in: false\n", 1))
	tr, err := tree.Load(files, "10086.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	if tr.Nodes["main"].BargeIn {
		t.Fatal("announcements are cut short")
	}
	for _, f := range Check(tr, c, Options{}).Findings {
		t.Errorf("%v", f.Problem)
	}
}
