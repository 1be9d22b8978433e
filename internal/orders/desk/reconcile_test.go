package desk_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hotline/internal/orders"
	"hotline/internal/orders/desk"
	"hotline/internal/orders/sandbox"
)

// between stands on the way to a real BOSS: counts, and lets a test act there.
type between struct {
	desk.Adapter
	submits       atomic.Int32
	looking       atomic.Int32 // look-ups under way
	crowded       atomic.Bool  // two at a time have been seen
	before, after func()
	blind         bool // no look-up
}

func (b *between) Submit(ctx context.Context, o orders.Order) (orders.Answer, error) {
	b.submits.Add(1)
	if b.before != nil {
		b.before()
	}
	a, err := b.Adapter.Submit(ctx, o)
	if b.after != nil {
		b.after()
	}
	return a, err
}

func (b *between) Lookup(ctx context.Context, key string) (orders.Answer, error) {
	if b.looking.Add(1) > 1 {
		b.crowded.Store(true)
	}
	defer b.looking.Add(-1)
	return b.Adapter.Lookup(ctx, key)
}

func (b *between) Capabilities() orders.Capabilities {
	c := b.Adapter.Capabilities()
	c.Queryable = c.Queryable && !b.blind
	return c
}

func (b *between) around(a desk.Adapter) desk.Adapter {
	b.Adapter = a
	return b
}

// waits returns when a Desk waits for the order of another one.
func (h hotline) waits(t *testing.T) {
	t.Helper()
	eventually(t, func() string {
		var reading bool
		// The pattern is in two parts, not to find this very statement.
		err := h.db.QueryRow(context.Background(), `
			select exists (select from pg_stat_activity where datname = current_database()
				and query like '%select state, ' || 'coalesce(result_outcome%')`).Scan(&reading)
		if err != nil || !reading {
			return fmt.Sprint("no Desk waits: ", err)
		}
		return ""
	})
}

func TestLostAnswerIsFoundOut(t *testing.T) {
	var way between
	h := open(t, nil, way.around)
	h.fault(t, sandbox.OpSubmit, sandbox.LoseAnswer, 1, 0)
	h.fault(t, sandbox.OpLookup, sandbox.Fail, 1, 0) // a failing look-up is not a failed order
	h.fault(t, sandbox.OpLookup, sandbox.LoseAnswer, 1, 0)
	o := order(t, rich, "open caller_id 600")
	if a := h.Submit(t.Context(), o, nil); a.Outcome != orders.Unknown {
		t.Fatalf("answer %v", a.Result)
	}
	run(t, h.Desk)
	h.becomes(t, o, "success/reconciled after unknown order done")
	if h.effects(t, rich) != 1 || way.submits.Load() != 1 {
		t.Errorf("%d effects of %d submits, want 1 of 1", h.effects(t, rich), way.submits.Load())
	}
}

func TestLostRequestFailsAfterSettling(t *testing.T) {
	t.Parallel()
	var way between
	h := open(t, func(o *desk.Options) { o.Deadline, o.Settle = 200*time.Millisecond, 600*time.Millisecond }, way.around)
	h.fault(t, sandbox.OpSubmit, sandbox.LoseRequest, 1, 0)
	o := order(t, rich, "open caller_id 600")
	if a := h.Submit(t.Context(), o, nil); a.Outcome != orders.Unknown {
		t.Fatalf("answer %v", a.Result)
	}
	run(t, h.Desk)
	h.becomes(t, o, "system_failed/boss_timeout after unknown order failed")
	if h.effects(t, rich) != 0 || way.submits.Load() != 1 {
		t.Errorf("%d effects of %d submits, want 0 of 1", h.effects(t, rich), way.submits.Load())
	}
	var settled bool
	var lookups int
	err := h.db.QueryRow(t.Context(), "select resolved_at - created_at >= interval '800 ms', attempts from ivr.orders").Scan(&settled, &lookups)
	if err != nil || !settled || lookups < 2 {
		t.Errorf("waited long enough: %v; look-ups: %d, want some; %v", settled, lookups, err)
	}
}

// The BOSS acts long after the deadline; the look-ups before it find nothing.
func TestSlowBossActsAfterTheDeadline(t *testing.T) {
	t.Parallel()
	h := open(t, func(o *desk.Options) { o.Deadline, o.Settle = 200*time.Millisecond, 10*time.Second }, nil)
	h.fault(t, sandbox.OpSubmit, sandbox.Slow, 1, 700*time.Millisecond)
	run(t, h.Desk)
	o := order(t, rich, "open caller_id 600")
	began := time.Now()
	if a := h.Submit(t.Context(), o, nil); a.Outcome != orders.Unknown {
		t.Fatalf("answer %v", a.Result)
	}
	if took := time.Since(began); took > 600*time.Millisecond {
		t.Errorf("a deadline of 200 ms took %v", took)
	}
	h.becomes(t, o, "success/reconciled after unknown order done")
	if n := h.effects(t, rich); n != 1 {
		t.Errorf("%d effects", n)
	}
}

// With Settle shorter than the BOSS takes, an order that failed for us acts after
// all. That cannot be mended here, but it must not go unnoticed.
func TestActingAfterSettlingIsNoticed(t *testing.T) {
	t.Parallel()
	var way between
	h := open(t, nil, way.around)
	h.fault(t, sandbox.OpSubmit, sandbox.Slow, 1, 1200*time.Millisecond)
	hasty := h.another(t, connect(t, h.cfg), prometheus.NewRegistry(), nil, nil)
	o := order(t, rich, "open caller_id 600")
	way.before = func() { // as if the lease had run out, and Settle
		if _, err := h.db.Exec(t.Context(), "update ivr.orders set locked_until = now(), next_try_at = now(), settles_at = now()"); err != nil {
			t.Error(err)
		}
		run(t, hasty)
		eventually(t, func() string {
			if got := h.application(t, o); !strings.HasPrefix(got, "system_failed/boss_timeout") {
				return got
			}
			return ""
		})
	}
	a := h.Submit(t.Context(), o, nil)
	if a.Result.String() != "system_failed/boss_timeout" || h.effects(t, rich) != 1 {
		t.Errorf("answer %v, %d effects", a.Result, h.effects(t, rich))
	}
	if got := h.metrics(t)["ivr_orders_conflicting_results_total"]; got != 1 {
		t.Errorf("%d conflicts noticed, want 1", got)
	}
}

func TestJoiningAnUnknownOrder(t *testing.T) {
	t.Parallel()
	var way between
	h := open(t, func(o *desk.Options) { o.Retry = time.Hour }, way.around) // only who joins makes it look
	h.fault(t, sandbox.OpSubmit, sandbox.LoseAnswer, 1, 0)
	h.fault(t, sandbox.OpLookup, sandbox.Unavailable, sandbox.Always, 0)
	run(t, h.Desk)
	first, second, third := order(t, rich, "open caller_id 600"), order(t, rich, "open caller_id 600"), order(t, rich, "open caller_id 600")
	var ids [3]string
	if a := h.Submit(t.Context(), first, func(id string) { ids[0] = id }); a.Outcome != orders.Unknown {
		t.Fatalf("first: %v", a.Result)
	}
	if a := h.Submit(t.Context(), second, func(id string) { ids[1] = id }); a.Outcome != orders.Unknown {
		t.Fatalf("second, with the BOSS away: %v", a.Result)
	}
	if got := h.application(t, second); got != "unknown order unknown" {
		t.Errorf("the second application is %q", got)
	}
	if _, err := h.boss.ClearFaults(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a := h.Submit(t.Context(), third, func(id string) { ids[2] = id }); a.Result.String() != "success/reconciled" {
		t.Errorf("third, with the BOSS back: %v", a.Result)
	}
	if ids[0] == "" || ids[1] != ids[0] || ids[2] != ids[0] {
		t.Errorf("not one order: %v", ids)
	}
	h.becomes(t, first, "success/reconciled after unknown order done")
	h.becomes(t, second, "success/reconciled after unknown order done")
	h.becomes(t, third, "success/reconciled order done")
	if h.effects(t, rich) != 1 || way.submits.Load() != 1 {
		t.Errorf("%d effects of %d submits", h.effects(t, rich), way.submits.Load())
	}
}

// Where nothing can be found out, who joins an unknown order is told so, and
// has an outcome.
func TestJoiningWithoutReconciliation(t *testing.T) {
	t.Parallel()
	h := open(t, func(o *desk.Options) { o.Deadline = 800 * time.Millisecond }, nil)
	h.fault(t, sandbox.OpSubmit, sandbox.LoseAnswer, 1, 0)
	for range 2 {
		o := order(t, rich, "open caller_id 600")
		if a := h.Submit(t.Context(), o, nil); a.Outcome != orders.Unknown {
			t.Errorf("answer %v", a.Result)
		}
		if got := h.application(t, o); got != "unknown order unknown" {
			t.Errorf("the application is %q", got)
		}
	}
}

// The very same order comes to two servers: a call that was resumed elsewhere.
func TestSameOrderTwice(t *testing.T) {
	t.Parallel()
	var way between
	h := open(t, nil, way.around)
	other := h.another(t, connect(t, h.cfg), prometheus.NewRegistry(), nil, func(desk.Adapter) desk.Adapter { return &way })
	o := order(t, rich, "open caller_id 600")
	o.ID = strings.ToUpper(o.Call) // any UUID, in another spelling than Postgres's
	var second sync.WaitGroup
	way.before = func() { // while the first is at the BOSS
		way.before = nil
		second.Go(func() {
			if a := other.Submit(t.Context(), o, nil); a.Result.String() != "success/confirmed" {
				t.Errorf("second: %v", a.Result)
			}
		})
		h.waits(t)
	}
	if a := h.Submit(t.Context(), o, nil); a.Result.String() != "success/confirmed" {
		t.Errorf("first: %v", a.Result)
	}
	second.Wait()
	if n := way.submits.Load(); n != 1 {
		t.Errorf("sent %d times", n)
	}
}

// A Desk that cannot mark its order, because its connection breaks, withdraws it;
// but not when another one has sent it meanwhile.
func TestNoWithdrawingWhatAnotherHasSent(t *testing.T) {
	t.Parallel()
	var way between
	h := open(t, nil, way.around)
	cfg, line := throughWire(t, h.cfg)
	d := h.another(t, connect(t, cfg), prometheus.NewRegistry(), nil, nil)
	o := order(t, rich, "open caller_id 600")
	o.ID = o.Call
	sent, goOn := make(chan struct{}), make(chan struct{})
	letGo := sync.OnceFunc(func() { close(goOn) })
	defer letGo()
	way.before = func() {
		close(sent)
		<-goOn
	}
	var both sync.WaitGroup
	submit := func(d *desk.Desk, committed func(string)) {
		both.Go(func() {
			if a := d.Submit(t.Context(), o, committed); a.Result.String() != "success/confirmed" {
				t.Errorf("answer %v", a.Result)
			}
		})
	}
	submit(d, func(string) {
		submit(h.Desk, nil)
		<-sent
		line.set(true) // breaks what is connected
		line.set(false)
	})
	<-sent
	h.waits(t)
	if got := h.application(t, o); got != "open order sent" {
		t.Errorf("while the BOSS works: %q", got)
	}
	letGo()
	both.Wait()
	if n := h.effects(t, rich); n != 1 {
		t.Errorf("%d effects", n)
	}
}

// A failure that Postgres does not know is not told as one: the order is not resolved there, and
// whoever finds it may send it. Its caller hears that the result will be told.
func TestAFailureThatIsNotStoredIsNotTold(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		cut    func(line *wire, way *between, whenStored *func(string))
		stands string // in the end
	}{
		"not marked as sent": {
			func(line *wire, _ *between, whenStored *func(string)) { *whenStored = func(string) { line.set(true) } },
			"system_failed/platform order failed",
		},
		"not sent, as the BOSS is away": {
			func(line *wire, way *between, _ *func(string)) { way.after = func() { line.set(true) } },
			"system_failed/boss_unavailable order failed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var way between
			var whenStored func(string)
			h := open(t, nil, nil)
			h.fault(t, sandbox.OpSubmit, sandbox.Unavailable, 1, 0)
			cfg, line := throughWire(t, h.cfg)
			d := h.another(t, connect(t, cfg), prometheus.NewRegistry(), nil, way.around)
			tt.cut(line, &way, &whenStored)
			o := order(t, rich, "open caller_id 600")
			if a := d.Submit(t.Context(), o, whenStored); a.Outcome != orders.Unknown {
				t.Errorf("told %v", a.Result)
			}
			line.set(false)
			run(t, d)
			h.becomes(t, o, tt.stands)
			if n := h.effects(t, rich); n != 0 {
				t.Errorf("%d effects", n)
			}
		})
	}
}

// A sender who is late with a wrong password finds the order unknown already.
func TestABelatedWrongPassword(t *testing.T) {
	t.Parallel()
	var h hotline
	h = open(t, nil, func(a desk.Adapter) desk.Adapter {
		return refusing{a, func(id string) {
			if _, err := h.db.Exec(t.Context(), "select ivr.resolve_order($1::uuid, 'unknown', '', '')", id); err != nil {
				t.Error(err)
			}
		}}
	})
	o := order(t, rich, "open caller_id 600")
	if a := h.Submit(t.Context(), o, nil); a.Result.String() != "rejected/other" {
		t.Errorf("told %v", a.Result)
	}
	h.becomes(t, o, "rejected/other after unknown order rejected")
}

// refusing is a BOSS that calls every password wrong, when late has been done.
type refusing struct {
	desk.Adapter
	late func(orderID string)
}

func (r refusing) Submit(_ context.Context, o orders.Order) (orders.Answer, error) {
	r.late(o.ID)
	return orders.Answer{Result: orders.Result{Outcome: orders.AuthFailed, Detail: orders.WrongPassword}}, nil
}

// Many servers share the work; each order gets one result, and no order a second effect.
func TestManyReconcilers(t *testing.T) {
	t.Parallel()
	var way between
	h := open(t, nil, way.around)
	const n = 30
	h.fault(t, sandbox.OpSubmit, sandbox.LoseAnswer, n/2, 0)
	h.fault(t, sandbox.OpSubmit, sandbox.LoseRequest, n/2, 0)
	asked := make([]orders.Order, n)
	var all sync.WaitGroup
	for i := range asked {
		asked[i] = order(t, fmt.Sprintf("139%08d", i), "open caller_id 600")
		all.Go(func() {
			if a := h.Submit(t.Context(), asked[i], nil); a.Outcome != orders.Unknown {
				t.Errorf("answer %v", a.Result)
			}
		})
	}
	all.Wait()
	for range 4 {
		run(t, h.another(t, h.db, prometheus.NewRegistry(), func(o *desk.Options) { o.Deadline = 100 * time.Millisecond }, nil))
	}
	for i, o := range asked {
		caller := fmt.Sprintf("139%08d", i)
		if h.effects(t, caller) == 1 {
			h.becomes(t, o, "success/reconciled after unknown order done")
		} else {
			h.becomes(t, o, "system_failed/boss_timeout after unknown order failed")
		}
	}
	if way.submits.Load() != n {
		t.Errorf("%d submits, want %d", way.submits.Load(), n)
	}
}

func TestOneLooksUpAtATime(t *testing.T) {
	t.Parallel()
	var way between
	h := open(t, nil, way.around)
	h.fault(t, sandbox.OpSubmit, sandbox.LoseAnswer, 1, 0)
	h.fault(t, sandbox.OpLookup, sandbox.Unavailable, 2, 200*time.Millisecond) // ten polls long
	o := order(t, rich, "open caller_id 600")
	h.Submit(t.Context(), o, nil)
	for range 3 {
		run(t, h.another(t, h.db, prometheus.NewRegistry(), nil, func(desk.Adapter) desk.Adapter { return &way }))
	}
	h.becomes(t, o, "success/reconciled after unknown order done")
	if way.crowded.Load() {
		t.Error("one order was looked up by two at a time")
	}
}

func TestBossWithoutLookup(t *testing.T) {
	way := between{blind: true}
	h := open(t, func(o *desk.Options) { o.Settle = time.Millisecond }, way.around)
	h.fault(t, sandbox.OpSubmit, sandbox.LoseAnswer, 1, 0)
	h.fault(t, sandbox.OpLookup, sandbox.Unavailable, 1, 0) // would be used up by a look-up
	o := order(t, rich, "open caller_id 600")
	h.Submit(t.Context(), o, nil)
	run(t, h.Desk)
	eventually(t, func() string {
		var tried bool
		if err := h.db.QueryRow(t.Context(), "select attempts >= 3 from ivr.orders").Scan(&tried); err != nil || !tried {
			return fmt.Sprintf("not taken up three times yet (%v)", err)
		}
		return ""
	})
	faults, err := h.boss.Faults(t.Context())
	if err != nil || faults[1].Times != 1 {
		t.Errorf("it was looked up: %v %v", faults, err)
	}
	if got := h.application(t, o); got != "unknown order unknown" {
		t.Errorf("the application is %q", got)
	}
}

// An order that stays pending for too long is closed; its Desk, when it comes
// to at last, must not send it any more.
func TestSleepingDeskDoesNotSend(t *testing.T) {
	var way between
	h := open(t, nil, way.around)
	hasty := h.another(t, connect(t, h.cfg), prometheus.NewRegistry(), nil, nil)
	o := order(t, rich, "open caller_id 600")
	a := h.Submit(t.Context(), o, func(string) {
		if _, err := h.db.Exec(t.Context(), "update ivr.orders set deadline = now()"); err != nil {
			t.Error(err)
		}
		run(t, hasty)
		h.becomes(t, o, "system_failed/platform order failed")
	})
	if a.Result.String() != "system_failed/platform" || way.submits.Load() != 0 || h.effects(t, rich) != 0 {
		t.Errorf("answer %v, %d submits, %d effects", a.Result, way.submits.Load(), h.effects(t, rich))
	}
}

func TestPostgresAway(t *testing.T) {
	t.Parallel()
	h := open(t, nil, nil)
	for name, port := range map[string]uint16{"refuses": 1, "silent": silentPort(t)} {
		t.Run(name, func(t *testing.T) {
			var way between
			cfg := h.cfg.Copy()
			redirect(cfg, port)
			d := h.another(t, connect(t, cfg), prometheus.NewRegistry(), nil, way.around)
			began := time.Now()
			o := order(t, rich, "open caller_id 600")
			a := d.Submit(t.Context(), o, func(string) { t.Error("told the call that it is stored") })
			if a.Result.String() != "system_failed/platform" {
				t.Errorf("answer %v", a.Result)
			}
			if took := time.Since(began); took > 5500*time.Millisecond {
				t.Errorf("took %v", took)
			}
			if way.submits.Load() != 0 {
				t.Error("sent what was not stored")
			}
			if a := d.Ask(t.Context(), orders.Query{Caller: o.Caller, Name: "balance"}); a.Outcome != orders.Success {
				t.Errorf("a query needs no Postgres of ours: %v", a.Result)
			}
		})
	}
}

// Postgres goes while the BOSS works: the caller is told the truth, and the
// result is stored when Postgres is back.
func TestPostgresGoesAfterSending(t *testing.T) {
	t.Parallel()
	var way between
	h := open(t, nil, nil)
	cfg, line := throughWire(t, h.cfg)
	way.after = func() { line.set(true) }
	d := h.another(t, connect(t, cfg), prometheus.NewRegistry(), nil, way.around)
	o := order(t, rich, "open caller_id 600")
	if a := d.Submit(t.Context(), o, nil); a.Result.String() != "success/confirmed" {
		t.Errorf("answer %v", a.Result)
	}
	if got := h.application(t, o); got != "open order sent" {
		t.Errorf("without Postgres the application is %q", got)
	}
	line.set(false)
	h.becomes(t, o, "success/confirmed order done")
}

// Postgres goes between the intent and its mark: nothing is sent, ever. As the mark may
// have been stored, its caller is told later what came of it.
func TestPostgresGoesBeforeSending(t *testing.T) {
	t.Parallel()
	var way between
	h := open(t, nil, nil)
	cfg, line := throughWire(t, h.cfg)
	d := h.another(t, connect(t, cfg), prometheus.NewRegistry(), func(o *desk.Options) { o.Deadline = 2 * time.Second }, way.around)
	o := order(t, rich, "open caller_id 600")
	if a := d.Submit(t.Context(), o, func(string) { line.set(true) }); a.Outcome != orders.Unknown {
		t.Errorf("answer %v", a.Result)
	}
	line.set(false)
	run(t, d)
	h.becomes(t, o, "system_failed/platform order failed")
	if way.submits.Load() != 0 {
		t.Error("sent what was not marked")
	}
}
