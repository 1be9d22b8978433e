package desk

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"

	"hotline/internal/orders"
)

// gate is what a request passes on its way to the BOSS: so many at once, so many a
// second, and none while the breaker is open. There are two, so that neither
// callers nor the finding out of what came of their orders can starve the other.
type gate struct {
	name    string // a label: "calls", "reconciling"
	limits  Limits
	slots   *semaphore.Weighted
	places  *semaphore.Weighted // slots and the queue before them
	pace    *rate.Limiter
	breaker *gobreaker.TwoStepCircuitBreaker[struct{}]
	metrics *metrics
}

// The names of the gates.
const (
	gateCalls       = "calls"
	gateReconciling = "reconciling"
)

// probes is how many requests must succeed, one at a time or together, for a
// breaker that has been open to close.
const probes = 3

// errNoVerdict tells a breaker that a request says nothing about the BOSS; errBad
// that it failed.
var (
	errNoVerdict = errors.New("nothing learnt of the BOSS")
	errBad       = errors.New("the BOSS failed")
)

func newGate(name string, l Limits, m *metrics, changed func(gate string, from, to string)) *gate {
	g := &gate{
		name: name, limits: l, metrics: m,
		slots:  semaphore.NewWeighted(int64(l.Concurrent)),
		places: semaphore.NewWeighted(int64(l.Concurrent + l.Queue)),
		pace:   rate.NewLimiter(rate.Limit(l.Rate), max(1, int(math.Ceil(l.Rate)))),
	}
	g.breaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name: name, MaxRequests: probes, Timeout: l.Breaker.Pause,
		// A window that rolls on: with a fixed one a failure at its end is forgotten at once.
		Interval: l.Breaker.Window, BucketPeriod: l.Breaker.Window / 10,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			known := c.TotalSuccesses + c.TotalFailures
			return known >= uint32(l.Breaker.Requests) && float64(c.TotalFailures) >= l.Breaker.Share*float64(known)
		},
		OnStateChange: func(name string, from, to gobreaker.State) {
			m.breaker(name, to.String())
			changed(name, from.String(), to.String())
		},
		IsExcluded: func(err error) bool { return errors.Is(err, errNoVerdict) },
	})
	m.breaker(name, gobreaker.StateClosed.String())
	m.limit.WithLabelValues(name, "concurrent").Set(float64(l.Concurrent))
	m.limit.WithLabelValues(name, "queue").Set(float64(l.Queue))
	m.limit.WithLabelValues(name, "rate").Set(l.Rate)
	return g
}

// permit is the right to one request. It must be given back by release; verdict,
// before, tells the breaker how it went.
type permit struct {
	free   func()
	report func(error)
	told   sync.Once
}

// verdict tells the breaker what an answer says of the BOSS.
func (p *permit) verdict(a orders.Answer, err error) { p.told.Do(func() { p.report(health(a, err)) }) }

// release gives the permit back; more than once does no harm.
func (p *permit) release() {
	p.told.Do(func() { p.report(errNoVerdict) })
	p.free()
}

// health is what an answer or error says of the BOSS: nil for a BOSS that works, as one
// does that refuses an order or a password.
func health(a orders.Answer, err error) error {
	switch {
	case errors.Is(err, orders.ErrNotFound):
		return nil
	case errors.Is(err, context.Canceled):
		return errNoVerdict // whoever asked has left
	case err != nil, !a.Result.Valid(), a.Outcome == orders.SystemFailed:
		return errBad
	}
	return nil
}

// enter waits at most patience for the BOSS to have room. Where it does not get a
// permit it gives what to answer instead: an open breaker and a full queue are
// boss_unavailable at once, patience that has run out is boss_timeout, because an order
// sent with no time left would only become unknown.
func (g *gate) enter(ctx context.Context, patience time.Duration) (*permit, orders.Answer) {
	if g.breaker.State() == gobreaker.StateOpen {
		return nil, g.refuse("breaker", orders.BossUnavailable)
	}
	if !g.places.TryAcquire(1) {
		return nil, g.refuse("queue", orders.BossUnavailable)
	}
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	late := func() orders.Answer {
		g.places.Release(1)
		if errors.Is(ctx.Err(), context.Canceled) {
			return failed(orders.Platform) // the server stops, or the asker left
		}
		return g.refuse("patience", orders.BossTimeout)
	}
	if err := g.slots.Acquire(wait, 1); err != nil {
		return nil, late()
	}
	if err := g.pace.Wait(wait); err != nil {
		g.slots.Release(1)
		return nil, late()
	}
	report, err := g.breaker.Allow() // it may have opened while we waited
	if err != nil {
		g.slots.Release(1)
		g.places.Release(1)
		return nil, g.refuse("breaker", orders.BossUnavailable)
	}
	free := sync.OnceFunc(func() {
		g.slots.Release(1)
		g.places.Release(1)
	})
	return &permit{free: free, report: report}, orders.Answer{}
}

func (g *gate) refuse(why string, d orders.Detail) orders.Answer {
	g.metrics.refused.WithLabelValues(g.name, why).Inc()
	return failed(d)
}
