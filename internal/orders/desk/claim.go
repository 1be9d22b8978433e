package desk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"hotline/internal/orders"
	"hotline/internal/orders/entry"
)

// claim is an order to reconcile, and all that is stored of it.
type claim struct {
	holding
	order    orders.Order // without Caller and With
	number   []byte       // sealed
	params   map[string]string
	kinds    map[string]entry.Kind
	private  bool // something typed for it is stored nowhere
	state    string
	attempts int           // to find out what came of it, before this one
	age      time.Duration // since it was stored
	settles  time.Duration // until it can be on its way no more; not positive: it cannot be
}

// settled tells whether "not found" counts.
func (c *claim) settled() bool { return c.settles <= 0 }

// wait is until the next attempt: not beyond the moment from which on "not found" counts.
func (c *claim) wait(first time.Duration) time.Duration {
	next := min(first<<min(c.attempts+1, 10), longestWait)
	if c.settles > 0 {
		next = min(next, c.settles)
	}
	return next
}

// take claims the order that is due longest, for the length of lease; nil: none
// is. One that is still pending after its deadline is closed at once, under the
// lock under which it would have to be marked sent. With asking false, as the BOSS must
// not be asked now, those that are unknown already stay where they are.
func (s store) take(ctx context.Context, lease time.Duration, opt Options, asking bool) (*claim, error) {
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	var c *claim
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		var o claim
		// Orders of a version before have neither deadline nor settles_at.
		err := tx.QueryRow(ctx, `
			select order_id::text, fence + 1, idempotency_key, call_id::text, service, action, price, test,
			       msisdn_enc, params, param_kinds, private, state, attempts, now() - created_at,
			       coalesce(settles_at, created_at + $1::interval + $2::interval) - now()
			from ivr.orders
			where state in ('pending', 'sent', 'unknown') and next_try_at <= now()
			  and (locked_until is null or locked_until < now())
			  and (state <> 'pending' or coalesce(deadline, created_at + $1::interval) <= now())
			  and ($3 or state <> 'unknown')
			order by next_try_at limit 1 for update skip locked`, opt.Deadline, opt.Settle, asking).
			Scan(&o.id, &o.fence, &o.order.Key, &o.order.Call, &o.order.Service, &o.order.Action, &o.order.Price, &o.order.Test,
				&o.number, &o.params, &o.kinds, &o.private, &o.state, &o.attempts, &o.age, &o.settles)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		o.order.ID = o.id
		c = &o
		if o.state == statePending {
			return resolveIn(ctx, tx, o.id, failed(orders.Platform))
		}
		_, err = tx.Exec(ctx, `
			update ivr.orders set worker = $2, locked_until = now() + $3, attempts = attempts + 1, fence = $4
			where order_id = $1::uuid`, o.id, s.worker, lease, o.fence)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claim an order to reconcile: %w", err)
	}
	return c, nil
}

// markSentAgain stores that an order which this worker holds is sent again, before it
// is, and leaves it to the worker for as long as that takes; false: it holds it no more.
func (s store) markSentAgain(ctx context.Context, h holding, lease time.Duration, opt Options) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	tag, err := s.db.Exec(ctx, `
		update ivr.orders set sends = sends + 1, locked_until = now() + $3, settles_at = now() + $4::interval + $5::interval
		where order_id = $1::uuid and fence = $2 and state in ('sent', 'unknown')`, h.id, h.fence, lease, opt.Deadline, opt.Settle)
	if err != nil {
		return false, fmt.Errorf("mark order %s sent again: %w", h.id, err)
	}
	return tag.RowsAffected() == 1, nil
}

// callPerson makes an order one that a person has to decide, and says since when.
func (s store) callPerson(ctx context.Context, h holding, why string) (first bool, _ error) {
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	err := s.db.QueryRow(ctx, `
		with before as (select order_id, person_why from ivr.orders where order_id = $1::uuid for update)
		update ivr.orders o set person_since = coalesce(person_since, now()), person_why = $3
		from before b where o.order_id = b.order_id and o.fence = $2 and o.state in ('sent', 'unknown')
		returning b.person_why is null`, h.id, h.fence, why).Scan(&first)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil // taken over, or resolved
	}
	if err != nil {
		return false, fmt.Errorf("leave order %s to a person: %w", h.id, err)
	}
	return first, nil
}

// backlog is what has no final result, by state.
type backlog struct {
	counts    map[string]int
	oldest    map[string]time.Duration // age of the oldest; 0: there is none
	forPerson int                      // of them, those that wait for a person
}

// unresolved tells the backlog of all processes together.
func (s store) unresolved(ctx context.Context) (backlog, error) {
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	b := backlog{counts: map[string]int{}, oldest: map[string]time.Duration{}}
	for _, state := range []string{statePending, stateSent, stateUnknown} {
		b.counts[state], b.oldest[state] = 0, 0
	}
	rows, _ := s.db.Query(ctx, `
		select state, count(*), count(person_since), now() - min(created_at) from ivr.orders
		where state in ('pending', 'sent', 'unknown') group by state`)
	var state string
	var n, waiting int
	var age time.Duration
	_, err := pgx.ForEachRow(rows, []any{&state, &n, &waiting, &age}, func() error {
		b.counts[state], b.oldest[state] = n, age
		b.forPerson += waiting
		return nil
	})
	if err != nil {
		return b, fmt.Errorf("count the unresolved orders: %w", err)
	}
	return b, nil
}
