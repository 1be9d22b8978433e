package bossd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"hotline/internal/orders"
)

// product is one of TMF637, and in a product order what was typed for it.
type product struct {
	ID              string           `json:"id,omitempty"`
	Name            string           `json:"name,omitempty"`
	Status          string           `json:"status,omitempty"`
	Offering        *offeringRef     `json:"productOffering,omitempty"`
	Characteristics []characteristic `json:"productCharacteristic,omitempty"`
}

// quantity is an amount of TMF654.
type quantity struct {
	Amount json.Number `json:"amount"`
	Units  string      `json:"units"`
}

// bucket is one of TMF654: what there is to spend, without what it is owed to.
type bucket struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	UsageType string   `json:"usageType"`
	Status    string   `json:"status"`
	Remaining quantity `json:"remainingValue"`
}

// accumulated is the balance over all buckets, of which there is one.
type accumulated struct {
	ID      string        `json:"id"`
	Name    string        `json:"name"`
	Buckets []offeringRef `json:"bucket"` // a reference is an id here, too
	Total   quantity      `json:"totalBalance"`
}

// ask answers the query that a GET is about: it has no body, so that the subscriber is in a
// header.
func (s *Server) ask(ctx context.Context, in inbound, name, service string) (map[string]orders.Value, *reply) {
	var f tmfFace
	number := in.header.Get("X-Subscriber")
	if number == "" {
		return nil, badRequest(f, errors.New("the header X-Subscriber is missing"))
	}
	answer, wrong := s.query(ctx, f, number, orders.Query{Name: name, Service: service})
	if wrong == nil && answer.Outcome != orders.Success {
		// None of these can be refused: it was told to fail.
		wrong = s.failed(f, fmt.Errorf("query %s: %s", name, answer.Result))
	}
	return answer.Values, wrong
}

func (s *Server) listProducts(ctx context.Context, in inbound) reply {
	// An offering may be a family: the status of one is what is open of it.
	name, offering := "opened_services", in.query.Get("productOffering.id")
	if offering != "" {
		name = "status"
	}
	values, wrong := s.ask(ctx, in, name, offering)
	if wrong != nil {
		return *wrong
	}
	all := []product{}
	for service := range strings.SplitSeq(values["services"].Word, ",") {
		if service == "" {
			continue
		}
		p := product{ID: service, Name: service, Status: "active", Offering: &offeringRef{service}}
		if amount, there := values["amount"]; there {
			p.Characteristics = []characteristic{{"amount", "money", orders.Money(amount.Number).String()}}
		}
		all = append(all, p)
	}
	return jsonDocument(http.StatusOK, all)
}

// money is the balance of the account, the only bucket there is.
func (s *Server) money(ctx context.Context, in inbound) (quantity, *reply) {
	values, wrong := s.ask(ctx, in, "balance", "")
	if wrong != nil {
		return quantity{}, wrong
	}
	return quantity{json.Number(orders.Money(values["balance"].Number).String()), "CNY"}, nil
}

func (s *Server) listBuckets(ctx context.Context, in inbound) reply {
	amount, wrong := s.money(ctx, in)
	if wrong != nil {
		return *wrong
	}
	return jsonDocument(http.StatusOK, []bucket{{"balance", "balance", "monetary", "active", amount}})
}

func (s *Server) listBalances(ctx context.Context, in inbound) reply {
	amount, wrong := s.money(ctx, in)
	if wrong != nil {
		return *wrong
	}
	return jsonDocument(http.StatusOK, []accumulated{{"balance", "balance", []offeringRef{{"balance"}}, amount}})
}

func (s *Server) routeExtension(r chi.Router) {
	var f tmfFace
	r.Get(tmfExtension+"/", s.serve(f, only(Query, s.extension)))
	r.Post(tmfExtension+"/verify", s.serve(f, only(Verify, s.extVerify)))
	r.Post(tmfExtension+"/query", s.serve(f, only(Query, s.extQuery)))
	r.Get(tmfExtension+"/price", s.serve(f, only(Prices, s.extPrices)))
}

// extension says what of it is there.
func (s *Server) extension(context.Context, inbound) reply {
	can := s.boss.Capabilities()
	return jsonDocument(http.StatusOK, map[string]bool{
		"idempotent": can.Idempotent, "queryable": can.Queryable, "prices": can.Prices, "verify": true, "query": true,
	})
}

// extAnswer is what the extension says of a query or a password.
type extAnswer struct {
	orders.Result
	Values map[string]orders.Value `json:"values,omitempty"`
}

func (s *Server) extVerify(ctx context.Context, in inbound) reply {
	var f tmfFace
	var body struct {
		Subscriber string `json:"subscriber"`
		Password   string `json:"password"`
	}
	if err := strictly(in.body, &body); err != nil {
		return *badRequest(f, err)
	}
	result, wrong := s.verify(ctx, f, body.Subscriber, body.Password)
	if wrong != nil {
		return *wrong
	}
	return jsonDocument(http.StatusOK, extAnswer{Result: result})
}

func (s *Server) extQuery(ctx context.Context, in inbound) reply {
	var f tmfFace
	var body struct {
		Subscriber string            `json:"subscriber"`
		Name       string            `json:"name"`
		Service    string            `json:"service"`
		With       map[string]string `json:"with"`
	}
	if err := strictly(in.body, &body); err != nil {
		return *badRequest(f, err)
	}
	answer, wrong := s.query(ctx, f, body.Subscriber, orders.Query{Name: body.Name, Service: body.Service, With: typed(body.With)})
	if wrong != nil {
		return *wrong
	}
	return jsonDocument(http.StatusOK, extAnswer{answer.Result, answer.Values})
}

func (s *Server) extPrices(ctx context.Context, _ inbound) reply {
	prices, wrong := s.prices(ctx, tmfFace{})
	if wrong != nil {
		return *wrong
	}
	type price struct {
		Service string       `json:"service"`
		Price   orders.Money `json:"price_fen"`
	}
	all := []price{}
	for _, p := range prices {
		all = append(all, price{p.service, p.price})
	}
	return jsonDocument(http.StatusOK, all)
}
