package ivr

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"hotline/internal/ivr/asterisk"
	"hotline/internal/menu"
	"hotline/internal/menu/tree"
)

// standing is a call that was asked to choose in a menu, and is still being told how.
var standing = Past{Playing: 5, Resumed: menu.Resumed{Nodes: []string{"main", "3"}, Last: 5}}

// TestResumeEndsWhatWasBegun: nobody listens to a minute of what a dead server had begun
// to say, be it at its first attempt or at a later one.
func TestResumeEndsWhatWasBegun(t *testing.T) {
	for name, c := range map[string]struct {
		plays     string
		elsewhere bool
	}{
		"as recorded":                      {callID + "-5", false},
		"said again after a cut":           {callID + "-5.1", false},
		"at Asterisk's second attempt":     {callID + "-5~2", false},
		"not delivered yet, of another's":  {callID + "-9", true},
		"nothing, and so nothing is ended": {"of-nobody", false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, shipped(t))
				defer func() { r.end() }()
				r.line.Play(c.plays, make([]string, 60), "")
				past := standing
				past.Elsewhere = c.elsewhere
				r.resume(past)
				synctest.Wait()
				r.line.mu.Lock()
				defer r.line.mu.Unlock()
				if got, want := slices.Contains(r.line.log, "stop "+c.plays), c.plays != "of-nobody"; got != want {
					t.Errorf("ended: %v; asked %q", got, r.line.log)
				}
				if want := "play " + callID + "-6"; !slices.Contains(r.line.log, want) {
					t.Errorf("no apology (%s) in %q", want, r.line.log)
				}
			})
		})
	}
}

// TestResumeWaitsForTheRest: of steps, and for Postgres; not for ever.
func TestResumeWaitsForTheRest(t *testing.T) {
	away := errors.New("postgres is away")
	for name, c := range map[string]struct {
		until time.Duration // Recall has nothing better to say
		past  Past
		err   error
		goes  bool // the call goes on
	}{
		"steps on their way":     {time.Second, Past{Incomplete: true}, nil, true},
		"postgres is back soon":  {time.Second, Past{}, away, true},
		"some steps never come":  {time.Hour, Past{Incomplete: true, Resumed: standing.Resumed}, nil, true},
		"postgres stays away":    {time.Hour, Past{}, away, false},
		"nothing is known of it": {time.Hour, Past{}, ErrNothingKnown, true}, // it begins
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, shipped(t))
				defer func() { r.end() }()
				began := time.Now()
				r.resumeBy(func(context.Context, uuid.UUID) (Past, error) {
					p, err := c.past, c.err
					if time.Since(began) >= c.until {
						p, err = standing, nil
					}
					p.Record = func(Call, *tree.Tree) Record { return r.notes }
					return p, err
				})
				<-time.After(recallWait + 100*time.Millisecond)
				r.line.mu.Lock()
				if r.line.current == "" {
					t.Errorf("still in silence")
				}
				r.line.mu.Unlock()
				<-time.After(2 * promptMS * time.Millisecond) // a goodbye would be over
				synctest.Wait()
				if goes := len(r.line.hungUp) == 0; goes != c.goes {
					t.Errorf("goes on: %v", goes)
				}
				if live := len(r.server.Live()) == 1; live != c.goes {
					t.Errorf("live: %v", live)
				}
			})
		})
	}
}

// TestAnEndedCallIsHungUp: the server died between the goodbye and the hang-up.
func TestAnEndedCallIsHungUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, shipped(t))
		r.resume(Past{Ended: true})
		r.server.sessions.Wait()
		if len(r.line.hungUp) != 1 || len(r.line.log) > 0 {
			t.Errorf("hung up %d times, said %q", len(r.line.hungUp), r.line.log)
		}
	})
}

// TestNoCallIsServedTwice: a call that is found on the switch and comes in as well.
func TestNoCallIsServedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, shipped(t))
		defer func() { r.end() }()
		r.resume(standing)
		r.takeUp(t.Context())
		synctest.Wait()
		if len(r.server.Live()) != 1 || len(r.line.hungUp) > 0 {
			t.Errorf("%d calls, hung up %d times", len(r.server.Live()), len(r.line.hungUp))
		}
	})
}

// TestBackFromAPersonWithoutHisServer: where the menu says, without an apology.
func TestBackFromAPersonWithoutHisServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, shipped(t))
		defer func() { r.end() }()
		past := Past{Resumed: menu.Resumed{Nodes: []string{"main", "person", "person.zh"}, Last: 9}, Record: func(Call, *tree.Tree) Record { return r.notes }}
		r.server.opt.Recall = func(context.Context, uuid.UUID) (Past, error) { return past, nil }
		var ctx context.Context
		ctx, r.cancel = context.WithCancel(context.Background())
		r.server.Arrive(ctx, r.line, asterisk.Arrival{Args: []string{callID, "10086", "13800000001", "0", "1800", "1", "3011"}, At: time.Now()})
		synctest.Wait()
		if got := r.notes.take(); !slices.Contains(got, "node 3011") || slices.Contains(got, "play sys.resumed") {
			t.Errorf("got %q", got)
		}
	})
}
