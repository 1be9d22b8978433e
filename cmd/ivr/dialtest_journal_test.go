package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"hotline/internal/journal"
	"hotline/internal/orders"
	"hotline/internal/pgtest"
)

// journalDatabase is an own database with the journal's schema, for one test.
func journalDatabase(t *testing.T) string {
	t.Helper()
	address := pgtest.Database(t)
	if _, err := journal.Migrate(t.Context(), address); err != nil {
		t.Fatal(err)
	}
	return address
}

func TestDialtestReadsTheJournalOfItsCall(t *testing.T) {
	j := openJournal(t.Context(), journalDatabase(t))
	defer j.close()
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := j.db.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	id, now := uuid.NewString(), time.Now()
	from, err := orders.ParseMSISDN("13800000001")
	if err != nil {
		t.Fatal(err)
	}
	exec(`insert into ivr.calls (call_id, started_at, caller_masked, dialled, test, server) values ($1, $2, $3, '10086', false, 's')`, id, now, from.String())
	if got := j.findCall(t.Context(), from, "10086", now.Add(200*time.Millisecond)); got != id {
		t.Errorf("found call %q, want %q", got, id)
	}
	open := func(n int, kind string) {
		exec(`insert into ivr.applications (application_id, call_id, kind, service, action, opened_at) values ($1, $2, $3, 'caller_id', 'open', $4)`,
			fmt.Sprintf("%s.%d", id, n), id, kind, now)
	}
	finish := func(n int, outcome, detail string) {
		exec(`update ivr.applications set outcome = $2, outcome_detail = $3, first_outcome = $2, closed_by = 'desk', closed_at = now() where application_id = $1`,
			fmt.Sprintf("%s.%d", id, n), outcome, detail)
	}
	progress := func(wantBusy, wantDone bool) {
		t.Helper()
		if busy, done := j.progress(t.Context(), id); busy != wantBusy || done != wantDone {
			t.Errorf("busy %v, done %v; want %v, %v", busy, done, wantBusy, wantDone)
		}
	}
	open(1, "undecided")
	progress(false, false)
	finish(1, "switched", "")
	for n := 2; n <= 10; n++ { // ".10" comes after ".9"
		open(n, "order")
		progress(true, n > 2)
		finish(n, "success", "confirmed")
	}
	progress(false, true)
	exec(`update ivr.calls set ended_at = now(), end_reason = 'hung_up' where call_id = $1`, id)
	rows := j.finalRows(t.Context(), id)
	if len(rows) != 10 || rows[9].ID != id+".10" || rows[9].Result != (orders.Result{Outcome: orders.Success, Detail: orders.Confirmed}) || rows[0].Result.Outcome != orders.Switched {
		t.Errorf("rows %+v", rows)
	}
	if j.err != nil {
		t.Error(j.err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if j.finalRows(gone, id); j.err == nil {
		t.Error("a journal that cannot be read is no error")
	}
	if rows := j.finalRows(t.Context(), id); rows != nil {
		t.Error("a journal that failed was asked again")
	}
}
