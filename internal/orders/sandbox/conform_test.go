package sandbox_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/orders"
	"hotline/internal/orders/adaptertest"
	"hotline/internal/orders/desk"
	"hotline/internal/orders/entry"
	"hotline/internal/orders/sandbox"
)

func TestConforms(t *testing.T) {
	pool := newPool(t)
	if err := pool.Ping(t.Context()); err != nil { // its goroutines are not the adapter's
		t.Fatal(err)
	}
	b, err := sandbox.Open(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.SetPassword(t.Context(), number(t, fresh), entry.New(entry.Password, "90807060504030")); err != nil {
		t.Fatal(err)
	}
	adaptertest.Run(t, adaptertest.Peer{
		Connect: func(string, *slog.Logger) (desk.Adapter, func(), error) {
			return b, func() {
				if err := b.Close(context.Background()); err != nil {
					t.Error(err)
				}
			}, nil
		},
		Effects: effects(pool),
		Faults: []adaptertest.Fault{
			told(b, sandbox.LoseAnswer, 0), told(b, sandbox.LoseRequest, 0),
			told(b, sandbox.Unavailable, 0), told(b, sandbox.Fail, 0), told(b, sandbox.Slow, 2*time.Second),
		},
		Sample: sample(t),
	})
}

// sample is what the seeded subscribers can ask for again and again.
func sample(t *testing.T) adaptertest.Sample {
	opening := order(t, rich, "open balance_reminder 0")
	opening.With = orders.With{"amount": entry.New(entry.Amount, "12.50")}
	home := func(phone string) orders.Query {
		return orders.Query{Caller: number(t, rich), Name: "number_home", With: orders.With{"phone": entry.New(entry.Phone, phone)}}
	}
	secret := func(digits string) orders.Verification {
		return orders.Verification{Caller: number(t, fresh), Password: entry.New(entry.Password, digits)}
	}
	return adaptertest.Sample{
		Open:  opening,
		Close: order(t, rich, "close balance_reminder 0"),
		Paid:  order(t, rich, "open caller_id 600"), Unpaid: order(t, rich, "close caller_id 0"),
		Query: orders.Query{Caller: number(t, rich), Name: "status", Service: "balance_reminder"},
		Shows: map[string]orders.Value{"amount": {Kind: orders.ValueMoney, Number: 1250}},
		Typed: [2]orders.Query{home("13800210000"), home("13800280000")},
		Right: secret("90807060504030"), Wrong: secret("90807060504031"),
	}
}

// effects counts in the ledger itself.
func effects(pool *pgxpool.Pool) func(context.Context, string) (n int, err error) {
	return func(ctx context.Context, key string) (n int, err error) {
		err = pool.QueryRow(ctx, "select count(*) from sandbox.ledger where key = $1 and outcome = 'success'", key).Scan(&n)
		return n, err
	}
}

// told is the sandbox's own fault switch, for orders.
func told(b *sandbox.Boss, m sandbox.Mode, delay time.Duration) adaptertest.Fault {
	return adaptertest.Fault{
		Name:     string(m),
		Promised: m == sandbox.Unavailable,
		Arm: func(ctx context.Context) (func(context.Context) error, error) {
			f := sandbox.Fault{Operation: sandbox.OpSubmit, Mode: m, Delay: delay, Times: sandbox.Always}
			return func(ctx context.Context) error {
				_, err := b.ClearFaults(ctx)
				return err
			}, b.AddFault(ctx, f)
		},
	}
}
