package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// record is one step as it lies in the spool; its slices are only good until the
// next read.
type record struct {
	call   []byte // 16 bytes
	seq    uint32
	at     int64 // µs since 1970
	kind   byte
	node   []byte
	detail []byte
}

// readRecord takes the first record off b. n is its length; 0 says that b ends
// before the record does, and ok false that it is none.
func readRecord(b []byte) (r record, n int, ok bool) {
	if len(b) < recordHead {
		return r, 0, true
	}
	size := int(binary.LittleEndian.Uint32(b))
	if size < bodyHead || size > maxBody {
		return r, 0, false
	}
	if len(b) < recordHead+size {
		return r, 0, true
	}
	b = b[:recordHead+size]
	if checksum(b) != binary.LittleEndian.Uint32(b[4:]) {
		return r, 0, false
	}
	body := b[recordHead:]
	r = record{
		call: body[:16],
		seq:  binary.LittleEndian.Uint32(body[16:]),
		at:   int64(binary.LittleEndian.Uint64(body[20:])),
		kind: body[28],
	}
	node := int(binary.LittleEndian.Uint16(body[29:]))
	if int(r.kind) >= len(kindNames) || bodyHead+node > len(body) {
		return r, 0, false
	}
	r.node, r.detail = body[bodyHead:bodyHead+node], body[bodyHead+node:]
	return r, len(b), true
}

const (
	maxBatchBytes   = 1 << 20
	maxBatchRecords = 4000
)

// tail reads the spool from a position on. It belongs to the writer's goroutine.
type tail struct {
	spool   *spool
	queue   []uint64 // segments that come after at's, as far as they are not numbered on
	at      position
	file    *os.File // at's segment
	buf     []byte
	records []record  // of the last read
	next    position  // behind them
	taken   int64     // records of at's segment that have been acknowledged
	noted   time.Time // when at was last written to the checkpoint
	unnoted error     // why it was not the last time; nil: it was
}

// noteEvery is how often the checkpoint is written: what is delivered once more
// after a crash costs less than a file renamed with every batch.
const noteEvery = time.Second

// newTail starts at the checkpoint, with what earlier runs have left. waiting is
// how many records that is.
func newTail(s *spool, leftover []uint64) (t *tail, waiting int64, err error) {
	t = &tail{spool: s, queue: append(leftover, s.number), buf: make([]byte, maxBatchBytes)}
	done, _ := readCheckpoint(s.dir) // without one, all is delivered again
	for t.queue[0] < done.segment {
		if err := s.remove(t.queue[0]); err != nil {
			return nil, 0, err
		}
		t.queue = t.queue[1:]
	}
	var offset int64
	for _, number := range t.queue {
		data, err := os.ReadFile(s.path(number))
		if err != nil && !unreadable(err) {
			return nil, 0, fmt.Errorf("count what is left in the spool: %w", err)
		}
		if number == done.segment {
			// A power failure may have left less of the file than was delivered.
			offset = min(done.offset, int64(len(data)))
			data = data[offset:]
		}
		count := countRecords(data)
		s.segments[number].records = count
		waiting += count
	}
	t.advance()
	t.at.offset = offset
	return t, waiting, nil
}

// unreadable tells whether it is the file that is to blame, and will be tomorrow: then what is
// behind it must not wait for it.
func unreadable(err error) bool {
	for _, lasting := range []error{fs.ErrNotExist, fs.ErrPermission, syscall.EIO, syscall.EISDIR, syscall.EUCLEAN} {
		if errors.Is(err, lasting) {
			return true
		}
	}
	return false
}

// countRecords is how many whole records b begins with.
func countRecords(b []byte) (count int64) {
	for {
		_, n, ok := readRecord(b)
		if !ok || n == 0 {
			return count
		}
		b = b[n:]
		count++
	}
}

// advance goes to the next segment: those of this run are numbered one by one.
func (t *tail) advance() {
	if t.file != nil {
		t.file.Close()
		t.file = nil
	}
	t.taken = 0
	if len(t.queue) == 0 {
		t.at = position{t.at.segment + 1, 0}
		return
	}
	t.at, t.queue = position{t.queue[0], 0}, t.queue[1:]
}

// read gives the next records: none where everything has been read. damage says
// that the segment cannot be read any further; what comes before has been given.
func (t *tail) read() (records []record, damage, err error) {
	for {
		t.records = t.records[:0]
		seg, active := t.spool.extent(t.at.segment)
		n, err := t.fill(seg.bytes)
		if err != nil && unreadable(err) {
			return nil, err, nil
		} else if err != nil {
			return nil, nil, err
		}
		whole := t.at.offset+int64(n) >= seg.bytes
		used, bad := t.parse(t.buf[:n])
		t.next = position{t.at.segment, t.at.offset + int64(used)}
		switch {
		case used > 0:
			return t.records, nil, nil
		case bad || whole && n > 0 && (active || resumes(t.buf[1:n])):
			return nil, fmt.Errorf("a record of segment %d at byte %d is damaged", t.at.segment, t.at.offset), nil
		case !whole && n < len(t.buf) || !active && t.taken != seg.records:
			return nil, fmt.Errorf("segment %d has been cut short at byte %d", t.at.segment, t.at.offset+int64(n)), nil
		case active:
			return nil, nil, nil // up to date
		}
		// What is left is the begin of a record whose process was killed.
		if err := t.finish(); err != nil {
			return nil, nil, err
		}
	}
}

// fill reads on in at's segment, up to end, and gives how many bytes of buf that are.
func (t *tail) fill(end int64) (n int, err error) {
	if t.file == nil {
		if t.file, err = os.Open(t.spool.path(t.at.segment)); err != nil {
			return 0, fmt.Errorf("open a segment of the spool: %w", err)
		}
	}
	n, err = t.file.ReadAt(t.buf[:max(0, min(int64(len(t.buf)), end-t.at.offset))], t.at.offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("read the spool: %w", err)
	}
	return n, nil
}

// parse fills records from b and gives how much of it they took.
func (t *tail) parse(b []byte) (used int, bad bool) {
	for len(t.records) < maxBatchRecords {
		r, n, ok := readRecord(b[used:])
		if !ok || n == 0 {
			return used, !ok
		}
		t.records = append(t.records, r)
		used += n
	}
	return used, false
}

// resumes tells whether a whole record begins anywhere in b: then what came
// before it is no torn end but a damaged length.
func resumes(b []byte) bool {
	for ; len(b) > recordHead+bodyHead; b = b[1:] {
		if _, n, ok := readRecord(b); ok && n > 0 {
			return true
		}
	}
	return false
}

// acknowledge makes what the last read gave delivered.
func (t *tail) acknowledge(now time.Time) {
	t.at = t.next
	t.taken += int64(len(t.records))
	if now.Sub(t.noted) >= noteEvery {
		t.noted = now
		t.note()
	}
}

// note writes down how far the spool is delivered. On a full disk it cannot: that is no
// reason to deliver nothing, which would never make room.
func (t *tail) note() { t.unnoted = writeCheckpoint(t.spool.dir, t.at) }

// close ends the reading, for the next start to go on from here.
func (t *tail) close() error {
	if t.file != nil {
		t.file.Close()
	}
	return writeCheckpoint(t.spool.dir, t.at)
}

// finish removes the segment that has been read to its end.
func (t *tail) finish() error {
	number := t.at.segment
	t.advance()
	defer t.note()
	return t.spool.remove(number)
}

// setAside leaves the rest of a damaged segment to people, and gives how many
// records of it had been counted as waiting.
func (t *tail) setAside() (lost int64, err error) {
	taken := t.taken
	// First the rename: it begins the segment that comes next, where this is the active one.
	records, err := t.spool.setAside(t.at.segment)
	if err != nil {
		return 0, err
	}
	t.advance()
	t.note()
	return records - taken, nil
}
