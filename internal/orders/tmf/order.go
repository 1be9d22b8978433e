package tmf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"hotline/internal/orders"
)

// operation is the characteristic that says what is done with a service password, as an
// item of TMF622 can only be modified.
const operation = "operation"

// currency is the unit of every amount (ISO 4217).
const currency = "CNY"

// Submit posts a product order of one item, and asks for it again, ever more slowly, while
// it is only accepted. Where that lasts to the end of ctx, or of Options.Patience, the
// answer is Unknown.
func (b *Boss) Submit(ctx context.Context, o orders.Order) (orders.Answer, error) {
	answer, err := b.submit(ctx, o)
	if err != nil {
		return orders.Answer{}, fmt.Errorf("submit order %s to the BOSS: %w", o.ID, err)
	}
	if answer.Outcome == orders.Unknown {
		answer = b.await(ctx, o.Key, answer)
	}
	return discreet(answer, o), nil
}

func (b *Boss) submit(ctx context.Context, o orders.Order) (orders.Answer, error) {
	wanted, err := newOrder(o)
	if err != nil {
		return orders.Answer{}, fmt.Errorf("%w: %w", orders.ErrNotSent, err)
	}
	r, err := b.exchange(ctx, request{method: http.MethodPost, path: ordering, body: wanted})
	if err != nil {
		return orders.Answer{}, err
	}
	// 201 by the specification; others of the 2xx come with the order as well.
	if r.status < 200 || r.status > 299 {
		return orders.Answer{}, r.failure(b.offered().vouched)
	}
	// Whatever is wrong with it from here on: something at the BOSS has taken the order.
	var got productOrder
	if err := decode(r.body, &got); err != nil {
		return orders.Answer{}, fmt.Errorf("%w: %w", orders.ErrAnswerLost, err)
	}
	answer, err := got.answer(o.Key)
	if err == nil && !got.resembles(wanted) {
		err = errors.New("the order of this key is about something else")
	}
	if err != nil {
		return orders.Answer{}, fmt.Errorf("%w: %w", orders.ErrAnswerLost, err)
	}
	return answer, nil
}

// newOrder says in the words of TMF622 what is wanted.
func newOrder(o orders.Order) (productOrder, error) {
	var typed []characteristic
	item := orderItem{ID: "1", Offering: reference{o.Service}}
	switch o.Action {
	case orders.Open:
		item.Action = "add"
	case orders.Close:
		item.Action = "delete"
	case orders.Apply, orders.Change, orders.Reset:
		item.Action = "modify"
		typed = append(typed, characteristic{Name: operation, Value: string(o.Action)})
	default:
		return productOrder{}, fmt.Errorf("TMF622 has no action for %q", o.Action)
	}
	if o.Key == "" || o.Service == "" || o.Caller.IsZero() {
		return productOrder{}, errors.New("an order needs a key, a service and a caller")
	}
	// In order, so that the same order is the same bytes whenever it is sent.
	for _, name := range slices.Sorted(maps.Keys(o.With)) {
		if name == operation && item.Action == "modify" {
			return productOrder{}, errors.New("what is typed for a password cannot be named operation here")
		}
		typed = append(typed, characteristic{Name: name, Value: o.With[name].Reveal()})
	}
	if typed != nil {
		item.Product = &product{Characteristics: typed}
	}
	// What the caller was told. A BOSS that charges something else has to refuse.
	item.Prices = []itemPrice{{
		Type: "recurring", Period: "month",
		Price: price{money{currency, json.Number(o.Price.String())}},
	}}
	return productOrder{
		ExternalID: o.Key,
		Parties:    []party{{o.Caller.Reveal(), "customer", "Individual"}},
		Items:      []orderItem{item},
	}, nil
}

// resembles tells whether an order of the BOSS is the one that was sent: a key that was
// used for something else before gets the answer of that.
func (p productOrder) resembles(sent productOrder) bool {
	got, want := p.Items[0], sent.Items[0]
	return got.Action == want.Action && (got.Offering.ID == "" || got.Offering.ID == want.Offering.ID)
}

// await asks what became of an accepted order until it is known. An error says nothing
// new: the BOSS has the order.
func (b *Boss) await(ctx context.Context, key string, accepted orders.Answer) orders.Answer {
	ctx, cancel := context.WithTimeout(ctx, b.patience)
	defer cancel()
	for wait := b.poll; ; wait = min(2*wait, 10*b.poll) {
		select {
		case <-ctx.Done():
			return accepted
		case <-time.After(wait):
		}
		asking, cancel := context.WithTimeout(ctx, pollWait)
		found, err := b.find(asking, key)
		cancel()
		if err == nil && found.Outcome != orders.Unknown {
			return found
		}
	}
}

// pollWait is how long one question of await may take, so that one that is lost is not
// the last.
const pollWait = 5 * time.Second

// discreet takes the caller's number and what else is private out of the reference of the
// BOSS, should it be made of them: it is stored, and shown to people.
func discreet(a orders.Answer, o orders.Order) orders.Answer {
	a.BossRef = strings.ReplaceAll(a.BossRef, o.Caller.Reveal(), o.Caller.String())
	for _, e := range o.With {
		if e.Kind().Private() && !e.IsZero() {
			a.BossRef = strings.ReplaceAll(a.BossRef, e.Reveal(), e.String())
		}
	}
	return a
}

// Lookup tells what became of the order with this externalId; Unknown while the BOSS has
// only accepted it.
func (b *Boss) Lookup(ctx context.Context, key string) (orders.Answer, error) {
	answer, err := b.find(ctx, key)
	if err != nil {
		return orders.Answer{}, fmt.Errorf("look up the order of key %s at the BOSS: %w", key, err)
	}
	return answer, nil
}

func (b *Boss) find(ctx context.Context, key string) (orders.Answer, error) {
	if key == "" {
		return orders.Answer{}, fmt.Errorf("%w: an order needs a key", orders.ErrNotSent)
	}
	r, err := b.exchange(ctx, request{method: http.MethodGet, path: ordering, query: url.Values{"externalId": {key}}})
	if err != nil {
		return orders.Answer{}, err
	}
	if r.status == http.StatusNotFound {
		// Bare, it may come from anybody on the way, and "not found" ends an order.
		if _, told := r.refusal(); told {
			return orders.Answer{}, orders.ErrNotFound
		}
	}
	// 206 is a part of a list as well, and an order may be in the other (TMF630).
	if r.status != http.StatusOK {
		return orders.Answer{}, r.failure(false)
	}
	var list []productOrder
	if err := decodeList(r, &list); err != nil {
		return orders.Answer{}, err
	}
	return choose(list, key)
}

// decodeList reads a list that is whole: of a part of it nothing follows (TMF630: 206, a
// count in the header, or a link to the next part, RFC 8288).
func decodeList[T any](r reply, into *[]T) error {
	if err := decode(r.body, into); err != nil {
		return err
	}
	if *into == nil {
		return errors.New("the reply is no list") // but null
	}
	total := r.header.Get("X-Total-Count")
	if n, err := strconv.Atoi(total); total != "" && (err != nil || n != len(*into)) {
		return errors.New("the reply is only a part of the list")
	}
	for _, links := range r.header.Values("Link") {
		if nextPart.MatchString(links) {
			return errors.New("the reply is only a part of the list")
		}
	}
	return nil
}

// nextPart finds the relation "next", which may be one of several, with or without quotes.
var nextPart = regexp.MustCompile(`(?i);\s*rel\s*=\s*("([^"]*\s)?next(\s[^"]*)?"|next(\s*[;,]|\s*$))`)

// choose gives the answer of the one order of a key. TMF622 does not keep two orders from
// having the same: where a BOSS has let that happen, those without effect stand back behind
// one that had it, or still may; two of the latter are for a person.
func choose(list []productOrder, key string) (orders.Answer, error) {
	var acting, idle []orders.Answer // idle: it had no effect and never will
	listed := map[string]bool{}
	for _, p := range list {
		answer, err := p.answer(key)
		if err != nil {
			return orders.Answer{}, err
		}
		same := p.ID + " " + answer.Result.String()
		if p.ID != "" && listed[same] {
			continue
		}
		listed[same] = true
		if answer.Outcome == orders.Success || answer.Outcome == orders.Unknown {
			acting = append(acting, answer)
		} else {
			idle = append(idle, answer)
		}
	}
	switch {
	case len(acting) == 1:
		return acting[0], nil
	case len(acting) > 1:
		return orders.Answer{}, fmt.Errorf("the BOSS has %d orders of this key that may act", len(acting))
	case len(idle) == 0:
		return orders.Answer{}, orders.ErrNotFound
	}
	for _, other := range idle[1:] {
		if other.Result != idle[0].Result {
			return orders.Answer{}, fmt.Errorf("the BOSS has orders of this key that ended as %v and as %v", idle[0].Result, other.Result)
		}
	}
	return idle[0], nil
}
