package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"hotline/internal/dialtest"
	"hotline/internal/prompts"
	"hotline/internal/stack"
)

// awayFlags are the choices of `ivr attack away`.
type awayFlags struct {
	away, before, after time.Duration
	rate                float64
	json                bool
}

func attackAwayCommand() *cobra.Command {
	var f awayFlags
	cmd := &cobra.Command{
		Use:   "away",
		Short: "Stop Postgres while callers call, and compare the journal with what they did",
		Long: `Stop Postgres under calls, start it again, and let the calls go on: real callers over SIP
browse, ask for their balance, order, and ask for a bill, which takes the service password.
The hotline's Postgres is the attack's own; the BOSS ('ivr boss', spoken to by TM Forum's
interfaces) has another, which stays.

Then the journal is held against what each caller pressed and heard: every key and every
sentence once and in order, every call begun and ended once, no step missing or twice; all
of it in Postgres within a minute after it is back. While it is away balances are told, and
no order and no password gets through: the BOSS's ledger is asked for that.

Exit code: 0 nothing was lost, doubled, or let through; 1 something was, or the attack was
too weak to tell; 2 wrong usage. It needs root, as 'ivr up' does.`,
		Example: `  ivr up --parts --run .run/attack -- bin/ivr attack away
  ivr up --parts --run .run/attack -- bin/ivr attack away --away 5s --rate 3`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runAwayAttack(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), f)
		},
	}
	flags := cmd.Flags()
	flags.DurationVar(&f.away, "away", time.Minute, "how long Postgres is away")
	flags.DurationVar(&f.before, "before", 10*time.Second, "for how long calls are placed before it goes")
	flags.DurationVar(&f.after, "after", 15*time.Second, "and after it is back")
	flags.Float64Var(&f.rate, "rate", 10, "calls a second")
	flags.BoolVar(&f.json, "json", false, "print JSON, for programs")
	return cmd
}

func (f awayFlags) check() error {
	switch {
	case f.away < time.Second || f.away > time.Hour:
		return usageError{fmt.Errorf("--away %v: 1s to 1h", f.away)}
	case f.before < time.Second || f.after < time.Second:
		return usageError{errors.New("--before and --after: at least 1s, so that calls are under way when Postgres goes and comes")}
	case f.rate <= 0 || f.rate > 50:
		return usageError{fmt.Errorf("--rate %v: calls a second, at most 50", f.rate)}
	}
	return nil
}

// calls is how many are placed in all.
func (f awayFlags) calls() int { return int((f.before + f.away + f.after).Seconds() * f.rate) }

// awayAttack is one run of the attack.
type awayAttack struct {
	awayFlags
	scene
	app    string
	hotel  *stack.Postgres // the hotline's
	phones *dialtest.Caller
	texts  *prompts.Catalog // tells a sentence from the digits of a value

	mu    sync.Mutex
	calls []*errandCall
	live  int

	gone, back time.Time // Postgres has stopped; it is about to answer again
	waiting    int       // steps in the spool just before it was back
	delivered  time.Duration
}

func runAwayAttack(ctx context.Context, out, errOut io.Writer, f awayFlags) (err error) {
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
	a := &awayAttack{awayFlags: f, app: "attack-" + uuid.NewString()[:8]}
	var strike func(error) error
	if a.scene, strike, err = newScene(errOut); err != nil {
		return err
	}
	defer func() { err = strike(err) }()
	if a.texts, err = prompts.Load(os.DirFS(set.prompts)); err != nil {
		return err
	}
	audio, err := dialtest.LoadAudio(os.DirFS(set.audio))
	if err != nil {
		return err
	}
	if a.phones, err = dialtest.New(dialtest.Options{Addr: call.sipAddr, Token: call.token, Audio: audio}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.phones.Close()) }()
	report, err := a.attack(ctx, set.databaseURL, errOut)
	if err != nil {
		return err
	}
	return conclude(out, f.json, report, report.Broken)
}

// attack brings up what is attacked, attacks it, and judges. shop is a server of Postgres for
// what the BOSS keeps.
func (a *awayAttack) attack(ctx context.Context, shop string, errOut io.Writer) (_ *awayReport, err error) {
	if a.hotel, err = stack.NewPostgres(ctx, filepath.Join(a.dir, "postgres")); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, within(startLong, a.hotel.Close)) }()
	var bossDatabase string
	drop, err := a.database(ctx, shop, &bossDatabase)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, drop()) }()
	boss, err := a.startBoss(ctx, bossDatabase, 200*time.Millisecond)
	if err != nil {
		return nil, err
	}
	defer boss.kill()
	if err := a.subscribe(ctx, bossDatabase); err != nil {
		return nil, err
	}
	server, err := a.serve(ctx, boss)
	if err != nil {
		return nil, err
	}
	defer server.stop()
	fmt.Fprintf(errOut, "%d calls, %v a second; Postgres is away for %v\n", a.awayFlags.calls(), a.rate, a.away)
	if err := a.play(ctx, server, errOut); err != nil {
		return nil, err
	}
	return a.judge(ctx)
}

// serve starts the server under attack.
func (a *awayAttack) serve(ctx context.Context, boss *attacked) (*attacked, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	p, err := a.launch("serve", addr, []string{
		"HTTP_ADDR=" + addr, "ARI_APP=" + a.app, "DATABASE_URL=" + a.hotel.URL, "SPOOL=" + filepath.Join(a.dir, "spool"),
		"BOSS=http://" + boss.addr + "/tmf-api", "BOSS_TOKEN_FILE=", "CDR_FILE=", "STANDBY_FOR=", "DRAIN=1s",
	}, "serve")
	if err == nil {
		if err = p.ready(ctx, "/readyz"); err != nil {
			p.kill()
		}
	}
	return p, err
}

// subscribe makes the numbers of those who will say a password subscribers who have one: that
// of a subscriber of the demonstration, see the help of `ivr sandbox`.
func (a *awayAttack) subscribe(ctx context.Context, database string) error {
	var numbers []string
	for n := range a.awayFlags.calls() {
		if errandOf(n) == errandBill {
			numbers = append(numbers, numberOf(n))
		}
	}
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return fmt.Errorf("make subscribers: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	_, err = conn.Exec(ctx, `insert into sandbox.subscribers (msisdn, balance_fen, last_bill_fen, password)
		select n, 5000, 8850, d.password from unnest($1::text[]) n, sandbox.subscribers d where d.msisdn = $2`, numbers, demoNumber)
	if err != nil {
		return fmt.Errorf("make subscribers: %w", err)
	}
	return nil
}

// play lets the callers call, and Postgres go and come back, and waits for what is on its way.
func (a *awayAttack) play(ctx context.Context, server *attacked, errOut io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	began := time.Now()
	work.Go(func() { a.place(ctx, began) })
	report, stop := context.WithCancel(ctx)
	defer stop()
	work.Go(func() { a.progress(report, began, errOut) })

	if err := sleepUntil(ctx, began.Add(a.before)); err != nil {
		return err
	}
	if err := a.hotel.Stop(ctx); err != nil {
		return err
	}
	a.stands(time.Now(), time.Time{})
	if err := sleepUntil(ctx, a.gone.Add(a.away)); err != nil {
		return err
	}
	waiting, err := server.gauge(ctx, "ivr_journal_lag_steps")
	if err != nil {
		return err
	}
	a.waiting = int(waiting)
	a.stands(a.gone, time.Now())
	if err := a.hotel.Start(ctx); err != nil {
		return err
	}
	back := time.Now()
	fmt.Fprintf(errOut, "postgres is back after %v, %d steps wait in the spool\n", back.Sub(a.gone).Round(100*time.Millisecond), a.waiting)
	if a.delivered, err = a.awaitDelivery(ctx, back); err != nil {
		return err
	}
	fmt.Fprintf(errOut, "what was recorded until then is in Postgres after %v\n", a.delivered.Round(100*time.Millisecond))
	if err := sleepUntil(ctx, began.Add(a.before+a.away+a.after)); err != nil {
		return err
	}
	for a.callsLive() > 0 { // those under way go on to their end, each of which is bounded
		if err := sleepUntil(ctx, time.Now().Add(100*time.Millisecond)); err != nil {
			return err
		}
	}
	stop()
	_, err = a.awaitDelivery(ctx, time.Now())
	return err
}

// stands notes since when Postgres is away, and since when it is not.
func (a *awayAttack) stands(gone, back time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.gone, a.back = gone, back
}

// progress tells people how it goes.
func (a *awayAttack) progress(ctx context.Context, began time.Time, errOut io.Writer) {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			a.mu.Lock()
			state := "there"
			if !a.gone.IsZero() && a.back.IsZero() {
				state = "away"
			}
			placed, live := len(a.calls), a.live
			a.mu.Unlock()
			fmt.Fprintf(errOut, "%4d s: postgres is %s, %d calls answered, %d of them live\n", int(now.Sub(began).Seconds()), state, placed, live)
		case <-ctx.Done():
			return
		}
	}
}

func (a *awayAttack) callsLive() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.live
}

// deliveredWithin is how long what has waited in the spool may take to be in Postgres.
const deliveredWithin = time.Minute

// awaitDelivery waits until every call that had ended by a moment is there to its last step, and
// gives how long after it that was. After twice the time allowed it gives up: judge tells.
func (a *awayAttack) awaitDelivery(ctx context.Context, moment time.Time) (time.Duration, error) {
	conn, err := pgx.Connect(ctx, a.hotel.URL)
	if err != nil {
		return 0, fmt.Errorf("look at the journal: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	ended := a.endedBy(moment)
	for {
		var there int
		err := conn.QueryRow(ctx, "select count(*) from ivr.steps where kind = 'call_ended' and call_id = any($1::text[]::uuid[])", ended).Scan(&there)
		if err != nil {
			return 0, fmt.Errorf("look at the journal: %w", err)
		}
		if took := time.Since(moment); there >= len(ended) || took > 2*deliveredWithin {
			return took, nil
		}
		if err := sleepUntil(ctx, time.Now().Add(100*time.Millisecond)); err != nil {
			return 0, err
		}
	}
}

// endedBy lists the calls that had a server, and had ended by a moment.
func (a *awayAttack) endedBy(moment time.Time) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	ids := []string{}
	for _, c := range a.calls {
		if c.served() && !c.Ended.IsZero() && c.Ended.Before(moment) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// sleepUntil waits for a moment, or gives ctx's error when it ends before.
func sleepUntil(ctx context.Context, moment time.Time) error {
	t := time.NewTimer(time.Until(moment))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
