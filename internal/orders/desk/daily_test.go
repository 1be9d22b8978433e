package desk_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"hotline/internal/orders"
	"hotline/internal/orders/desk"
	"hotline/internal/orders/entry"
	"hotline/internal/orders/sandbox"
)

// What a number may order a day holds over all processes together, and at once: of many
// orders at the same moment, at two Desks, no more are done.
func TestOrdersOfANumberAndDay(t *testing.T) {
	t.Parallel()
	three := func(o *desk.Options) { o.Daily = 3 }
	h := open(t, three, nil)
	other := h.another(t, h.db, prometheus.NewRegistry(), three, nil)

	// One that failed through no fault of the caller's is none of the three.
	h.fault(t, sandbox.OpSubmit, sandbox.Fail, 1, 0)
	failed := order(t, rich, "close caller_id 0")
	if a := h.Submit(t.Context(), failed, nil); a.Outcome != orders.SystemFailed && a.Outcome != orders.Unknown {
		t.Fatalf("%v", a.Result)
	}
	if _, err := h.db.Exec(t.Context(), "update ivr.orders set state = 'failed', result_outcome = 'system_failed', result_detail = 'boss_error', resolved_at = now() where state = 'unknown'"); err != nil {
		t.Fatal(err)
	}

	services := []string{"caller_id 600", "sms_bill 0", "missed_call 0", "voicemail 0", "ringback 0", "call_forward 0", "data_500m 0", "weather 0"}
	var all sync.WaitGroup
	var refused, stored atomic.Int32
	for i, service := range services {
		all.Go(func() {
			d := []*desk.Desk{h.Desk, other}[i%2]
			a := d.Submit(t.Context(), order(t, rich, "open "+service), func(string) { stored.Add(1) })
			if a.Result.String() == "rejected/ineligible" {
				refused.Add(1)
			}
		})
	}
	all.Wait()
	if stored.Load() != 3 || refused.Load() < 5 {
		t.Errorf("of %d orders %d were stored, %d refused", len(services), stored.Load(), refused.Load())
	}
	var rows int
	if err := h.db.QueryRow(t.Context(), "select count(*) from ivr.orders where state <> 'failed'").Scan(&rows); err != nil || rows != 3 {
		t.Errorf("%d orders in the table, %v", rows, err)
	}
	// A day later the number orders again; and other numbers have theirs.
	if a := h.Submit(t.Context(), order(t, easy, "open caller_id 600"), nil); a.Result.String() != "success/confirmed" {
		t.Errorf("another number: %v", a.Result)
	}
	if _, err := h.db.Exec(t.Context(), "update ivr.orders set created_at = created_at - interval '25 hours'"); err != nil {
		t.Fatal(err)
	}
	if a := h.Submit(t.Context(), order(t, rich, "close caller_id 0"), nil); a.Result.String() == "rejected/ineligible" {
		t.Errorf("a day later: %v", a.Result)
	}
}

// What is not about the caller may be asked by nobody; anything else may not, whatever a
// menu says of it.
func TestAnyoneMayAsk(t *testing.T) {
	t.Parallel()
	h := open(t, nil, nil)
	home := orders.Query{Name: "number_home", Anyone: true, With: orders.With{"phone": entry.New(entry.Phone, "13800210000")}}
	if a := h.Ask(t.Context(), home); a.Result.String() != "success/confirmed" || a.Values["region"].Word == "" {
		t.Errorf("%v", a)
	}
	home.Anyone = false
	if a := h.Ask(t.Context(), home); a.Result.String() != "rejected/ineligible" {
		t.Errorf("not for anyone: %v", a.Result)
	}
	if a := h.Ask(t.Context(), orders.Query{Name: "balance", Anyone: true}); a.Result.String() != "system_failed/boss_error" {
		t.Errorf("the balance of nobody: %v", a.Result)
	}
}
