package sandbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"hotline/internal/orders"
	"hotline/internal/orders/entry"
)

// Submit opens or closes a service, or does something with the service password,
// once for each key: the same key gets the same answer again. A refusal is an
// Answer: already_open, not_open, insufficient_balance, ineligible (the brand may
// not have it, or nobody may have it with such an amount), or other: no such
// service or action, or a price that is not the catalogue's.
func (b *Boss) Submit(ctx context.Context, o orders.Order) (orders.Answer, error) {
	return b.send(ctx, request{OpSubmit, o.Caller, func(ctx context.Context) (orders.Answer, error) {
		return b.submit(ctx, o)
	}})
}

// Lookup tells what was answered to the order of a key, or ErrNotFound. An order
// that is still being worked on is not found yet; one that was accepted is Unknown.
func (b *Boss) Lookup(ctx context.Context, key string) (orders.Answer, error) {
	e, err := b.Entry(ctx, key)
	return e.Answer, err
}

// submit answers an order that was here before, and decides a new one.
func (b *Boss) submit(ctx context.Context, o orders.Order) (orders.Answer, error) {
	return b.once(ctx, o.Caller, func(tx pgx.Tx, s subscriber) (orders.Answer, error) {
		found, err := findEntry(ctx, tx, "key", o.Key)
		if errors.Is(err, orders.ErrNotFound) {
			return decide(ctx, tx, s, o, nil)
		}
		return found.Answer, err
	})
}

// once does all of an order in one transaction, under the lock of its subscriber's
// row. Until the commit a failure is certain to have had no effect.
func (b *Boss) once(ctx context.Context, caller orders.MSISDN, do func(pgx.Tx, subscriber) (orders.Answer, error)) (orders.Answer, error) {
	tx, err := b.pool.Begin(ctx)
	if err != nil {
		return orders.Answer{}, notDone(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // nothing to do after a commit

	s, err := lockSubscriber(ctx, tx, caller)
	if err != nil {
		return orders.Answer{}, notDone(err)
	}
	answer, err := do(tx, s)
	if err != nil {
		return orders.Answer{}, notDone(err)
	}
	if err := tx.Commit(ctx); err != nil {
		return orders.Answer{}, fmt.Errorf("commit an order in the sandbox: %w", errors.Join(orders.ErrAnswerLost, err))
	}
	return answer, nil
}

// nextRef makes a reference, in SQL.
const nextRef = "'SB' || lpad(nextval('sandbox.refs')::text, 8, '0')"

// decide carries an order out, or refuses it, and enters it in the ledger, under the
// reference that it was accepted with, if it was.
func decide(ctx context.Context, tx pgx.Tx, s subscriber, o orders.Order, ref *string) (orders.Answer, error) {
	result, charge, err := act(ctx, tx, s, o)
	if err != nil {
		return orders.Answer{}, err
	}
	answer := orders.Answer{Result: result}
	err = tx.QueryRow(ctx, `
		insert into sandbox.ledger (key, ref, msisdn, service, action, price_fen, outcome, detail, charged_fen)
		values ($1, coalesce($9, `+nextRef+`), $2, $3, $4, $5, $6, $7, $8)
		returning ref`,
		o.Key, s.msisdn, o.Service, o.Action, o.Price, result.Outcome, result.Detail, charge, ref).
		Scan(&answer.BossRef)
	return answer, err
}

// notDone marks a failure before the commit.
func notDone(err error) error {
	return fmt.Errorf("carry out an order in the sandbox: %w", errors.Join(orders.ErrNotSent, err))
}

// product is a service with the rest of its family.
type product struct {
	service   string
	family    string
	exclusive bool
	price     orders.Money
	brands    []string
	open      bool
	amount    *orders.Money // that it was opened with; nil for none
}

// family gives every product that goes by this name, as a service or as a
// family, and for each whether the subscriber has it open.
func family(ctx context.Context, tx pgx.Tx, msisdn, name string) ([]product, error) {
	rows, _ := tx.Query(ctx, `
		select c.service, c.family, c.exclusive, c.price_fen, c.brands, s.service is not null, s.amount_fen
		from sandbox.catalogue c
		left join sandbox.subscriptions s on s.service = c.service and s.msisdn = $1
		where c.family = $2 or c.family = (select family from sandbox.catalogue where service = $2)
		order by c.service`, msisdn, name)
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (product, error) {
		var p product
		err := row.Scan(&p.service, &p.family, &p.exclusive, &p.price, &p.brands, &p.open, &p.amount)
		return p, err
	})
}

// act decides an order and carries it out in tx; charge is what it debited.
func act(ctx context.Context, tx pgx.Tx, s subscriber, o orders.Order) (_ orders.Result, charge orders.Money, _ error) {
	if o.Service == servicePassword && slices.Contains([]orders.Action{orders.Apply, orders.Change, orders.Reset}, o.Action) {
		r, err := changePassword(ctx, tx, s, o)
		return r, 0, err
	}
	products, err := family(ctx, tx, s.msisdn, o.Service)
	if err != nil {
		return orders.Result{}, 0, err
	}
	switch o.Action {
	case orders.Open:
		return openService(ctx, tx, s, o, products)
	case orders.Close:
		r, err := closeService(ctx, tx, s, o, products)
		return r, 0, err
	}
	return rejected(orders.Other), 0, nil
}

func rejected(d orders.Detail) orders.Result {
	return orders.Result{Outcome: orders.Rejected, Detail: d}
}

// confirmed is the result of an order that was carried out.
var confirmed = orders.Result{Outcome: orders.Success, Detail: orders.Confirmed}

// openService debits the first month. The refusals are tried in the order in
// which a caller can do least about them.
func openService(ctx context.Context, tx pgx.Tx, s subscriber, o orders.Order, products []product) (orders.Result, orders.Money, error) {
	i := slices.IndexFunc(products, func(p product) bool { return p.service == o.Service })
	if i < 0 {
		return rejected(orders.Other), 0, nil // not sold, or only under the names of its plans
	}
	p := products[i]
	amount, ok := threshold(o)
	switch {
	case p.brands != nil && !slices.Contains(p.brands, string(s.brand)):
		return rejected(orders.Ineligible), 0, nil
	case p.open:
		return rejected(orders.AlreadyOpen), 0, nil
	case !ok:
		return rejected(orders.Ineligible), 0, nil
	case p.price != o.Price:
		return rejected(orders.Other), 0, nil // the caller agreed to something else
	case s.balance < p.price:
		return rejected(orders.InsufficientBalance), 0, nil
	}
	if p.exclusive {
		_, err := tx.Exec(ctx, `
			delete from sandbox.subscriptions where msisdn = $1
			and service in (select service from sandbox.catalogue where family = $2)`, s.msisdn, p.family)
		if err != nil {
			return orders.Result{}, 0, err
		}
	}
	_, err := tx.Exec(ctx, "insert into sandbox.subscriptions (msisdn, service, amount_fen) values ($1, $2, $3)",
		s.msisdn, p.service, amount)
	if err != nil {
		return orders.Result{}, 0, err
	}
	_, err = tx.Exec(ctx, "update sandbox.subscribers set balance_fen = balance_fen - $2 where msisdn = $1", s.msisdn, p.price)
	return confirmed, p.price, err
}

// threshold gives the balance under which a reminder is sent, nil for other
// services: With amount, from 1 to 1,000 yuan (false: it is not), or else 10 yuan.
func threshold(o orders.Order) (*orders.Money, bool) {
	if o.Service != "balance_reminder" {
		return nil, true
	}
	amount := orders.Money(1000)
	if typed := o.With["amount"]; !typed.IsZero() {
		fen, err := strconv.ParseInt(strings.ReplaceAll(typed.Reveal(), ".", ""), 10, 64)
		if err != nil || typed.Kind() != entry.Amount || fen < 100 || fen > 100_000 {
			return nil, false
		}
		amount = orders.Money(fen)
	}
	return &amount, true
}

// closeService closes one service, or what is open of a family by its name. It
// costs nothing and gives nothing back.
func closeService(ctx context.Context, tx pgx.Tx, s subscriber, o orders.Order, products []product) (orders.Result, error) {
	if len(products) == 0 {
		return rejected(orders.Other), nil
	}
	var open []string
	for _, p := range products {
		if p.open && (p.service == o.Service || p.family == o.Service) {
			open = append(open, p.service)
		}
	}
	if len(open) == 0 {
		return rejected(orders.NotOpen), nil
	}
	_, err := tx.Exec(ctx, "delete from sandbox.subscriptions where msisdn = $1 and service = any($2)", s.msisdn, open)
	return confirmed, err
}
