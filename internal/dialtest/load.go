package dialtest

import (
	"context"
	"sync"
	"time"
)

// Record is one call of a Load.
type Record struct {
	Number   int           `json:"number"` // 0, 1, 2 …
	CallID   string        `json:"call_id,omitempty"`
	Started  time.Time     `json:"started"`     // when the INVITE was due
	Answered time.Duration `json:"answered_ns"` // from INVITE to answer
	Lasted   time.Duration `json:"lasted_ns"`   // from answer to end
	Keys     []Pressed     `json:"keys"`
	EndedBy  string        `json:"ended_by"`
	Came     int           `json:"came"` // RTP packets
	Missing  int           `json:"missing"`
	Err      error         `json:"-"` // nil: the call went as it should
}

// Plan says what calls a Load places.
type Plan struct {
	Rate float64 // calls a second
	N    int     // calls in all
	// Call gives the call with this number, and Walk what it does. OnFrame and the
	// callbacks of Walk are called from many calls at once.
	Call func(number int) (Call, Walk)
	// Linger is how long a call goes on listening after its last key was answered,
	// before it hangs up.
	Linger time.Duration
}

// Load places plan.N calls at an even rate, whatever becomes of them: a switch
// that falls behind gets no relief, as it gets none from real callers. done is
// given each call's Record when it has ended, one at a time. Load returns when all
// have; if ctx ends first, no further calls are placed and those that are up hang up.
func (c *Caller) Load(ctx context.Context, plan Plan, done func(Record)) {
	var calls sync.WaitGroup
	var one sync.Mutex
	begin := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i := range plan.N {
		due := begin.Add(time.Duration(float64(i) / plan.Rate * float64(time.Second)))
		timer.Reset(time.Until(due))
		select {
		case <-ctx.Done():
			calls.Wait()
			return
		case <-timer.C:
		}
		calls.Go(func() {
			r := c.record(ctx, plan, i, due)
			one.Lock()
			defer one.Unlock()
			done(r)
		})
	}
	calls.Wait()
}

// record places one call and writes down what became of it.
func (c *Caller) record(ctx context.Context, plan Plan, number int, due time.Time) Record {
	r := Record{Number: number, Started: due}
	call, walk := plan.Call(number)
	s, err := c.Dial(ctx, call)
	if err != nil {
		r.Err = err
		return r
	}
	r.CallID = s.CallID()
	at, after := s.Answered()
	r.Answered = after
	r.Keys, r.Err = s.Walk(ctx, walk)
	if r.Err == nil && plan.Linger > 0 {
		_ = s.pause(ctx, plan.Linger) // however the pause ends, the call ends with it
	}
	// A load that is stopped still hangs up properly.
	if err := s.Hangup(context.WithoutCancel(ctx)); err != nil && r.Err == nil {
		r.Err = err
	}
	r.Lasted = time.Since(at)
	r.EndedBy = s.EndedBy()
	r.Came, r.Missing = s.Lost()
	return r
}
