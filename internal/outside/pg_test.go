package outside

import (
	"context"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/journal"
)

// newStore has a database of its own, dropped after the test.
func newStore(t *testing.T) *Store {
	t.Helper()
	address := os.Getenv("DATABASE_URL")
	if address == "" {
		if os.Getenv("CI") != "" || os.Getenv("IVR_PARTS") == "required" {
			t.Fatal("DATABASE_URL is not set, and this run must not skip")
		}
		t.Skip("DATABASE_URL is not set")
	}
	ctx := context.Background()
	admin, err := pgx.Connect(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	name := "outside_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if _, err := admin.Exec(ctx, "create database "+name); err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	at.Path = "/" + name
	own := at.String()
	if _, err := journal.Migrate(ctx, own); err != nil {
		t.Fatal(err)
	}
	pool, err := pgxpool.New(ctx, own)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		pool.Close()
		if _, err := admin.Exec(ctx, "drop database "+name+" with (force)"); err != nil {
			t.Error(err)
		}
		_ = admin.Close(ctx)
	})
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
