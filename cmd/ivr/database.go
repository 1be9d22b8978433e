package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/journal"
	"hotline/internal/orders/sandbox"
)

// database is the hotline's Postgres, which may be away when the server starts. Until it is
// prepared nobody gets a connection: steps that an older schema refuses would be put aside for
// good, and numbers sealed under another key would never be found again.
type database struct {
	pool     *pgxpool.Pool
	url      string
	where    string // for people, without a password
	sandbox  bool   // the built-in BOSS lives in it
	sealer   *journal.Sealer
	log      *slog.Logger
	prepared chan struct{} // closed once the schema and the key are as they should be
}

// errUnprepared is what whoever asks for a connection gets before that.
var errUnprepared = errors.New("it has not answered since this server was started")

// connections is how many of Postgres a server uses at most. Two only listen; with the four that
// pgx would take, orders waited their two seconds for one when some questions took long, and were
// refused.
const connections = 32

// newDatabase reads the setting, and connects to nothing.
func newDatabase(ctx context.Context, set settings, sealer *journal.Sealer, log *slog.Logger) (*database, error) {
	config, err := pgxpool.ParseConfig(set.databaseURL)
	if err != nil {
		return nil, usageError{errors.New("DATABASE_URL is not of the form postgres://user:password@host:port/database")}
	}
	if !strings.Contains(set.databaseURL, "pool_max_conns=") {
		config.MaxConns = connections
	}
	d := &database{
		url: set.databaseURL, sealer: sealer, log: log, sandbox: kindOfBoss(set.boss) == bossBuiltIn, prepared: make(chan struct{}),
		where: fmt.Sprintf("postgres at %s:%d/%s (DATABASE_URL)", config.ConnConfig.Host, config.ConnConfig.Port, config.ConnConfig.Database),
	}
	config.BeforeConnect = func(context.Context, *pgx.ConnConfig) error {
		if !d.there() {
			return errUnprepared
		}
		return nil
	}
	if d.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("%s: %w", d.where, err)
	}
	return d, nil
}

// there tells whether it has been prepared; it may be away again.
func (d *database) there() bool {
	select {
	case <-d.prepared:
		return true
	default:
		return false
	}
}

// prepare migrates, makes sure that numbers are stored under the same key as before, and lets
// everybody in. Call it until it gives no error, never twice at once.
func (d *database) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	migrated, err := journal.Migrate(ctx, d.url)
	if err != nil {
		return fmt.Errorf("%s: %w", d.where, inOneLine(err))
	}
	if len(migrated.Applied) > 0 {
		d.log.Info("migrated the database", "version", migrated.Version, "applied", strings.Join(migrated.Applied, ", "))
	}
	first, err := pgxpool.New(ctx, d.url) // the other one is still shut
	if err != nil {
		return fmt.Errorf("%s: %w", d.where, err)
	}
	defer first.Close()
	if err := journal.CheckKey(ctx, first, d.sealer); err != nil {
		return err
	}
	if d.sandbox {
		if err := sandbox.Migrate(ctx, first); err != nil {
			return err
		}
	}
	close(d.prepared)
	return nil
}

// lookForIt is how often a Postgres that was away at the start is looked for.
const lookForIt = time.Second

// await prepares it as soon as it is there, or ctx ends. What is wrong with it is said when
// it changes: calls are under way, which do without.
func (d *database) await(ctx context.Context) {
	tick := time.NewTicker(lookForIt)
	defer tick.Stop()
	said := ""
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		err := d.prepare(ctx)
		if err == nil {
			d.log.Info("postgres is there: orders are taken, and steps delivered")
			return
		}
		if ctx.Err() == nil && err.Error() != said && !away(err) {
			said = err.Error()
			d.log.Error("postgres is there, and cannot be used: orders stay refused, and steps in the spool", "err", err)
		}
	}
}

// away tells whether an error says that Postgres cannot be reached now, as against that it is
// there and will not do, which only a person can mend.
func away(err error) bool {
	if says := (*pgconn.PgError)(nil); errors.As(err, &says) {
		// Shutting down or starting up, too many connections, a disk that is full (PostgreSQL, appendix A).
		return strings.HasPrefix(says.Code, "57P0") || strings.HasPrefix(says.Code, "53") || strings.HasPrefix(says.Code, "08")
	}
	for _, lost := range []error{context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF, os.ErrDeadlineExceeded} {
		if errors.Is(err, lost) {
			return true
		}
	}
	var network net.Error // refused, reset, no such host
	var errno syscall.Errno
	return errors.As(err, &network) || errors.As(err, &errno)
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
