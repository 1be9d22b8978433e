package journal

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/orders"
	"hotline/internal/pgtest"
)

func TestMigrateFromEmptyTwiceAndAtOnce(t *testing.T) {
	dsn := pgtest.Database(t)
	results := make([]Migrated, 2)
	var group sync.WaitGroup
	for i := range results {
		group.Go(func() {
			var err error
			if results[i], err = Migrate(t.Context(), dsn); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if a, b := len(results[0].Applied), len(results[1].Applied); a+b < 3 || a > 0 && b > 0 && results[0].Version != results[1].Version {
		t.Errorf("two at once did %v", results)
	}
	again, err := Migrate(t.Context(), dsn)
	if err != nil || len(again.Applied) != 0 || again.Version != results[0].Version {
		t.Errorf("again: %v, %v", again, err)
	}
	// The next version has been here: this one leaves its schema alone.
	pool := connect(t, dsn)
	if _, err := pool.Exec(t.Context(), `update ivr.schema_version set version = 99`); err != nil {
		t.Fatal(err)
	}
	if newer, err := Migrate(t.Context(), dsn); err != nil || newer.Version != 99 || len(newer.Applied) != 0 {
		t.Errorf("a newer schema: %v, %v", newer, err)
	}
}

// constants gives the values of a package's string constants of a type, read from
// its source, so that a word added there and not here fails a test.
func constants(t *testing.T, dir, typeName string) []string {
	t.Helper()
	packages, err := parser.ParseDir(token.NewFileSet(), dir, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, p := range packages {
		ast.Inspect(p, func(n ast.Node) bool {
			v, isValue := n.(*ast.ValueSpec)
			if !isValue {
				return true
			}
			if ident, typed := v.Type.(*ast.Ident); typed && ident.Name == typeName {
				for _, value := range v.Values {
					if lit, ok := value.(*ast.BasicLit); ok {
						s, err := strconv.Unquote(lit.Value)
						if err != nil {
							t.Fatal(err)
						}
						values = append(values, s)
					}
				}
			}
			return true
		})
	}
	slices.Sort(values)
	return values
}

// methods gives the types of a package that have the method name.
func methods(t *testing.T, dir, name string) (types []string) {
	t.Helper()
	packages, err := parser.ParseDir(token.NewFileSet(), dir, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packages {
		ast.Inspect(p, func(n ast.Node) bool {
			f, isFunc := n.(*ast.FuncDecl)
			if isFunc && f.Recv != nil && f.Name.Name == name {
				if ident, ok := f.Recv.List[0].Type.(*ast.Ident); ok {
					types = append(types, ident.Name)
				}
			}
			return true
		})
	}
	return types
}

var quotedWord = regexp.MustCompile(`'([^']*)'::text`)

// checked gives the words that a CHECK constraint of a column allows.
func checked(t *testing.T, pool *pgxpool.Pool, table, column string) []string {
	t.Helper()
	def := one[string](t, pool, `select pg_get_constraintdef(c.oid) from pg_constraint c
		where c.contype = 'c' and c.conrelid = $1::regclass and c.conname = $2`, "ivr."+table, table+"_"+column+"_check")
	var words []string
	for _, m := range quotedWord.FindAllStringSubmatch(def, -1) {
		words = append(words, m[1])
	}
	slices.Sort(words)
	return words
}

func TestClosedSetsAreThoseOfTheCode(t *testing.T) {
	pool := newPool(t)
	same := func(what string, inCode, inDatabase []string) {
		t.Helper()
		if len(inCode) == 0 || !slices.Equal(inCode, inDatabase) {
			t.Errorf("%s\nin the code     %v\nin the database %v", what, inCode, inDatabase)
		}
	}
	kinds := slices.Sorted(slices.Values(kindNames[:]))
	same("kinds of step", kinds, checked(t, pool, "steps", "kind"))
	same("end reasons", constants(t, "../menu", "EndReason"), checked(t, pool, "calls", "end_reason"))
	same("kinds of application", constants(t, "../orders", "Kind"), checked(t, pool, "applications", "kind"))
	actions := constants(t, "../orders", "Action")
	same("actions of orders", slices.DeleteFunc(slices.Clone(actions), func(a string) bool {
		return a == string(orders.Look) || a == string(orders.Status)
	}), checked(t, pool, "orders", "action"))
	same("actions of applications", append([]string{""}, actions...), checked(t, pool, "applications", "action"))

	var inCode []string
	for _, r := range orders.Results() {
		inCode = append(inCode, string(r.Outcome)+"/"+string(r.Detail))
	}
	rows, err := pool.Query(t.Context(), `select outcome || '/' || detail from ivr.outcomes`)
	if err != nil {
		t.Fatal(err)
	}
	inDatabase, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(inCode)
	slices.Sort(inDatabase)
	same("outcomes", inCode, inDatabase)
}

// Every failure has a cause, and what is no failure has none.
func TestEveryFailureHasACategory(t *testing.T) {
	pool := newPool(t)
	for i, r := range orders.Results() {
		for _, kind := range []string{"order", "password", "query", "handling", "undecided"} {
			var category, rule string
			err := pool.QueryRow(t.Context(), `insert into ivr.applications
				(application_id, call_id, kind, opened_at, closed_at, outcome, outcome_detail, first_outcome, closed_by)
				values ($1, $2, $3, now() - interval '1 minute', now(), $4, $5, $4, 'call') returning category, rule`,
				fmt.Sprintf("x.%s.%d", kind, i), uuid.New(), kind, r.Outcome, r.Detail).Scan(&category, &rule)
			if err != nil {
				t.Fatal(err)
			}
			none := r.Outcome == orders.Success || r.Outcome == orders.Cancelled || r.Outcome == orders.Switched
			if (category == "none") != none || (rule == "") != none {
				t.Errorf("%s %v has category %q by rule %q", kind, r, category, rule)
			}
		}
	}
}

func TestRulesInTheirOrder(t *testing.T) {
	pool := newPool(t)
	for _, test := range []struct {
		kind, result              string
		age                       time.Duration
		percent, invalid, replays int
		want                      string
	}{
		{"order", "abandoned/during_prompt", 4 * time.Second, 90, 3, 3, "operation early-hang-up"},
		{"order", "abandoned/during_prompt", 5 * time.Second, 90, 3, 2, "system/guidance many-replays"},
		{"order", "abandoned/during_prompt", time.Minute, 10, 2, 1, "system/guidance many-invalid-keys"},
		{"order", "abandoned/after_prompt", time.Minute, 0, 1, 1, "system/guidance prompt-heard"},
		{"order", "abandoned/during_prompt", time.Minute, 51, 1, 1, "system/guidance most-of-prompt-heard"},
		{"order", "abandoned/during_prompt", time.Minute, 50, 1, 1, "operation hang-up"},
		{"undecided", "abandoned/during_prompt", time.Minute, 50, 0, 0, "system/guidance never-chose"},
		{"handling", "abandoned/during_prompt", time.Minute, 50, 0, 0, "system/guidance never-chose"},
		{"order", "abandoned/during_wait", time.Second, 0, 0, 0, "system/boss left-waiting"},
		{"password", "input_failed/invalid", time.Minute, 0, 3, 0, "operation invalid-number"},
		{"order", "input_failed/invalid", time.Minute, 0, 3, 0, "system/guidance invalid-keys"},
		{"password", "input_failed/no_input", time.Minute, 100, 0, 0, "system/guidance no-input"},
		{"order", "rejected/insufficient_balance", time.Minute, 0, 0, 0, "operation insufficient-balance"},
		{"order", "rejected/other", time.Minute, 0, 0, 0, "system/boss rejected-other"},
		{"order", "system_failed/media", time.Minute, 0, 0, 0, "system/media media"},
		{"query", "system_failed/platform", time.Minute, 0, 0, 0, "system/platform platform"},
		{"query", "escalated/requested", time.Minute, 0, 0, 0, "system/guidance asked-for-person"},
		{"order", "auth_failed/locked", time.Minute, 0, 0, 0, "operation password-locked"},
	} {
		outcome, detail, _ := strings.Cut(test.result, "/")
		got := one[string](t, pool, `insert into ivr.applications (application_id, call_id, kind, opened_at, closed_at, outcome,
			outcome_detail, first_outcome, closed_by, percent, invalid, replays)
			values ($1, $2, $3, now() - $4::interval, now(), $5, $6, $5, 'call', $7, $8, $9) returning category || ' ' || rule`,
			uuid.NewString(), uuid.New(), test.kind, test.age, outcome, detail, test.percent, test.invalid, test.replays)
		if got != test.want {
			t.Errorf("%s %s after %v (heard %d %%, %d invalid, %d replays): %s, want %s", test.kind, test.result, test.age,
				test.percent, test.invalid, test.replays, got, test.want)
		}
	}
}

// Whoever writes, the first outcome stands; unknown changes once.
func TestASecondOutcomeIsImpossible(t *testing.T) {
	pool := newPool(t)
	application := func(outcome, detail string) string {
		return one[string](t, pool, `insert into ivr.applications (application_id, call_id, kind, opened_at, closed_at, outcome,
			outcome_detail, first_outcome, closed_by) values ($1, $2, 'order', now(), now(), $3, $4, $3, 'call') returning application_id`,
			uuid.NewString(), uuid.New(), outcome, detail)
	}
	refused := func(id, set, code string) {
		t.Helper()
		_, err := pool.Exec(t.Context(), `update ivr.applications set `+set+` where application_id = $1`, id)
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != code {
			t.Errorf("set %s gives %v, want SQLSTATE %s", set, err, code)
		}
	}
	abandoned := application("abandoned", "during_prompt")
	refused(abandoned, `outcome = 'success', outcome_detail = 'confirmed', first_outcome = 'success'`, "IV003")
	refused(abandoned, `outcome_detail = 'after_prompt'`, "IV003")
	refused(abandoned, `closed_at = now() + interval '1 hour'`, "IV003")
	refused(abandoned, `outcome = null, outcome_detail = null, first_outcome = null, closed_at = null, closed_by = null`, "IV003")

	unknown := application("unknown", "")
	refused(unknown, `outcome = 'abandoned', outcome_detail = 'during_wait', resolved_at = now()`, "IV003")
	refused(unknown, `outcome = 'success', outcome_detail = 'reconciled'`, "IV003") // without resolved_at
	refused(unknown, `outcome = 'success', outcome_detail = 'reconciled', first_outcome = 'success', resolved_at = now()`, "IV003")
	if _, err := pool.Exec(t.Context(), `update ivr.applications set outcome = 'success', outcome_detail = 'reconciled',
		resolved_at = now() where application_id = $1`, unknown); err != nil {
		t.Error(err)
	}
	refused(unknown, `outcome = 'rejected', outcome_detail = 'other'`, "IV003")
	refused(unknown, `outcome = 'unknown', outcome_detail = '', resolved_at = null`, "IV003")

	// And words that nobody knows are refused at once.
	const foreignKey = "23503"
	open := one[string](t, pool, `insert into ivr.applications (application_id, call_id, kind, opened_at)
		values ('open', $1, 'order', now()) returning application_id`, uuid.New())
	refused(open, `outcome = 'success', outcome_detail = 'during_wait', first_outcome = 'success', closed_at = now(), closed_by = 'call'`, foreignKey)
}

func TestResolveOrder(t *testing.T) {
	pool := newPool(t)
	caller := number13800(1)
	commit := func() (call, order uuid.UUID) {
		t.Helper()
		call = uuid.New()
		order, err := commitOrder(t.Context(), pool, call, 1, uuid.New(), caller)
		if err != nil {
			t.Fatal(err)
		}
		return call, order
	}
	outcome := func(call uuid.UUID) string {
		return one[string](t, pool, `select coalesce(first_outcome || '>' || outcome || '/' || outcome_detail, 'open')
			from ivr.applications where application_id = $1`, applicationID(call, 1))
	}
	first, order := commit()
	second, joined := commit()
	if joined != order {
		t.Fatal("the second order did not join the first")
	}
	if err := resolveOrder(t.Context(), pool, order, "unknown", ""); err != nil {
		t.Fatal(err)
	}
	third, joined := commit()
	if joined != order {
		t.Fatal("an unknown order is unresolved, and was not joined")
	}
	if got := outcome(third); got != "open" {
		t.Errorf("what joined an unknown order is %s", got)
	}
	for range 2 { // the same result again is no error
		if err := resolveOrder(t.Context(), pool, order, "success", "confirmed"); err != nil {
			t.Fatal(err)
		}
	}
	for call, want := range map[uuid.UUID]string{first: "unknown>success/reconciled", second: "unknown>success/reconciled", third: "success>success/reconciled"} {
		if got := outcome(call); got != want {
			t.Errorf("application is %s, want %s", got, want)
		}
	}
	var pg *pgconn.PgError
	if err := resolveOrder(t.Context(), pool, order, "rejected", "other"); !errors.As(err, &pg) || pg.Code != "IV002" {
		t.Errorf("a second result gives %v", err)
	}
	if _, err := pool.Exec(t.Context(), `update ivr.orders set state = 'pending', result_outcome = null, result_detail = null, resolved_at = null`); !errors.As(err, &pg) || pg.Code != "IV002" {
		t.Errorf("plain SQL reopens a resolved order: %v", err)
	}
	if _, next := commit(); next == order {
		t.Error("a resolved order was joined")
	}
}

// Answering before it is on disk is a default that databases are given for speed.
func TestWhatIsCommittedIsOnDisk(t *testing.T) {
	pool := newPool(t)
	caller := testSealer.Seal(number13800(1))
	order, call := uuid.New(), uuid.New()
	for _, step := range []struct {
		sql  string
		args []any
	}{
		{`select ivr.commit_order($1, $2, null, $3, 'k', $4, $5, $6, 'caller_id', 'open', 600, false)`,
			[]any{applicationID(call, 1), call, order, caller.Masked, caller.Hash, caller.Enc}},
		{`select ivr.resolve_order($1, 'success', 'confirmed', '')`, []any{order}},
		{`select ivr.absorb('ivr-a')`, nil},
	} {
		err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
			if strings.Contains(step.sql, "absorb") {
				if _, err := tx.Exec(t.Context(), `create temp table if not exists ivr_staging (call_id uuid, seq integer, at timestamptz, kind text, node text, detail jsonb)`); err != nil {
					return err
				}
			}
			var before, after string
			if err := tx.QueryRow(t.Context(), `show synchronous_commit`).Scan(&before); err != nil {
				return err
			}
			if _, err := tx.Exec(t.Context(), step.sql, step.args...); err != nil {
				return err
			}
			if err := tx.QueryRow(t.Context(), `show synchronous_commit`).Scan(&after); err != nil {
				return err
			}
			if before != "off" || after != "on" {
				t.Errorf("%s: synchronous_commit goes from %s to %s", step.sql, before, after)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
