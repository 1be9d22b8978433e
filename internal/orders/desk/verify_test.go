package desk_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"hotline/internal/orders"
	"hotline/internal/orders/desk"
	"hotline/internal/orders/entry"
	"hotline/internal/orders/sandbox"
)

func password(digits string) entry.Entry { return entry.New(entry.Password, digits) }

// answering is a BOSS that answers verifications as it is told.
type answering struct {
	desk.Adapter
	with orders.Result
}

func (a answering) Verify(context.Context, orders.Verification) (orders.Answer, error) {
	return orders.Answer{Result: a.with}, nil
}

func TestVerify(t *testing.T) {
	t.Parallel()
	h := open(t, func(o *desk.Options) { o.Deadline = 20 * time.Second }, nil)
	hasty := h.another(t, h.db, nil, func(o *desk.Options) { o.Deadline = 100 * time.Millisecond }, nil)
	if err := h.boss.SetPassword(t.Context(), number(t, rich), password("246810")); err != nil {
		t.Fatal(err)
	}
	right := orders.Verification{Call: "call", Caller: number(t, rich), Password: password("246810")}
	wrong := orders.Verification{Call: "call", Caller: number(t, rich), Password: password("246811")}
	anonymous := orders.Verification{Call: "call", Password: password("246810")}
	for _, tt := range []struct {
		name  string
		ask   orders.Verification
		fault sandbox.Mode
		want  string
	}{
		{"right", right, "", "success/confirmed"},
		{"wrong", wrong, "", "auth_failed/wrong_password"},
		{"right after wrong", right, "", "success/confirmed"},
		{"anonymous", anonymous, "", "auth_failed/wrong_password"},
		{"error", right, sandbox.Fail, "system_failed/boss_error"},
		{"unavailable", right, sandbox.Unavailable, "system_failed/boss_unavailable"},
		{"lost", right, sandbox.LoseAnswer, "system_failed/boss_error"},
		{"slow", right, sandbox.Slow, "system_failed/boss_timeout"},
		{"second wrong", wrong, "", "auth_failed/wrong_password"},
		{"third wrong", wrong, "", "auth_failed/wrong_password"},
		{"fourth wrong", wrong, "", "auth_failed/wrong_password"},
		{"fifth wrong", wrong, "", "auth_failed/locked"},
		{"right and locked", right, "", "auth_failed/locked"},
	} {
		d, delay := h.Desk, time.Duration(0)
		if tt.fault == sandbox.Slow {
			d, delay = hasty, time.Second
		}
		if tt.fault != "" {
			h.fault(t, sandbox.OpVerify, tt.fault, 1, delay)
		}
		if got := d.Verify(t.Context(), tt.ask); got.Result.String() != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, got.Result, tt.want)
		}
	}
	var stored int
	err := h.db.QueryRow(t.Context(), "select (select count(*) from ivr.orders) + (select count(*) from ivr.applications)").Scan(&stored)
	if err != nil || stored != 0 {
		t.Errorf("%d rows were stored, %v", stored, err)
	}
	if got := h.metrics(t)["ivr_boss_request_duration_seconds verify auth_failed"]; got != 6 {
		t.Errorf("%d refused verifications measured, want 6", got)
	}
	for _, r := range []orders.Result{{Outcome: orders.Unknown}, {Outcome: orders.Rejected, Detail: orders.Other}, {}, {Outcome: orders.AuthFailed}} {
		d := h.another(t, h.db, nil, nil, func(desk.Adapter) desk.Adapter { return answering{with: r} })
		if got := d.Verify(t.Context(), right).Result.String(); got != "system_failed/boss_error" {
			t.Errorf("a BOSS that says %v: %s", r, got)
		}
	}
	if err := h.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if got := h.Verify(t.Context(), right).Result.String(); got != "system_failed/platform" {
		t.Errorf("after Close: %s", got)
	}
}

// What a caller typed for an order gets to the BOSS, and what is not private of
// it is there when the server that took it is not any more.
func TestTypedForAnOrder(t *testing.T) {
	t.Parallel()
	h := open(t, func(o *desk.Options) { o.Retry = time.Hour }, nil)
	if err := h.boss.SetPassword(t.Context(), number(t, rich), password("246810")); err != nil {
		t.Fatal(err)
	}
	h.fault(t, sandbox.OpSubmit, sandbox.LoseAnswer, 2, 0)
	reminder, change := order(t, rich, "open balance_reminder 0"), order(t, rich, "change service_password 0")
	reminder.With = orders.With{"amount": entry.New(entry.Amount, "25.00"), "phone": entry.New(entry.Phone, "13912345678")}
	change.With = orders.With{"old_password": password("246810"), "new_password": password("135790")}
	for o, want := range map[*orders.Order]string{&reminder: `{"amount": "25.00"}`, &change: `{}`} {
		if a := h.Submit(t.Context(), *o, nil); a.Outcome != orders.Unknown {
			t.Errorf("%s: %v", o.Service, a.Result)
		}
		var params string
		err := h.db.QueryRow(t.Context(), "select params::text from ivr.orders where idempotency_key = $1", o.Key).Scan(&params)
		if err != nil || params != want {
			t.Errorf("%s is stored with %s, want %s; %v", o.Service, params, want, err)
		}
	}
	// Another server finds out, which has never seen what was typed.
	run(t, h.another(t, h.db, prometheus.NewRegistry(), func(o *desk.Options) { o.Settle = time.Hour }, nil))
	if _, err := h.db.Exec(t.Context(), "update ivr.orders set next_try_at = now()"); err != nil {
		t.Fatal(err)
	}
	h.becomes(t, reminder, "success/reconciled after unknown order done")
	h.becomes(t, change, "success/reconciled after unknown order done")
	status := h.Ask(t.Context(), orders.Query{Caller: reminder.Caller, Name: "status", Service: "balance_reminder"})
	if status.Values["amount"].Number != 2500 {
		t.Errorf("the reminder is at %v", status.Values)
	}
	if a := h.Verify(t.Context(), orders.Verification{Caller: change.Caller, Password: password("135790")}); a.Outcome != orders.Success {
		t.Errorf("the new password: %v", a.Result)
	}
}

// Two calls of one number change the password at once: one change is carried out,
// and both are told of it. One that comes later does not know the password any more.
func TestJoiningAPasswordChange(t *testing.T) {
	t.Parallel()
	var way between
	h := open(t, func(o *desk.Options) { o.Deadline = 20 * time.Second }, way.around)
	if err := h.boss.SetPassword(t.Context(), number(t, rich), password("246810")); err != nil {
		t.Fatal(err)
	}
	change := func(want, stands string) {
		o := order(t, rich, "change service_password 0")
		o.With = orders.With{"old_password": password("246810"), "new_password": password("135790")}
		if a := h.Submit(t.Context(), o, nil); a.Result.String() != want {
			t.Errorf("told %v, want %s", a.Result, want)
		}
		if got := h.application(t, o); got != stands {
			t.Errorf("the application is %q, want %q", got, stands)
		}
	}
	var second sync.WaitGroup
	way.before = func() { // while the first is at the BOSS
		way.before = nil
		second.Go(func() { change("success/confirmed", "success/confirmed order done") })
		h.waits(t)
	}
	change("success/confirmed", "success/confirmed order done")
	second.Wait()
	if h.effects(t, rich) != 1 || way.submits.Load() != 1 {
		t.Errorf("%d effects of %d submits, want 1 of 1", h.effects(t, rich), way.submits.Load())
	}
	change("auth_failed/wrong_password", "auth_failed/wrong_password order rejected")
}

// marker is in every password of TestSecretsAreNowhere, and nowhere by chance.
const marker = "314159265358979"

// quoting is a BOSS that gives what it was sent in its errors, as web servers do.
type quoting struct{ desk.Adapter }

func (q quoting) Verify(ctx context.Context, v orders.Verification) (orders.Answer, error) {
	a, err := q.Adapter.Verify(ctx, v)
	if err != nil {
		err = fmt.Errorf("verify %s: %w", v.Password.Reveal(), err)
	}
	return a, err
}

func (q quoting) Submit(ctx context.Context, o orders.Order) (orders.Answer, error) {
	a, err := q.Adapter.Submit(ctx, o)
	if err != nil {
		err = fmt.Errorf("order with %s, %s: %w", o.With["new_password"].Reveal(), o.With["id_card"].Reveal(), err)
	}
	return a, err
}

// A thousand passwords are verified and a thousand set, some of them while the
// BOSS fails in every way and quotes them; an identity number is with each reset.
//
// Not parallel: thousands of hashes would take the others' time away.
func TestSecretsAreNowhere(t *testing.T) {
	var log lockedBuffer
	h := open(t, func(o *desk.Options) {
		o.Retry = time.Hour
		o.Log = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}, func(a desk.Adapter) desk.Adapter { return quoting{a} })
	const callers, each = 250, 4
	for _, op := range []sandbox.Operation{sandbox.OpVerify, sandbox.OpSubmit} {
		for _, mode := range []sandbox.Mode{sandbox.Fail, sandbox.Unavailable, sandbox.LoseAnswer, sandbox.LoseRequest} {
			h.fault(t, op, mode, 40, 0)
		}
	}
	var told lockedBuffer
	var all sync.WaitGroup
	room := make(chan struct{}, 12)
	for i := range callers {
		all.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			caller := fmt.Sprintf("139%08d", i)
			known := password(fmt.Sprintf("%s%05d", marker, i*each))
			if err := h.boss.SetPassword(t.Context(), number(t, caller), known); err != nil {
				t.Error(err)
			}
			for n := range each {
				typed := password(fmt.Sprintf("%s%05d", marker, i*each+n))
				v := orders.Verification{Call: "verifying", Caller: number(t, caller), Password: typed}
				o := order(t, caller, []string{"change", "reset", "apply", "change"}[n]+" service_password 0")
				o.With = orders.With{
					"old_password": typed, "new_password": password(fmt.Sprintf("%s9%05d", marker, i*each+n)),
					"id_card": entry.New(entry.IDCard, marker+"001"),
				}
				fmt.Fprintf(&told, "%+v %+v %+v %+v\n", h.Verify(t.Context(), v), h.Submit(t.Context(), o, nil), v, o)
			}
		})
	}
	all.Wait()
	metrics, err := h.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"log": log.String(), "answers": told.String(), "metrics": fmt.Sprint(metrics), "tables": h.everyRow(t),
	} {
		if len(text) < 1000 { // a metric, a row, a line: it was looked into
			t.Errorf("the %s are too few to be looked through: %s", name, text)
		}
		if at := strings.Index(text, marker); at >= 0 {
			t.Errorf("%d secrets in the %s: …%s…", strings.Count(text, marker), name, text[max(0, at-200):at+30])
		}
	}
	if want := "verify •••"; !strings.Contains(log.String(), want) {
		t.Errorf("no error in the log quotes what was hidden from it (%q)", want)
	}
	if n := strings.Count(h.everyRow(t), "service_password"); n < 2*callers*each {
		t.Errorf("%d mentions of the service password in the tables: too few", n)
	}
}

// everyRow is all that is in both schemas, as text.
func (h hotline) everyRow(t *testing.T) string {
	t.Helper()
	rows, _ := h.db.Query(t.Context(), `
		select format('select coalesce(string_agg(r::text, chr(10)), '''') from %I.%I r', schemaname, tablename)
		from pg_tables where schemaname in ('ivr', 'sandbox')`)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, table := range tables {
		var text string
		if err := h.db.QueryRow(t.Context(), table).Scan(&text); err != nil {
			t.Fatal(err)
		}
		all.WriteString(text)
	}
	return all.String()
}

// lockedBuffer is a bytes.Buffer for many writers.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestWhilePostgresIsAway: the BOSS is asked what callers want to know, and gets neither an
// order nor a password, right or wrong.
func TestWhilePostgresIsAway(t *testing.T) {
	t.Parallel()
	h := open(t, nil, nil)
	cfg, line := throughWire(t, h.cfg)
	d := h.another(t, connect(t, cfg), prometheus.NewRegistry(), nil, nil)
	if err := h.boss.SetPassword(t.Context(), number(t, rich), password("246810")); err != nil {
		t.Fatal(err)
	}
	right := orders.Verification{Call: "call", Caller: number(t, rich), Password: password("246810")}
	wrong := orders.Verification{Call: "call", Caller: number(t, rich), Password: password("111213")}
	line.set(true)
	for name, got := range map[string]orders.Answer{
		"the right password": d.Verify(t.Context(), right), "a wrong password": d.Verify(t.Context(), wrong),
		"an order": d.Submit(t.Context(), order(t, rich, "open caller_id 600"), func(string) { t.Error("stored") }),
	} {
		if got.Result.String() != "system_failed/platform" {
			t.Errorf("%s: %v", name, got.Result)
		}
	}
	if got := d.Ask(t.Context(), orders.Query{Caller: number(t, rich), Name: "balance"}); got.Outcome != orders.Success {
		t.Errorf("a query: %v", got.Result)
	}
	line.set(false)
	var effects, tried int
	err := h.db.QueryRow(t.Context(), "select (select count(*) from sandbox.ledger), (select count(*) from ivr.orders)").Scan(&effects, &tried)
	if err != nil || effects != 0 || tried != 0 {
		t.Errorf("%d effects, %d orders, %v", effects, tried, err)
	}
	eventually(t, func() string {
		if got := d.Verify(t.Context(), right); got.Outcome != orders.Success {
			return "with Postgres back: " + got.Result.String()
		}
		return ""
	})
}
