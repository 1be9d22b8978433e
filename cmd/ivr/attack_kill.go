package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"hotline/internal/crash"
	"hotline/internal/dialtest"
)

// killFlags are the choices of `ivr attack kill`.
type killFlags struct {
	kills, least, callers int
	seed                  uint64
	bossTakes             time.Duration
	json                  bool
}

func attackKillCommand() *cobra.Command {
	var f killFlags
	cmd := &cobra.Command{
		Use:   "kill",
		Short: "Kill the server again and again while callers order, and compare with the BOSS's ledger",
		Long: `Kill the server again and again (SIGKILL), at random instants and at each named point
around insert, send, reply and commit of an order, and start it again, while real callers
order over SIP from a BOSS that is a process of its own ('ivr boss', spoken to by TM Forum's
interfaces). Then compare three things: what the callers pressed and were told, the
ledger of the BOSS, and the journal. The journal's word is taken for nothing.

It needs a binary that has the points: build it with -tags crashpoints.

Exit code: 0 nothing was lost, doubled, left open, told wrong or left in silence; 1 something
was, or the attack was too weak to tell; 2 wrong usage.`,
		Example: `  go build -tags crashpoints -o bin/ivr-crash ./cmd/ivr
  bin/ivr-crash up --parts --run .run/attack -- bin/ivr-crash attack kill --kills 1000`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runKillAttack(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), f)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&f.kills, "kills", 1000, "how often the server is killed, named points included")
	flags.IntVar(&f.least, "least", 0, "kills at each named point (default: a fiftieth of all, at least 2)")
	flags.IntVar(&f.callers, "callers", 8, "callers who order at the same time, one after the other")
	flags.DurationVar(&f.bossTakes, "boss-takes", 3*time.Second, "how long the BOSS takes for an order")
	flags.Uint64Var(&f.seed, "seed", 0, "of the plan; the same gives the same one (default: another each time)")
	flags.BoolVar(&f.json, "json", false, "print JSON, for programs")
	return cmd
}

func (f *killFlags) check() error {
	if f.least == 0 {
		f.least = max(2, f.kills/50)
	}
	if f.seed == 0 {
		f.seed = rand.Uint64()
	}
	points := len(crash.Points())
	switch {
	case !crash.Enabled:
		return usageError{errors.New("this binary has no points to be killed at: build it with 'go build -tags crashpoints'")}
	case f.kills < points*f.least:
		return usageError{fmt.Errorf("--kills %d: there are %d named points, with --least %d that makes %d", f.kills, points, f.least, points*f.least)}
	case f.callers < 1 || f.callers > 100:
		return usageError{fmt.Errorf("--callers %d: 1 to 100", f.callers)}
	case f.bossTakes < 100*time.Millisecond || f.bossTakes > 20*time.Second:
		return usageError{fmt.Errorf("--boss-takes %v: 100ms to 20s", f.bossTakes)}
	}
	return nil
}

// killAttack is one run of the attack.
type killAttack struct {
	killFlags
	scene
	app    string
	hotel  string // the hotline's database
	boss   *attacked
	phones *dialtest.Caller
	random *rand.Rand

	mu     sync.Mutex
	calls  []*orderCall // of all callers, those under way included
	deaths []kill
}

// kill is one death of the server.
type kill struct {
	Point    crash.Point `json:"point"` // "" for a random instant
	At       time.Time   `json:"at"`
	InFlight int         `json:"in_flight"` // orders confirmed by a caller who has not heard yet what came of it
	Missed   bool        `json:"missed"`    // the point was not passed; killed from outside
}

func runKillAttack(ctx context.Context, out, errOut io.Writer, f killFlags) (err error) {
	if err := f.check(); err != nil {
		return err
	}
	set, err := settingsFromEnvironment()
	if err != nil {
		return fmt.Errorf("%w\n'ivr up --parts -- …' brings everything up and sets them", err)
	}
	call, err := readDialtestSettings("", false)
	if err != nil {
		return err
	}
	a := &killAttack{killFlags: f, app: "attack-" + uuid.NewString()[:8], random: rand.New(rand.NewPCG(f.seed, 0))}
	var strike func(error) error
	if a.scene, strike, err = newScene(errOut); err != nil {
		return err
	}
	defer func() { err = strike(err) }()
	dropHotline, err := a.database(ctx, set.databaseURL, &a.hotel)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dropHotline()) }()
	var shop string
	dropShop, err := a.database(ctx, set.databaseURL, &shop)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dropShop()) }()
	if a.boss, err = a.startBoss(ctx, shop, a.bossTakes); err != nil {
		return err
	}
	defer a.boss.kill()
	audio, err := dialtest.LoadAudio(os.DirFS(set.audio))
	if err != nil {
		return err
	}
	if a.phones, err = dialtest.New(dialtest.Options{Addr: call.sipAddr, Token: call.token, Audio: audio}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.phones.Close()) }()
	if err := a.attack(ctx, errOut); err != nil {
		return err
	}
	report, err := a.judge(ctx)
	if err != nil {
		return err
	}
	if f.json {
		err = json.NewEncoder(out).Encode(report)
	} else {
		err = report.show(out)
	}
	if err == nil && len(report.Broken) > 0 {
		err = exitError(1)
	}
	return err
}

// plan is where the server dies, in turn. The named points come first: what such a death
// leaves takes the longest to settle.
func (a *killAttack) plan() []crash.Point {
	var plan []crash.Point
	for _, p := range crash.Points() {
		for range a.least {
			plan = append(plan, p)
		}
	}
	between := (a.kills - len(plan)) / 2
	plan = append(plan, make([]crash.Point, between)...)
	a.random.Shuffle(len(plan), func(i, j int) { plan[i], plan[j] = plan[j], plan[i] })
	return append(plan, make([]crash.Point, a.kills-len(plan))...)
}

// attack lets callers order and kills the server as planned; at the end one lives that has
// time for what the dead have left.
func (a *killAttack) attack(ctx context.Context, errOut io.Writer) error {
	fmt.Fprintf(errOut, "%d kills, at least %d at each of %d points, %d callers, seed %d\n", a.kills, a.least, len(crash.Points()), a.callers, a.seed)
	// The first makes the tables and proves the menus; what comes after is only killed.
	server, err := a.serve(ctx, "")
	if err != nil {
		return err
	}
	server.stop()
	calling, hangUp := context.WithCancel(ctx)
	defer hangUp()
	var callers sync.WaitGroup
	defer callers.Wait()
	defer hangUp()
	for i := range a.callers {
		callers.Go(func() { a.order(ctx, calling, i) })
	}
	for i, point := range a.plan() {
		if server, err = a.serve(ctx, a.pass(point)); err != nil {
			return err
		}
		k, err := a.kill(ctx, server, point)
		if err != nil {
			server.kill()
			return err
		}
		a.deaths = append(a.deaths, k)
		if n := i + 1; n%10 == 0 || n == a.kills {
			fmt.Fprintf(errOut, "%4d kills, %d calls\n", n, a.called())
		}
	}
	if server, err = a.serve(ctx, ""); err != nil {
		return err
	}
	defer server.stop()
	hangUp() // no further calls; those under way go on to their end
	callers.Wait()
	return a.settle(ctx)
}

// pass is the setting that kills at one of the first passes of a point. Steps are many more
// than orders. "" is for a random instant.
func (a *killAttack) pass(p crash.Point) string {
	if p == "" {
		return ""
	}
	n := 1 + a.random.IntN(4)
	if p == crash.CallDecided || p == crash.CallRecorded {
		n = 40 + a.random.IntN(80)
	}
	return fmt.Sprintf("%s:%d", p, n)
}

const (
	// pointLimit is how long a server may take until it passes the point at which it dies.
	pointLimit = 40 * time.Second
	// someOrder is how long a kill waits for an order to be in flight.
	someOrder = 20 * time.Second
)

// kill waits for the death of the server at a point, or kills it at a random instant while
// an order is in flight.
func (a *killAttack) kill(ctx context.Context, server *attacked, point crash.Point) (kill, error) {
	limit := someOrder
	if point != "" {
		limit = pointLimit
	}
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	k := kill{Point: point}
	if point == "" {
		a.until(within, func() bool { return a.inFlight() > 0 })
		later := time.NewTimer(time.Duration(a.random.Int64N(int64(a.bossTakes))))
		defer later.Stop()
		select {
		case <-later.C:
		case <-server.ended:
			return k, fmt.Errorf("the server has ended by itself: see %s", server.log)
		case <-ctx.Done():
			return k, ctx.Err()
		}
	} else {
		select {
		case <-server.ended:
		case <-within.Done():
			k.Missed = true
		}
	}
	k.At, k.InFlight = time.Now(), a.inFlight()
	server.kill()
	return k, ctx.Err()
}

// until polls a condition of this process; it gives up when ctx ends.
func (a *killAttack) until(ctx context.Context, met func() bool) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !met() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
