package ivr

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/ivr/asterisk"
)

// looks is a Node that comes up late and gives one list after the other; what is
// adopted is a mistake of these tests' subject.
type looks struct {
	t     *testing.T
	up    time.Time
	lists [][]string // nil: it fails
}

func (l *looks) State() (bool, string) { return !time.Now().Before(l.up), "not yet" }

func (l *looks) Orphans(context.Context) ([]string, error) {
	list := l.lists[0]
	l.lists = l.lists[1:]
	if list == nil {
		return nil, errors.New("the connection has gone")
	}
	return list, nil
}

func (l *looks) Adopt(channel string) *asterisk.Channel {
	l.t.Errorf("channel %s is taken for a lost one", channel)
	return nil
}

// TestRescueTakesNoNewCalls: a call whose event is still on its way looks lost at
// the first glance only.
func TestRescueTakesNoNewCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, shipped(t))
		node := &looks{t: t, up: time.Now().Add(3 * time.Second), lists: [][]string{nil, {"arriving"}, nil, {"later"}}}
		if err := r.server.Rescue(t.Context(), node); err != nil || len(node.lists) > 0 {
			t.Errorf("%v, not looked at: %v", err, node.lists)
		}
	})
}

func TestRescueEndsWithTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, shipped(t))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		node := &looks{t: t, up: time.Now().Add(time.Hour)}
		if err := r.server.Rescue(ctx, node); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}
