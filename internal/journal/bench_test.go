package journal

import (
	"syscall"
	"testing"
	"time"

	"hotline/internal/menu"
	"hotline/internal/orders"
	"hotline/internal/prompts"
)

// longCall is a call of 39 steps, call_started included, flushed where a session would: after every event.
func longCall() [][]any {
	turns := [][]any{{menu.Started{}, menu.Entered{Node: "main"}, menu.AppOpened{App: 1, Kind: orders.KindUndecided, Node: "main"},
		menu.Play{ID: 1, Node: "main", Refs: []prompts.Ref{prompts.Prompt("main.welcome"), prompts.Prompt("main.menu")}}}}
	for i := range menu.ID(7) {
		turns = append(turns, []any{menu.Pressed{Key: '1', Heard: menu.Heard{Play: i + 1, MS: 1200, Percent: 50}}, menu.StopPlay{ID: i + 1},
			menu.Entered{Node: "main.services"}, menu.Play{ID: i + 2, Node: "main.services", Refs: []prompts.Ref{prompts.Prompt("main.services.menu"), {Read: prompts.Money, N: 650}}}})
	}
	return append(turns, []any{menu.Left{Why: menu.ByCaller}, menu.AppBound{App: 1, Kind: orders.KindQuery, Service: "balance", Action: orders.Look, Node: "balance"},
		menu.Entered{Node: "x"}, menu.StopPlay{ID: 9}, menu.AppClosed{App: 1, Result: orders.Result{Outcome: orders.Success, Detail: orders.Confirmed}, At: menu.Position{Node: "balance", Prompt: "p"}},
		menu.End{Reason: menu.HungUp}})
}

func placeCall(b *testing.B, j *Journal, turns [][]any) {
	h := testHead(time.Now())
	c := j.Begin(h)
	for _, turn := range turns {
		for _, what := range turn {
			record1(c, h.At, what)
		}
		if err := c.Flush(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRecordCall is what a call costs where the caller waits: 39 steps in 9
// writes to the spool.
func BenchmarkRecordCall(b *testing.B) {
	s, _, err := openSpool(b.TempDir(), 16<<20, 1<<40, newMetrics())
	if err != nil {
		b.Fatal(err)
	}
	j := &Journal{server: "ivr-a", sealer: testSealer, spool: s}
	turns := longCall()
	b.ReportAllocs()
	for b.Loop() {
		placeCall(b, j, turns)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/39, "ns/step")
}

// BenchmarkJournalCall is what the same call costs this process in all, from
// the first step until it is in Postgres, in batches of 200 ms of 20 calls a second.
func BenchmarkJournalCall(b *testing.B) {
	w := deliverer(b, newPool(b))
	j := w.j
	var err error
	if j.spool, _, err = openSpool(b.TempDir(), 16<<20, 1<<40, j.metrics); err != nil {
		b.Fatal(err)
	}
	if w.tail, _, err = newTail(j.spool, nil); err != nil {
		b.Fatal(err)
	}
	turns := longCall()
	const perBatch = 4
	before := cpu()
	calls := 0
	for b.Loop() {
		for range perBatch {
			placeCall(b, j, turns)
			calls++
		}
		if _, err := w.deliver(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((cpu()-before).Microseconds())/float64(calls), "cpu-µs/call")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(calls), "µs/call")
	b.ReportMetric(0, "ns/op")
}

// cpu is what this process has used so far.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
