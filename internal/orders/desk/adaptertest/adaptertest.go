// Package adaptertest checks that a BOSS adapter keeps what the Desk relies on.
// Each adapter's own test calls Conform, against a real BOSS or a faithful copy
// of its interface. It is for tests only, and refuses to judge what a BOSS
// decides: only how the adapter tells it.
package adaptertest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/uuid"

	"hotline/internal/orders"
	"hotline/internal/orders/desk"
)

// Sample is what can be asked of the BOSS behind the adapter. Keys are added.
type Sample struct {
	Open  orders.Order // succeeds the first time, is refused the second; with what a caller typed
	Close orders.Order // succeeds after Open
	Query orders.Query // succeeds

	// Shows is among the values of Query once Open has been carried out: what was typed for it.
	Shows map[string]orders.Value

	// Typed are two queries that succeed and differ in nothing but what was typed,
	// and in their answers.
	Typed [2]orders.Query

	// Right and Wrong are about one caller, and differ in the password, whose
	// digits are not found in any text by chance.
	Right, Wrong orders.Verification
}

// Conform runs the checks. It leaves the BOSS as it found it, if all is well.
func Conform(t *testing.T, boss desk.Adapter, s Sample) {
	can := boss.Capabilities()
	keyed := func(o orders.Order) orders.Order {
		o.ID = uuid.NewString()
		o.Key = o.ID
		return o
	}
	opening := keyed(s.Open)
	first := submit(t, boss, opening)
	if first.Result != (orders.Result{Outcome: orders.Success, Detail: orders.Confirmed}) {
		t.Fatalf("open: %v", first.Result)
	}

	t.Run("a refusal is an answer", func(t *testing.T) {
		again := submit(t, boss, keyed(s.Open))
		if again.Outcome != orders.Rejected || !again.Result.Valid() {
			t.Errorf("opened again by another key: %v, want rejected", again.Result)
		}
	})
	t.Run("idempotent", func(t *testing.T) {
		if !can.Idempotent {
			t.Skip("this BOSS is not")
		}
		if same := submit(t, boss, opening); same.Result != first.Result || same.BossRef != first.BossRef {
			t.Errorf("the same key again: %v %s, first it was %v %s", same.Result, same.BossRef, first.Result, first.BossRef)
		}
	})
	t.Run("look-up", func(t *testing.T) {
		if !can.Queryable {
			t.Skip("this BOSS has none")
		}
		found, err := boss.Lookup(t.Context(), opening.Key)
		if err != nil || found.Result != first.Result || found.BossRef != first.BossRef {
			t.Errorf("%v %s, %v; it was %v %s", found.Result, found.BossRef, err, first.Result, first.BossRef)
		}
		if a, err := boss.Lookup(t.Context(), uuid.NewString()); !errors.Is(err, orders.ErrNotFound) {
			t.Errorf("a key never used: %v, %v, want ErrNotFound", a.Result, err)
		}
	})
	t.Run("no time left, nothing sent", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		o := keyed(s.Close)
		if a, err := boss.Submit(ctx, o); !errors.Is(err, orders.ErrNotSent) || !errors.Is(err, context.Canceled) {
			t.Errorf("%v, %v, want ErrNotSent and the reason", a.Result, err)
		}
		if !can.Queryable {
			return
		}
		if a, err := boss.Lookup(t.Context(), o.Key); !errors.Is(err, orders.ErrNotFound) {
			t.Errorf("it was sent all the same: %v, %v", a.Result, err)
		}
	})
	t.Run("query", func(t *testing.T) {
		got := ask(t, boss, s.Query)
		for name, want := range s.Shows {
			if got[name] != want {
				t.Errorf("the order's %s is %v, want %v: is what was typed for it passed on?", name, got[name], want)
			}
		}
	})
	t.Run("what was typed for a query", func(t *testing.T) {
		if one, other := ask(t, boss, s.Typed[0]), ask(t, boss, s.Typed[1]); maps.Equal(one, other) {
			t.Errorf("both answers are %v: is it passed on?", one)
		}
	})
	t.Run("verify", func(t *testing.T) { verify(t, boss, s.Right, s.Wrong) })
	if a := submit(t, boss, keyed(s.Close)); a.Outcome != orders.Success {
		t.Errorf("close: %v", a.Result)
	}
}

func submit(t *testing.T, boss desk.Adapter, o orders.Order) orders.Answer {
	t.Helper()
	a, err := boss.Submit(t.Context(), o)
	if err != nil {
		t.Fatalf("%s %s: %v", o.Action, o.Service, err)
	}
	return a
}

func ask(t *testing.T, boss desk.Adapter, q orders.Query) map[string]orders.Value {
	t.Helper()
	a, err := boss.Query(t.Context(), q)
	if err != nil || a.Outcome != orders.Success || !a.Result.Valid() || len(a.Values) == 0 {
		t.Errorf("%s: %v with values %v, %v", q.Name, a.Result, a.Values, err)
	}
	return a.Values
}

// verify shows the right password and a wrong one, and looks for their digits in
// what comes back.
func verify(t *testing.T, boss desk.Adapter, right, wrong orders.Verification) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		ctx  context.Context
		ask  orders.Verification
		want orders.Outcome // "" is an error
	}{
		{t.Context(), right, orders.Success},
		{t.Context(), wrong, orders.AuthFailed},
		{t.Context(), right, orders.Success}, // one mistake does no harm
		{gone, right, ""},
	} {
		a, err := boss.Verify(tt.ctx, tt.ask)
		if a.Outcome != tt.want || tt.want != "" && (err != nil || !a.Result.Valid()) {
			t.Errorf("%v, %v, want %s", a.Result, err, tt.want)
		}
		if tt.want == "" && !(errors.Is(err, orders.ErrNotSent) && errors.Is(err, context.Canceled)) {
			t.Errorf("no time left: %v, want ErrNotSent and the reason", err)
		}
		if strings.Contains(fmt.Sprintf("%+v %v", a, err), tt.ask.Password.Reveal()) {
			t.Error("the password is quoted")
		}
	}
}
