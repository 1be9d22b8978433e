package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	storeWait = 5 * time.Second // for each use of Postgres
	batch     = 100             // results decided about at once
	// askAgain is when a result whose call goes on is looked at again: a sentence takes
	// some seconds, and steps take one to come to Postgres.
	askAgain = 3 * time.Second
)

// store is the Notifier's view of ivr.notifications. Times are Postgres's.
type store struct {
	pool   *pgxpool.Pool
	worker string
}

// settle takes held results, and tells how many were heard and how many are due.
func (s store) settle(ctx context.Context, hold time.Duration) (heard, due int, _ error) {
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	err := s.pool.QueryRow(ctx, `
		with held as materialized (
			select id, order_id from ivr.notifications
			where state = 'held' and next_try_at <= now()
			order by next_try_at limit $1 for update skip locked
		), judged as materialized (
			select id, ivr.heard(order_id) as heard from held
		), decided as (
			update ivr.notifications n
			set state = case when j.heard = 'heard' then 'heard'
			                 when j.heard = 'unheard' or n.created_at < now() - $2::interval then 'due'
			                 else 'held' end,
			    next_try_at = now() + case when j.heard = 'open' and n.created_at >= now() - $2::interval
			                               then $3::interval else '0 s'::interval end
			from judged j where n.id = j.id
			returning n.state
		)
		select count(*) filter (where state = 'heard'), count(*) filter (where state = 'due') from decided`,
		batch, hold, min(askAgain, hold)).Scan(&heard, &due)
	if err != nil {
		return 0, 0, fmt.Errorf("decide which results were heard: %w", err)
	}
	return heard, due, nil
}

// claim is a notification to deliver. The notice has no caller yet.
type claim struct {
	notice   Notice
	number   []byte // sealed
	fence    int64
	attempts int
	age      time.Duration // of the result
}

// take claims the notification that is due longest for the length of lease; nil: none is.
func (s store) take(ctx context.Context, lease time.Duration) (*claim, error) {
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	var c claim
	n := &c.notice
	err := s.pool.QueryRow(ctx, `
		update ivr.notifications n
		set worker = $1, locked_until = now() + $2, attempts = n.attempts + 1, fence = n.fence + 1
		from ivr.orders o left join ivr.remembered r on r.caller_hash = o.msisdn_hash
		where n.id = (
			select id from ivr.notifications
			where state = 'due' and next_try_at <= now() and (locked_until is null or locked_until < now())
			order by next_try_at limit 1 for update skip locked)
		  and o.order_id = n.order_id
		returning n.id::text, n.kind, n.text, coalesce(r.language, ''), o.order_id::text, o.service, o.action, o.price,
		          o.result_outcome, o.result_detail, o.resolved_at, o.test, o.msisdn_enc, n.fence, n.attempts, now() - n.created_at`,
		s.worker, lease).Scan(&n.ID, &n.Kind, &n.Text, &n.Language, &n.Order, &n.Service, &n.Action, &n.Price,
		&n.Result.Outcome, &n.Result.Detail, &n.Resolved, &n.Test, &c.number, &c.fence, &c.attempts, &c.age)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("claim a notification: %w", err)
	}
	return &c, nil
}

func (s store) sent(ctx context.Context, c *claim) error {
	return s.finish(ctx, c, "state = 'sent', sent_at = now(), last_error = $3, next_try_at = now() + $4", "", 0)
}

func (s store) failed(ctx context.Context, c *claim, err error, next time.Duration) error {
	return s.finish(ctx, c, "last_error = $3, next_try_at = now() + $4", err.Error(), next)
}

func (s store) giveUp(ctx context.Context, c *claim, err error) error {
	return s.finish(ctx, c, "state = 'given_up', last_error = $3, next_try_at = now() + $4", err.Error(), 0)
}

// finish stores what came of an attempt, unless the lease has run out and another has the
// notification now. What was delivered is stored when the server stops, too.
func (s store) finish(ctx context.Context, c *claim, set, problem string, next time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWait)
	defer cancel()
	_, err := s.pool.Exec(ctx, "update ivr.notifications set worker = null, locked_until = null, "+set+
		" where id = $1::uuid and fence = $2 and state = 'due'", c.notice.ID, c.fence, problem, next)
	if err != nil {
		return fmt.Errorf("store what came of notification %s: %w", c.notice.ID, err)
	}
	return nil
}

// waiting counts what is not delivered yet, by state, and tells since when the oldest is due.
func (s store) waiting(ctx context.Context) (counts map[string]int, oldest time.Duration, _ error) {
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	counts = map[string]int{"held": 0, "due": 0}
	rows, _ := s.pool.Query(ctx, `
		select state, count(*), coalesce(now() - min(created_at) filter (where state = 'due'), '0 s')
		from ivr.notifications where state in ('held', 'due') group by state`)
	var state string
	var n int
	var age time.Duration
	_, err := pgx.ForEachRow(rows, []any{&state, &n, &age}, func() error {
		counts[state], oldest = n, max(oldest, age)
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("count the notifications: %w", err)
	}
	return counts, oldest, nil
}
