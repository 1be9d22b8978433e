package desk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hotline/internal/orders"
	"hotline/internal/orders/desk"
	"hotline/internal/orders/entry"
	"hotline/internal/orders/sandbox"
)

// soon is a breaker that opens after four failures of the last eight or fewer requests.
func soon(o *desk.Options) {
	o.Calls.Breaker = desk.Breaker{Requests: 4, Share: 0.5, Window: time.Minute, Pause: 300 * time.Millisecond}
}

// An open breaker refuses before any intent; what is known of orders is still found out;
// and it closes by itself when the BOSS is back.
func TestBreaker(t *testing.T) {
	t.Parallel()
	h := open(t, soon, nil)
	lost := order(t, rich, "open caller_id 600")
	h.fault(t, sandbox.OpSubmit, sandbox.LoseAnswer, 1, 0)
	if a := h.Submit(t.Context(), lost, nil); a.Outcome != orders.Unknown {
		t.Fatalf("answer %v", a.Result)
	}
	h.fault(t, sandbox.OpQuery, sandbox.Unavailable, sandbox.Always, 0)
	balance := orders.Query{Caller: number(t, rich), Name: "balance"}
	for range 3 {
		h.Ask(t.Context(), balance)
	}
	refused := order(t, easy, "open sms_bill 0")
	a := h.Submit(t.Context(), refused, func(string) { t.Error("an intent was stored") })
	if a.Result.String() != "system_failed/boss_unavailable" || h.application(t, refused) != "none" {
		t.Errorf("with the breaker open: %v, application %s", a.Result, h.application(t, refused))
	}
	s, err := h.State(t.Context())
	if err != nil || s.Calls.Breaker != "open" || s.Reconciling.Breaker != "closed" || s.Unresolved["unknown"] != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	if text, err := json.Marshal(s); err != nil || !strings.Contains(string(text), `"breaker":"open"`) {
		t.Errorf("%s, %v", text, err)
	}
	run(t, h.Desk)
	h.becomes(t, lost, "success/reconciled after unknown order done")

	if _, err := h.boss.ClearFaults(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() string {
		if a := h.Ask(t.Context(), balance); a.Outcome != orders.Success {
			return "the BOSS is back, and a query is " + a.Result.String()
		}
		return ""
	})
	for range 3 {
		h.Ask(t.Context(), balance)
	}
	got := h.metrics(t)
	if got["ivr_boss_breaker calls closed"] != 1 || got["ivr_boss_breaker calls open"] != 0 || got["ivr_boss_refused_total calls breaker"] == 0 {
		t.Errorf("%v", got)
	}
	if a := h.Submit(t.Context(), refused, nil); a.Outcome != orders.Success {
		t.Errorf("with the breaker closed again: %v", a.Result)
	}
}

// What the BOSS refuses, it has understood; and who hangs up says nothing of it.
func TestRefusalsDoNotOpenTheBreaker(t *testing.T) {
	t.Parallel()
	h := open(t, soon, nil)
	for range 6 {
		if a := h.Submit(t.Context(), order(t, poor, "open caller_id 600"), nil); a.Result.String() != "rejected/insufficient_balance" {
			t.Errorf("order: %v", a.Result)
		}
		v := orders.Verification{Caller: number(t, rich), Password: entry.New(entry.Password, "000000")}
		if a := h.Verify(t.Context(), v); a.Outcome != orders.AuthFailed {
			t.Errorf("password: %v", a.Result)
		}
	}
	h.fault(t, sandbox.OpQuery, sandbox.Slow, 12, 200*time.Millisecond)
	for range 12 {
		ctx, leave := context.WithTimeout(t.Context(), 5*time.Millisecond)
		cancel, hangUp := context.WithCancel(t.Context())
		context.AfterFunc(ctx, hangUp) // canceled, not late
		h.Ask(cancel, orders.Query{Caller: number(t, rich), Name: "balance"})
		leave()
	}
	s, err := h.State(t.Context())
	if err != nil || s.Calls.Breaker != "closed" || s.Calls.Failures != 0 {
		t.Errorf("%+v, %v", s.Calls, err)
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	h := open(t, func(o *desk.Options) { o.Calls.Rate, o.QueryDeadline = 10, 600*time.Millisecond }, nil)
	// Ten at once, three more within the 300 ms that a caller's question waits.
	answers := make(chan string, 40)
	var all sync.WaitGroup
	for range cap(answers) {
		all.Go(func() {
			answers <- h.Ask(t.Context(), orders.Query{Caller: number(t, rich), Name: "balance"}).Result.String()
		})
	}
	all.Wait()
	close(answers)
	got := map[string]int{}
	for a := range answers {
		got[a]++
	}
	if n := got["success/confirmed"]; n < 10 || n > 20 || n+got["system_failed/boss_timeout"] != cap(answers) {
		t.Errorf("%v, want 10 to 20 of %d answered, the others told that it takes too long", got, cap(answers))
	}
}

// The same again: key after key, by two phones, by redial.
func TestTheSameAgainIsOneOrder(t *testing.T) {
	t.Parallel()
	var way between
	window := func(o *desk.Options) { o.Join = time.Minute }
	h := open(t, window, way.around)
	other := h.another(t, connect(t, h.cfg), prometheus.NewRegistry(), window, func(desk.Adapter) desk.Adapter { return &way })
	desks := []*desk.Desk{h.Desk, other}
	ids := map[string]bool{}
	for i := range 10 {
		o := order(t, rich, "open caller_id 600")
		if a := desks[i%2].Submit(t.Context(), o, func(id string) { ids[id] = true }); a.Result.String() != "success/confirmed" {
			t.Errorf("%d: %v", i, a.Result)
		}
		if got := h.application(t, o); got != "success/confirmed order done" {
			t.Errorf("%d: the application is %q", i, got)
		}
	}
	if len(ids) != 1 || way.submits.Load() != 1 || h.effects(t, rich) != 1 {
		t.Errorf("%d orders, %d submits, %d effects; want one each", len(ids), way.submits.Load(), h.effects(t, rich))
	}
	// Another wish in between makes it another order, as does another price.
	for _, what := range []string{"close caller_id 0", "open caller_id 600"} {
		if a := h.Submit(t.Context(), order(t, rich, what), nil); a.Result.String() != "success/confirmed" {
			t.Errorf("%s: %v", what, a.Result)
		}
	}
	if a := h.Submit(t.Context(), order(t, rich, "open caller_id 700"), nil); a.Result.String() != "rejected/already_open" {
		t.Errorf("at another price: %v", a.Result)
	}
	if n := h.effects(t, rich); n != 3 {
		t.Errorf("%d effects, want opened, closed and opened", n)
	}
}

// A wish that comes in the very moment in which the order for the same is resolved finds it
// running or done, never neither.
func TestAWishWhileTheOrderIsResolved(t *testing.T) {
	h := open(t, func(o *desk.Options) { o.Join = time.Minute }, nil)
	h.fault(t, sandbox.OpSubmit, sandbox.LoseAnswer, 1, 0)
	first := order(t, rich, "open caller_id 600")
	var id string
	if a := h.Submit(t.Context(), first, func(stored string) { id = stored }); a.Outcome != orders.Unknown {
		t.Fatalf("the first is %v", a.Result)
	}
	tx, err := h.db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "select ivr.resolve_order($1::uuid, 'success', 'reconciled', '')", id); err != nil {
		t.Fatal(err)
	}
	type came struct {
		order  string
		answer orders.Answer
	}
	second := make(chan came, 1)
	go func() {
		var c came
		c.answer = h.Submit(t.Context(), order(t, rich, "open caller_id 600"), func(stored string) { c.order = stored })
		second <- c
	}()
	eventually(t, func() string {
		var waiting bool
		err := h.db.QueryRow(t.Context(), `select exists (select from pg_stat_activity
			where datname = current_database() and wait_event_type = 'Lock' and query like '%commit_order%')`).Scan(&waiting)
		if err != nil || !waiting {
			return fmt.Sprint("the second does not wait for the first: ", err)
		}
		return ""
	})
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := <-second; c.order != id || c.answer.Outcome != orders.Success {
		t.Errorf("the second is order %s, %v; want that of the first, %s", c.order, c.answer.Result, id)
	}
	if n := h.effects(t, rich); n != 1 {
		t.Errorf("%d effects", n)
	}
}

// What is typed makes a wish another one; and who comes after the window gets the
// BOSS's own answer.
func TestAnotherWishIsAnotherOrder(t *testing.T) {
	t.Parallel()
	h := open(t, func(o *desk.Options) { o.Join = time.Minute }, nil)
	reminder := func(amount string) orders.Order {
		o := order(t, rich, "open balance_reminder 0")
		o.With = orders.With{"amount": entry.New(entry.Amount, amount)}
		return o
	}
	for _, tt := range []struct {
		amount, want string
	}{{"10.00", "success/confirmed"}, {"10.00", "success/confirmed"}, {"20.00", "rejected/already_open"}} {
		if a := h.Submit(t.Context(), reminder(tt.amount), nil); a.Result.String() != tt.want {
			t.Errorf("%s: %v, want %s", tt.amount, a.Result, tt.want)
		}
	}
	later := h.another(t, h.db, prometheus.NewRegistry(), func(o *desk.Options) { o.Join = time.Nanosecond }, nil)
	first, again := order(t, easy, "open caller_id 600"), order(t, easy, "open caller_id 600")
	for _, tt := range []struct {
		o    orders.Order
		want string
	}{{first, "success/confirmed"}, {again, "rejected/already_open"}} {
		if a := later.Submit(t.Context(), tt.o, nil); a.Result.String() != tt.want {
			t.Errorf("%v, want %s", a.Result, tt.want)
		}
	}
}

// Who asks for the same with other terms, while it is not known what came of the first, is not
// told the result of that: it is refused, and nothing of it is stored.
func TestOtherTermsDoNotJoin(t *testing.T) {
	t.Parallel()
	var way between
	h := open(t, func(o *desk.Options) { o.Retry = time.Hour }, way.around)
	h.fault(t, sandbox.OpSubmit, sandbox.LoseAnswer, 2, 0)
	ask := func(what, amount string) string {
		o := order(t, rich, what)
		if amount != "" {
			o.With = orders.With{"amount": entry.New(entry.Amount, amount)}
		}
		return h.Submit(t.Context(), o, nil).Result.String()
	}
	for _, tt := range []struct{ what, amount, want string }{
		{"open balance_reminder 0", "25.00", "unknown"},
		{"open balance_reminder 0", "50.00", "rejected/other"},
		{"open balance_reminder 0", "25.00", "unknown"},
		{"open caller_id 600", "", "unknown"},
		{"open caller_id 700", "", "rejected/other"},
	} {
		if got := ask(tt.what, tt.amount); got != tt.want {
			t.Errorf("%s %s: %s, want %s", tt.what, tt.amount, got, tt.want)
		}
	}
	var applications int
	if err := h.db.QueryRow(t.Context(), "select count(*) from ivr.applications").Scan(&applications); err != nil || applications != 3 {
		t.Errorf("%d applications are with orders, %v; want 3", applications, err)
	}
	if n := way.submits.Load(); n != 2 {
		t.Errorf("%d submits, want 2", n)
	}
}

// Twenty calls of one number at once, for two things that undo each other: however they
// fall, each order has one effect, and the BOSS agrees with what the callers were told.
func TestTwoPhonesAgainstEachOther(t *testing.T) {
	t.Parallel()
	h := open(t, func(o *desk.Options) { o.Join = time.Minute }, nil)
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			what := []string{"open caller_id 600", "close caller_id 0"}[i%2]
			h.Submit(t.Context(), order(t, rich, what), nil)
		})
	}
	all.Wait()
	var done int
	err := h.db.QueryRow(t.Context(), "select count(*) from ivr.orders where state = 'done'").Scan(&done)
	if err != nil || done != h.effects(t, rich) || done == 0 {
		t.Errorf("%d orders are done, %d effects, %v", done, h.effects(t, rich), err)
	}
	var open, unclosed int
	err = h.db.QueryRow(t.Context(), `select count(*) filter (where outcome is null), count(*) filter (where order_id is null)
		from ivr.applications`).Scan(&open, &unclosed)
	if err != nil || open+unclosed > 0 {
		t.Errorf("%d applications without an outcome, %d without an order, %v", open, unclosed, err)
	}
	if s := fmt.Sprint(h.metrics(t)["ivr_orders_conflicting_results_total"]); s != "0" {
		t.Errorf("%s conflicts", s)
	}
}

// The BOSS's price is asked for apart from callers, and stored with the order.
func TestPrices(t *testing.T) {
	t.Parallel()
	h := open(t, func(o *desk.Options) { o.Deadline = time.Second }, nil)
	prices, err := h.Prices(t.Context())
	if err != nil || prices["caller_id"] != 600 {
		t.Errorf("%v, %v", prices, err)
	}
	for _, o := range []orders.Order{order(t, rich, "open caller_id 600"), order(t, rich, "open sms_bill 0")} {
		if o.Service == "caller_id" {
			o.BossPrice, o.Priced = 600, true
		}
		h.Submit(t.Context(), o, nil)
	}
	var stored string
	err = h.db.QueryRow(t.Context(), "select string_agg(coalesce(boss_price::text, 'unknown'), ' ' order by service) from ivr.orders").Scan(&stored)
	if err != nil || stored != "600 unknown" {
		t.Errorf("stored are %q, %v", stored, err)
	}
	h.fault(t, sandbox.OpQuery, sandbox.Unavailable, 1, 0)
	if p, err := h.Prices(t.Context()); err == nil || p != nil {
		t.Errorf("with the BOSS away: %v, %v", p, err)
	}
	silent := h.another(t, h.db, nil, nil, func(desk.Adapter) desk.Adapter { return twice{h.boss} })
	if p, err := silent.Prices(t.Context()); err != nil || p != nil {
		t.Errorf("of a BOSS that does not tell: %v, %v", p, err)
	}
}
