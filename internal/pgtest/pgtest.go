// Package pgtest gives a test a Postgres database of its own, on the server of
// DATABASE_URL, and drops it when the test is over.
//
// It refuses to stand in for Postgres, and to let a run skip that must not: with CI
// set, or IVR_PARTS=required, a missing server is a failure.
package pgtest

import (
	"context"
	"errors"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// patience is for one statement of the server's administration.
const patience = 30 * time.Second

// Database makes an empty database for one test and gives its URL. Connections that
// are left when the test ends are cut.
func Database(t testing.TB) string {
	t.Helper()
	return database(t, "")
}

// database makes one with these options.
func database(t testing.TB, options string) string {
	t.Helper()
	server := os.Getenv("DATABASE_URL")
	if server == "" {
		if os.Getenv("CI") != "" || os.Getenv("IVR_PARTS") == "required" {
			t.Fatal("DATABASE_URL is not set, and this run must not skip")
		}
		t.Skip("needs Postgres: set DATABASE_URL, or run under 'ivr up --parts'")
	}
	own, err := url.Parse(server)
	if err != nil {
		t.Fatal("DATABASE_URL is no URL") // which may have a password in it
	}
	name := newName()
	execute(t, server, "create database "+name+options)
	t.Cleanup(func() { execute(t, server, "drop database "+name+" with (force)") })
	own.Path = "/" + name
	return own.String()
}

func newName() string { return "test_" + strings.ReplaceAll(uuid.NewString(), "-", "") }

// execute runs one statement.
func execute(t testing.TB, server, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := statement(ctx, server, sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// statement runs one statement on a connection of its own. A database that autovacuum is just
// in cannot be dropped by others than the superuser: it is tried again.
func statement(ctx context.Context, server, sql string) error {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		_, err := conn.Exec(ctx, sql)
		if refused := (*pgconn.PgError)(nil); !errors.As(err, &refused) || refused.Code != "42501" {
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return err
		}
	}
}
