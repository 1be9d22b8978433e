package sandbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"hotline/internal/orders"
)

// Entry is what the BOSS has on record of one order: in its ledger, or accepted and
// not carried out yet, with the outcome unknown.
type Entry struct {
	orders.Answer
	Key     string
	Caller  orders.MSISDN
	Service string
	Action  orders.Action
	Price   orders.Money // that was agreed to
	At      time.Time    // it was decided, or accepted
	Due     time.Time    // it will be carried out, if it is not yet
}

// Pending tells whether it is accepted and not carried out yet.
func (e Entry) Pending() bool { return e.Outcome == orders.Unknown }

// entries are all orders on record. One that is just being carried out is in one of the
// two only: its transaction moves it.
const entries = `
	select key, ref, msisdn, service, action, price_fen, outcome, detail, at, at due_at from sandbox.ledger
	union all
	select key, ref, msisdn, service, action, price_fen, 'unknown', '', accepted_at, due_at from sandbox.accepted`

func scanEntry(row pgx.CollectableRow) (e Entry, err error) {
	var digits string
	if err = row.Scan(&e.Key, &e.BossRef, &digits, &e.Service, &e.Action, &e.Price, &e.Outcome, &e.Detail, &e.At, &e.Due); err != nil {
		return e, err
	}
	e.Caller, err = orders.ParseMSISDN(digits)
	return e, err
}

// Entry shows the order of a key, or ErrNotFound. An order that is still being
// worked on is not found yet. It is a look-up, and meets the faults of one.
func (b *Boss) Entry(ctx context.Context, key string) (Entry, error) {
	return b.entry(ctx, "key", key)
}

// EntryOf is Entry by the BOSS's own reference.
func (b *Boss) EntryOf(ctx context.Context, ref string) (Entry, error) {
	return b.entry(ctx, "ref", ref)
}

func (b *Boss) entry(ctx context.Context, column, value string) (Entry, error) {
	found := make(chan Entry, 1) // the BOSS goes on when nobody waits: nothing is shared with it
	_, err := b.send(ctx, request{op: OpLookup, act: func(ctx context.Context) (orders.Answer, error) {
		e, err := findEntry(ctx, b.pool, column, value)
		if err != nil {
			return orders.Answer{}, fmt.Errorf("look up an order in the sandbox: %w", err)
		}
		found <- e
		return e.Answer, nil
	}})
	if err != nil {
		return Entry{}, err
	}
	return <-found, nil
}

// querier is what pools and transactions have in common here.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// findEntry looks by the column key or ref, and gives ErrNotFound where there is none.
func findEntry(ctx context.Context, q querier, column, value string) (Entry, error) {
	rows, _ := q.Query(ctx, "select * from ("+entries+") e where "+column+" = $1", value)
	e, err := pgx.CollectExactlyOneRow(rows, scanEntry)
	if errors.Is(err, pgx.ErrNoRows) {
		return e, orders.ErrNotFound
	}
	return e, err
}

// Recorded is Entry for the BOSS's own people: it meets no fault.
func (b *Boss) Recorded(ctx context.Context, key string) (Entry, error) {
	e, err := findEntry(ctx, b.pool, "key", key)
	if err != nil {
		return e, fmt.Errorf("read an order of the sandbox: %w", err)
	}
	return e, nil
}

// Effects lists every order that was carried out, in the order of their references:
// the truth that other accounts are held against. It meets no fault.
func (b *Boss) Effects(ctx context.Context) ([]Entry, error) {
	rows, _ := b.pool.Query(ctx, "select * from ("+entries+") e where outcome = $1 order by ref", orders.Success)
	all, err := pgx.CollectRows(rows, scanEntry)
	if err != nil {
		return nil, fmt.Errorf("list the effects of the sandbox: %w", err)
	}
	return all, nil
}
