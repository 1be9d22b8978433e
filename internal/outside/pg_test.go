package outside

import (
	"context"
	"testing"
	"time"

	"hotline/internal/journal/journaltest"
)

// newStore has a database of its own, dropped after the test.
func newStore(t *testing.T) *Store {
	t.Helper()
	return NewStore(journaltest.Pool(t))
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
