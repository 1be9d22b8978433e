package sandbox

import (
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"hotline/internal/orders"
	"hotline/internal/orders/entry"
)

// stretch is the work on one hash (RFC 8018, 5.2), some tenths of a millisecond. No
// number of iterations that a BOSS can do for every caller would save six digits
// from who has stolen the table; the salt keeps equal ones apart.
const stretch = 1000

// kept makes of a password or an identity number what is stored of it:
// "pbkdf2-sha256:<iterations>:<salt>:<key>".
func kept(secret entry.Entry) (string, error) {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails (since Go 1.24)
	return hashed(secret, salt, stretch)
}

func hashed(secret entry.Entry, salt []byte, iterations int) (string, error) {
	key, err := pbkdf2.Key(sha256.New, secret.Reveal(), salt, iterations, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("hash a %s: %w", secret.Kind(), err)
	}
	return fmt.Sprintf("pbkdf2-sha256:%d:%x:%x", iterations, salt, key), nil
}

// matches tells whether stored is kept of secret. Nothing matches "".
func matches(stored string, secret entry.Entry) (bool, error) {
	if stored == "" || secret.IsZero() {
		return false, nil
	}
	var iterations int
	var salt, key []byte
	if _, err := fmt.Sscanf(stored, "pbkdf2-sha256:%d:%x:%x", &iterations, &salt, &key); err != nil {
		return false, fmt.Errorf("read a stored %s: %w", secret.Kind(), err)
	}
	again, err := hashed(secret, salt, iterations)
	return err == nil && subtle.ConstantTimeCompare([]byte(again), []byte(stored)) == 1, err
}

// wrongPerDay is how many wrong passwords of one number, and how many wrong
// identity numbers, make that proof useless until the day after.
const wrongPerDay = 5

// proof is what a subscriber shows to be who he is: the column that keeps it, and
// the word under which wrong ones are counted.
type proof string

const (
	byPassword proof = "password"
	byIdentity proof = "identity"
)

// prove tells whether shown is right: success, auth_failed/wrong_password, or
// auth_failed/locked, from the last wrong one of a day on that is allowed: whoever
// has just locked himself out need not try once more to hear it. It needs the lock of the
// subscriber's row, so that guesses at the same moment are counted one by one.
func prove(ctx context.Context, tx pgx.Tx, s subscriber, p proof, shown entry.Entry) (orders.Result, error) {
	right, err := matches(map[proof]string{byPassword: s.password, byIdentity: s.identity}[p], shown)
	if err != nil {
		return orders.Result{}, err
	}
	day := time.Now().In(billZone()).Format(time.DateOnly)
	var wrong int
	err = tx.QueryRow(ctx, `
		select coalesce(sum(times), 0) from sandbox.wrong_proofs
		where msisdn = $1 and proof = $2 and day = $3::text::date`, s.msisdn, p, day).Scan(&wrong)
	switch {
	case err != nil:
		return orders.Result{}, err
	case wrong >= wrongPerDay:
		return notProved(orders.Locked), nil
	case right:
		return confirmed, nil
	}
	// One row a number and proof: a new day starts it again.
	err = tx.QueryRow(ctx, `
		insert into sandbox.wrong_proofs as w (msisdn, proof, day, times) values ($1, $2, $3::text::date, 1)
		on conflict (msisdn, proof) do update
		set times = case when w.day = excluded.day then w.times + 1 else 1 end, day = excluded.day
		returning times`, s.msisdn, p, day).Scan(&wrong)
	if err == nil && wrong >= wrongPerDay {
		return notProved(orders.Locked), nil
	}
	return notProved(orders.WrongPassword), err
}

func notProved(d orders.Detail) orders.Result {
	return orders.Result{Outcome: orders.AuthFailed, Detail: d}
}

// forgive forgets the wrong passwords of today.
func forgive(ctx context.Context, tx pgx.Tx, s subscriber, proofs ...proof) error {
	_, err := tx.Exec(ctx, "delete from sandbox.wrong_proofs where msisdn = $1 and proof = any($2)", s.msisdn, proofs)
	return err
}
