package hearing_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"hotline/internal/journal/hearing"
	"hotline/internal/journal/journaltest"
	"hotline/internal/menu"
)

// BenchmarkRead is what a report costs over a week of one and a half million steps:
// random calls on the shipped hotline, each of them once a day for as many callers as it
// takes.
func BenchmarkRead(b *testing.B) {
	const steps = 1_500_000
	pool := journaltest.Pool(b)
	hotline, texts := shipped(b)
	publish(b, pool, "aaaaaaaaaaaa", began.Add(-time.Hour), texts)
	random := rand.New(rand.NewPCG(1, 0))
	j := openJournal(b, pool)
	for range 1000 {
		h := head(random, began.Add(time.Duration(random.Int64N(int64(day)))), "v1", false)
		c := &caller{Rand: random, machine: menu.New(hotline), record: j.Begin(h), length: lengths(texts), begun: h.At, tired: 2 + random.IntN(12)}
		c.call(menu.Started{})
		if err := c.record.Flush(); err != nil {
			b.Fatal(err)
		}
	}
	deliver(b, j)
	one := func(sql string, args ...any) (n int) {
		if err := pool.QueryRow(b.Context(), sql, args...).Scan(&n); err != nil {
			b.Fatal(err)
		}
		return n
	}
	had := one("select count(*) from ivr.steps")
	run := func(sql string, args ...any) {
		if _, err := pool.Exec(b.Context(), sql, args...); err != nil {
			b.Fatal(err)
		}
	}
	run("select ivr.make_partition($1::date + d) from generate_series(0, 9) d", began)
	run(`create table again as select call_id, gen_random_uuid() as twin, n % 7 * interval '1 day' as later
		from ivr.calls, generate_series(1, $1::int) n`, steps/had)
	run(`insert into ivr.calls (call_id, started_at, ended_at, caller_hash, menu, menu_version, end_reason, server)
		select twin, started_at + later, ended_at + later, sha256(twin::text::bytea), menu, menu_version, end_reason, server
		from again join ivr.calls using (call_id)`)
	run("insert into ivr.steps select twin, seq, at + later, kind, node, detail from again join ivr.steps using (call_id)")
	run("analyze ivr.steps")
	run("analyze ivr.calls")
	b.Logf("%d steps of %d calls", one("select count(*) from ivr.steps"), one("select count(*) from ivr.calls"))
	b.ResetTimer()
	for b.Loop() {
		if _, err := hearing.Read(b.Context(), pool, hearing.Window{From: began, To: began.Add(7 * 24 * time.Hour), First: map[string]string{"10086": "zh"}, Endings: endings(hotline)}); err != nil {
			b.Fatal(err)
		}
	}
}
