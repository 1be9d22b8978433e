package notify_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"hotline/internal/journal"
	"hotline/internal/journal/journaltest"
	"hotline/internal/menu"
	"hotline/internal/orders"
	"hotline/internal/orders/notify"
	"hotline/internal/prompts"
)

const digits = "13800001234"

var (
	sealer  = journal.NewSealer([32]byte{1, 2, 3})
	success = orders.Result{Outcome: orders.Success, Detail: orders.Confirmed}
	unknown = orders.Result{Outcome: orders.Unknown}
)

// rig is a database, with a journal that writes calls into it.
type rig struct {
	t    *testing.T
	pool *pgxpool.Pool
	j    *journal.Journal
}

func newRig(t *testing.T) rig {
	t.Helper()
	r := rig{t: t, pool: journaltest.Pool(t)}
	j, err := journal.Open(t.Context(), journal.Options{
		Pool: r.pool, Dir: t.TempDir(), Server: "ivr-a", Sealer: sealer, Live: func() []uuid.UUID { return nil },
		Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	r.j = j
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := j.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return r
}

// quick are a Notifier's times for tests.
func (r rig) quick() notify.Options {
	return notify.Options{
		Pool: r.pool, Unseal: sealer.Open, Retry: 10 * time.Millisecond, Poll: 10 * time.Millisecond, Hold: time.Hour,
		Log: slog.New(slog.NewTextHandler(r.t.Output(), nil)), Registerer: prometheus.NewRegistry(),
	}
}

// run delivers until the test ends, or stop is called.
func run(t *testing.T, opt notify.Options) (stop func()) {
	t.Helper()
	n := notify.New(opt)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.Run(ctx)
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

func (r rig) exec(sql string, args ...any) {
	r.t.Helper()
	if _, err := r.pool.Exec(context.Background(), sql, args...); err != nil {
		r.t.Fatalf("%s: %v", sql, err)
	}
}

// order stores the order of application n of a call.
func (r rig) order(call uuid.UUID, n int, caller string) string {
	r.t.Helper()
	number, err := orders.ParseMSISDN(caller)
	if err != nil {
		r.t.Fatal(err)
	}
	app := orders.ApplicationID(call.String(), n)
	sealed := sealer.Seal(number)
	var id string
	err = r.pool.QueryRow(context.Background(), `select ivr.commit_order($1, $2::uuid, null, gen_random_uuid(), $1, $3, $4, $5,
		'caller_id', 'open', 600, false)::text`, app, call.String(), sealed.Masked, sealed.Hash, sealed.Enc).Scan(&id)
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

func (r rig) resolve(order string, result orders.Result) {
	r.t.Helper()
	r.exec("select ivr.resolve_order($1::uuid, $2, $3, 'B1')", order, result.Outcome, result.Detail)
}

// call records a call up to its order, and what comes after.
func (r rig) call(id uuid.UUID, after ...any) {
	r.t.Helper()
	number, err := orders.ParseMSISDN(digits)
	if err != nil {
		r.t.Fatal(err)
	}
	c := r.j.Begin(journal.Head{ID: id, At: time.Now(), Caller: number, Dialled: "10086", Menu: "10086", MenuVersion: "v1"})
	steps := append([]any{
		menu.Started{}, menu.AppOpened{App: 1, Kind: orders.KindOrder, Node: "3011"}, menu.Submit{ID: 7, App: 1, Service: "caller_id", Action: orders.Open, Price: 600},
		menu.Play{ID: 8, Node: "3011", Refs: []prompts.Ref{prompts.Prompt("wait.please")}}, menu.Played{ID: 8}, menu.Committed{ID: 7, Order: "o"},
	}, after...)
	for _, s := range steps {
		switch s := s.(type) {
		case menu.Event:
			c.Event(time.Now(), s, false)
		case menu.Effect:
			c.Effect(time.Now(), s)
		}
	}
	if err := c.Flush(); err != nil {
		r.t.Fatal(err)
	}
	eventually(r.t, func() string {
		var there bool
		if err := r.pool.QueryRow(context.Background(), "select count(*) = $2 from ivr.steps where call_id = $1::uuid", id.String(), len(steps)+1).Scan(&there); err != nil || !there {
			return "the call is not in Postgres"
		}
		return ""
	})
}

// told are the steps of a call that learns a result: answer, the application's end, and the
// sentence for it.
func told(result orders.Result) []any {
	return []any{
		menu.Answered{ID: 7, Answer: orders.Answer{Result: result}}, menu.AppClosed{App: 1, Result: result, At: menu.Position{Node: "3011"}},
		menu.Play{ID: 9, Node: "3011", Refs: []prompts.Ref{prompts.Prompt("order.opened")}},
	}
}

func (r rig) state(order string) string {
	r.t.Helper()
	var s string
	err := r.pool.QueryRow(context.Background(), "select coalesce((select state from ivr.notifications where order_id = $1::uuid), 'none')", order).Scan(&s)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

func (r rig) becomes(order, want string) {
	r.t.Helper()
	eventually(r.t, func() string {
		if got := r.state(order); got != want {
			return "the notification is " + got + ", want " + want
		}
		return ""
	})
}

// eventually waits until check finds nothing to complain about any more.
func eventually(t *testing.T, check func() string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		problem := check()
		if problem == "" {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("still after 20 s: %s", problem)
		}
	}
}
