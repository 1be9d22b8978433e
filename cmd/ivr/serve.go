package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"

	"hotline/internal/admin"
	"hotline/internal/ivr"
	"hotline/internal/ivr/asterisk"
	"hotline/internal/journal"
	"hotline/internal/menu/tree"
	"hotline/internal/orders/desk"
	"hotline/internal/orders/sandbox"
)

func serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Serve calls until SIGTERM or Ctrl-C",
		Long: `Serve calls. The settings are in the environment (see README); 'ivr up' sets them all.

On SIGTERM or Ctrl-C no new call is taken; those under way may end by themselves for
DRAIN (30s), then hear an apology. A second signal ends the process at once.
Exit codes: 0 stopped as asked, 1 could not start or failed, 2 wrong settings.`,
		Example: `  . .run/env && ivr serve`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, err := settingsFromEnvironment()
			if err != nil {
				return err
			}
			log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
			if os.Getenv("GOMAXPROCS") == "" {
				// A call costs waking threads far more than computing: on one of them, what
				// goes from goroutine to goroutine wakes none. It is enough for some 300 calls a
				// second; who needs more sets GOMAXPROCS.
				runtime.GOMAXPROCS(1)
			}
			return serve(cmd.Context(), set, log)
		},
	}
}

const (
	startLimit = 10 * time.Second // for Postgres to answer at the start
	closeLimit = 5 * time.Second  // for what is left once the last call has ended
	apologyFor = 12 * time.Second // for the calls that must hear an apology
	sweepEvery = 15 * time.Second
)

// serve is the whole of a server, from top to bottom in the order in which things
// come up; they go down in the opposite order when ctx ends.
func serve(ctx context.Context, set settings, log *slog.Logger) (err error) {
	content, err := loadContent(set.menus, set.prompts, set.audio)
	if err != nil {
		return err
	}
	sealer, err := journal.ReadSealer(set.keyFile)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", set.httpAddr)
	if err != nil {
		return fmt.Errorf("HTTP_ADDR %s cannot be used: %w; choose another or stop what uses it", set.httpAddr, err)
	}
	defer listener.Close()
	pool, err := openDatabase(ctx, set.databaseURL, log)
	if err != nil {
		return err
	}
	defer pool.Close()

	// What must go on after the signal, until everything is drained, lives in life.
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	var work sync.WaitGroup
	defer func() {
		stop()
		work.Wait()
	}()

	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	var server atomic.Pointer[ivr.Server] // the journal asks it which calls live, and is made before it
	live := func() []uuid.UUID {
		if s := server.Load(); s != nil {
			return s.Live()
		}
		return nil
	}
	name, err := instance(set.spool, set.app)
	if err != nil {
		return err
	}
	record, err := journal.Open(life, journal.Options{
		Pool: pool, Dir: set.spool, Server: name, Sealer: sealer, Live: live, Log: log, Registerer: registry,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, within(closeLimit, record.Close)) }()

	boss, err := sandbox.Open(ctx, pool)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, within(closeLimit, boss.Close)) }()
	bookings, err := desk.New(pool, boss, desk.Options{
		Seal: sealer.Seal, Log: log, Metrics: registry,
	})
	if err != nil {
		return err
	}
	work.Go(func() { bookings.Run(life) })
	defer func() { err = errors.Join(err, within(closeLimit, bookings.Close)) }()

	srv := ivr.NewServer(ivr.Options{
		Desk: bookings, MaxCalls: set.maxCalls, Log: log, Registerer: registry,
		Begin: func(c ivr.Call, tree *tree.Tree) ivr.Record {
			return record.Begin(journal.Head{
				ID: c.ID, At: c.At, Caller: c.Caller, Dialled: c.Dialled,
				Menu: tree.Name, MenuVersion: tree.Version, Test: c.Test,
			})
		},
	}, content)
	server.Store(srv)

	nodes := connect(life, &work, set, srv, log, registry)
	work.Go(func() { keepHouse(life, record, set.cdrFile, log) })
	web := &http.Server{
		Handler:           admin.Handler(checks(srv, nodes, pool), registry),
		ReadHeaderTimeout: 5 * time.Second,
	}
	work.Go(func() {
		if err := web.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the HTTP listener has failed", "err", err)
		}
	})
	defer func() { err = errors.Join(err, within(closeLimit, web.Shutdown)) }()

	log.Info("serving", "app", set.app, "http", listener.Addr().String(), "menus", len(content.Trees))
	<-ctx.Done()
	log.Info("stopping: no new calls", "live", len(live()), "patience", set.drain.String())
	return within(set.drain+apologyFor, func(ctx context.Context) error { return srv.Drain(ctx, set.drain) })
}

// within runs f with a deadline of its own.
func within(d time.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return f(ctx)
}

// openDatabase connects and migrates; it says in one line what is wrong.
func openDatabase(ctx context.Context, url string, log *slog.Logger) (*pgxpool.Pool, error) {
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

// connect runs a connection to every Asterisk, and looks on each for the callers
// that an earlier run has left behind.
func connect(ctx context.Context, work *sync.WaitGroup, set settings, srv *ivr.Server, log *slog.Logger, registry prometheus.Registerer) map[string]*asterisk.Conn {
	nodes := map[string]*asterisk.Conn{}
	for i, url := range set.ariURLs {
		name := fmt.Sprintf("asterisk-%d", i+1)
		conn := asterisk.New(asterisk.Options{
			URL: strings.TrimSpace(url), User: set.ariUser, Password: set.ariPassword, App: set.app,
			Node: name, Log: log, Registerer: registry,
		}, func(ch *asterisk.Channel, a asterisk.Arrival) { srv.Arrive(ctx, ch, a) })
		nodes[name] = conn
		work.Go(func() {
			if err := conn.Run(ctx); err != nil {
				log.Error("asterisk cannot be reached for good", "node", name, "err", err)
			}
		})
		work.Go(func() {
			if err := srv.Rescue(ctx, conn); err != nil && ctx.Err() == nil {
				log.Error("lost calls could not be looked for", "node", name, "err", err)
			}
		})
	}
	return nodes
}

// keepHouse does what has to be done again and again: it closes what lost calls
// have left open, and takes the calls that no server got from the PBX's record.
func keepHouse(ctx context.Context, record *journal.Journal, cdrFile string, log *slog.Logger) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := record.Sweep(ctx); err != nil && ctx.Err() == nil {
			log.Error("what lost calls have left cannot be closed now", "err", err)
		}
		if cdrFile != "" {
			if _, err := record.ImportUnserved(ctx, cdrFile); err != nil && ctx.Err() == nil {
				log.Error("the PBX's record cannot be read now", "err", err)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// checks are what /readyz asks.
func checks(srv *ivr.Server, nodes map[string]*asterisk.Conn, pool *pgxpool.Pool) []admin.Check {
	all := []admin.Check{{Name: "calls", Err: srv.Ready}}
	for name, conn := range nodes {
		all = append(all, admin.Check{Name: name, Err: func() error {
			if up, why := conn.State(); !up {
				return errors.New(why)
			}
			return nil
		}})
	}
	return append(all, admin.Check{Name: "postgres", Err: func() error {
		return within(time.Second, func(ctx context.Context) error {
			if err := pool.Ping(ctx); err != nil {
				return fmt.Errorf("postgres does not answer, orders are refused and steps wait in the spool: %w", err)
			}
			return nil
		})
	}})
}
