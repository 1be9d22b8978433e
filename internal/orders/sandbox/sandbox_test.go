package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"hotline/internal/orders"
	"hotline/internal/orders/sandbox"
)

const (
	rich    = "13800000001"
	poor    = "13800000002"
	hasID   = "13800000003"
	hasData = "13800000004"
	easy    = "13800000005" // 神州行 with money enough for most
	fresh   = "13911112222"
)

// Each row is one order by one caller; rows of a script follow each other.
func TestOrders(t *testing.T) {
	for _, tt := range []struct{ name, caller, script string }{
		{"open twice", rich, `
			open caller_id 600           success/confirmed
			open caller_id 600           rejected/already_open`},
		{"close twice", hasID, `
			close caller_id 0            success/confirmed
			close caller_id 0            rejected/not_open
			open caller_id 600           success/confirmed`},
		{"poor", poor, `
			open caller_id 600           rejected/insufficient_balance
			open sms_bill 0              success/confirmed`},
		{"price agreed to is not the price", rich, `
			open caller_id 500           rejected/other
			open caller_id 600           success/confirmed`},
		{"brand may not have it", easy, `
			open mobile_data_200 20000   rejected/ineligible`},
		{"a new plan takes the place of the old", hasData, `
			open mobile_data_20 2000     rejected/already_open
			open mobile_data_5 500       success/confirmed
			close mobile_data_20 0       rejected/not_open
			close mobile_data 0          success/confirmed
			close mobile_data 0          rejected/not_open`},
		{"bills do not exclude each other", rich, `
			open sms_bill 0              success/confirmed
			open mms_bill 100            success/confirmed
			close sms_bill 0             success/confirmed
			close mms_bill 0             success/confirmed`},
		{"no such thing", rich, `
			open horoscope 100           rejected/other
			close horoscope 0            rejected/other
			open mobile_data 0           rejected/other
			reset caller_id 0            rejected/other`},
		{"first sight: 50.00", fresh, `
			open mobile_data_50 5000     success/confirmed
			open caller_id 600           rejected/insufficient_balance`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, _ := boss(t)
			for line := range strings.Lines(strings.TrimSpace(tt.script)) {
				f := strings.Fields(line)
				what := strings.Join(f[:3], " ")
				if got := submit(t, b, order(t, tt.caller, what)); got != f[3] {
					t.Errorf("%s: %s, want %s", what, got, f[3])
				}
			}
		})
	}
}

// Every row of the operator's table of functions that opens or closes something.
const functions = "open balance_reminder,close balance_reminder,open sms_bill,close sms_bill," +
	"open mms_bill,close mms_bill,open my_10086,close my_10086,open caller_id,close caller_id," +
	"open ringback_tone,close ringback_tone,open mobile_data_standard,open mobile_data_5," +
	"open mobile_data_20,open mobile_data_50,open mobile_data_100,open mobile_data_200," +
	"close mobile_data,open call_reminder,close call_reminder,open fetion,close fetion"

func TestEveryFunctionIsSold(t *testing.T) {
	b, pool := boss(t)
	for row := range strings.SplitSeq(functions, ",") {
		_, service, _ := strings.Cut(row, " ")
		var price int64
		err := pool.QueryRow(t.Context(), "select coalesce(max(price_fen), 0) from sandbox.catalogue where service = $1", service).Scan(&price)
		if err != nil {
			t.Fatal(err)
		}
		if got := submit(t, b, order(t, rich, fmt.Sprint(row, " ", price))); got != "success/confirmed" {
			t.Errorf("%s: %s", row, got)
		}
	}
}

func TestOpeningDebitsOnceForAKey(t *testing.T) {
	b, _ := boss(t)
	o := order(t, rich, "open caller_id 600")
	before := show(t, b, rich).Balance
	var first orders.Answer
	for i := range 3 {
		a, err := b.Submit(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = a
		}
		if a.Result != first.Result || a.BossRef != first.BossRef {
			t.Errorf("time %d: %v %s, first it was %v %s", i+1, a.Result, a.BossRef, first.Result, first.BossRef)
		}
	}
	if got := before - show(t, b, rich).Balance; got != 600 {
		t.Errorf("debited %v, want 6.00", got)
	}
	found, err := b.Lookup(t.Context(), o.Key)
	if err != nil || found.BossRef != first.BossRef || found.Result != first.Result {
		t.Errorf("Lookup: %v %s, %v", found.Result, found.BossRef, err)
	}
	if _, err := b.Lookup(t.Context(), "another key"); !errors.Is(err, orders.ErrNotFound) {
		t.Errorf("Lookup of an unknown key: %v", err)
	}
}

// A hundred orders for one number at once. To have them meet, the test holds the
// subscriber until as many as there are connections wait for it.
func TestHundredOrdersAtOnce(t *testing.T) {
	b, pool := boss(t)
	before := show(t, b, rich).Balance
	hold, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = hold.Rollback(context.Background()) }()
	watch, err := pgx.ConnectConfig(t.Context(), pool.Config().ConnConfig)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = watch.Close(context.Background()) }()
	if _, err := hold.Exec(t.Context(), "select from sandbox.subscribers where msisdn = $1 for update", rich); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 100 {
		o := order(t, rich, "open caller_id 600")
		all.Go(func() {
			a, err := b.Submit(t.Context(), o)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			got[a.Result.String()]++
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	for waiting := 0; waiting < 15; {
		err := watch.QueryRow(ctx, `
			select count(*) from pg_stat_activity
			where datname = current_database() and wait_event_type = 'Lock'`).Scan(&waiting)
		if err != nil {
			t.Fatalf("%d orders wait for the subscriber: %v", waiting, err)
		}
	}
	if err := hold.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	all.Wait()
	if got["success/confirmed"] != 1 || got["rejected/already_open"] != 99 {
		t.Errorf("got %v, want one success and 99 already_open", got)
	}
	if debit := before - show(t, b, rich).Balance; debit != 600 {
		t.Errorf("debited %v, want 6.00", debit)
	}
}

func TestQueriesTellTheTruth(t *testing.T) {
	b, _ := boss(t)
	ask := func(name, service string) map[string]orders.Value {
		t.Helper()
		a, err := b.Query(t.Context(), orders.Query{Caller: number(t, fresh), Name: name, Service: service})
		if err != nil {
			t.Fatal(err)
		}
		return a.Values
	}
	if _, err := b.Subscriber(t.Context(), number(t, fresh)); !errors.Is(err, sandbox.ErrNoSubscriber) {
		t.Errorf("a number never seen: %v", err)
	}
	if got := ask("balance", "")["balance"]; got != (orders.Value{Kind: orders.ValueMoney, Number: 5000}) {
		t.Errorf("balance %+v", got)
	}
	bill := ask("last_month_bill", "")
	if bill["amount"].Kind != orders.ValueMoney || bill["amount"].Number < 1800 || bill["amount"] != ask("last_month_bill", "")["amount"] {
		t.Errorf("bill %+v", bill)
	}
	if m := bill["month"]; m.Kind != orders.ValueMonth || m.Number < 202600 || m.Number%100 < 1 || m.Number%100 > 12 {
		t.Errorf("month of the bill %+v", m)
	}
	for _, step := range []struct{ do, state, of string }{
		{"", "closed", "mobile_data"},
		{"open mobile_data_20 2000", "open", "mobile_data"},
		{"", "open", "mobile_data_20"},
		{"", "closed", "mobile_data_5"},
		{"open mobile_data_5 500", "closed", "mobile_data_20"},
		{"close mobile_data 0", "closed", "mobile_data"},
	} {
		if step.do != "" {
			if got := submit(t, b, order(t, fresh, step.do)); got != "success/confirmed" {
				t.Fatalf("%s: %s", step.do, got)
			}
		}
		if got := ask("status", step.of)["state"]; got != (orders.Value{Kind: orders.ValueWord, Word: step.state}) {
			t.Errorf("after %q, status of %s: %+v, want %s", step.do, step.of, got, step.state)
		}
	}
	if got := ask("balance", "")["balance"].Number; got != 2500 {
		t.Errorf("balance after 20.00 and 5.00: %d", got)
	}
	for _, q := range []orders.Query{{Name: "weather"}, {Name: "status", Service: "horoscope"}} {
		q.Caller = number(t, fresh)
		if a, err := b.Query(t.Context(), q); err == nil {
			t.Errorf("query %+v: %v", q, a)
		}
	}
}

func TestOpenTwiceAtOnce(t *testing.T) {
	pool := newPool(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			b, err := sandbox.Open(t.Context(), pool)
			if err != nil {
				t.Error(err)
				return
			}
			_ = b.Close(t.Context())
		})
	}
	all.Wait()
	b, err := sandbox.Open(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	if got := show(t, b, hasID).Open; !slices.Equal(got, []string{"caller_id"}) {
		t.Errorf("seeded services %v", got)
	}
}

func TestFaults(t *testing.T) {
	b, _ := boss(t)
	add := func(f sandbox.Fault) {
		t.Helper()
		if err := b.AddFault(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	for i, tt := range []struct {
		mode  sandbox.Mode
		err   error  // nil: an answer
		then  string // what a second order, with another key, finds
		found string // by the first one's key
	}{
		{sandbox.Fail, nil, "success/confirmed", ""},
		{sandbox.Unavailable, orders.ErrNotSent, "success/confirmed", ""},
		{sandbox.LoseAnswer, orders.ErrAnswerLost, "rejected/already_open", "success/confirmed"},
		{sandbox.LoseRequest, orders.ErrAnswerLost, "success/confirmed", ""},
	} {
		caller := fmt.Sprintf("1391111%04d", i)
		add(sandbox.Fault{Operation: sandbox.OpSubmit, Mode: tt.mode, Times: 1, Caller: number(t, caller)})
		if got := submit(t, b, order(t, rich, "close fetion 0")); got != "rejected/not_open" {
			t.Errorf("%s for %s met another caller: %s", tt.mode, caller, got)
		}
		o := order(t, caller, "open caller_id 600")
		a, err := b.Submit(t.Context(), o)
		if !errors.Is(err, tt.err) || (err == nil && a.Result.String() != "system_failed/boss_error") {
			t.Errorf("%s: %v, %v", tt.mode, a.Result, err)
		}
		if got := submit(t, b, order(t, caller, "open caller_id 600")); got != tt.then {
			t.Errorf("after %s: %s, want %s", tt.mode, got, tt.then)
		}
		switch a, err := b.Lookup(t.Context(), o.Key); {
		case tt.found == "" && !errors.Is(err, orders.ErrNotFound):
			t.Errorf("%s left something in the ledger: %v, %v", tt.mode, a.Result, err)
		case tt.found != "" && a.Result.String() != tt.found:
			t.Errorf("%s left %v, %v in the ledger", tt.mode, a.Result, err)
		}
	}
	faults, err := b.Faults(t.Context())
	if err != nil || len(faults) != 4 || faults[0].Times != 0 {
		t.Errorf("Faults: %v, %v", faults, err)
	}
	add(sandbox.Fault{Operation: sandbox.OpQuery, Mode: sandbox.Unavailable, Times: sandbox.Always})
	for range 3 {
		if _, err := b.Query(t.Context(), orders.Query{Caller: number(t, rich), Name: "balance"}); !errors.Is(err, orders.ErrNotSent) {
			t.Errorf("query: %v", err)
		}
	}
	if n, err := b.ClearFaults(t.Context()); n != 5 || err != nil {
		t.Errorf("cleared %d, %v", n, err)
	}
	if _, err := b.Query(t.Context(), orders.Query{Caller: number(t, rich), Name: "balance"}); err != nil {
		t.Errorf("after clearing: %v", err)
	}
}

// A fault of n times meets exactly n of many requests at once.
func TestFaultsAreCountedExactly(t *testing.T) {
	b, _ := boss(t)
	if err := b.AddFault(t.Context(), sandbox.Fault{Operation: sandbox.OpLookup, Mode: sandbox.Unavailable, Times: 7}); err != nil {
		t.Fatal(err)
	}
	var met sync.Map
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			if _, err := b.Lookup(t.Context(), "none"); errors.Is(err, orders.ErrNotSent) {
				met.Store(i, true)
			}
		})
	}
	all.Wait()
	n := 0
	met.Range(func(any, any) bool { n++; return true })
	if n != 7 {
		t.Errorf("met %d requests, want 7", n)
	}
}

// The BOSS goes on with an order when nobody waits for it any more, and at once
// when it is closed: not a minute later.
func TestSlowBossActsAfterTheAskerLeft(t *testing.T) {
	b, _ := boss(t)
	err := b.AddFault(t.Context(), sandbox.Fault{Operation: sandbox.OpSubmit, Mode: sandbox.Slow, Delay: time.Minute, Times: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	o := order(t, rich, "open caller_id 600")
	if _, err := b.Submit(ctx, o); !errors.Is(err, orders.ErrAnswerLost) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("asker gone: %v", err)
	}
	closing, done := context.WithTimeout(t.Context(), 20*time.Second)
	defer done()
	if err := b.Close(closing); err != nil { // waits for the order
		t.Fatal(err)
	}
	if got := show(t, b, rich).Open; !slices.Equal(got, []string{"caller_id"}) {
		t.Errorf("open: %v", got)
	}
	if _, err := b.Submit(t.Context(), order(t, rich, "open fetion 0")); !errors.Is(err, orders.ErrNotSent) {
		t.Errorf("a closed BOSS took an order: %v", err)
	}
}

func TestImpossibleFaults(t *testing.T) {
	b := &sandbox.Boss{} // refused before the database is asked
	for _, f := range []sandbox.Fault{
		{Operation: "dance", Mode: sandbox.Fail, Times: 1},
		{Operation: sandbox.OpQuery, Mode: "explode", Times: 1},
		{Operation: sandbox.OpQuery, Mode: sandbox.Slow, Times: 1},
		{Operation: sandbox.OpQuery, Mode: sandbox.Fail, Times: 0},
		{Operation: sandbox.OpQuery, Mode: sandbox.Fail, Times: 1, Delay: -time.Second},
	} {
		if err := b.AddFault(t.Context(), f); err == nil {
			t.Errorf("%+v was accepted", f)
		}
	}
}
