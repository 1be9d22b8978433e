package bossd

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"hotline/internal/orders"
	"hotline/internal/orders/entry"
)

// What is read of requests. No error quotes what it was read from: that may be a secret.

// typedKinds are what a caller typed, by the name under which it comes; any other name
// is digits.
var typedKinds = map[string]entry.Kind{
	"amount": entry.Amount, "month": entry.Month, "phone": entry.Phone,
	"id_card": entry.IDCard, "old_password": entry.Password, "new_password": entry.Password,
}

func typed(params map[string]string) orders.With {
	with := orders.With{}
	for name, text := range params {
		kind, known := typedKinds[name]
		if !known {
			kind = entry.Digits
		}
		with[name] = entry.New(kind, text)
	}
	return with
}

// actions are those of orders, in the words of the private faces.
var actions = []orders.Action{orders.Open, orders.Close, orders.Apply, orders.Change, orders.Reset}

// wish is an order as the faces take it in.
type wish struct {
	key, number, service, action string
	price                        orders.Money
	params                       map[string]string
}

func (w wish) order() (orders.Order, error) {
	number, err := orders.ParseMSISDN(w.number)
	action := orders.Action(w.action)
	switch {
	case err != nil:
		return orders.Order{}, err
	case w.key == "" || len(w.key) > keyLimit:
		return orders.Order{}, fmt.Errorf("the idempotency key has %d characters: it needs 1 to %d", len(w.key), keyLimit)
	case w.service == "":
		return orders.Order{}, errors.New("no service is named")
	case !slices.Contains(actions, action):
		return orders.Order{}, fmt.Errorf("no such action (there are %s)", list(actions))
	}
	return orders.Order{Key: w.key, Caller: number, Service: w.service, Action: action, Price: w.price, With: typed(w.params)}, nil
}

// given are the parameters that have something in them: forms send all their fields.
func given(params map[string]string) map[string]string {
	maps.DeleteFunc(params, func(_, text string) bool { return text == "" })
	return params
}

// typedMonth makes of a month in a layout of package time what a caller types, or an error.
func typedMonth(layout, text string) (string, error) {
	if text == "" {
		return "", nil
	}
	month, err := time.Parse(layout, text)
	if err != nil {
		return "", errors.New("the month is none, or not written as months are here")
	}
	return month.Format("0601"), nil
}

// day writes the number of a ValueDate in a layout of package time, month that of a ValueMonth.
func day(v orders.Value, layout string) string {
	return time.Date(int(v.Number/10000), time.Month(v.Number/100%100), int(v.Number%100), 0, 0, 0, 0, time.UTC).Format(layout)
}

func month(v orders.Value, layout string) string {
	return time.Date(int(v.Number/100), time.Month(v.Number%100), 1, 0, 0, 0, 0, time.UTC).Format(layout)
}

// listed gives the words of a ValueList.
func listed(v orders.Value) []string {
	return strings.FieldsFunc(v.Word, func(r rune) bool { return r == ',' })
}

// yuan reads an amount with up to two decimals: "6", "6.5" and "6.50" are 650 fen.
func yuan(text string) (orders.Money, error) {
	whole, part, _ := strings.Cut(text, ".")
	fen, err := strconv.ParseInt(whole+(part + "00")[:2], 10, 64)
	if err != nil || len(part) > 2 || fen < 0 || whole == "" {
		return 0, errors.New("the price is no amount in yuan with up to two decimals")
	}
	return orders.Money(fen), nil
}

// sorted gives the keys of a map in a stable order.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
