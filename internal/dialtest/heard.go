package dialtest

import (
	"context"
	"slices"
	"time"
)

// timeline is the line so far, with the entry that is open at its end once it
// is sure enough what it is. Called with the lock held.
func (e *ear) timeline() []Heard {
	line := slices.Clip(e.line) // who appends to it must not write into ours
	if h, ok := e.open(); ok {
		return append(line, h)
	}
	return line
}

func (e *ear) open() (Heard, bool) {
	if len(e.hyps) > 0 {
		gs := e.hyps
		if e.done != nil && e.doneAt == e.at {
			gs = []guess{*e.done}
		}
		if len(gs) > 1 && gs[0].off-gs[0].from < sureBytes {
			return Heard{}, false
		}
		h := e.entry(gs, e.at)
		h.Open = true
		return h, true
	}
	// A few frames may still turn out to be the begin of a known clip.
	if h, pos := e.unknown(e.end); pos >= 0 && e.end-pos >= 4*frameBytes {
		h.Open = true
		return h, true
	}
	return Heard{}, false
}

// settling is how long an announcement must go on to be taken for the answer to
// a key that was pressed while another one was being said.
const settling = 500 * time.Millisecond

// next gives the index in line of the first entry that answers a key whose end
// was sent at t: not the next sentence of the announcement that was running,
// which may begin in the milliseconds before the switch stops it. So an entry
// that follows a whole one without a pause counts only when it has gone on for
// a while. The zero t gives the first entry. -1: nothing yet.
func next(line []Heard, t time.Time) int {
	for i, h := range line {
		if h.Start.Before(t) {
			continue
		}
		if i == 0 || !line[i-1].Whole || line[i-1].End.Add(2*frameTime).Before(t) {
			return i
		}
		if h.To-h.From >= settling || (h.Whole && !h.Open) {
			return i
		}
	}
	return -1
}

// Heard is the line of everything heard so far, in order. The last entry may be open.
func (s *Session) Heard() []Heard {
	s.ear.mu.Lock()
	defer s.ear.mu.Unlock()
	return slices.Clone(s.ear.timeline())
}

// Lost tells how many RTP packets came and how many are missing between them.
func (s *Session) Lost() (came, missing int) {
	s.ear.mu.Lock()
	defer s.ear.mu.Unlock()
	return s.ear.packets, s.ear.missing
}

// Await waits until cond holds for the line of what was heard. cond is called
// with every packet and must be quick; it may not keep the line. ErrEnded: the
// call ended before.
func (s *Session) Await(ctx context.Context, cond func(line []Heard) bool) error {
	e := s.ear
	w := &wait{met: make(chan struct{})}
	w.cond = func() bool { return cond(e.timeline()) }
	e.mu.Lock()
	if w.cond() {
		e.mu.Unlock()
		return nil
	}
	e.waits[w] = struct{}{}
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		delete(e.waits, w)
		e.mu.Unlock()
	}()
	select {
	case <-w.met:
		return nil
	case <-s.ended:
		return ErrEnded
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Quiet is how long nothing has been heard. A pause within a recording is not quiet.
func (s *Session) Quiet() time.Duration {
	s.ear.mu.Lock()
	defer s.ear.mu.Unlock()
	since := s.ear.lastSound
	if since.Before(s.answered) {
		since = s.answered
	}
	return time.Since(since)
}

// AwaitQuiet waits until it has been Quiet for d: the announcement is over.
// ErrEnded: the call ended before.
func (s *Session) AwaitQuiet(ctx context.Context, d time.Duration) error {
	for {
		left := d - s.Quiet()
		if left <= 0 {
			return nil
		}
		if err := s.pause(ctx, left); err != nil {
			return err
		}
	}
}
