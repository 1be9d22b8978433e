package httpboss_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hotline/internal/orders"
	"hotline/internal/orders/adaptertest"
	"hotline/internal/orders/desk"
	"hotline/internal/orders/entry"
	"hotline/internal/orders/httpboss"
)

// TestConforms: both examples keep what the Desk relies on, whatever the network does.
func TestConforms(t *testing.T) {
	for _, name := range examples {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t)
			adaptertest.Run(t, adaptertest.Peer{
				URL:           p.url,
				Connect:       connect(t, name),
				Effects:       p.effects,
				Async:         p.async,
				BusyIsNotDone: true,
				Sample:        sample(t),
			})
		})
	}
}

// connect opens one of the shipped descriptions for the BOSS at url.
func connect(t *testing.T, name string) func(string, *slog.Logger) (desk.Adapter, func(), error) {
	file := filepath.Join("../../../deploy/boss", name)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(secret, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(url string, log *slog.Logger) (desk.Adapter, func(), error) {
		d, problems := httpboss.Load(file, text)
		if len(problems) > 0 {
			return nil, nil, fmt.Errorf("load %s: %v", file, problems)
		}
		env := map[string]string{"BOSS_URL": url, "BOSS_TOKEN_FILE": secret}
		b, err := d.Open(httpboss.Options{Getenv: func(name string) string { return env[name] }, Log: log})
		if err != nil {
			return nil, nil, err
		}
		return b, b.Close, nil
	}
}

// sample is what the seeded subscribers can ask for again and again.
func sample(t *testing.T) adaptertest.Sample {
	home := func(phone string) orders.Query {
		return orders.Query{Caller: number(t, rich), Name: "number_home", With: orders.With{"phone": entry.New(entry.Phone, phone)}}
	}
	secret := func(digits string) orders.Verification {
		return orders.Verification{Caller: number(t, rich), Password: entry.New(entry.Password, digits)}
	}
	return adaptertest.Sample{
		Open:   order(t, rich, "open balance_reminder 0", orders.With{"amount": entry.New(entry.Amount, "12.50")}),
		Close:  order(t, rich, "close balance_reminder 0", nil),
		Paid:   order(t, rich, "open caller_id 600", nil),
		Unpaid: order(t, rich, "close caller_id 0", nil),
		Query:  orders.Query{Caller: number(t, rich), Name: "status", Service: "balance_reminder"},
		Shows:  map[string]orders.Value{"amount": {Kind: orders.ValueMoney, Number: 1250}},
		Typed:  [2]orders.Query{home("13800210000"), home("13800280000")},
		Right:  secret(password), Wrong: secret("135790"),
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
