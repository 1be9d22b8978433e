package bossd

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"hotline/internal/orders"
	"hotline/internal/orders/sandbox"
)

// tmfFace is the TM Forum Open APIs v4: TMF622 product ordering, TMF637 product inventory,
// TMF654 prepay balance, and an extension for what they have no word for.
type tmfFace struct{}

// The paths. The inventory's is productInventory in its specification and
// productInventoryManagement at most who serve it.
const (
	tmfOrdering    = "/tmf-api/productOrderingManagement/v4"
	tmfInventory   = "/tmf-api/productInventory/v4"
	tmfInventories = "/tmf-api/productInventoryManagement/v4"
	tmfBalance     = "/tmf-api/prepayBalanceManagement/v4"
	tmfExtension   = "/tmf-api/hotline/v1"
)

// tmfError is the error body of all of them (TMF630, REST API design guidelines).
type tmfError struct {
	Code   string `json:"code"`
	Reason string `json:"reason"`
	Status string `json:"status,omitempty"`
}

func (tmfFace) refuse(status int, code, reason string) reply {
	return jsonDocument(status, tmfError{code, reason, strconv.Itoa(status)})
}

// A product order (TMF622), in the fields that are used here.
type productOrder struct {
	ID             string             `json:"id,omitempty"`
	Href           string             `json:"href,omitempty"`
	ExternalID     string             `json:"externalId,omitempty"`
	State          string             `json:"state,omitempty"`
	OrderDate      *time.Time         `json:"orderDate,omitempty"`
	CompletionDate *time.Time         `json:"completionDate,omitempty"`
	RelatedParty   []relatedParty     `json:"relatedParty,omitempty"`
	Items          []productOrderItem `json:"productOrderItem"`
	Notes          []note             `json:"note,omitempty"`
}

type productOrderItem struct {
	ID       string       `json:"id"`
	Action   string       `json:"action"`
	State    string       `json:"state,omitempty"`
	Offering *offeringRef `json:"productOffering,omitempty"`
	Product  *product     `json:"product,omitempty"`
	Prices   []orderPrice `json:"itemPrice,omitempty"`
}

type offeringRef struct {
	ID string `json:"id"`
}

type relatedParty struct {
	ID           string `json:"id"`
	Role         string `json:"role,omitempty"`
	ReferredType string `json:"@referredType"`
}

// characteristic is what was typed for an order, or what a product was opened with. The
// specification allows any value; here all are texts, so that 0571 stays 0571.
type characteristic struct {
	Name      string `json:"name"`
	ValueType string `json:"valueType,omitempty"`
	Value     string `json:"value"`
}

// orderPrice is what the caller was told. A float would not do for money: json.Number is
// the digits as they were written.
type orderPrice struct {
	Type  string `json:"priceType,omitempty"`
	Price struct {
		TaxIncluded struct {
			Unit  string      `json:"unit"`
			Value json.Number `json:"value"`
		} `json:"taxIncludedAmount"`
	} `json:"price"`
}

// note says why an order was rejected: TMF622 has no other place for it before v4.1.
type note struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

func (s *Server) routeTMF(r chi.Router) {
	var f tmfFace
	r.Post(tmfOrdering+"/productOrder", s.serve(f, only(Submit, s.postOrder)))
	r.Get(tmfOrdering+"/productOrder", s.serve(f, only(Lookup, s.listOrders)))
	r.Get(tmfOrdering+"/productOrder/{id}", s.serve(f, only(Lookup, s.getOrder)))
	for _, base := range []string{tmfInventory, tmfInventories} {
		r.Get(base+"/product", s.serve(f, only(Query, s.listProducts)))
	}
	r.Get(tmfBalance+"/bucket", s.serve(f, only(Query, s.listBuckets)))
	r.Get(tmfBalance+"/accumulatedBalance", s.serve(f, only(Query, s.listBalances)))
	s.routeExtension(r)
}

// operation is the characteristic that says what is done with a service password.
const operation = "operation"

// wanted reads the order of a product order: one item for one customer.
func (p productOrder) wanted() (wish, error) {
	w := wish{key: p.ExternalID, params: map[string]string{}}
	if len(p.Items) != 1 {
		return wish{}, errors.New("an order has one productOrderItem here")
	}
	item := p.Items[0]
	if item.ID == "" || item.Offering == nil {
		return wish{}, errors.New("a productOrderItem needs an id and a productOffering")
	}
	w.service = item.Offering.ID
	// Others may be named, as who sells: theirs are other roles.
	for _, party := range p.RelatedParty {
		if party.Role == "" || party.Role == "customer" {
			w.number = party.ID
		}
	}
	if item.Product != nil {
		for _, c := range item.Product.Characteristics {
			w.params[c.Name] = c.Value
		}
	}
	switch item.Action {
	case "add":
		w.action = string(orders.Open)
	case "delete":
		w.action = string(orders.Close)
	case "modify":
		w.action = w.params[operation]
		delete(w.params, operation)
		if w.action == string(orders.Open) || w.action == string(orders.Close) {
			return wish{}, errors.New("what is opened is added, what is closed deleted")
		}
	default:
		return wish{}, errors.New("the action of an item is add, delete or modify here")
	}
	for _, price := range item.Prices {
		if price.Price.TaxIncluded.Unit != "CNY" {
			return wish{}, errors.New("the taxIncludedAmount of an itemPrice is in CNY")
		}
		var err error
		if w.price, err = yuan(price.Price.TaxIncluded.Value.String()); err != nil {
			return wish{}, err
		}
	}
	return w, nil
}

func (s *Server) postOrder(ctx context.Context, in inbound) reply {
	var f tmfFace
	var wanted productOrder
	if err := json.Unmarshal(in.body, &wanted); err != nil {
		return *badRequest(f, errors.New("the body is no product order of TMF622 v4")) // err would quote it
	}
	w, err := wanted.wanted()
	if err != nil {
		return *badRequest(f, err)
	}
	answer, wrong := s.order(ctx, f, in, w)
	if wrong != nil {
		return *wrong
	}
	if answer.Outcome == orders.SystemFailed { // it is on no record: nothing was done
		now := time.Now().UTC()
		e := sandbox.Entry{Answer: answer, Key: w.key, Service: w.service, Action: orders.Action(w.action), At: now, Due: now}
		return jsonDocument(http.StatusCreated, shown(e))
	}
	// What is told is what is on record: when it was decided, and what was decided about.
	e, err := s.boss.Recorded(ctx, w.key)
	if err != nil {
		return *s.failed(f, errors.Join(orders.ErrAnswerLost, err))
	}
	// Between the two an accepted order may have been carried out.
	if e, err = s.told(e, nil); err != nil {
		s.fallBehind(err)
		return reply{cut: true}
	}
	return jsonDocument(http.StatusCreated, shown(e))
}

// state is that of an order and of its only item: an accepted one is acknowledged for
// the first half of its time.
func state(e sandbox.Entry) string {
	switch e.Outcome {
	case orders.Success:
		return "completed"
	case orders.Unknown:
		if now := time.Now(); now.Sub(e.At) < e.Due.Sub(now) {
			return "acknowledged"
		}
		return "inProgress"
	case orders.SystemFailed:
		return "failed"
	}
	return "rejected"
}

// shown is an order without what it was about: the number and what was typed are told
// to nobody.
func shown(e sandbox.Entry) productOrder {
	action := map[orders.Action]string{orders.Open: "add", orders.Close: "delete"}[e.Action]
	if action == "" {
		action = "modify"
	}
	at := e.At.UTC()
	p := productOrder{
		ID: e.BossRef, Href: tmfOrdering + "/productOrder/" + e.BossRef, ExternalID: e.Key, State: state(e), OrderDate: &at,
		Items: []productOrderItem{{ID: "1", Action: action, State: state(e), Offering: &offeringRef{e.Service}}},
	}
	switch p.State {
	case "completed":
		p.CompletionDate = &at
	case "rejected":
		p.Notes = []note{{ID: "reason", Text: string(e.Detail)}}
	}
	return p
}

func (s *Server) listOrders(ctx context.Context, in inbound) reply {
	var f tmfFace
	key := in.query.Get("externalId")
	if key == "" {
		return f.refuse(http.StatusBadRequest, "invalid_query", "orders are listed by externalId only")
	}
	e, err := s.told(s.boss.Entry(ctx, key))
	switch {
	case errors.Is(err, orders.ErrNotFound):
		return jsonDocument(http.StatusOK, []productOrder{})
	case err != nil:
		return *s.failed(f, err)
	}
	return jsonDocument(http.StatusOK, []productOrder{shown(e)})
}

func (s *Server) getOrder(ctx context.Context, in inbound) reply {
	var f tmfFace
	e, err := s.told(s.boss.EntryOf(ctx, in.id))
	if err != nil {
		return *s.failed(f, err)
	}
	return jsonDocument(http.StatusOK, shown(e))
}
