package ivr

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/menu"
)

// TestAKeyCutsASpokenValue: a value is one playlist of many recordings. A key in the
// middle of it stops all that is left, and what the caller had heard is told as the value
// and its milliseconds, whichever of its recordings was being played.
func TestAKeyCutsASpokenValue(t *testing.T) {
	for name, test := range map[string]struct {
		lines []string      // until the value is being said
		after time.Duration // from the begin of the announcement; every recording takes 1 s
		key   string
		heard menu.Heard // but for the announcement's number
		at    string     // as the journal names it, if the caller hangs up instead
	}{
		// entry.is, 138 and the pause, and two figures and a half of the next group, of twenty recordings.
		"a telephone number": {
			lines: []string{"call", "press 26", "press 13800000001#"}, after: 7500 * time.Millisecond, key: "press 1",
			heard: menu.Heard{Ref: 1, MS: 6500, Percent: 37}, at: "phone(138****0001) 6500ms 37%",
		},
		// balance.is, 五 and 十, and half of 八, of seven recordings.
		"an amount": {
			lines: []string{"call", "press 11", "played", "answer success/confirmed balance=money:5850"}, after: 3500 * time.Millisecond, key: "press 1",
			heard: menu.Heard{Ref: 1, MS: 2500, Percent: 50}, at: "money(5850) 2500ms 50%",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, shipped(t))
				defer r.end()
				for _, line := range test.lines {
					r.do(line)
				}
				playing := r.line.current
				<-time.After(test.after)
				r.do(test.key)
				got := r.notes.heard
				if got.Play == 0 {
					t.Error("the key came into no announcement")
				}
				got.Play = 0
				if got != test.heard {
					t.Errorf("heard %+v, want %+v", got, test.heard)
				}
				if !slices.Contains(r.line.log, "stop "+playing) || r.line.current == playing {
					t.Errorf("%s was not cut: %v", playing, r.line.log)
				}
			})
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, shipped(t))
				defer r.end()
				for _, line := range test.lines {
					r.do(line)
				}
				<-time.After(test.after)
				r.notes.take()
				r.do("hangup")
				if lines := r.notes.take(); len(lines) != 2 || !strings.HasSuffix(lines[0], test.at) {
					t.Errorf("got %q, want an end at %s", lines, test.at)
				}
			})
		})
	}
}
