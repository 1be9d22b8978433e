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

func (l *looks) Where(_ context.Context, channel string) (a asterisk.Arrival, inside bool, err error) {
	l.t.Errorf("channel %s is asked for", channel)
	return a, false, nil
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

// TestRescueLeavesAConversation: who is with a person needs no server, and hears the
// apology when he is back.
func TestRescueLeavesAConversation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, shipped(t))
		r.line.mute = true
		done := make(chan struct{})
		go func() {
			defer close(done)
			r.server.apologise(t.Context(), r.line)
		}()
		r.line.events <- asterisk.RequestFailed{Request: asterisk.RequestPlay, Status: 409}
		<-time.After(time.Hour)
		if len(r.line.hungUp) > 0 {
			t.Fatal("the conversation has been ended")
		}
		r.line.mu.Lock()
		r.line.mute = false
		r.line.mu.Unlock()
		r.line.events <- asterisk.Returned{At: time.Now()}
		<-r.line.finished
		<-done
		if len(r.line.hungUp) != 1 {
			t.Error("not hung up after the apology")
		}
	})
}

// TestACallThatNobodyKnows comes back from a person, to a server that has not sent it
// there: it is no new call.
func TestACallThatNobodyKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, shipped(t))
		r.server.Arrive(t.Context(), r.line, asterisk.Arrival{Args: []string{callID, "10086", "", "0", "1800", "1", ""}})
		<-r.line.finished
		r.server.sessions.Wait()
		if len(r.line.hungUp) != 1 || len(r.server.Live()) > 0 || len(r.notes.take()) > 0 {
			t.Error("not hung up, or taken for a call")
		}
	})
}
