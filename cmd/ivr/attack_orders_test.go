package main

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"hotline/internal/orders"
)

// TestOrdersJudge: each thing that must not be is told, and nothing else.
func TestOrdersJudge(t *testing.T) {
	began := time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)
	at := func(d time.Duration) *time.Time { at := began.Add(d); return &at }
	done := booked{ID: "o", Key: "k", State: "done", Outcome: orders.Success, Detail: orders.Confirmed, Applications: 1, ClosedAt: at(0), ResolvedAt: at(0)}
	with := func(change func(*booked)) booked {
		b := done
		change(&b)
		return b
	}
	failed := with(func(b *booked) { b.Outcome, b.Detail = orders.SystemFailed, orders.BossError })
	told := wished{key: "k", order: "o", told: orders.Result{Outcome: orders.Success, Detail: orders.Confirmed}}
	unknown := wished{key: "k", order: "o", told: orders.Result{Outcome: orders.Unknown}}
	for name, c := range map[string]struct {
		order   booked
		effects int
		wish    wished
		broken  string // the begin of what is told; "" for nothing
	}{
		"done":                    {done, 1, told, ""},
		"done, told later":        {done, 1, unknown, ""},
		"failed, told later":      {failed, 0, unknown, ""},
		"done twice":              {done, 2, told, "duplicates"},
		"not done":                {done, 0, told, "losses"},
		"failed, and done":        {failed, 1, unknown, "effects of an order"},
		"told that it failed":     {done, 1, wished{key: "k", order: "o", told: orders.Result{Outcome: orders.SystemFailed}}, "callers who were told wrong"},
		"told that it was done":   {failed, 0, told, "callers who were told wrong"},
		"never known":             {with(func(b *booked) { b.State, b.ResolvedAt = "unknown", nil }), 1, unknown, "orders of which it is not known"},
		"made beside another's":   {with(func(b *booked) { b.Outcome, b.Detail = orders.Rejected, orders.AlreadyOpen }), 0, unknown, "orders made beside"},
		"an application differs":  {with(func(b *booked) { b.Others = 1 }), 1, told, "applications whose"},
		"not in the journal":      {done, 1, wished{key: "k", order: "other", told: told.told}, "orders that are not"},
		"told of nothing":         {done, 1, wished{key: "k", told: told.told}, "callers told of an order"},
		"refused":                 {done, 1, wished{key: "k", told: orders.Result{Outcome: orders.SystemFailed}}, ""},
		"known in time":           {with(func(b *booked) { b.Unknown, b.ResolvedAt = true, at(14*time.Minute) }), 1, unknown, ""},
		"known too late":          {with(func(b *booked) { b.Unknown, b.ResolvedAt = true, at(16*time.Minute) }), 1, unknown, "orders unknown for more than"},
		"unknown since, too late": {with(func(b *booked) { b.Unknown, b.ClosedAt, b.ResolvedAt = true, at(time.Hour), at(66*time.Minute) }), 1, unknown, "orders unknown for more than"},
	} {
		t.Run(name, func(t *testing.T) {
			r := ordersReport{Outcomes: map[string]int{}}
			r.order(c.order, c.effects, began.Add(10*time.Minute))
			r.wish(c.wish, map[string]booked{c.order.ID: c.order})
			told := slices.Collect(maps.Keys(r.Broken))
			if c.broken == "" && len(told) == 0 || len(told) == 1 && c.broken != "" && strings.HasPrefix(told[0], c.broken) {
				return
			}
			t.Errorf("told %q, want %q", told, c.broken)
		})
	}
}

// TestOrdersJudgeSeesAWeakAttack: one in which too little went wrong proves nothing.
func TestOrdersJudgeSeesAWeakAttack(t *testing.T) {
	a := &ordersAttack{ordersFlags: ordersFlags{orders: 1000}, met: map[fault]int{}}
	for _, f := range append(slices.Clone(costly), harmless...) {
		a.met[f] = 1
	}
	strong := func() *ordersReport {
		return &ordersReport{
			Orders: 1000, Unknown: 10, Deaths: 2, Joined: 1, Faults: map[string]int{},
			Outcomes: map[string]int{"rejected/not_open": 1, "success/reconciled": 1},
		}
	}
	r := strong()
	if a.strength(r); len(r.Broken) > 0 {
		t.Errorf("an attack that is strong enough: told %q", r.Broken)
	}
	for name, weaken := range map[string]func(*ordersReport){
		"orders": func(r *ordersReport) { r.Orders = 999 }, "unknown": func(r *ordersReport) { r.Unknown = 9 },
		"deaths": func(r *ordersReport) { r.Deaths = 1 }, "joined": func(r *ordersReport) { r.Joined = 0 },
		"refused": func(r *ordersReport) { delete(r.Outcomes, "rejected/not_open") },
		"found":   func(r *ordersReport) { delete(r.Outcomes, "success/reconciled") },
	} {
		r := strong()
		weaken(r)
		if a.strength(r); len(r.Broken["too weak"]) != 1 {
			t.Errorf("%s: told %q", name, r.Broken)
		}
	}
	delete(a.met, costly[0])
	r = strong()
	a.strength(r)
	var out bytes.Buffer
	if err := r.show(&out); err != nil || !strings.Contains(out.String(), `"drop" happened 0 times`) {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// TestEachFaultHasItsTurn: also the last one of the deck.
func TestEachFaultHasItsTurn(t *testing.T) {
	a := &trouble{random: rand.New(rand.NewPCG(1, 2))}
	had := map[fault]int{}
	for range 2 * len(costly) {
		had[a.next()]++
	}
	for _, f := range costly {
		if had[f] != 2 {
			t.Errorf("%s had %d turns of 2", f, had[f])
		}
	}
}
