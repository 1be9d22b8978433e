package bossd

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"hotline/internal/orders"
	"hotline/internal/orders/entry"
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

type bucket struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	UsageType string   `json:"usageType"`
	Status    string   `json:"status"`
	Remaining quantity `json:"remainingValue"`
}

type accumulated struct {
	ID      string        `json:"id"`
	Name    string        `json:"name"`
	Buckets []offeringRef `json:"bucket"` // a reference is an id here, too
	Total   quantity      `json:"totalBalance"`
}

// subscriber is whom a request without a body is about.
func (in inbound) subscriber() (orders.MSISDN, error) {
	return orders.ParseMSISDN(in.header.Get("X-Subscriber"))
}

// ask answers a query that a GET is about; the reply is what went wrong, if anything.
func (s *Server) ask(ctx context.Context, in inbound, name, service string) (map[string]orders.Value, *reply) {
	var f tmfFace
	number, err := in.subscriber()
	if err != nil {
		r := f.refuse(http.StatusBadRequest, "invalid_subscriber", "the header X-Subscriber names no subscriber: "+err.Error())
		return nil, &r
	}
	answer, err := s.boss.Query(ctx, orders.Query{Caller: number, Name: name, Service: service})
	if err == nil && answer.Outcome == orders.Success {
		return answer.Values, nil
	}
	r := f.refuse(http.StatusInternalServerError, "failed", "the BOSS has failed")
	if err != nil {
		r = s.failed(f, err)
	}
	return nil, &r
}

func (s *Server) listProducts(ctx context.Context, in inbound) reply {
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
	err := strictly(in.body, &body)
	var number orders.MSISDN
	if err == nil {
		number, err = orders.ParseMSISDN(body.Subscriber)
	}
	if err != nil {
		return f.refuse(http.StatusBadRequest, "invalid_body", err.Error())
	}
	answer, err := s.boss.Verify(ctx, orders.Verification{Caller: number, Password: entry.New(entry.Password, body.Password)})
	if err != nil {
		return s.failed(f, err)
	}
	return jsonDocument(http.StatusOK, extAnswer{Result: answer.Result})
}

func (s *Server) extQuery(ctx context.Context, in inbound) reply {
	var f tmfFace
	var body struct {
		Subscriber string            `json:"subscriber"`
		Name       string            `json:"name"`
		Service    string            `json:"service"`
		With       map[string]string `json:"with"`
	}
	err := strictly(in.body, &body)
	var number orders.MSISDN
	if err == nil {
		number, err = orders.ParseMSISDN(body.Subscriber)
	}
	if err != nil {
		return f.refuse(http.StatusBadRequest, "invalid_body", err.Error())
	}
	answer, err := s.boss.Query(ctx, orders.Query{Caller: number, Name: body.Name, Service: body.Service, With: typed(body.With)})
	if err != nil {
		return s.failed(f, err)
	}
	return jsonDocument(http.StatusOK, extAnswer{answer.Result, answer.Values})
}

func (s *Server) extPrices(ctx context.Context, _ inbound) reply {
	prices, err := s.boss.Prices(ctx)
	if err != nil {
		return s.failed(tmfFace{}, err)
	}
	type price struct {
		Service string       `json:"service"`
		Price   orders.Money `json:"price_fen"`
	}
	all := []price{}
	for _, service := range sorted(prices) {
		all = append(all, price{service, prices[service]})
	}
	return jsonDocument(http.StatusOK, all)
}
