package adaptertest

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"hotline/internal/orders"
)

// submitUnder submits an order that a fault of the wire meets, and then asks what came of it.
func (b *bench) submitUnder(ctx context.Context, f wireFault) {
	b.warm(ctx)
	o := b.next()
	wait := enough
	if f.silent {
		wait = patience
	}
	b.proxy.arm(&f)
	var s said
	s.answer, s.err = b.submit(ctx, o, wait)
	s.now = b.effects(ctx, o.Key)
	came, fell := b.proxy.disarm()
	s.settled = b.settled(ctx, o)
	s.arrived = len(came) > 0
	s.denied = f.busy && b.peer.BusyIsNotDone
	b.judge(s)
	b.sentOnce(came)
	if fell > 0 {
		b.errorf("it followed a redirect, to where nobody has told it to send orders")
	}
	if f.harmless && (s.err != nil || s.answer.Outcome != orders.Success) {
		b.errorf("the true reply came back, the adapter says %v, %v", s.answer.Result, s.err)
	}
	if f.huge && s.err == nil && s.answer.Outcome != orders.Unknown {
		b.errorf("it has taken a reply of 32 MB: what it reads must be limited")
	}
	b.afterwards(ctx, o, s.settled)
}

// warm leaves an idle connection, which the fault then ends under the request: an
// HTTP client that sends such a request again by itself does so only then.
func (b *bench) warm(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, enough)
	defer cancel()
	if _, err := b.boss.Query(ctx, b.peer.Sample.Query); err != nil {
		b.errorf("nothing is wrong at the BOSS, and a query fails: %v", err)
	}
}

// sentOnce reports a request that changes something and came twice.
func (b *bench) sentOnce(came []seen) {
	n := map[seen]int{}
	for _, s := range came {
		if s.method != http.MethodGet {
			n[s]++
		}
	}
	for s, times := range n {
		if times > 1 {
			b.errorf("one call sent the same %s %d times: only the Desk may send again", s.method, times)
		}
	}
}

// afterwards is what the Desk does to find out: it looks up, or sends the same key again.
func (b *bench) afterwards(ctx context.Context, o orders.Order, effects int) {
	if b.can.Queryable {
		b.lookupTruth(ctx, o.Key, effects)
	}
	if !b.can.Idempotent {
		return
	}
	a, err := b.submit(ctx, o, enough)
	if err != nil || a.Outcome != orders.Success && a.Outcome != orders.Unknown {
		b.errorf("the same key again, with nothing in the way: %v, %v, want what came of the first, or success", a.Result, err)
	}
	if n := b.settled(ctx, o); n != 1 && a.Outcome == orders.Success {
		b.errorf("the same key was sent twice and answered %v, the ledger has it %d times", a.Result, n)
	}
}

// lookupTruth holds a look-up that nothing is in the way of against the ledger.
func (b *bench) lookupTruth(ctx context.Context, key string, effects int) {
	ctx, cancel := context.WithTimeout(ctx, enough)
	defer cancel()
	a, err := b.boss.Lookup(ctx, key)
	b.quotes("look-up", a, err)
	switch {
	case effects > 0 && (err != nil || a.Outcome != orders.Success):
		b.errorf("a look-up of an order that was carried out: %v, %v", a.Result, err)
	case effects == 0 && err == nil && a.Outcome == orders.Success:
		b.errorf("a look-up says %v, the ledger has nothing", a.Result)
	case effects == 0 && err != nil && !errors.Is(err, orders.ErrNotFound):
		b.errorf("a look-up of an order that never came: %v, want ErrNotFound", err)
	case err == nil && !a.Result.Valid():
		b.errorf("a look-up says %q, which is not in the closed set", a.Result)
	}
}

// lookupUnder looks up an order that was carried out: under no fault is it not found.
func (b *bench) lookupUnder(ctx context.Context, f wireFault, key string) {
	wait := enough
	if f.silent {
		wait = patience
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	b.proxy.arm(&f)
	begin := time.Now()
	a, err := b.boss.Lookup(ctx, key)
	b.prompt("Lookup", begin, wait)
	_, fell := b.proxy.disarm()
	b.quotes("look-up", a, err)
	switch {
	case errors.Is(err, orders.ErrNotFound):
		b.errorf("it takes this for ErrNotFound, and the order was carried out: %v", err)
	case err == nil && a.Outcome != orders.Success && a.Outcome != orders.Unknown:
		b.errorf("a look-up of an order that was carried out says %q", a.Result)
	case err == nil && f.forward == 0:
		b.errorf("the BOSS has said nothing, and the look-up says %v", a.Result)
	}
	if fell > 0 {
		b.errorf("it followed a redirect")
	}
}

// askUnder asks under a fault that keeps the request from the BOSS: an answer would be made up.
// A wrong password is what must be let through by nothing.
func (b *bench) askUnder(ctx context.Context, f wireFault) {
	wait := enough
	if f.silent {
		wait = patience
	}
	b.proxy.arm(&f)
	defer b.proxy.disarm()
	ask := func(method string, do func(context.Context) (orders.Answer, error)) {
		ctx, cancel := context.WithTimeout(ctx, wait)
		defer cancel()
		begin := time.Now()
		a, err := do(ctx)
		b.prompt(method, begin, wait)
		b.quotes(method, a, err)
		if err == nil && (a.Outcome != orders.SystemFailed || !a.Result.Valid()) {
			b.errorf("the BOSS has said nothing, and %s says %q with %v", method, a.Result, a.Values)
		}
	}
	ask("Query", func(ctx context.Context) (orders.Answer, error) { return b.boss.Query(ctx, b.peer.Sample.Query) })
	ask("Verify", func(ctx context.Context) (orders.Answer, error) { return b.boss.Verify(ctx, b.peer.Sample.Wrong) })
	if b.can.Prices {
		ask("Prices", func(ctx context.Context) (orders.Answer, error) {
			prices, err := b.boss.Prices(ctx)
			if err == nil && len(prices) == 0 {
				b.errorf("the BOSS has said nothing, and Prices says that there are none")
			}
			if err == nil {
				return orders.Answer{Result: orders.Result{Outcome: orders.Success, Detail: orders.Confirmed}}, nil
			}
			return orders.Answer{}, err
		})
	}
}

// submitFault submits an order under a fault that the BOSS itself was told to have.
func (b *bench) submitFault(ctx context.Context, f Fault) {
	o := b.next()
	clear, err := f.Arm(ctx)
	must("arm "+f.Name, err)
	s := said{arrived: true, denied: f.Promised}
	s.answer, s.err = b.submit(ctx, o, patience)
	s.now = b.effects(ctx, o.Key)
	must("clear "+f.Name, clear(ctx))
	// The BOSS may still be at it, and has no signal: what acts, acts within slack.
	if s.answer.Outcome != orders.Success {
		until(ctx, func() bool { return b.effects(ctx, o.Key) > 0 })
	}
	s.settled = b.settled(ctx, o)
	b.judge(s)
	b.afterwards(ctx, o, s.settled)
}

// nobody connects the adapter to where nobody listens: it is certain that nothing was sent.
func nobody(ctx context.Context, b *bench) {
	addr, err := refused()
	must("find a free port", err)
	u, err := url.Parse(b.peer.URL)
	must("parse the URL of the BOSS", err)
	u.Host = addr
	boss, stop, err := b.peer.Connect(u.String(), b.logger())
	if err != nil {
		b.errorf("connect fails where the BOSS is away, so that the hotline does not start without it: %v", err)
		return
	}
	defer stop()
	o := b.next()
	a, err := boss.Submit(ctx, o)
	b.quotes("order", a, err)
	if err == nil || !errors.Is(err, orders.ErrNotSent) || errors.Is(err, orders.ErrAnswerLost) {
		b.errorf("nobody listens: %v, %v, want ErrNotSent", a.Result, err)
	}
	if a, err := boss.Lookup(ctx, o.Key); err == nil || errors.Is(err, orders.ErrNotFound) {
		b.errorf("nobody listens: a look-up says %v, %v", a.Result, err)
	}
}

// sameValues tells whether got has all of want.
func sameValues(got, want map[string]orders.Value) bool {
	kept := maps.Clone(got)
	maps.DeleteFunc(kept, func(name string, v orders.Value) bool { w, ok := want[name]; return !ok || w != v })
	return len(kept) == len(want) && !slices.Contains(slices.Collect(maps.Values(kept)), orders.Value{})
}
