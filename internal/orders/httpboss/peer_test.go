package httpboss_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
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
	"hotline/internal/orders/entry"
	"hotline/internal/orders/httpboss"
	"hotline/internal/orders/sandbox"
	"hotline/internal/pgtest"
)

// Subscribers of the sandbox: what 'ivr sandbox --help' lists.
const (
	rich     = "13800000001"
	poor     = "13800000002"
	hasID    = "13800000003"
	mzone    = "13800000004"
	password = "135791"
	identity = "110101190001010014"
	token    = "t0ken-of-the-test"
)

// peer is `ivr boss` on a real socket, and the sandbox behind it.
type peer struct {
	url  string
	boss *sandbox.Boss
}

func newPeer(t *testing.T) peer {
	t.Helper()
	pool, err := pgxpool.New(context.Background(), pgtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	boss, err := sandbox.Open(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	srv, err := bossd.Open(t.Context(), bossd.Options{
		Boss: boss, Ledger: filepath.Join(t.TempDir(), "ledger"), Token: token, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(srv.Handler())
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { srv.Run(ctx) })
	t.Cleanup(func() {
		web.Close()
		cancel()
		work.Wait()
		if err := errors.Join(srv.Close(context.Background()), boss.Close(context.Background())); err != nil {
			t.Error(err)
		}
	})
	return peer{web.URL, boss}
}

// example opens one of the shipped descriptions for a peer.
func example(t *testing.T, name, url string) *httpboss.Boss {
	t.Helper()
	file := filepath.Join("../../../deploy/boss", name)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(secret, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return open(t, file, string(text), map[string]string{"BOSS_URL": url, "BOSS_TOKEN_FILE": secret})
}

// open opens a description that has no problem.
func open(t *testing.T, file, text string, env map[string]string) *httpboss.Boss {
	t.Helper()
	d, problems := httpboss.Load(file, []byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	b, err := d.Open(httpboss.Options{Getenv: func(name string) string { return env[name] }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func number(t *testing.T, s string) orders.MSISDN {
	t.Helper()
	n, err := orders.ParseMSISDN(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// order makes an order with a key of its own from "open caller_id 600".
func order(t *testing.T, caller, what string, with orders.With) orders.Order {
	t.Helper()
	o := orders.Order{Key: uuid.NewString(), Caller: number(t, caller), With: with}
	var price int64
	if _, err := fmt.Sscan(what, (*string)(&o.Action), &o.Service, &price); err != nil {
		t.Fatal(err)
	}
	o.Price = orders.Money(price)
	return o
}

var examples = []string{"json.yaml", "xml.yaml"}

// TestOrdersComeToTheSame: what the sandbox decides arrives as it was decided.
func TestOrdersComeToTheSame(t *testing.T) {
	for _, name := range examples {
		t.Run(name, func(t *testing.T) {
			b := example(t, name, newPeer(t).url)
			id := orders.With{"id_card": entry.New(entry.IDCard, identity)}
			change := func(old, next string) orders.With {
				return orders.With{"old_password": entry.New(entry.Password, old), "new_password": entry.New(entry.Password, next)}
			}
			for _, tt := range []struct {
				caller, what, want string
				with               orders.With
			}{
				{rich, "open caller_id 600", "success/confirmed", nil},
				{rich, "open caller_id 600", "rejected/already_open", nil},
				{rich, "close caller_id 0", "success/confirmed", nil},
				{rich, "close caller_id 0", "rejected/not_open", nil},
				{poor, "open caller_id 600", "rejected/insufficient_balance", nil},
				{rich, "open caller_id 599", "rejected/other", nil}, // not what it costs
				{rich, "open balance_reminder 0", "rejected/ineligible", orders.With{"amount": entry.New(entry.Amount, "0.50")}},
				{rich, "change service_password 0", "auth_failed/wrong_password", change("909091", "222222")},
				{rich, "change service_password 0", "success/confirmed", change(password, "222222")},
				{rich, "reset service_password 0", "success/confirmed", id},
				{rich, "apply service_password 0", "rejected/already_open", id},
			} {
				o := order(t, tt.caller, tt.what, tt.with)
				for range 2 { // the same key again is the same order
					if a, err := b.Submit(t.Context(), o); err != nil || a.Result.String() != tt.want || a.BossRef == "" {
						t.Errorf("%s: %v %q, %v, want %s", tt.what, a.Result, a.BossRef, err, tt.want)
					}
				}
				if a, err := b.Lookup(t.Context(), o.Key); err != nil || a.Result.String() != tt.want {
					t.Errorf("look-up of %s: %v, %v, want %s", tt.what, a.Result, err, tt.want)
				}
			}
		})
	}
}

// TestEveryQueryComesToTheSame: each answer is what the sandbox says when it is asked
// without anything between.
func TestEveryQueryComesToTheSame(t *testing.T) {
	for _, name := range examples {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t)
			b := example(t, name, p.url)
			for _, q := range []orders.Query{
				{Name: "balance"}, {Name: "last_month_bill"}, {Name: "used_discount_amount"}, {Name: "used_discount_minutes"},
				{Name: "used_data"}, {Name: "payment_history"}, {Name: "tariff"}, {Name: "opened_services"}, {Name: "validity"},
				{Name: "credit"}, {Name: "points"}, {Name: "profile"}, {Name: "status", Service: "caller_id"}, {Name: "status", Service: "mobile_data"},
				{Name: "bill_by_month", With: orders.With{"month": entry.New(entry.Month, time.Now().Format("0601"))}},
				{Name: "bill_by_month", With: orders.With{"month": entry.New(entry.Month, "1001")}}, // ineligible
				{Name: "number_home", With: orders.With{"phone": entry.New(entry.Phone, "13800210000")}},
			} {
				for _, caller := range []string{rich, hasID, mzone} {
					q.Caller = number(t, caller)
					want, err := p.boss.Query(t.Context(), q)
					if err != nil {
						t.Fatal(err)
					}
					got, err := b.Query(t.Context(), q)
					if err != nil || got.Result != want.Result || !maps.Equal(got.Values, want.Values) {
						t.Errorf("%s of %s: %v %v, %v; want %v %v", q.Name, caller, got.Result, got.Values, err, want.Result, want.Values)
					}
				}
			}
			want, err := p.boss.Prices(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got, err := b.Prices(t.Context()); err != nil || !maps.Equal(got, want) || len(got) == 0 {
				t.Errorf("prices: %v, %v; want %v", got, err, want)
			}
		})
	}
}

// TestAcceptedIsNotDone: an order that is only accepted is unknown until the look-up
// tells otherwise.
func TestAcceptedIsNotDone(t *testing.T) {
	for _, name := range examples {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t)
			b := example(t, name, p.url)
			fault(t, p.url, `{"operation":"submit","mode":"async","delay_ms":300}`)
			o := order(t, rich, "open caller_id 600", nil)
			if a, err := b.Submit(t.Context(), o); err != nil || a.Outcome != orders.Unknown {
				t.Fatalf("%v, %v, want unknown", a.Result, err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			for {
				a, err := b.Lookup(ctx, o.Key)
				if err != nil {
					t.Fatal(err)
				}
				if a.Outcome == orders.Success {
					return
				}
				if a.Outcome != orders.Unknown {
					t.Fatalf("%v, want unknown and then success", a.Result)
				}
			}
		})
	}
}

// TestFaultsOfThePeer: what each fault leaves certain, held against what the BOSS did.
func TestFaultsOfThePeer(t *testing.T) {
	for _, name := range examples {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t)
			b := example(t, name, p.url)
			for mode, want := range map[string]error{
				`"drop"`: orders.ErrAnswerLost, `"reset"`: orders.ErrAnswerLost, `"500"`: orders.ErrAnswerLost, `"garbage"`: orders.ErrAnswerLost,
				`"429"`: orders.ErrNotSent, `"drop","after":true`: orders.ErrAnswerLost, `"500","after":true`: orders.ErrAnswerLost,
			} {
				fault(t, p.url, `{"operation":"submit","times":1,"mode":`+mode+`}`)
				o := order(t, rich, "open caller_id 600", nil)
				a, err := b.Submit(t.Context(), o)
				if !errors.Is(err, want) {
					t.Errorf("%s: %v, %v, want %v", mode, a.Result, err, want)
				}
				acted := false
				if found, err := b.Lookup(t.Context(), o.Key); err == nil {
					acted = found.Outcome == orders.Success
				} else if !errors.Is(err, orders.ErrNotFound) {
					t.Errorf("%s: look-up: %v", mode, err)
				}
				if acted && want == orders.ErrNotSent {
					t.Errorf("%s: said to be not sent, and the BOSS has acted", mode)
				}
				if wants := strings.Contains(mode, "after") || strings.Contains(mode, "reset"); acted != wants {
					t.Errorf("%s: the BOSS has acted: %v, the test meant %v", mode, acted, wants)
				}
				if acted {
					if a, err := b.Submit(t.Context(), order(t, rich, "close caller_id 0", nil)); err != nil || a.Outcome != orders.Success {
						t.Fatalf("close: %v, %v", a.Result, err)
					}
				}
			}
		})
	}
}

// fault tells the BOSS to do something wrong.
func fault(t *testing.T, url, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/faults", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("%s: %s", text, resp.Status)
	}
}
