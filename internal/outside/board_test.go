package outside

import (
	"bytes"
	"context"
	"crypto/sha256"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hotline/internal/orders"
)

// limit is what is promised from a command to the next call.
const limit = 2 * time.Second

func hash(m orders.MSISDN) []byte {
	sum := sha256.Sum256([]byte(m.Reveal()))
	return sum[:]
}

// newBoard runs a Board until the test ends; log gets what it says.
func newBoard(t *testing.T, store *Store, log *bytes.Buffer) *Board {
	b := NewBoard(Options{Store: store, Hash: hash, Log: slog.New(slog.NewTextHandler(log, nil)), Registerer: prometheus.NewRegistry()})
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	b.Read(ctx)
	work.Go(func() { b.Run(ctx) })
	t.Cleanup(func() { cancel(); work.Wait() })
	return b
}

func number(t *testing.T, s string) orders.MSISDN {
	t.Helper()
	m, err := orders.ParseMSISDN(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestASwitchAndANoticeReachEveryServer(t *testing.T) {
	store := newStore(t)
	boards := []*Board{newBoard(t, store, &bytes.Buffer{}), newBoard(t, store, &bytes.Buffer{})}
	now := time.Now()
	all := func(service string, at time.Time, closed bool, notice string) func() bool {
		return func() bool {
			for _, b := range boards {
				if c, n := b.Look(service, at); c != closed || n != notice {
					return false
				}
			}
			return true
		}
	}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(store.Turn(t.Context(), Switch{Service: "balance", Closed: true, Reason: "BOSS is upgraded", Author: "li"}))
	took := within(t, limit, "closed", all("balance", now, true, ""))
	t.Logf("closed after %v", took.Round(time.Millisecond))
	if c, _ := boards[0].Look("caller_id", now); c {
		t.Error("another service is closed too")
	}
	if got := boards[0].Closed(); strings.Join(got, " ") != "balance" {
		t.Errorf("closed are %q", got)
	}
	ends := now.Add(2 * time.Hour)
	do(store.Post(t.Context(), Notice{Service: "balance", Prompt: "notice.old", Starts: now.Add(-time.Hour), Author: "li"}))
	do(store.Post(t.Context(), Notice{Service: "balance", Prompt: "notice.new", Starts: now.Add(time.Hour), Ends: &ends, Author: "li"}))
	for at, want := range map[time.Duration]string{
		-2 * time.Hour: "", -time.Hour: "notice.old", 59 * time.Minute: "notice.old", time.Hour: "notice.new",
		2*time.Hour - time.Second: "notice.new", 2 * time.Hour: "notice.old",
	} {
		within(t, limit, want, all("balance", now.Add(at).Truncate(time.Microsecond), true, want))
	}
	do(store.Turn(t.Context(), Switch{Service: "balance", Author: "wang"}))
	within(t, limit, "open again", all("balance", now.Add(-2*time.Hour), false, ""))
	if n, err := store.Withdraw(t.Context(), "balance"); err != nil || n != 2 {
		t.Errorf("withdrawn %d, %v", n, err)
	}
	within(t, limit, "withdrawn", all("balance", now, false, ""))
	switches, err := store.Switches(t.Context())
	if err != nil || len(switches) != 1 || switches[0].Closed || switches[0].Author != "wang" || switches[0].Reason != "" {
		t.Errorf("%+v, %v", switches, err)
	}
	if err := store.Post(t.Context(), Notice{Service: "balance", Prompt: "p", Starts: ends, Ends: &now, Author: "li"}); err == nil {
		t.Error("a notice that ends before it starts")
	}
}

// TestWhatWasKnownStays while Postgres is away, and is said once.
func TestWhatWasKnownStays(t *testing.T) {
	store := newStore(t)
	if err := store.Turn(t.Context(), Switch{Service: "balance", Closed: true, Author: "li"}); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	b := NewBoard(Options{Store: store, Hash: hash, Log: slog.New(slog.NewTextHandler(&log, nil)), Registerer: prometheus.NewRegistry()})
	if b.age() != -1 {
		t.Error("it has an age before it was read")
	}
	b.Read(t.Context())
	if closed, _ := b.Look("balance", time.Now()); !closed || b.age() < 0 || b.age() > 5 {
		t.Errorf("closed %v, age %v", closed, b.age())
	}
	for _, table := range []string{"service_switches", "service_notices", "remembered"} {
		rename := func(from, to string) {
			if _, err := store.pool.Exec(t.Context(), "alter table ivr."+from+" rename to "+to); err != nil {
				t.Fatal(err)
			}
		}
		log.Reset()
		rename(table, "away")
		b.Read(t.Context())
		b.Read(t.Context())
		if closed, _ := b.Look("balance", time.Now()); !closed {
			t.Errorf("without %s the service is open", table)
		}
		if n := strings.Count(log.String(), "level=ERROR"); n != 1 {
			t.Errorf("without %s it is said %d times", table, n)
		}
		rename("away", table)
		b.Read(t.Context())
		if !strings.Contains(log.String(), "followed again") {
			t.Errorf("with %s again: %s", table, log.String())
		}
	}
}

func TestLanguagesAreRemembered(t *testing.T) {
	store := newStore(t)
	first, second := number(t, "13800000001"), number(t, "13800000002")
	chooses := func(m orders.MSISDN, language, at string) {
		t.Helper()
		_, err := store.pool.Exec(t.Context(), `insert into ivr.remembered (caller_hash, language, at) values ($1, $2, $3)
			on conflict (caller_hash) do update set language = excluded.language, at = excluded.at`, hash(m), language, at)
		if err != nil {
			t.Fatal(err)
		}
	}
	chooses(first, "en", "2026-10-01")
	b := newBoard(t, store, &bytes.Buffer{})
	if got := b.Language(first) + b.Language(second) + b.Language(orders.MSISDN{}); got != "en" {
		t.Errorf("remembered are %q", got)
	}
	// A step that some server's spool has kept back for long.
	chooses(second, "en", "2026-01-01")
	within(t, limit, "the second is remembered", func() bool { return b.Language(second) == "en" })
	chooses(first, "zh", "2026-10-02")
	within(t, limit, "the change is remembered", func() bool { return b.Language(first) == "zh" })
	if b.Language(second) != "en" {
		t.Error("one forgets the other")
	}
}
