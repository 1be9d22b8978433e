// Package notify brings results to callers who have not heard them in their calls: "we will
// text you the result" has to become true.
//
// With each result of an order Postgres writes a notification (migrations/008_orders.sql), so
// that no way of ending an order can forget it. The Notifier first waits for what the journal tells:
// who heard the result in the call is told nothing twice. What is left is due, and is delivered
// by whatever Deliver does (Webhook), at least once, under an id that is the same for every attempt; any
// number of processes share the work. Without Deliver it stays in the table, for a gateway
// that reads ivr.notifications itself and sets what it has delivered to sent.
//
// It refuses to write the text that callers read, which the gateway has for each name, and to
// send a number anywhere but to the receiver.
package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"hotline/internal/orders"
)

// Notice is one result for one caller.
type Notice struct {
	ID       string // UUID, the same for every attempt: a receiver keeps what it has had
	Kind     string // order_result
	Text     string // the message: "open.success", "open.rejected.already_open"
	Language string // that the caller chose last, "" for none
	Order    string
	Caller   orders.MSISDN
	Service  string
	Action   orders.Action
	Price    orders.Money
	Result   orders.Result
	Resolved time.Time
	Test     bool // of a dial test
}

// Options are what a Notifier is made with. Pool, Unseal, Log and Registerer are needed.
type Options struct {
	Pool    *pgxpool.Pool
	Unseal  func([]byte) (orders.MSISDN, error) // gives back the number of an order
	Deliver func(context.Context, Notice) error // nil: the table is read by others

	Patience time.Duration // for one delivery: 10 s unless told
	Retry    time.Duration // after the first failure, doubled up to 10 min: 5 s unless told
	GiveUp   time.Duration // after the result: 72 h unless told
	Hold     time.Duration // at most, for a call of which nothing more is heard: 5 min unless told
	Poll     time.Duration // 1 s unless told

	Log        *slog.Logger
	Registerer prometheus.Registerer
}

// workers deliver at once in one process.
const workers = 4

const longestWait = 10 * time.Minute // between two attempts

// Notifier delivers what is due. Run does it.
type Notifier struct {
	opt     Options
	store   store
	metrics *metrics
}

// New makes a Notifier on a database that has been migrated.
func New(opt Options) *Notifier {
	for d, otherwise := range map[*time.Duration]time.Duration{
		&opt.Patience: 10 * time.Second, &opt.Retry: 5 * time.Second, &opt.GiveUp: 72 * time.Hour,
		&opt.Hold: 5 * time.Minute, &opt.Poll: time.Second,
	} {
		if *d == 0 {
			*d = otherwise
		}
	}
	return &Notifier{opt: opt, store: store{opt.Pool, uuid.NewString()}, metrics: newMetrics(opt.Registerer)}
}

// Run delivers until ctx ends, and returns when its workers have. What is on its way then
// is cut off, and delivered again by whoever runs next.
func (n *Notifier) Run(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(func() { n.again(ctx, n.settle) })
	all.Go(func() { n.again(ctx, n.count) })
	if n.opt.Deliver != nil {
		for range workers {
			all.Go(func() { n.again(ctx, n.deliverOne) })
		}
	}
	all.Wait()
}

// again does something until ctx ends: at once again while there is more, else after a while.
func (n *Notifier) again(ctx context.Context, do func(context.Context) (more bool, _ error)) {
	for ctx.Err() == nil {
		more, err := do(ctx)
		if err != nil && ctx.Err() == nil {
			n.opt.Log.Warn("notifications failed, will try again", "error", err)
		}
		if more && err == nil {
			continue
		}
		// Spread out, so that many processes do not look at the same moment.
		select {
		case <-ctx.Done():
		case <-time.After(n.opt.Poll/2 + rand.N(n.opt.Poll)):
		}
	}
}

// settle decides about results that have been held: heard in the call, or due.
func (n *Notifier) settle(ctx context.Context) (more bool, _ error) {
	heard, due, err := n.store.settle(ctx, n.opt.Hold)
	n.metrics.outcomes.WithLabelValues("heard").Add(float64(heard))
	return heard+due == batch, err
}

func (n *Notifier) count(ctx context.Context) (bool, error) {
	waiting, oldest, err := n.store.waiting(ctx)
	for state, count := range waiting {
		n.metrics.waiting.WithLabelValues(state).Set(float64(count))
	}
	n.metrics.oldest.Set(oldest.Seconds())
	return false, err
}

// deliverOne takes the notification that is due longest, and delivers it.
func (n *Notifier) deliverOne(ctx context.Context) (more bool, _ error) {
	c, err := n.store.take(ctx, n.opt.Patience+2*storeWait)
	if err != nil || c == nil {
		return false, err
	}
	err = n.deliver(ctx, c)
	switch {
	case err != nil && ctx.Err() != nil:
		return false, ctx.Err() // the lease runs out, and another delivers it
	case err == nil:
		n.metrics.outcomes.WithLabelValues("sent").Inc()
		return true, n.store.sent(ctx, c)
	case c.age > n.opt.GiveUp:
		n.metrics.outcomes.WithLabelValues("given_up").Inc()
		n.opt.Log.Error("notification given up", "notification", c.notice.ID, "order", c.notice.Order, "attempts", c.attempts, "error", err)
		return true, n.store.giveUp(ctx, c, err)
	}
	n.metrics.outcomes.WithLabelValues("failed").Inc()
	n.opt.Log.Warn("notification not delivered, will try again", "notification", c.notice.ID, "order", c.notice.Order, "attempts", c.attempts, "error", err)
	return true, n.store.failed(ctx, c, err, n.backOff(c.attempts))
}

func (n *Notifier) deliver(ctx context.Context, c *claim) error {
	number, err := n.opt.Unseal(c.number)
	if err != nil {
		return fmt.Errorf("open the number of the order: %w", err)
	}
	c.notice.Caller = number
	ctx, cancel := context.WithTimeout(ctx, n.opt.Patience)
	defer cancel()
	return n.opt.Deliver(ctx, c.notice)
}

// backOff doubles the wait for each attempt that was made.
func (n *Notifier) backOff(attempts int) time.Duration {
	return min(n.opt.Retry<<min(max(attempts-1, 0), 16), longestWait)
}

// ErrNotWaiting is what Again refuses, by wrapping.
var ErrNotWaiting = errors.New("no such notification is due or given up")

// Again has a notification, by its id, delivered next that is due or was given up; one that was
// has all of GiveUp before it once more. One that its caller has, or may still hear in the
// call, is not sent again: nobody is told twice. Which is being delivered now stays with who does it.
func Again(ctx context.Context, pool *pgxpool.Pool, id string) error {
	if uuid.Validate(id) != nil {
		return fmt.Errorf("notify again for %s: %w", id, ErrNotWaiting)
	}
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	tag, err := pool.Exec(ctx, `
		update ivr.notifications set state = 'due', next_try_at = now(),
			created_at = case when state = 'given_up' then now() else created_at end
		where id = $1::uuid and state in ('due', 'given_up')`, id)
	switch {
	case err != nil:
		return fmt.Errorf("notify again for %s: %w", id, err)
	case tag.RowsAffected() == 0:
		return fmt.Errorf("notify again for %s: %w", id, ErrNotWaiting)
	}
	return nil
}
