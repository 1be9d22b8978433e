package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"hotline/internal/dialtest"
	"hotline/internal/orders"
)

// errand is what a caller wants.
type errand string

const (
	errandBalance errand = "balance" // a query
	errandOrder   errand = "order"
	errandBill    errand = "bill" // a query that takes the service password
	errandBrowse  errand = "browse"
)

// errands are those of ten calls in a row.
var errands = []errand{
	errandBalance, errandOrder, errandBrowse, errandBalance, errandOrder, errandBill, errandBalance, errandOrder, errandBrowse, errandBalance,
}

func errandOf(call int) errand { return errands[call%len(errands)] }

// numberOf is the caller's: nobody waits for another's order.
func numberOf(call int) string { return fmt.Sprintf("137%08d", call) }

// A subscriber of the demonstration, and his password.
const (
	demoNumber   = "13800000004"
	demoPassword = "271828"
)

// presses are what a caller presses upon what he hears.
var presses = map[errand]map[string]string{
	errandBalance: {"main.welcome": "1", "label.101": "1"},
	errandOrder:   {"main.welcome": "3", "label.301": "1", "verb.open": "1", "order.will_open": "1"},
	errandBill:    {"main.welcome": "1", "label.101": "2", "auth.enter": demoPassword + "#", "auth.again": demoPassword + "#"},
	errandBrowse:  {"main.welcome": "3", "label.301": "1"},
}

// says tells whether a prompt is what the caller has waited for.
func (e errand) says(prompt string) bool {
	switch e {
	case errandOrder:
		return tellsResult(prompt)
	case errandBalance, errandBill:
		return prompt == "balance.is" || strings.HasPrefix(prompt, "query.") || judged[prompt]
	}
	return prompt == "verb.open"
}

// judged are what callers hear when the BOSS was asked about a password.
var judged = map[string]bool{"bill.is": true, "auth.wrong": true, "auth.locked": true, "auth.gave_up": true}

// errandCall is one call as its caller has it. It is what the journal is held against.
type errandCall struct {
	ID       string
	Errand   errand
	Answered time.Time
	Ended    time.Time
	Keys     string    // as he pressed them, "•" for one of a password
	Asked    time.Time // when he pressed the key after which the BOSS is to act or answer
	Told     string    // what he has waited for; "" for nothing
	ToldAt   time.Time
	Heard    []dialtest.Heard
	Err      error // why he could not go on
}

// served tells whether a server has spoken, and not the dialplan alone.
func (c *errandCall) served() bool {
	for _, h := range c.Heard {
		if h.Prompt != "sys.failure" && h.Prompt != "sys.busy" && h.Prompt != dialtest.Unknown {
			return true
		}
	}
	return false
}

// place places the calls at an even rate, whatever becomes of them, and returns when all
// have ended.
func (a *awayAttack) place(ctx context.Context, began time.Time) {
	var calls sync.WaitGroup
	defer calls.Wait()
	for n := range a.awayFlags.calls() {
		if sleepUntil(ctx, began.Add(time.Duration(float64(n)/a.rate*float64(time.Second)))) != nil {
			return
		}
		a.mu.Lock()
		a.live++
		a.mu.Unlock()
		calls.Go(func() {
			c := a.run(ctx, n)
			a.mu.Lock()
			defer a.mu.Unlock()
			a.live--
			if c != nil {
				a.calls = append(a.calls, c)
			}
		})
	}
}

// run is one call from its beginning to its end; nil: nobody answered it.
func (a *awayAttack) run(ctx context.Context, n int) *errandCall {
	number, err := orders.ParseMSISDN(numberOf(n))
	if err != nil {
		return nil
	}
	s, err := a.phones.Dial(ctx, dialtest.Call{From: number, To: "10086", App: a.app})
	if err != nil {
		return nil
	}
	c := &errandCall{ID: s.CallID(), Errand: errandOf(n)}
	c.Answered, _ = s.Answered()
	c.Err = c.talk(ctx, s)
	_ = s.Hangup(context.WithoutCancel(ctx)) // the session ends whether or not the BYE is answered
	c.Heard, c.Ended = s.Heard(), time.Now()
	return c
}

// talk presses what is wanted until the caller has heard what he has waited for.
func (c *errandCall) talk(ctx context.Context, s *dialtest.Session) error {
	wants := presses[c.Errand]
	ctx, cancel := context.WithTimeout(ctx, 2*patienceOf)
	defer cancel()
	for from := 0; ; {
		var cue dialtest.Heard
		err := s.Await(ctx, func(line []dialtest.Heard) bool {
			for ; from < len(line); from++ {
				h := line[from]
				sure := h.Whole || h.To-h.From >= sureOf // else it may be another that begins alike
				_, minds := wants[h.Prompt]
				if sure && (minds || c.Errand.says(h.Prompt)) {
					cue = h
					from++
					return true
				}
				if h.Open {
					return false
				}
			}
			return false
		})
		if err != nil {
			return err
		}
		if c.Errand.says(cue.Prompt) && c.Keys != "" {
			c.Told, c.ToldAt = cue.Prompt, time.Now()
			return nil
		}
		for i := range len(wants[cue.Prompt]) {
			if err := c.press(ctx, s, cue.Prompt, wants[cue.Prompt][i]); err != nil {
				return err
			}
		}
	}
}

func (c *errandCall) press(ctx context.Context, s *dialtest.Session, cue string, key byte) error {
	c.Asked = time.Now()
	if _, err := s.Press(ctx, key, 60*time.Millisecond); err != nil {
		return err
	}
	shown := string(rune(key))
	if strings.HasPrefix(cue, "auth.") {
		shown = "•"
	}
	c.Keys += shown
	return nil
}
