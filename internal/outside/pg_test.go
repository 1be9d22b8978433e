package outside

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/journal"
	"hotline/internal/pgtest"
)

// newStore has a database of its own, dropped after the test.
func newStore(t *testing.T) *Store {
	t.Helper()
	ctx, address := context.Background(), pgtest.Database(t)
	if _, err := journal.Migrate(ctx, address); err != nil {
		t.Fatal(err)
	}
	pool, err := pgxpool.New(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return NewStore(pool)
}

// within waits until check is content, and gives how long that took.
func within(t *testing.T, limit time.Duration, what string, check func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !check() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
	return time.Since(began)
}
