package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// The spool is a folder of segments, 00000000000000000001.seg and on, to which
// calls append and from which the one writer reads: the only way from a call to
// Postgres, so that nothing is recorded in memory that a crash could lose.

const (
	segmentSuffix = ".seg"
	asideSuffix   = ".damaged" // behind segmentSuffix
)

// errSpoolFull is why steps are dropped when Postgres has been away for too long.
var errSpoolFull = errors.New("the spool is full")

type spool struct {
	dir     string
	most    int64 // bytes after which a new segment begins
	bound   int64 // bytes of all segments together
	lock    *os.File
	wake    chan struct{} // cap 1: something was appended
	metrics *metrics

	mu       sync.Mutex
	file     *os.File            // the active segment
	number   uint64              // of the active segment
	torn     bool                // half a batch is behind its end, and cannot be cut off
	segments map[uint64]*segment // all that have not been removed
	total    int64               // bytes of them
	written  int64               // records appended since the start
	closed   bool
}

// segment is what is known of one: what lies behind its end belongs to nobody.
type segment struct {
	bytes   int64 // to its end
	records int64 // those waiting at the start included
}

// openSpool takes the folder for this process alone and begins a new segment;
// leftover gives the numbers of the older ones, which nobody appends to any more.
func openSpool(dir string, most, bound int64, m *metrics) (s *spool, leftover []uint64, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("make the spool: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("open the spool's lock: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		return nil, nil, fmt.Errorf("lock the spool %s (is another server using it?): %w", dir, err)
	}
	s = &spool{dir: dir, most: most, bound: bound, lock: lock, wake: make(chan struct{}, 1), metrics: m, segments: map[uint64]*segment{}}
	leftover, err = s.scan()
	if err == nil {
		err = s.rotate()
	}
	if err != nil {
		lock.Close()
		return nil, nil, err
	}
	return s, leftover, nil
}

func (s *spool) scan() (numbers []uint64, err error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("list the spool: %w", err)
	}
	for _, e := range entries {
		// One that was set aside keeps its number: another of the same name would replace it.
		name, aside := strings.CutSuffix(e.Name(), asideSuffix)
		name, isSegment := strings.CutSuffix(name, segmentSuffix)
		n, err := strconv.ParseUint(name, 10, 64)
		if !isSegment || err != nil {
			continue
		}
		s.number = max(s.number, n)
		if aside {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, fmt.Errorf("look at a segment of the spool: %w", err)
		}
		s.segments[n] = &segment{bytes: info.Size()}
		s.total += info.Size()
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	// Records of a new one with a number that was delivered would be taken for that.
	if at, err := readCheckpoint(s.dir); err == nil {
		s.number = max(s.number, at.segment)
	}
	return numbers, nil
}

func (s *spool) path(number uint64) string {
	return filepath.Join(s.dir, fmt.Sprintf("%020d", number)+segmentSuffix)
}

// rotate begins the next segment. Call it with mu held, or before anybody else has s.
func (s *spool) rotate() error {
	f, err := os.OpenFile(s.path(s.number+1), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("begin a segment of the spool: %w", err)
	}
	if s.file != nil {
		s.file.Close()
	}
	s.file, s.number, s.torn = f, s.number+1, false
	s.segments[s.number] = &segment{}
	return nil
}

// append writes a batch of records, whole or not at all, and never waits for
// anything but the file system. Records that could not be written are counted.
func (s *spool) append(batch []byte, records int) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		if err != nil {
			s.metrics.dropped.Add(float64(records))
		}
	}()
	switch {
	case s.closed:
		return os.ErrClosed
	case s.total+int64(len(batch)) > s.bound:
		return errSpoolFull
	}
	if s.torn || s.segments[s.number].bytes >= s.most {
		if err := s.rotate(); err != nil {
			return err
		}
	}
	active := s.segments[s.number]
	n, err := s.file.Write(batch)
	if err != nil {
		// What came before a full disk is half a batch: away with it. Where that fails the
		// next batch goes elsewhere, and nobody reads beyond the end.
		if n > 0 {
			cut := s.file.Truncate(active.bytes)
			s.torn = cut != nil
			err = errors.Join(err, cut)
		}
		return err
	}
	active.bytes += int64(n)
	active.records += int64(records)
	s.total += int64(n)
	s.written += int64(records)
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return nil
}

// extent gives where a segment ends for now: everything before it is whole, unless it was
// damaged since. active says that more may come.
func (s *spool) extent(number uint64) (seg segment, active bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.segments[number]; known != nil {
		seg = *known
	}
	return seg, number == s.number
}

func (s *spool) counts() (written, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.written, s.total
}

// setAside takes the segment out of the spool under another name, for people to
// look at, and gives how many records it had. The active one is finished first. One that
// somebody has taken away is only forgotten.
func (s *spool) setAside(number uint64) (records int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if number == s.number {
		if err := s.rotate(); err != nil {
			return 0, err
		}
	}
	err = os.Rename(s.path(number), s.path(number)+asideSuffix)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("set a damaged segment aside: %w", err)
	}
	return s.forget(number), nil
}

// remove deletes a segment that has been delivered.
func (s *spool) remove(number uint64) error {
	if err := os.Remove(s.path(number)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove a delivered segment: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(number)
	return nil
}

// forget takes a segment that has gone out of the books. Call it with mu held.
func (s *spool) forget(number uint64) (records int64) {
	if gone := s.segments[number]; gone != nil {
		s.total -= gone.bytes
		records = gone.records
		delete(s.segments, number)
	}
	return records
}

// stop refuses further records; release lets another process have the folder.
func (s *spool) stop() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
}

func (s *spool) release() error {
	return errors.Join(s.file.Close(), s.lock.Close())
}

// position is a place in the spool.
type position struct {
	segment uint64
	offset  int64
}

func checkpointFile(dir string) string { return filepath.Join(dir, "checkpoint") }

// readCheckpoint gives how far the spool has been delivered; delivering again is
// harmless, so a checkpoint that is missing or unreadable is the zero position.
func readCheckpoint(dir string) (p position, err error) {
	data, err := os.ReadFile(checkpointFile(dir))
	if err != nil {
		return p, err
	}
	if _, err := fmt.Sscanf(string(data), "%d %d\n", &p.segment, &p.offset); err != nil {
		return position{}, fmt.Errorf("read the spool's checkpoint: %w", err)
	}
	return p, nil
}

// writeCheckpoint replaces the checkpoint in one step. It is not synced: after a
// power failure an older one only makes the writer deliver more again.
func writeCheckpoint(dir string, p position) error {
	next := checkpointFile(dir) + ".next"
	if err := os.WriteFile(next, fmt.Appendf(nil, "%d %d\n", p.segment, p.offset), 0o600); err != nil {
		return fmt.Errorf("write the spool's checkpoint: %w", err)
	}
	if err := os.Rename(next, checkpointFile(dir)); err != nil {
		return fmt.Errorf("write the spool's checkpoint: %w", err)
	}
	return nil
}
