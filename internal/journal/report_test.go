package journal

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
)

var shanghai = func() *time.Location {
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		panic(err)
	}
	return zone
}()

// addApplications stores n closed applications of calls of their own, with their opening steps.
func addApplications(t testing.TB, pool *pgxpool.Pool, n int, at time.Time, kind, result string, test bool) {
	t.Helper()
	outcome, detail, _ := strings.Cut(result, "/")
	run(t, pool, `select ivr.make_partition(($1::timestamptz at time zone 'UTC')::date)`, at)
	run(t, pool, `
		with c as (insert into ivr.calls (call_id, started_at, server, test) select gen_random_uuid(), $2, 'ivr-a', $6 from generate_series(1, $1) returning call_id),
		s as (insert into ivr.steps select call_id, 1, $2, 'app_opened', 'main', jsonb_build_object('app', 1, 'test', $6::boolean) from c)
		insert into ivr.applications (application_id, call_id, kind, service, opened_at, opened_seq, closed_at, outcome, outcome_detail, first_outcome, closed_by, node, test)
		select call_id || '.1', call_id, $3, 'svc.' || $3, $2, 1, case when $4 <> '' then $2 + interval '30 seconds' end,
			nullif($4, ''), case when $4 <> '' then $5 end, nullif($4, ''), case when $4 <> '' then 'call' end, 'node.' || $4, $6 from c`,
		n, at, kind, outcome, detail, test)
}

// The figures were worked out by hand from the definitions.
func TestReportUnderEveryPolicy(t *testing.T) {
	pool := newPool(t)
	day := time.Date(2026, 3, 10, 0, 0, 0, 0, shanghai)
	late := day.Add(9 * time.Hour)
	now := time.Now().Add(-time.Hour)
	for _, day := range []time.Time{late, now} {
		add := func(n int, kind, result string) { addApplications(t, pool, n, day, kind, result, false) }
		add(180, "order", "success/confirmed")
		add(6, "order", "rejected/insufficient_balance") // operation
		add(2, "order", "input_failed/no_input")         // guidance
		add(1, "order", "system_failed/boss_timeout")
		add(3, "order", "unknown/")
		add(10, "order", "switched/")
		add(5, "order", "cancelled/")
		add(1, "password", "auth_failed/wrong_password")
		add(4, "handling", "abandoned/after_prompt") // guidance
		add(290, "query", "success/confirmed")
		add(2, "query", "escalated/requested")
		add(8, "undecided", "abandoned/during_prompt")
		add(1, "query", "") // open
		addApplications(t, pool, 7, day, "order", "system_failed/media", true)
	}
	// Next to the day on both sides, at the zone's midnight.
	addApplications(t, pool, 50, day.Add(-time.Microsecond), "order", "rejected/other", false)
	addApplications(t, pool, 50, day.AddDate(0, 0, 1), "order", "rejected/other", false)
	run(t, pool, `insert into ivr.unserved select g::text, null, $1, '****', '10086', case when g <= 3 then 'fallback' else 'refused' end, false, case when g > 3 then 'rate' else '' end
		from generate_series(1, 5) g`, late)

	// Orders, passwords and handling: 180+6+2+1+3+10+5+1+4 = 212 closed; failures 6+2+1+1+4 = 14.
	// Long ago the 3 unknown have become failures: 17 of 212-15 = 197. Recently: 14 of 212-15-3 = 194.
	// Circle adds 290+2+8 closed with 10 failures: 27/497 and 24/494.
	for name, test := range map[string]struct {
		from time.Time
		want string
	}{
		"long ago": {day, "standard 17/197, circle 27/497, all-applications 17/212, strict 32/212, system 10/197, guidance 6/197; unknown 0/212, unserved 3+2, days 2026-03-10, hours 09"},
		"recent":   {now.Add(-time.Minute), "standard 14/194, circle 24/494, all-applications 14/212, strict 32/212, system 7/194, guidance 6/194; unknown 3/212, unserved 0+0, days " + now.In(shanghai).Format("2006-01-02") + ", hours " + now.In(shanghai).Format("15")},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := ReadReport(t.Context(), pool, Period{From: test.from, To: test.from.AddDate(0, 0, 1), Zone: shanghai})
			if err != nil {
				t.Fatal(err)
			}
			var rates []string
			for _, p := range r.Policies {
				rates = append(rates, fmt.Sprintf("%s %d/%d", p.Policy, p.Failures, p.Counted))
			}
			got := fmt.Sprintf("%s; unknown %d/%d, unserved %d+%d, days %s, hours %s", strings.Join(rates, ", "),
				r.LeftOut.Unknown.Count, r.LeftOut.Unknown.Of, r.Unserved["fallback"], r.Unserved["refused"], r.Days[0].Name, r.Hours[0].Name)
			if got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
			if r.Undecided != (Share{8, 513}) || r.LeftOut.Switched != (Share{10, 212}) || r.LeftOut.Cancelled != (Share{5, 212}) {
				t.Errorf("shares %v %v %v", r.Undecided, r.LeftOut.Switched, r.LeftOut.Cancelled)
			}
			if r.Applications.Opened != 513 || r.Applications.Closed != 512 || r.Applications.Open != 1 || r.Applications.Lost != 0 || r.Calls != 513 {
				t.Errorf("opened %d, closed %d, open %d, lost %d, calls %d", r.Applications.Opened, r.Applications.Closed, r.Applications.Open, r.Applications.Lost, r.Calls)
			}
			var standard, circle int64
			for _, c := range r.Causes {
				standard, circle = standard+c.Standard.Failures, circle+c.Circle.Failures
			}
			if standard != r.Policies[0].Failures || circle != r.Policies[1].Failures {
				t.Errorf("the causes add up to %d and %d failures", standard, circle)
			}
		})
	}
	r, err := ReadReport(t.Context(), pool, Period{From: day, To: day.AddDate(0, 0, 1), Zone: shanghai, Test: true})
	if err != nil || r.Policies[0].Failures != 7 || r.Policies[0].Counted != 7 || r.Calls != 7 || *r.Policies[0].Percent != 100 {
		t.Errorf("dial tests: %+v, %v", r, err)
	}
	r, err = ReadReport(t.Context(), pool, Period{From: day.AddDate(-1, 0, 0), To: day.AddDate(-1, 0, 1), Zone: shanghai})
	if err != nil || r.Policies[0].Percent != nil || len(r.Endings) != 0 {
		t.Errorf("a day without calls: %+v, %v", r, err)
	}
}

func cdr(unique, outcome string) string {
	return fmt.Sprintf(`"%s",%s,1773100000.250000,1773100001.000000,1773100009.000000,"138****8000","10086","%s","0"`+"\n", uuid.NewString(), unique, outcome)
}

func TestUnservedCallsComeFromThePBX(t *testing.T) {
	pool := newPool(t)
	j := openJournal(t, testOptions(t, pool))
	file := filepath.Join(t.TempDir(), "hotline.csv")
	importing := func(want int) {
		t.Helper()
		if n, err := j.ImportUnserved(t.Context(), file); err != nil || n != want {
			t.Errorf("imported %d, %v; want %d", n, err, want)
		}
	}
	write := func(flags int, text string) {
		t.Helper()
		f, err := os.OpenFile(file, flags|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	importing(0) // no record yet
	half := strings.TrimSpace(cdr("u3", "refused")) + `,"rate"` + "\n"
	write(0, cdr("u1", "served")+cdr("u2", "fallback")+"nonsense\n"+half[:20])
	importing(1)
	importing(0)
	write(os.O_APPEND, half[20:])
	importing(1)
	// Rotated: the rest of the old file counts, and the new one.
	write(os.O_APPEND, cdr("u4", "fallback"))
	if err := os.Rename(file, file+".1"); err != nil {
		t.Fatal(err)
	}
	importing(1)
	write(0, cdr("u5", "transferred")+cdr("u6", "fallback"))
	importing(1)
	// Cut short, and begun again with a call that is known.
	write(os.O_TRUNC, cdr("u6", "fallback")+strings.Replace(cdr("u7", "fallback"), "138****8000", "13800138000", 1))
	importing(1)
	write(os.O_TRUNC, cdr("u8", ""))
	importing(0)
	// Of a record from before there were reasons, and of a server that knows more of them.
	write(os.O_APPEND, cdr("u9", "refused")+strings.TrimSpace(cdr("v1", "refused"))+",moonshine\n"+strings.TrimSpace(cdr("v2", "fallback"))+",rate\n")
	importing(3)
	got := one[string](t, pool, `select string_agg(uniqueid || ' ' || disposition || reason || ' ' || caller_masked, ', ' order by uniqueid) from ivr.unserved`)
	if want := "u2 fallback 138****8000, u3 refusedrate 138****8000, u4 fallback 138****8000, u6 fallback 138****8000, u7 fallback 138****8000, u9 refused 138****8000, v1 refusedunknown 138****8000, v2 fallback 138****8000"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if at := one[time.Time](t, pool, `select at from ivr.unserved where uniqueid = 'u2'`); at.UnixMilli() != 1773100000250 {
		t.Errorf("the call began at %v", at)
	}
}

// The queries in docs/journal.md are there to be copied: they must run.
func TestQueriesOfTheDocumentation(t *testing.T) {
	pool := newPool(t)
	addApplications(t, pool, 3, time.Now(), "order", "rejected/other", false)
	text, err := os.ReadFile("../../docs/journal.md")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(text), "```sql\n")
	for _, part := range parts[1:] {
		sql, _, _ := strings.Cut(part, "```")
		if _, err := pool.Exec(context.Background(), sql); err != nil {
			t.Errorf("%s\n%v", sql, err)
		}
	}
	if len(parts) < 5 {
		t.Errorf("only %d queries found", len(parts)-1)
	}
	for _, kind := range kindNames {
		if !strings.Contains(string(text), "`"+kind+"`") {
			t.Errorf("step kind %s is not documented", kind)
		}
	}
}
