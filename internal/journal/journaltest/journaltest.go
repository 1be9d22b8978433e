// Package journaltest gives a test a Postgres database of its own with the journal's
// schema (see pgtest, which makes it).
//
// It refuses to put anything into it.
package journaltest

import (
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/journal"
	"hotline/internal/pgtest"
)

// Pool opens the database of one test; it is closed and dropped when the test ends.
func Pool(t testing.TB) *pgxpool.Pool {
	t.Helper()
	address := pgtest.Database(t)
	if _, err := journal.Migrate(t.Context(), address); err != nil {
		t.Fatal(err)
	}
	pool, err := pgxpool.New(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}
