package journal

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"hotline/internal/menu"
	"hotline/internal/orders"
)

func run(t testing.TB, pool *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// lostCall is a call in the middle of an application.
func lostCall() []any {
	return []any{menu.Started{}, menu.Entered{Node: "main"}, menu.AppOpened{App: 1, Kind: orders.KindUndecided, Node: "main"}}
}

func outcomeOf(t testing.TB, pool *pgxpool.Pool, call uuid.UUID) string {
	t.Helper()
	return one[string](t, pool, `select coalesce(a.outcome || '/' || a.outcome_detail || ' ' || a.closed_by, 'open') || ', ' || coalesce(c.end_reason, 'goes on')
		from ivr.applications a join ivr.calls c using (call_id) where a.call_id = $1`, call)
}

func sweepNow(t testing.TB, j *Journal) {
	t.Helper()
	if err := j.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

const (
	sweptAway = "system_failed/platform sweeper, server_died"
	untouched = "open, goes on"
)

func TestSweepAfterARestart(t *testing.T) {
	pool := newPool(t)
	var live []uuid.UUID
	o := testOptions(t, pool)
	o.Live = func() []uuid.UUID { return live }
	before := openJournal(t, o)
	lost := say(t, before, testHead(time.Now()), lostCall())
	adopted := say(t, before, testHead(time.Now()), lostCall())
	settle(t, before)
	live = []uuid.UUID{lost, adopted}
	sweepNow(t, before)
	for _, call := range live {
		if got := outcomeOf(t, pool, call); got != untouched {
			t.Errorf("a live call was swept: %s", got)
		}
	}
	if err := before.Close(t.Context()); err != nil {
		t.Fatal(err)
	}

	o.Registerer = prometheus.NewRegistry()
	j := openJournal(t, o)
	state, err := j.Interrupted(t.Context(), adopted)
	if err != nil || state.Seq != 4 || !slices.Equal(state.Resumed.Nodes, []string{"main"}) || state.Resumed.Apps != 1 || state.Resumed.Open.App != 1 || state.Ended || state.StepsWait || state.Elsewhere {
		t.Errorf("the interrupted call stands at %+v, %v", state, err)
	}
	live = []uuid.UUID{adopted}
	sweepNow(t, j)
	if got := outcomeOf(t, pool, lost); got != sweptAway {
		t.Errorf("the lost call is %s", got)
	}
	if got := outcomeOf(t, pool, adopted); got != untouched {
		t.Errorf("the adopted call is %s", got)
	}
	if got := counted(t, j.metrics.closed.WithLabelValues("undecided", "system_failed", "platform", "false")); got != 1 {
		t.Errorf("counted %v times", got)
	}
	// The record goes on without a gap.
	c := j.Resume(testHeadOf(adopted), state.Seq)
	c.Event(time.Now(), menu.Resumed{}, false)
	c.Effect(time.Now(), menu.AppClosed{App: 1, Result: orders.Result{Outcome: orders.Cancelled}})
	c.Effect(time.Now(), menu.End{Reason: menu.Finished})
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	settle(t, j)
	if got := outcomeOf(t, pool, adopted); got != "cancelled/ call, finished" {
		t.Errorf("the adopted call ended as %s", got)
	}
	if !one[bool](t, pool, `select max(seq) = count(*) from ivr.steps where call_id = $1`, adopted) {
		t.Error("the adopted call's steps have a gap")
	}
}

func testHeadOf(call uuid.UUID) Head {
	h := testHead(time.Now())
	h.ID = call
	return h
}

// A call of this run that vanished without an end, and one that is only just begun.
func TestSweepWaitsForQuiet(t *testing.T) {
	pool := newPool(t)
	j := openJournal(t, testOptions(t, pool))
	j.booted = time.Now().Add(-time.Hour)
	fresh := say(t, j, testHead(time.Now().Add(-quiet+10*time.Second)), lostCall())
	silent := say(t, j, testHead(time.Now().Add(-quiet-time.Second)), lostCall())
	ended := say(t, j, testHead(time.Now().Add(-quiet-time.Second)), append(lostCall(), menu.End{Reason: menu.HungUp}))
	settle(t, j)
	sweepNow(t, j)
	for call, want := range map[uuid.UUID]string{fresh: untouched, silent: sweptAway, ended: "system_failed/platform sweeper, hung_up"} {
		if got := outcomeOf(t, pool, call); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	// What the call itself has to say later does not change the outcome, but the end.
	c := j.Resume(testHeadOf(silent), 4)
	c.Event(time.Now(), menu.Resumed{}, false)
	c.Effect(time.Now(), menu.AppClosed{App: 1, Result: orders.Result{Outcome: orders.Success, Detail: orders.Confirmed}})
	c.Effect(time.Now(), menu.End{Reason: menu.Finished})
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	settle(t, j)
	if got := outcomeOf(t, pool, silent); got != "system_failed/platform sweeper, finished" {
		t.Errorf("a late step made it %s", got)
	}
}

// A call that ends after a long silence is not live any more, and its last steps are
// on their way: they decide, not the sweeper.
func TestSweepLetsTheLastStepsArrive(t *testing.T) {
	pool := newPool(t)
	o := testOptions(t, pool)
	o.delay = 200 * time.Millisecond
	j := openJournal(t, o)
	j.booted = time.Now().Add(-time.Hour)
	call := say(t, j, testHead(time.Now().Add(-quiet-time.Minute)), lostCall())
	settle(t, j)
	c := j.Resume(testHeadOf(call), 4)
	c.Event(time.Now(), menu.Resumed{}, false)
	c.Effect(time.Now(), menu.AppClosed{App: 1, Result: orders.Result{Outcome: orders.Abandoned, Detail: orders.AfterPrompt}})
	c.Effect(time.Now(), menu.End{Reason: menu.HungUp})
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	sweepNow(t, j)
	settle(t, j)
	if got := outcomeOf(t, pool, call); got != "abandoned/after_prompt call, hung_up" {
		t.Errorf("the call is %s", got)
	}
}

func TestSweepOfOtherServers(t *testing.T) {
	pool := newPool(t)
	at := time.Now().Add(-5 * time.Minute)
	calls := map[string]uuid.UUID{}
	for _, server := range []string{"alive", "dead"} {
		o := testOptions(t, pool)
		o.Server = server
		j := openJournal(t, o)
		calls[server] = say(t, j, testHead(at), lostCall())
		settle(t, j)
	}
	run(t, pool, `insert into ivr.servers values ('alive', now() - interval '1 hour', now() - interval '20 seconds'),
		('dead', now() - interval '1 hour', now() - interval '46 seconds')`)
	j := openJournal(t, testOptions(t, pool))
	sweepNow(t, j)
	if got := outcomeOf(t, pool, calls["dead"]); got != untouched {
		t.Errorf("a server that has only just come judged another: %s", got)
	}
	run(t, pool, `update ivr.servers set since = now() - interval '61 seconds' where server = 'ivr-a'`)
	sweepNow(t, j)
	for server, want := range map[string]string{"alive": untouched, "dead": sweptAway} {
		if got := outcomeOf(t, pool, calls[server]); got != want {
			t.Errorf("the call of the server that is %s: %s, want %s", server, got, want)
		}
	}
}

func TestSweepLeavesOrdersToTheDesk(t *testing.T) {
	pool := newPool(t)
	j := openJournal(t, testOptions(t, pool))
	j.booted = time.Now().Add(time.Hour)
	call, order := testHead(time.Now()), uuid.New()
	say(t, j, call, lostCall())
	settle(t, j)
	if _, err := commitOrder(t.Context(), pool, call.ID, 1, order, call.Caller); err != nil {
		t.Fatal(err)
	}
	sweepNow(t, j)
	if got := outcomeOf(t, pool, call.ID); got != "open, server_died" {
		t.Errorf("the application with an order is %s", got)
	}
	if err := resolveOrder(t.Context(), pool, order, "success", "reconciled"); err != nil {
		t.Fatal(err)
	}
	sweepNow(t, j)
	if got := outcomeOf(t, pool, call.ID); got != "success/reconciled desk, server_died" {
		t.Errorf("resolved, it is %s", got)
	}
	if d := counted(t, j.metrics.conservation); d != 0 {
		t.Errorf("conservation difference %v", d)
	}
}

// A call goes over to another server; what the first one left in its spool comes late.
func TestALateStepDoesNotTakeTheCallBack(t *testing.T) {
	pool := newPool(t)
	first, second := deliverer(t, pool), deliverer(t, pool)
	second.j.server = "ivr-b"
	h := testHead(time.Now())
	steps := recordsOf(first.j, h, lostCall()...)
	first.mustTransact(t, steps[:3]...)
	c := second.j.Resume(h, len(steps))
	c.Event(time.Now(), menu.Resumed{}, false)
	r, _, ok := readRecord(c.buf)
	if !ok {
		t.Fatal("what Resume writes cannot be read")
	}
	second.mustTransact(t, r)
	first.mustTransact(t, steps[3]) // app_opened
	if got := one[string](t, pool, `select server from ivr.calls`); got != "ivr-b" {
		t.Errorf("the call is with %s", got)
	}
	// A provisional row is completed by the head that comes late.
	h = testHead(time.Now().Truncate(time.Microsecond))
	steps = recordsOf(first.j, h, lostCall()...)
	first.mustTransact(t, steps[3])
	first.mustTransact(t, append(steps[:3:3], steps[0])...) // the head twice in one batch
	got := one[string](t, pool, `select concat_ws('|', dialled, caller_masked, menu_version, server, started_at = $2) from ivr.calls where call_id = $1`, h.ID, h.At)
	if want := "10086|138****8000|v1|ivr-a|t"; got != want {
		t.Errorf("the call is %s, want %s", got, want)
	}
}

// Steps that were dropped on purpose are no lost applications.
func TestDroppedStepsAreNoLoss(t *testing.T) {
	pool := newPool(t)
	j := openJournal(t, testOptions(t, pool))
	for range 3 {
		say(t, j, testHead(time.Now()), queryCall())
	}
	settle(t, j)
	for _, name := range one[[]string](t, pool, `select array_agg(inhrelid::regclass::text) from pg_inherits where inhparent = 'ivr.steps'::regclass`) {
		run(t, pool, `drop table `+name)
	}
	run(t, pool, `select ivr.make_partition((now() at time zone 'UTC')::date + 1)`)
	sweepNow(t, j)
	if d := counted(t, j.metrics.conservation); d != 0 {
		t.Errorf("difference %v", d)
	}
	r, err := ReadReport(t.Context(), pool, Period{From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Hour), Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	if a := r.Applications; a.Lost != 0 || a.Opened != 3 || a.Unproven != 3 {
		t.Errorf("%+v", a)
	}
}

// The gauge must be able to read something else than 0.
func TestConservationNoticesWhatIsLost(t *testing.T) {
	pool := newPool(t)
	j := openJournal(t, testOptions(t, pool))
	for range 3 {
		say(t, j, testHead(time.Now()), queryCall())
	}
	settle(t, j)
	sweepNow(t, j)
	if d := counted(t, j.metrics.conservation); d != 0 {
		t.Errorf("difference %v though nothing is lost", d)
	}
	run(t, pool, `delete from ivr.applications where application_id = (select min(application_id) from ivr.applications)`)
	sweepNow(t, j)
	if d := counted(t, j.metrics.conservation); d != 1 {
		t.Errorf("difference %v though one is lost", d)
	}
	run(t, pool, `insert into ivr.applications (application_id, call_id, kind, opened_at)
		select 'x', call_id, 'order', now() - interval '1 day' from ivr.calls limit 1`)
	run(t, pool, `update ivr.calls set ended_at = now() - interval '3 minutes'`)
	j.live = func() []uuid.UUID { // nobody sweeps it: it is said to be live
		return []uuid.UUID{one[uuid.UUID](t, pool, `select call_id from ivr.applications where application_id = 'x'`)}
	}
	sweepNow(t, j)
	if n := counted(t, j.metrics.overdue); n != 1 {
		t.Errorf("%v overdue though one is", n)
	}
}
