package stack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/jackc/pgx/v5"
)

// launcherRun names the run folder in the environment of this test binary when it is
// started again as a launcher that is to be killed.
const launcherRun = "STACK_TEST_LAUNCHER"

func TestMain(m *testing.M) {
	if run := os.Getenv(launcherRun); run != "" {
		launcher(run)
	}
	os.Exit(m.Run())
}

// launcher brings up a stack, says so, and waits to be killed.
func launcher(run string) {
	s, err := Start(context.Background(), options(run))
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	fmt.Println("up")
	<-s.Died()
	os.Exit(1)
}

func options(run string) Options {
	cache := os.Getenv("IVR_CACHE")
	if cache == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			panic(err)
		}
		cache = filepath.Join(base, "hotline")
	}
	return Options{Root: "../..", Run: run, Cache: cache}
}

// start brings up a stack for a test that needs the real parts, and stops it after.
func start(t *testing.T, run string, apps ...string) *Stack {
	t.Helper()
	o := options(run)
	o.Apps = apps
	var out bytes.Buffer
	o.Out = &out
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if strings.Contains(out.String(), "complains") {
		t.Errorf("errors at the start:\n%s", out.String())
	}
	return s
}

func stop(t *testing.T, s *Stack) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// needRoot skips where nobody could bring anything up, but never in CI.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("needs root")
		}
		t.Skip("needs root")
	}
}

func TestStartAndStopLeaveNothing(t *testing.T) {
	needRoot(t)
	t.Parallel()
	run := t.TempDir()
	s := start(t, run)
	if _, err := Start(t.Context(), options(run)); err == nil || !strings.Contains(err.Error(), "another `ivr up` (pid ") {
		t.Errorf("a second start in the same folder: %v", err)
	}
	info, err := os.Stat(filepath.Join(run, "env"))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("env: %v %v", info, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.Get("DATABASE_URL"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(ctx, "create database of_a_test"); err != nil {
		t.Errorf("a test's own database: %v", err)
	}
	a := newApp(t, s, "ivr-a")
	newPhone(t, s.Get("SIP_ADDR"), "13800001234").invite("10086")
	a.await("StasisStart")
	// The connection and the call are left open: a stop waits for nobody, and the call
	// is in the record all the same.
	ports := []struct{ network, addr string }{
		{"udp", s.Get("SIP_ADDR")}, {"tcp", ariHost(s)}, {"tcp", fmt.Sprintf("%s:%d", conn.Config().Host, conn.Config().Port)},
	}
	stop(t, s)
	for _, p := range ports {
		if err := tryBind(p.network, p.addr); err != nil {
			t.Errorf("still bound: %v", err)
		}
	}
	nothingLeft(t, run)
	if rows := record(t, s); len(rows) != 1 {
		t.Errorf("record of the call that was cut: %q", rows)
	}
	if _, err := os.Stat(filepath.Join(run, "env")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("env is still there: %v", err)
	}
}

func ariHost(s *Stack) string {
	u, err := url.Parse(s.Get("ARI_URL"))
	if err != nil {
		panic(err)
	}
	return u.Host
}

// nothingLeft looks for processes and mounts that name the run folder.
func nothingLeft(t *testing.T, run string) {
	t.Helper()
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if at := mountBelow(string(table), run); at != "" {
		t.Errorf("still mounted: %s", at)
	}
	if list := processesIn(t, run); len(list) > 0 {
		t.Errorf("still running: %v", list)
	}
}

// processesIn lists the processes whose mount table names the folder: all of ours do,
// whatever their command line.
func processesIn(t *testing.T, run string) []string {
	t.Helper()
	var list []string
	tables, _ := filepath.Glob("/proc/[0-9]*/mountinfo") // the pattern is good
	for _, table := range tables {
		data, err := os.ReadFile(table)
		if err == nil && bytes.Contains(data, []byte(run)) {
			list = append(list, filepath.Base(filepath.Dir(table)))
		}
	}
	return list
}

func TestKilledLauncherTakesAllWithItAndTheNextRecovers(t *testing.T) {
	needRoot(t)
	t.Parallel()
	run := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), launcherRun+"="+run)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 256)
	n, err := out.Read(said)
	if err != nil || string(said[:n]) != "up\n" {
		t.Fatalf("the launcher says %q, %v", said[:n], err)
	}
	if len(processesIn(t, run)) < 2 {
		t.Fatal("the parts cannot be seen: this test would pass whatever happens")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // "killed"
	eventually(t, "the parts are gone", func() bool { return len(processesIn(t, run)) == 0 })
	s := start(t, run)
	stop(t, s)
	nothingLeft(t, run)
}

// eventually waits for what happens in another process and sends us no signal.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(10 * time.Second)
	for !done() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

func TestCommandHasTheSettingsAndItsExitCodeIsKept(t *testing.T) {
	s := &Stack{env: []Var{{"SIP_ADDR", "127.0.0.1:5060"}}, spawner: newSpawner(), steps: newSteps(io.Discard)}
	defer s.spawner.close()
	for script, want := range map[string]int{
		`test "$SIP_ADDR" = 127.0.0.1:5060 && exit 7`: 7,
		`kill -KILL $$`:     128 + 9,
		`test "$EXTRA" = 1`: 0,
	} {
		got, err := s.Command(t.Context(), []string{"sh", "-c", script}, []string{"EXTRA=1"})
		if got != want || err != nil {
			t.Errorf("%s: code %d, %v; want %d", script, got, err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := s.Command(ctx, []string{"sleep", "60"}, nil); got != 128+int(syscall.SIGTERM) || err != nil {
		t.Errorf("interrupted: code %d, %v", got, err)
	}
	if _, err := s.Command(t.Context(), []string{"/no/such/program"}, nil); err == nil {
		t.Error("a program that does not exist ran")
	}
}

// app is an ARI application that answers nothing: the test steers its channels.
type app struct {
	t    *testing.T
	s    *Stack
	conn *websocket.Conn

	first event // its call's StasisStart
}

// event is what the tests need of ARI's.
type event struct {
	Type    string
	Args    []string
	Channel struct{ ID string }
}

func newApp(t *testing.T, s *Stack, name string) *app {
	t.Helper()
	u := fmt.Sprintf("ws://%s/ari/events?app=%s&api_key=%s:%s", ariHost(s), name, s.Get("ARI_USER"), s.Get("ARI_PASSWORD"))
	conn, _, err := websocket.Dial(t.Context(), u, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	return &app{t: t, s: s, conn: conn}
}

// await reads events until one of the type comes.
func (a *app) await(kind string) event {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), 10*time.Second)
	defer cancel()
	for {
		_, data, err := a.conn.Read(ctx)
		if err != nil {
			a.t.Fatalf("waiting for %s: %v", kind, err)
		}
		var e event
		if err := json.Unmarshal(data, &e); err != nil {
			a.t.Fatal(err)
		}
		if e.Type == kind {
			return e
		}
	}
}

func (a *app) request(method, path string) { a.t.Helper(); a.ask(method, path) }

func (a *app) get(path string) string { a.t.Helper(); return a.ask("GET", path) }

// ask sends a request, which must succeed, and gives the body of its answer.
func (a *app) ask(method, path string) string {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), method, a.s.Get("ARI_URL")+path, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	req.SetBasicAuth(a.s.Get("ARI_USER"), a.s.Get("ARI_PASSWORD"))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		a.t.Fatalf("%s %s: %s %s %v", method, path, resp.Status, body, err)
	}
	return string(body)
}
