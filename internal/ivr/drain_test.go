package ivr

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"hotline/internal/ivr/asterisk"
	"hotline/internal/orders"
)

func TestAdmission(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, shipped(t))
		defer r.end()
		r.do("call")
		second := newFakeLine()
		r.server.Arrive(context.Background(), second, asterisk.Arrival{Args: []string{uuid.NewString(), "10086", "", "0"}})
		if got := <-second.went; got != "refused full" {
			t.Error(got)
		}
		third := newFakeLine()
		r.server.Arrive(context.Background(), third, asterisk.Arrival{Args: []string{"no uuid"}})
		if got := <-third.went; got != "refused other" {
			t.Error(got)
		}
		r.do("hangup")
	})
}

// TestNoCallTwice: a call's id comes from outside; a second one would end the
// record of the first.
func TestNoCallTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, shipped(t))
		defer r.end()
		r.server.admission.limits.Live = 2
		r.do("call")
		second := newFakeLine()
		r.server.Arrive(context.Background(), second, asterisk.Arrival{Args: []string{callID, "10086", "", "0"}})
		if got := <-second.went; got != "refused other" || len(r.server.Live()) != 1 {
			t.Error(got, r.server.Live())
		}
		r.do("hangup")
	})
}

// TestDrainWaitsForTheDesk: the caller has gone, the order has not.
func TestDrainWaitsForTheDesk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, shipped(t))
		defer r.end()
		for _, line := range []string{"call", "press 3 1 1", "press 1", "hangup"} {
			r.do(line)
		}
		drained := make(chan error, 1)
		go func() { drained <- r.server.Drain(context.Background(), time.Minute) }()
		synctest.Wait()
		if len(drained) > 0 {
			t.Fatal("drained while an order was under way")
		}
		r.desk.answers <- orders.Answer{}
		if err := <-drained; err != nil {
			t.Error(err)
		}
	})
}

// TestDrainLeavesALateOrderToTheDesk: once patience is over only callers are waited
// for. An order that the BOSS is slow with is cut off by the Desk, which must get to
// store that before the process is killed.
func TestDrainLeavesALateOrderToTheDesk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, shipped(t))
		defer r.end()
		for _, line := range []string{"call", "press 3 1 1", "press 1"} {
			r.do(line)
		}
		began := time.Now()
		if err := r.server.Drain(context.Background(), 5*time.Second); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != 6*time.Second || len(r.server.Live()) > 0 { // patience, then an apology of one second
			t.Errorf("took %v, %d calls live", took, len(r.server.Live()))
		}
		r.desk.answers <- orders.Answer{}
	})
}

// TestStopWithAPerson: the server stops, the conversation with the agent goes on.
func TestStopWithAPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, shipped(t))
		defer r.end()
		for _, line := range []string{"call", "press 0", "played", "silence"} {
			r.do(line)
		}
		r.line.events <- asterisk.Left{Continued: true, At: time.Now()}
		r.do("stopping")
		if len(r.server.Live()) > 0 || len(r.line.hungUp) > 0 {
			t.Errorf("live %d, hung up %d times", len(r.server.Live()), len(r.line.hungUp))
		}
	})
}

func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, shipped(t))
		defer r.end()
		r.do("call")
		r.notes.take()
		if err := r.server.Ready(); err != nil {
			t.Error(err)
		}
		began := time.Now()
		if err := r.server.Drain(context.Background(), 5*time.Second); err != nil {
			t.Fatal(err)
		}
		if err := r.server.Ready(); err == nil {
			t.Error("ready for calls after it has stopped")
		}
		late := newFakeLine()
		r.server.Arrive(context.Background(), late, asterisk.Arrival{Args: []string{uuid.NewString(), "10086", "", "0"}})
		if got := <-late.went; got != "refused stopping" {
			t.Error(got)
		}
		got := strings.Join(r.notes.take(), "\n")
		if !strings.Contains(got, "ends system_failed/platform at main") || !strings.HasSuffix(got, "end server_stopped") {
			t.Error(got)
		}
		if took := time.Since(began); took != 6*time.Second { // patience, then an apology of one second
			t.Errorf("took %v", took)
		}
	})
}
