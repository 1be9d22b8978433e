package adaptertest_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"hotline/internal/orders"
	"hotline/internal/orders/adaptertest"
	"hotline/internal/orders/entry"
)

// Of the one subscriber of the little BOSS, and marked: found in a text, it was leaked.
const (
	number   = "13900907153"
	rightPIN = "70516293"
	wrongPIN = "70516294"
)

// wish is a request to the little BOSS, whatever it is for.
type wish struct {
	Key     string `json:"key,omitempty"`
	Number  string `json:"number,omitempty"`
	Do      string `json:"do"`
	Service string `json:"service,omitempty"`
	Price   int64  `json:"price_fen,omitempty"`
	Amount  string `json:"amount,omitempty"` // typed
	PIN     string `json:"pin,omitempty"`
}

// verdict is its answer; Code alone decides.
type verdict struct {
	Code   string           `json:"code,omitempty"` // ok, accepted, refused, wrong_pin or unknown_key
	Ref    string           `json:"ref,omitempty"`
	Prices map[string]int64 `json:"prices_fen,omitempty"`
	Fen    map[string]int64 `json:"fen,omitempty"`
}

// boss is a little BOSS with a ledger: it decides by its data, like a large one.
type boss struct {
	forgetful bool // it acts on a key as often as it comes

	mu      sync.Mutex
	accepts bool
	open    map[string]string // service → amount typed
	said    map[string]verdict
	effects map[string]int
	later   sync.WaitGroup
}

func newBoss(t testing.TB) (*boss, adaptertest.Peer) {
	b := &boss{open: map[string]string{}, said: map[string]verdict{}, effects: map[string]int{}}
	srv := httptest.NewServer(b)
	t.Cleanup(func() { srv.Close(); b.later.Wait() })
	caller, err := orders.ParseMSISDN(number)
	if err != nil {
		t.Fatal(err)
	}
	order := func(a orders.Action, service string, price orders.Money) orders.Order {
		return orders.Order{Caller: caller, Action: a, Service: service, Price: price}
	}
	opening := order(orders.Open, "reminder", 150)
	opening.With = orders.With{"amount": entry.New(entry.Amount, "12.50")}
	query := func(name, typed string) orders.Query {
		return orders.Query{Caller: caller, Name: name, With: orders.With{"amount": entry.New(entry.Amount, typed)}}
	}
	secret := func(pin string) orders.Verification {
		return orders.Verification{Caller: caller, Password: entry.New(entry.Password, pin)}
	}
	money := func(fen int64) map[string]orders.Value {
		return map[string]orders.Value{"amount": {Kind: orders.ValueMoney, Number: fen}}
	}
	return b, adaptertest.Peer{
		URL:     srv.URL,
		Connect: connect,
		Effects: func(_ context.Context, key string) (int, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			return b.effects[key], nil
		},
		Async: func(_ context.Context, on bool) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.accepts = on
			return nil
		},
		BusyIsNotDone: true,
		Sample: adaptertest.Sample{
			Open: opening, Close: order(orders.Close, "reminder", 0),
			Paid: order(orders.Open, "ring", 500), Unpaid: order(orders.Close, "ring", 0),
			Query: query("reminder", ""), Shows: money(1250),
			Asked: []adaptertest.Asked{{Query: query("balance", ""), Want: money(12345)}},
			Typed: [2]orders.Query{query("echo", "1.00"), query("echo", "2.00")},
			Right: secret(rightPIN), Wrong: secret(wrongPIN),
		},
	}
}

func (b *boss) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in wish
	if r.Method != http.MethodPost || json.NewDecoder(r.Body).Decode(&in) != nil {
		http.Error(w, `{"code":"no wish"}`, http.StatusBadRequest)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.decide(in)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out) // who has gone asks again
}

// costs are the prices in fen.
func costs() map[string]int64 { return map[string]int64{"reminder": 150, "ring": 500} }

func (b *boss) decide(in wish) verdict {
	switch in.Do {
	case "open", "close":
		if before, ok := b.said[in.Key]; ok && !b.forgetful {
			return before
		}
		return b.order(in)
	case "find":
		if v, ok := b.said[in.Key]; ok {
			return v
		}
		return verdict{Code: "unknown_key"}
	case "verify":
		return verdict{Code: map[bool]string{true: "ok", false: "wrong_pin"}[in.PIN == rightPIN]}
	case "prices":
		return verdict{Code: "ok", Prices: costs()}
	case "balance":
		return verdict{Code: "ok", Fen: map[string]int64{"amount": 12345}}
	case "echo":
		return verdict{Code: "ok", Fen: map[string]int64{"amount": fen(in.Amount)}}
	case "reminder":
		return verdict{Code: "ok", Fen: map[string]int64{"amount": fen(b.open["reminder"])}}
	}
	return verdict{Code: "no such wish"}
}

func fen(yuan string) int64 {
	var n int64
	for _, c := range yuan {
		if c != '.' {
			n = n*10 + int64(c-'0')
		}
	}
	return n
}

func (b *boss) order(in wish) verdict {
	_, open := b.open[in.Service]
	refused := (in.Do == "open") == open || in.Do == "open" && in.Price != costs()[in.Service]
	if refused && !(b.forgetful && b.effects[in.Key] > 0) {
		b.said[in.Key] = verdict{Code: "refused", Ref: "R" + in.Key[:6]}
		return b.said[in.Key]
	}
	if b.accepts {
		b.said[in.Key] = verdict{Code: "accepted", Ref: "A" + in.Key[:6]}
		b.later.Add(1)
		time.AfterFunc(300*time.Millisecond, func() {
			defer b.later.Done()
			b.mu.Lock()
			defer b.mu.Unlock()
			b.carryOut(in)
		})
		return b.said[in.Key]
	}
	return b.carryOut(in)
}

func (b *boss) carryOut(in wish) verdict {
	if in.Do == "open" {
		b.open[in.Service] = in.Amount
	} else {
		delete(b.open, in.Service)
	}
	b.effects[in.Key]++
	b.said[in.Key] = verdict{Code: "ok", Ref: "A" + in.Key[:6]}
	return b.said[in.Key]
}
