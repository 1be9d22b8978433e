package check

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"hotline/internal/menu"
	"hotline/internal/menu/transcript"
	"hotline/internal/menu/tree"
	"hotline/internal/orders"
	"hotline/internal/prompts"
)

// small is a menu with every kind of question and task, small enough to be explored
// once for each fault.
func small(t *testing.T) (*tree.Tree, *prompts.Catalog) {
	t.Helper()
	c, err := prompts.Load(os.DirFS("../../../prompts"))
	if err != nil {
		t.Fatal(err)
	}
	return load(t, c, read(t, "testdata/small.yaml")), c
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func load(t *testing.T, c *prompts.Catalog, text string) *tree.Tree {
	t.Helper()
	files := fstest.MapFS{"m.yaml": {Data: []byte(text)}, "services.yaml": {Data: []byte(read(t, "testdata/services.yaml"))}}
	tr, err := tree.Load(files, "m.yaml", func(id string) bool { return c.Has("zh", id) })
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// faulty is the real Machine with a fault planted in Step: spoil is given the event
// and what the Machine makes of it.
type faulty struct {
	*menu.Machine
	spoil func(m *menu.Machine, e menu.Event, effects []menu.Effect) []menu.Effect
	alter func(m *menu.Machine, e menu.Event) menu.Event
	deaf  bool // does not tell that keys are secret
}

func (f faulty) Step(e menu.Event) []menu.Effect {
	if f.alter != nil {
		e = f.alter(f.Machine, e)
	}
	effects := slices.Clone(f.Machine.Step(e))
	if f.spoil != nil {
		effects = f.spoil(f.Machine, e, effects)
	}
	return effects
}

func (f faulty) Clone() Call {
	f.Machine = f.Machine.Clone()
	return f
}

func (f faulty) Secret() bool { return !f.deaf && f.Machine.Secret() }

// without leaves effects out.
func without(drop func(m *menu.Machine, e menu.Effect) bool) func(*menu.Machine, menu.Event, []menu.Effect) []menu.Effect {
	return func(m *menu.Machine, _ menu.Event, effects []menu.Effect) []menu.Effect {
		return slices.DeleteFunc(effects, func(e menu.Effect) bool { return drop(m, e) })
	}
}

// repeating makes errors at some nodes a wish to hear it again, which nobody counts.
func repeating(which func(m *menu.Machine, e menu.Event) bool) func(*menu.Machine, menu.Event) menu.Event {
	return func(m *menu.Machine, e menu.Event) menu.Event {
		if s := m.State(); s.Await == "key" && s.Asks == "menu" && which(m, e) {
			return menu.Pressed{Key: '#'}
		}
		return e
	}
}

// planted is a fault with what the checker has to say of it.
type planted struct {
	faulty
	rule  string
	node  string // where; "" anywhere
	story string // part of the transcript
}

// silences are faults that leave a caller without a word, or with two at once.
func silences() map[string]planted {
	return map[string]planted{
		"an announcement is dropped": {faulty{spoil: without(func(m *menu.Machine, e menu.Effect) bool {
			_, play := e.(menu.Play)
			return play && m.State().Asks == "confirm"
		})}, "dead-air", "service", "> press 2\n"},
		"an announcement without words": {faulty{spoil: func(m *menu.Machine, _ menu.Event, effects []menu.Effect) []menu.Effect {
			for i, e := range effects {
				if p, ok := e.(menu.Play); ok && m.Node() == "news" {
					effects[i] = menu.Play{ID: p.ID, Node: p.Node}
				}
			}
			return effects
		}}, "dead-air", "main", "> press 5\n"},
		"the first timer is forgotten": {faulty{spoil: without(func(_ *menu.Machine, e menu.Effect) bool {
			timer, ok := e.(menu.SetTimer)
			return ok && timer.For == menu.FirstDigit
		})}, "dead-air", "main", "> played\n"},
		"nobody tells that it takes longer": {faulty{spoil: without(func(_ *menu.Machine, e menu.Effect) bool {
			timer, ok := e.(menu.SetTimer)
			return ok && timer.For == menu.StillThere
		})}, "dead-air", "balance", "> played\n"},
		"an announcement is not stopped": {faulty{spoil: without(func(_ *menu.Machine, e menu.Effect) bool {
			_, stop := e.(menu.StopPlay)
			return stop
		})}, "two-at-once", "main", "> stopping\n"},
	}
}

// miscounts are faults by which calls and applications are not what is counted.
func miscounts() map[string]planted {
	return map[string]planted{
		"an application is closed twice": {faulty{spoil: func(_ *menu.Machine, _ menu.Event, effects []menu.Effect) []menu.Effect {
			for _, e := range effects {
				if closed, ok := e.(menu.AppClosed); ok && closed.Result.Outcome == orders.Rejected {
					return append([]menu.Effect{closed}, effects...)
				}
			}
			return effects
		}}, "two-outcomes", "", "> answer rejected/"},
		"an application is left open": {faulty{spoil: without(func(_ *menu.Machine, e menu.Effect) bool {
			closed, ok := e.(menu.AppClosed)
			return ok && closed.Result.Outcome == orders.InputFailed
		})}, "no-outcome", "main", "> hangup\n"},
		"a closed application is asked for": {faulty{spoil: func(_ *menu.Machine, _ menu.Event, effects []menu.Effect) []menu.Effect {
			for i, e := range effects {
				if s, ok := e.(menu.Submit); ok {
					s.App++
					effects[i] = s
				}
			}
			return effects
		}}, "application", "service", "> press 1\n"},
		"an outcome that is not counted": {faulty{spoil: func(_ *menu.Machine, _ menu.Event, effects []menu.Effect) []menu.Effect {
			for i, e := range effects {
				if closed, ok := e.(menu.AppClosed); ok && closed.Result.Outcome == orders.Cancelled {
					closed.Result.Detail = "maybe"
					effects[i] = closed
				}
			}
			return effects
		}}, "application", "service", "> press 2\n"},
		"something comes after the end": {faulty{spoil: func(_ *menu.Machine, _ menu.Event, effects []menu.Effect) []menu.Effect {
			if n := len(effects); n > 0 {
				if end, ok := effects[n-1].(menu.End); ok && end.Reason == menu.GaveUp {
					return append(effects, menu.StopPlay{ID: 1})
				}
			}
			return effects
		}}, "after-end", "main", "end gave_up\nstop\n"},
		"an ID is used again": {faulty{spoil: func(_ *menu.Machine, _ menu.Event, effects []menu.Effect) []menu.Effect {
			for i, e := range effects {
				if timer, ok := e.(menu.SetTimer); ok && timer.For == menu.InterDigit {
					effects[i] = menu.SetTimer{ID: 1, After: timer.After, For: timer.For}
				}
			}
			return effects
		}}, "id", "main", "> press *\n"},
	}
}

// escapes are faults that let secrets out, and callers not.
func escapes() map[string]planted {
	return map[string]planted{
		"a password in an effect": {faulty{spoil: func(_ *menu.Machine, _ menu.Event, effects []menu.Effect) []menu.Effect {
			for _, e := range effects {
				if v, ok := e.(menu.Verify); ok {
					return append(effects, menu.Look{ID: v.ID + 1000, Service: v.Password.Reveal()})
				}
			}
			return effects
		}}, "secret-leak", "password", "verify •••\n"},
		"keys of a password are recorded": {faulty{deaf: true}, "secret-key", "password", "> press 4\n"},
		"a node without an exit": {faulty{alter: repeating(func(m *menu.Machine, e menu.Event) bool {
			_, pressed := e.(menu.Pressed)
			_, elapsed := e.(menu.Elapsed)
			return m.Node() == "deep" && (pressed || elapsed)
		})}, "no-exit", "deep", "node deep\n"},
		"silence is not counted": {faulty{alter: repeating(func(m *menu.Machine, e menu.Event) bool {
			_, elapsed := e.(menu.Elapsed)
			return elapsed && m.State().Partial == ""
		})}, "endless", "main", "# and from here on again and again:\n"},
		"wrong keys are not counted": {faulty{alter: repeating(func(_ *menu.Machine, e menu.Event) bool {
			p, pressed := e.(menu.Pressed)
			return pressed && p.Key == '9'
		})}, "endless", "main", "> press 9\n"},
		"it breaks down": {faulty{alter: func(m *menu.Machine, e menu.Event) menu.Event {
			if _, back := e.(menu.Returned); back {
				panic("nobody is here")
			}
			return e
		}}, "crash", "person", "> refused\n"},
		"a state is counted without end": {faulty{}, "too-many-states", "", ""},
		"a number is read back in clear": {faulty{spoil: func(_ *menu.Machine, _ menu.Event, effects []menu.Effect) []menu.Effect {
			for _, e := range effects {
				if p, ok := e.(menu.Play); ok {
					for i := range p.Refs {
						p.Refs[i].As = ""
					}
				}
			}
			return effects
		}}, "secret-leak", "number", "> press 1\n"},
		"errors by turns are not counted": {faulty{alter: repeating(func(m *menu.Machine, e menu.Event) bool {
			p, pressed := e.(menu.Pressed)
			s := m.State()
			return pressed && p.Key == '9' && s.NoInput > 0 && s.Invalid > 0
		})}, "endless", "main", "> press 9\n"},
	}
}

// TestFaultsAreFound plants faults in the real Machine, one at a time.
func TestFaultsAreFound(t *testing.T) {
	tr, c := small(t)
	for _, faults := range []map[string]planted{silences(), miscounts(), escapes()} {
		for name, f := range faults {
			t.Run(name, func(t *testing.T) { isFound(t, tr, c, f) })
		}
	}
	if r := Check(tr, c, Options{}); len(r.Findings)+len(r.Texts) > 0 {
		t.Errorf("without a fault: %v %v", r.Findings, r.Texts)
	}
}

// isFound explores a call with a fault in it.
func isFound(t *testing.T, tr *tree.Tree, c *prompts.Catalog, f planted) {
	x := newExplorer(tr, newLengths(tr, c), func() Call {
		f.faulty.Machine = menu.New(tr)
		return f.faulty
	}, Options{})
	if f.rule == "too-many-states" {
		x.limit = 100
	}
	x.run()
	x.judge()
	var found []Finding
	for _, v := range x.found {
		found = append(found, x.finding(v))
	}
	i := slices.IndexFunc(found, func(found Finding) bool {
		return found.Rule == f.rule && (f.node == "" || found.Pos == tr.Nodes[f.node].Pos)
	})
	if i < 0 {
		t.Fatalf("not found in %v", found)
	}
	if !strings.Contains(found[i].Transcript, f.story) {
		t.Errorf("no %q in\n%s", f.story, found[i].Transcript)
	}
	if f.rule == "dead-air" {
		replays(t, tr, found[i].Transcript)
	}
}

// replays wants a transcript that the simulator can play.
func replays(t *testing.T, tr *tree.Tree, text string) {
	t.Helper()
	if _, err := transcript.Run(tr, text); err != nil {
		t.Errorf("%v in\n%s", err, text)
	}
}
