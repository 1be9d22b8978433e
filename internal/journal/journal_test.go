package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"hotline/internal/menu"
	"hotline/internal/orders"
	"hotline/internal/orders/entry"
	"hotline/internal/pgtest"
	"hotline/internal/prompts"
)

// newPool makes a migrated database for one test.
func newPool(t testing.TB) *pgxpool.Pool {
	t.Helper()
	dsn := pgtest.Database(t)
	if _, err := Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	return connect(t, dsn)
}

func connect(t testing.TB, dsn string) *pgxpool.Pool {
	t.Helper()
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	cfg.ConnConfig.RuntimeParams["synchronous_commit"] = "off" // no test pulls the plug
	cfg.MaxConns = 12                                          // tests have several writers, and each holds one
	pool, err := pgxpool.NewWithConfig(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

var testSealer = NewSealer([32]byte{1, 2, 3})

func testOptions(t testing.TB, pool *pgxpool.Pool) Options {
	return Options{
		Pool: pool, Dir: t.TempDir(), Server: "ivr-a", Sealer: testSealer,
		Live:       func() []uuid.UUID { return nil },
		Log:        slog.New(slog.NewTextHandler(io.Discard, nil)),
		Registerer: prometheus.NewRegistry(),
		delay:      time.Millisecond,
	}
}

func openJournal(t testing.TB, o Options) *Journal {
	t.Helper()
	j, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = j.Close(ctx) // a test that closed it itself has looked at the error
	})
	return j
}

// settle waits until everything recorded is in Postgres.
func settle(t testing.TB, j *Journal) {
	t.Helper()
	until(t, "the journal to settle", func() bool { return j.waiting() == 0 })
}

// expired is a context that has ended.
func expired(t testing.TB) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for !done() {
		pause(ctx, 2*time.Millisecond)
		if ctx.Err() != nil {
			t.Fatalf("waited too long for %s", what)
		}
	}
}

// one scans a single value.
func one[T any](t testing.TB, pool *pgxpool.Pool, sql string, args ...any) T {
	t.Helper()
	var v T
	if err := pool.QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func number13800(n int) orders.MSISDN {
	m, err := orders.ParseMSISDN(fmt.Sprintf("1380013%04d", n))
	if err != nil {
		panic(err)
	}
	return m
}

func testHead(at time.Time) Head {
	return Head{ID: uuid.New(), At: at, Caller: number13800(8000), Dialled: "10086", Menu: "10086", MenuVersion: "v1"}
}

// step is one line of a call's script: an event or an effect.
func record1(c *Call, at time.Time, what any) {
	switch v := what.(type) {
	case menu.Event:
		c.Event(at, v, false)
	case menu.Effect:
		c.Effect(at, v)
	default:
		panic(fmt.Sprintf("%T is neither event nor effect", what))
	}
}

// queryCall is the usual call: the caller asks for the balance and hangs up.
func queryCall() []any {
	return []any{
		menu.Started{}, menu.Entered{Node: "main"},
		menu.AppOpened{App: 1, Kind: orders.KindUndecided, Node: "main"},
		menu.Play{ID: 1, Node: "main", Refs: []prompts.Ref{prompts.Prompt("main.welcome"), prompts.Prompt("main.menu")}},
		menu.Pressed{Key: '1', Heard: menu.Heard{Play: 1, Ref: 1, MS: 1200, Percent: 60}},
		menu.StopPlay{ID: 1}, menu.Entered{Node: "balance"},
		menu.AppBound{App: 1, Kind: orders.KindQuery, Service: "balance", Action: orders.Look, Node: "balance"},
		menu.Ask{ID: 2, App: 1, Query: "balance"}, menu.SetTimer{ID: 3, After: 15 * time.Second, For: menu.StillThere},
		menu.Answered{ID: 2, Answer: orders.Answer{Result: orders.Result{Outcome: orders.Success, Detail: orders.Confirmed}, BossRef: "Q-1"}},
		menu.AppClosed{App: 1, Result: orders.Result{Outcome: orders.Success, Detail: orders.Confirmed}, At: menu.Position{Node: "balance", Prompt: "sys.wait", MS: 900, Percent: 100}},
		menu.Play{ID: 4, Node: "balance", Refs: []prompts.Ref{prompts.Prompt("balance.is"), {Read: prompts.Money, N: 650}}},
		menu.Played{ID: 4}, menu.Left{Why: menu.ByCaller}, menu.End{Reason: menu.HungUp},
	}
}

// say records a whole call, a millisecond a step, and flushes at its end.
func say(t testing.TB, j *Journal, h Head, script []any) uuid.UUID {
	t.Helper()
	c := j.Begin(h)
	for i, what := range script {
		record1(c, h.At.Add(time.Duration(i)*time.Millisecond), what)
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	return h.ID
}

func TestACallBecomesRows(t *testing.T) {
	pool := newPool(t)
	j := openJournal(t, testOptions(t, pool))
	at := time.Now().Add(-time.Second).Truncate(time.Microsecond)
	h := testHead(at)
	id := say(t, j, h, queryCall())
	settle(t, j)

	var kinds string
	var gapless bool
	err := pool.QueryRow(t.Context(), `select string_agg(kind, ' ' order by seq), max(seq) = count(*) and min(seq) = 1
		from ivr.steps where call_id = $1`, id).Scan(&kinds, &gapless)
	if err != nil {
		t.Fatal(err)
	}
	want := "call_started started node app_opened play key stop node app_bound ask timer answered app_closed play played left call_ended"
	if kinds != want || !gapless {
		t.Errorf("steps (gapless %v)\n%s\nwant\n%s", gapless, kinds, want)
	}
	if got := one[string](t, pool, `select node || ' ' || detail::text from ivr.steps where call_id = $1 and kind = 'key'`, id); got != `main {"ms": 1200, "key": "1", "ref": 1, "play": 1, "percent": 60}` {
		t.Errorf("key step: %s", got)
	}
	got := one[string](t, pool, `select concat_ws('|', kind, service, action, outcome, outcome_detail, first_outcome, closed_by,
		category, rule, node, prompt, prompt_ms, percent, menu_version, test, opened_at = $2, closed_at = $3)
		from ivr.applications where application_id = $1`, applicationID(id, 1), at.Add(2*time.Millisecond), at.Add(11*time.Millisecond))
	if want := "query|balance|query|success|confirmed|success|call|none||balance|sys.wait|900|100|v1|f|t|t"; got != want {
		t.Errorf("application\n%s\nwant\n%s", got, want)
	}
	got = one[string](t, pool, `select concat_ws('|', caller_masked, dialled, menu, menu_version, end_reason, test, server, started_at = $2)
		from ivr.calls where call_id = $1`, id, at)
	if want := "138****8000|10086|10086|v1|hung_up|f|ivr-a|t"; got != want {
		t.Errorf("call\n%s\nwant\n%s", got, want)
	}
	caller, err := testSealer.Open(one[[]byte](t, pool, `select caller_enc from ivr.calls where call_id = $1`, id))
	if err != nil || caller != h.Caller {
		t.Errorf("the sealed caller is %v, %v", caller, err)
	}
}

// everything has a value of each type of event and effect, by the kind of its step.
var everything = map[string]any{
	"started": menu.Started{}, "call_resumed": menu.Resumed{}, "key": menu.Pressed{Key: '#'}, "played": menu.Played{Failed: true}, "timeout": menu.Elapsed{},
	"committed": menu.Committed{Order: "o"}, "answered": menu.Answered{}, "returned": menu.Returned{Reached: true, Node: "n"}, "seen": menu.Seen{Closed: true, Notice: "n"},
	"left": menu.Left{Why: menu.BySwitch}, "closing": menu.Closing{},
	"node": menu.Entered{Node: "n"}, "play": menu.Play{Node: "n"}, "stop": menu.StopPlay{}, "timer": menu.SetTimer{For: menu.FirstDigit},
	"submit": menu.Submit{App: 1, With: orders.With{"month": entry.New(entry.Month, "2610")}}, "ask": menu.Ask{App: 1},
	"verify": menu.Verify{App: 1}, "look": menu.Look{Service: "s"},
	"transfer": menu.Transfer{Queue: "q", Facts: map[string]string{"node": "n"}}, "speak": menu.Speak{Language: "en", Remember: true},
	"rated": menu.Rated{Score: 5}, "call_back": menu.CallBack{Queue: "q"},
	"missed": menu.Missed{Why: menu.NoMatch}, "replayed": menu.Replayed{},
	"app_opened": menu.AppOpened{App: 2, Continues: 1}, "app_bound": menu.AppBound{App: 2}, "app_closed": menu.AppClosed{App: 2},
	"app_left": menu.AppLeft{App: 2}, "call_ended": menu.End{Reason: menu.Finished},
}

// An event or effect that is added to the menu and not here fails this test.
func TestEveryEventAndEffectIsAStep(t *testing.T) {
	inMenu := methods(t, "../menu", "event")
	inMenu = append(inMenu, methods(t, "../menu", "effect")...)
	var covered []string
	for kind, what := range everything {
		covered = append(covered, strings.TrimPrefix(fmt.Sprintf("%T", what), "menu."))
		c := (&Journal{server: "s", sealer: testSealer}).call(testHead(time.Now()))
		record1(c, time.Now(), what)
		r, n, ok := readRecord(c.buf)
		if !ok || n == 0 || n != len(c.buf) || kindNames[r.kind] != kind {
			t.Errorf("%T is recorded as %q (%d records)", what, c.buf, c.records)
		} else if !json.Valid(r.detail) {
			t.Errorf("%T has the detail %s", what, r.detail)
		}
	}
	slices.Sort(inMenu)
	slices.Sort(covered)
	if !slices.Equal(inMenu, covered) {
		t.Errorf("the menu has\n%v\nthe journal records\n%v", inMenu, covered)
	}
}

func FuzzReadRecord(f *testing.F) {
	c := (&Journal{server: "s", sealer: testSealer}).Begin(testHead(time.Now()))
	f.Add(c.buf)
	f.Add(c.buf[:20])
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, n, ok := readRecord(b); ok && n > 0 && (n > len(b) || len(r.call) != 16) {
			t.Errorf("read %v of %d bytes", r, len(b))
		}
	})
}

func FuzzQuoteIsJSONThatPostgresTakes(f *testing.F) {
	f.Add("plain")
	f.Add("\x00\xff\"\\\n报")
	f.Fuzz(func(t *testing.T, s string) {
		b := quote(nil, s)
		var back string
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatalf("%q becomes %s: %v", s, b, err)
		}
		if want := strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", "\uFFFD"); strings.ReplaceAll(back, "\uFFFD", "") != strings.ReplaceAll(want, "\uFFFD", "") || strings.Contains(back, "\x00") {
			t.Errorf("%q comes back as %q", s, back)
		}
	})
}

// applicationID is where application a of a call is stored.
func applicationID(call uuid.UUID, a menu.App) string {
	return orders.ApplicationID(call.String(), int(a))
}
