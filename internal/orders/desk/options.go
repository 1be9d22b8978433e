package desk

import (
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"hotline/internal/orders"
)

// Options are what a Desk is made with. Seal is needed, the rest has defaults.
type Options struct {
	// Seal makes of a caller's number what is stored with its order, Unseal the number of
	// that again. Without Unseal no order is ever sent again.
	Seal   func(orders.MSISDN) orders.Sealed
	Unseal func([]byte) (orders.MSISDN, error)

	// Deadline is for an order, from Submit to the answer: 40 s unless told. Query,
	// Verify and Lookup are for the others: 30 s, 15 s and 10 s, and never more than Deadline.
	Deadline, QueryDeadline, VerifyDeadline, LookupDeadline time.Duration

	// Settle is how long after its deadline an order that the BOSS does not know
	// may still arrive there: 2 min unless told. It must be longer than the BOSS
	// itself works on a request, else an order that failed for us may still act.
	Settle time.Duration

	// Join is how long after its success an order answers the same wish of the same
	// number: 1 min unless told, none where negative. One still running is joined always.
	Join time.Duration

	// Daily is how many orders of one number are taken within 24 hours, of all processes
	// together; the next is rejected/ineligible. Any number unless told.
	Daily int

	// Patience is how long it may take to find out what came of an order before a
	// person is asked to: 24 h unless told. Nothing is sent again after it.
	Patience time.Duration

	// Calls limits what callers ask of the BOSS, Reconciling what is asked about their orders
	// afterwards. Neither takes from the other.
	Calls, Reconciling Limits

	// Retry is the time to the first look-up of an unknown order, doubled for
	// each further one up to 2 min: 2 s unless told.
	Retry time.Duration

	// Poll is how often to look for orders that are due: 1 s unless told.
	Poll time.Duration

	// Worker names this process in ivr.orders: no two that run at once have the
	// same name. Random unless told.
	Worker string

	Log     *slog.Logger          // discards unless told
	Metrics prometheus.Registerer // metrics are not registered unless told
}

// Limits are what a BOSS is spared.
type Limits struct {
	// Concurrent is how many requests the BOSS takes at once: 32 of callers, 8 to
	// reconcile, unless told. Queue is how many more may wait for that: four times as
	// many unless told.
	Concurrent, Queue int

	// Rate is how many requests a second it takes, with bursts of one second's: 500 of
	// callers, 100 to reconcile, unless told.
	Rate float64

	// Breaker is when to leave the BOSS alone.
	Breaker Breaker
}

// Breaker opens, and refuses what would be asked, when of at least Requests (20 unless
// told) within Window (30 s) the Share (0.5) has failed. After Pause (10 s) single requests
// try whether the BOSS is back. Refusals and wrong passwords are no failures, nor is what
// a caller has broken off.
type Breaker struct {
	Requests      int
	Share         float64
	Window, Pause time.Duration
}

func (o Options) withDefaults() Options {
	pick(&o.Deadline, 40*time.Second)
	pick(&o.QueryDeadline, min(o.Deadline, 30*time.Second))
	pick(&o.VerifyDeadline, min(o.Deadline, 15*time.Second))
	pick(&o.LookupDeadline, min(o.Deadline, 10*time.Second))
	pick(&o.Settle, 2*time.Minute)
	pick(&o.Join, time.Minute)
	pick(&o.Patience, 24*time.Hour)
	o.Calls.defaults(32, 500)
	o.Reconciling.defaults(8, 100)
	pick(&o.Retry, 2*time.Second)
	pick(&o.Poll, time.Second)
	pick(&o.Worker, uuid.NewString())
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

func (l *Limits) defaults(concurrent int, rate float64) {
	pick(&l.Concurrent, concurrent)
	pick(&l.Queue, 4*l.Concurrent)
	pick(&l.Rate, rate)
	pick(&l.Breaker.Requests, 20)
	pick(&l.Breaker.Share, 0.5)
	pick(&l.Breaker.Window, 30*time.Second)
	pick(&l.Breaker.Pause, 10*time.Second)
}

// pick sets what was left zero.
func pick[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}
