// Package desk carries orders out. It stands between calls, which come and go,
// and the BOSS, which is slow, fails, and loses answers:
//
//	commit the intent, under its key, in Postgres
//	tell the call (from here on the order outlives it)
//	mark the order sent
//	ask the BOSS, under a deadline
//	store what came of it, and close the applications that wait for it
//
// Guarantees. Nothing is sent whose intent is not stored. No order is sent
// twice: exactly one Desk moves it from pending to sent, and no failure is
// answered by sending again. A lost answer is Unknown, an outcome of its own,
// until the BOSS tells by Lookup. When a process dies, any other (or the next)
// finishes its orders: one still pending was provably never sent and becomes
// system_failed/platform (carrying it out later would surprise a caller who was
// told, or concluded, that it failed); one that was sent is looked up. A second
// order for the same number, service and action joins the unresolved one, and gets
// its result, whatever the second caller typed for it: what was secret in the first
// is not there to be compared. Of what a caller typed, only what is not private is
// stored with an order; passwords, identity numbers and telephone numbers go to the
// BOSS and nowhere else.
//
// It refuses to know telephones and menus, to retry, and to guess.
package desk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/semaphore"

	"hotline/internal/orders"
)

// Adapter is a BOSS. Refusals are answers; errors mean that the BOSS or the way
// to it failed, and say by orders.ErrNotSent, ErrAnswerLost and ErrNotFound what
// that leaves certain. No error and no answer quotes what is secret of a request.
// Every method returns soon after ctx ends.
type Adapter interface {
	// Submit carries out an order. An answer with Outcome Unknown says that the
	// BOSS has accepted it and will complete it later.
	Submit(ctx context.Context, o orders.Order) (orders.Answer, error)

	// Lookup tells what came of the order with this key: its answer (Unknown
	// while it is being worked on), or an error, ErrNotFound among them.
	Lookup(ctx context.Context, key string) (orders.Answer, error)

	// Query answers a question and changes nothing.
	Query(ctx context.Context, q orders.Query) (orders.Answer, error)

	// Verify tells whether a caller knows the service password: success or
	// auth_failed. A BOSS may count wrong ones; nothing else changes.
	Verify(ctx context.Context, v orders.Verification) (orders.Answer, error)

	// Prices tells what each service costs a month, by its id; nil where the BOSS does not
	// tell (Capabilities). What callers are told must be what they are charged.
	Prices(ctx context.Context) (map[string]orders.Money, error)

	Capabilities() orders.Capabilities
}

// Options are what a Desk is made with. Seal is needed, the rest has defaults.
type Options struct {
	// Seal makes of a caller's number what is stored with its order.
	Seal func(orders.MSISDN) orders.Sealed

	// Deadline is for one order or query, from Submit or Ask to the answer:
	// 40 s unless told.
	Deadline time.Duration

	// Settle is how long after its deadline an order that the BOSS does not know
	// may still arrive there: 2 min unless told. It must be longer than the BOSS
	// itself works on a request, else an order that failed for us may still act.
	Settle time.Duration

	// Concurrent is how many requests the BOSS takes at once, 32 unless told;
	// Queue is how many more may wait for that, four times as many unless told.
	Concurrent, Queue int

	// Retry is the time to the first look-up of an unknown order, doubled for
	// each further one up to 5 min: 2 s unless told.
	Retry time.Duration

	// Poll is how often to look for orders that are due: 1 s unless told.
	Poll time.Duration

	// Worker names this process in ivr.orders: no two that run at once have the
	// same name. Random unless told.
	Worker string

	Log     *slog.Logger          // discards unless told
	Metrics prometheus.Registerer // metrics are not registered unless told
}

func (o Options) withDefaults() Options {
	pick(&o.Deadline, 40*time.Second)
	pick(&o.Settle, 2*time.Minute)
	pick(&o.Concurrent, 32)
	pick(&o.Queue, 4*o.Concurrent)
	pick(&o.Retry, 2*time.Second)
	pick(&o.Poll, time.Second)
	pick(&o.Worker, uuid.NewString())
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// pick sets what was left zero.
func pick[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

// Desk takes orders and queries for one BOSS. It is safe for concurrent use.
type Desk struct {
	boss    Adapter
	store   store
	opt     Options
	log     *slog.Logger
	metrics *metrics
	slots   *semaphore.Weighted
	places  *semaphore.Weighted // slots and the queue before them

	mu      sync.Mutex // guards the fields below, and that no work begins once closed
	closed  bool       // no new work
	cut     bool       // no more waiting for work under way
	flights map[*flight]struct{}
	work    sync.WaitGroup
}

// flight is one order or query under way.
type flight struct{ cancel context.CancelFunc }

// New makes a Desk that stores its orders in db, whose schema must be there, and
// sends them to boss. Nothing runs until it is used; Run reconciles.
func New(db *pgxpool.Pool, boss Adapter, opt Options) (*Desk, error) {
	if opt.Seal == nil {
		return nil, errors.New("a desk needs Seal: numbers are never stored open")
	}
	opt = opt.withDefaults()
	m, err := newMetrics(opt.Metrics)
	if err != nil {
		return nil, fmt.Errorf("register the metrics of the desk: %w", err)
	}
	return &Desk{
		boss:    boss,
		store:   store{db: db, worker: opt.Worker},
		opt:     opt,
		log:     opt.Log,
		metrics: m,
		slots:   semaphore.NewWeighted(int64(opt.Concurrent)),
		places:  semaphore.NewWeighted(int64(opt.Concurrent + opt.Queue)),
		flights: map[*flight]struct{}{},
	}, nil
}

// begin takes up work, unless the Desk is closed; end must follow.
func (d *Desk) begin(ctx context.Context) (_ context.Context, end func(), ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return ctx, nil, false
	}
	ctx, end = d.track(ctx)
	return ctx, end, true
}

// track is begin for those who hold mu and may go on after closed.
func (d *Desk) track(ctx context.Context) (_ context.Context, end func()) {
	ctx, cancel := context.WithCancel(ctx)
	f := &flight{cancel}
	d.flights[f] = struct{}{}
	d.work.Add(1)
	if d.cut {
		cancel()
	}
	return ctx, func() {
		cancel()
		d.mu.Lock()
		delete(d.flights, f)
		d.mu.Unlock()
		d.work.Done()
	}
}

// Close takes no further work and waits for what is under way. Shortly before
// the deadline of ctx it gives up waiting for the BOSS: those orders become
// unknown, and are looked up by whoever runs next. The error says that some were
// cut off in this way, or were not even stored in time.
func (d *Desk) Close(ctx context.Context) error {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	idle := make(chan struct{})
	go func() { // ends with the last flight; each is bounded by the deadline
		d.work.Wait()
		close(idle)
	}()

	patience, cancel := context.WithCancel(ctx)
	if end, ok := ctx.Deadline(); ok {
		// What is cut off still has to be stored as unknown.
		patience, cancel = context.WithDeadline(ctx, end.Add(-storeWait))
	}
	defer cancel()
	select {
	case <-idle:
		return nil
	case <-patience.Done():
	}
	d.mu.Lock()
	d.cut = true
	n := len(d.flights)
	for f := range d.flights {
		f.cancel()
	}
	d.mu.Unlock()
	select {
	case <-idle:
		return fmt.Errorf("close the desk: %d orders or queries were cut off", n)
	case <-ctx.Done():
		return fmt.Errorf("close the desk with %d orders or queries under way: %w", n, ctx.Err())
	}
}

// slot waits for the BOSS to have room. It gives release, which may be called
// more than once; or none, and what to answer instead: a full queue is
// boss_unavailable at once, and half the deadline spent in it boss_timeout,
// because an order sent with no time left would only become unknown.
func (d *Desk) slot(ctx context.Context) (release func(), _ orders.Answer) {
	if !d.places.TryAcquire(1) {
		return nil, failed(orders.BossUnavailable)
	}
	wait, cancel := context.WithTimeout(ctx, d.opt.Deadline/2)
	defer cancel()
	if err := d.slots.Acquire(wait, 1); err != nil {
		d.places.Release(1)
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil, failed(orders.Platform) // the server stops, or the asker left
		}
		return nil, failed(orders.BossTimeout)
	}
	return sync.OnceFunc(func() {
		d.slots.Release(1)
		d.places.Release(1)
	}), orders.Answer{}
}

// failed is the answer where the BOSS gave none.
func failed(d orders.Detail) orders.Answer {
	return orders.Answer{Result: orders.Result{Outcome: orders.SystemFailed, Detail: d}}
}
