package journal

import (
	"errors"
	"fmt"
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

const segmentSuffix = ".seg"

// errSpoolFull is why steps are dropped when Postgres has been away for too long.
var errSpoolFull = errors.New("the spool is full")

type spool struct {
	dir     string
	segment int64 // bytes after which a new segment begins
	bound   int64 // bytes of all segments together
	lock    *os.File
	wake    chan struct{} // cap 1: something was appended
	metrics *metrics

	mu      sync.Mutex
	file    *os.File         // the active segment
	number  uint64           // of the active segment
	length  int64            // of the active segment
	total   int64            // of all segments that have not been removed
	written int64            // records appended since the start
	records map[uint64]int64 // by segment, those waiting at the start included
	closed  bool
}

// openSpool takes the folder for this process alone and begins a new segment;
// leftover gives the numbers of the older ones, which nobody appends to any more.
func openSpool(dir string, segment, bound int64, m *metrics) (s *spool, leftover []uint64, err error) {
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
	s = &spool{dir: dir, segment: segment, bound: bound, lock: lock, wake: make(chan struct{}, 1), metrics: m, records: map[uint64]int64{}}
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
		name, isSegment := strings.CutSuffix(e.Name(), segmentSuffix)
		n, err := strconv.ParseUint(name, 10, 64)
		if !isSegment || err != nil {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, fmt.Errorf("look at a segment of the spool: %w", err)
		}
		s.total += info.Size()
		s.number = max(s.number, n)
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	// A segment set aside keeps its number: records of a new one with the same
	// would be taken for delivered.
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
	s.file, s.number, s.length = f, s.number+1, 0
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
	if s.length >= s.segment {
		if err := s.rotate(); err != nil {
			return err
		}
	}
	n, err := s.file.Write(batch)
	if err != nil {
		// What came before a full disk is half a batch: away with it.
		if n > 0 {
			err = errors.Join(err, s.file.Truncate(s.length))
		}
		return err
	}
	s.length += int64(n)
	s.total += int64(n)
	s.written += int64(records)
	s.records[s.number] += int64(records)
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return nil
}

// end gives the active segment and its length: everything before it is whole.
func (s *spool) end() position {
	s.mu.Lock()
	defer s.mu.Unlock()
	return position{s.number, s.length}
}

func (s *spool) counts() (written, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.written, s.total
}

// setAside takes the segment out of the spool under another name, for people to
// look at, and gives how many records it had. The active one is finished first.
func (s *spool) setAside(number uint64, size int64) (records int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if number == s.number {
		size = s.length
		if err := s.rotate(); err != nil {
			return 0, err
		}
	}
	if err := os.Rename(s.path(number), s.path(number)+".damaged"); err != nil {
		return 0, fmt.Errorf("set a damaged segment aside: %w", err)
	}
	s.total -= size
	records = s.records[number]
	delete(s.records, number)
	return records, nil
}

// remove deletes a segment that has been delivered.
func (s *spool) remove(number uint64, size int64) error {
	if err := os.Remove(s.path(number)); err != nil {
		return fmt.Errorf("remove a delivered segment: %w", err)
	}
	s.mu.Lock()
	s.total -= size
	delete(s.records, number)
	s.mu.Unlock()
	return nil
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
