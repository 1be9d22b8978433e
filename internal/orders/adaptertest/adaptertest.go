// Package adaptertest is the one conformance suite for BOSS adapters: it checks that
// an adapter keeps what the Desk relies on, whatever the network and the BOSS do. Each
// adapter's own test calls Run with its Peer: the true BOSS, the way to its ledger, and how an
// adapter is connected to a URL. Where the adapter speaks HTTP, the suite stands between the two on
// real sockets, and drops, resets, repeats, delays and damages what passes.
//
//	for each fault: submit an order under it
//	    what the adapter says   is held against   the ledger, now and after all has settled
//
// The BOSS's own ledger is the truth, never what the adapter says. It is for tests only,
// and refuses to judge what a BOSS decides: only how the adapter tells it.
package adaptertest

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"hotline/internal/orders"
	"hotline/internal/orders/desk"
)

// Peer is a true BOSS, and how an adapter is connected to it.
type Peer struct {
	// URL is where the BOSS listens; only its host is replaced by that of the proxy. "" for an
	// adapter without a wire: it meets the faults of Faults alone.
	URL string

	// Connect makes an adapter for the BOSS at url, that logs to log. What close has not ended of
	// the adapter (connections, goroutines) counts as lost.
	Connect func(url string, log *slog.Logger) (_ desk.Adapter, close func(), _ error)

	// Effects tells how often the BOSS has acted on a key, from its own ledger.
	Effects func(ctx context.Context, key string) (int, error)

	// Faults are what the BOSS can be told to do wrong itself.
	Faults []Fault

	// Async switches whether the BOSS accepts orders and carries them out a little later,
	// by itself. nil where it never does.
	Async func(ctx context.Context, on bool) error

	// BusyIsNotDone: the interface promises that nothing was done where it answers 429 or 503.
	BusyIsNotDone bool

	Sample Sample
}

// Fault is something that a BOSS can be told to do wrong, until clear.
type Fault struct {
	Name string
	Arm  func(ctx context.Context) (clear func(context.Context) error, _ error)

	// Promised: the interface says for certain that nothing was done, so that ErrNotSent is right.
	Promised bool
}

// Sample is what can be asked of the BOSS. Keys are added. The suite opens and
// closes some sixty times: Open must be cheap enough for its caller.
type Sample struct {
	Open  orders.Order // succeeds the first time, is refused the second; with what a caller typed
	Close orders.Order // succeeds after Open

	// Paid costs something and succeeds once, Unpaid closes it. Both zero where all is free.
	Paid, Unpaid orders.Order

	// Query succeeds, and has Shows among its values once Open has been carried out: what was
	// typed for it. Shows is empty where nothing can be typed.
	Query orders.Query
	Shows map[string]orders.Value

	// Asked are queries with values that they always give, an amount of money among them: yuan
	// and fen are not told apart otherwise.
	Asked []Asked

	// Typed are two queries that succeed and differ in nothing but what was typed,
	// and in their answers. Both zero where nothing can be typed.
	Typed [2]orders.Query

	// Right and Wrong are about one caller, and differ in the password, whose
	// digits are not found in any text by chance.
	Right, Wrong orders.Verification
}

// Asked is a question and values that are in its answer.
type Asked struct {
	Query orders.Query
	Want  map[string]orders.Value
}

// Problem is one thing that an adapter does wrong.
type Problem struct {
	Check string // by which it was found, e.g. "submit: reset after the effect"
	Text  string
}

// String gives "check: text".
func (p Problem) String() string { return p.Check + ": " + p.Text }

// Run fails t for everything that the adapter does wrong. It leaves the BOSS as it found
// it, if all is well. It is not to run in parallel to other tests of the process: it counts goroutines.
func Run(t *testing.T, p Peer) {
	t.Helper()
	all, err := Problems(t.Context(), p)
	if err != nil {
		t.Fatalf("the peer does not work, so that nothing is known of the adapter: %v", err)
	}
	for _, problem := range all {
		t.Error(problem)
	}
}

// Problems is Run for those who want to see what is found. The error is about the peer:
// it could not be reached without an adapter, or its ledger could not be read.
func Problems(ctx context.Context, p Peer) ([]Problem, error) {
	return problems(ctx, p, func(string) bool { return true })
}

// problems runs the checks whose names are wanted; none needs another one before it.
func problems(ctx context.Context, p Peer, wanted func(check string) bool) (_ []Problem, err error) {
	b, err := newBench(ctx, p)
	if err != nil {
		return nil, err
	}
	defer func() {
		switch stop := recover().(type) {
		case nil:
		case peerFailed:
			err = stop.error
		default:
			panic(stop)
		}
	}()
	defer b.close()
	for _, c := range b.checks() {
		if wanted(c.name) {
			b.check = c.name
			c.run(ctx, b)
		}
	}
	b.check = "secrets"
	b.searchLog()
	b.check = "nothing is left running"
	if wanted(b.check) {
		b.leftovers(ctx)
	}
	return b.problems, nil
}

// peerFailed unwinds a check that cannot go on as the peer itself has failed.
type peerFailed struct{ error }

func must(what string, err error) {
	if err != nil {
		panic(peerFailed{fmt.Errorf("%s: %w", what, err)})
	}
}
