package e2e

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/journal"
	"hotline/internal/orders/sandbox"
	"hotline/internal/prompts"
	"hotline/internal/releases"
)

// furnish brings a database to where a server would on its first start: the tables, those of the
// sandbox BOSS, and what the shipped menus sound like. That takes a server longer than most tests'
// calls, so it is done once, and copied. What is live nobody has said yet.
func furnish(ctx context.Context, address string) error {
	if _, err := journal.Migrate(ctx, address); err != nil {
		return err
	}
	db, err := pgxpool.New(ctx, address)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := sandbox.Migrate(ctx, db); err != nil {
		return err
	}
	snap, err := releases.Take(os.Getenv("MENUS"), os.Getenv("PROMPTS"))
	if err != nil {
		return err
	}
	manifest, err := prompts.ReadManifest(os.DirFS(os.Getenv("AUDIO")))
	if err != nil {
		return err
	}
	_, err = releases.NewStore(db).Stage(ctx, snap, manifest, releases.NewSounds(os.Getenv("AUDIO")).Open)
	return err
}

// connect opens a database for the test to look into.
func connect(t *testing.T, address string) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(address)
	fatal(t, err)
	config.MaxConns = 4
	db, err := pgxpool.NewWithConfig(context.Background(), config)
	fatal(t, err)
	t.Cleanup(db.Close)
	return db
}

// strings reads a query of one text column, row by row.
func (h *hotline) strings(t *testing.T, sql string, args ...any) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	rows, _ := h.db.Query(ctx, sql, args...)
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return all
}

// value reads a query of one text.
func (h *hotline) value(t *testing.T, sql string, args ...any) string {
	t.Helper()
	all := h.strings(t, sql, args...)
	if len(all) != 1 {
		t.Fatalf("%s: %d rows", sql, len(all))
	}
	return all[0]
}

func (h *hotline) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := h.db.Exec(context.Background(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// sqlApplications writes each application of a call as "kind action service: outcome/detail".
const sqlApplications = `
	select regexp_replace(concat_ws(' ', kind, action, service), ' +', ' ', 'g') || ': ' ||
		coalesce(outcome || case when outcome_detail <> '' then '/' || outcome_detail else '' end, 'open')
	from ivr.applications where call_id = $1::uuid order by split_part(application_id, '.', 2)::int`

// standing is how a call stands in the database: its end, then its applications.
func (h *hotline) standing(t *testing.T, call string) string {
	t.Helper()
	end := h.strings(t, "select coalesce(end_reason, 'not ended') from ivr.calls where call_id = $1::uuid", call)
	if len(end) == 0 {
		return "no call"
	}
	lines := append(end, h.strings(t, sqlApplications, call)...)
	for i := range lines {
		// A caller who has chosen nothing has neither action nor service.
		lines[i] = strings.ReplaceAll(strings.TrimSpace(lines[i]), " :", ":")
	}
	return strings.Join(lines, "\n")
}

// becomes waits until a call stands in the database as it should.
func (h *hotline) becomes(t *testing.T, limit time.Duration, call string, want ...string) {
	t.Helper()
	eventually(t, limit, func() string {
		if got := h.standing(t, call); got != strings.Join(want, "\n") {
			return "call " + call + " stands as\n" + got + "\nwant\n" + strings.Join(want, "\n")
		}
		return ""
	})
}

// effects are what the BOSS has done for a number: "open caller_id".
func (h *hotline) effects(t *testing.T, number string) []string {
	t.Helper()
	return h.strings(t, `
		select action || ' ' || service from sandbox.ledger
		where msisdn = $1 and outcome = 'success' order by at`, number)
}

// laws are what must hold in every database when its server has stopped. Each
// query gives what breaks the law.
var laws = map[string]string{
	// A call that another server takes over goes on at the next full thousand.
	"steps of a call are numbered from 1 without gaps": `
		select call_id || ': ' || count(*) || ' steps from ' || min(seq) || ' to ' || max(seq)
		from ivr.steps group by call_id, (seq - 1) / 1000
		having min(seq) <> 1 + (min(seq) - 1) / 1000 * 1000 or max(seq) - min(seq) + 1 <> count(*)`,
	"a call begins once and ends once": `
		select call_id || ': ' || count(*) filter (where kind = 'call_started') || ' begins, ' || count(*) filter (where kind = 'call_ended') || ' ends'
		from ivr.steps join ivr.calls using (call_id)
		group by call_id, end_reason
		having count(*) filter (where kind = 'call_started') <> 1
		    or count(*) filter (where kind = 'call_ended') <> case when end_reason = 'server_died' then 0 else 1 end`,
	"every call has an end": "select call_id::text from ivr.calls where end_reason is null",
	"every application has an outcome": `
		select application_id from ivr.applications where outcome is null`,
	"opened is closed and open": `
		select 'difference ' || difference || ', overdue ' || overdue
		from ivr.conservation('-infinity', 'infinity') where difference <> 0 or overdue <> 0`,
	"an order that is done has its effect": `
		select idempotency_key from ivr.orders o where state = 'done'
		and not exists (select from sandbox.ledger l where l.key = o.idempotency_key and l.outcome = 'success')`,
	"no effect without an order that is done, or not resolved yet": `
		select key from sandbox.ledger l where outcome = 'success'
		and not exists (select from ivr.orders o where l.key = o.idempotency_key and o.state in ('done', 'unknown', 'sent'))`,
	"no order without an application": `
		select order_id::text from ivr.orders o where not exists (select from ivr.applications a where a.order_id = o.order_id)`,
}

// obeys checks the laws.
func (h *hotline) obeys(t *testing.T) {
	t.Helper()
	for law, sql := range laws {
		if broken := h.strings(t, sql); len(broken) > 0 {
			t.Errorf("broken: %s\n%s", law, strings.Join(broken, "\n"))
		}
	}
}
