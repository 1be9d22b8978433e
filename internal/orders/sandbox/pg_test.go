package sandbox_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/orders"
	"hotline/internal/orders/sandbox"
	"hotline/internal/pgtest"
)

// newPool makes a database of its own for one test.
func newPool(t *testing.T) *pgxpool.Pool {
	t.Helper()
	ctx := context.Background()
	cfg, err := pgxpool.ParseConfig(pgtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	cfg.MaxConns = 16
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// boss opens a sandbox in a database of its own.
func boss(t *testing.T) (*sandbox.Boss, *pgxpool.Pool) {
	t.Helper()
	pool := newPool(t)
	b, err := sandbox.Open(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return b, pool
}

func number(t *testing.T, s string) orders.MSISDN {
	t.Helper()
	n, err := orders.ParseMSISDN(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// order makes an order with a key of its own from "open caller_id 600".
func order(t *testing.T, caller, what string) orders.Order {
	t.Helper()
	o := orders.Order{Key: uuid.NewString(), Caller: number(t, caller)}
	var price int64
	if _, err := fmt.Sscan(what, (*string)(&o.Action), &o.Service, &price); err != nil {
		t.Fatal(err)
	}
	o.Price = orders.Money(price)
	return o
}

func submit(t *testing.T, b *sandbox.Boss, o orders.Order) string {
	t.Helper()
	a, err := b.Submit(t.Context(), o)
	if err != nil {
		t.Fatalf("%s %s: %v", o.Action, o.Service, err)
	}
	return a.Result.String()
}

func show(t *testing.T, b *sandbox.Boss, caller string) sandbox.Subscriber {
	t.Helper()
	s, err := b.Subscriber(t.Context(), number(t, caller))
	if err != nil {
		t.Fatal(err)
	}
	return s
}
