package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"hotline/internal/journal"
	"hotline/internal/orders"
	"hotline/internal/orders/bossd"
	"hotline/internal/orders/desk"
	"hotline/internal/orders/tmf"
)

// ordersFlags are the choices of `ivr attack orders`.
type ordersFlags struct {
	orders, callers int
	pace            float64
	away            time.Duration
	seed            uint64
	json            bool
}

func attackOrdersCommand() *cobra.Command {
	var f ordersFlags
	cmd := &cobra.Command{
		Use:   "orders",
		Short: "Order from a BOSS that goes wrong in every way, and compare the journal with its ledger",
		Long: `Order from a BOSS that goes wrong in every way that it can be told to: slow, too slow, cut
before and after the effect, reset, late, 500, 429, garbage, repeated, accepted and done
later; what it does wrong changes all the time, and now and then it is killed and away. It is
a process of its own ('ivr boss') with a Postgres database and a ledger of its own, and spoken to
over TM Forum's interfaces by the Desk of the server, whose workers find out what came of it.
When it has recovered, and nothing is on its way any more, each order of the journal
is held against the ledger: one effect for a success, none for anything else.

Exit code: 0 they agree, and what was unknown was known within 5 minutes of the
recovery; 1 not so, or the attack was too weak to tell; 2 wrong usage.`,
		Example: `  bin/ivr up --parts --run .run/attack -- bin/ivr attack orders
  bin/ivr up --parts --run .run/attack -- bin/ivr attack orders --orders 500 --pace 20   # all times are a 20th`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runOrdersAttack(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), f)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&f.orders, "orders", 10_000, "how many are made; those for which the BOSS was not to be had come on top")
	flags.IntVar(&f.callers, "callers", 48, "how many are made at the same time")
	flags.Float64Var(&f.pace, "pace", 1, "the deadlines of the Desk, and what the BOSS does wrong, are so many times as fast")
	flags.DurationVar(&f.away, "away", time.Minute, "how long the BOSS is away at the end, before it recovers")
	flags.Uint64Var(&f.seed, "seed", 0, "of the orders and the faults (default: another each time)")
	flags.BoolVar(&f.json, "json", false, "print JSON, for programs")
	return cmd
}

func (f *ordersFlags) check() error {
	if f.seed == 0 {
		f.seed = rand.Uint64()
	}
	switch {
	case f.orders < 100 || f.orders > 1_000_000:
		return usageError{fmt.Errorf("--orders %d: 100 to 1000000", f.orders)}
	case f.callers < 1 || f.callers > 500:
		return usageError{fmt.Errorf("--callers %d: 1 to 500", f.callers)}
	case !(f.pace >= 1 && f.pace <= 50):
		return usageError{fmt.Errorf("--pace %v: 1 to 50", f.pace)}
	case f.away < 0 || f.away > time.Hour:
		return usageError{fmt.Errorf("--away %v: 0s to 1h", f.away)}
	}
	return nil
}

// ordersAttack is one run of the attack.
type ordersAttack struct {
	ordersFlags
	scene
	log    *slog.Logger
	pool   *pgxpool.Pool // of the hotline
	prices map[string]orders.Money
	desk   *desk.Desk

	stored atomic.Int64 // orders that the BOSS has had a part in, those that were joined not counted again

	mu        sync.Mutex
	wishes    []wished
	met       map[fault]int // how often, by what the BOSS did wrong
	deaths    int           // of the BOSS
	recovered time.Time     // since then it does everything right
}

// wished is one thing that a caller has confirmed.
type wished struct {
	key    string
	order  string // that stands for it in the journal; "" where nothing was stored
	joined bool   // it is another caller's
	told   orders.Result
}

func runOrdersAttack(ctx context.Context, out, errOut io.Writer, f ordersFlags) (err error) {
	if err := f.check(); err != nil {
		return err
	}
	server := os.Getenv("DATABASE_URL")
	if server == "" {
		return usageError{errors.New("DATABASE_URL is not set: 'ivr up --parts -- …' brings a Postgres up and sets it")}
	}
	a := &ordersAttack{ordersFlags: f, met: map[fault]int{}}
	var strike func(error) error
	if a.scene, strike, err = newScene(errOut); err != nil {
		return err
	}
	defer func() { err = strike(err) }()
	hotel, shop, drop, err := a.databases(ctx, server)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, drop()) }()
	log, err := os.OpenFile(filepath.Join(a.dir, "desk.log"), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	a.log = slog.New(slog.NewJSONHandler(log, nil))
	var key [32]byte // what it seals is gone with the database
	sealer := journal.NewSealer(key)
	if a.pool, err = openHotel(ctx, hotel); err != nil {
		return err
	}
	defer a.pool.Close()
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	boss, err := a.bossAt(ctx, addr, shop)
	if err != nil {
		return err
	}
	trouble := &trouble{ordersAttack: a, boss: boss, shop: shop, random: rand.New(rand.NewPCG(f.seed, 1)), errOut: errOut}
	defer func() { trouble.boss.kill() }()
	if err := a.attack(ctx, sealer, trouble); err != nil {
		return err
	}
	report, err := a.judge(ctx)
	if err != nil {
		return err
	}
	return conclude(out, f.json, report, report.Broken)
}

// times are the Desk's as the server has them, at the pace of this attack.
func (a *ordersAttack) times() desk.Options {
	scaled := func(d time.Duration) time.Duration { return time.Duration(float64(d) / a.pace) }
	breaker := desk.Breaker{Window: scaled(30 * time.Second), Pause: scaled(10 * time.Second)}
	return desk.Options{
		Deadline: scaled(40 * time.Second), LookupDeadline: scaled(10 * time.Second), Settle: scaled(2 * time.Minute),
		Retry: scaled(2 * time.Second), Poll: scaled(time.Second),
		Calls: desk.Limits{Breaker: breaker}, Reconciling: desk.Limits{Breaker: breaker},
	}
}

// attack has the orders made while the BOSS goes wrong, and waits until all has settled.
func (a *ordersAttack) attack(ctx context.Context, sealer *journal.Sealer, t *trouble) (err error) {
	boss, err := tmf.Open(ctx, tmf.Options{Base: "http://" + t.boss.addr + "/tmf-api", Log: a.log})
	if err != nil {
		return err
	}
	defer boss.Close()
	if a.prices, err = boss.Prices(ctx); err != nil {
		return fmt.Errorf("ask what the services cost: %w", err)
	}
	opt := a.times()
	opt.Seal, opt.Unseal, opt.Log, opt.Metrics = sealer.Seal, sealer.Open, a.log, prometheus.NewRegistry()
	if a.desk, err = desk.New(a.pool, boss, opt); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, within(closeLimit, a.desk.Close)) }()
	running, stop := context.WithCancel(ctx)
	var workers sync.WaitGroup
	workers.Go(func() { a.desk.Run(running) })
	defer workers.Wait()
	defer stop()

	var callers sync.WaitGroup
	for i := range a.callers {
		callers.Go(func() { a.order(running, i) })
	}
	err = t.make(running)
	if err != nil {
		stop()
	}
	callers.Wait()
	if err != nil {
		return err
	}
	return settled(ctx, a.pool, resolvedWithin+time.Minute)
}

// order is one source of callers, each with another number, until there are enough orders.
func (a *ordersAttack) order(ctx context.Context, caller int) {
	random := rand.New(rand.NewPCG(a.seed, uint64(caller)+2))
	for n := 0; a.stored.Load() < int64(a.orders) && ctx.Err() == nil; n++ {
		first, err := a.wish(random, fmt.Sprintf("139%03d%05d", caller, n))
		if err != nil {
			return
		}
		wishes := []orders.Order{first}
		if random.IntN(twinsOf) == 0 { // from two telephones at once
			second := first
			a.name(&second)
			wishes = append(wishes, second)
		}
		var both sync.WaitGroup
		var served atomic.Bool
		for _, o := range wishes {
			both.Go(func() {
				if a.submit(ctx, o) {
					served.Store(true)
				}
			})
		}
		both.Wait()
		if !served.Load() { // a caller who is told that there is no service now dials again later
			select {
			case <-time.After(a.times().Deadline / 100):
			case <-ctx.Done():
			}
		}
	}
}

const (
	// twinsOf: one in so many wishes is made twice at the same moment.
	twinsOf = 40
	// refusedOf: one in so many is one that the BOSS refuses.
	refusedOf = 20
)

// wish is what a caller wants.
func (a *ordersAttack) wish(random *rand.Rand, number string) (o orders.Order, err error) {
	if o.Caller, err = orders.ParseMSISDN(number); err != nil {
		return o, err
	}
	a.name(&o)
	services := []string{"caller_id", "ringback_tone", "call_reminder", "my_10086"}
	o.Service, o.Action = services[random.IntN(len(services))], orders.Open
	o.Price = a.prices[o.Service]
	if random.IntN(refusedOf) == 0 {
		o.Action, o.Price = orders.Close, 0 // it is not open
	}
	return o, nil
}

// name makes an order that of a call of its own.
func (a *ordersAttack) name(o *orders.Order) {
	o.ID, o.Call = uuid.NewString(), uuid.NewString()
	o.Application = orders.ApplicationID(o.Call, 1)
	o.Key = o.Application
}

// submit makes one order and keeps what was said of it; false: there is no service now.
func (a *ordersAttack) submit(ctx context.Context, o orders.Order) bool {
	w := wished{key: o.Key}
	answer := a.desk.Submit(ctx, o, func(id string) {
		w.order, w.joined = id, id != o.ID
	})
	w.told = answer.Result
	if w.order != "" && !w.joined && w.told.Detail != orders.BossUnavailable {
		a.stored.Add(1)
	}
	a.mu.Lock()
	a.wishes = append(a.wishes, w)
	a.mu.Unlock()
	return w.told.Outcome != orders.SystemFailed
}

// fault is something that the BOSS does wrong, as the report names it.
type fault struct {
	Mode  bossd.Mode
	After bool
}

func (f fault) String() string {
	if f.After {
		return string(f.Mode) + " after the effect"
	}
	return string(f.Mode)
}
