package dialtest

import (
	"sort"
	"time"
)

// stream is the last seconds of what was received, and when each byte of it
// came. Positions count from the call's begin; bytes that were lost have none.
type stream struct {
	buf   []byte // buf[0] is at position base
	base  int64
	end   int64  // after the last byte
	marks []mark // where each packet in buf begins
}

type mark struct {
	pos int64
	at  time.Time
}

func (s *stream) add(f Frame) {
	s.marks = append(s.marks, mark{s.end, f.At})
	s.buf = append(s.buf, f.Payload...)
	s.end += int64(len(f.Payload))
}

func (s *stream) bytes(from, to int64) []byte { return s.buf[from-s.base : to-s.base] }

// arrival is when the packet with position pos came.
func (s *stream) arrival(pos int64) time.Time {
	i := sort.Search(len(s.marks), func(i int) bool { return s.marks[i].pos > pos })
	return s.marks[max(i-1, 0)].at
}

// long tells whether it is worth forgetting something: half as much again as the
// history is kept, so that not every packet moves the buffer.
func (s *stream) long() bool { return len(s.buf) >= historyBytes*3/2 }

// forget drops what lies before position base.
func (s *stream) forget(base int64) {
	s.buf = append(s.buf[:0], s.buf[base-s.base:]...)
	s.base = base
	// The packet that base lies in still tells when it came.
	keep := sort.Search(len(s.marks), func(i int) bool { return s.marks[i].pos > base })
	s.marks = append(s.marks[:0], s.marks[max(keep-1, 0):]...)
}

// duration of n bytes of A-law.
func duration(n int) time.Duration { return time.Duration(n) * time.Millisecond / bytesPerMS }
