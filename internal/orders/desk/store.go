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
	"hotline/internal/orders/entry"
)

const (
	// storeWait bounds each use of Postgres: a caller is on the line.
	storeWait = 2 * time.Second
	// commitWait is that of the first, after which he is refused: he has been told to wait, and
	// a machine that is busy for some seconds is no reason for it.
	commitWait = 5 * time.Second
)

// The states of ivr.orders that the Desk has to tell apart; the others are final.
const (
	statePending = "pending"
	stateSent    = "sent"
	stateUnknown = "unknown"
)

var (
	// errResolved says that an order has its final result already, and another one.
	errResolved = errors.New("the order has another result")
	// errTaken says that another worker has had the order since.
	errTaken = errors.New("the order has been taken over")
	// errSecond says that an application is closed as unknown, and cannot become this result.
	errSecond = errors.New("an application has another outcome")
	// errTooMany says that a number has made its orders of the day.
	errTooMany = errors.New("the number has made as many orders within 24 hours as it may")
	// errOtherTerms says that the same is being done for a number at another price, or with
	// something else typed for it.
	errOtherTerms = errors.New("the same is being done with other terms")
)

// The SQLSTATEs of ivr.resolve_order and ivr.commit_order for them.
const (
	sqlResolved   = "IV002"
	sqlSecond     = "IV003"
	sqlTaken      = "IV004"
	sqlTooMany    = "IV005"
	sqlOtherTerms = "IV006"
)

// store is the Desk's view of ivr.orders. Times are Postgres's, as the
// processes that share the table have a clock each.
type store struct {
	db     *pgxpool.Pool
	worker string
}

// commit stores the intent of o and gives the order that stands for it: o, or the
// unresolved one for the same thing, or one that has just been done, which o joins. Nothing is
// stored after errTooMany and errOtherTerms.
func (s store) commit(ctx context.Context, o orders.Order, opt Options) (id string, _ error) {
	ctx, cancel := context.WithTimeout(ctx, commitWait)
	defer cancel()
	number := opt.Seal(o.Caller)
	params, kinds, private := public(o.With)
	var bossPrice *orders.Money
	if o.Priced {
		bossPrice = &o.BossPrice
	}
	var most *int
	if opt.Daily > 0 {
		most = &opt.Daily
	}
	err := s.db.QueryRow(ctx, `
		select ivr.commit_order($1, $2::uuid, null, $3::uuid, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)::text`,
		o.Application, o.Call, o.ID, o.Key, number.Masked, number.Hash, number.Enc,
		o.Service, o.Action, o.Price, o.Test, params, kinds, private, bossPrice,
		opt.Deadline, opt.Settle, max(0, opt.Join), most).Scan(&id)
	var pgErr *pgconn.PgError
	switch {
	case errors.As(err, &pgErr) && pgErr.Code == sqlTooMany:
		return "", errTooMany
	case errors.As(err, &pgErr) && pgErr.Code == sqlOtherTerms:
		return "", errOtherTerms
	case err != nil:
		return "", fmt.Errorf("commit the order of application %s: %w", o.Application, err)
	}
	return id, nil
}

// public is what may be stored of what a caller typed, by parameter, and of what kind it
// is; private says that something else was typed, too.
func public(typed orders.With) (params map[string]string, kinds map[string]entry.Kind, private bool) {
	params, kinds = map[string]string{}, map[string]entry.Kind{} // not nil: that would be null in the table
	for name, e := range typed {
		if e.Kind().Private() {
			private = true
			continue
		}
		params[name], kinds[name] = e.Reveal(), e.Kind()
	}
	return params, kinds, private
}

// markSent makes this Desk the one that sends an order, and leaves the order to
// it for a while; false: it is not pending any more. This is what keeps any order
// from being sent twice.
func (s store) markSent(ctx context.Context, id string, lease time.Duration) (fence int64, sending bool, _ error) {
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	err := s.db.QueryRow(ctx, `
		update ivr.orders set state = 'sent', worker = $2, locked_until = now() + $3, next_try_at = now() + $3,
			fence = fence + 1, sends = sends + 1, sent_at = now()
		where order_id = $1::uuid and state = 'pending' returning fence`, id, s.worker, lease).Scan(&fence)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("mark order %s sent: %w", id, err)
	}
	return fence, true, nil
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

// resolve stores a result and closes the applications of the order, unless another
// has taken it (errTaken). An unknown one is due again after next. It is not bound to ctx's
// end: what has happened has to be stored when time is up, too.
func (s store) resolve(ctx context.Context, h holding, a orders.Answer, next time.Duration) error {
	return s.resolving(ctx, h.id, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "select ivr.resolve_order($1::uuid, $2::bigint, $3, $4, $5)", h.id, h.fence, a.Outcome, a.Detail, a.BossRef)
		if err != nil || a.Outcome != orders.Unknown {
			return err
		}
		_, err = tx.Exec(ctx, `
			update ivr.orders set worker = null, locked_until = null, next_try_at = now() + $2
			where order_id = $1::uuid`, h.id, next)
		return err
	})
}

// testify is resolve for those who do not hold the order. It leaves it to who does.
func (s store) testify(ctx context.Context, id string, a orders.Answer) error {
	return s.resolving(ctx, id, func(ctx context.Context, tx pgx.Tx) error { return resolveIn(ctx, tx, id, a) })
}

func (s store) resolving(ctx context.Context, id string, do func(context.Context, pgx.Tx) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWait)
	defer cancel()
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error { return do(ctx, tx) })
	var pgErr *pgconn.PgError
	switch {
	case errors.As(err, &pgErr) && pgErr.Code == sqlResolved:
		return errResolved
	case errors.As(err, &pgErr) && pgErr.Code == sqlSecond:
		return errSecond
	case errors.As(err, &pgErr) && pgErr.Code == sqlTaken:
		return errTaken
	case err != nil:
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

// ping tells whether Postgres answers.
func (s store) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	if err := s.db.Ping(ctx); err != nil {
		return fmt.Errorf("ask whether Postgres is there: %w", err)
	}
	return nil
}

// hurry makes an unknown order due at once, unless it is being looked up.
func (s store) hurry(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	tag, err := s.db.Exec(ctx, `
		update ivr.orders set next_try_at = least(next_try_at, now())
		where order_id = $1::uuid and state = 'unknown'`, id)
	switch {
	case err != nil:
		return fmt.Errorf("hurry order %s: %w", id, err)
	case tag.RowsAffected() == 0:
		return fmt.Errorf("hurry order %s: %w", id, ErrNotUnknown)
	}
	return nil
}
