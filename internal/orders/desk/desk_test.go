package desk_test

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"hotline/internal/orders"
	"hotline/internal/orders/desk"
	"hotline/internal/orders/sandbox"
)

const (
	rich  = "13800000001"
	poor  = "13800000002"
	hasID = "13800000003"
	easy  = "13800000005"
)

func itoa(n uint16) string { return strconv.Itoa(int(n)) }

// hotline is a Desk with a real BOSS behind it, and a look into both databases.
type hotline struct {
	*desk.Desk
	boss *sandbox.Boss
	db   *pgxpool.Pool
	cfg  *pgxpool.Config
	reg  *prometheus.Registry
}

// quick are the times of tests: as in life, only a hundred times faster.
var quick = desk.Options{
	Seal: seal, Deadline: 3 * time.Second, Settle: 400 * time.Millisecond,
	Retry: 20 * time.Millisecond, Poll: 20 * time.Millisecond, Join: -1,
	Calls:       desk.Limits{Concurrent: 16, Queue: 200, Breaker: never},
	Reconciling: desk.Limits{Concurrent: 4, Breaker: never},
}

// never is a breaker that does not open: most tests have a BOSS that fails all the time.
var never = desk.Breaker{Requests: 1_000_000}

// open makes a hotline with what change does to the quick options; around, if
// any, stands between the Desk and the BOSS.
func open(t *testing.T, change func(*desk.Options), around func(desk.Adapter) desk.Adapter) hotline {
	t.Helper()
	h := hotline{cfg: database(t), reg: prometheus.NewRegistry()}
	h.db = connect(t, h.cfg)
	boss, err := sandbox.Open(t.Context(), h.db)
	if err != nil {
		t.Fatal(err)
	}
	h.boss = boss
	h.Desk = h.another(t, h.db, h.reg, change, around)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := boss.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return h
}

// another makes a Desk as another process would have it.
func (h hotline) another(t *testing.T, db *pgxpool.Pool, reg prometheus.Registerer, change func(*desk.Options), around func(desk.Adapter) desk.Adapter) *desk.Desk {
	t.Helper()
	opt := quick
	opt.Metrics = reg
	opt.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	if change != nil {
		change(&opt)
	}
	var adapter desk.Adapter = h.boss
	if around != nil {
		adapter = around(adapter)
	}
	d, err := desk.New(db, adapter, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := d.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return d
}

// run reconciles until the test ends.
func run(t *testing.T, d *desk.Desk) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { d.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		done.Wait()
	})
}

func number(t *testing.T, s string) orders.MSISDN {
	t.Helper()
	if s == "" {
		return orders.MSISDN{}
	}
	n, err := orders.ParseMSISDN(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// order makes the first order of a new call from "open caller_id 600".
func order(t *testing.T, caller, what string) orders.Order {
	t.Helper()
	o := orders.Order{Call: uuid.NewString(), Caller: number(t, caller)}
	o.Application = o.Call + ".1"
	o.Key = o.Application
	var price int64
	if _, err := fmt.Sscan(what, (*string)(&o.Action), &o.Service, &price); err != nil {
		t.Fatal(err)
	}
	o.Price = orders.Money(price)
	return o
}

// application tells how an application stands: its outcome, what it was first,
// and the state of its order.
func (h hotline) application(t *testing.T, o orders.Order) string {
	t.Helper()
	var s string
	err := h.db.QueryRow(context.Background(), `
		select coalesce((select concat_ws(' ',
			coalesce(a.outcome || coalesce('/' || nullif(a.outcome_detail, ''), ''), 'open'),
			case when a.first_outcome <> a.outcome then 'after ' || a.first_outcome end,
			'order ' || r.state)
		from ivr.applications a left join ivr.orders r using (order_id) where application_id = $1), 'none')`, o.Application).Scan(&s)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// becomes waits until an application stands as told.
func (h hotline) becomes(t *testing.T, o orders.Order, want string) {
	t.Helper()
	eventually(t, func() string {
		if got := h.application(t, o); got != want {
			return fmt.Sprintf("application is %q, want %q", got, want)
		}
		return ""
	})
}

// effects counts what the BOSS has done for a caller, and checks that the money agrees.
func (h hotline) effects(t *testing.T, caller string) int {
	t.Helper()
	var n int
	err := h.db.QueryRow(context.Background(), "select count(*) from sandbox.ledger where msisdn = $1 and outcome = 'success'", caller).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// balance asks the BOSS itself.
func (h hotline) balance(t *testing.T, caller string) orders.Money {
	t.Helper()
	s, err := h.boss.Subscriber(context.Background(), number(t, caller))
	if err != nil {
		t.Fatal(err)
	}
	return s.Balance
}

func (h hotline) fault(t *testing.T, op sandbox.Operation, mode sandbox.Mode, times int, delay time.Duration) {
	t.Helper()
	if err := h.boss.AddFault(t.Context(), sandbox.Fault{Operation: op, Mode: mode, Times: times, Delay: delay}); err != nil {
		t.Fatal(err)
	}
}

func TestEachOutcome(t *testing.T) {
	for _, tt := range []struct {
		name, caller, what string
		fault              sandbox.Mode
		answer, stands     string
		effects            int
	}{
		{"success", rich, "open caller_id 600", "", "success/confirmed", "success/confirmed order done", 1},
		{"already open", hasID, "open caller_id 600", "", "rejected/already_open", "rejected/already_open order rejected", 0},
		{"not open", rich, "close caller_id 0", "", "rejected/not_open", "rejected/not_open order rejected", 0},
		{"poor", poor, "open caller_id 600", "", "rejected/insufficient_balance", "rejected/insufficient_balance order rejected", 0},
		{"ineligible", easy, "open mobile_data_200 20000", "", "rejected/ineligible", "rejected/ineligible order rejected", 0},
		{"other price", rich, "open caller_id 1", "", "rejected/other", "rejected/other order rejected", 0},
		{"unavailable", rich, "open caller_id 600", sandbox.Unavailable, "system_failed/boss_unavailable", "system_failed/boss_unavailable order failed", 0},
		{"error", rich, "open caller_id 600", sandbox.Fail, "system_failed/boss_error", "system_failed/boss_error order failed", 0},
		{"answer lost", rich, "open caller_id 600", sandbox.LoseAnswer, "unknown", "unknown order unknown", 1},
		{"request lost", rich, "open caller_id 600", sandbox.LoseRequest, "unknown", "unknown order unknown", 0},
		{"anonymous", "", "open caller_id 600", "", "rejected/ineligible", "none", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := open(t, nil, nil)
			if tt.fault != "" {
				h.fault(t, sandbox.OpSubmit, tt.fault, 1, 0)
			}
			o := order(t, tt.caller, tt.what)
			stored := ""
			got := h.Submit(t.Context(), o, func(id string) {
				stored = id
				if s := h.application(t, o); s != "open order pending" {
					t.Errorf("when the call was told, the application was %q", s)
				}
			})
			if got.Result.String() != tt.answer {
				t.Errorf("answer %s, want %s", got.Result, tt.answer)
			}
			if s := h.application(t, o); s != tt.stands {
				t.Errorf("application is %q, want %q", s, tt.stands)
			}
			if (stored == "") != (tt.stands == "none") {
				t.Errorf("told the call that order %q is stored; application %q", stored, tt.stands)
			}
			if n := h.effects(t, tt.caller); n != tt.effects {
				t.Errorf("%d effects, want %d", n, tt.effects)
			}
			if got.Outcome == orders.Success && got.BossRef == "" {
				t.Error("no reference of the BOSS")
			}
		})
	}
}

// One number, one service, a hundred calls at once, on two servers.
func TestHundredCallsOneEffect(t *testing.T) {
	h := open(t, nil, nil)
	other := h.another(t, connect(t, h.cfg), prometheus.NewRegistry(), nil, nil)
	before := h.balance(t, rich)
	asked := make([]orders.Order, 100)
	answers := make([]orders.Answer, len(asked))
	var all sync.WaitGroup
	for i := range asked {
		asked[i] = order(t, rich, "open caller_id 600")
		d := h.Desk
		if i%2 == 1 {
			d = other
		}
		all.Go(func() { answers[i] = d.Submit(t.Context(), asked[i], nil) })
	}
	all.Wait()
	if n := h.effects(t, rich); n != 1 {
		t.Errorf("%d effects, want 1", n)
	}
	if debit := before - h.balance(t, rich); debit != 600 {
		t.Errorf("debited %v, want 6.00", debit)
	}
	successes := 0
	for i, a := range answers {
		switch a.Result.String() {
		case "success/confirmed":
			successes++
		case "rejected/already_open": // came after the first had its result
		default:
			t.Errorf("answer %v", a.Result)
		}
		want := map[orders.Outcome]string{orders.Success: "done", orders.Rejected: "rejected"}[a.Outcome]
		if got := h.application(t, asked[i]); got != a.Result.String()+" order "+want {
			t.Errorf("told %v, stored %q", a.Result, got)
		}
	}
	if successes == 0 {
		t.Error("nobody was told of the success")
	}
}

func TestQueueFullAndTooLong(t *testing.T) {
	t.Parallel()
	h := open(t, func(o *desk.Options) { o.Calls.Concurrent, o.Calls.Queue, o.Deadline = 1, 1, 2*time.Second }, nil)
	h.fault(t, sandbox.OpSubmit, sandbox.Slow, 1, 1500*time.Millisecond)
	first, second, third := order(t, rich, "open caller_id 600"), order(t, hasID, "close caller_id 0"), order(t, easy, "open sms_bill 0")
	stored := make(chan string, 1)
	answers := make(chan string, 2)
	var all sync.WaitGroup
	all.Go(func() { answers <- h.Submit(t.Context(), first, func(id string) { stored <- id }).Result.String() })
	<-stored
	all.Go(func() {
		// The place may be taken, for a moment, by one of the questions below.
		got := "system_failed/boss_unavailable"
		for got == "system_failed/boss_unavailable" && t.Context().Err() == nil {
			got = h.Submit(t.Context(), second, nil).Result.String()
		}
		if got != "system_failed/boss_timeout" {
			t.Errorf("half the deadline in the queue: %s", got)
		}
		answers <- ""
	})
	// The queue has one place: whichever of these two comes second is refused.
	began := time.Now()
	eventually(t, func() string {
		return map[bool]string{false: "never refused"}[h.Ask(expired(t), orders.Query{Caller: third.Caller, Name: "balance"}).Detail == orders.BossUnavailable]
	})
	if got := h.Submit(t.Context(), third, nil).Result.String(); got != "system_failed/boss_unavailable" {
		t.Errorf("a full queue: %s", got)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("a full queue took %v to say so", took)
	}
	all.Wait()
	if h.application(t, second) != "none" || h.application(t, third) != "none" {
		t.Errorf("stored without being sent: %q, %q", h.application(t, second), h.application(t, third))
	}
	if got := h.application(t, first); got != "success/confirmed order done" {
		t.Errorf("the first is %q", got)
	}
}

// expired is the context of a caller who has left: it finds the queue full, or nothing.
func expired(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func TestAsk(t *testing.T) {
	t.Parallel()
	h := open(t, func(o *desk.Options) { o.Deadline = 300 * time.Millisecond }, nil)
	balance := orders.Query{Caller: number(t, poor), Name: "balance"}
	for _, tt := range []struct {
		name  string
		query orders.Query
		fault sandbox.Mode
		want  string
	}{
		{"balance", balance, "", "success/confirmed"},
		{"anonymous", orders.Query{Name: "balance"}, "", "rejected/ineligible"},
		{"no such query", orders.Query{Caller: balance.Caller, Name: "weather"}, "", "system_failed/boss_error"},
		{"error", balance, sandbox.Fail, "system_failed/boss_error"},
		{"unavailable", balance, sandbox.Unavailable, "system_failed/boss_unavailable"},
		{"lost", balance, sandbox.LoseAnswer, "system_failed/boss_error"},
		{"slow", balance, sandbox.Slow, "system_failed/boss_timeout"},
	} {
		if tt.fault != "" {
			h.fault(t, sandbox.OpQuery, tt.fault, 1, map[bool]time.Duration{true: time.Second}[tt.fault == sandbox.Slow])
		}
		got := h.Ask(t.Context(), tt.query)
		if got.Result.String() != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, got.Result, tt.want)
		}
		if tt.want == "success/confirmed" && got.Values["balance"] != (orders.Value{Kind: orders.ValueMoney, Number: 50}) {
			t.Errorf("%s: %v", tt.name, got.Values)
		}
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	h := open(t, nil, nil)
	h.fault(t, sandbox.OpSubmit, sandbox.Slow, 1, 400*time.Millisecond)
	o := order(t, rich, "open caller_id 600")
	stored, answer := make(chan string, 1), make(chan orders.Answer, 1)
	var all sync.WaitGroup
	all.Go(func() { answer <- h.Submit(t.Context(), o, func(id string) { stored <- id }) })
	<-stored
	if err := h.Close(t.Context()); err != nil {
		t.Errorf("Close: %v", err)
	}
	select {
	case a := <-answer:
		if a.Result.String() != "success/confirmed" {
			t.Errorf("the order under way: %v", a.Result)
		}
	default:
		// Submit may be between its last step and its return, not before that.
		if got := h.application(t, o); got != "success/confirmed order done" {
			t.Errorf("Close returned with the order %q", got)
		}
	}
	all.Wait()
	if got := h.Submit(t.Context(), order(t, easy, "open sms_bill 0"), nil).Result.String(); got != "system_failed/platform" {
		t.Errorf("an order after Close: %s", got)
	}
	if got := h.Ask(t.Context(), orders.Query{Caller: number(t, rich), Name: "balance"}).Result.String(); got != "system_failed/platform" {
		t.Errorf("a query after Close: %s", got)
	}
}

// Close gives up waiting in time to store what it cuts off, and another server
// finds out what came of it.
func TestCloseCutsOff(t *testing.T) {
	t.Parallel()
	h := open(t, func(o *desk.Options) { o.Deadline = time.Minute }, nil)
	h.fault(t, sandbox.OpSubmit, sandbox.Slow, 1, 3*time.Second)
	o := order(t, rich, "open caller_id 600")
	stored := make(chan string, 1)
	var all sync.WaitGroup
	all.Go(func() {
		if a := h.Submit(t.Context(), o, func(id string) { stored <- id }); a.Outcome != orders.Unknown {
			t.Errorf("cut off: %v", a.Result)
		}
	})
	<-stored
	ctx, cancel := context.WithTimeout(t.Context(), 2300*time.Millisecond)
	defer cancel()
	if err := h.Close(ctx); err == nil || ctx.Err() != nil {
		t.Errorf("Close: %v; its deadline: %v", err, ctx.Err())
	}
	all.Wait()
	if got := h.application(t, o); got != "unknown order unknown" {
		t.Errorf("cut off, the application is %q", got)
	}
	run(t, h.another(t, h.db, prometheus.NewRegistry(), func(o *desk.Options) { o.Settle = time.Minute }, nil))
	h.becomes(t, o, "success/reconciled after unknown order done")
}

// metrics reads what a scrape would see: name and label values, and the value or
// the number of observations.
func (h hotline) metrics(t *testing.T) map[string]uint64 {
	t.Helper()
	families, err := h.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]uint64{}
	for _, f := range families {
		for _, m := range f.Metric {
			name := f.GetName()
			for _, l := range m.Label {
				name += " " + l.GetValue()
			}
			got[name] = m.GetHistogram().GetSampleCount() + uint64(m.GetGauge().GetValue()+m.GetCounter().GetValue())
		}
	}
	return got
}

func TestMetrics(t *testing.T) {
	h := open(t, func(o *desk.Options) { o.Retry = time.Hour }, nil) // what is unknown stays so
	h.fault(t, sandbox.OpSubmit, sandbox.LoseAnswer, 1, 0)
	h.Submit(t.Context(), order(t, rich, "open caller_id 600"), nil)
	h.Submit(t.Context(), order(t, hasID, "open caller_id 600"), nil)
	h.Ask(t.Context(), orders.Query{Caller: number(t, rich), Name: "balance"})
	got := h.metrics(t)
	for name, want := range map[string]uint64{
		"ivr_boss_request_duration_seconds submit answer_lost": 1,
		"ivr_boss_request_duration_seconds submit rejected":    1,
		"ivr_boss_request_duration_seconds query success":      1,
		"ivr_boss_requests_in_flight submit":                   0,
		"ivr_orders_conflicting_results_total":                 0,
	} {
		if n, ok := got[name]; !ok || n != want {
			t.Errorf("%s is %d (there: %v), want %d", name, n, ok, want)
		}
	}
	run(t, h.Desk)
	eventually(t, func() string {
		if got := h.metrics(t); got["ivr_orders_unresolved unknown"] != 1 || got["ivr_orders_unresolved sent"] != 0 {
			return fmt.Sprint("unresolved: ", got)
		}
		return ""
	})
	if _, err := desk.New(h.db, h.boss, desk.Options{Seal: seal, Metrics: h.reg}); err == nil {
		t.Error("the same metrics were registered twice")
	}
	if _, err := desk.New(h.db, h.boss, desk.Options{}); err == nil {
		t.Error("a desk without Seal")
	}
}
