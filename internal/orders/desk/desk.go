// Package desk carries orders out. It stands between calls, which come and go,
// and the BOSS, which is slow, fails, and loses answers:
//
//	wait for room at the BOSS, or refuse
//	commit the intent, under its key, in Postgres
//	tell the call (from here on the order outlives it)
//	mark the order sent
//	ask the BOSS, under a deadline
//	store what came of it, and close the applications that wait for it
//
// Guarantees. Nothing is sent whose intent is not stored. Exactly one Desk moves an
// order from pending to sent, and no failure is answered by sending again blindly. A
// lost answer is Unknown, an outcome of its own, until it is found out: by Lookup,
// where "not found" counts only once the order can be on its way no more; or, where the BOSS
// acts on a key only once, by sending the same key with the same parameters. Where
// neither is possible the order becomes visible to a person, who decides (Decide). When a
// process dies, any other (or the next) finishes its orders: one still pending was
// provably never sent and becomes system_failed/platform (carrying it out later
// would surprise a caller who was told, or concluded, that it failed). Whoever takes an
// order over raises its fence, and one whose lease ran out writes no inference of its
// own any more; only what the BOSS itself has told it still counts.
//
// A second order for the same number, service and action joins the unresolved one, and
// gets its result; at another price, or with something else typed, it is refused, as that
// result would not be its own. What was secret is not there to be compared. One that has just succeeded answers the same wish, typed
// the same, for Options.Join, unless the number has ordered anything else since. Of what a caller
// typed, only what is not private is stored with an order; passwords, identity numbers
// and telephone numbers go to the BOSS and nowhere else.
//
// It refuses to know telephones and menus, to retry blindly, and to guess.
package desk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/jackc/pgx/v5/pgxpool"

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

// Desk takes orders and queries for one BOSS. It is safe for concurrent use.
type Desk struct {
	boss    Adapter
	store   store
	opt     Options
	log     *slog.Logger
	metrics *metrics

	calls, reconciling *gate
	wake               chan struct{} // there may be more to reconcile

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
	d := &Desk{
		boss:    boss,
		store:   store{db: db, worker: opt.Worker},
		opt:     opt,
		log:     opt.Log,
		metrics: m,
		wake:    make(chan struct{}, 1),
		flights: map[*flight]struct{}{},
	}
	d.calls = newGate(gateCalls, opt.Calls, m, d.breakerChanged)
	d.reconciling = newGate(gateReconciling, opt.Reconciling, m, d.breakerChanged)
	return d, nil
}

// breakerChanged says what people are to know: that the BOSS is left alone, and
// that it is not any more.
func (d *Desk) breakerChanged(gate, from, to string) {
	d.log.Warn("breaker of the BOSS has changed", "gate", gate, "from", from, "to", to)
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

// failed is the answer where the BOSS gave none.
func failed(d orders.Detail) orders.Answer {
	return orders.Answer{Result: orders.Result{Outcome: orders.SystemFailed, Detail: d}}
}
