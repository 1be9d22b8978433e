package adaptertest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"

	"hotline/internal/orders"
	"hotline/internal/orders/desk"
)

// adapter is a whole BOSS adapter over HTTP and JSON, to begin one of your own with.
type adapter struct {
	url  string
	http *http.Client
}

// replyLimit is far above the longest reply of this BOSS.
const replyLimit = 1 << 20

// newAdapter does not reach for the BOSS: the hotline starts without it.
func newAdapter(url string) *adapter {
	return &adapter{url: url, http: &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 32},
		// An order goes where it was told to go, or nowhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (a *adapter) Close() { a.http.CloseIdleConnections() }

func (a *adapter) Capabilities() orders.Capabilities {
	return orders.Capabilities{Idempotent: true, Queryable: true, Prices: true}
}

func (a *adapter) Submit(ctx context.Context, o orders.Order) (orders.Answer, error) {
	v, err := a.call(ctx, wish{
		Key: o.Key, Number: o.Caller.Reveal(), Do: string(o.Action), Service: o.Service,
		Price: int64(o.Price), Amount: o.With["amount"].Reveal(),
	})
	if err != nil {
		return orders.Answer{}, fmt.Errorf("%s %s: %w", o.Action, o.Service, err)
	}
	return v.answer()
}

func (a *adapter) Lookup(ctx context.Context, key string) (orders.Answer, error) {
	v, err := a.call(ctx, wish{Key: key, Do: "find"})
	if err != nil {
		return orders.Answer{}, fmt.Errorf("look up order %s: %w", key, err)
	}
	if v.Code == "unknown_key" { // the BOSS's own word: a status 404 may be anybody's
		return orders.Answer{}, fmt.Errorf("look up order %s: %w", key, orders.ErrNotFound)
	}
	return v.answer()
}

func (a *adapter) Query(ctx context.Context, q orders.Query) (orders.Answer, error) {
	v, err := a.call(ctx, wish{Number: q.Caller.Reveal(), Do: q.Name, Amount: q.With["amount"].Reveal()})
	if err != nil {
		return orders.Answer{}, fmt.Errorf("query %s: %w", q.Name, err)
	}
	answer, err := v.answer()
	if err == nil && len(v.Fen) == 0 {
		return orders.Answer{}, fmt.Errorf("query %s: the reply has no values: %w", q.Name, orders.ErrAnswerLost)
	}
	answer.Values = map[string]orders.Value{}
	for name, fen := range v.Fen {
		answer.Values[name] = orders.Value{Kind: orders.ValueMoney, Number: fen}
	}
	return answer, err
}

func (a *adapter) Verify(ctx context.Context, v orders.Verification) (orders.Answer, error) {
	said, err := a.call(ctx, wish{Number: v.Caller.Reveal(), Do: "verify", PIN: v.Password.Reveal()})
	if err != nil {
		return orders.Answer{}, fmt.Errorf("verify a password: %w", err)
	}
	return said.answer()
}

func (a *adapter) Prices(ctx context.Context) (map[string]orders.Money, error) {
	v, err := a.call(ctx, wish{Do: "prices"})
	if err == nil && len(v.Prices) == 0 {
		err = fmt.Errorf("the reply has none: %w", orders.ErrAnswerLost)
	}
	if err != nil {
		return nil, fmt.Errorf("ask for the prices: %w", err)
	}
	prices := map[string]orders.Money{}
	for service, fen := range v.Prices {
		prices[service] = orders.Money(fen)
	}
	return prices, nil
}

// answer puts the BOSS's word into ours. A word that is not in its manual is no answer.
func (v verdict) answer() (orders.Answer, error) {
	results := map[string]orders.Result{
		"ok":        {Outcome: orders.Success, Detail: orders.Confirmed},
		"accepted":  {Outcome: orders.Unknown},
		"refused":   {Outcome: orders.Rejected, Detail: orders.Other},
		"wrong_pin": {Outcome: orders.AuthFailed, Detail: orders.WrongPassword},
	}
	r, ok := results[v.Code]
	if !ok {
		return orders.Answer{}, fmt.Errorf("the BOSS answers with a code that is not in its manual: %w", orders.ErrAnswerLost)
	}
	return orders.Answer{Result: r, BossRef: v.Ref}, nil
}

// call sends one request, once, and says of a failure what it leaves certain.
func (a *adapter) call(ctx context.Context, w wish) (v verdict, _ error) {
	if err := ctx.Err(); err != nil {
		return v, errors.Join(orders.ErrNotSent, err)
	}
	body, err := json.Marshal(w)
	if err != nil {
		return v, errors.Join(orders.ErrNotSent, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url, bytes.NewReader(body))
	if err != nil {
		return v, errors.Join(orders.ErrNotSent, err)
	}
	req.GetBody = nil // else the client sends again by itself where a connection breaks
	req.Header.Set("Content-Type", "application/json")
	resp, err := a.http.Do(req)
	if err != nil {
		return v, errors.Join(certain(err), err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable {
		return v, fmt.Errorf("the BOSS is busy, by its manual nothing was done: %w", orders.ErrNotSent)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, replyLimit))
	if err == nil && (resp.StatusCode != http.StatusOK || len(text) == replyLimit) {
		err = fmt.Errorf("status %d with %d bytes", resp.StatusCode, len(text))
	}
	if err == nil && json.Unmarshal(text, &v) != nil {
		err = errors.New("the reply is no document") // which is not quoted: nobody knows what stands in it
	}
	if err != nil {
		return verdict{}, errors.Join(orders.ErrAnswerLost, err)
	}
	return v, nil
}

// certain tells what a failure of the client leaves certain: without a connection, nothing was sent.
func certain(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return orders.ErrNotSent
	}
	return orders.ErrAnswerLost
}

// connect is what the suite makes adapters with.
func connect(url string, _ *slog.Logger) (desk.Adapter, func(), error) {
	a := newAdapter(url)
	return a, a.Close, nil
}

// An adapter says of every failure what it leaves certain.
func Example() {
	a := newAdapter("http://127.0.0.1:1") // nobody listens there
	defer a.Close()
	_, err := a.Submit(context.Background(), orders.Order{Key: "k1", Action: orders.Open, Service: "ring", Price: 500})
	fmt.Println("it was certainly not sent:", errors.Is(err, orders.ErrNotSent))
	// Output: it was certainly not sent: true
}
