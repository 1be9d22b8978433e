package tmf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"hotline/internal/orders"
)

// confirmed is the result of a query that was answered.
var confirmed = orders.Result{Outcome: orders.Success, Detail: orders.Confirmed}

// Query answers balance out of TMF654, status and opened_services out of TMF637, and any
// other where the BOSS offers that. One that it does not offer is ErrNotSent.
//
//	balance          {balance: money}
//	status           {state: word open or closed, services: list}, and the money with which it was opened,
//	                 by its name; of Query.Service, a service or, with the extension, a family
//	opened_services  {services: list, count}
func (b *Boss) Query(ctx context.Context, q orders.Query) (orders.Answer, error) {
	answer, err := b.query(ctx, q)
	if err != nil {
		return orders.Answer{}, fmt.Errorf("ask the BOSS for %q: %w", q.Name, err)
	}
	return answer, nil
}

func (b *Boss) query(ctx context.Context, q orders.Query) (orders.Answer, error) {
	if q.Caller.IsZero() && !q.Anyone {
		return orders.Answer{}, fmt.Errorf("%w: a query needs a caller", orders.ErrNotSent)
	}
	var values map[string]orders.Value
	var err error
	if q.Anyone { // the APIs of TM Forum are all about somebody
		return b.extended(ctx, q)
	}
	switch q.Name {
	case "balance":
		values, err = b.balance(ctx, q.Caller)
	case "status":
		values, err = b.status(ctx, q.Caller, q.Service)
	case "opened_services":
		values, err = b.openedServices(ctx, q.Caller)
	default:
		return b.extended(ctx, q)
	}
	if err != nil {
		return orders.Answer{}, err
	}
	return orders.Answer{Result: confirmed, Values: values}, nil
}

// list asks for a list about a subscriber, who is named in the header: the filter of TMF630,
// relatedParty.id in the query, would leave the number in every log on the way.
func list[T any](ctx context.Context, b *Boss, who orders.MSISDN, path string, query url.Values) ([]T, error) {
	r, err := b.exchange(ctx, request{method: http.MethodGet, path: path, query: query, subscriber: who})
	if err != nil {
		return nil, err
	}
	if r.status != http.StatusOK {
		return nil, r.unanswered(b.offered().vouched)
	}
	var all []T
	if err := decodeList(r, &all); err != nil {
		return nil, err
	}
	return all, nil
}

// balance takes the one accumulated balance of money: adding up buckets is the BOSS's
// work, which knows which of them count.
func (b *Boss) balance(ctx context.Context, who orders.MSISDN) (map[string]orders.Value, error) {
	all, err := list[accumulatedBalance](ctx, b, who, balances, nil)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(a accumulatedBalance) bool { return a.Total.Units != currency })
	if len(all) != 1 || all[0].Total.Amount == nil {
		return nil, fmt.Errorf("the reply has %d balances in %s, not one with an amount", len(all), currency)
	}
	fen, err := yuan(all[0].Total.Amount.String())
	return map[string]orders.Value{"balance": {Kind: orders.ValueMoney, Number: int64(fen)}}, err
}

// opened tells whether a subscriber has the product: until it is terminated he does,
// used or not, and from when it is active.
var opened = map[string]bool{
	"active": true, "suspended": true, "pendingTerminate": true,
	"created": false, "pendingActive": false, "cancelled": false, "terminated": false, "aborted": false,
}

// products lists what a subscriber has; offering "" is all of it.
func (b *Boss) products(ctx context.Context, who orders.MSISDN, offering string) ([]product, error) {
	var filter url.Values
	if offering != "" {
		filter = url.Values{"productOffering.id": {offering}}
	}
	all, err := list[product](ctx, b, who, inventory, filter)
	if err != nil {
		return nil, err
	}
	var has []product
	for _, p := range all {
		is, known := opened[strings.TrimSpace(p.Status)] // the specification has "aborted "
		switch {
		case !known:
			return nil, errors.New("the reply has a product in no status of TMF637")
		case p.Offering == nil || p.Offering.ID == "" || strings.Contains(p.Offering.ID, ","):
			return nil, errors.New("the reply has a product of no offering")
		case is:
			has = append(has, p)
		}
	}
	return has, nil
}

// services are the offerings of products as a value: words in order, each once. Their ids are
// the words by which menus know services, as in orders.
func services(all []product) (orders.Value, int) {
	var ids []string
	for _, p := range all {
		ids = append(ids, p.Offering.ID)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	return orders.Value{Kind: orders.ValueList, Word: strings.Join(ids, ",")}, len(ids)
}

func (b *Boss) openedServices(ctx context.Context, who orders.MSISDN) (map[string]orders.Value, error) {
	all, err := b.products(ctx, who, "")
	if err != nil {
		return nil, err
	}
	words, n := services(all)
	return map[string]orders.Value{"services": words, "count": {Kind: orders.ValueCount, Number: int64(n)}}, nil
}

func (b *Boss) status(ctx context.Context, who orders.MSISDN, service string) (map[string]orders.Value, error) {
	if service == "" {
		return nil, fmt.Errorf("%w: a status needs a service", orders.ErrNotSent)
	}
	// Whether products of other offerings are of the family that was asked for, or of a
	// BOSS that knows no such filter, only the extension tells: it is described there.
	known, err := b.ensureOffer(ctx)
	if err != nil {
		return nil, err
	}
	all, err := b.products(ctx, who, service)
	if err != nil {
		return nil, err
	}
	if !known.there {
		others := len(all)
		all = slices.DeleteFunc(all, func(p product) bool { return p.Offering.ID != service })
		if others > 0 && len(all) == 0 {
			return nil, errors.New("the reply has only products of other offerings, and this BOSS does not say what they are of")
		}
	}
	values := map[string]orders.Value{}
	for _, p := range all {
		for _, c := range p.Characteristics {
			if c.ValueType != "money" {
				continue // of no kind that a menu could say
			}
			fen, err := yuan(fmt.Sprint(c.Value))
			if err != nil {
				return nil, err
			}
			values[c.Name] = orders.Value{Kind: orders.ValueMoney, Number: int64(fen)}
		}
	}
	// Last, as a characteristic may be named like one of these.
	values["state"] = orders.Value{Kind: orders.ValueWord, Word: "closed"}
	if len(all) > 0 {
		values["state"] = orders.Value{Kind: orders.ValueWord, Word: "open"}
	}
	values["services"], _ = services(all)
	return values, nil
}

// extended asks by the extension.
func (b *Boss) extended(ctx context.Context, q orders.Query) (orders.Answer, error) {
	with := map[string]string{}
	for name, e := range q.With {
		with[name] = e.Reveal()
	}
	body := struct {
		Subscriber string            `json:"subscriber,omitempty"`
		Name       string            `json:"name"`
		Service    string            `json:"service,omitempty"`
		With       map[string]string `json:"with,omitempty"`
	}{q.Caller.Reveal(), q.Name, q.Service, with}
	a, err := b.extend(ctx, "/query", body, func(o offer) bool { return o.Query })
	switch {
	case err != nil:
		return orders.Answer{}, err
	case a.Outcome != orders.Success && a.Outcome != orders.Rejected:
		return orders.Answer{}, errors.New("the reply has a result that a query cannot have")
	case a.Outcome == orders.Success && len(a.Values) == 0:
		return orders.Answer{}, errors.New("the reply has a success without values")
	}
	for _, v := range a.Values {
		if !kinds[v.Kind] {
			return orders.Answer{}, errors.New("the reply has a value of no known kind")
		}
	}
	return orders.Answer{Result: a.Result, Values: a.Values}, nil
}

// kinds are those of all values there are. A menu that is given another would say nothing.
var kinds = map[orders.ValueKind]bool{
	orders.ValueMoney: true, orders.ValueCount: true, orders.ValueWord: true, orders.ValueDate: true, orders.ValueMonth: true,
	orders.ValueTime: true, orders.ValueCode: true, orders.ValuePhone: true, orders.ValueList: true,
}

// Verify tells whether a caller knows the service password, by the extension. Nothing but a
// plain yes lets anybody through: a reply that is anything else is an error.
func (b *Boss) Verify(ctx context.Context, v orders.Verification) (orders.Answer, error) {
	body := struct {
		Subscriber string `json:"subscriber"`
		Password   string `json:"password"`
	}{v.Caller.Reveal(), v.Password.Reveal()}
	a, err := b.extend(ctx, "/verify", body, func(o offer) bool { return o.Verify })
	if err == nil && a.Result != confirmed && a.Outcome != orders.AuthFailed {
		err = errors.New("the reply has a result that a verification cannot have")
	}
	if err != nil {
		return orders.Answer{}, fmt.Errorf("have a password verified by the BOSS: %w", err)
	}
	return orders.Answer{Result: a.Result}, nil
}

// extAnswer is what the extension says of a query or a password.
type extAnswer struct {
	orders.Result
	Values map[string]orders.Value `json:"values"`
}

// extend posts to the extension, if that is offered.
func (b *Boss) extend(ctx context.Context, path string, body any, offered func(offer) bool) (a extAnswer, _ error) {
	if err := b.wants(ctx, offered); err != nil {
		return a, err
	}
	r, err := b.exchange(ctx, request{method: http.MethodPost, path: extension + path, body: body})
	if err != nil {
		return a, err
	}
	if r.status != http.StatusOK {
		return a, r.unanswered(b.offered().vouched)
	}
	if err := decode(r.body, &a); err != nil {
		return a, err
	}
	if !a.Result.Valid() {
		return a, errors.New("the reply has a result that there is not")
	}
	return a, nil
}

// wants is nil where the BOSS offers what is wanted of the extension.
func (b *Boss) wants(ctx context.Context, offered func(offer) bool) error {
	o, err := b.ensureOffer(ctx)
	if err != nil {
		return err
	}
	if !o.there || !offered(o) {
		return fmt.Errorf("%w: this BOSS does not offer that", orders.ErrNotSent)
	}
	return nil
}

// Prices tells what each service costs a month, by the extension; nil where the BOSS does
// not offer that.
func (b *Boss) Prices(ctx context.Context) (map[string]orders.Money, error) {
	prices, err := b.prices(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask the BOSS for its prices: %w", err)
	}
	return prices, nil
}

func (b *Boss) prices(ctx context.Context) (map[string]orders.Money, error) {
	if o, err := b.ensureOffer(ctx); err != nil || !o.there || !o.Prices {
		return nil, err
	}
	r, err := b.exchange(ctx, request{method: http.MethodGet, path: extension + "/price"})
	if err != nil {
		return nil, err
	}
	if r.status != http.StatusOK {
		return nil, r.unanswered(b.offered().vouched)
	}
	var all []struct {
		Service string       `json:"service"`
		Fen     *json.Number `json:"price_fen"`
	}
	if err := decodeList(r, &all); err != nil {
		return nil, err
	}
	// A price that cannot be read is an error of them all: one that is missing would pass for
	// a service that the BOSS does not have.
	prices := map[string]orders.Money{}
	for _, p := range all {
		if p.Service == "" || p.Fen == nil {
			return nil, errors.New("the reply has a price that is none")
		}
		fen, err := p.Fen.Int64()
		if _, twice := prices[p.Service]; twice || err != nil || fen < 0 {
			return nil, errors.New("the reply has a price that is none, or two of one service")
		}
		prices[p.Service] = orders.Money(fen)
	}
	return prices, nil
}
