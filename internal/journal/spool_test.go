package journal

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"hotline/internal/menu"
	"hotline/internal/orders"
	"hotline/internal/prompts"
)

// leave fills a spool and ends as a killed process would: nothing is delivered.
func leave(t *testing.T, o Options, calls int) (segments []string) {
	t.Helper()
	o.fault = func(point) error { return errStopped }
	o.Registerer = prometheus.NewRegistry()
	j := openJournal(t, o)
	for range calls {
		say(t, j, testHead(time.Now()), queryCall())
	}
	<-j.done
	_ = j.Close(t.Context())
	segments, err := filepath.Glob(filepath.Join(o.Dir, "*"+segmentSuffix))
	if err != nil || len(segments) == 0 {
		t.Fatal("no segments", err)
	}
	return segments
}

// edit changes a file in place: a writer that reads it meanwhile never finds it empty.
func edit(t *testing.T, file string, change func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	data = change(data)
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt(data, 0)
	if err := errors.Join(err, f.Truncate(int64(len(data))), f.Close()); err != nil {
		t.Fatal(err)
	}
}

func stepsPerCall() int { return len(queryCall()) + 1 }

func TestATornEndIsCut(t *testing.T) {
	pool := newPool(t)
	o := testOptions(t, pool)
	edit(t, leave(t, o, 3)[0], func(b []byte) []byte { return b[:len(b)-7] })
	j := openJournal(t, o)
	settle(t, j)
	if n, want := one[int](t, pool, `select count(*) from ivr.steps`), 3*stepsPerCall()-1; n != want {
		t.Errorf("%d steps, want %d", n, want)
	}
	say(t, j, testHead(time.Now()), queryCall())
	settle(t, j)
	if got := counted(t, j.metrics.damaged); got != 0 {
		t.Errorf("a torn end was counted as %v damaged segments", got)
	}
}

// After a power failure the checkpoint may be ahead of its segment, or unreadable.
func TestACheckpointThatDoesNotFit(t *testing.T) {
	for text, want := range map[string]int{"1 999999\n": 0, "nonsense": 2 * stepsPerCall(), "": 2 * stepsPerCall(), "0 0\n": 2 * stepsPerCall()} {
		pool := newPool(t)
		o := testOptions(t, pool)
		leave(t, o, 2)
		if err := os.WriteFile(checkpointFile(o.Dir), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		j := openJournal(t, o)
		say(t, j, testHead(time.Now()), queryCall())
		settle(t, j)
		if n := one[int](t, pool, `select count(*) from ivr.steps`); n != want+stepsPerCall() {
			t.Errorf("with the checkpoint %q %d steps arrive, want %d", text, n, want+stepsPerCall())
		}
	}
}

func TestADamagedSegmentIsSetAside(t *testing.T) {
	damages := map[string]func(b []byte) []byte{
		"a flipped bit":    func(b []byte) []byte { b[len(b)/2] ^= 4; return b },
		"a length too big": func(b []byte) []byte { b[2] = 0xff; return b },
		// Points behind the end, as a torn record's does, but whole records follow.
		"a length behind the end": func(b []byte) []byte { b[1] = 0x7f; return b },
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			pool := newPool(t)
			o := testOptions(t, pool)
			segment := leave(t, o, 4)[0]
			edit(t, segment, damage)
			j := openJournal(t, o)
			say(t, j, testHead(time.Now()), queryCall())
			settle(t, j)
			if n := one[int](t, pool, `select count(*) from ivr.steps`); n < stepsPerCall() || n >= 5*stepsPerCall() {
				t.Errorf("%d steps arrived: want what came before the damage, and what came in other segments", n)
			}
			if got := counted(t, j.metrics.damaged); got != 1 {
				t.Errorf("%v segments counted as damaged", got)
			}
			if _, err := os.Stat(segment + ".damaged"); err != nil {
				t.Error(err)
			}
			if err := j.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// Damage in the segment that calls are writing to: the next one is begun.
func TestDamageInTheActiveSegment(t *testing.T) {
	pool := newPool(t)
	o := testOptions(t, pool)
	var damaged, again atomic.Bool
	o.fault = func(point) error {
		// What the writer has read before the damage, it has to read again.
		if !damaged.Load() || again.CompareAndSwap(false, true) {
			return errors.New("not yet")
		}
		return nil
	}
	j := openJournal(t, o)
	say(t, j, testHead(time.Now()), queryCall())
	edit(t, j.spool.path(j.spool.number), func(b []byte) []byte { b[len(b)/2] ^= 4; return b })
	damaged.Store(true)
	if err := j.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if got := counted(t, j.metrics.damaged); got != 1 {
		t.Errorf("%v segments counted as damaged", got)
	}
	if n := one[int](t, pool, `select count(*) from ivr.steps`); n == 0 || n >= stepsPerCall() {
		t.Errorf("%d steps arrived", n)
	}
}

func TestAFullSpoolDropsAndCounts(t *testing.T) {
	pool := newPool(t)
	o := testOptions(t, pool)
	o.SpoolBytes = 5000
	o.fault = func(point) error { return errors.New("Postgres is away") }
	j := openJournal(t, o)
	lost := 0
	for range 10 {
		c := j.Begin(testHead(time.Now()))
		for _, what := range queryCall() {
			record1(c, time.Now(), what)
		}
		if err := c.Flush(); errors.Is(err, errSpoolFull) {
			lost += stepsPerCall()
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if got := counted(t, j.metrics.dropped); lost == 0 || got != float64(lost) {
		t.Errorf("%v steps counted as dropped, %d were", got, lost)
	}
	if _, size := j.spool.counts(); size > o.SpoolBytes {
		t.Errorf("the spool has %d bytes", size)
	}
	_ = j.Close(expired(t))
}

// A disk that fills up in the middle of a batch leaves no half of it: the kernel
// takes what fits of a write beyond RLIMIT_FSIZE and then refuses, as a full disk does.
func TestAFullDiskLeavesNoHalfBatch(t *testing.T) {
	if dir := os.Getenv("JOURNAL_TEST_FULL"); dir != "" {
		fillUp(t, dir)
		return
	}
	dir := t.TempDir()
	cmd := exec.Command("/bin/sh", "-c", `ulimit -f 8; exec "$0" -test.run=TestAFullDiskLeavesNoHalfBatch$`, os.Args[0])
	cmd.Env = append(os.Environ(), "JOURNAL_TEST_FULL="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func fillUp(t *testing.T, dir string) {
	s, _, err := openSpool(dir, 1<<20, 1<<30, newMetrics())
	if err != nil {
		t.Fatal(err)
	}
	batch := bytes.Repeat([]byte{7}, 1000)
	refused := 0
	for range 20 {
		if s.append(batch, 3) != nil {
			refused++
		}
	}
	info, err := os.Stat(s.path(1))
	if err != nil {
		t.Fatal(err)
	}
	if refused == 0 || info.Size()%1000 != 0 || info.Size() != s.segments[1].bytes {
		t.Errorf("%d batches refused, the segment has %d bytes, the spool thinks %d", refused, info.Size(), s.segments[1].bytes)
	}
	if got := counted(t, s.metrics.dropped); got != float64(3*refused) {
		t.Errorf("%v steps counted as dropped, %d were", got, 3*refused)
	}
}

func TestSegmentsAreRemovedAndTheSpoolIsLocked(t *testing.T) {
	pool := newPool(t)
	o := testOptions(t, pool)
	o.segmentBytes = 4000
	j := openJournal(t, o)
	for range 20 {
		say(t, j, testHead(time.Now()), queryCall())
	}
	settle(t, j)
	if _, size := j.spool.counts(); size > o.segmentBytes+4000 {
		t.Errorf("%d bytes stay although all is delivered", size)
	}
	second := o
	second.Registerer = prometheus.NewRegistry()
	if other, err := Open(t.Context(), second); err == nil || !strings.Contains(err.Error(), "another server") {
		t.Errorf("a second process has the spool: %v, %v", other, err)
	}
	if err := j.Close(t.Context()); err != nil {
		t.Error(err)
	}
	o.Registerer = prometheus.NewRegistry()
	settle(t, openJournal(t, o))
	if n := one[int](t, pool, `select count(*) from ivr.steps`); n != 20*stepsPerCall() {
		t.Errorf("%d steps", n)
	}
}

// What has been flushed survives SIGKILL.
func TestKilledProcessLosesNoFlushedStep(t *testing.T) {
	if dir := os.Getenv("JOURNAL_TEST_KILL"); dir != "" {
		writeUntilKilled(t, dir)
		return
	}
	pool := newPool(t)
	o := testOptions(t, pool)
	cmd := exec.Command(os.Args[0], "-test.run=TestKilledProcessLosesNoFlushedStep$")
	cmd.Env = append(os.Environ(), "JOURNAL_TEST_KILL="+o.Dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	flushed := readLines(out, 200)
	_ = cmd.Process.Kill()
	flushed += readLines(out, 1<<30) // said before the kill
	_ = cmd.Wait()
	settle(t, openJournal(t, o))
	n := one[int](t, pool, `select count(*) from ivr.calls where end_reason = 'hung_up'`)
	if flushed < 200 || n < flushed || n > flushed+1 {
		t.Errorf("%d calls arrived, %d had been flushed", n, flushed)
	}
}

func writeUntilKilled(t *testing.T, dir string) {
	// A database that nobody listens for: all stays in the spool.
	pool, err := pgxpool.New(t.Context(), "postgres://nobody@127.0.0.1:1/none")
	if err != nil {
		t.Fatal(err)
	}
	o := testOptions(t, pool)
	o.Dir = dir
	j := openJournal(t, o)
	for {
		say(t, j, testHead(time.Now()), queryCall())
		os.Stdout.WriteString("flushed\n")
	}
}

// readLines counts lines that say "flushed", up to n.
func readLines(r interface{ Read([]byte) (int, error) }, n int) (count int) {
	one := make([]byte, 8)
	for count < n {
		got := 0
		for got < len(one) {
			m, err := r.Read(one[got:])
			got += m
			if err != nil {
				return count
			}
		}
		count++
	}
	return count
}

// Neither a caller's number nor a secret digit is anywhere in clear.
func TestNoNumberAndNoSecretIsStored(t *testing.T) {
	const secret = "73519"
	pool := newPool(t)
	o := testOptions(t, pool)
	h := testHead(time.Now())
	raw := h.Caller.Reveal()
	o.fault = func(point) error { return errors.New("not yet") }
	j := openJournal(t, o)
	c := j.Begin(h)
	for i := range secret {
		c.Event(h.At, menu.Pressed{Key: secret[i]}, true)
	}
	spoken, err := strconv.ParseInt(raw, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	c.Effect(h.At, menu.Play{ID: 1, Node: "n", Refs: []prompts.Ref{{Read: prompts.Digits, N: spoken}, {Read: prompts.Digits, N: 3011},
		{Read: prompts.Phone, N: spoken, Zeros: 1}, {Read: prompts.Phone, N: spoken, In: "en", As: h.Caller.String()}, {Read: prompts.Phone, N: 10086},
		{Read: prompts.Digits, N: 571, Zeros: 1}, {Read: prompts.Digits, N: 12345, Zeros: 2}, {Read: prompts.Time, N: 905}}})
	c.Event(h.At, menu.Answered{ID: 2, Answer: orders.Answer{BossRef: "CRM-" + raw + "-1\x00\xff"}}, false)
	c.Effect(h.At, menu.AppOpened{App: 1, Kind: orders.KindQuery, Node: "n"})
	c.Effect(h.At, menu.AppClosed{App: 1, Result: orders.Result{Outcome: orders.Cancelled}, At: menu.Position{Prompt: "digits(" + raw + ")"}})
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	search := func(where string, data []byte) {
		if bytes.Contains(data, []byte(raw)) || bytes.Contains(data, []byte(raw[3:])) {
			t.Errorf("the number is in %s", where)
		}
		for i := range secret {
			if bytes.Contains(data, []byte(`"key":"`+secret[i:i+1]+`"`)) {
				t.Errorf("a secret digit is in %s", where)
			}
		}
	}
	files, err := filepath.Glob(filepath.Join(o.Dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		search(f, data)
	}
	_ = j.Close(expired(t))
	o.fault, o.Registerer = nil, prometheus.NewRegistry()
	settle(t, openJournal(t, o))
	if _, err := commitOrder(t.Context(), pool, uuid.New(), 1, uuid.New(), h.Caller); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"calls", "steps", "applications", "orders", "unserved"} {
		search(table, []byte(one[string](t, pool, `select coalesce(json_agg(x), '[]')::text from ivr.`+table+` x`)))
	}
	refs := one[string](t, pool, `select detail ->> 'refs' from ivr.steps where kind = 'play'`)
	if want := `["digits(****00)", "digits(3011)", "phone(****00)", "en:phone(****00)", "phone(10086)", "digits(0571)", "digits(****45)", "time(0905)"]`; refs != want {
		t.Errorf("what was read aloud is stored as %s, want %s", refs, want)
	}
}

func TestSealing(t *testing.T) {
	a, b := testSealer.Seal(number13800(1)), testSealer.Seal(number13800(1))
	if !bytes.Equal(a.Hash, b.Hash) || bytes.Equal(a.Enc, b.Enc) || a.Masked != "138****0001" {
		t.Errorf("one number sealed twice: %v, %v", a, b)
	}
	if c := testSealer.Seal(number13800(2)); bytes.Equal(a.Hash, c.Hash) {
		t.Error("two numbers have one hash")
	}
	if other := NewSealer([32]byte{9}); slices.Equal(other.Seal(number13800(1)).Hash, a.Hash) {
		t.Error("the hash does not depend on the key")
	} else if _, err := other.Open(a.Enc); err == nil {
		t.Error("another key opens the number")
	}
	if unknown := testSealer.Seal(orders.MSISDN{}); unknown.Masked != "unknown" || unknown.Hash != nil || unknown.Enc != nil {
		t.Errorf("an unknown number is sealed as %v", unknown)
	}
	file := filepath.Join(t.TempDir(), "key")
	for text, want := range map[string]bool{
		strings.Repeat("0f", 32) + "\n": true, strings.Repeat("0f", 31): false, "secret": false, "": false,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := ReadSealer(file)
		if (err == nil) != want {
			t.Errorf("key file %q: %v", text, err)
		}
		if err != nil && text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("the error shows the key: %v", err)
		}
	}
}
