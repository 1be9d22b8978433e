package journal

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// smallDisk gives a folder on a disk of its own of so many bytes.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size)
	if errors.Is(err, unix.EPERM) {
		t.Skip("only root may mount a small disk; TestAFullDiskLeavesNoHalfBatch does without")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Errorf("the small disk stays mounted: %v", err)
		}
	})
	return dir
}

// TestAFullDisk: calls go on, each step is either in Postgres or counted as dropped, and
// when there is room again all is as before, the sweeper's view included.
func TestAFullDisk(t *testing.T) {
	pool := newPool(t)
	o := testOptions(t, pool)
	o.Dir = smallDisk(t, "64k")
	o.segmentBytes = 4000
	j := openJournal(t, o)
	filler := filepath.Join(o.Dir, "filler")
	said, dropped := 0, 0
	talk := func(calls int) {
		for range calls {
			c := j.Begin(testHead(time.Now()))
			said++
			for _, what := range queryCall() {
				record1(c, time.Now(), what)
				said++
			}
			n := c.records
			if err := c.Flush(); errors.Is(err, unix.ENOSPC) {
				dropped += n
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
	talk(3)
	settle(t, j)
	// All that is left goes to something else: even the checkpoint has no room.
	if err := os.WriteFile(filler, make([]byte, 1<<20), 0o600); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("the disk does not get full: %v", err)
	}
	talk(20)
	if dropped == 0 {
		t.Fatal("nothing was dropped on a full disk")
	}
	settle(t, j)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	atMost := dropped
	talk(5)
	settle(t, j)
	if dropped != atMost {
		t.Error("steps are dropped although there is room again")
	}
	if got := counted(t, j.metrics.dropped); got != float64(dropped) {
		t.Errorf("%v steps are counted as dropped, %d were", got, dropped)
	}
	if got := one[int](t, pool, "select count(*) from ivr.steps"); got != said-dropped {
		t.Errorf("%d steps arrived, want %d of %d", got, said-dropped, said)
	}
	if !j.caughtUp(t.Context()) {
		t.Error("the sweeper waits for steps that will never come")
	}
	if err := j.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
