package adaptertest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"hotline/internal/orders"
)

// check is one thing that an adapter must do right.
type check struct {
	name string
	run  func(context.Context, *bench)
}

// checks are all that can be run against the peer, in order: the plain ones first, since what fails there
// fails everywhere.
func (b *bench) checks() []check {
	all := []check{
		{"orders", ordersCheck},
		{"paid order", paid},
		{"prices", prices},
		{"queries", queries},
		{"password", password},
		{"no time left", noTime},
		{"one key at once", sameKey},
		{"two keys at once", twoKeys},
	}
	if b.peer.Async != nil {
		all = append(all, check{"accepted is not success", accepted})
	}
	for _, f := range b.peer.Faults {
		all = append(all, check{"BOSS: " + f.Name, func(ctx context.Context, b *bench) { b.submitFault(ctx, f) }})
	}
	if b.proxy == nil {
		return append(all, check{"closed again", closeAgain})
	}
	all = append(all, check{"nobody listens", nobody})
	for _, f := range wireFaults() {
		if f.forward > 1 && !b.can.Idempotent {
			continue // such a BOSS acts twice, and no adapter can help it
		}
		all = append(all, check{"submit: " + f.name, func(ctx context.Context, b *bench) { b.submitUnder(ctx, f) }})
	}
	for _, f := range wireFaults() {
		if f.forward == 0 {
			all = append(all, check{"ask: " + f.name, func(ctx context.Context, b *bench) { b.askUnder(ctx, f) }})
		}
	}
	return append(all, check{"closed again", closeAgain}, check{"look-up", lookups})
}

// ordersCheck opens, is refused, sends the same key again, and looks up.
func ordersCheck(ctx context.Context, b *bench) {
	o := b.next()
	first, err := b.submit(ctx, o, enough)
	if n := b.settled(ctx, o); err != nil || first.Outcome != orders.Success || n != 1 {
		b.errorf("open: %v, %v with %d effects, want success and one", first.Result, err, n)
		return
	}
	again := keyed(b.peer.Sample.Open)
	a, err := b.submit(ctx, again, enough)
	if err != nil || a.Outcome != orders.Rejected || !a.Result.Valid() {
		b.errorf("opened again by another key: %v, %v, want rejected as an answer", a.Result, err)
	}
	if n := b.settled(ctx, again); n != 0 {
		b.errorf("what was refused has acted %d times", n)
	}
	if b.can.Idempotent {
		same, err := b.submit(ctx, o, enough)
		if err != nil || same.Result != first.Result || same.BossRef != first.BossRef {
			b.errorf("it declares Idempotent, the same key again: %v %s, %v; first it was %v %s", same.Result, same.BossRef, err, first.Result, first.BossRef)
		}
		b.settled(ctx, o)
	}
	if !b.can.Queryable {
		return
	}
	found, err := b.boss.Lookup(ctx, o.Key)
	if err != nil || found.Result != first.Result || found.BossRef != first.BossRef {
		b.errorf("it declares Queryable, a look-up: %v %s, %v; it was %v %s", found.Result, found.BossRef, err, first.Result, first.BossRef)
	}
	if a, err := b.boss.Lookup(ctx, uuid.NewString()); !errors.Is(err, orders.ErrNotFound) {
		b.errorf("a look-up of a key never used: %v, %v, want ErrNotFound", a.Result, err)
	}
}

// paid orders what has a price: a BOSS refuses another one than its own.
func paid(ctx context.Context, b *bench) {
	for _, o := range []orders.Order{b.peer.Sample.Paid, b.peer.Sample.Unpaid} {
		if o.Service == "" {
			continue
		}
		o = keyed(o)
		a, err := b.submit(ctx, o, enough)
		if n := b.effects(ctx, o.Key); err != nil || a.Outcome != orders.Success || n != 1 {
			b.errorf("%s %s for %v yuan: %v, %v with %d effects, want success and one", o.Action, o.Service, o.Price, a.Result, err, n)
		}
	}
}

func prices(ctx context.Context, b *bench) {
	all, err := b.boss.Prices(ctx)
	switch {
	case !b.can.Prices && (err != nil || all != nil):
		b.errorf("it declares no Prices, and says %v, %v, want nil", all, err)
	case !b.can.Prices:
	case err != nil || len(all) == 0:
		b.errorf("it declares Prices: %v, %v", all, err)
	default:
		for _, o := range []orders.Order{b.peer.Sample.Open, b.peer.Sample.Paid} {
			if got, ok := all[o.Service]; o.Service != "" && (!ok || got != o.Price) {
				b.errorf("%s costs %v yuan by Prices, %v at the BOSS", o.Service, got, o.Price)
			}
		}
	}
}

// ask is Query with what must be true of any that succeeds.
func (b *bench) ask(ctx context.Context, q orders.Query) map[string]orders.Value {
	ctx, cancel := context.WithTimeout(ctx, enough)
	defer cancel()
	a, err := b.boss.Query(ctx, q)
	b.quotes("query", orders.Answer{Result: a.Result, BossRef: a.BossRef}, err)
	if err != nil || a.Outcome != orders.Success || !a.Result.Valid() || len(a.Values) == 0 {
		b.errorf("query %s: %v with values %v, %v", q.Name, a.Result, a.Values, err)
	}
	kinds := []orders.ValueKind{
		orders.ValueMoney, orders.ValueCount, orders.ValueWord, orders.ValueDate, orders.ValueMonth,
		orders.ValueTime, orders.ValueCode, orders.ValuePhone, orders.ValueList,
	}
	for name, v := range a.Values {
		if !slices.Contains(kinds, v.Kind) || v.Kind.Worded() && v.Number != 0 || !v.Kind.Worded() && v.Word != "" {
			b.errorf("query %s: the value %s is %+v, which is of no kind", q.Name, name, v)
		}
	}
	return a.Values
}

func queries(ctx context.Context, b *bench) {
	s := b.peer.Sample
	if got := b.ask(ctx, s.Query); !sameValues(got, s.Shows) {
		b.errorf("the order shows as %v, want %v among it: is what was typed for it passed on?", got, s.Shows)
	}
	for _, q := range s.Asked {
		if got := b.ask(ctx, q.Query); !sameValues(got, q.Want) {
			b.errorf("query %s gives %v, want %v among it", q.Query.Name, got, q.Want)
		}
	}
	if s.Typed[0].Name == "" {
		return
	}
	if one, other := b.ask(ctx, s.Typed[0]), b.ask(ctx, s.Typed[1]); maps.Equal(one, other) {
		b.errorf("query %s gives %v whatever was typed: is it passed on?", s.Typed[0].Name, one)
	}
}

func password(ctx context.Context, b *bench) {
	right, wrong := b.peer.Sample.Right, b.peer.Sample.Wrong
	for _, tt := range []struct {
		show orders.Verification
		want orders.Outcome
	}{{right, orders.Success}, {wrong, orders.AuthFailed}, {right, orders.Success}} { // one mistake does no harm
		a, err := b.boss.Verify(ctx, tt.show)
		b.quotes("password", a, err)
		if err != nil || a.Outcome != tt.want || !a.Result.Valid() {
			b.errorf("%v, %v, want %s as an answer", a.Result, err, tt.want)
		}
	}
}

// noTime calls with a ctx that has ended: nothing is to be sent.
func noTime(ctx context.Context, b *bench) {
	gone, cancel := context.WithCancel(ctx)
	cancel()
	o := b.next()
	a, err := b.boss.Submit(gone, o)
	if !errors.Is(err, orders.ErrNotSent) || !errors.Is(err, context.Canceled) {
		b.errorf("submit: %v, %v, want ErrNotSent and the reason", a.Result, err)
	}
	if b.settled(ctx, o) > 0 {
		b.errorf("submit: it was sent all the same")
	}
	a, err = b.boss.Verify(gone, b.peer.Sample.Right)
	if !errors.Is(err, orders.ErrNotSent) || !errors.Is(err, context.Canceled) {
		b.errorf("verify: %v, %v, want ErrNotSent and the reason", a.Result, err)
	}
	if a, err := b.boss.Query(gone, b.peer.Sample.Query); err == nil {
		b.errorf("query: %v", a.Result)
	}
	if a, err := b.boss.Lookup(gone, o.Key); err == nil || errors.Is(err, orders.ErrNotFound) {
		b.errorf("look-up: %v, %v", a.Result, err)
	}
}

// atOnce submits orders side by side and gives what came of each.
func (b *bench) atOnce(ctx context.Context, all []orders.Order) []said {
	ctx, cancel := context.WithTimeout(ctx, enough)
	defer cancel()
	came := make([]said, len(all))
	var work sync.WaitGroup
	for i, o := range all {
		work.Go(func() { came[i].answer, came[i].err = b.boss.Submit(ctx, o) })
	}
	work.Wait()
	for i, o := range all {
		came[i].arrived = true
		came[i].now = b.settled(ctx, o)
		came[i].settled = came[i].now
		b.quotes("order", came[i].answer, came[i].err)
		b.judge(came[i])
	}
	return came
}

// sameKey sends one order by several at once. Where the BOSS is not idempotent only the Desk
// keeps this from happening.
func sameKey(ctx context.Context, b *bench) {
	if !b.can.Idempotent {
		return
	}
	for i, s := range b.atOnce(ctx, slices.Repeat([]orders.Order{b.next()}, 8)) {
		if s.err != nil || s.answer.Outcome != orders.Success || s.settled != 1 {
			b.errorf("number %d of 8: %v, %v with %d effects, want success and one", i+1, s.answer.Result, s.err, s.settled)
		}
	}
}

// twoKeys sends two orders of which one must be refused: the answers are not to be mixed up.
func twoKeys(ctx context.Context, b *bench) {
	for range 3 {
		o := b.next()
		came := b.atOnce(ctx, []orders.Order{keyed(o), keyed(o)})
		if n := came[0].settled + came[1].settled; n != 1 {
			b.errorf("of two orders that exclude each other %d were carried out", n)
		}
		for _, s := range came {
			if s.err != nil || (s.answer.Outcome == orders.Success) != (s.settled == 1) {
				b.errorf("it says %v, %v of the order with %d effects", s.answer.Result, s.err, s.settled)
			}
		}
	}
}

// accepted has the BOSS accept an order and carry it out later.
func accepted(ctx context.Context, b *bench) {
	must("have orders accepted", b.peer.Async(ctx, true))
	o := b.next()
	var s said
	s.answer, s.err = b.submit(ctx, o, enough)
	s.arrived, s.now, s.settled = true, b.effects(ctx, o.Key), 0
	must("have orders carried out at once", b.peer.Async(ctx, false))
	if s.err != nil {
		b.errorf("an order was accepted: %v, want Unknown as an answer", s.err)
	}
	if s.answer.Outcome == orders.Success && s.now == 0 {
		b.errorf("accepted is taken for success: the ledger has nothing yet")
	}
	if s.answer.Outcome != orders.Success && s.answer.Outcome != orders.Unknown {
		b.errorf("an order was accepted: %v, want Unknown", s.answer.Result)
	}
	// Asked all the while: it is known, and it is a success only once it has been carried out.
	ctx, cancel := context.WithTimeout(ctx, enough)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for b.can.Queryable && ctx.Err() == nil && !b.lookedUp(ctx, o.Key) {
		<-tick.C
	}
	if !until(ctx, func() bool { return b.effects(ctx, o.Key) > 0 }) {
		must("an accepted order is carried out", context.DeadlineExceeded)
	}
	b.settled(ctx, o)
}

// lookedUp tells whether there is no more to ask of an accepted order.
func (b *bench) lookedUp(ctx context.Context, key string) bool {
	a, err := b.boss.Lookup(ctx, key)
	n := b.effects(context.WithoutCancel(ctx), key)
	if err == nil && a.Outcome == orders.Unknown {
		return false
	}
	if err != nil || a.Outcome != orders.Success || n == 0 {
		b.errorf("look-up of an accepted order: %v, %v with %d effects", a.Result, err, n)
	}
	return true
}

// closeAgain leaves the BOSS as it was.
func closeAgain(ctx context.Context, b *bench) {
	if !b.open {
		return
	}
	o := b.next()
	if a, err := b.submit(ctx, o, enough); err != nil || a.Outcome != orders.Success {
		b.errorf("close: %v, %v", a.Result, err)
	}
	b.settled(ctx, o)
}

// lookups looks one order that was carried out up under every fault.
func lookups(ctx context.Context, b *bench) {
	if !b.can.Queryable {
		return
	}
	last := b.next()
	if a, err := b.submit(ctx, last, enough); err != nil || a.Outcome != orders.Success || b.settled(ctx, last) != 1 {
		b.errorf("an order to be looked up: %v, %v", a.Result, err)
		return
	}
	for _, f := range wireFaults() {
		b.check = "look-up: " + f.name
		b.lookupUnder(ctx, f, last.Key)
	}
	b.check = "closed again"
	closeAgain(ctx, b)
}
