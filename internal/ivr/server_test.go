package ivr

import (
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/ivr/asterisk"
	"hotline/internal/menu/tree"
)

func TestNewCall(t *testing.T) {
	at := time.Now()
	c, err := newCall(asterisk.Arrival{Args: []string{callID, "10086", "+8613800000001", "1", "1800"}, At: at})
	if err != nil || c.ID.String() != callID || !c.At.Equal(at) || c.Dialled != "10086" || c.Caller.Reveal() != "8613800000001" || !c.Test || c.Limit != 30*time.Minute {
		t.Errorf("%+v, %v", c, err)
	}
	c, err = newCall(asterisk.Arrival{Args: []string{callID, "10086", "anonymous", "0", ""}})
	if err != nil || !c.Caller.IsZero() || c.Test || c.Limit != 0 {
		t.Errorf("a withheld number, and no limit: %+v, %v", c, err)
	}
	for _, args := range [][]string{nil, {""}, {"1", "10086"}} {
		if _, err := newCall(asterisk.Arrival{Args: args}); err == nil {
			t.Errorf("%q is a call", args)
		}
	}
}

func TestTheNumberPicksTheMenu(t *testing.T) {
	first, second := &tree.Tree{Dialled: []string{"10086"}}, &tree.Tree{Dialled: []string{"10010", "10011"}}
	c := &Content{Trees: []*tree.Tree{first, second}}
	for dialled, want := range map[string]*tree.Tree{"10086": first, "10011": second, "10010": second, "1": first, "": first} {
		if c.tree(dialled) != want {
			t.Errorf("%q leads to the wrong menu", dialled)
		}
	}
}

// TestApology: a caller whose server died hears it and is hung up, whatever comes of it.
func TestApology(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(*fakeLine)
		after   time.Duration
	}{
		"heard":           {func(*fakeLine) {}, time.Second},
		"refused":         {func(l *fakeLine) { l.mute = true; l.events <- asterisk.RequestFailed{Request: asterisk.RequestPlay} }, 0},
		"never told of":   {func(l *fakeLine) { l.mute = true }, earlier},
		"begun, no end":   {func(l *fakeLine) { l.mute = true; l.events <- asterisk.PlayStarted{} }, time.Second + mediaMargin},
		"other news only": {func(l *fakeLine) { l.events <- asterisk.Digit{Key: '1'} }, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, shipped(t))
				c.happens(r.line)
				began := time.Now()
				r.server.apologise(t.Context(), r.line)
				if len(r.line.hungUp) != 1 || time.Since(began) != c.after {
					t.Errorf("hung up %d times after %v, want once after %v", len(r.line.hungUp), time.Since(began), c.after)
				}
			})
		})
	}
}
