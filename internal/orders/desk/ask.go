package desk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"hotline/internal/orders"
)

// Ask puts a question to the BOSS, within its deadline; it blocks. A query has
// no effect, so ctx may be the life of the call, and nothing is stored. What
// went wrong is in the answer: boss_timeout, boss_unavailable (not reached, or too
// many are waiting) or boss_error. A caller who is not known is rejected/ineligible, unless
// anyone may ask.
func (d *Desk) Ask(ctx context.Context, q orders.Query) orders.Answer {
	if q.Caller.IsZero() && !q.Anyone {
		return orders.Answer{Result: orders.Result{Outcome: orders.Rejected, Detail: orders.Ineligible}}
	}
	log := d.log.With("call", q.Call, "query", q.Name)
	return d.consult(ctx, opQuery, d.opt.QueryDeadline, log, q.With, func(ctx context.Context) (orders.Answer, error) { return d.boss.Query(ctx, q) })
}

// Verify has the BOSS tell whether a caller knows the service password, within the
// deadline: success, auth_failed/wrong_password or auth_failed/locked, or
// system_failed as of a query. It blocks, ctx may be the life of the call, and
// nothing is stored. Of a caller who is not known no password is right; and while
// Postgres is away none is, be it right or wrong (system_failed/platform): nobody else
// would see, until it is back, that somebody tries passwords.
func (d *Desk) Verify(ctx context.Context, v orders.Verification) orders.Answer {
	if v.Caller.IsZero() {
		return orders.Answer{Result: orders.Result{Outcome: orders.AuthFailed, Detail: orders.WrongPassword}}
	}
	log := d.log.With("call", v.Call)
	if err := d.store.ping(ctx); err != nil {
		log.Warn("password not tried", "error", err)
		return failed(orders.Platform)
	}
	secret := orders.With{"password": v.Password}
	answer := d.consult(ctx, opVerify, d.opt.VerifyDeadline, log, secret, func(ctx context.Context) (orders.Answer, error) { return d.boss.Verify(ctx, v) })
	switch answer.Outcome {
	case orders.Success, orders.AuthFailed, orders.SystemFailed:
		return answer
	}
	log.Error("BOSS gave a verification an impossible result", "result", answer.Result.String())
	return failed(orders.BossError)
}

// Prices asks the BOSS what its services cost a month, by service; nil where it does not
// tell. It takes no room from callers.
func (d *Desk) Prices(ctx context.Context) (map[string]orders.Money, error) {
	if !d.boss.Capabilities().Prices {
		return nil, nil
	}
	ctx, end, ok := d.begin(ctx)
	if !ok {
		return nil, errors.New("ask for prices: the desk is closed")
	}
	defer end()
	ctx, cancel := context.WithTimeout(ctx, d.opt.LookupDeadline)
	defer cancel()
	permit, refusal := d.reconciling.enter(ctx, d.opt.LookupDeadline/2)
	if permit == nil {
		return nil, fmt.Errorf("ask for prices: %s", refusal.Result)
	}
	defer permit.release()
	var prices map[string]orders.Money
	answer, err := d.call(opPrices, func() (_ orders.Answer, err error) {
		prices, err = d.boss.Prices(ctx)
		return orders.Answer{Result: orders.Result{Outcome: orders.Success, Detail: orders.Confirmed}}, err
	})
	permit.verdict(answer, err)
	if err != nil {
		return nil, fmt.Errorf("ask for prices: %w", err)
	}
	return prices, nil
}

// consult puts a request without effect to the BOSS, when there is room for it.
func (d *Desk) consult(ctx context.Context, op operation, deadline time.Duration, log *slog.Logger, typed orders.With,
	request func(context.Context) (orders.Answer, error)) orders.Answer {
	ctx, end, ok := d.begin(ctx)
	if !ok {
		return failed(orders.Platform)
	}
	defer end()
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	permit, refusal := d.calls.enter(ctx, deadline/2)
	if permit == nil {
		return refusal
	}
	defer permit.release()
	answer, err := d.call(op, func() (orders.Answer, error) { return request(ctx) })
	permit.verdict(answer, err)
	switch {
	case err != nil:
		log.Warn("BOSS failed on a question", "operation", op, "error", discreet(err, typed))
		return failure(err)
	case !answer.Result.Valid():
		log.Error("BOSS gave a question an impossible result", "operation", op, "result", answer.Result.String())
		return failed(orders.BossError)
	}
	return answer
}

// discreet is the text of an error without what is private of a request: adapters
// must not quote it, but the answer of a failing BOSS may, and this is where it
// would get into a log.
func discreet(err error, typed orders.With) string {
	text := err.Error()
	for _, e := range typed {
		if e.Kind().Private() && !e.IsZero() {
			text = strings.ReplaceAll(text, e.Reveal(), e.String())
		}
	}
	return text
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
