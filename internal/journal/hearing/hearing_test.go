package hearing_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"hotline/internal/journal"
	"hotline/internal/journal/hearing"
	"hotline/internal/journal/journaltest"
	"hotline/internal/menu"
	"hotline/internal/menu/tree"
	"hotline/internal/prompts"
)

// openJournal opens a real journal on the database.
func openJournal(t testing.TB, pool *pgxpool.Pool) *journal.Journal {
	t.Helper()
	j, err := journal.Open(t.Context(), journal.Options{
		Pool: pool, Dir: t.TempDir(), Server: "ivr-a", Sealer: journal.NewSealer([32]byte{1, 2, 3}),
		Live: func() []uuid.UUID { return nil }, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// deliver closes the journal: all that was recorded is in Postgres then.
func deliver(t testing.TB, j *journal.Journal) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := j.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

// began is when the calls of these tests take place; day is how long.
var began = time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)

const day = 10 * time.Hour

// The versions that they hear: one until noon, the other since.
const earlier, later = "aaaaaaaaaaaa", "bbbbbbbbbbbb"

// endings are the prompts of the shipped hotline that only end a sentence.
func endings(hotline *tree.Tree) []string {
	ids := []string{hotline.Phrases.Press.ID}
	for _, key := range "0123456789*#" {
		ids = append(ids, tree.KeyRef(string(key)).ID)
	}
	return ids
}

// told is what manifests tell of lengths: nothing of two prompts.
func told(texts *prompts.Catalog) func(string, time.Time, prompts.Ref) int {
	length := lengths(texts)
	return func(lang string, at time.Time, r prompts.Ref) int {
		if r.ID == "order.confirm" || r.ID == "menu.agent" {
			return 0
		}
		return length(lang, at, r)
	}
}

// lengths are how long prompts are: since noon all of them are longer.
func lengths(texts *prompts.Catalog) func(string, time.Time, prompts.Ref) int {
	return func(lang string, at time.Time, r prompts.Ref) int {
		if r.Read != prompts.Say {
			return 0
		}
		if r.In != "" {
			lang = r.In
		}
		ms := prompts.EstimateMS(texts.Text(lang, prompts.Prompt(r.ID)))
		if !at.Before(began.Add(day / 2)) {
			ms += 700
		}
		return ms
	}
}

// publish puts a version with these lengths live at a time.
func publish(t testing.TB, pool *pgxpool.Pool, release string, at time.Time, texts *prompts.Catalog) {
	t.Helper()
	manifest := prompts.Manifest{}
	for _, lang := range texts.Languages() {
		manifest[lang] = map[string]prompts.Audio{}
		for _, e := range texts.Entries(lang) {
			if ms := told(texts)(lang, at, prompts.Prompt(e.ID)); ms > 0 {
				manifest[lang][e.ID] = prompts.Audio{MS: ms, Text: release + e.ID}
			}
		}
	}
	data, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(t.Context(), "insert into ivr.releases (release, content, manifest) values ($1, '', $2::jsonb)", release, string(data)); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(t.Context(), "insert into ivr.publications (release, author, at) values ($1, 'test', $2)", release, at); err != nil {
		t.Fatal(err)
	}
}

// TestFiguresAreThoseOfTheCalls lets random callers go through the shipped hotline, and
// compares every figure that comes out of Postgres with what a witness of the calls
// has worked out by hand.
func TestFiguresAreThoseOfTheCalls(t *testing.T) {
	pool := journaltest.Pool(t)
	hotline, texts := shipped(t)
	length := lengths(texts)
	publish(t, pool, earlier, began.Add(-time.Hour), texts)
	publish(t, pool, later, began.Add(day/2), texts)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	live := map[string]*witness{}
	for _, v := range []string{"v1", "v2", "test", "another day"} {
		live[v] = &witness{endings: endings(hotline), length: told(texts)}
	}
	j := openJournal(t, pool)
	for range 500 {
		at, version, whose := began.Add(time.Duration(random.Int64N(int64(day-time.Hour)))).Truncate(time.Microsecond), "v1", "v1"
		switch random.IntN(8) {
		case 0, 1, 2:
			version, whose = "v2", "v2"
		case 3:
			whose = "test"
		case 4:
			at, whose = at.Add(-24*time.Hour), "another day"
		}
		h := head(random, at, version, whose == "test")
		c := &caller{Rand: random, machine: menu.New(hotline), record: j.Begin(h), witness: live[whose], length: length, begun: at, tired: random.IntN(12)}
		c.witness.begin(h)
		c.call(menu.Started{Language: []string{"", "", "en"}[random.IntN(3)]})
		if err := c.record.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	deliver(t, j)

	window := hearing.Window{From: began, To: began.Add(day), First: map[string]string{"10086": "zh"}, Endings: endings(hotline)}
	one := window
	one.Version = "v2"
	compare(t, pool, one, live["v2"])
	one.Version, one.Test = "", true
	compare(t, pool, one, live["test"])
	both := &witness{endings: endings(hotline), length: told(texts), calls: slices.Concat(live["v1"].calls, live["v2"].calls)}
	total := compare(t, pool, window, both)

	// A window has its calls to their ends, however long after its own; one that begins with its end is in the next.
	sorted := slices.SortedFunc(slices.Values(both.calls), func(a, b witnessed) int { return a.at.Compare(b.at) })
	last := len(sorted) * 3 / 4
	for n, to := range map[int]time.Time{last: sorted[last].at, last + 1: sorted[last].at.Add(time.Microsecond)} {
		window.To = to
		compare(t, pool, window, &witness{endings: both.endings, length: both.length, calls: sorted[:n]})
	}

	// Random calls in which one of the figures is 0 would prove nothing of it.
	for what, n := range map[string]int64{"valid": total.First.Valid, "no input at first": total.First.NoInput, "no match at first": total.First.NoMatch,
		"hung up at first": total.First.HungUp, "no input": total.Failed.NoInput, "no match": total.Failed.NoMatch, "hung up": total.Failed.HungUp,
		"replays": total.Replays, "heard": total.Heard} {
		if n < 20 {
			t.Errorf("only %d %s", n, what)
		}
	}
}

// compare holds a window to what its witness says; it gives the sums of some figures.
func compare(t *testing.T, pool *pgxpool.Pool, window hearing.Window, by *witness) (total hearing.Prompt) {
	t.Helper()
	report, err := hearing.Read(t.Context(), pool, window)
	if err != nil {
		t.Fatal(err)
	}
	if report.Calls != int64(len(by.calls)) {
		t.Errorf("%d calls, there were %d", report.Calls, len(by.calls))
	}
	counted, longest := by.count(), by.longest()
	cost := int64(1 << 40)
	for _, p := range report.Prompts {
		n := name{p.Language, p.ID}
		want, there := counted[n]
		if !there {
			t.Errorf("nobody heard %v", n)
			continue
		}
		delete(counted, n)
		figures := want.figures(n)
		// That of the later version, which is longer.
		if ms, known := by.full(n, began.Add(day), longest); known {
			figures.Length = &ms
		}
		if by.length(n.lang, began, prompts.Prompt(n.id)) > 0 {
			figures.Text, figures.Texts = later+n.id, 2
		}
		got, expected := text(t, p), text(t, figures)
		if got != expected {
			t.Errorf("%v (version %q, test %v)\n got %s\nwant %s", n, window.Version, window.Test, got, expected)
		}
		if p.Failed.All() > cost {
			t.Errorf("%v costs more than the one before it", n)
		}
		cost = p.Failed.All()
		total.Heard, total.Replays = total.Heard+p.Heard, total.Replays+p.Replays
		add(&total.First, p.First)
		add(&total.Failed, p.Failed)
	}
	if len(counted) > 0 {
		t.Errorf("not in the report: %v", slices.Collect(maps.Keys(counted)))
	}
	return total
}

// text writes figures so that they can be compared and read.
func text(t *testing.T, p hearing.Prompt) string {
	t.Helper()
	if len(p.GaveUp) == 0 {
		p.GaveUp = nil
	}
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
