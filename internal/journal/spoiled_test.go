package journal

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// spoilt is one way in which a disk, or a person, spoils a spool of several segments.
type spoilt struct {
	name string
	// do spoils the segment at a place within it.
	do func(t *testing.T, segment string, at int)
	// loses tells that steps may be lost; else all of them arrive.
	loses bool
	// aside: what is lost is then counted as one damaged segment.
	aside bool
}

// waysToSpoil are tried at many places each.
var waysToSpoil = []spoilt{
	{"a flipped bit", inPlace(func(b []byte, at int) []byte { b[at] ^= 1 << (at % 8); return b }), true, true},
	{"a lost block", inPlace(func(b []byte, at int) []byte { clear(b[at:min(len(b), at+512)]); return b }), true, true},
	{"cut short", inPlace(func(b []byte, at int) []byte { return b[:at] }), true, false},
	{"a hole cut out", inPlace(func(b []byte, at int) []byte { return slices.Delete(b, at, min(len(b), at+97)) }), true, true},
	{"rubbish at the end", inPlace(func(b []byte, at int) []byte { return append(b, bytes.Repeat([]byte{byte(at)}, 300)...) }), false, true},
	{"a copy under a later number", func(t *testing.T, segment string, at int) {
		data, err := os.ReadFile(segment)
		if err == nil {
			err = os.WriteFile(filepath.Join(filepath.Dir(segment), fmt.Sprintf("%020d", 1000+at)+segmentSuffix), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}, false, false},
	{"twice in one file", inPlace(func(b []byte, _ int) []byte { return append(b, b...) }), false, false},
	{"a folder in its place", func(t *testing.T, segment string, _ int) {
		if err := os.Remove(segment); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(segment, 0o700); err != nil {
			t.Fatal(err)
		}
	}, true, true},
}

// inPlace spoils the file itself, but not its last record: one that seems to go on behind the
// end of the file is what a killed process leaves, and nobody can tell the two apart.
func inPlace(change func(b []byte, at int) []byte) func(*testing.T, string, int) {
	return func(t *testing.T, segment string, at int) {
		edit(t, segment, func(b []byte) []byte { return change(b, at%(len(b)*3/4)) })
	}
}

// TestASpoiledSpool: whatever happens to a segment, all others arrive whole, nothing arrives
// twice or changed, what is lost is counted and kept, and the journal goes on.
func TestASpoiledSpool(t *testing.T) {
	pool := newPool(t)
	random := rand.New(rand.NewPCG(4, 2))
	for _, way := range waysToSpoil {
		t.Run(way.name, func(t *testing.T) {
			for range 6 {
				spoilOnce(t, pool, way, random.IntN(1<<20))
			}
		})
	}
}

func spoilOnce(t *testing.T, pool *pgxpool.Pool, way spoilt, at int) {
	o := testOptions(t, pool)
	o.segmentBytes = 4000
	written, segments := leaveCalls(t, o, 18)
	if len(segments) < 4 {
		t.Fatalf("%d segments", len(segments))
	}
	hit := 1 + at%(len(segments)-2) // one in the middle
	way.do(t, segments[hit], at)

	o.Registerer = prometheus.NewRegistry()
	j := openJournal(t, o)
	id := say(t, j, testHead(time.Now()), queryCall())
	settle(t, j)
	if got := counted(t, j.metrics.damaged); (got > 0) != way.aside || got > 1 {
		t.Errorf("at %d: %v segments counted as damaged", at, got)
	}
	if n := one[int](t, pool, `select count(*) from ivr.steps where call_id = $1`, id); n != stepsPerCall() {
		t.Errorf("at %d: of a call after it %d steps arrived", at, n)
	}
	lost := compare(t, pool, written, segments[hit])
	if lost > 0 && !way.loses {
		t.Errorf("at %d: %d steps are lost", at, lost)
	}
	if _, err := os.Stat(segments[hit] + asideSuffix); (err == nil) != way.aside {
		t.Errorf("at %d: the segment that was set aside: %v", at, err)
	}
	if err := j.Close(t.Context()); err != nil {
		t.Errorf("at %d: %v", at, err)
	}
}

// leaveCalls fills a spool that nobody delivers, and gives what is in each of its segments.
func leaveCalls(t *testing.T, o Options, calls int) (written map[string][]stored, segments []string) {
	t.Helper()
	o.Registerer = prometheus.NewRegistry()
	o.fault = func(point) error { return errStopped }
	j := openJournal(t, o)
	for range calls {
		say(t, j, testHead(time.Now()), queryCall())
	}
	<-j.done
	_ = j.Close(t.Context()) // which says that all of it is left
	segments, err := filepath.Glob(filepath.Join(o.Dir, "*"+segmentSuffix))
	if err != nil {
		t.Fatal(err)
	}
	written = map[string][]stored{}
	for _, s := range segments {
		data, err := os.ReadFile(s)
		if err != nil {
			t.Fatal(err)
		}
		for len(data) > 0 {
			r, n, ok := readRecord(data)
			if !ok || n == 0 {
				t.Fatal("what was written cannot be read")
			}
			written[s] = append(written[s], stored{uuid.UUID(r.call), int(r.seq), time.UnixMicro(r.at).UTC(), kindNames[r.kind], string(r.node)})
			data = data[n:]
		}
	}
	return written, segments
}

// stored is one step.
type stored struct {
	Call uuid.UUID
	Seq  int
	At   time.Time
	Kind string
	Node string
}

// compare holds Postgres against what was written, and gives how many steps of the spoiled
// segment are lost.
func compare(t *testing.T, pool *pgxpool.Pool, written map[string][]stored, spoiled string) (lost int) {
	t.Helper()
	calls := map[uuid.UUID]bool{}
	for _, steps := range written {
		for _, s := range steps {
			calls[s.Call] = true
		}
	}
	var ids []uuid.UUID
	for id := range calls {
		ids = append(ids, id)
	}
	rows, _ := pool.Query(t.Context(), "select call_id, seq, at at time zone 'UTC', kind, node from ivr.steps where call_id = any($1)", ids)
	got, err := pgx.CollectRows(rows, pgx.RowToStructByPos[stored])
	if err != nil {
		t.Fatal(err)
	}
	arrived := map[stored]int{}
	for _, s := range got {
		arrived[s]++
	}
	for segment, steps := range written {
		for _, s := range steps {
			switch n := arrived[s]; {
			case n == 0 && segment == spoiled:
				lost++
			case n != 1:
				t.Errorf("step %+v of %s arrived %d times", s, filepath.Base(segment), n)
			}
			delete(arrived, s)
		}
	}
	for s := range arrived {
		t.Errorf("step %+v was never written", s)
	}
	return lost
}

// TestASegmentGoesWhileItIsRead: somebody cuts or removes it under the running server.
func TestASegmentGoesWhileItIsRead(t *testing.T) {
	pool := newPool(t)
	for name, spoil := range map[string]func(string) error{
		"removed": os.Remove,
		"emptied": func(path string) error { return os.Truncate(path, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			o := testOptions(t, pool)
			o.segmentBytes = 4000
			leaveCalls(t, o, 18)
			o.Registerer = prometheus.NewRegistry()
			held := make(chan struct{})
			o.fault = func(p point) error {
				if p == beforeCopy {
					<-held // the first segment is open; the second not yet
				}
				return nil
			}
			j := openJournal(t, o)
			if err := spoil(j.spool.path(3)); err != nil {
				t.Fatal(err)
			}
			close(held)
			settle(t, j)
			if got := counted(t, j.metrics.damaged); got != 1 {
				t.Errorf("%v segments counted as damaged", got)
			}
		})
	}
}
