package desk_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"hotline/internal/orders"
	"hotline/internal/orders/desk"
	"hotline/internal/orders/sandbox"
)

// A server that dies is a process that dies: the test starts itself again with
// these set, and the child kills itself at the place that they name.
const (
	crashAt  = "DESK_TEST_CRASH_AT" // "before 2nd statement", "after BOSS" …
	crashIn  = "DESK_TEST_DATABASE"
	crashApp = "DESK_TEST_APPLICATION"
	died     = 86
)

func TestMain(m *testing.M) {
	if os.Getenv(crashAt) != "" {
		childSubmits()
	}
	os.Exit(m.Run())
}

// killer dies at one place on the way of an order: at a statement to Postgres
// (counted; a transaction is three or more), or around the BOSS.
type killer struct {
	desk.Adapter
	at         string
	statements atomic.Int32
}

func (k *killer) reach(place string) {
	if place == k.at {
		os.Exit(died)
	}
}

func (k *killer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	k.reach(fmt.Sprintf("before statement %d", k.statements.Add(1)))
	return ctx
}

func (k *killer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {
	k.reach(fmt.Sprintf("after statement %d", k.statements.Load()))
}

func (k *killer) Submit(ctx context.Context, o orders.Order) (orders.Answer, error) {
	k.reach("before BOSS")
	a, err := k.Adapter.Submit(ctx, o)
	k.reach("after BOSS")
	return a, err
}

// childSubmits is the server that dies. It exits with 0 where the order was
// through before the place was reached.
func childSubmits() {
	ctx := context.Background()
	fail := func(err error) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	k := &killer{at: os.Getenv(crashAt)}
	cfg, err := pgxpool.ParseConfig(os.Getenv(crashIn))
	if err != nil {
		fail(err)
	}
	bossDB, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		fail(err)
	}
	traced := cfg.Copy()
	traced.ConnConfig.Tracer = k
	db, err := pgxpool.NewWithConfig(ctx, traced)
	if err != nil {
		fail(err)
	}
	if k.Adapter, err = sandbox.Open(ctx, bossDB); err != nil {
		fail(err)
	}
	opt := quick
	opt.Deadline = crashDeadline
	d, err := desk.New(db, k, opt)
	if err != nil {
		fail(err)
	}
	app := os.Getenv(crashApp)
	call, _, _ := strings.Cut(app, ".")
	caller, err := orders.ParseMSISDN(rich)
	if err != nil {
		fail(err)
	}
	a := d.Submit(ctx, orders.Order{
		Key: app, Application: app, Call: call, Caller: caller, Service: "caller_id", Action: orders.Open, Price: 600,
	}, func(string) { k.reach("committed") })
	if a.Result.String() != "success/confirmed" {
		fail(fmt.Errorf("answer %v", a.Result))
	}
	os.Exit(0)
}

// crashDeadline is short, as its lease has to run out before another takes over.
const crashDeadline = 500 * time.Millisecond

func TestCrashAtEveryStep(t *testing.T) {
	places := []string{"committed", "before BOSS", "after BOSS"}
	for i := 1; i <= 5; i++ {
		places = append(places, fmt.Sprintf("before statement %d", i), fmt.Sprintf("after statement %d", i))
	}
	for _, place := range places {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			h := open(t, nil, nil)
			o := order(t, rich, "open caller_id 600")
			before := h.balance(t, rich)

			child := exec.Command(os.Args[0])
			url := fmt.Sprintf("host=%s port=%d user=%s password=%s dbname=%s", h.cfg.ConnConfig.Host, h.cfg.ConnConfig.Port,
				h.cfg.ConnConfig.User, quoted(h.cfg.ConnConfig.Password), h.cfg.ConnConfig.Database)
			child.Env = append(os.Environ(), crashAt+"="+place, crashIn+"="+url, crashApp+"="+o.Application)
			out, err := child.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != died {
				t.Fatalf("the server did not die there: %v\n%s", err, out)
			}
			died := h.application(t, o)
			if place != "before BOSS" { // one waits for the lease to run out, for the others it has
				if _, err := h.db.Exec(t.Context(), "update ivr.orders set locked_until = now(), next_try_at = now()"); err != nil {
					t.Fatal(err)
				}
			}
			run(t, h.another(t, h.db, prometheus.NewRegistry(), func(o *desk.Options) { o.Deadline = crashDeadline }, nil))
			eventually(t, func() string {
				got := h.application(t, o)
				if strings.HasPrefix(got, "open") || strings.Contains(got, "order unknown") {
					return got
				}
				return ""
			})
			got, effects := h.application(t, o), h.effects(t, rich)
			t.Logf("died %s: %s; then: %s", place, died, got)
			if debit := before - h.balance(t, rich); debit != orders.Money(600*effects) {
				t.Errorf("%d effects, debited %v", effects, debit)
			}
			success := strings.HasPrefix(got, "success")
			if effects > 1 || success != (effects == 1) {
				t.Errorf("%d effects, and the application is %q", effects, got)
			}
			if died == "open order pending" && got != "system_failed/platform order failed" {
				t.Errorf("never sent, and the application is %q", got)
			}
			if died == "open order sent" && success && got != "success/reconciled order done" {
				t.Errorf("found out after a death, and the application is %q", got)
			}
			if died == "open order sent" && !success && !strings.HasPrefix(got, "system_failed/boss_timeout") {
				t.Errorf("sent without effect, and the application is %q", got)
			}
		})
	}
}

func quoted(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// silentPort takes connections and never says a word.
func silentPort(t *testing.T) uint16 {
	t.Helper()
	listen, err := net.Listen("tcp", "127.0.0.1:0") // the backlog takes them
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listen.Close() })
	return uint16(listen.Addr().(*net.TCPAddr).Port)
}
