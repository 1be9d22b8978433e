package sandbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"hotline/internal/orders"
	"hotline/internal/orders/entry"
)

// typed is how what a caller typed waits with an accepted order.
type typed struct {
	Kind entry.Kind `json:"kind"`
	Text string     `json:"text"`
}

// Accept takes an order to carry it out after a while: the answer is Unknown with
// the reference, or that of the order if the key was here before. It is
// durable: CarryOut does it, in whatever process, once it is due. An order with something
// secret in it cannot wait, as that is stored nowhere: it is carried out at once.
func (b *Boss) Accept(ctx context.Context, o orders.Order, after time.Duration) (orders.Answer, error) {
	with := make(map[string]typed, len(o.With))
	for name, e := range o.With {
		if e.Kind().Secret() {
			return b.Submit(ctx, o)
		}
		with[name] = typed{e.Kind(), e.Reveal()}
	}
	return b.send(ctx, request{OpSubmit, o.Caller, func(ctx context.Context) (orders.Answer, error) {
		return b.once(ctx, o.Caller, func(tx pgx.Tx, s subscriber) (orders.Answer, error) {
			// The subscriber's lock keeps this true until the commit: what submits or
			// carries out the same order waits for it.
			found, err := findEntry(ctx, tx, "key", o.Key)
			if !errors.Is(err, orders.ErrNotFound) {
				return found.Answer, err
			}
			answer := orders.Answer{Result: orders.Result{Outcome: orders.Unknown}}
			err = tx.QueryRow(ctx, `
				insert into sandbox.accepted (key, ref, msisdn, service, action, price_fen, typed, due_at)
				values ($1, `+nextRef+`, $2, $3, $4, $5, $6, clock_timestamp() + $7::interval) returning ref`,
				o.Key, s.msisdn, o.Service, o.Action, o.Price, with, after).Scan(&answer.BossRef)
			return answer, err
		})
	}})
}

// CarryOut does what was accepted and is due, and gives the keys of what it did. Any
// number of processes may do it at once. What fails stays due, and holds up nothing else.
func (b *Boss) CarryOut(ctx context.Context) (done []string, failed error) {
	rows, _ := b.pool.Query(ctx, `
		select key, ref, msisdn, service, action, price_fen, 'unknown', '', accepted_at, due_at
		from sandbox.accepted where due_at <= clock_timestamp() order by due_at`)
	due, err := pgx.CollectRows(rows, scanEntry)
	if err != nil {
		return nil, fmt.Errorf("find the orders that are due in the sandbox: %w", err)
	}
	for _, e := range due {
		_, err := b.once(ctx, e.Caller, func(tx pgx.Tx, s subscriber) (orders.Answer, error) {
			o := orders.Order{Key: e.Key, Caller: e.Caller, Service: e.Service, Action: e.Action, Price: e.Price, With: orders.With{}}
			var with map[string]typed
			err := tx.QueryRow(ctx, "delete from sandbox.accepted where key = $1 returning typed", e.Key).Scan(&with)
			if errors.Is(err, pgx.ErrNoRows) {
				return orders.Answer{}, nil // another process was faster
			}
			if err != nil {
				return orders.Answer{}, err
			}
			for name, t := range with {
				o.With[name] = entry.New(t.Kind, t.Text)
			}
			return decide(ctx, tx, s, o, &e.BossRef)
		})
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("carry out accepted order %s: %w", e.BossRef, err))
			continue
		}
		done = append(done, e.Key)
	}
	return done, failed
}
