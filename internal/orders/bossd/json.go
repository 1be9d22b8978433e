package bossd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"hotline/internal/orders"
	"hotline/internal/orders/sandbox"
)

// jsonFace is a private interface as newer BOSSes have it: words as codes, statuses that
// mean something, amounts in fen. deploy/boss/json.yaml describes it.
type jsonFace struct{}

// jsonReply is every reply of it.
type jsonReply struct {
	Code    string       `json:"code"`
	Message string       `json:"message"`
	OrderNo string       `json:"orderNo,omitempty"`
	Data    any          `json:"data,omitempty"`
	Prices  []jsonPriced `json:"prices,omitempty"`
}

type jsonPriced struct {
	Product string       `json:"product"`
	Fee     orders.Money `json:"fee"` // fen
}

// refuse says in the words of this face what all say of requests that come to nothing.
func (jsonFace) refuse(status int, code, reason string) reply {
	word := map[string]string{"failed": "FAILED", "unavailable": "BUSY", "busy": "BUSY", "no_such_order": "NOT_FOUND"}[code]
	switch {
	case word != "":
	case status < http.StatusInternalServerError:
		word = "BAD_REQUEST"
	default:
		word = "INTERNAL"
	}
	return jsonDocument(status, jsonReply{Code: word, Message: reason})
}

func jsonDocument(status int, what any) reply {
	body, err := json.Marshal(what)
	if err != nil {
		// Only of a type that cannot be marshalled, which none here is.
		return reply{status: http.StatusInternalServerError, kind: "text/plain"}
	}
	return reply{status: status, kind: "application/json", body: body}
}

// strictly reads one JSON document and nothing else. Its error does not quote it.
func strictly(text []byte, into any) error {
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields()
	if err := in.Decode(into); err != nil || in.More() {
		return errors.New("the body is not the document that is documented")
	}
	return nil
}

func (s *Server) routeJSON(r chi.Router) {
	var f jsonFace
	r.Post("/json/orders", s.serve(f, only(Submit, s.jsonOrder)))
	r.Get("/json/orders/{id}", s.serve(f, only(Lookup, s.jsonFind)))
	r.Post("/json/queries/{id}", s.serve(f, only(Query, s.jsonQuery)))
	r.Post("/json/verify", s.serve(f, only(Verify, s.jsonVerify)))
	r.Get("/json/prices", s.serve(f, only(Prices, s.jsonPrices)))
}

// result is what the face says of an order, a query or a password.
func (jsonFace) result(r orders.Result, with jsonReply) reply {
	status := http.StatusOK
	with.Code, with.Message = strings.ToUpper(string(r.Detail)), r.String()
	switch {
	case r.Outcome == orders.Success:
		with.Code = "OK"
	case r.Outcome == orders.Unknown:
		with.Code, status = "ACCEPTED", http.StatusAccepted
	case r.Outcome == orders.SystemFailed:
		with.Code = "FAILED"
	case r.Detail == orders.Other:
		with.Code = "REFUSED"
	}
	return jsonDocument(status, with)
}

func (s *Server) jsonOrder(ctx context.Context, in inbound) reply {
	var f jsonFace
	var body struct {
		Key         string        `json:"key"`
		Number      string        `json:"msisdn"`
		Product     string        `json:"product"`
		Action      string        `json:"action"`
		Fee         orders.Money  `json:"fee"`  // fen
		Test        bool          `json:"test"` // the hotline's business: it acts all the same
		Threshold   *orders.Money `json:"threshold"`
		IDCard      string        `json:"idCard"`
		OldPassword string        `json:"oldPassword"`
		NewPassword string        `json:"newPassword"`
	}
	if err := strictly(in.body, &body); err != nil {
		return *badRequest(f, err)
	}
	params := map[string]string{"id_card": body.IDCard, "old_password": body.OldPassword, "new_password": body.NewPassword}
	if body.Threshold != nil {
		params["amount"] = body.Threshold.String()
	}
	answer, wrong := s.order(ctx, f, in, wish{body.Key, body.Number, body.Product, body.Action, body.Fee, given(params)})
	if wrong != nil {
		return *wrong
	}
	return f.result(answer.Result, jsonReply{OrderNo: answer.BossRef})
}

// jsonFind has the key in its URL: it is no secret, and no number.
func (s *Server) jsonFind(ctx context.Context, in inbound) reply {
	var f jsonFace
	e, wrong := s.find(ctx, f, in.id)
	if wrong != nil {
		return *wrong
	}
	return f.result(e.Result, jsonReply{OrderNo: e.BossRef})
}

func (s *Server) jsonQuery(ctx context.Context, in inbound) reply {
	var f jsonFace
	var body struct {
		Number  string `json:"msisdn"`
		Product string `json:"product"`
		Month   string `json:"month"` // 2026-10
		Phone   string `json:"phone"`
	}
	err := strictly(in.body, &body)
	var of string
	if err == nil {
		of, err = typedMonth("2006-01", body.Month)
	}
	if err != nil {
		return *badRequest(f, err)
	}
	with := typed(given(map[string]string{"month": of, "phone": body.Phone}))
	answer, wrong := s.query(ctx, f, body.Number, orders.Query{Name: in.id, Service: body.Product, With: with})
	if wrong != nil {
		return *wrong
	}
	return f.result(answer.Result, jsonReply{Data: jsonData(in.id, answer.Values)})
}

// jsonService is an object of one field, as BOSSes have them that once had more.
type jsonService struct {
	Product string `json:"product"`
}

// jsonData is a query's answer in the shapes and words of this face. They differ from the
// sandbox's on purpose: a description has to be able to deal with another's words.
func jsonData(query string, values map[string]orders.Value) map[string]any {
	data := map[string]any{}
	for name, v := range values {
		data[name] = jsonValue(v)
	}
	switch query {
	case "payment_history":
		data["last"] = map[string]any{"date": data["date"], "amount": data["amount"]}
		delete(data, "date")
		delete(data, "amount")
	case "status":
		data["state"] = strings.ToUpper(values["state"].Word)
		if amount, there := data["amount"]; there {
			data["threshold"] = amount
			delete(data, "amount")
		}
	case "profile":
		data["brand"] = map[string]string{string(sandbox.GoTone): "GOTONE", string(sandbox.MZone): "MZONE", string(sandbox.EasyOwn): "EASYOWN"}[values["brand"].Word]
	}
	return data
}

func jsonValue(v orders.Value) any {
	switch v.Kind {
	case orders.ValueList:
		all := []jsonService{}
		for _, service := range listed(v) {
			all = append(all, jsonService{service})
		}
		return all
	case orders.ValueDate:
		return day(v, "2006-01-02")
	case orders.ValueMonth:
		return month(v, "2006-01")
	case orders.ValueMoney, orders.ValueCount:
		return v.Number
	}
	return v.Word
}

func (s *Server) jsonVerify(ctx context.Context, in inbound) reply {
	var f jsonFace
	var body struct {
		Number   string `json:"msisdn"`
		Password string `json:"password"`
	}
	if err := strictly(in.body, &body); err != nil {
		return *badRequest(f, err)
	}
	result, wrong := s.verify(ctx, f, body.Number, body.Password)
	if wrong != nil {
		return *wrong
	}
	return f.result(result, jsonReply{})
}

func (s *Server) jsonPrices(ctx context.Context, _ inbound) reply {
	var f jsonFace
	prices, wrong := s.prices(ctx, f)
	if wrong != nil {
		return *wrong
	}
	var all []jsonPriced
	for _, p := range prices {
		all = append(all, jsonPriced{p.service, p.price})
	}
	return f.result(done, jsonReply{Prices: all})
}

// done is the result of what cannot be refused.
var done = orders.Result{Outcome: orders.Success, Detail: orders.Confirmed}
