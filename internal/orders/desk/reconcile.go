package desk

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"hotline/internal/orders"
)

const (
	workers     = 2                // look-ups at once in one process
	lookupWait  = 10 * time.Second // for one look-up
	longestWait = 5 * time.Minute  // between two look-ups of one order
	countEvery  = 15 * time.Second // the metric of unresolved orders
)

// Run reconciles until ctx ends: it finds orders whose result is not known, be
// they this process's or those of one that died, and asks the BOSS what came of
// them. Any number of processes may run at once. It returns when its workers have.
func (d *Desk) Run(ctx context.Context) {
	if !d.boss.Capabilities().Queryable {
		d.log.Warn("BOSS has no look-up: an order whose answer is lost stays unknown")
	}
	var all sync.WaitGroup
	for range workers {
		all.Go(func() { d.reconcile(ctx) })
	}
	all.Go(func() { d.countUnresolved(ctx) })
	all.Wait()
}

// reconcile works on what is due, then waits a little, until ctx ends.
func (d *Desk) reconcile(ctx context.Context) {
	for ctx.Err() == nil {
		busy, err := d.reconcileOne(ctx)
		if err != nil && ctx.Err() == nil {
			d.log.Warn("reconciliation failed, will try again", "error", err)
		}
		if busy && err == nil {
			continue
		}
		// Spread out, so that many processes do not look at the same moment.
		wait := d.opt.Poll/2 + rand.N(d.opt.Poll)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// reconcileOne takes one order on; false: none is due.
func (d *Desk) reconcileOne(ctx context.Context) (bool, error) {
	c, err := d.store.take(ctx, lookupWait+2*storeWait, d.opt.Deadline, d.opt.Settle)
	if err != nil || c == nil {
		return false, err
	}
	if c.state == statePending {
		d.log.Warn("order was never sent, its server died", "order", c.id)
		return true, nil
	}
	answer, err := d.lookup(ctx, c.key)
	switch {
	case err == nil && final(answer):
		if answer.Outcome == orders.Success {
			answer.Detail = orders.Reconciled
		}
	case errors.Is(err, orders.ErrNotFound) && c.settled:
		answer = failed(orders.BossTimeout)
	default:
		if err != nil && !errors.Is(err, orders.ErrNotFound) {
			d.log.Warn("BOSS failed on a look-up", "order", c.id, "error", err)
		}
		// Still unknown; for an order whose server died this is where it becomes so.
		return true, d.store.resolve(ctx, c.id, unknown, backOff(d.opt.Retry, c.attempts))
	}
	d.log.Info("order reconciled", "order", c.id, "result", answer.Result.String())
	_, err = d.record(ctx, c.id, answer)
	return true, err
}

// lookup asks the BOSS what came of an order. It waits for room like any
// request, but never makes callers' requests be refused.
func (d *Desk) lookup(ctx context.Context, key string) (orders.Answer, error) {
	if !d.boss.Capabilities().Queryable {
		return unknown, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupWait)
	defer cancel()
	if err := d.slots.Acquire(ctx, 1); err != nil {
		return orders.Answer{}, err
	}
	defer d.slots.Release(1)
	return d.call(opLookup, func() (orders.Answer, error) { return d.boss.Lookup(ctx, key) })
}

// backOff doubles first for each attempt before.
func backOff(first time.Duration, attempts int) time.Duration {
	return min(first<<min(attempts+1, 10), longestWait)
}

// countUnresolved keeps the metric up to date until ctx ends.
func (d *Desk) countUnresolved(ctx context.Context) {
	for {
		counts, err := d.store.unresolved(ctx)
		if err == nil {
			for state, n := range counts {
				d.metrics.unresolved.WithLabelValues(state).Set(float64(n))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(countEvery):
		}
	}
}
