package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/journal"
)

// openDatabase connects, migrates, and makes sure that numbers are stored under the same key
// as before; it says in one line what is wrong.
func openDatabase(ctx context.Context, url string, sealer *journal.Sealer, log *slog.Logger) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, usageError{errors.New("DATABASE_URL is not of the form postgres://user:password@host:port/database")}
	}
	where := fmt.Sprintf("%s:%d/%s", config.ConnConfig.Host, config.ConnConfig.Port, config.ConnConfig.Database)
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	migrated, err := journal.Migrate(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("postgres at %s (DATABASE_URL): %w", where, inOneLine(err))
	}
	if len(migrated.Applied) > 0 {
		log.Info("migrated the database", "version", migrated.Version, "applied", strings.Join(migrated.Applied, ", "))
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("postgres at %s (DATABASE_URL): %w", where, err)
	}
	if err := journal.CheckKey(ctx, pool, sealer); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

// inOneLine gives the cause of a connection that was not made: pgx tells of each
// address that it has tried, in a line of its own.
func inOneLine(err error) error {
	if refused := (*pgconn.ConnectError)(nil); !errors.As(err, &refused) {
		return err
	}
	if says := (*pgconn.PgError)(nil); errors.As(err, &says) {
		return says
	}
	if unknown := (*net.DNSError)(nil); errors.As(err, &unknown) {
		return unknown
	}
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		return fmt.Errorf("%w; is Postgres running there?", errno)
	}
	return err
}
