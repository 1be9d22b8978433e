package journal

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// longAgo makes a key file one that every server has read again.
func longAgo(t *testing.T, file string) {
	t.Helper()
	at := time.Now().Add(-2 * reloaded)
	if err := os.Chtimes(file, at, at); err != nil {
		t.Fatal(err)
	}
}

// TestRetireKey: a key goes only when nothing is encrypted with it any more, anywhere; and then
// every number is still opened, and found, by the keys that are left.
func TestRetireKey(t *testing.T) {
	pool, file, spool := newPool(t), keyFile(t, "# of the hotline\n"+firstKey), t.TempDir()
	add := func() {
		t.Helper()
		if _, err := AddKey(file); err != nil {
			t.Fatal(err)
		}
		longAgo(t, file)
	}
	add()
	add()
	byOne := readSealer(t, file) // as it was before key 2 came
	r := *byOne.ring.Load()
	r.newest = 1
	byOne.ring.Store(&r)
	storeNumbers(t, pool, byOne, 3)
	if _, err := Reseal(t.Context(), pool, byOne, 10, nil); err != nil {
		t.Fatal(err)
	}
	refused := func(id int, why string) {
		t.Helper()
		err := RetireKey(t.Context(), pool, file, spool, id)
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("key %d: %v, not %q", id, err, why)
		}
		if len(readSealer(t, file).ring.Load().keys) != 3 {
			t.Fatalf("key %d was taken out", id)
		}
	}
	refused(0, "first line, which stays")
	refused(2, "the newest")
	refused(3, "no such key")
	refused(257, "no such key") // not the one of its low byte
	refused(1, "3 numbers of ivr.calls")
	if _, err := Reseal(t.Context(), pool, readSealer(t, file), 10, nil); err != nil {
		t.Fatal(err)
	}

	number, sealed := number13800(9), []byte(`{"kind":"call_started"`)
	sealed = append(hexText(sealed, "enc", byOne.Seal(number).Enc), '}')
	for _, name := range []string{"00000000000000000002.seg.damaged", "rejected", "00000000000000000007.seg"} {
		at := filepath.Join(spool, name)
		if err := os.WriteFile(at, sealed, 0o600); err != nil {
			t.Fatal(err)
		}
		refused(1, name)
		if strings.HasSuffix(name, segmentSuffix) {
			break
		}
		if err := os.Remove(at); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeCheckpoint(spool, position{7, int64(len(sealed))}); err != nil { // the segment is delivered
		t.Fatal(err)
	}
	if err := os.Chtimes(file, time.Now(), time.Now()); err != nil {
		t.Fatal(err)
	}
	refused(1, "less than a minute ago")
	longAgo(t, file)
	if err := RetireKey(t.Context(), pool, file, spool, 1); err != nil {
		t.Fatal(err)
	}
	left := readSealer(t, file)
	for _, c := range sealedColumns {
		opened(t, pool, left, c)
	}
	if _, err := left.Open(byOne.Seal(number).Enc); err == nil || left.Newest() != 2 {
		t.Errorf("key 1 still opens, or %d encrypts", left.Newest())
	}
	if id, err := AddKey(file); err != nil || id != 3 {
		t.Errorf("an id comes again: %d, %v", id, err)
	}
	if changed, err := byOne.Reload(); err != nil || !changed {
		t.Errorf("a server that runs: %v, %v", changed, err)
	}
}

// TestRetireKeyWithoutPostgres: what cannot be asked is not taken for unused.
func TestRetireKeyWithoutPostgres(t *testing.T) {
	pool, file := newPool(t), keyFile(t, firstKey)
	for range 2 {
		if _, err := AddKey(file); err != nil {
			t.Fatal(err)
		}
	}
	longAgo(t, file)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := RetireKey(ctx, pool, file, "", 1); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if after, err := os.ReadFile(file); err != nil || string(after) != string(before) {
		t.Error("the file was changed")
	}
}
