package menu_test

import (
	"strings"
	"testing"

	"hotline/internal/menu"
	"hotline/internal/menu/transcript"
)

// TestNoIDCompletesNothing: 0 is the ID of nothing, also while nothing is awaited.
func TestNoIDCompletesNothing(t *testing.T) {
	tree := hotline(t)
	for name, said := range map[string][]string{
		"a menu is being said":         {"call"},
		"an answer waits to be said":   {"call", "press 1 1", "answer success/confirmed balance=money:5850"},
		"the pause before a transfer":  {"call", "press 0", "played"},
		"a key may be the first of **": {"call", "press *"},
	} {
		p := transcript.New(tree)
		for _, line := range said {
			follow(t, p, line)
		}
		for _, e := range []menu.Event{menu.Elapsed{}, menu.Answered{}, menu.Returned{}, menu.Played{}, menu.Committed{}, menu.Started{}} {
			if effects := p.Step(e); len(effects) > 0 {
				t.Errorf("%s: %#v leads to %s", name, e, transcript.Line(effects[0]))
			}
		}
	}
}

// follow makes one line of a transcript happen and gives what came of it.
func follow(t *testing.T, p *transcript.Player, line string) []string {
	t.Helper()
	events, err := p.Events(line)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, e := range events {
		for _, f := range p.Step(e) {
			lines = append(lines, transcript.Line(f))
		}
	}
	return lines
}

// TestAnAmountBeyondWhatIsReadIsTheErrorOfTheBOSS: an announcement that cannot be
// made would be silence to the caller, and a success to the journal.
func TestAnAmountBeyondWhatIsReadIsTheErrorOfTheBOSS(t *testing.T) {
	for fen, want := range map[string]string{
		"100000000000000": "app 1 ends success/confirmed",
		"100000000000001": "app 1 ends system_failed/boss_error",
	} {
		p := transcript.New(hotline(t))
		for _, line := range []string{"call", "press 1 1", "played"} {
			follow(t, p, line)
		}
		var told []string
		for _, line := range []string{"answer success/confirmed balance=money:" + fen, "played"} {
			told = append(told, follow(t, p, line)...)
		}
		if all := strings.Join(told, "\n"); !strings.Contains(all, want) {
			t.Errorf("%s fen: want %s in\n%s", fen, want, all)
		}
	}
}
