package outside

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"hotline/internal/orders"
)

// Options are what a Board needs; all of them.
type Options struct {
	Store      *Store
	Hash       func(orders.MSISDN) []byte // under which the journal keeps a caller
	Log        *slog.Logger
	Registerer prometheus.Registerer
}

// Board is what calls look at. It is never older than two seconds while Postgres
// answers, and keeps what it knew last while it does not.
type Board struct {
	opt Options

	mu        sync.RWMutex
	closed    map[string]bool
	notices   []Notice // the newest first
	languages map[caller]string
	prices    priceList
	read      time.Time // when all of it was last read; zero for never

	mismatch *prometheus.GaugeVec

	stored time.Time // of the newest language that is known; of Run's goroutine
	silent bool      // Postgres has not answered the last time
}

// caller is half of the hash of a number: enough to tell numbers apart, of which
// there are fewer than 10^15, and a million of them take little memory.
type caller [16]byte

const (
	readEvery = time.Second
	// overlap is how much of what was read is read again: rows become visible when
	// their transaction ends, not in the order of their times.
	overlap = time.Minute
)

// NewBoard makes a Board that knows nothing yet: nothing is closed.
func NewBoard(opt Options) *Board {
	b := &Board{opt: opt, closed: map[string]bool{}, languages: map[caller]string{}}
	promauto.With(opt.Registerer).NewGaugeFunc(prometheus.GaugeOpts{
		Name: "ivr_outside_age_seconds", Help: "Since closed services and notices were last read; above some seconds, switches that are turned have no effect.",
	}, b.age)
	promauto.With(opt.Registerer).NewGaugeFunc(prometheus.GaugeOpts{
		Name: "ivr_boss_prices_age_seconds", Help: "Since the BOSS has told its prices; -1: it never has.",
	}, b.priceAge)
	b.mismatch = promauto.With(opt.Registerer).NewGaugeVec(prometheus.GaugeOpts{
		Name: "ivr_price_mismatch", Help: "1: the BOSS asks another price for the service than callers are told, and orders for it are refused.",
	}, []string{"service"})
	return b
}

func (b *Board) age() float64 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.read.IsZero() {
		return -1
	}
	return time.Since(b.read).Seconds()
}

// Run reads at once, then again and again until ctx ends.
func (b *Board) Run(ctx context.Context) {
	tick := time.NewTicker(readEvery)
	defer tick.Stop()
	for {
		b.Read(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Read takes what Postgres has now. A server reads once before its first call, and
// then has Run do it; the two never at once.
func (b *Board) Read(ctx context.Context) {
	err := b.refresh(ctx)
	switch {
	case err != nil && !b.silent && ctx.Err() == nil:
		b.opt.Log.Error("closed services, notices and languages stay as they were", "err", err)
	case err == nil && b.silent:
		b.opt.Log.Info("closed services, notices and languages are followed again")
	}
	b.silent = err != nil
}

func (b *Board) refresh(ctx context.Context) error {
	switches, err := b.opt.Store.Switches(ctx)
	if err != nil {
		return err
	}
	notices, err := b.opt.Store.Notices(ctx)
	if err != nil {
		return err
	}
	after := b.stored
	if !after.IsZero() {
		after = after.Add(-overlap)
	}
	languages, err := b.opt.Store.languages(ctx, after)
	if err != nil {
		return err
	}
	closed := make(map[string]bool, len(switches))
	for _, s := range switches {
		closed[s.Service] = s.Closed
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed, b.notices, b.read = closed, notices, time.Now()
	for _, l := range languages {
		if len(l.Hash) >= len(caller{}) {
			b.languages[caller(l.Hash[:len(caller{})])] = l.Language
		}
		if l.StoredAt.After(b.stored) {
			b.stored = l.StoredAt
		}
	}
	return nil
}

// Look tells whether a service is closed to callers, and the prompt of the newest
// notice about it that holds at this time; "" for none.
func (b *Board) Look(service string, at time.Time) (closed bool, notice string) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, n := range b.notices {
		if n.Service == service && n.holds(at) {
			notice = n.Prompt
			break
		}
	}
	return b.closed[service], notice
}

// Closed lists the services that are closed to callers.
func (b *Board) Closed() []string {
	b.mu.RLock()
	defer b.mu.RUnlock()
	var all []string
	for service, closed := range b.closed {
		if closed {
			all = append(all, service)
		}
	}
	return all
}

// Language is the one that a caller has chosen in an earlier call; "" for none, and
// for a caller whose number is not known.
func (b *Board) Language(m orders.MSISDN) string {
	if m.IsZero() {
		return ""
	}
	hash := b.opt.Hash(m)
	if len(hash) < len(caller{}) {
		return ""
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.languages[caller(hash[:len(caller{})])]
}
