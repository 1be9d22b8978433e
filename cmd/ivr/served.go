package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"hotline/internal/admin"
	"hotline/internal/ivr"
	"hotline/internal/ivr/asterisk"
	"hotline/internal/orders"
	"hotline/internal/outside"
	"hotline/internal/prompts"
	"hotline/internal/prompts/build"
	"hotline/internal/releases"
)

// served is what a server serves, and the server. What is live is known before there
// is one, and the journal asks for its calls before that, too.
type served struct {
	began   time.Time
	content atomic.Pointer[ivr.Content]
	sounds  atomic.Pointer[[]asterisk.Sound] // that content is heard with
	heard   atomic.Pointer[prompts.Manifest] // of them
	server  atomic.Pointer[ivr.Server]
	nodes   atomic.Pointer[map[string]*asterisk.Conn] // nil before connect

	patience time.Duration // for sounds on their way to an Asterisk
}

// use serves the next call with c, which is heard with m.
func (s *served) use(c *ivr.Content, m prompts.Manifest) {
	heard := sounds(m)
	s.sounds.Store(&heard)
	s.heard.Store(&m)
	s.content.Store(c)
	if srv := s.server.Load(); srv != nil {
		srv.Use(c)
	}
}

// by makes the server.
func (s *served) by(opt ivr.Options) *ivr.Server {
	srv := ivr.NewServer(opt, s.content.Load())
	s.server.Store(srv)
	return srv
}

// calls lists those under way.
func (s *served) calls() []uuid.UUID {
	if srv := s.server.Load(); srv != nil {
		return srv.Live()
	}
	return nil
}

// keep makes something live, and gives what follows the folder and other publishers. kept is
// the file of what is live, for a start without Postgres.
func (s *served) keep(ctx context.Context, at place, kept string, pool *pgxpool.Pool, log *slog.Logger, registry prometheus.Registerer) (*releases.Keeper, error) {
	keeper := releases.NewKeeper(releases.Options{
		Store: releases.NewStore(pool), Sounds: releases.NewSounds(at.audio), Menus: at.menus, Texts: at.texts,
		Kept: kept, Log: log, Registerer: registry, Check: at.glance, Prove: at.check,
		Load: func(ctx context.Context, snap *releases.Snapshot, m prompts.Manifest) (releases.Loaded, error) {
			at := at
			if live := s.heard.Load(); live != nil { // the folder's own manifest may be another's, or gone
				at.keep = *live
			}
			content, m, err := at.content(ctx, snap, m)
			return releases.Loaded{Manifest: m, GoLive: func() {
				s.use(content, m)
				if err := build.Place(at.audio, m); err != nil { // for the dialplan, where no server is there
					log.Error("the plain names of the prompts lead to older audio", "err", err)
				}
			}}, err
		},
		Ready: func(ctx context.Context, m prompts.Manifest) error { return s.everywhere(ctx, m, s.patience) },
	})
	return keeper, keeper.Start(ctx)
}

// publishOnHangup has the folder published at every SIGHUP until ctx ends.
func publishOnHangup(ctx context.Context, keeper *releases.Keeper) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for {
		select {
		case <-hangup:
			keeper.Publish()
		case <-ctx.Done():
			return
		}
	}
}

// serverStatus is what /status adds to the checks.
type serverStatus struct {
	Server string          `json:"server"` // its name in the journal
	Since  time.Time       `json:"since"`  // it runs
	Calls  int             `json:"calls"`
	Closed []string        `json:"closed,omitempty"` // services, to callers
	Menus  releases.Status `json:"menus"`
}

func (s *served) status(name string, keeper *releases.Keeper, board *outside.Board) serverStatus {
	closed := board.Closed()
	slices.Sort(closed)
	return serverStatus{Server: name, Since: s.began, Calls: len(s.calls()), Closed: closed, Menus: keeper.Status()}
}

// menusNote tells of menus that were refused; what was live before is served.
func menusNote(keeper *releases.Keeper) admin.Check {
	return admin.Check{Name: "menus", Err: func() error {
		var all []error
		status := keeper.Status()
		for _, r := range status.Refused {
			all = append(all, fmt.Errorf("%s refused at %s, %s stays live: %s", r.What, r.At.UTC().Format(time.RFC3339), status.Live.Release, r.Why))
		}
		return errors.Join(all...)
	}}
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

// prices are what callers are told that services cost a month, of those that they can open.
func (s *served) prices() map[string]orders.Money {
	told := map[string]orders.Money{}
	for _, t := range s.content.Load().Trees {
		for _, n := range t.Nodes {
			if n.Order != nil && n.Order.Action == orders.Open {
				told[n.Order.Service] = t.Services[n.Order.Service].Price
			}
		}
	}
	return told
}
