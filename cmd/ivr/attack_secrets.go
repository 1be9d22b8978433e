package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"hotline/internal/dialtest"
	"hotline/internal/ivr"
	"hotline/internal/ivr/asterisk"
	"hotline/internal/journal"
	"hotline/internal/menu/tree"
	"hotline/internal/orders"
	"hotline/internal/orders/bossd"
	"hotline/internal/orders/desk"
	"hotline/internal/orders/entry"
	"hotline/internal/orders/sandbox"
	"hotline/internal/orders/tmf"
)

// secretsFlags are the choices of `ivr attack secrets`.
type secretsFlags struct {
	secrets, calls int
	seed           uint64
	json           bool
}

func attackSecretsCommand() *cobra.Command {
	var f secretsFlags
	cmd := &cobra.Command{
		Use:   "secrets",
		Short: "Type thousands of marked secrets into calls, and look for them wherever something is written",
		Long: `Type thousands of secrets into calls: passwords of 32 digits, as long as a menu can take
them, and identity numbers, each unique, and marked so that a search finds it and
nothing else. Most calls are a server's sessions without a switch, at the speed of the
processor; some are real ones, through the Asterisk of the environment. Secrets are right and wrong,
too long, broken off by a hang-up or by the time, and the BOSS, spoken to over a socket, fails on
some of them.

Then they are looked for: in every column of every table of the hotline and of the BOSS, in
the spool, the logs, the metrics, the heads of the requests to the BOSS, and in what
Asterisk writes. At last one is written to each of these places, and has to be found there.

Exit code: 0 none is anywhere; 1 one is, or the search does not find what is there, or too
little was typed; 2 wrong usage.`,
		Example: `  bin/ivr up --parts --run .run/attack -- bin/ivr attack secrets`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runSecretsAttack(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), f)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&f.secrets, "secrets", 10_000, "how many are typed")
	flags.IntVar(&f.calls, "calls", 36, "how many calls are real ones")
	flags.Uint64Var(&f.seed, "seed", 0, "of the secrets and the calls (default: another each time)")
	flags.BoolVar(&f.json, "json", false, "print JSON, for programs")
	return cmd
}

func (f *secretsFlags) check() error {
	if f.seed == 0 {
		f.seed = rand.Uint64()
	}
	switch {
	case f.secrets < 100 || f.secrets > 900_000:
		return usageError{fmt.Errorf("--secrets %d: 100 to 900000", f.secrets)}
	case f.calls < 0 || f.calls > 1000:
		return usageError{fmt.Errorf("--calls %d: 0 to 1000", f.calls)}
	}
	return nil
}

// secretsAttack is one run of the attack.
type secretsAttack struct {
	secretsFlags
	scene
	set       settings
	purse     *purse
	log       *slog.Logger
	registry  *prometheus.Registry
	hotel     string        // the hotline's database
	pool      *pgxpool.Pool // of it
	shop      *pgxpool.Pool // the database of the BOSS
	owners    *sandbox.Boss // the counter of the BOSS, where passwords are set
	boss      *attacked
	tap       *tap
	desk      *desk.Desk
	published string // the metrics of the server that had the real calls

	verified atomic.Int64 // passwords given to the Desk at once

	mu     sync.Mutex
	phones map[string]*bareLine // by call
	placed int                  // real calls
	keys   int                  // of secrets, typed
}

func runSecretsAttack(ctx context.Context, out, errOut io.Writer, f secretsFlags) (err error) {
	if err := f.check(); err != nil {
		return err
	}
	set, err := settingsFromEnvironment()
	if err != nil {
		return fmt.Errorf("%w\n'ivr up --parts -- …' brings everything up and sets them", err)
	}
	a := &secretsAttack{secretsFlags: f, set: set, purse: newPurse(f.seed), registry: prometheus.NewRegistry(), phones: map[string]*bareLine{}}
	var strike func(error) error
	if a.scene, strike, err = newScene(errOut); err != nil {
		return err
	}
	defer func() { err = strike(err) }()
	hotel, shop, drop, err := a.databases(ctx, set.databaseURL)
	if err != nil {
		return err
	}
	a.hotel = hotel
	defer func() { err = errors.Join(err, drop()) }()
	if a.pool, err = openHotel(ctx, hotel); err != nil {
		return err
	}
	defer a.pool.Close()
	if a.shop, err = pgxpool.New(ctx, shop); err != nil {
		return err
	}
	defer a.shop.Close()
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	if a.boss, err = a.bossAt(ctx, addr, shop); err != nil {
		return err
	}
	defer a.boss.stop()
	if err := a.perform(ctx, errOut); err != nil {
		return err
	}
	report, err := a.search(ctx)
	if err != nil {
		return err
	}
	return conclude(out, f.json, report, report.Broken)
}

// perform has all secrets typed.
func (a *secretsAttack) perform(ctx context.Context, errOut io.Writer) (err error) {
	if a.owners, err = sandbox.Open(ctx, a.shop); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, within(closeLimit, a.owners.Close)) }()
	if err := a.unsettle(ctx); err != nil {
		return err
	}
	if a.tap, err = newTap(a.boss.addr, filepath.Join(a.dir, "access.log")); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.tap.close()) }()
	if err := a.longer(); err != nil {
		return err
	}
	if a.calls > 0 {
		if err := a.real(ctx, errOut); err != nil {
			return err
		}
	}
	return a.fast(ctx, errOut)
}

// unsettle has the BOSS fail on some of what it is asked about secrets.
func (a *secretsAttack) unsettle(ctx context.Context) error {
	for _, f := range []bossd.Fault{
		{Operation: bossd.Submit, Mode: bossd.Fail, Every: 7}, {Operation: bossd.Submit, Mode: bossd.Reset, Every: 11},
		{Operation: bossd.Submit, Mode: bossd.Garbage, Every: 13}, {Operation: bossd.Submit, Mode: bossd.Drop, Every: 17},
		{Operation: bossd.Verify, Mode: bossd.Drop, Every: 5}, {Operation: bossd.Verify, Mode: bossd.Garbage, Every: 7},
		{Operation: bossd.Verify, Mode: bossd.Delay, DelayMS: 20, Every: 3},
	} {
		if err := a.boss.fault(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

func (a *secretsAttack) menus() string { return filepath.Join(a.dir, "menus") }

// longer makes a copy of the menus whose service passwords are as long as menus can have
// them. What its transcripts say of six digits does not hold for it.
func (a *secretsAttack) longer() error {
	if err := os.CopyFS(a.menus(), os.DirFS(a.set.menus)); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(a.menus(), "transcripts")); err != nil {
		return err
	}
	file := filepath.Join(a.menus(), "10086", "2.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	const short, long = "entry: password\n", "entry: digits\n    secret: true\n    length: [6, 32]\n"
	if n := strings.Count(string(text), short); n != 3 {
		return fmt.Errorf("%s asks for %d passwords, and not for the three of a change: this attack has to be told of it", file, n)
	}
	return os.WriteFile(file, []byte(strings.ReplaceAll(string(text), short, long)), 0o600)
}

// The functions that ask for secrets.
var secretive = []string{"2031", "2032", "2032", "2033", "102"}

// caller makes one whose number has a password and, half of the time, knows it.
func (a *secretsAttack) caller(ctx context.Context, n, functions int) (*talker, orders.MSISDN, error) {
	t := &talker{purse: a.purse, random: rand.New(rand.NewPCG(a.seed, uint64(n)+10)), pause: 60, leaves: 25, told: map[string]bool{}}
	number, err := orders.ParseMSISDN(fmt.Sprintf("138%08d", n))
	if err != nil {
		return nil, number, err
	}
	if n%2 == 0 {
		t.old = a.purse.password()
		if err := a.owners.SetPassword(ctx, number, entry.New(entry.Password, t.old)); err != nil {
			return nil, number, err
		}
	}
	for range functions {
		t.codes = append(t.codes, secretive[t.random.IntN(len(secretive))])
	}
	return t, number, nil
}

// fast has all secrets but those of the real calls typed into sessions without a switch, and one
// in ten given to the Desk at once: no menu has passwords of that length verified.
func (a *secretsAttack) fast(ctx context.Context, errOut io.Writer) (err error) {
	file, err := os.OpenFile(filepath.Join(a.dir, "sessions.log"), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	a.log = slog.New(slog.NewJSONHandler(file, &slog.HandlerOptions{Level: slog.LevelDebug}))
	content, err := loadContent(a.menus(), a.set.prompts, a.set.audio)
	if err != nil {
		return err
	}
	sealer, err := journal.ReadSealer(a.set.keyFile)
	if err != nil {
		return err
	}
	boss, err := tmf.Open(ctx, tmf.Options{Base: "http://" + a.tap.addr() + "/tmf-api", Log: a.log})
	if err != nil {
		return err
	}
	defer boss.Close()
	if a.desk, err = desk.New(a.pool, boss, desk.Options{Seal: sealer.Seal, Unseal: sealer.Open, Log: a.log, Metrics: a.registry}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, within(closeLimit, a.desk.Close)) }()
	keep := a.keepSpool()
	defer func() { err = errors.Join(err, keep()) }()
	var server *ivr.Server
	record, err := journal.Open(ctx, journal.Options{
		Pool: a.pool, Dir: filepath.Join(a.dir, "spool"), Server: "sessions", Sealer: sealer, Log: a.log, Registerer: a.registry,
		Live: func() []uuid.UUID { return server.Live() },
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, within(time.Minute, record.Close)) }()
	server = ivr.NewServer(ivr.Options{
		Desk: a.desk, Log: a.log, Registerer: a.registry, Begin: a.begin(record),
	}, content)
	if err := a.talk(ctx, server, errOut); err != nil {
		return err
	}
	return within(time.Minute, func(ctx context.Context) error { return server.Drain(ctx, 30*time.Second) })
}

// begin gives each call its record, by which its phone hears.
func (a *secretsAttack) begin(record *journal.Journal) func(ivr.Call, *tree.Tree) ivr.Record {
	return func(c ivr.Call, t *tree.Tree) ivr.Record {
		a.mu.Lock()
		defer a.mu.Unlock()
		return overheard{phone: a.phones[c.ID.String()], Record: record.Begin(journal.Head{
			ID: c.ID, At: c.At, Caller: c.Caller, Dialled: c.Dialled, Menu: t.Name, MenuVersion: t.Version, Test: c.Test,
		})}
	}
}

// atOnceFast is how many sessions without a switch there are at a time.
const atOnceFast = 16

// talk places calls without a switch until all secrets are typed.
func (a *secretsAttack) talk(ctx context.Context, server *ivr.Server, errOut io.Writer) error {
	progress, wipe := progressBar(errOut, "secrets")
	defer wipe()
	failed := make(chan error, atOnceFast)
	var all sync.WaitGroup
	for i := range atOnceFast {
		all.Go(func() {
			for n := i; int(a.purse.typed.Load()) < a.secrets && ctx.Err() == nil; n += atOnceFast {
				if err := a.session(ctx, server, n); err != nil {
					failed <- err
					return
				}
				if progress != nil && i == 0 {
					progress(min(int(a.purse.typed.Load()), a.secrets), a.secrets)
				}
			}
		})
	}
	all.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return ctx.Err()
	}
}

// session is one call without a switch, and one question to the Desk.
func (a *secretsAttack) session(ctx context.Context, server *ivr.Server, n int) error {
	t, number, err := a.caller(ctx, n, 4)
	if err != nil {
		return err
	}
	call := uuid.NewString()
	line := newBareLine(t)
	a.mu.Lock()
	a.phones[call] = line
	a.mu.Unlock()
	server.Arrive(ctx, line, asterisk.Arrival{Args: []string{call, "10086", number.Reveal(), "0", "1800"}, At: time.Now(), Caller: number})
	line.talk(ctx)
	a.verified.Add(1)
	a.desk.Verify(ctx, orders.Verification{Application: call + ".1", Call: call, Caller: number, Password: entry.New(entry.Password, a.purse.password())})
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keys += t.keys
	delete(a.phones, call)
	return ctx.Err()
}

// keepSpool keeps each file of the spool from being gone when it has been delivered, by
// another name for it. The spool has one for long enough to be seen.
func (a *secretsAttack) keepSpool() (end func() error) {
	kept := filepath.Join(a.dir, "kept")
	stop, done := make(chan struct{}), make(chan error, 1)
	keep := func() error {
		files, err := filepath.Glob(filepath.Join(a.dir, "spool*", "*.seg"))
		for _, file := range files {
			name := strings.ReplaceAll(strings.TrimPrefix(file, a.dir+"/"), "/", "-")
			if linked := os.Link(file, filepath.Join(kept, name)); linked != nil && !errors.Is(linked, os.ErrExist) && !errors.Is(linked, os.ErrNotExist) {
				err = errors.Join(err, linked)
			}
		}
		return err
	}
	go func() {
		err := os.MkdirAll(kept, 0o700)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for err == nil {
			err = keep()
			select {
			case <-tick.C:
			case <-stop:
				done <- err
				return
			}
		}
		<-stop
		done <- err
	}()
	return func() error {
		close(stop)
		return <-done
	}
}

// real has secrets typed at real telephones.
func (a *secretsAttack) real(ctx context.Context, errOut io.Writer) (err error) {
	call, err := readDialtestSettings("", false)
	if err != nil {
		return err
	}
	audio, err := dialtest.LoadAudio(os.DirFS(a.set.audio))
	if err != nil {
		return err
	}
	phones, err := dialtest.New(dialtest.Options{Addr: call.sipAddr, Token: call.token, Audio: audio})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, phones.Close()) }()
	keep := a.keepSpool()
	defer func() { err = errors.Join(err, keep()) }()
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	app := "attack-" + uuid.NewString()[:8]
	server, err := a.launch("serve", addr, []string{
		"HTTP_ADDR=" + addr, "ARI_APP=" + app, "DATABASE_URL=" + a.hotel, "SPOOL=" + filepath.Join(a.dir, "spool-serve"), "MENUS=" + a.menus(),
		"BOSS=http://" + a.tap.addr() + "/tmf-api", "BOSS_TOKEN_FILE=", "CDR_FILE=", "STANDBY_FOR=", "DRAIN=1s", "NUMBER_LIMITS=off",
	}, "serve")
	if err != nil {
		return err
	}
	defer server.stop()
	if err := server.ready(ctx, "/readyz"); err != nil {
		return err
	}
	var all sync.WaitGroup
	const atOnceReal = 12
	for i := range atOnceReal {
		all.Go(func() {
			for n := i; n < a.calls && ctx.Err() == nil; n += atOnceReal {
				a.dial(ctx, phones, app, 90_000_000+n)
			}
		})
	}
	all.Wait()
	fmt.Fprintf(errOut, "%d real calls, %d secrets\n", a.placed, a.purse.typed.Load())
	resp, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	a.published = string(text)
	return err
}

// dial is one real call. One that is not answered is missed in the end, as too few.
func (a *secretsAttack) dial(ctx context.Context, phones *dialtest.Caller, app string, n int) {
	t, number, err := a.caller(ctx, n, 1)
	if err != nil {
		return
	}
	t.leaves, t.pause = 5, 5
	s, err := phones.Dial(ctx, dialtest.Call{From: number, To: "10086", App: app})
	if err != nil {
		return
	}
	_ = t.overSIP(ctx, s)
	_ = s.Hangup(context.WithoutCancel(ctx)) // the session ends whether or not the BYE is answered
	a.mu.Lock()
	defer a.mu.Unlock()
	a.placed++
	a.keys += t.keys
}
