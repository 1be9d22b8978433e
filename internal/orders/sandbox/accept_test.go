package sandbox_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"hotline/internal/orders"
	"hotline/internal/orders/entry"
	"hotline/internal/orders/sandbox"
)

func accept(t *testing.T, b *sandbox.Boss, o orders.Order, after time.Duration) orders.Answer {
	t.Helper()
	a, err := b.Accept(t.Context(), o, after)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// An accepted order acts once it is due, once, whoever carries it out, with what was typed for it.
func TestAccepted(t *testing.T) {
	b, pool := boss(t)
	o := order(t, rich, "open balance_reminder 0")
	o.With = orders.With{"amount": entry.New(entry.Amount, "25.00")}
	first := accept(t, b, o, time.Hour)
	if first.Outcome != orders.Unknown || first.BossRef == "" {
		t.Fatalf("%+v", first)
	}
	for name, again := range map[string]func() (orders.Answer, error){
		"accepted again": func() (orders.Answer, error) { return b.Accept(t.Context(), o, 0) },
		"submitted":      func() (orders.Answer, error) { return b.Submit(t.Context(), o) },
		"looked up":      func() (orders.Answer, error) { return b.Lookup(t.Context(), o.Key) },
	} {
		if a, err := again(); err != nil || a.Result != first.Result || a.BossRef != first.BossRef {
			t.Errorf("%s: %+v, %v, want %+v", name, a, err, first)
		}
	}
	if done, err := b.CarryOut(t.Context()); err != nil || len(done) != 0 || len(show(t, b, rich).Open) != 0 {
		t.Errorf("carried out before it is due: %v, %v", done, err)
	}
	if e, err := b.EntryOf(t.Context(), first.BossRef); err != nil || e.Key != o.Key || !e.Pending() || e.Due.Sub(e.At) < 59*time.Minute {
		t.Errorf("%+v, %v", e, err)
	}

	if _, err := pool.Exec(t.Context(), "update sandbox.accepted set due_at = now()"); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := b.CarryOut(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	a, err := b.Lookup(t.Context(), o.Key)
	if err != nil || a.Result.String() != "success/confirmed" || a.BossRef != first.BossRef {
		t.Errorf("%+v, %v", a, err)
	}
	effects, err := b.Effects(t.Context())
	if err != nil || len(effects) != 1 || effects[0].Key != o.Key || effects[0].BossRef != first.BossRef || effects[0].Caller != o.Caller {
		t.Errorf("%+v, %v", effects, err)
	}
	q, err := b.Query(t.Context(), orders.Query{Caller: o.Caller, Name: "status", Service: "balance_reminder"})
	if err != nil || q.Values["amount"].Number != 2500 {
		t.Errorf("what was typed for it: %v, %v", q.Values, err)
	}
	if a := accept(t, b, o, time.Hour); a.Result.String() != "success/confirmed" {
		t.Errorf("accepted after it was carried out: %+v", a)
	}
}

// What may be refused is refused when it is carried out, not before; a refusal is no effect.
func TestAcceptedAndRefused(t *testing.T) {
	b, _ := boss(t)
	o := order(t, poor, "open caller_id 600")
	accept(t, b, o, 0)
	if done, err := b.CarryOut(t.Context()); err != nil || !slices.Equal(done, []string{o.Key}) {
		t.Errorf("%v, %v", done, err)
	}
	e, err := b.Entry(t.Context(), o.Key)
	if err != nil || e.Result.String() != "rejected/insufficient_balance" || e.Pending() {
		t.Errorf("%+v, %v", e, err)
	}
	if effects, err := b.Effects(t.Context()); err != nil || len(effects) != 0 {
		t.Errorf("%v, %v", effects, err)
	}
}

// A secret is stored nowhere, and so does not wait.
func TestAcceptedWithASecret(t *testing.T) {
	b, pool := boss(t)
	o := order(t, rich, "change service_password 0")
	o.With = typed("old_password=135791 new_password=222222")
	if a := accept(t, b, o, time.Hour); a.Result.String() != "success/confirmed" {
		t.Errorf("%+v", a)
	}
	var waiting int
	if err := pool.QueryRow(t.Context(), "select count(*) from sandbox.accepted").Scan(&waiting); err != nil || waiting != 0 {
		t.Errorf("%d wait, %v", waiting, err)
	}
}

func TestEntries(t *testing.T) {
	b, _ := boss(t)
	o := order(t, rich, "open caller_id 600")
	for _, find := range []func() (sandbox.Entry, error){
		func() (sandbox.Entry, error) { return b.Entry(t.Context(), o.Key) },
		func() (sandbox.Entry, error) { return b.EntryOf(t.Context(), "SB00000001") },
		func() (sandbox.Entry, error) { return b.Recorded(t.Context(), o.Key) },
	} {
		if e, err := find(); !errors.Is(err, orders.ErrNotFound) {
			t.Errorf("before it was submitted: %+v, %v", e, err)
		}
	}
	before := time.Now()
	submit(t, b, o)
	e, err := b.Entry(t.Context(), o.Key)
	if err != nil || e.Caller != o.Caller || e.Service != "caller_id" || e.Action != orders.Open || e.Price != 600 || e.At.Before(before.Add(-time.Minute)) {
		t.Errorf("%+v, %v", e, err)
	}
	// It is a look-up, and meets a look-up's faults; the BOSS's own people see it all the same.
	if err := b.AddFault(t.Context(), sandbox.Fault{Operation: sandbox.OpLookup, Mode: sandbox.LoseAnswer, Times: sandbox.Always}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Entry(t.Context(), o.Key); !errors.Is(err, orders.ErrAnswerLost) {
		t.Errorf("%v, want a lost answer", err)
	}
	if same, err := b.Recorded(t.Context(), o.Key); err != nil || same.Key != e.Key || same.Result != e.Result || same.BossRef != e.BossRef {
		t.Errorf("%+v, %v", same, err)
	}
}

func TestQuestionsThatMakeNoSense(t *testing.T) {
	b, _ := boss(t)
	for _, q := range []orders.Query{{Name: "no_such"}, {Name: "status", Service: "no_such"}, {Name: "bill_by_month"}, {Name: "number_home"}} {
		q.Caller = number(t, rich)
		if _, err := b.Query(t.Context(), q); !errors.Is(err, sandbox.ErrQuestion) {
			t.Errorf("%s: %v", q.Name, err)
		}
	}
}
