package journal

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"hotline/internal/menu"
	"hotline/internal/orders"
	"hotline/internal/pgtest"
)

// counted is what a counter or gauge reads.
func counted(t testing.TB, m prometheus.Metric) float64 {
	t.Helper()
	var v dto.Metric
	if err := m.Write(&v); err != nil {
		t.Fatal(err)
	}
	return v.GetCounter().GetValue() + v.GetGauge().GetValue()
}

// recordsOf is what a call would have written, record by record.
func recordsOf(j *Journal, h Head, script ...any) []record {
	c := j.Begin(h)
	for i, what := range script {
		record1(c, h.At.Add(time.Duration(i)*time.Millisecond), what)
	}
	var all []record
	for b := c.buf; len(b) > 0; {
		r, n, ok := readRecord(b)
		if !ok || n == 0 {
			panic("what Call writes cannot be read")
		}
		all = append(all, r)
		b = b[n:]
	}
	return all
}

// deliverer gives a writer that is driven by the test.
func deliverer(t testing.TB, pool *pgxpool.Pool) *writer {
	j := &Journal{pool: pool, server: "ivr-a", sealer: testSealer, metrics: newMetrics()}
	w := &writer{j: j}
	t.Cleanup(w.release)
	return w
}

func (w *writer) mustTransact(t testing.TB, records ...record) {
	t.Helper()
	if err := w.transact(t.Context(), records); err != nil {
		t.Fatal(err)
	}
}

func TestStepsDeliveredAgainChangeNothing(t *testing.T) {
	pool := newPool(t)
	w := deliverer(t, pool)
	h := testHead(time.Now())
	records := recordsOf(w.j, h, queryCall()...)
	dump := func() string {
		return one[string](t, pool, `select (select json_agg(s order by seq) from ivr.steps s)::text
			|| (select json_agg(c) from ivr.calls c)::text || (select json_agg(a) from ivr.applications a)::text`)
	}
	w.mustTransact(t, records...)
	before := dump()
	w.mustTransact(t, records...)
	for _, r := range records {
		w.mustTransact(t, r)
	}
	w.mustTransact(t, append(slices.Clone(records), records...)...) // twice in one batch, too
	if after := dump(); after != before {
		t.Errorf("delivering again changed\n%s\nto\n%s", before, after)
	}
	if got := counted(t, w.j.metrics.steps); got != float64(len(records)) {
		t.Errorf("%v steps counted, there are %d", got, len(records))
	}
	if got := counted(t, w.j.metrics.closed.WithLabelValues("query", "success", "confirmed", "false")); got != 1 {
		t.Errorf("the closing was counted %v times", got)
	}
}

// permutations calls each with every order of 0..n-1 for which legal holds.
func permutations(n int, legal func(order []int) bool, each func(order []int)) {
	order := make([]int, 0, n)
	var extend func()
	extend = func() {
		if len(order) == n {
			if legal(order) {
				each(slices.Clone(order))
			}
			return
		}
		for i := range n {
			if !slices.Contains(order, i) {
				order = append(order, i)
				extend()
				order = order[:len(order)-1]
			}
		}
	}
	extend()
}

func orderScript(closed orders.Result) []any {
	return []any{
		menu.AppOpened{App: 1, Kind: orders.KindUndecided, Node: "main"},
		menu.AppBound{App: 1, Kind: orders.KindHandling, Node: "open"},
		menu.AppBound{App: 1, Kind: orders.KindOrder, Service: "caller_id", Action: orders.Open, Node: "open.caller_id"},
		menu.AppClosed{App: 1, Result: closed, At: menu.Position{Node: "open.wait", Prompt: "sys.wait", MS: 700, Percent: 80},
			Tries: menu.Tries{NoInput: 1, Invalid: 2, Replays: 3}},
	}
}

func commitOrder(ctx context.Context, pool *pgxpool.Pool, call uuid.UUID, n menu.App, order uuid.UUID, caller orders.MSISDN) (id uuid.UUID, err error) {
	s := testSealer.Seal(caller)
	err = pool.QueryRow(ctx, `select ivr.commit_order($1, $2, null, $3, $4, $5, $6, $7, 'caller_id', 'open', 600, false)`,
		applicationID(call, n), call, order, order.String(), s.Masked, s.Hash, s.Enc).Scan(&id)
	return id, err
}

func resolveOrder(ctx context.Context, pool *pgxpool.Pool, order uuid.UUID, outcome, detail string) error {
	_, err := pool.Exec(ctx, `select ivr.resolve_order($1, $2, $3, 'B-1')`, order, outcome, detail)
	return err
}

// What the journal delivers late and what the Desk writes at once must give one
// and the same row, in whatever order they arrive. The order of causes is kept:
// the Desk commits before the call can tell of a result, and resolves after it.
func TestEveryInterleavingGivesTheSameRow(t *testing.T) {
	pool := newPool(t)
	w := deliverer(t, pool)
	const opened, handling, bound, closed, commit, unknown, final = 0, 1, 2, 3, 4, 5, 6
	tests := map[string]struct {
		acts   int // 0..acts-1 take place
		closed orders.Result
		result orders.Result
		want   string
	}{
		"no order":       {4, orders.Result{Outcome: orders.InputFailed, Detail: orders.NoInput}, orders.Result{}, "order|caller_id|open|3|input_failed|no_input|input_failed|call|system/guidance|no-input|f"},
		"order resolved": {6, orders.Result{Outcome: orders.Success, Detail: orders.Confirmed}, orders.Result{Outcome: orders.Success, Detail: orders.Confirmed}, "order|caller_id|open|3|success|confirmed|success|desk|none||f"},
		"order unknown, then done": {7, orders.Result{Outcome: orders.Unknown}, orders.Result{Outcome: orders.Success, Detail: orders.Confirmed},
			"order|caller_id|open|3|success|reconciled|unknown|desk|none||t"},
		"order unknown, then rejected": {7, orders.Result{Outcome: orders.Unknown}, orders.Result{Outcome: orders.Rejected, Detail: orders.AlreadyOpen},
			"order|caller_id|open|3|rejected|already_open|unknown|desk|operation|already-open|t"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			count := 0
			permutations(test.acts, func(o []int) bool {
				at := func(act int) int { return slices.Index(o, act) }
				return test.acts <= 4 || at(commit) < at(closed) && at(commit) < at(unknown) && (test.acts < 7 || at(unknown) < at(final))
			}, func(acts []int) {
				count++
				h := testHead(time.Now().Truncate(time.Microsecond))
				h.Caller = number13800(count)
				order := uuid.New()
				steps := recordsOf(w.j, h, orderScript(test.closed)...)[1:]
				for _, act := range acts {
					var err error
					switch {
					case act <= closed:
						err = w.transact(t.Context(), steps[act:act+1])
					case act == commit:
						_, err = commitOrder(t.Context(), pool, h.ID, 1, order, h.Caller)
					case act == unknown && test.acts == 7:
						err = resolveOrder(t.Context(), pool, order, "unknown", "")
					default:
						err = resolveOrder(t.Context(), pool, order, string(test.result.Outcome), string(test.result.Detail))
					}
					if err != nil {
						t.Fatalf("order %v, act %d: %v", acts, act, err)
					}
				}
				got := one[string](t, pool, `select concat_ws('|', kind, service, action, bound_seq-1, outcome, outcome_detail, first_outcome,
					closed_by, category, rule, resolved_at is not null) from ivr.applications where application_id = $1`, applicationID(h.ID, 1))
				if got != test.want {
					t.Errorf("order %v gives\n%s, want\n%s", acts, got, test.want)
				}
				got = one[string](t, pool, `select concat_ws('|', node, prompt, prompt_ms, percent, no_input, invalid, replays, menu_version, opened_at = $2)
					from ivr.applications where application_id = $1`, applicationID(h.ID, 1), h.At)
				if want := "open.wait|sys.wait|700|80|1|2|3|v1|t"; got != want {
					t.Errorf("order %v gives the facts\n%s, want\n%s", acts, got, want)
				}
			})
			t.Logf("%d orders", count)
		})
	}
	if d := one[int64](t, pool, `select difference from ivr.conservation(now() - interval '1 hour', now() + interval '1 hour')`); d != 0 {
		t.Errorf("conservation difference %d", d)
	}
}

// The caller hangs up while the intent is being stored: whichever comes first decides.
func TestHangUpAgainstCommit(t *testing.T) {
	pool := newPool(t)
	w := deliverer(t, pool)
	h := testHead(time.Now())
	left := orders.Result{Outcome: orders.Abandoned, Detail: orders.DuringWait}
	w.mustTransact(t, recordsOf(w.j, h, orderScript(left)...)...)
	_, err := commitOrder(t.Context(), pool, h.ID, 1, uuid.New(), h.Caller)
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != "IV001" {
		t.Errorf("committing an abandoned application gives %v, want SQLSTATE IV001", err)
	}
	if n := one[int](t, pool, `select count(*) from ivr.orders`); n != 0 {
		t.Errorf("%d orders were stored all the same", n)
	}

	h, order := testHead(time.Now()), uuid.New()
	if _, err := commitOrder(t.Context(), pool, h.ID, 1, order, h.Caller); err != nil {
		t.Fatal(err)
	}
	w.mustTransact(t, recordsOf(w.j, h, orderScript(left)...)...)
	if err := resolveOrder(t.Context(), pool, order, "success", "reconciled"); err != nil {
		t.Fatal(err)
	}
	got := one[string](t, pool, `select outcome || '/' || outcome_detail from ivr.applications where application_id = $1`, applicationID(h.ID, 1))
	if got != "success/reconciled" {
		t.Errorf("a committed application ended as %s", got)
	}
}

// The writer may be stopped anywhere: after a restart everything is there once.
func TestKilledMidBatch(t *testing.T) {
	for _, stop := range []point{beforeCopy, beforeAbsorb, beforeCommit, beforeCheckpoint} {
		t.Run(string(stop), func(t *testing.T) {
			pool := newPool(t)
			o := testOptions(t, pool)
			o.fault = func(p point) error {
				if p == stop {
					return errStopped
				}
				return nil
			}
			first := openJournal(t, o)
			var calls []uuid.UUID
			for range 20 {
				calls = append(calls, say(t, first, testHead(time.Now()), queryCall()))
			}
			<-first.done
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := first.Close(ctx); err == nil {
				t.Error("closing with steps left behind is no error")
			}
			o.fault, o.Registerer = nil, prometheus.NewRegistry()
			settle(t, openJournal(t, o))
			got := one[string](t, pool, `select concat_ws(' ', (select count(*) from ivr.steps),
				(select count(*) from ivr.applications where outcome = 'success'), (select count(*) from ivr.calls where end_reason = 'hung_up'))`)
			if want := fmt.Sprintf("%d 20 20", len(calls)*(len(queryCall())+1)); got != want {
				t.Errorf("steps, applications, calls: %s, want %s", got, want)
			}
		})
	}
}

// gate is a way to Postgres that can be shut.
type gate struct {
	mu    sync.Mutex
	shut  bool
	conns []net.Conn
}

func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
	if shut {
		for _, c := range g.conns {
			c.Close()
		}
		g.conns = nil
	}
}

func (g *gate) pool(t testing.TB, dsn string) *pgxpool.Pool {
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	dial := cfg.ConnConfig.DialFunc
	cfg.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.shut {
			return nil, errors.New("the gate is shut")
		}
		conn, err := dial(ctx, network, addr)
		if err == nil {
			g.conns = append(g.conns, conn)
		}
		return conn, err
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func TestPostgresAwayAndBack(t *testing.T) {
	dsn := pgtest.Database(t)
	if _, err := Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	var g gate
	pool := g.pool(t, dsn)
	j := openJournal(t, testOptions(t, pool))
	say(t, j, testHead(time.Now()), queryCall())
	settle(t, j)

	g.set(true)
	const calls = 50
	begin := time.Now()
	for range calls {
		say(t, j, testHead(time.Now()), queryCall())
	}
	if took := time.Since(begin); took > time.Second {
		t.Errorf("recording took %v while Postgres was away", took)
	}
	until(t, "the lag to show", func() bool { return j.lag(time.Now()) > 0 })
	if n := j.waiting(); n != calls*int64(len(queryCall())+1) {
		t.Errorf("%d steps wait", n)
	}
	g.set(false)
	settle(t, j)
	if n := one[int](t, pool, `select count(*) from ivr.applications where outcome = 'success'`); n != calls+1 {
		t.Errorf("%d applications, want %d", n, calls+1)
	}
	until(t, "the lag to go", func() bool { return j.lag(time.Now()) == 0 })
}

// A step that Postgres cannot take is put aside; those around it arrive.
func TestAnImpossibleStepIsPutAside(t *testing.T) {
	pool := newPool(t)
	o := testOptions(t, pool)
	j := openJournal(t, o)
	h := testHead(time.Now())
	script := queryCall()
	script[11] = menu.AppClosed{App: 1, Result: orders.Result{Outcome: "splendid"}}
	say(t, j, h, script)
	say(t, j, testHead(time.Now()), queryCall())
	settle(t, j)
	if got := counted(t, j.metrics.rejected); got != 1 {
		t.Errorf("%v steps put aside", got)
	}
	if n := one[int](t, pool, `select count(*) from ivr.steps`); n != 2*(len(script)+1)-1 {
		t.Errorf("%d steps arrived", n)
	}
	data, err := os.ReadFile(filepath.Join(o.Dir, "rejected"))
	if err != nil || !strings.Contains(string(data), "splendid") {
		t.Errorf("the rejected file holds %q, %v", data, err)
	}
}

func TestStepsAcrossMidnightAndServersMakingPartitions(t *testing.T) {
	pool := newPool(t)
	midnight := time.Date(2026, 3, 1, 23, 59, 59, 995e6, time.UTC)
	var group sync.WaitGroup
	for i := range 4 {
		w := deliverer(t, pool)
		group.Go(func() {
			for day := range 5 {
				h := testHead(midnight.AddDate(0, 0, day).Add(time.Duration(i) * time.Millisecond))
				if err := w.transact(t.Context(), recordsOf(w.j, h, queryCall()...)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if n := one[int](t, pool, `select count(*) from ivr.calls where end_reason is not null`); n != 20 {
		t.Errorf("%d calls", n)
	}
	if n := one[int](t, pool, `select count(*) from pg_inherits where inhparent = 'ivr.steps'::regclass`); n != 7 {
		t.Errorf("%d partitions, want 1 to 7 March", n)
	}
}
