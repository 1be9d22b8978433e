package ivr

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"hotline/internal/ivr/asterisk"
	"hotline/internal/menu/tree"
)

// street is an Asterisk on which another server lives, or does not.
type street struct {
	mu       sync.Mutex
	down     bool
	dies     time.Time // it has beaten once a second until then
	back     time.Time // and again from then on; zero: never
	never    bool      // it has never beaten at all
	left     []string
	persons  []string // of left, those who are with a person
	fetched  []string
	args     []string
	played   []string
	failures int           // of Fetch
	busy     time.Duration // that Hush takes
}

func (s *street) State() (bool, string) { return !s.down, "" }

func (s *street) Beat(context.Context, string) (string, error) {
	now := time.Now()
	switch {
	case s.never:
		return "", nil
	case !s.back.IsZero() && !now.Before(s.back), now.Before(s.dies):
		return fmt.Sprint(now.Unix()), nil
	}
	return fmt.Sprint(s.dies.Unix()), nil
}

func (s *street) Left(context.Context, string) ([]string, error) { return slices.Clone(s.left), nil }

func (s *street) Where(_ context.Context, channel string) (a asterisk.Arrival, inside bool, err error) {
	return asterisk.Arrival{Channel: channel, Args: []string{callID, "10086", "13800000001", "1", "1800"}}, !slices.Contains(s.persons, channel), nil
}

func (s *street) Hush(_ context.Context, playbacks []string) error {
	<-time.After(s.busy)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.played = playbacks
	return nil
}

func (s *street) Fetch(_ context.Context, channel string, args []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failures > 0 {
		s.failures--
		return errors.New("asterisk does not want to")
	}
	s.fetched, s.args = append(s.fetched, channel), args
	return nil
}

// TestStandBy: a dead server's callers are taken over, in time; no living one's.
func TestStandBy(t *testing.T) {
	const channel = "1.1"
	for name, c := range map[string]struct {
		street  func(now time.Time) *street
		fetched bool
	}{
		"it lives":          {func(now time.Time) *street { return &street{dies: now.Add(time.Hour)} }, false},
		"it dies":           {func(now time.Time) *street { return &street{dies: now.Add(10 * time.Second)} }, true},
		"at the second try": {func(now time.Time) *street { return &street{dies: now.Add(10 * time.Second), failures: 1} }, true},
		"it is back soon": {func(now time.Time) *street {
			return &street{dies: now.Add(10 * time.Second), back: now.Add(13 * time.Second)}
		}, false},
		"it is back while it is silenced": {func(now time.Time) *street {
			return &street{dies: now.Add(10 * time.Second), busy: 2 * time.Second, back: now.Add(16 * time.Second)}
		}, false},
		"with a person": {func(now time.Time) *street {
			return &street{dies: now.Add(10 * time.Second), persons: []string{channel}}
		}, false},
		"of another version":      {func(time.Time) *street { return &street{never: true} }, false},
		"we do not hear Asterisk": {func(now time.Time) *street { return &street{dies: now.Add(10 * time.Second), down: true} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, shipped(t))
				r.server.opt.Recall = func(context.Context, uuid.UUID) (Past, error) {
					past := standing
					past.Elsewhere = true
					return past, nil
				}
				s := c.street(time.Now())
				s.left = []string{channel}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second+silenceLimit)
				defer cancel()
				if err := r.server.StandBy(ctx, s, "ivr-a"); !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
				if got := slices.Equal(s.fetched, []string{channel}); got != c.fetched {
					t.Errorf("fetched %q", s.fetched)
				}
				if !c.fetched {
					return
				}
				if want := []string{callID, "10086", "13800000001", "1", "1800", taken}; !slices.Equal(s.args, want) {
					t.Errorf("arrives with %q, want %q", s.args, want)
				}
				if !slices.Contains(s.played, callID+"-5") {
					t.Errorf("ends %q, not what the caller hears", s.played)
				}
			})
		})
	}
}

// TestTakenOverWithoutARecord: what the dead server had recorded is still in its spool. The
// call begins, with numbers that leave room for it.
func TestTakenOverWithoutARecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, shipped(t))
		defer func() { r.end() }()
		past := standing
		past.Resumed.Nodes, past.Resumed.Last = nil, 1000
		past.Record = func(Call, *tree.Tree) Record { return r.notes }
		r.server.opt.Recall = func(context.Context, uuid.UUID) (Past, error) { return past, ErrNothingKnown }
		var ctx context.Context
		ctx, r.cancel = context.WithCancel(context.Background())
		r.server.Arrive(ctx, r.line, asterisk.Arrival{Args: []string{callID, "10086", "13800000001", "0", "1800", taken}, At: time.Now()})
		<-r.line.finished // the apology
		synctest.Wait()
		if got := r.notes.take(); len(got) == 0 || got[0] != "play sys.resumed" || !slices.Contains(got, "node main") {
			t.Errorf("got %q", got)
		}
	})
}

// TestTakenOverWhileWeLive: the way to Asterisk was cut for long enough to be taken for dead. A
// call that another server has gone on with is not ended by us, all others are.
func TestTakenOverWhileWeLive(t *testing.T) {
	for name, c := range map[string]struct {
		past   Past
		err    error
		comes  asterisk.Event // from Asterisk, when it is in reach again; nil: it is not
		theirs bool
	}{
		"another has it, we hear nothing":        {Past{Elsewhere: true}, nil, nil, true},
		"another has it, we are back":            {Past{Elsewhere: true}, nil, asterisk.Vanished{}, true},
		"another has fetched it":                 {Past{Elsewhere: true}, nil, asterisk.Left{}, true},
		"nobody has it, we hear nothing":         {Past{}, nil, nil, false},
		"nobody has it, the channel has gone":    {Past{}, nil, asterisk.Vanished{}, false},
		"Postgres does not say who has it":       {Past{Elsewhere: true}, errors.New("away"), nil, false},
		"it was not taken, and is our own again": {Past{}, nil, asterisk.Back{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, shipped(t))
				defer func() { r.end() }()
				r.server.opt.Recall = func(context.Context, uuid.UUID) (Past, error) { return c.past, c.err }
				r.do("call")
				_, fetched := c.comes.(asterisk.Left)
				if !fetched {
					r.line.events <- asterisk.Lost{At: time.Now()}
				}
				<-time.After(deadAfter)
				if _, back := c.comes.(asterisk.Back); back {
					r.line.events <- c.comes
				} else if c.comes != nil {
					r.line.leave(c.comes)
				}
				<-time.After(silenceLimit)
				synctest.Wait()
				if got := strings.Contains(strings.Join(r.notes.take(), "\n"), "end switch_lost"); got == c.theirs {
					t.Errorf("ended by us: %v", got)
				}
				if _, back := c.comes.(asterisk.Back); back {
					r.do("hangup")
				}
			})
		})
	}
}
