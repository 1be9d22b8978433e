package bossd_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/orders"
	"hotline/internal/orders/bossd"
	"hotline/internal/orders/sandbox"
)

// keys are those of a ledger file, in order; every line must be one.
func keys(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(text)) {
		var e bossd.Effect
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Key == "" || !strings.HasSuffix(line, "\n") {
			t.Fatalf("line %q: %v", line, err)
		}
		all = append(all, e.Key)
	}
	return all
}

// What a file may look like after a kill or a power cut, and what the next server makes of it:
// every effect that Postgres has, once, or a refusal to touch what somebody else has written.
func TestLedgerFileAfterAnAccident(t *testing.T) {
	p := newPeer(t)
	var opened []string
	for _, service := range []string{"caller_id", "ringback_tone", "fetion"} {
		key := newKey()
		price := map[string]string{"caller_id": "6.00", "ringback_tone": "5.00", "fetion": "0"}[service]
		if a := p.must("POST", ordering, nil, tmfOrder(key, rich, "open", service, price)); a.status != 201 {
			t.Fatal(a.body)
		}
		opened = append(opened, key)
	}
	p.stop()
	whole, err := os.ReadFile(p.ledger)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(whole), "\n")[:3]
	for name, tt := range map[string]struct {
		file    string
		refused bool
	}{
		"nothing has happened":             {file: string(whole)},
		"the file is gone":                 {file: ""},
		"the last line is missing":         {file: lines[0] + lines[1]},
		"the last line is torn":            {file: lines[0] + lines[1] + lines[2][:20]},
		"only its end is missing":          {file: strings.TrimSuffix(string(whole), "\n")},
		"zeros in place of the last line":  {file: lines[0] + lines[1] + strings.Repeat("\x00", 100)},
		"rubbish that ends like a line":    {file: lines[0] + lines[1] + "\x00\x17{\n"},
		"one in the middle is missing":     {file: lines[0] + lines[2]},
		"one in the middle is torn":        {file: lines[0] + lines[1][:20] + "\n" + lines[2], refused: true},
		"somebody has written a word here": {file: "hello\n" + string(whole), refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ledger")
			if err := os.WriteFile(path, []byte(tt.file), 0o600); err != nil {
				t.Fatal(err)
			}
			srv, err := openServer(t, p.pool, path)
			if tt.refused {
				if after, _ := os.ReadFile(path); err == nil || string(after) != tt.file {
					t.Errorf("%v; the file was changed: %v", err, string(after) != tt.file)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := srv.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			got, want := keys(t, path), slices.Clone(opened)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%d lines %v, want the 3 effects", len(got), got)
			}
		})
	}
}

func openServer(t *testing.T, pool *pgxpool.Pool, path string) (*bossd.Server, error) {
	t.Helper()
	boss, err := sandbox.Open(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := boss.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return bossd.Open(t.Context(), bossd.Options{Boss: boss, Ledger: path, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
}

func TestTheLedgerFileIsOneServersAlone(t *testing.T) {
	p := newPeer(t)
	srv, err := openServer(t, p.pool, p.ledger)
	if err == nil {
		_ = srv.Close(t.Context())
		t.Fatal("two servers have one file")
	}
	if !strings.Contains(err.Error(), p.ledger) || !strings.Contains(err.Error(), "--ledger") {
		t.Errorf("%v: which file, and what to do?", err)
	}
}

// The same key at once, by many, on all faces: one effect, and all hear the same.
func TestOneKeyAtOnce(t *testing.T) {
	p := newPeer(t)
	key := newKey()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var heard []string
	for range 8 {
		for _, f := range faces() {
			wg.Go(func() {
				a, err := f.submit(p, key, rich, "open", "caller_id", "6.00")
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					heard = append(heard, err.Error())
					return
				}
				heard = append(heard, f.read(a))
			})
		}
	}
	wg.Wait()
	if slices.ContainsFunc(heard, func(s string) bool { return s != "success" }) || len(heard) != 24 {
		t.Errorf("heard: %v", heard)
	}
	if got := keys(t, p.ledger); len(got) != 1 || got[0] != key {
		t.Errorf("in the file: %v", got)
	}
	effects, err := p.boss.Effects(t.Context())
	if err != nil || len(effects) != 1 || effects[0].Outcome != orders.Success {
		t.Errorf("%v, %v", effects, err)
	}
}

func TestToken(t *testing.T) {
	p := newPeer(t)
	p.stop()
	p.start("a-token")
	for header, want := range map[string]int{"": 401, "Bearer ": 401, "Bearer a-toke": 401, "bearer a-token": 401, "Basic a-token": 401, "Bearer a-token": 200} {
		for _, path := range []string{"/json/prices", "/faults", "/ledger", extension + "/"} {
			if a := p.must("GET", path, map[string]string{"Authorization": header}, ""); a.status != want {
				t.Errorf("%s with %q: %d, want %d", path, header, a.status, want)
			}
		}
	}
	a := p.must("POST", ordering, nil, tmfOrder(newKey(), rich, "open", "caller_id", "6.00"))
	if a.status != 401 {
		t.Errorf("an order without the token: %d", a.status)
	}
	if effects, err := p.boss.Effects(t.Context()); err != nil || len(effects) != 0 {
		t.Errorf("it was carried out: %v, %v", effects, err)
	}
	if a := p.must("GET", "/healthz", nil, ""); a.status != 200 {
		t.Errorf("/healthz: %d", a.status)
	}
}
