package tmf_test

import (
	"context"
	"log/slog"
	"testing"

	"hotline/internal/orders"
	"hotline/internal/orders/adaptertest"
	"hotline/internal/orders/desk"
	"hotline/internal/orders/entry"
	"hotline/internal/orders/tmf"
)

// TestConforms: against a true BOSS the adapter keeps what the Desk relies on, whatever the
// network and the BOSS do.
func TestConforms(t *testing.T) {
	p := newPeer(t)
	who := number(t, rich)
	home := func(phone string) orders.Query {
		return orders.Query{Caller: who, Name: "number_home", With: orders.With{"phone": entry.New(entry.Phone, phone)}}
	}
	on := func(service string, action orders.Action, price orders.Money, with orders.With) orders.Order {
		return orders.Order{Caller: who, Service: service, Action: action, Price: price, With: with}
	}
	told := func(name, fault string, promised bool) adaptertest.Fault {
		return adaptertest.Fault{Name: name, Promised: promised, Arm: func(ctx context.Context) (func(context.Context) error, error) {
			return p.fault(ctx, `{"operation":"submit",`+fault+`}`)
		}}
	}
	var settle func(context.Context) error
	adaptertest.Run(t, adaptertest.Peer{
		URL: p.url + "/tmf-api",
		Connect: func(url string, log *slog.Logger) (desk.Adapter, func(), error) {
			b, err := tmf.Open(context.Background(), tmf.Options{Base: url, Token: token, Log: log})
			if err != nil {
				return nil, nil, err
			}
			return b, b.Close, nil
		},
		Effects: p.effects,
		Faults: []adaptertest.Fault{
			told("drop", `"mode":"drop"`, false), told("drop after", `"mode":"drop","after":true`, false),
			told("reset", `"mode":"reset"`, false), told("late", `"mode":"late","delay_ms":100`, false),
			told("500", `"mode":"500"`, false), told("500 after", `"mode":"500","after":true`, false),
			told("429", `"mode":"429"`, true), told("garbage after", `"mode":"garbage","after":true`, false),
			told("repeat", `"mode":"repeat"`, false), told("delay", `"mode":"delay","delay_ms":200`, false),
		},
		Async: func(ctx context.Context, yes bool) (err error) {
			if !yes {
				return settle(ctx)
			}
			settle, err = p.fault(ctx, `{"operation":"submit","mode":"async","delay_ms":300}`)
			return err
		},
		BusyIsNotDone: true,
		Sample: adaptertest.Sample{
			Open:  on("balance_reminder", orders.Open, 0, orders.With{"amount": entry.New(entry.Amount, "12.50")}),
			Close: on("balance_reminder", orders.Close, 0, nil),
			Paid:  on("caller_id", orders.Open, 600, nil), Unpaid: on("caller_id", orders.Close, 0, nil),
			Query: orders.Query{Caller: who, Name: "status", Service: "balance_reminder"},
			Shows: map[string]orders.Value{"amount": {Kind: orders.ValueMoney, Number: 1250}},
			Asked: []adaptertest.Asked{{
				Query: orders.Query{Caller: number(t, poor), Name: "balance"},
				Want:  map[string]orders.Value{"balance": {Kind: orders.ValueMoney, Number: 50}},
			}},
			Typed: [2]orders.Query{home("13800210000"), home("13800280000")},
			Right: orders.Verification{Caller: who, Password: secret("135791")},
			Wrong: orders.Verification{Caller: who, Password: secret("135790")},
		},
	})
	for _, what := range []string{
		"POST " + orderPath + " 201", "GET " + orderPath + " 200", "GET " + productPath + " 200", "GET " + balancePath + " 200",
	} {
		if p.web.valid[what] == 0 {
			t.Errorf("no %s was held against its specification", what)
		}
	}
}
