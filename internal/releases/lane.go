package releases

import (
	"context"
	"sync"
)

// lane does one thing at a time on the way of versions, beside Run, and of those that
// wait only the last. All but done belongs to Run's goroutine.
type lane struct {
	do      func(context.Context, *version) outcome
	patient bool // what runs is not ended by what is newer
	work    *sync.WaitGroup
	done    chan outcome

	now, next *version
	stop      context.CancelFunc
	dropped   bool // nobody waits for now any more
}

// outcome is what has become of a version on a lane.
type outcome struct {
	of *version
	equipped
	err error
}

func newLane(work *sync.WaitGroup, do func(context.Context, *version) outcome) *lane {
	return &lane{do: do, work: work, done: make(chan outcome, 1)}
}

// begin has something done to a version, in place of what is being done.
func (l *lane) begin(ctx context.Context, v *version) {
	if l.now != nil {
		l.next = v
		if !l.patient {
			l.stop()
		}
		return
	}
	l.now, l.dropped = v, false
	ctx, l.stop = context.WithCancel(ctx)
	l.work.Go(func() { l.done <- l.do(ctx, v) })
}

// ended is told of what done has given. It tells whether that is still wanted.
func (l *lane) ended(ctx context.Context) bool {
	l.stop()
	l.now = nil
	if v := l.next; v != nil {
		l.next = nil
		l.begin(ctx, v)
		return false
	}
	return !l.dropped && ctx.Err() == nil
}

// drop ends whatever is being done.
func (l *lane) drop() {
	l.next = nil
	if l.now != nil {
		l.dropped = true
		l.stop()
	}
}
