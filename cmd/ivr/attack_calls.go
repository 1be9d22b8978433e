package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"hotline/internal/dialtest"
	"hotline/internal/orders"
)

// orderCall is one call as its caller has it: what he pressed and what he was told. It
// is the truth that the journal is held against.
type orderCall struct {
	mu        sync.Mutex
	session   *dialtest.Session
	ID        string
	Answered  time.Time
	Ended     time.Time
	Confirmed int       // times that he pressed the key that confirms
	confirmed time.Time // the last time
	Told      string    // the sentence about what came of it; "" for none
	Served    bool      // a server has spoken; else only the dialplan has
	Resumed   int       // apologies for an interruption
	Goodbye   bool      // given up by the hotline: sys.failure
	Strayed   bool      // nothing was said any more that he had an answer to
	Silence   time.Duration
	Heard     []string // the last things that he heard, for people
}

// waiting tells whether he has confirmed after a time and does not know what came of it.
func (c *orderCall) waiting(after time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.confirmed.After(after) && c.Told == "" && c.Ended.IsZero()
}

// up tells whether he was on the line at a time.
func (c *orderCall) up(at time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Answered.Before(at) && (c.Ended.IsZero() || c.Ended.After(at))
}

// spokenTo tells whether he has heard an apology that began after a time, or does not
// listen any more.
func (c *orderCall) spokenTo(after time.Time) bool {
	c.mu.Lock()
	s := c.session
	c.mu.Unlock()
	if s == nil || s.EndedBy() != "" {
		return true
	}
	return slices.ContainsFunc(s.Heard(), func(h dialtest.Heard) bool {
		return (h.Prompt == resumed || h.Prompt == givenUp) && h.Start.After(after)
	})
}

const (
	resumed = "sys.resumed"
	givenUp = "sys.failure"
)

const (
	// patienceOf a caller to whom nothing is said that he can answer: more than it takes to
	// start a server on a busy machine.
	patienceOf = 30 * time.Second
	// sureOf is how much of a sentence he hears before he acts on it: the next one of an
	// announcement that he has just cut short may begin.
	sureOf = 350 * time.Millisecond
	// leavesAt: in each so many-th call he hangs up as soon as he has confirmed.
	leavesAt = 7
	// impatientAt: each so many-th caller hangs up when he is told of an interruption, and
	// dials again, as people do.
	impatientAt = 3
)

// answers are what a caller who wants caller ID display presses upon what he hears.
var answers = map[string]byte{
	"main.welcome": '3', "label.1": '3', // the main menu, and again without the greeting
	"label.301":       '1',
	"verb.open":       '1',
	"order.will_open": '1',
}

const confirmation = "order.will_open"

// tellsResult tells whether a prompt is the sentence about what came of an order.
func tellsResult(prompt string) bool {
	asks := map[string]bool{"order.will_open": true, "order.per_month": true, "order.confirm": true, "order.cancel": true}
	return strings.HasPrefix(prompt, "order.") && !asks[prompt]
}

// manners are what a caller does that not all do.
type manners struct {
	leaves    bool // hangs up as soon as he has confirmed
	impatient bool // hangs up when he is told of an interruption
}

// order is one caller who orders again and again, each time from another number, until
// calling ends. Calls under way go on to their end.
func (l *killLane) order(ctx, calling context.Context, caller int) {
	for n := 0; calling.Err() == nil; n++ {
		number, err := orders.ParseMSISDN(fmt.Sprintf("139%02d%02d%04d", l.number, caller, n))
		if err != nil {
			return
		}
		how := manners{leaves: (n+caller)%leavesAt == leavesAt-1, impatient: caller%impatientAt == 0}
		if !l.orderOnce(ctx, number, how) {
			select { // the switch takes no call now
			case <-calling.Done():
			case <-time.After(500 * time.Millisecond):
			}
		}
	}
}

// orderOnce places one call; false: nobody answered it, or only to say that nobody is there.
func (l *killLane) orderOnce(ctx context.Context, number orders.MSISDN, how manners) bool {
	s, err := l.phones.Dial(ctx, dialtest.Call{From: number, To: "10086", App: l.app, Standby: l.standby})
	if err != nil {
		return false
	}
	c := &orderCall{ID: s.CallID(), session: s}
	c.Answered, _ = s.Answered()
	l.mu.Lock()
	l.calls = append(l.calls, c)
	l.mu.Unlock()
	c.talk(ctx, s, how)
	_ = s.Hangup(context.WithoutCancel(ctx)) // the session ends whether or not the BYE is answered
	c.over(s)
	return c.Served
}

// talk answers what is said until the order is done, or nothing can be answered any more.
func (c *orderCall) talk(ctx context.Context, s *dialtest.Session, how manners) {
	for from := 0; ; {
		var cue dialtest.Heard
		within, cancel := context.WithTimeout(ctx, patienceOf)
		err := s.Await(within, func(line []dialtest.Heard) bool {
			found := false
			for i := min(from, len(line)); i < len(line); i++ {
				if minds(line[i]) {
					cue, found = line[i], true
					from = i + 1
				}
			}
			return found
		})
		strayed := within.Err() != nil && ctx.Err() == nil
		cancel()
		if err != nil {
			c.mu.Lock()
			c.Strayed = strayed
			c.mu.Unlock()
			return
		}
		switch {
		case tellsResult(cue.Prompt):
			c.mu.Lock()
			c.Told = cue.Prompt
			c.mu.Unlock()
			return
		case cue.Prompt == givenUp, cue.Prompt == resumed && how.impatient:
			return
		case answers[cue.Prompt] == 0:
		case !c.press(ctx, s, cue.Prompt) || how.leaves && cue.Prompt == confirmation:
			return
		}
	}
}

// minds tells whether a caller may do something upon what he hears.
func minds(h dialtest.Heard) bool {
	if h.To-h.From < sureOf && (h.Open || !h.Whole) {
		return false
	}
	return answers[h.Prompt] != 0 || tellsResult(h.Prompt) || h.Prompt == resumed || h.Prompt == givenUp
}

// press answers a sentence; false: the call has ended.
func (c *orderCall) press(ctx context.Context, s *dialtest.Session, prompt string) bool {
	if prompt == confirmation { // before it is sent: the server may act before we are told
		c.mu.Lock()
		c.Confirmed++
		c.confirmed = time.Now()
		c.mu.Unlock()
	}
	_, err := s.Press(ctx, answers[prompt], 60*time.Millisecond)
	return err == nil
}

// over writes down what was heard in all.
func (c *orderCall) over(s *dialtest.Session) {
	line := s.Heard()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session, c.Ended = nil, time.Now() // of a call that is over its record is enough
	at := c.Answered
	for _, h := range line {
		c.Silence = max(c.Silence, h.Start.Sub(at))
		at = h.End
		switch h.Prompt {
		case resumed:
			c.Resumed++
		case givenUp:
			c.Goodbye = true
		case dialtest.Unknown:
		default:
			c.Served = true
		}
	}
	c.Silence = max(c.Silence, c.Ended.Sub(at))
	for _, h := range line[max(0, len(line)-8):] {
		c.Heard = append(c.Heard, h.Prompt)
	}
}
