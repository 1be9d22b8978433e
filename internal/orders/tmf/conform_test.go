package tmf_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/orders"
	"hotline/internal/orders/adaptertest"
	"hotline/internal/orders/bossd"
	"hotline/internal/orders/desk"
	"hotline/internal/orders/entry"
	"hotline/internal/orders/sandbox"
	"hotline/internal/orders/tmf"
	"hotline/internal/pgtest"
)

// TestConforms: against a true BOSS the adapter keeps what the Desk relies on, whatever the
// network does.
func TestConforms(t *testing.T) {
	p := newPeer(t)
	adaptertest.Run(t, adaptertest.Peer{
		URL: p.url + "/tmf-api",
		Connect: func(url string, log *slog.Logger) (desk.Adapter, func(), error) {
			b, err := tmf.Open(t.Context(), tmf.Options{Base: url, Token: token, Log: log})
			if err != nil {
				return nil, nil, err
			}
			return b, b.Close, nil
		},
		Effects:       p.effects,
		Async:         p.async,
		BusyIsNotDone: true,
		Sample:        sample(t),
	})
}

// peer is the BOSS server on a real socket, and the sandbox behind it.
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

// sample is what the seeded subscribers can ask for again and again.
func sample(t *testing.T) adaptertest.Sample {
	const service = "balance_reminder"
	rich, err := orders.ParseMSISDN("13800000001")
	if err != nil {
		t.Fatal(err)
	}
	order := func(a orders.Action, service string, price orders.Money, with orders.With) orders.Order {
		return orders.Order{Caller: rich, Action: a, Service: service, Price: price, With: with}
	}
	home := func(phone string) orders.Query {
		return orders.Query{Caller: rich, Name: "number_home", With: orders.With{"phone": entry.New(entry.Phone, phone)}}
	}
	shown := func(digits string) orders.Verification {
		return orders.Verification{Caller: rich, Password: entry.New(entry.Password, digits)}
	}
	return adaptertest.Sample{
		Open:   order(orders.Open, service, 0, orders.With{"amount": entry.New(entry.Amount, "12.50")}),
		Close:  order(orders.Close, service, 0, nil),
		Paid:   order(orders.Open, "caller_id", 600, nil),
		Unpaid: order(orders.Close, "caller_id", 0, nil),
		Query:  orders.Query{Caller: rich, Name: "status", Service: service},
		Shows:  map[string]orders.Value{"amount": {Kind: orders.ValueMoney, Number: 1250}},
		Typed:  [2]orders.Query{home("13800210000"), home("13800280000")},
		Right:  shown("135791"), Wrong: shown("135790"),
	}
}

// effects counts in the BOSS's own books, past every face.
func (p peer) effects(ctx context.Context, key string) (n int, _ error) {
	all, err := p.boss.Effects(ctx)
	for _, e := range all {
		if e.Key == key {
			n++
		}
	}
	return n, err
}

// async has the BOSS accept orders, and carry them out a little later.
func (p peer) async(ctx context.Context, on bool) error {
	method, body := http.MethodDelete, ""
	if on {
		method, body = http.MethodPost, `{"operation":"submit","mode":"async","delay_ms":300}`
	}
	req, err := http.NewRequestWithContext(ctx, method, p.url+"/faults", strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	transport := &http.Transport{DisableKeepAlives: true} // its connection is not to be counted
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return fmt.Errorf("the fault switch says %s", resp.Status)
	}
	return nil
}
