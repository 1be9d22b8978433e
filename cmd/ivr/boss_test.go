package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/orders"
	"hotline/internal/orders/bossd"
	"hotline/internal/orders/sandbox"
	"hotline/internal/pgtest"
)

// bossServer is a BOSS on a real socket, with a token and a ledger file.
func bossServer(t *testing.T) (url, tokenFile, ledger string) {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), pgtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	boss, err := sandbox.Open(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	const token = "a-token"
	ledger, tokenFile = filepath.Join(t.TempDir(), "ledger"), filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(tokenFile, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	srv, err := bossd.Open(t.Context(), bossd.Options{Boss: boss, Ledger: ledger, Token: token, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { srv.Run(ctx) })
	web := httptest.NewServer(srv.Handler())
	t.Cleanup(func() {
		web.Close()
		cancel()
		work.Wait()
		if err := errors.Join(srv.Close(context.Background()), boss.Close(context.Background())); err != nil {
			t.Error(err)
		}
	})
	return web.URL, tokenFile, ledger
}

// What BOSS may be set to leads to a BOSS that carries out an order, by each of its faces.
func TestOpenBoss(t *testing.T) {
	url, token, ledger := bossServer(t)
	t.Setenv("BOSS_TOKEN_FILE", token)
	own, err := pgxpool.New(t.Context(), pgtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	if err := sandbox.Migrate(t.Context(), own); err != nil {
		t.Fatal(err)
	}
	number, err := orders.ParseMSISDN("13800000001")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ setting, url string }{
		{"sandbox", ""},
		{"../../deploy/boss/xml.yaml", url},
		{"../../deploy/boss/json.yaml", url},
		{url + "/tmf-api", ""},
	} {
		t.Run(filepath.Base(tt.setting), func(t *testing.T) {
			t.Setenv("BOSS_URL", tt.url)
			boss, end, err := openBoss(t.Context(), settings{boss: tt.setting, bossToken: token}, own, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := end(t.Context()); err != nil {
					t.Error(err)
				}
			}()
			for _, action := range []orders.Action{orders.Open, orders.Close} {
				o := orders.Order{Key: uuid.NewString(), Caller: number, Service: "caller_id", Action: action}
				if action == orders.Open {
					o.Price = 600
				}
				a, err := boss.Submit(t.Context(), o)
				if err != nil || a.Outcome != orders.Success || a.BossRef == "" {
					t.Fatalf("%s: %v %s, %v", action, a.Result, a.BossRef, err)
				}
				text, err := os.ReadFile(ledger)
				if err != nil {
					t.Fatal(err)
				}
				if there := strings.Contains(string(text), o.Key); there != (tt.setting != "sandbox") {
					t.Errorf("%s: in the ledger of the other BOSS: %v", action, there)
				}
			}
		})
	}
	broken := filepath.Join(t.TempDir(), "broken.yaml")
	if err := os.WriteFile(broken, []byte("submit:\n  pst: /orders\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{"oracle", "none.yaml", broken} {
		_, _, err := openBoss(t.Context(), settings{boss: wrong}, own, slog.New(slog.DiscardHandler))
		var usage usageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), wrong) {
			t.Errorf("%s: %v, want a mistake in usage that names it", wrong, err)
		}
	}
}

func TestBossCommands(t *testing.T) {
	url, token, _ := bossServer(t)
	t.Setenv("BOSS_URL", url)
	t.Setenv("BOSS_TOKEN_FILE", token)
	for _, step := range []struct{ args, want string }{
		{"faults", "none"},
		{"fault submit reset --times 1", "submit: reset, 1 more"},
		{"fault all 500 --every 5 --after", "all: 500, until cleared"},
		{"fault submit async --delay 3s", "submit: async, until cleared"},
		{"faults", "│ all       │ 500   │    0s │     5 │ true  │ until cleared │   0 │"},
		{"faults --json", `"delay_ms": 3000`},
		{"clear", "cleared 3"},
		{"faults", "none"},
	} {
		out, err := runCommand(t, append([]string{"boss"}, strings.Fields(step.args)...)...)
		if err != nil || !strings.Contains(out, step.want) {
			t.Errorf("ivr boss %s: %v\n%swant %q in it", step.args, err, out, step.want)
		}
	}
	out, err := runCommand(t, "boss", "ledger")
	if err != nil || out != "" {
		t.Errorf("nothing was done yet: %v %s", err, out)
	}
	t.Setenv("BOSS_TOKEN_FILE", "")
	if _, err := runCommand(t, "boss", "clear"); err == nil || !strings.Contains(err.Error(), "bearer token") {
		t.Errorf("without the token: %v", err)
	}
}

func TestBossUsage(t *testing.T) {
	t.Setenv("BOSS_DATABASE_URL", "")
	t.Setenv("BOSS_URL", "")
	t.Setenv("BOSS_TOKEN_FILE", "")
	for _, args := range []string{
		"", "--database postgres://h/d", "--ledger x", "--database nonsense --ledger x", "more",
		"--database postgres://h/d --ledger x --token-file /no/such/file",
		"fault submit", "fault dance drop", "fault submit explode", "fault submit delay", "fault submit drop --times 0",
		"fault submit 429 --after", "fault submit drop --url nowhere", "faults more", "clear more", "nonsense",
	} {
		_, err := runCommand(t, append([]string{"boss"}, strings.Fields(args)...)...)
		var usage usageError
		if !errors.As(err, &usage) {
			t.Errorf("ivr boss %s: %v, want a mistake in usage", args, err)
		}
	}
	// Nobody listens at this port: it was one's own a moment ago.
	gone := httptest.NewServer(nil)
	gone.Close()
	if _, err := runCommand(t, "boss", "clear", "--url", gone.URL); err == nil || !strings.Contains(err.Error(), "ivr boss") || !strings.Contains(err.Error(), gone.URL) {
		t.Errorf("no server: %v", err)
	}
}

// The whole command: it serves, and what it has done is in the file that it was told.
func TestBossServes(t *testing.T) {
	database := pgtest.Database(t)
	ctx, cancel := context.WithCancel(t.Context())
	ledger := filepath.Join(t.TempDir(), "ledger")
	log := &logged{seen: make(chan string, 16)}
	ended := make(chan error, 1)
	go func() {
		ended <- serveBoss(ctx, bossFlags{listen: "127.0.0.1:0", database: database, ledger: ledger}, slog.New(slog.NewJSONHandler(log, nil)))
	}()
	var said struct{ HTTP string }
	select {
	case line := <-log.seen:
		if err := json.Unmarshal([]byte(line), &said); err != nil || said.HTTP == "" {
			t.Fatalf("%s: %v", line, err)
		}
	case err := <-ended:
		t.Fatal(err)
	}
	t.Setenv("BOSS_TOKEN_FILE", "")
	if out, err := runCommand(t, "boss", "faults", "--url", "http://"+said.HTTP); err != nil || !strings.Contains(out, "none") {
		t.Errorf("%v %s", err, out)
	}
	// A stop does not wait for what a fault delays: that is done at once, and answered.
	if out, err := runCommand(t, "boss", "fault", "prices", "delay", "--delay", "1h", "--url", "http://"+said.HTTP); err != nil {
		t.Fatal(err, out)
	}
	prices := make(chan string, 1)
	go func() {
		resp, err := http.Get("http://" + said.HTTP + "/json/prices")
		if err != nil {
			prices <- err.Error()
			return
		}
		defer resp.Body.Close()
		prices <- resp.Status
	}()
	until(t, func() bool {
		out, err := runCommand(t, "boss", "faults", "--url", "http://"+said.HTTP)
		return err == nil && strings.Contains(out, "│   1 │") // it waits
	})
	cancel()
	if got := <-prices; got != "200 OK" {
		t.Errorf("what was delayed: %s", got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(ledger); err != nil {
		t.Error(err)
	}
}

// until polls, at most 20 s.
func until(t *testing.T, true func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !true() {
		select {
		case <-ctx.Done():
			t.Fatal("not within 20 s")
		case <-tick.C:
		}
	}
}

// logged hands on what is logged, a line each.
type logged struct{ seen chan string }

func (l *logged) Write(p []byte) (int, error) {
	l.seen <- string(p)
	return len(p), nil
}
