package sandbox

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"hotline/internal/orders"
	"hotline/internal/orders/entry"
)

// servicePassword is what password actions are about.
const servicePassword = "service_password"

// Verify tells whether a subscriber knows the service password: success,
// auth_failed/wrong_password or auth_failed/locked. The fifth wrong one of a day
// (in Asia/Shanghai) locks it until the next, or until it is reset. Who has no password
// has only wrong ones.
func (b *Boss) Verify(ctx context.Context, v orders.Verification) (orders.Answer, error) {
	return b.send(ctx, request{OpVerify, v.Caller, func(ctx context.Context) (orders.Answer, error) {
		var answer orders.Answer
		err := pgx.BeginFunc(ctx, b.pool, func(tx pgx.Tx) error {
			s, err := lockSubscriber(ctx, tx, v.Caller)
			if err != nil {
				return err
			}
			answer.Result, err = prove(ctx, tx, s, byPassword, v.Password)
			return err
		})
		if err != nil {
			return orders.Answer{}, fmt.Errorf("verify a password in the sandbox: %w", err)
		}
		return answer, nil
	}})
}

// changePassword does what is asked with the service password:
//
//	apply   With id_card; for who has none (else already_open)
//	change  With old_password and new_password
//	reset   With id_card; forgives wrong passwords
//
// apply and reset set new_password, too, where it is given, or else the last six
// characters of the identity number (an X as 0), which need not be told to anybody.
// Refusals: not_open without a password to change, ineligible for a wrong identity
// number or none on record, other where something is missing; auth_failed for a
// wrong old password, and when too many wrong ones have been shown today.
func changePassword(ctx context.Context, tx pgx.Tx, s subscriber, o orders.Order) (orders.Result, error) {
	switch {
	case o.Action == orders.Apply && s.password != "":
		return rejected(orders.AlreadyOpen), nil
	case o.Action != orders.Apply && s.password == "":
		return rejected(orders.NotOpen), nil
	}
	next, shown, by := o.With["new_password"], o.With["id_card"], byIdentity
	if o.Action == orders.Change {
		shown, by = o.With["old_password"], byPassword
	} else if next.IsZero() {
		next = firstPassword(shown)
	}
	if shown.IsZero() || next.IsZero() {
		return rejected(orders.Other), nil
	}
	result, err := prove(ctx, tx, s, by, shown)
	switch {
	case err != nil:
		return result, err
	case by == byIdentity && result.Detail == orders.WrongPassword:
		return rejected(orders.Ineligible), nil // no password was wrong
	case result != confirmed:
		return result, nil
	}
	if o.Action == orders.Reset {
		if err := forgive(ctx, tx, s, byPassword); err != nil {
			return orders.Result{}, err
		}
	}
	return confirmed, setPassword(ctx, tx, s, next)
}

// firstPassword is the one that an operator gives out with an identity number.
func firstPassword(id entry.Entry) entry.Entry {
	text := id.Reveal()
	if len(text) < 6 {
		return entry.Entry{}
	}
	return entry.New(entry.Password, strings.ReplaceAll(text[len(text)-6:], "X", "0"))
}

func setPassword(ctx context.Context, tx pgx.Tx, s subscriber, password entry.Entry) error {
	hash, err := kept(password)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "update sandbox.subscribers set password = $2 where msisdn = $1", s.msisdn, hash)
	return err
}

// SetPassword gives a number a service password, as somebody at a counter would
// who has seen the subscriber's papers. A number never seen becomes a subscriber.
func (b *Boss) SetPassword(ctx context.Context, number orders.MSISDN, password entry.Entry) error {
	return b.atCounter(ctx, "set the password", number, func(tx pgx.Tx, s subscriber) error {
		return setPassword(ctx, tx, s, password)
	})
}

// SetIdentity puts an identity number on record, as SetPassword does a password.
func (b *Boss) SetIdentity(ctx context.Context, number orders.MSISDN, id entry.Entry) error {
	return b.atCounter(ctx, "set the identity number", number, func(tx pgx.Tx, s subscriber) error {
		hash, err := kept(id)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "update sandbox.subscribers set identity = $2 where msisdn = $1", s.msisdn, hash)
		return err
	})
}

// Unlock forgives a number the wrong passwords and identity numbers of today.
func (b *Boss) Unlock(ctx context.Context, number orders.MSISDN) error {
	return b.atCounter(ctx, "unlock", number, func(tx pgx.Tx, s subscriber) error {
		return forgive(ctx, tx, s, byPassword, byIdentity)
	})
}

// atCounter does something for a subscriber that needs no request of his, and so
// meets no fault.
func (b *Boss) atCounter(ctx context.Context, what string, number orders.MSISDN, do func(pgx.Tx, subscriber) error) error {
	err := pgx.BeginFunc(ctx, b.pool, func(tx pgx.Tx) error {
		s, err := lockSubscriber(ctx, tx, number)
		if err != nil {
			return err
		}
		return do(tx, s)
	})
	if err != nil {
		return fmt.Errorf("%s of subscriber %s in the sandbox: %w", what, number, err)
	}
	return nil
}
