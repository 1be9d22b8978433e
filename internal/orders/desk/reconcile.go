package desk

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"hotline/internal/orders"
	"hotline/internal/orders/entry"
)

const (
	longestWait = 2 * time.Minute  // between two attempts to find out about one order
	countEvery  = 15 * time.Second // the metrics of unresolved orders
)

// Why a person has to decide an order: ivr.orders.person_why.
const (
	whyNotAsked = "cannot_be_asked"      // the BOSS has no look-up, and acts on a key more than once
	whyPrivate  = "cannot_be_sent_again" // nor may it be sent again, as what was typed is not stored
	whyNoAnswer = "no_answer"            // for Options.Patience the BOSS could not be asked
	whyOverdue  = "overdue"              // for as long it has said that it works on it
)

// Run reconciles until ctx ends: it finds orders whose result is not known, be
// they this process's or those of one that died, and finds out what came of
// them. Any number of processes may run at once. It returns when its workers have.
func (d *Desk) Run(ctx context.Context) {
	switch can := d.boss.Capabilities(); {
	case !can.Queryable && (!can.Idempotent || d.opt.Unseal == nil):
		d.log.Warn("BOSS has no look-up and orders cannot be sent again: a person decides each whose answer is lost")
	case !can.Queryable:
		d.log.Warn("BOSS has no look-up: an order whose answer is lost is sent again by its key")
	}
	var all sync.WaitGroup
	for range d.opt.Reconciling.Concurrent {
		all.Go(func() { d.reconcile(ctx) })
	}
	all.Go(func() { d.poll(ctx) })
	all.Go(func() { d.countUnresolved(ctx) })
	all.Wait()
}

// poll wakes one worker now and then, which wakes another if there is more to do: a
// database with nothing due is not asked by all of them.
func (d *Desk) poll(ctx context.Context) {
	for ctx.Err() == nil {
		d.rouse()
		// Spread out, so that many processes do not look at the same moment.
		select {
		case <-ctx.Done():
		case <-time.After(d.opt.Poll/2 + rand.N(d.opt.Poll)):
		}
	}
}

func (d *Desk) rouse() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// reconcile works on what is due whenever it is woken, until ctx ends.
func (d *Desk) reconcile(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.wake:
		}
		for busy := true; busy && ctx.Err() == nil; {
			var err error
			busy, err = d.reconcileOne(ctx)
			if err != nil && ctx.Err() == nil {
				d.log.Warn("reconciliation failed, will try again", "error", err)
				busy = false
			}
			if busy {
				d.rouse()
			}
		}
	}
}

// reconcileOne takes one order on; false: none is due.
func (d *Desk) reconcileOne(ctx context.Context) (bool, error) {
	permit, _ := d.reconciling.enter(ctx, d.opt.LookupDeadline)
	if permit != nil {
		defer permit.release()
	}
	c, err := d.store.take(ctx, d.opt.LookupDeadline+2*storeWait, d.opt, permit != nil)
	if err != nil || c == nil {
		return false, err
	}
	if c.state == statePending {
		d.log.Warn("order was never sent, its server died", "order", c.id)
		return true, nil
	}
	if permit == nil { // whatever came of it, its callers' applications wait for an outcome
		return true, d.leave(ctx, c, whyNoAnswer)
	}
	answer, why := d.findOut(ctx, c, permit)
	if answer.Outcome == orders.Unknown {
		return true, d.leave(ctx, c, why)
	}
	if answer.Outcome == orders.Success {
		answer.Detail = orders.Reconciled
	}
	if c.state == stateUnknown {
		answer = belated(answer)
	}
	d.log.Info("order reconciled", "order", c.id, "result", answer.Result.String())
	_, err = d.record(ctx, c.holding, answer)
	return true, err
}

// leave stores that it is still not known what came of an order; for one whose server
// died this is where it becomes unknown. why is for a person, who is called once
// nothing else can help.
func (d *Desk) leave(ctx context.Context, c *claim, why string) error {
	if why == whyNotAsked || why == whyPrivate || c.age > d.opt.Patience {
		first, err := d.store.callPerson(ctx, c.holding, why)
		if err != nil {
			return err
		}
		if first {
			d.log.Error("order has to be decided by a person", "order", c.id, "why", why)
		}
	}
	err := d.store.resolve(ctx, c.holding, unknown, c.wait(d.opt.Retry))
	if errors.Is(err, errTaken) || errors.Is(err, errResolved) {
		return nil // another knows more
	}
	return err
}

// findOut asks the BOSS what came of an order, or sends it again where that is the way to
// find out. Unknown comes with the reason why.
func (d *Desk) findOut(ctx context.Context, c *claim, permit *permit) (_ orders.Answer, why string) {
	can := d.boss.Capabilities()
	again, obstacle := d.repeatable(c)
	if !can.Queryable {
		if !again {
			return unknown, obstacle
		}
		return d.sendAgain(ctx, c, permit)
	}
	ctx2, cancel := context.WithTimeout(ctx, d.opt.LookupDeadline)
	defer cancel()
	answer, err := d.call(opLookup, func() (orders.Answer, error) { return d.boss.Lookup(ctx2, c.order.Key) })
	notFound := errors.Is(err, orders.ErrNotFound)
	switch {
	case err == nil && final(answer):
		permit.verdict(answer, nil)
		return answer, ""
	case notFound && c.settled() && again:
		// It never arrived, and the caller was told that it is being worked on.
		return d.sendAgain(ctx, c, permit)
	}
	permit.verdict(answer, err)
	switch {
	case notFound && c.settled():
		return failed(orders.BossTimeout), ""
	case err != nil && !notFound:
		d.log.Warn("BOSS failed on a look-up", "order", c.id, "error", err)
		return unknown, whyNoAnswer
	}
	return unknown, whyOverdue
}

// repeatable tells whether an order may be sent again: to a BOSS that acts on a key only
// once, with all that was typed for it, and while its caller still expects it.
func (d *Desk) repeatable(c *claim) (_ bool, obstacle string) {
	switch {
	case !d.boss.Capabilities().Idempotent || d.opt.Unseal == nil:
		return false, whyNotAsked
	case c.private:
		return false, whyPrivate
	case c.age > d.opt.Patience:
		return false, whyNoAnswer
	}
	return true, ""
}

// sendAgain sends the same key with the same parameters, and says what that tells of
// the order. A BOSS that fails now may have acted the first time: that tells nothing.
func (d *Desk) sendAgain(ctx context.Context, c *claim, permit *permit) (_ orders.Answer, why string) {
	o := c.order
	var err error
	if o.Caller, err = d.opt.Unseal(c.number); err != nil {
		d.log.Error("order cannot be sent again: its number cannot be opened", "order", c.id, "error", err)
		return unknown, whyPrivate
	}
	o.With = orders.With{}
	for name, text := range c.params {
		o.With[name] = entry.New(c.kinds[name], text)
	}
	held, err := d.store.markSentAgain(ctx, c.holding, d.lease(), d.opt)
	if err != nil || !held {
		d.log.Warn("order not sent again, as that could not be stored", "order", c.id, "error", err)
		return unknown, whyNoAnswer
	}
	ctx, cancel := context.WithTimeout(ctx, d.opt.Deadline)
	defer cancel()
	answer, err := d.call(opSubmit, func() (orders.Answer, error) { return d.boss.Submit(ctx, o) })
	permit.verdict(answer, err)
	if err != nil {
		d.log.Warn("BOSS failed on an order that was sent again", "order", c.id, "error", discreet(err, o.With))
		return unknown, whyNoAnswer
	}
	if !testimony(answer) {
		return unknown, whyNoAnswer
	}
	return answer, ""
}

// countUnresolved keeps the metrics up to date until ctx ends.
func (d *Desk) countUnresolved(ctx context.Context) {
	for {
		if left, err := d.store.unresolved(ctx); err == nil {
			for state, n := range left.counts {
				d.metrics.unresolved.WithLabelValues(state).Set(float64(n))
				d.metrics.oldest.WithLabelValues(state).Set(left.oldest[state].Seconds())
			}
			d.metrics.forPerson.Set(float64(left.forPerson))
		}
		for _, g := range []*gate{d.calls, d.reconciling} {
			// A breaker notices that its pause is over when it is asked, and tells the metric:
			// where no caller comes it would be shown as open for ever.
			g.breaker.State()
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(countEvery):
		}
	}
}
