package bossd_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/orders/bossd"
	"hotline/internal/orders/sandbox"
)

// The settings of this test binary when it is started again as a server that is to be killed.
const (
	childDatabase = "BOSSD_TEST_DATABASE"
	childLedger   = "BOSSD_TEST_LEDGER"
	childLimit    = "BOSSD_TEST_FILE_LIMIT" // bytes that a file may have: a full disk
)

func TestMain(m *testing.M) {
	if os.Getenv(childDatabase) != "" {
		if err := child(); err != nil {
			fmt.Println("failed:", err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// child serves until it is killed, and says where.
func child() error {
	if limit, err := strconv.ParseUint(os.Getenv(childLimit), 10, 64); err == nil {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: math.MaxUint64}); err != nil {
			return err
		}
	}
	pool, err := pgxpool.New(context.Background(), os.Getenv(childDatabase))
	if err != nil {
		return err
	}
	boss, err := sandbox.Open(context.Background(), pool)
	if err != nil {
		return err
	}
	srv, err := bossd.Open(context.Background(), bossd.Options{
		Boss: boss, Ledger: os.Getenv(childLedger), Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go srv.Run(context.Background())
	fmt.Println(listener.Addr())
	return http.Serve(listener, srv.Handler())
}

// startChild starts a server and gives its URL and what kills it and waits.
func startChild(t *testing.T, database, ledger string, more ...string) (url string, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), append(more, childDatabase+"="+database, childLedger+"="+ledger)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	})
	t.Cleanup(kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || strings.HasPrefix(line, "failed") {
		t.Fatalf("the server did not start: %v %s", err, line)
	}
	return "http://" + strings.TrimSpace(line), kill
}

// kill -9 at any instant, again and again, with orders under way on every face: who has
// heard of an effect finds it in the file, at once; and in the end every key that was ever
// sent has one effect, in Postgres and in the file.
func TestKilled(t *testing.T) {
	p := newPeer(t)
	p.stop() // its database and file are the children's
	database := p.pool.Config().ConnString()
	const kills, askers = 12, 6
	var url atomic.Value
	var heard sync.Map // keys of which somebody has heard that they were carried out
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	address, kill := startChild(t, database, p.ledger)
	url.Store(address)
	var wg sync.WaitGroup
	var sent atomic.Int64
	for asker := range askers {
		wg.Go(func() {
			f, number := faces()[asker%3], fmt.Sprintf("1390000000%d", asker)
			for i := 0; ctx.Err() == nil; i++ {
				key, action := newKey(), []string{"open", "close"}[i%2]
				for { // the same key, until it is answered, even when the killing is over
					mine := *p
					mine.url, _ = url.Load().(string)
					a, err := f.submit(&mine, key, number, action, "fetion", "0")
					if err == nil && f.read(a) == "success" {
						heard.Store(key, true)
						sent.Add(1)
						break
					}
					if err == nil {
						t.Errorf("%s %s: %d %s", f.name, action, a.status, a.body)
						return
					}
				}
			}
		})
	}
	for range kills {
		before := sent.Load()
		until(t, "orders are carried out", func() bool { return sent.Load() > before+askers })
		instant := time.NewTimer(time.Duration(rand.IntN(20)) * time.Millisecond)
		<-instant.C
		kill()
		onFile := map[string]bool{}
		text, err := os.ReadFile(p.ledger)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(string(text), "\n") {
			if key, rest, ok := strings.Cut(strings.TrimPrefix(line, `{"key":"`), `"`); ok && strings.HasSuffix(rest, "}") {
				onFile[key] = true
			}
		}
		heard.Range(func(key, _ any) bool {
			if !onFile[key.(string)] {
				t.Errorf("%s was told and is not in the file", key)
			}
			return true
		})
		address, kill = startChild(t, database, p.ledger)
		url.Store(address)
	}
	cancel()
	wg.Wait()
	kill()
	p.start("") // and a last time, as what was killed last may have left something out
	inFile := keys(t, p.ledger)
	effects, err := p.boss.Effects(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(inFile)
	if len(slices.Compact(slices.Clone(inFile))) != len(inFile) || len(effects) != len(inFile) || int64(len(inFile)) != sent.Load() {
		t.Errorf("%d orders were answered; %d effects in Postgres, %d lines in the file", sent.Load(), len(effects), len(inFile))
	}
	for _, e := range effects {
		if _, ok := heard.Load(e.Key); !ok || !slices.Contains(inFile, e.Key) {
			t.Errorf("%s: told %v, in the file %v", e.Key, ok, slices.Contains(inFile, e.Key))
		}
	}
	t.Logf("%d orders over %d kills", len(effects), kills)
}

// When the file cannot grow, nobody is told of an effect that is not in it; when it can
// again, the next server writes what is missing.
func TestDiskFull(t *testing.T) {
	p := newPeer(t)
	p.stop()
	p.url, _ = startChild(t, p.pool.Config().ConnString(), p.ledger, childLimit+"=500")
	var told []string
	var silent int
	for i := range 6 {
		key := newKey()
		a, err := tmfFace().submit(p, key, rich, []string{"open", "close"}[i%2], "fetion", "0")
		switch {
		case err != nil:
			silent++
		case tmfFace().read(a) == "success":
			told = append(told, key)
		default:
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if len(told) == 0 || silent == 0 {
		t.Fatalf("%d told, %d not: the limit was not met on the way", len(told), silent)
	}
	if got := keys(t, p.ledger); !slices.Equal(got, told) { // whole lines, no half one
		t.Errorf("in the file: %v, told: %v", got, told)
	}
	other := filepath.Join(t.TempDir(), "ledger")
	text, err := os.ReadFile(p.ledger)
	if err == nil {
		err = os.WriteFile(other, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	p.ledger = other // the first server still has its own
	p.start("")
	if got := keys(t, p.ledger); len(got) != 6 {
		t.Errorf("%d lines, want all 6 effects", len(got))
	}
}
