package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"hotline/internal/crash"
	"hotline/internal/dialtest"
)

// killFlags are the choices of `ivr attack kill`.
type killFlags struct {
	kills, least    int
	lanes, standbys int
	callers         int // of a lane
	seed            uint64
	bossTakes       time.Duration
	json            bool
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

Several hotlines are attacked at once, each in a lane with a server, a database, a BOSS and callers of
its own. In the last ones a standby runs beside the server: the callers of the dead one go on there,
and so do new ones until the server is back.

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
	flags.IntVar(&f.lanes, "lanes", 6, "hotlines that are attacked at the same time")
	flags.IntVar(&f.standbys, "standbys", 2, "how many of them have a standby")
	flags.IntVar(&f.callers, "callers", 8, "callers of each who order at the same time, one call after the other")
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
	case f.lanes < 1 || f.lanes > 20:
		return usageError{fmt.Errorf("--lanes %d: 1 to 20", f.lanes)}
	case f.standbys < 0 || f.standbys > f.lanes:
		return usageError{fmt.Errorf("--standbys %d: 0 to the number of lanes, which is %d", f.standbys, f.lanes)}
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
	errOut io.Writer
	lanes  []*killLane

	mu   sync.Mutex
	left []crash.Point // where servers are still to die, in turn; "" for a random instant
	died int
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
	a := &killAttack{killFlags: f, errOut: errOut}
	var strike func(error) error
	if a.scene, strike, err = newScene(errOut); err != nil {
		return err
	}
	defer func() { err = strike(err) }()
	audio, err := dialtest.LoadAudio(os.DirFS(set.audio))
	if err != nil {
		return err
	}
	phones, err := dialtest.New(dialtest.Options{Addr: call.sipAddr, Token: call.token, Audio: audio})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, phones.Close()) }()
	leave, err := a.open(ctx, set.databaseURL, phones)
	defer func() { err = errors.Join(err, leave()) }()
	if err != nil {
		return err
	}
	if err := a.attack(ctx); err != nil {
		return err
	}
	report, err := a.judge(ctx)
	if err != nil {
		return err
	}
	return conclude(out, f.json, report, report.Broken)
}

// open makes the lanes ready for their first kill. leave, which is never nil, takes away
// what it has made.
func (a *killAttack) open(ctx context.Context, postgres string, phones *dialtest.Caller) (leave func() error, err error) {
	var undo []func() error
	leave = func() (err error) {
		for _, f := range slices.Backward(undo) {
			err = errors.Join(err, f())
		}
		return err
	}
	for i := range a.killFlags.lanes {
		l := &killLane{
			killFlags: a.killFlags, scene: scene{self: a.self, dir: filepath.Join(a.dir, fmt.Sprint("lane-", i+1))},
			number: i, app: "attack-" + uuid.NewString()[:8],
			phones: phones, random: rand.New(rand.NewPCG(a.seed, uint64(i+1))),
		}
		if i >= a.killFlags.lanes-a.standbys {
			l.standby = l.app + "-b"
		}
		if err := os.Mkdir(l.dir, 0o700); err != nil {
			return leave, err
		}
		drop, err := l.openBoss(ctx, postgres)
		undo = append(undo, drop...)
		if err != nil {
			return leave, err
		}
		if i == 0 {
			drop, err = a.openFirst(ctx, postgres, l)
		} else {
			drop, err = l.openAs(ctx, postgres, a.lanes[0])
		}
		undo = append(undo, drop...)
		if err != nil {
			return leave, err
		}
		a.lanes = append(a.lanes, l)
	}
	return leave, nil
}

// openFirst lets a server make the tables of the first lane, prove the menus and publish them: the
// others get copies, and no server that is about to be killed does it again.
func (a *killAttack) openFirst(ctx context.Context, postgres string, l *killLane) (undo []func() error, err error) {
	drop, err := l.database(ctx, postgres, &l.hotel)
	if err != nil {
		return nil, err
	}
	undo = append(undo, drop)
	server, err := l.serve(ctx, l.app, "", "")
	if err != nil {
		return undo, err
	}
	release, err := server.published(ctx)
	server.stop()
	if err != nil {
		return undo, err
	}
	// The whole proof of what is live takes a server a processor for longer than it has to
	// live here; each would begin it anew. While we hold its lock none does.
	proved, err := alone(ctx, provedMark(release, false))
	if err != nil {
		return undo, err
	}
	return append(undo, func() error { proved(); return nil }), nil
}

// plan is where servers die, in turn. The named points come first: what such a death
// leaves takes the longest to settle.
func (f *killFlags) plan() []crash.Point {
	random := rand.New(rand.NewPCG(f.seed, 0))
	var plan []crash.Point
	for _, p := range crash.Points() {
		for range f.least {
			plan = append(plan, p)
		}
	}
	between := (f.kills - len(plan)) / 2
	plan = append(plan, make([]crash.Point, between)...)
	random.Shuffle(len(plan), func(i, j int) { plan[i], plan[j] = plan[j], plan[i] })
	return append(plan, make([]crash.Point, f.kills-len(plan))...)
}

// next is where the next server dies; more is false when there have been enough.
func (a *killAttack) next() (p crash.Point, more bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.left) == 0 {
		return "", false
	}
	p, a.left = a.left[0], a.left[1:]
	return p, true
}

// done notes a death. A point that was missed gets the place of one at random.
func (a *killAttack) done(k kill) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if i := slices.Index(a.left, ""); k.Missed && i >= 0 {
		a.left[i] = k.Point
	}
	a.died++
	if a.died%10 == 0 || a.died == a.kills {
		calls := 0
		for _, l := range a.lanes {
			calls += l.called()
		}
		fmt.Fprintf(a.errOut, "%4d kills, %d calls\n", a.died, calls)
	}
}

// attack attacks all lanes until there were enough kills, and lets them settle.
func (a *killAttack) attack(ctx context.Context) error {
	fmt.Fprintf(a.errOut, "%d kills, at least %d at each of %d points, %d lanes (%d with a standby) with %d callers each, seed %d\n",
		a.kills, a.least, len(crash.Points()), len(a.lanes), a.standbys, a.callers, a.seed)
	a.left = a.plan()
	all, ctx := errgroup.WithContext(ctx)
	for _, l := range a.lanes {
		all.Go(func() error {
			if err := l.attack(ctx, a.next, a.done); err != nil {
				return fmt.Errorf("lane %d: %w", l.number+1, err)
			}
			return nil
		})
	}
	return all.Wait()
}
