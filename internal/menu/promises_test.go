package menu_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hotline/internal/menu"
	"hotline/internal/menu/transcript"
	"hotline/internal/menu/tree"
	"hotline/internal/orders"
)

// TestSecretTellsBeforeAKey: what may become part of something private is not to be
// recorded, wherever it is typed; what only chooses is.
func TestSecretTellsBeforeAKey(t *testing.T) {
	files := map[string]*tree.Tree{
		"language": fixture(t, "testdata/language/menu.yaml"),
		"corners":  fixture(t, "testdata/corners/menu.yaml"),
		"private":  fixture(t, "testdata/private.yaml"),
	}
	for _, tt := range []struct {
		menu, name string
		lines      string
		want       bool
	}{
		{"language", "before the call", "", false},
		{"language", "a menu", "call", false},
		{"language", "a menu in silence", "call;played", false},
		{"language", "a code", "call;press #31", false},
		{"language", "a password", "call;press 11", true},
		{"language", "a password asked for in silence", "call;press 11;played", true},
		{"language", "the middle of a password", "call;press 11123", true},
		{"language", "after a password", "call;press 11123456#", true},
		{"language", "behind a wrong password", "call;press 11123456#;played;answer auth_failed/wrong_password", true},
		{"language", "behind a locked password", "call;press 11123456#;played;answer auth_failed/locked", true},
		{"language", "a goodbye cuts a password", "call;press 1112#12#12#", true},
		{"language", "the end", "call;hangup", false},
		{"language", "a month", "call;press 11123456#;played;answer success/confirmed", false},
		{"language", "a telephone number", "call;press 12", true},
		{"language", "is it right?", "call;press 1213800000002#", false},
		{"language", "secret digits", "call;press 51", true},
		{"language", "an amount", "call;press 33", false},
		{"language", "while the BOSS is asked", "call;press 13", true},
		{"language", "an answer that leads to a menu", "call;press 13;played;answer success/confirmed services=list: since=date:20260101", false},
		{"language", "an answer behind keys typed ahead", "call;press 13;press 1;played;answer success/confirmed services=list: since=date:20260101", true},
		{"language", "a transfer is announced", "call;press 0", true},
		{"language", "the pause before it", "call;press 0;played", true},
		{"language", "with the person", "call;press 0;played;silence", true},
		{"language", "be called back?", "call;press 0;played;silence;refused", false},
		{"corners", "a menu that no key cuts short", "call;press 1", true},
		{"corners", "the same in silence", "call;press 1;played", false},
		{"corners", "a say that no key cuts short", "call;press 5", true},
		{"private", "a say before a password", "call;press 1", true},
		{"private", "a say before a telephone number", "call;press 2", true},
		{"private", "a say before a say before a number", "call;press 3", true},
		{"private", "a say before a switch", "call;press 4", true},
		{"private", "a language before a number", "call;press 5", true},
		{"private", "a say before a month", "call;press 6", false},
		{"private", "a say before a query", "call;press 7", true},
		{"private", "a say before a confirmation", "call;press 8", false},
		{"private", "a say before a menu that no key cuts short", "call;press 9;played;press 1", true},
		{"private", "a say before a language before a number", "call;press 9;played;press 2", true},
	} {
		p := transcript.New(files[tt.menu])
		for _, line := range strings.Split(tt.lines, ";") {
			if line != "" {
				follow(t, p, line)
			}
		}
		if got := p.Machine.Secret(); got != tt.want {
			t.Errorf("%s: secret %v, want %v (%+v)", tt.name, got, tt.want, p.Machine.State())
		}
	}
}

// TestSecretsAreUsedOnce: neither a secret nor its repetition outlives the order that it is for.
func TestSecretsAreUsedOnce(t *testing.T) {
	p := transcript.New(fixture(t, "testdata/language/menu.yaml"))
	for _, line := range []string{"call", "press 22123456#", "press 654321#", "press 654321#"} {
		follow(t, p, line)
	}
	if at := p.Machine.State(); at.Node != "22.order" || at.Vars != "" {
		t.Errorf("at %s a call still knows %d characters of what was typed", at.Node, len(at.Vars))
	}
}

// TestACompletionCompletesOneThingOnce plays every transcript, and holds it after each
// event to this: no ID completes anything but what it was given for, nor that twice.
func TestACompletionCompletesOneThingOnce(t *testing.T) {
	for _, name := range []string{"language", "corners", "iso"} {
		menu := fixture(t, "testdata/"+name+"/menu.yaml")
		files, _ := filepath.Glob("testdata/" + name + "/*.txt")
		if len(files) == 0 {
			t.Fatal("no transcripts of", name)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			once(t, menu, file, string(text))
		}
	}
}

func once(t *testing.T, tree *tree.Tree, file, text string) {
	p := transcript.New(tree)
	given := map[menu.ID]string{} // what for; "" is over
	for n, line := range strings.Split(text, "\n") {
		if !strings.HasPrefix(line, ">") {
			continue
		}
		events, err := p.Events(line[1:])
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			for _, f := range p.Step(e) {
				switch f := f.(type) {
				case menu.Play:
					given[f.ID] = "play"
				case menu.SetTimer:
					given[f.ID] = "timer"
				case menu.Ask:
					given[f.ID] = "task"
				case menu.Submit:
					given[f.ID] = "task"
				case menu.Verify:
					given[f.ID] = "task"
				case menu.Transfer:
					given[f.ID] = "move"
				case menu.Look:
					given[f.ID] = "" // the Player has answered
				}
			}
			switch e := e.(type) {
			case menu.Played:
				given[e.ID] = ""
			case menu.Elapsed:
				given[e.ID] = ""
			case menu.Answered:
				given[e.ID] = ""
			case menu.Returned:
				given[e.ID] = ""
			}
			for id, what := range given {
				for kind, late := range map[string]menu.Event{"play": menu.Played{ID: id}, "timer": menu.Elapsed{ID: id},
					"task": menu.Answered{ID: id}, "move": menu.Returned{ID: id}, "look": menu.Seen{ID: id}} {
					if f := p.Machine.Clone().Step(late); what != kind && len(f) > 0 {
						t.Fatalf("%s:%d: %#v, where %d is %q, leads to %s", file, n+1, late, id, what, transcript.Line(f[0]))
					}
				}
			}
		}
	}
}

// TestAHeldAnswerStands: the answer that waits for "please wait" to be said is the one that
// counts, and nobody is told to wait on any more.
func TestAHeldAnswerStands(t *testing.T) {
	p := transcript.New(fixture(t, "testdata/language/menu.yaml"))
	var still, task menu.ID
	for _, line := range []string{"call", "press 1"} {
		follow(t, p, line)
	}
	for _, f := range p.Step(menu.Pressed{Key: '3'}) {
		switch f := f.(type) {
		case menu.SetTimer:
			still = f.ID
		case menu.Ask:
			task = f.ID
		}
	}
	follow(t, p, "answer system_failed/boss_timeout")
	second := orders.Answer{Result: orders.Result{Outcome: orders.Rejected, Detail: orders.Other}}
	for _, e := range []menu.Event{menu.Elapsed{ID: still}, menu.Answered{ID: task, Answer: second}} {
		if f := p.Step(e); len(f) > 0 {
			t.Errorf("%#v leads to %s", e, transcript.Line(f[0]))
		}
	}
	if told := strings.Join(follow(t, p, "played"), " "); !strings.Contains(told, "query.boss_timeout") {
		t.Error(told)
	}
}

// TestWhatNobodyTypes: keys without end are no memory without end, and a place that no
// announcement has is none that the call falls over.
func TestWhatNobodyTypes(t *testing.T) {
	p := transcript.New(fixture(t, "testdata/language/menu.yaml"))
	follow(t, p, "call")
	follow(t, p, "press 33"+strings.Repeat("7", 1000))
	if typed := p.Machine.State().Typed; len(typed) > 100 {
		t.Errorf("%d keys of an amount are kept", len(typed))
	}
	follow(t, p, "press #")
	follow(t, p, "hangup at -1 0ms 0%")
}

// TestALookIsAnsweredByItsOwnID: whatever comes before the answer changes nothing, and
// keys are kept.
func TestALookIsAnsweredByItsOwnID(t *testing.T) {
	m := menu.New(fixture(t, "testdata/language/menu.yaml"))
	m.Step(menu.Started{})
	m.Step(menu.Pressed{Key: '1'})
	effects := m.Step(menu.Pressed{Key: '2'})
	look, ok := effects[len(effects)-1].(menu.Look)
	if !ok {
		t.Fatalf("the last effect is %v", effects)
	}
	for _, e := range []menu.Event{menu.Seen{}, menu.Seen{ID: look.ID + 1}, menu.Answered{ID: look.ID}, menu.Returned{ID: look.ID},
		menu.Elapsed{ID: look.ID}, menu.Played{ID: look.ID}, menu.Pressed{Key: '1'}} {
		if f := m.Step(e); len(f) > 0 {
			t.Errorf("%#v leads to %s", e, transcript.Line(f[0]))
		}
	}
	m.Step(menu.Seen{ID: look.ID})
	if at := m.State(); at.Typed != "1" {
		t.Errorf("the key kept while looking is lost: %q", at.Typed)
	}
}
