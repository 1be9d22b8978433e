package desk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/orders"
)

// storeWait bounds each use of Postgres: a caller is on the line.
const storeWait = 2 * time.Second

// The states of ivr.orders that the Desk has to tell apart; the others are final.
const (
	statePending = "pending"
	stateSent    = "sent"
	stateUnknown = "unknown"
)

// errResolved says that an order has its final result already, and another one.
var errResolved = errors.New("the order has another result")

// sqlResolved is the SQLSTATE of ivr.resolve_order for errResolved.
const sqlResolved = "IV002"

// store is the Desk's view of ivr.orders. Times are Postgres's, as the
// processes that share the table have a clock each.
type store struct {
	db     *pgxpool.Pool
	worker string
}

// commit stores the intent of o and gives the order that stands for it: o, or the
// unresolved one for the same thing, which o joins.
func (s store) commit(ctx context.Context, o orders.Order, number orders.Sealed) (id string, _ error) {
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	err := s.db.QueryRow(ctx, `
		select ivr.commit_order($1, $2::uuid, null, $3::uuid, $4, $5, $6, $7, $8, $9, $10, $11, $12)::text`,
		o.Application, o.Call, o.ID, o.Key, number.Masked, number.Hash, number.Enc,
		o.Service, o.Action, o.Price, o.Test, public(o.With)).Scan(&id)
	if err != nil {
		return "", fmt.Errorf("commit the order of application %s: %w", o.Application, err)
	}
	return id, nil
}

// public is what may be stored of what a caller typed, by parameter.
func public(typed orders.With) map[string]string {
	params := map[string]string{} // not nil: that would be null in the table
	for name, e := range typed {
		if !e.Kind().Private() {
			params[name] = e.Reveal()
		}
	}
	return params
}

// markSent makes this Desk the one that sends an order, and leaves the order to
// it for a while; false: it is not pending any more. This is what keeps any order
// from being sent twice.
func (s store) markSent(ctx context.Context, id string, lease time.Duration) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	tag, err := s.db.Exec(ctx, `
		update ivr.orders set state = 'sent', worker = $2, locked_until = now() + $3, next_try_at = now() + $3
		where order_id = $1::uuid and state = 'pending'`, id, s.worker, lease)
	if err != nil {
		return false, fmt.Errorf("mark order %s sent: %w", id, err)
	}
	return tag.RowsAffected() == 1, nil
}

// withdraw closes an order that this Desk has stored and certainly not sent;
// false: another one has sent or closed it.
func (s store) withdraw(ctx context.Context, id string) (ours bool, _ error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWait)
	defer cancel()
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			select from ivr.orders where order_id = $1::uuid
			and (state = 'pending' or state = 'sent' and worker = $2) for update`, id, s.worker)
		ours = tag.RowsAffected() > 0
		if err != nil || !ours {
			return err
		}
		return resolveIn(ctx, tx, id, failed(orders.Platform))
	})
	return ours, err
}

// resolve stores a result and closes the applications of the order. An unknown
// one is due for its next look-up after next. It is not bound to ctx's end: what
// has happened has to be stored when time is up, too.
func (s store) resolve(ctx context.Context, id string, a orders.Answer, next time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWait)
	defer cancel()
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if err := resolveIn(ctx, tx, id, a); err != nil || a.Outcome != orders.Unknown {
			return err
		}
		_, err := tx.Exec(ctx, `
			update ivr.orders set worker = null, locked_until = null, next_try_at = now() + $2
			where order_id = $1::uuid`, id, next)
		return err
	})
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Code == sqlResolved {
		return errResolved
	}
	if err != nil {
		return fmt.Errorf("resolve order %s: %w", id, err)
	}
	return nil
}

func resolveIn(ctx context.Context, tx pgx.Tx, id string, a orders.Answer) error {
	_, err := tx.Exec(ctx, "select ivr.resolve_order($1::uuid, $2, $3, $4)", id, a.Outcome, a.Detail, a.BossRef)
	return err
}

// row is one order as it is stored. The answer is zero until there is one.
type row struct {
	state  string
	answer orders.Answer
}

func (s store) read(ctx context.Context, id string) (row, error) {
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	var r row
	err := s.db.QueryRow(ctx, `
		select state, coalesce(result_outcome, ''), coalesce(result_detail, ''), boss_ref
		from ivr.orders where order_id = $1::uuid`, id).
		Scan(&r.state, &r.answer.Outcome, &r.answer.Detail, &r.answer.BossRef)
	if err != nil {
		return r, fmt.Errorf("read order %s: %w", id, err)
	}
	return r, nil
}

// hurry makes an unknown order due at once, unless it is being looked up.
func (s store) hurry(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	_, err := s.db.Exec(ctx, `
		update ivr.orders set next_try_at = least(next_try_at, now())
		where order_id = $1::uuid and state = 'unknown'`, id)
	return err
}

// claim is an order to reconcile.
type claim struct {
	id       string
	key      string
	state    string
	attempts int  // look-ups before this one
	settled  bool // "not found" counts: it can be on its way no more
}

// take claims the order that is due longest, for the length of lease; nil: none
// is. One that is still pending after deadline is closed at once, under the
// lock under which it would have to be marked sent.
func (s store) take(ctx context.Context, lease, deadline, settle time.Duration) (*claim, error) {
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	var c *claim
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		var o claim
		err := tx.QueryRow(ctx, `
			select order_id::text, idempotency_key, state, attempts, created_at + $1::interval + $2::interval <= now()
			from ivr.orders
			where state in ('pending', 'sent', 'unknown') and next_try_at <= now()
			  and (locked_until is null or locked_until < now())
			  and (state <> 'pending' or created_at + $1::interval <= now())
			order by next_try_at limit 1 for update skip locked`, deadline, settle).
			Scan(&o.id, &o.key, &o.state, &o.attempts, &o.settled)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		c = &o
		if o.state == statePending {
			return resolveIn(ctx, tx, o.id, failed(orders.Platform))
		}
		_, err = tx.Exec(ctx, `
			update ivr.orders set worker = $2, locked_until = now() + $3, attempts = attempts + 1
			where order_id = $1::uuid`, o.id, s.worker, lease)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claim an order to reconcile: %w", err)
	}
	return c, nil
}

// unresolved counts the orders of each state that is not final.
func (s store) unresolved(ctx context.Context) (map[string]int, error) {
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	counts := map[string]int{statePending: 0, stateSent: 0, stateUnknown: 0}
	rows, _ := s.db.Query(ctx, `
		select state, count(*) from ivr.orders where state in ('pending', 'sent', 'unknown') group by state`)
	var state string
	var n int
	_, err := pgx.ForEachRow(rows, []any{&state, &n}, func() error {
		counts[state] = n
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count the unresolved orders: %w", err)
	}
	return counts, nil
}
