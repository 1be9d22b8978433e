package desk

import (
	"context"
	"errors"
	"time"

	"hotline/internal/orders"
)

// Ask puts a question to the BOSS, within the deadline; it blocks. A query has
// no effect, so ctx may be the life of the call, and nothing is stored. What
// went wrong is in the answer: boss_timeout, boss_unavailable (not reached, or too
// many are waiting) or boss_error. A caller who is not known is rejected/ineligible.
func (d *Desk) Ask(ctx context.Context, q orders.Query) orders.Answer {
	ctx, end, ok := d.begin(ctx)
	if !ok {
		return failed(orders.Platform)
	}
	defer end()
	if q.Caller.IsZero() {
		return orders.Answer{Result: orders.Result{Outcome: orders.Rejected, Detail: orders.Ineligible}}
	}
	ctx, cancel := context.WithTimeout(ctx, d.opt.Deadline)
	defer cancel()
	release, refusal := d.slot(ctx)
	if release == nil {
		return refusal
	}
	defer release()
	answer, err := d.call(opQuery, func() (orders.Answer, error) { return d.boss.Query(ctx, q) })
	switch {
	case err != nil:
		d.log.Warn("BOSS failed on a query", "call", q.Call, "query", q.Name, "error", err)
		return failure(err)
	case !answer.Result.Valid():
		d.log.Error("BOSS gave a query an impossible result", "call", q.Call, "query", q.Name, "result", answer.Result.String())
		return failed(orders.BossError)
	}
	return answer
}

// failure says what an error of the BOSS is to a caller, where it had no effect.
func failure(err error) orders.Answer {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return failed(orders.BossTimeout)
	case errors.Is(err, context.Canceled):
		return failed(orders.Platform) // we stop, or the asker left: not the BOSS's fault
	case errors.Is(err, orders.ErrNotSent):
		return failed(orders.BossUnavailable)
	}
	return failed(orders.BossError)
}

// call measures one request to the BOSS.
func (d *Desk) call(op operation, request func() (orders.Answer, error)) (orders.Answer, error) {
	inFlight := d.metrics.inFlight.WithLabelValues(string(op))
	inFlight.Inc()
	defer inFlight.Dec()
	began := time.Now()
	answer, err := request()
	d.metrics.latency.WithLabelValues(string(op), label(answer, err)).Observe(time.Since(began).Seconds())
	return answer, err
}
