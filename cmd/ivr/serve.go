package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"

	"hotline/internal/admin"
	"hotline/internal/ivr"
	"hotline/internal/ivr/asterisk"
	"hotline/internal/journal"
	"hotline/internal/menu/tree"
	"hotline/internal/orders/desk"
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

While Postgres is away callers hear the menus and ask; orders are refused by voice, and
steps wait in SPOOL. A server that has been live on this machine starts without it, too.
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

// serve is the whole of a server: its parts come up in this order, and go down in the
// opposite one when ctx ends.
func serve(ctx context.Context, set settings, log *slog.Logger) (err error) {
	// What must go on after the signal, until everything is drained, lives in life.
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	h := &house{set: set, log: log, registry: prometheus.NewRegistry(), stop: stop}
	defer func() { err = errors.Join(err, h.goDown()) }()
	for _, comeUp := range []func(ctx, life context.Context) error{
		h.listen, h.findDatabase, h.goLive, h.record, h.takeOrders, h.answer, h.tell,
	} {
		if err := comeUp(ctx, life); err != nil {
			return err
		}
	}
	log.Info("serving", "app", set.app, "http", h.listener.Addr().String(), "menus", len(h.served.content.Load().Trees), "postgres", h.db.there())
	<-ctx.Done()
	log.Info("stopping: no new calls", "live", len(h.served.calls()), "patience", set.drain.String())
	return within(set.drain+apologyFor, func(ctx context.Context) error { return h.srv.Drain(ctx, set.drain) })
}

// house is a server as it comes up: each method is a part, and may use those before it.
type house struct {
	set      settings
	log      *slog.Logger
	registry *prometheus.Registry
	stop     context.CancelFunc // ends life
	work     sync.WaitGroup     // all that lives as long as life
	downs    []func() error

	sealer   *journal.Sealer
	listener net.Listener
	db       *database
	name     string // in the journal
	at       place
	served   *served
	keeper   *releases.Keeper
	board    *outside.Board
	journal  *journal.Journal
	desk     *desk.Desk
	srv      *ivr.Server
	nodes    map[string]*asterisk.Conn
}

// goesDown has something done at the end, before what came up earlier goes down.
func (h *house) goesDown(how func() error) { h.downs = append(h.downs, how) }

func (h *house) goDown() error {
	var all []error
	for _, how := range slices.Backward(h.downs) {
		all = append(all, how())
	}
	return errors.Join(all...)
}

// listen takes what only one server can have: the HTTP address, and the name in its spool.
func (h *house) listen(context.Context, context.Context) (err error) {
	if h.sealer, err = journal.ReadSealer(h.set.keyFile); err != nil {
		return err
	}
	if h.listener, err = net.Listen("tcp", h.set.httpAddr); err != nil {
		return fmt.Errorf("HTTP_ADDR %s cannot be used: %w; choose another or stop what uses it", h.set.httpAddr, err)
	}
	h.goesDown(func() error { _ = h.listener.Close(); return nil }) // again, where it was served
	h.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	h.name, err = instance(h.set.spool, h.set.app)
	return err
}

// findDatabase prepares Postgres. Where it is away, a server that has been live on this machine
// goes on with what it served then, and prepares it later: menus and queries need none. One
// that never has would not know what it may let callers hear, and has more likely been given
// a wrong address.
func (h *house) findDatabase(ctx, life context.Context) (err error) {
	if h.db, err = newDatabase(life, h.set, h.sealer, h.log); err != nil {
		return err
	}
	h.goesDown(func() error {
		h.stop()
		h.work.Wait()
		h.db.pool.Close()
		return nil
	})
	err = h.db.prepare(ctx)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil || !away(err):
		return err
	case !releases.KeptAt(h.keptAt()):
		return fmt.Errorf("%w; a server can start without it only where it has been live before", err)
	}
	h.log.Error("postgres is away: serving what was live here last; orders are refused, and steps wait in the spool, until it is back", "err", err)
	h.work.Go(func() { h.db.await(life) })
	return nil
}

// keptAt is where what is live stands for a start without Postgres.
func (h *house) keptAt() string { return filepath.Join(h.set.spool, "live") }

// goLive makes menus live, and finds out what is closed to callers.
func (h *house) goLive(ctx, _ context.Context) (err error) {
	h.served = &served{began: time.Now(), patience: h.set.patience}
	h.at = place{menus: h.set.menus, texts: h.set.prompts, audio: h.set.audio, codec: h.set.codec, play: proveApart}
	if h.keeper, err = h.served.keep(ctx, h.at, h.keptAt(), h.db.pool, h.log, h.registry); err != nil {
		return err
	}
	h.board = outside.NewBoard(outside.Options{
		Store: outside.NewStore(h.db.pool), Log: h.log, Registerer: h.registry, Hash: h.sealer.Hash,
	})
	h.board.Read(ctx)
	return nil
}

// record opens the journal.
func (h *house) record(_, life context.Context) (err error) {
	h.journal, err = journal.Open(life, journal.Options{
		Pool: h.db.pool, Dir: h.set.spool, Server: h.name, Sealer: h.sealer, Live: h.served.calls, Log: h.log, Registerer: h.registry,
	})
	if err == nil {
		h.goesDown(func() error { return within(closeLimit, h.journal.Close) })
	}
	return err
}

func (h *house) takeOrders(ctx, life context.Context) error {
	bookings, closeDesk, err := openDesk(ctx, life, &h.work, h.set, h.db.pool, h.sealer, h.log, h.registry)
	if err != nil {
		return err
	}
	h.desk = bookings
	h.goesDown(closeDesk)
	return nil
}

// answer lets calls in, and starts what follows the world meanwhile.
func (h *house) answer(_, life context.Context) (err error) {
	h.srv = h.served.by(ivr.Options{
		Desk: h.desk, Outside: h.board, Zone: h.set.zone, Log: h.log, Registerer: h.registry,
		Limits: h.set.limits, Hash: h.sealer.Hash, Queues: queues(),
		Recall: recall(h.journal), Earlier: h.at.earlier(releases.NewStore(h.db.pool), h.log),
		Begin: func(c ivr.Call, tree *tree.Tree) ivr.Record {
			return h.journal.Begin(journal.Head{
				ID: c.ID, At: c.At, Caller: c.Caller, Dialled: c.Dialled,
				Menu: tree.Name, MenuVersion: tree.Version, Test: c.Test,
			})
		},
	})
	h.work.Go(func() { h.keeper.Run(life) })
	h.work.Go(func() { h.board.Run(life) })
	h.work.Go(func() { h.srv.FollowNumbers(life, begun(h.db.pool)) })
	h.work.Go(func() { h.board.FollowPrices(life, h.desk.Prices, h.served.prices) })
	h.work.Go(func() { publishOnHangup(life, h.keeper) })
	nodes, found, err := connect(life, &h.work, h.set, h.served, h.srv, h.log, h.registry)
	if err != nil {
		return err
	}
	h.nodes = nodes
	h.work.Go(func() {
		waitFor(life, found, foundWait)
		keepHouse(life, h.journal, h.sealer, h.set.cdrFile, h.log)
	})
	return nil
}

// tell lets people and programs ask how things stand.
func (h *house) tell(context.Context, context.Context) error {
	web := serveHTTP(&h.work, h.listener, h.log, admin.Handler(admin.Options{
		Checks: checks(h.srv, h.nodes, h.db.pool), Notes: []admin.Check{menusNote(h.keeper)}, Metrics: h.registry,
		Status: func() any { return h.served.status(h.name, h.keeper, h.board) },
	}))
	h.goesDown(func() error { return within(closeLimit, web.Shutdown) })
	people, err := serveAdmin(&h.work, h.set, adminAPI(h.set, h.db.pool, h.sealer, h.desk, h.log))
	if err == nil {
		h.goesDown(func() error { return within(closeLimit, people) })
	}
	return err
}

// serveHTTP answers until its Shutdown.
func serveHTTP(work *sync.WaitGroup, listener net.Listener, log *slog.Logger, handler http.Handler) *http.Server {
	// Who sends by the byte must not hold connections for ever.
	web := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		MaxHeaderBytes: 16 << 10}
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
