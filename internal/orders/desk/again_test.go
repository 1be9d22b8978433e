package desk_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"hotline/internal/orders"
	"hotline/internal/orders/desk"
	"hotline/internal/orders/entry"
	"hotline/internal/orders/sandbox"
)

// repeating lets a Desk send again.
func repeating(o *desk.Options) { o.Unseal = unseal }

// stored tells how the one order stands: state, why a person is asked, how often it was sent.
func (h hotline) stored(t *testing.T) string {
	t.Helper()
	var s string
	err := h.db.QueryRow(context.Background(), "select concat_ws(' ', state, person_why, sends) from ivr.orders").Scan(&s)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (h hotline) standsAs(t *testing.T, want string) {
	t.Helper()
	eventually(t, func() string {
		if got := h.stored(t); got != want {
			return fmt.Sprintf("the order is %q, want %q", got, want)
		}
		return ""
	})
}

// A BOSS that cannot be asked, and acts on a key only once, is sent the key again:
// exactly one effect, whichever way the first was lost, with all that was typed.
func TestSentAgainByItsKey(t *testing.T) {
	for _, blind := range []bool{true, false} {
		for _, mode := range []sandbox.Mode{sandbox.LoseAnswer, sandbox.LoseRequest} {
			t.Run(fmt.Sprint(mode, " blind ", blind), func(t *testing.T) {
				t.Parallel()
				way := between{blind: blind}
				h := open(t, func(o *desk.Options) {
					repeating(o)
					o.Deadline = time.Second
				}, way.around)
				h.fault(t, sandbox.OpSubmit, mode, 1, 0)
				o := order(t, rich, "open balance_reminder 0")
				o.With = orders.With{"amount": entry.New(entry.Amount, "25.00")}
				if a := h.Submit(t.Context(), o, nil); a.Outcome != orders.Unknown {
					t.Fatalf("answer %v", a.Result)
				}
				run(t, h.Desk)
				h.becomes(t, o, "success/reconciled after unknown order done")
				if n := h.effects(t, rich); n != 1 {
					t.Errorf("%d effects", n)
				}
				var threshold int
				err := h.db.QueryRow(t.Context(), "select amount_fen from sandbox.subscriptions where msisdn = $1 and service = 'balance_reminder'", rich).Scan(&threshold)
				if err != nil || threshold != 2500 {
					t.Errorf("reminded under %d fen, %v; typed were 25 yuan", threshold, err)
				}
			})
		}
	}
}

// A BOSS that fails when an order is sent again has told nothing of the first time.
func TestFailureOnSendingAgainProvesNothing(t *testing.T) {
	t.Parallel()
	way := between{blind: true}
	h := open(t, repeating, way.around)
	h.fault(t, sandbox.OpSubmit, sandbox.LoseAnswer, 1, 0)
	h.fault(t, sandbox.OpSubmit, sandbox.Fail, 2, 0)
	h.fault(t, sandbox.OpSubmit, sandbox.Unavailable, 2, 0)
	o := order(t, rich, "open caller_id 600")
	h.Submit(t.Context(), o, nil)
	run(t, h.Desk)
	h.becomes(t, o, "success/reconciled after unknown order done")
	if h.effects(t, rich) != 1 || way.submits.Load() != 6 {
		t.Errorf("%d effects of %d submits, want 1 of 6", h.effects(t, rich), way.submits.Load())
	}
}

// twice is a BOSS that acts each time it is sent a key, and cannot be asked.
type twice struct{ desk.Adapter }

func (twice) Capabilities() orders.Capabilities { return orders.Capabilities{} }

// What nothing can decide is visible, stays unknown, and is decided by a person once.
func TestAPersonDecides(t *testing.T) {
	for _, tt := range []struct {
		name   string
		what   string
		with   orders.With
		around func(desk.Adapter) desk.Adapter
		why    string
	}{
		{"not idempotent", "open caller_id 600", nil, func(a desk.Adapter) desk.Adapter { return twice{a} }, "cannot_be_asked"},
		{"secret typed", "change service_password 0", orders.With{
			"password": entry.New(entry.Password, "135791"), "new_password": entry.New(entry.Password, "864201")},
			(&between{blind: true}).around, "cannot_be_sent_again"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := open(t, repeating, tt.around)
			h.fault(t, sandbox.OpSubmit, sandbox.LoseAnswer, 1, 0)
			o := order(t, rich, tt.what)
			o.With = tt.with
			var id string
			if a := h.Submit(t.Context(), o, func(stored string) { id = stored }); a.Outcome != orders.Unknown {
				t.Fatalf("answer %v", a.Result)
			}
			run(t, h.Desk)
			h.standsAs(t, "unknown "+tt.why+" 1")
			var seen string
			if err := h.db.QueryRow(t.Context(), "select person_why from ivr.orders_for_a_person where order_id::text = $1", id).Scan(&seen); err != nil || seen != tt.why {
				t.Errorf("it is shown as %q, %v", seen, err)
			}
			if s, err := h.State(t.Context()); err != nil || s.ForAPerson != 1 {
				t.Errorf("%+v, %v", s, err)
			}
			success := orders.Result{Outcome: orders.Success, Detail: orders.Confirmed}
			if err := h.Decide(t.Context(), id, success, "li", "the BOSS's desk has it in its books"); err != nil {
				t.Fatal(err)
			}
			h.becomes(t, o, "success/reconciled after unknown order done")
			var by, why string
			err := h.db.QueryRow(t.Context(), "select decided_by, decided_why from ivr.orders where decided_at is not null").Scan(&by, &why)
			if err != nil || by != "li" || why != "the BOSS's desk has it in its books" {
				t.Errorf("%s: %s, %v", by, why, err)
			}
			failure := orders.Result{Outcome: orders.SystemFailed, Detail: orders.BossError}
			if err := h.Decide(t.Context(), id, failure, "wang", "no"); !errors.Is(err, desk.ErrNotUnknown) {
				t.Errorf("decided twice: %v", err)
			}
		})
	}
}

func TestDecideRefuses(t *testing.T) {
	t.Parallel()
	var way between
	h := open(t, nil, way.around)
	success := orders.Result{Outcome: orders.Success, Detail: orders.Confirmed}
	var id string
	way.before = func() { // while the BOSS works on it
		if err := h.Decide(t.Context(), id, success, "li", "guess"); !errors.Is(err, desk.ErrNotUnknown) {
			t.Errorf("decided while it is sent: %v", err)
		}
	}
	h.Submit(t.Context(), order(t, rich, "open caller_id 600"), func(stored string) { id = stored })
	for _, no := range []string{uuid.NewString(), "none", ""} {
		if err := h.Decide(t.Context(), no, success, "li", "x"); !errors.Is(err, desk.ErrNoOrder) {
			t.Errorf("%q: %v", no, err)
		}
		if err := h.Hurry(t.Context(), no); err == nil {
			t.Errorf("%q was hurried", no)
		}
	}
	for _, r := range []orders.Result{{}, {Outcome: orders.Unknown}, {Outcome: orders.Cancelled}, {Outcome: orders.Success, Detail: orders.Other},
		{Outcome: orders.AuthFailed, Detail: orders.Locked}} {
		if err := h.Decide(t.Context(), id, r, "li", "x"); err == nil {
			t.Errorf("decided as %v", r)
		}
	}
	for _, by := range [][2]string{{"", "why"}, {"li", " "}} {
		if err := h.Decide(t.Context(), id, success, by[0], by[1]); err == nil {
			t.Errorf("decided by %q because %q", by[0], by[1])
		}
	}
}

// sleeper is a worker's way to the BOSS on which one look-up, the first, falls asleep.
type sleeper struct {
	desk.Adapter
	first         atomic.Bool
	asleep, awake chan struct{}
}

func (s *sleeper) Lookup(ctx context.Context, key string) (orders.Answer, error) {
	a, err := s.Adapter.Lookup(context.WithoutCancel(ctx), key)
	if s.first.CompareAndSwap(false, true) {
		close(s.asleep)
		<-s.awake
	}
	return a, err
}

// A worker looks an order up, falls asleep with "not found, and it cannot come any more"
// until its lease has run out, and wakes when another has sent the order again. What it
// concludes then is old.
func TestWorkerThatSleptWritesNothing(t *testing.T) {
	t.Parallel()
	h := open(t, nil, nil)
	h.fault(t, sandbox.OpSubmit, sandbox.LoseRequest, 1, 0)
	o := order(t, rich, "open caller_id 600")
	if a := h.Submit(t.Context(), o, nil); a.Outcome != orders.Unknown {
		t.Fatalf("answer %v", a.Result)
	}
	update(t, h, "settles_at = now(), next_try_at = now()")
	slow := sleeper{Adapter: h.boss, asleep: make(chan struct{}), awake: make(chan struct{})}
	wake := sync.OnceFunc(func() { close(slow.awake) })
	defer wake()
	// It cannot send again, so that what it saw is "failed".
	alone := func(o *desk.Options) { o.Reconciling.Concurrent = 1 }
	run(t, h.another(t, h.db, prometheus.NewRegistry(), alone, func(desk.Adapter) desk.Adapter { return &slow }))
	<-slow.asleep

	update(t, h, "locked_until = now(), next_try_at = now()")
	hold, sent := make(chan struct{}), make(chan struct{})
	letGo := sync.OnceFunc(func() { close(hold) })
	defer letGo()
	way := between{Adapter: h.boss, before: sync.OnceFunc(func() { close(sent); <-hold })}
	next := h.another(t, connect(t, h.cfg), prometheus.NewRegistry(), func(o *desk.Options) {
		alone(o)
		repeating(o)
	}, func(desk.Adapter) desk.Adapter { return &way })
	run(t, next)
	<-sent
	wake()
	// The sleeper has said what it had to say when it takes up something else, which
	// the other cannot do.
	other := order(t, easy, "open caller_id 600")
	h.fault(t, sandbox.OpSubmit, sandbox.LoseAnswer, 1, 0)
	h.Submit(t.Context(), other, nil)
	h.becomes(t, other, "success/reconciled after unknown order done")
	if got := h.application(t, o); got != "unknown order unknown" {
		t.Errorf("while the next one works on it, the sleeper has made it %q", got)
	}
	letGo()
	h.becomes(t, o, "success/reconciled after unknown order done")
	if n := h.effects(t, rich); n != 1 {
		t.Errorf("%d effects", n)
	}
}

// The sender itself falls asleep until another has taken its order: that the BOSS has
// not been reached is a conclusion, and old; that the BOSS has done it is true for ever.
func TestSenderThatSlept(t *testing.T) {
	for _, tt := range []struct {
		fault sandbox.Mode
		told  string
		after string
	}{
		{sandbox.Unavailable, "unknown", "unknown order unknown"},
		{"", "success/confirmed", "success/reconciled after unknown order done"},
	} {
		t.Run(tt.told, func(t *testing.T) {
			t.Parallel()
			var way between
			h := open(t, nil, way.around)
			if tt.fault != "" {
				h.fault(t, sandbox.OpSubmit, tt.fault, 1, 0)
			}
			o := order(t, rich, "open caller_id 600")
			blind := h.another(t, connect(t, h.cfg), prometheus.NewRegistry(), nil, func(desk.Adapter) desk.Adapter { return twice{h.boss} })
			way.after = func() {
				update(t, h, "locked_until = now(), next_try_at = now()")
				run(t, blind)
				h.becomes(t, o, "unknown order unknown")
			}
			if a := h.Submit(t.Context(), o, nil); a.Result.String() != tt.told {
				t.Errorf("told %v, want %s", a.Result, tt.told)
			}
			if got := h.application(t, o); got != tt.after {
				t.Errorf("the application is %q, want %q", got, tt.after)
			}
		})
	}
}

func update(t *testing.T, h hotline, set string) {
	t.Helper()
	if _, err := h.db.Exec(context.Background(), "update ivr.orders set "+set+" where state in ('sent', 'unknown')"); err != nil {
		t.Error(err)
	}
}

// While the breaker on the way of look-ups is open the BOSS is left alone; an order whose
// server died has an outcome all the same, and is found out when the BOSS is back.
func TestLookupsWaitForTheBOSS(t *testing.T) {
	t.Parallel()
	h := open(t, func(o *desk.Options) {
		o.Reconciling.Breaker = desk.Breaker{Requests: 3, Share: 0.5, Window: time.Minute, Pause: 500 * time.Millisecond}
	}, nil)
	h.fault(t, sandbox.OpLookup, sandbox.Unavailable, sandbox.Always, 0)
	h.fault(t, sandbox.OpSubmit, sandbox.LoseAnswer, 1, 0)
	o := order(t, rich, "open caller_id 600")
	h.Submit(t.Context(), o, nil)
	run(t, h.Desk)
	eventually(t, func() string {
		s, err := h.State(t.Context())
		if err != nil || s.Reconciling.Breaker != "open" {
			return fmt.Sprintf("%+v, %v", s, err)
		}
		return ""
	})
	if s, err := h.State(t.Context()); err != nil || s.Calls.Breaker != "closed" {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := h.boss.ClearFaults(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.becomes(t, o, "success/reconciled after unknown order done")
}
