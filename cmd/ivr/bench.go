package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"hotline/internal/bench"
	"hotline/internal/dialtest"
	"hotline/internal/ivr"
	"hotline/internal/menu/tree"
)

// benchFlags are the choices of `ivr bench`.
type benchFlags struct {
	rate         float64
	calls, batch int
	live         int
	keys, number string
	json         bool
}

func benchCommand() *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Compare the hotline with native menus of Asterisk's dialplan",
		Long: `Start a server on the Asterisk and Postgres of the environment, and place calls
that walk the same way: through the hotline, through the same prompts as native
menus (Background and WaitExten), and, as the floor of both, through the audio
alone. Prints what a call costs, and the time from the last packet of a key to the
first of the next prompt. Trust the ratios; the figures are this machine's.

Exit code: 0 every call went as written and is whole in the journal, 1 one did not
(which and why is on stderr), 2 wrong usage. How fast it was is never a failure.`,
		Example: `  make bench
  ivr up --parts --run .run/bench -- bin/ivr bench --calls 100 --keys "3 3 8 1 2"
  ivr up --parts --run .run/bench -- bin/ivr bench --live 200   # and beside 200 idle calls`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runBench(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), f)
		},
	}
	flags := cmd.Flags()
	flags.Float64Var(&f.rate, "rate", 20, "calls a second")
	flags.IntVar(&f.calls, "calls", 400, "calls to the hotline, and as many to each of the others")
	flags.IntVar(&f.batch, "batch", 100, "calls in a row before it is another's turn")
	flags.IntVar(&f.live, "live", 0, "do it again beside this many idle calls")
	flags.StringVar(&f.keys, "keys", "3 # 1 # 3", "keys to press; each must lead to an announcement at once")
	flags.StringVar(&f.number, "number", "10086", "the hotline's number, which says what menu it is")
	flags.BoolVar(&f.json, "json", false, "print JSON, for programs")
	return cmd
}

func (f benchFlags) check() error {
	switch {
	case f.rate <= 0 || f.rate > 1000:
		return usageError{fmt.Errorf("--rate %v: calls a second, e.g. 20", f.rate)}
	case f.calls < 1 || f.batch < 1:
		return usageError{errors.New("--calls and --batch are numbers of calls, at least 1")}
	case f.live < 0 || f.live > 500:
		return usageError{fmt.Errorf("--live %d: at most 500, as Asterisk is set to 1000 calls in all", f.live)}
	}
	return nil
}

func runBench(ctx context.Context, out, errOut io.Writer, f benchFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	set, err := settingsFromEnvironment()
	if err != nil {
		return fmt.Errorf("%w\n'make bench' brings everything up and sets them", err)
	}
	call, err := readDialtestSettings("", false)
	if err != nil {
		return err
	}
	if call.token == "" {
		return errors.New("the calls need DIALTEST_TOKEN; 'make bench' sets it")
	}
	content, err := loadContent(set.menus, set.prompts, set.audio)
	if err != nil {
		return err
	}
	script, err := benchScript(content, f)
	if err != nil {
		return usageError{err}
	}
	// `ivr up` keeps all of a run in one folder.
	folder := filepath.Dir(filepath.Clean(set.audio))
	remove, err := nativeMenus(ctx, folder, script)
	if err != nil {
		return err
	}
	defer remove()
	server, err := startBenchServer(ctx, folder, set, f)
	if err != nil {
		return err
	}
	defer server.stop()
	result, err := callAll(ctx, errOut, f, set, call, script, server.cmd.Process.Pid)
	if err != nil {
		return err
	}
	if f.json {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		err = enc.Encode(result)
	} else {
		showBench(out, result)
	}
	return errors.Join(err, benchVerdict(errOut, result))
}

// benchVerdict says which calls did not go as written.
func benchVerdict(errOut io.Writer, r *bench.Result) error {
	if r.AllAsScript() {
		return nil
	}
	fmt.Fprintf(errOut, "ivr: %d of %d calls did not go as written:\n  %s\n",
		r.Placed-r.AsScript, r.Placed, strings.Join(r.Faults, "\n  "))
	return exitError(1)
}

// benchScript writes the walk through the menu that the number leads to.
func benchScript(content *ivr.Content, f benchFlags) (*bench.Script, error) {
	for _, tree := range content.Trees {
		for _, number := range tree.Dialled {
			if number == f.number {
				return bench.Write(tree, content.Prompts, f.keys)
			}
		}
	}
	return nil, fmt.Errorf("no menu has the number %s", f.number)
}

// callAll prepares callers, clocks and journal, and runs the comparison.
func callAll(ctx context.Context, errOut io.Writer, f benchFlags, set settings, call dialtestSettings, script *bench.Script, server int) (*bench.Result, error) {
	meter, err := benchMeter(set, server)
	if err != nil {
		return nil, err
	}
	audio, err := loadRecordings(call.audio)
	if err != nil {
		return nil, err
	}
	caller, err := dialtest.New(dialtest.Options{Addr: call.sipAddr, Token: call.token, Audio: audio, Lean: true})
	if err != nil {
		return nil, err
	}
	defer caller.Close()
	idle, err := dialtest.New(dialtest.Options{Addr: call.sipAddr, Token: call.token, Lean: true})
	if err != nil {
		return nil, err
	}
	defer idle.Close()
	db, err := pgxpool.New(ctx, set.databaseURL)
	if err != nil {
		return nil, fmt.Errorf("open the journal: %w", err)
	}
	defer db.Close()
	progress, wipe := benchProgress(errOut)
	defer wipe()
	return bench.Run(ctx, bench.Options{
		Script: script, Caller: caller, DB: db, Meter: meter, Hotline: f.number, App: benchApp, Rate: f.rate,
		Calls: f.calls, Batch: min(f.batch, f.calls), Live: f.live, Idle: idle, Progress: progress,
	})
}

// benchMeter finds the processes of the parts by the ports that they listen on.
func benchMeter(set settings, server int) (bench.Meter, error) {
	m := bench.Meter{Server: server}
	ari, err := url.Parse(set.ariURLs[0])
	if err != nil {
		return m, fmt.Errorf("ARI_URL: %w", err)
	}
	if m.Asterisk, err = bench.Listener(ari.Host); err != nil {
		return m, fmt.Errorf("find the process of Asterisk: %w", err)
	}
	config, err := pgxpool.ParseConfig(set.databaseURL)
	if err != nil {
		return m, usageError{errors.New("DATABASE_URL is not of the form postgres://user:password@host:port/database")}
	}
	// An own Postgres may be on another machine: then its time is not shown.
	m.Postgres, err = bench.Listener(fmt.Sprintf("%s:%d", config.ConnConfig.Host, config.ConnConfig.Port))
	if errors.Is(err, bench.ErrNobody) {
		err = nil
	}
	return m, err
}

// nativeMenus gives Asterisk the script as menus of its own, until remove is called.
func nativeMenus(ctx context.Context, folder string, script *bench.Script) (remove func(), err error) {
	text, err := script.Dialplan()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(folder, "asterisk/etc/extensions.d/bench.conf")
	reload := func(ctx context.Context) error {
		out, err := exec.CommandContext(ctx, filepath.Join(folder, "asterisk/cli"), "dialplan", "reload").CombinedOutput()
		if err != nil {
			return fmt.Errorf("have Asterisk read its dialplan again: %w: %s", err, strings.TrimSpace(string(out)))
		}
		return nil
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return nil, fmt.Errorf("write the native menus (they go to an Asterisk of 'ivr up'): %w", err)
	}
	remove = func() {
		// What cannot be taken back here goes with the next start of `ivr up` at the latest.
		_ = os.Remove(file)
		_ = reload(context.WithoutCancel(ctx))
	}
	if err := reload(ctx); err != nil {
		remove()
		return nil, err
	}
	return remove, nil
}

// benchApp is the application of the server that is measured: not the usual one, so
// that it can run beside a server.
const benchApp = "bench"

// benchServer is an `ivr serve` of this very binary.
type benchServer struct {
	cmd   *exec.Cmd
	ended chan error
	log   string
}

// startBenchServer starts it and waits until it is ready for calls.
func startBenchServer(ctx context.Context, folder string, set settings, f benchFlags) (*benchServer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	env := append(os.Environ(), "HTTP_ADDR="+addr, "DRAIN=1s", "CDR_FILE=",
		"ARI_APP="+benchApp, "SPOOL="+filepath.Join(folder, "spool-bench"),
		"CALL_RATE=100000", "NUMBER_LIMITS=off") // all calls are of one number
	if f.live > 0 {
		menus, err := holdMenus(folder, set.menus, f.number)
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(menus)
		env = append(env, "MENUS="+menus, fmt.Sprintf("MAX_CALLS=%d", set.limits.Live+f.live))
	}
	s := &benchServer{ended: make(chan error, 1), log: filepath.Join(folder, "log/bench-serve.log")}
	log, err := os.Create(s.log)
	if err != nil {
		return nil, fmt.Errorf("log of the server: %w", err)
	}
	defer log.Close()
	s.cmd = exec.Command(self, "serve")
	s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = env, log, log
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	go func() { s.ended <- s.cmd.Wait() }()
	if err := s.ready(ctx, "http://"+addr+"/readyz"); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// ready polls until the server says that it is.
func (s *benchServer) ready(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case err := <-s.ended:
			s.ended <- err // for stop
			return fmt.Errorf("the server ended (%w), see %s", err, s.log)
		case <-ctx.Done():
			return fmt.Errorf("the server was not ready in time, see %s: %w", s.log, ctx.Err())
		case <-tick.C:
		}
	}
}

// stop ends the server and waits for it.
func (s *benchServer) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-s.ended:
	case <-time.After(apologyFor + closeLimit):
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
}

// holdMenus copies the folder of menus and adds one for calls that are only there.
func holdMenus(folder, menus, number string) (dir string, err error) {
	if dir, err = os.MkdirTemp(folder, "bench-menus-"); err != nil {
		return "", fmt.Errorf("make a folder for the menus: %w", err)
	}
	if err := os.CopyFS(dir, os.DirFS(menus)); err != nil {
		return dir, fmt.Errorf("copy the menus: %w", err)
	}
	names, err := tree.Files(os.DirFS(dir))
	if err != nil {
		return dir, err
	}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return dir, err
		}
		if !strings.Contains(string(text), number) {
			continue
		}
		held, err := bench.Hold(text)
		if err != nil {
			return dir, err
		}
		return dir, os.WriteFile(filepath.Join(dir, "bench-hold.yaml"), held, 0o644)
	}
	return dir, fmt.Errorf("no menu has the number %s", number)
}
