package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/orders/sandbox"
	"hotline/internal/pgtest"
)

// hotline is a server under test with its database and its BOSS, whose ledger the
// tests read and whose faults they order.
type hotline struct {
	*parts
	app     string
	dir     string // spool and menus
	address string // of the database
	db      *pgxpool.Pool
	boss    *sandbox.Boss
	set     map[string]string // settings other than those of the environment
	proc    *process          // the one that runs now
	mu      sync.Mutex        // guards procs: subtests run commands beside each other
	procs   []*process        // and all that ever ran
	rough   bool              // errors are to be expected in the log
	numbers sync.Map          // of all callers: none may be found anywhere
	secrets sync.Map          // what callers have typed, likewise
}

// open starts a server that lives as long as the test. Settings are NAME=value.
func open(t *testing.T, settings ...string) *hotline {
	t.Helper()
	h := prepare(t, settings...)
	h.live(t)
	return h
}

// live is open for what has been prepared.
func (h *hotline) live(t *testing.T) {
	t.Helper()
	h.start(t)
	var err error
	if h.boss, err = sandbox.Open(t.Context(), h.db); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.stop(t)
		h.obeys(t)
		h.keepsSilent(t)
	})
}

// prepare makes all that a server needs, but no server.
func prepare(t *testing.T, settings ...string) *hotline {
	t.Helper()
	return prepareOn(t, need(t).furnished.Database(t), settings...)
}

// prepareCold is prepare with an empty database, in which the server does all itself.
func prepareCold(t *testing.T, settings ...string) *hotline {
	t.Helper()
	need(t)
	return prepareOn(t, pgtest.Database(t), settings...)
}

func prepareOn(t *testing.T, address string, settings ...string) *hotline {
	t.Helper()
	h := &hotline{parts: need(t), app: "e2e-" + uuid.NewString()[:8], dir: t.TempDir(), address: address, set: map[string]string{}}
	h.db = connect(t, address)
	t.Cleanup(func() { h.bury(t) })
	for name, value := range map[string]string{
		"DATABASE_URL": h.address, "HTTP_ADDR": "127.0.0.1:0", "ARI_APP": h.app, "SPOOL": filepath.Join(h.dir, "spool"),
		"DRAIN": "2s",
	} {
		h.set[name] = value
	}
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		h.set[name] = value
	}
	return h
}

// start starts the server and waits until it is ready for calls.
func (h *hotline) start(t *testing.T) {
	t.Helper()
	h.proc = h.run(t, "serve")
	h.proc.ready(t)
}

// run starts the binary with the settings and waits for nothing.
func (h *hotline) run(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(h.binary, args...), exited: make(chan struct{})}
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); !h.has(name) {
			p.cmd.Env = append(p.cmd.Env, v)
		}
	}
	for name, value := range h.set {
		p.cmd.Env = append(p.cmd.Env, name+"="+value)
	}
	p.cmd.Stderr = &p.log
	p.cmd.Stdout = &p.log
	// A test that is killed must not leave servers behind.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.exited)
		_ = p.cmd.Wait() // its exit code is asked for
	}()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.procs = append(h.procs, p)
	return p
}

// bury ends what still runs, and shows the logs where the test has failed.
func (h *hotline) bury(t *testing.T) {
	for _, p := range h.procs {
		p.kill()
		if t.Failed() {
			t.Logf("%s said\n%s", strings.Join(p.cmd.Args[1:], " "), p.log.String())
		}
	}
}

func (h *hotline) has(name string) bool {
	_, ok := h.set[name]
	return ok
}

// stop sends SIGTERM and judges the end: exit code 0, which a data race found by
// the detector would have made 66, and nothing of a panic in the log.
func (h *hotline) stop(t *testing.T) {
	t.Helper()
	h.proc.signal(syscall.SIGTERM)
	if code := h.proc.wait(t); code != 0 {
		t.Errorf("the server ended with %d\n%s", code, h.proc.log.String())
	}
	words := []string{"DATA RACE", "panic:", "goroutine "}
	if !h.rough {
		words = append(words, `"level":"ERROR"`)
	}
	for _, word := range words {
		if strings.Contains(h.proc.log.String(), word) {
			t.Errorf("%q in the log\n%s", word, h.proc.log.String())
		}
	}
}

// process is one run of the binary.
type process struct {
	cmd    *exec.Cmd
	log    output
	exited chan struct{}
}

// output collects what a process says.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// signal sends a signal; a process that has gone needs none.
func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// kill ends the process as a crash does, and waits until it has gone.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.exited
}

// wait waits for the end and gives the exit code.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(90 * time.Second):
		t.Fatalf("the server does not end\n%s", p.log.String())
		return -1
	}
}

// said is one line of the log with this message; nil: not yet.
func (p *process) said(message string) map[string]any {
	for _, line := range strings.Split(p.log.String(), "\n") {
		var entry map[string]any
		if json.Unmarshal([]byte(line), &entry) == nil && entry["msg"] == message {
			return entry
		}
	}
	return nil
}

// url is an address of the server's HTTP, once it has one.
func (p *process) url(path string) string {
	if serving := p.said("serving"); serving != nil {
		return fmt.Sprint("http://", serving["http"], path)
	}
	return ""
}

// get asks the server over HTTP; code 0: it does not answer (yet).
func (p *process) get(path string) (code int, body string) {
	url := p.url(path)
	if url == "" {
		return 0, ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err.Error()
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	return res.StatusCode, string(text)
}

// firstStart is how long a server may take that proves its menus, which the first on
// new ones does; the others wait for it. The race detector makes it ten times slower.
const firstStart = 90 * time.Second

// judged is how long a save may take to be live, or refused: a process of its own plays the calls
// of one caller, 5 s of a processor under the race detector, and shares that with all other tests.
const judged = 3 * time.Minute

// ready waits until the server can take calls.
func (p *process) ready(t *testing.T) {
	t.Helper()
	eventually(t, firstStart, func() string {
		select {
		case <-p.exited:
			t.Fatalf("the server has ended with %d\n%s", p.cmd.ProcessState.ExitCode(), p.log.String())
		default:
		}
		if code, body := p.get("/readyz"); code != http.StatusOK {
			return fmt.Sprintf("not ready: %d %s", code, body)
		}
		return ""
	})
}

// metrics are the server's figures now, by name and labels as they are written.
func (p *process) metrics(t *testing.T) map[string]float64 {
	t.Helper()
	code, body := p.get("/metrics")
	if code != http.StatusOK {
		t.Fatalf("/metrics: %d %s", code, body)
	}
	all := map[string]float64{}
	for _, line := range strings.Split(body, "\n") {
		i := strings.LastIndexByte(line, ' ')
		if i < 0 || line[0] == '#' {
			continue
		}
		value, err := strconv.ParseFloat(line[i+1:], 64)
		if err != nil {
			t.Fatalf("/metrics: %q", line)
		}
		all[line[:i]] = value
	}
	return all
}

// keepsSilent looks for callers' numbers, and for what is secret, wherever something is
// written down.
func (h *hotline) keepsSilent(t *testing.T) {
	t.Helper()
	texts := h.writings(t)
	h.tellsNoSecret(t, texts)
	h.numbers.Range(func(number, _ any) bool {
		for where, text := range texts {
			if i := strings.Index(text, number.(string)); i >= 0 {
				t.Errorf("the caller's number %s is in %s: …%s…", number, where, text[max(0, i-60):min(len(text), i+60)])
			}
		}
		return true
	})
	if got := h.strings(t, "select distinct caller_masked from ivr.calls where caller_masked not like '%****%' and caller_masked <> 'unknown'"); len(got) > 0 {
		t.Errorf("callers that are not masked: %s", slices.Sorted(slices.Values(got)))
	}
}
