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
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"

	"hotline/internal/admin"
	"hotline/internal/ivr"
	"hotline/internal/journal"
	"hotline/internal/menu/tree"
	"hotline/internal/outside"
	"hotline/internal/releases"
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
	sealer, err := journal.ReadSealer(set.keyFile)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", set.httpAddr)
	if err != nil {
		return fmt.Errorf("HTTP_ADDR %s cannot be used: %w; choose another or stop what uses it", set.httpAddr, err)
	}
	defer listener.Close()
	pool, err := openDatabase(ctx, set.databaseURL, sealer, log)
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
	served := &served{began: time.Now(), patience: set.patience}
	at := place{menus: set.menus, texts: set.prompts, audio: set.audio, codec: set.codec, play: proveApart}
	keeper, err := served.keep(ctx, at, pool, log, registry)
	if err != nil {
		return err
	}
	board := outside.NewBoard(outside.Options{
		Store: outside.NewStore(pool), Log: log, Registerer: registry,
		Hash: sealer.Hash,
	})
	board.Read(ctx)

	name, err := instance(set.spool, set.app)
	if err != nil {
		return err
	}
	record, err := journal.Open(life, journal.Options{
		Pool: pool, Dir: set.spool, Server: name, Sealer: sealer, Live: served.calls, Log: log, Registerer: registry,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, within(closeLimit, record.Close)) }()

	bookings, closeDesk, err := openDesk(ctx, life, &work, set, pool, sealer, log, registry)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeDesk()) }()

	srv := served.by(ivr.Options{
		Desk: bookings, Outside: board, Zone: set.zone, MaxCalls: set.maxCalls, Log: log, Registerer: registry,
		Recall: recall(record), Earlier: at.earlier(releases.NewStore(pool), log),
		Begin: func(c ivr.Call, tree *tree.Tree) ivr.Record {
			return record.Begin(journal.Head{
				ID: c.ID, At: c.At, Caller: c.Caller, Dialled: c.Dialled,
				Menu: tree.Name, MenuVersion: tree.Version, Test: c.Test,
			})
		},
	})
	work.Go(func() { keeper.Run(life) })
	work.Go(func() { board.Run(life) })
	work.Go(func() { board.FollowPrices(life, bookings.Prices, served.prices) })
	work.Go(func() { publishOnHangup(life, keeper) })
	nodes, found, err := connect(life, &work, set, served, srv, log, registry)
	if err != nil {
		return err
	}
	work.Go(func() {
		waitFor(life, found, foundWait)
		keepHouse(life, record, sealer, set.cdrFile, log)
	})
	web := serveHTTP(&work, listener, log, admin.Handler(admin.Options{
		Checks: checks(srv, nodes, pool), Notes: []admin.Check{menusNote(keeper)}, Metrics: registry,
		Status: func() any { return served.status(name, keeper, board) },
	}))
	defer func() { err = errors.Join(err, within(closeLimit, web.Shutdown)) }()

	people, err := serveAdmin(&work, set, adminAPI(set, pool, sealer, bookings, log))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, within(closeLimit, people)) }()
	log.Info("serving", "app", set.app, "http", listener.Addr().String(), "menus", len(served.content.Load().Trees))
	<-ctx.Done()
	log.Info("stopping: no new calls", "live", len(served.calls()), "patience", set.drain.String())
	return within(set.drain+apologyFor, func(ctx context.Context) error { return srv.Drain(ctx, set.drain) })
}

// serveHTTP answers until its Shutdown.
func serveHTTP(work *sync.WaitGroup, listener net.Listener, log *slog.Logger, handler http.Handler) *http.Server {
	web := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second}
	work.Go(func() {
		if err := web.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the HTTP listener has failed", "err", err)
		}
	})
	return web
}

// within runs f with a deadline of its own.
func within(d time.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return f(ctx)
}

// foundWait is how long the first sweep waits for the calls that an earlier run has left
// on the switch: what is not among the live ones then is lost. Where no Asterisk can be
// asked for longer, their applications still have an outcome within a minute.
const foundWait = 20 * time.Second

// waitFor waits until done is closed, no longer than most.
func waitFor(ctx context.Context, done <-chan struct{}, most time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// keepHouse does what has to be done again and again: it closes what lost calls
// have left open, takes the calls that no server got from the PBX's record, and
// keys for numbers that were added.
func keepHouse(ctx context.Context, record *journal.Journal, sealer *journal.Sealer, cdrFile string, log *slog.Logger) {
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
		if changed, err := sealer.Reload(); err != nil {
			log.Error("the keys of callers' numbers cannot be read again, the old ones stay", "err", err)
		} else if changed {
			log.Info("callers' numbers are encrypted with a new key", "key", sealer.Newest())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
