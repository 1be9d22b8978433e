package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"hotline/internal/orders/bossd"
)

// trouble is who makes the BOSS go wrong.
type trouble struct {
	*ordersAttack
	boss   *attacked
	shop   string // the database of the BOSS
	random *rand.Rand
	errOut io.Writer
	deck   []fault // what has not had its turn yet
}

// What the BOSS does wrong. Of the faults that cost an answer few are at work at a
// time: when half of all answers fail, the Desk asks no more.
var (
	costly = []fault{
		{bossd.Drop, false}, {bossd.Drop, true}, {bossd.Reset, false}, {bossd.Late, false}, {bossd.Fail, false}, {bossd.Fail, true},
		{bossd.Busy, false}, {bossd.Garbage, false}, {bossd.Garbage, true},
	}
	harmless = []fault{{bossd.Delay, false}, {bossd.Repeat, false}, {bossd.Async, false}}
)

const (
	turns    = 24 // of faults, while the orders are made
	atOnce   = 3  // costly faults at a time
	killedAt = 8  // each so many-th turn ends with the death of the BOSS
)

// make has the BOSS go wrong, one way after the other, until all orders have been made but
// the last few. Then it dies with what it has on its hands, is away, and recovers.
func (t *trouble) make(ctx context.Context) error {
	last := int64(t.orders - t.orders/50)
	for turn := range turns {
		armed, err := t.turn(ctx)
		if err != nil {
			return err
		}
		t.wait(ctx, last*int64(turn+1)/turns)
		if err := t.count(ctx); err != nil {
			return err
		}
		fmt.Fprintf(t.errOut, "%6d orders; what went wrong: %s\n", t.stored.Load(), strings.Join(armed, ", "))
		if turn%killedAt == killedAt-2 {
			if err := t.die(ctx, t.times().Deadline/10); err != nil {
				return err
			}
		}
	}
	if err := t.die(ctx, t.away); err != nil {
		return err
	}
	t.mu.Lock()
	t.recovered = time.Now()
	t.mu.Unlock()
	fmt.Fprintf(t.errOut, "%6d orders; the BOSS has recovered, what is not known is found out\n", t.stored.Load())
	return ctx.Err()
}

// turn arms the faults of one turn.
func (t *trouble) turn(ctx context.Context) (armed []string, _ error) {
	deadline := t.times().Deadline
	between := func(from, to time.Duration) int64 {
		return (from + time.Duration(t.random.Int64N(int64(to-from)))).Milliseconds()
	}
	arm := func(f bossd.Fault) error {
		name := fault{f.Mode, f.After}.String()
		if f.Operation == bossd.Lookup {
			name += " of a look-up"
		}
		armed = append(armed, name)
		return t.boss.fault(ctx, f)
	}
	var all []bossd.Fault
	for range atOnce {
		f := t.next()
		all = append(all, bossd.Fault{Operation: bossd.Submit, Mode: f.Mode, After: f.After, Every: 8 + t.random.IntN(7)})
	}
	for _, i := range t.random.Perm(len(harmless))[:2] {
		all = append(all, bossd.Fault{Operation: bossd.Submit, Mode: harmless[i].Mode, Every: 8 + t.random.IntN(7)})
	}
	// And now and then one that takes longer than anybody waits.
	all = append(all, bossd.Fault{
		Operation: bossd.Submit, Mode: []bossd.Mode{bossd.Delay, bossd.Async}[t.random.IntN(2)], Every: 1 + t.random.IntN(50), Times: 1,
		DelayMS: (deadline + deadline/10).Milliseconds(),
	})
	lookup := t.next()
	all = append(all, bossd.Fault{Operation: bossd.Lookup, Mode: lookup.Mode, After: lookup.After, Every: 3 + t.random.IntN(3)})
	for _, f := range all {
		switch {
		case f.DelayMS > 0:
		case f.Mode == bossd.Delay:
			f.DelayMS = between(deadline/800, deadline/80)
		case f.Mode == bossd.Async:
			f.DelayMS = between(deadline/80, deadline/20)
		case f.Mode == bossd.Late:
			f.DelayMS = between(deadline/20, deadline/2)
		}
		if err := arm(f); err != nil {
			return nil, err
		}
	}
	return armed, nil
}

// next gives each costly fault its turn.
func (t *trouble) next() fault {
	if len(t.deck) == 0 {
		t.deck = slices.Clone(costly)
		t.random.Shuffle(len(t.deck), func(i, j int) { t.deck[i], t.deck[j] = t.deck[j], t.deck[i] })
	}
	f := t.deck[0]
	t.deck = t.deck[1:]
	return f
}

// wait waits until so many orders are stored.
func (t *trouble) wait(ctx context.Context, orders int64) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for t.stored.Load() < orders {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// count adds up how often the faults of this turn were met, and ends them.
func (t *trouble) count(ctx context.Context) error {
	var all []bossd.Fault
	if err := t.boss.faults(ctx, http.MethodGet, nil, &all); err != nil {
		return err
	}
	t.mu.Lock()
	for _, f := range all {
		t.met[fault{f.Mode, f.After}] += f.Met
	}
	t.mu.Unlock()
	return t.boss.faults(ctx, http.MethodDelete, nil, new(map[string]int))
}

// die kills the BOSS, with whatever it has on its hands, and brings it back after a while.
func (t *trouble) die(ctx context.Context, away time.Duration) error {
	t.boss.kill()
	t.mu.Lock()
	t.deaths++
	t.mu.Unlock()
	select {
	case <-time.After(away):
	case <-ctx.Done():
		return ctx.Err()
	}
	boss, err := t.bossAt(ctx, t.boss.addr, t.shop)
	if err != nil {
		return err
	}
	t.boss = boss
	return nil
}
