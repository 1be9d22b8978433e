package bossd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"hotline/internal/orders"
	"hotline/internal/orders/entry"
)

// jsonFace is a private interface as newer BOSSes have it: statuses and words as
// codes, amounts in fen, the idempotency key in a header.
type jsonFace struct{}

// jsonReply is every reply of it.
type jsonReply struct {
	Success bool   `json:"success"`
	Code    string `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

// refuse says in the words of this face what all say of requests that come to nothing.
func (jsonFace) refuse(status int, code, reason string) reply {
	word := map[string]string{"failed": "FAILED", "unavailable": "UNAVAILABLE", "no_such_order": "NO_SUCH_ORDER", "busy": "BUSY"}[code]
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
	r.Post("/json/orders", s.serve(Submit, f, s.jsonOrder))
	r.Post("/json/orders/find", s.serve(Lookup, f, s.jsonFind))
	r.Post("/json/query", s.serve(Query, f, s.jsonQuery))
	r.Post("/json/verify", s.serve(Verify, f, s.jsonVerify))
	r.Post("/json/prices", s.serve(Prices, f, s.jsonPrices))
}

// result is what the face says of an order, a query or a password.
func (jsonFace) result(r orders.Result, data any) reply {
	code, status := strings.ToUpper(string(r.Detail)), http.StatusOK
	switch {
	case r.Outcome == orders.Success:
		code = "OK"
	case r.Outcome == orders.Unknown:
		code, status = "PENDING", http.StatusAccepted
	case r.Outcome == orders.SystemFailed:
		code, status = "FAILED", http.StatusInternalServerError
	case r.Detail == orders.Other:
		code = "REFUSED"
	}
	return jsonDocument(status, jsonReply{
		Success: r.Outcome == orders.Success, Code: code, Message: r.String(), Data: data,
	})
}

type orderNumber struct {
	OrderNo string `json:"orderNo"`
}

func (s *Server) jsonOrder(ctx context.Context, in inbound) reply {
	var f jsonFace
	var body struct {
		Phone     string            `json:"phone"`
		Product   string            `json:"product"`
		Operation string            `json:"operation"`
		Price     int64             `json:"price"` // fen
		Params    map[string]string `json:"params"`
	}
	err := strictly(in.body, &body)
	var o orders.Order
	if err == nil {
		o, err = wish{
			in.header.Get("Idempotency-Key"), body.Phone, body.Product, body.Operation, orders.Money(body.Price), body.Params,
		}.order()
	}
	if err != nil {
		return f.refuse(http.StatusBadRequest, "bad_request", err.Error())
	}
	answer, err := s.submit(ctx, o, in.after)
	if err != nil {
		return s.failed(f, err)
	}
	return f.result(answer.Result, orderNumber{answer.BossRef})
}

func (s *Server) jsonFind(ctx context.Context, in inbound) reply {
	var f jsonFace
	var body struct {
		Key string `json:"key"`
	}
	if err := strictly(in.body, &body); err != nil {
		return f.refuse(http.StatusBadRequest, "bad_request", err.Error())
	}
	e, err := s.told(s.boss.Entry(ctx, body.Key))
	switch {
	case errors.Is(err, orders.ErrNotFound):
		return f.refuse(http.StatusNotFound, "no_such_order", "no order by this key")
	case err != nil:
		return s.failed(f, err)
	}
	return f.result(e.Result, orderNumber{e.BossRef})
}

func (s *Server) jsonQuery(ctx context.Context, in inbound) reply {
	var f jsonFace
	var body struct {
		Phone   string            `json:"phone"`
		Query   string            `json:"query"`
		Product string            `json:"product"`
		Params  map[string]string `json:"params"`
	}
	err := strictly(in.body, &body)
	var number orders.MSISDN
	if err == nil {
		number, err = orders.ParseMSISDN(body.Phone)
	}
	if err != nil {
		return f.refuse(http.StatusBadRequest, "bad_request", err.Error())
	}
	answer, err := s.boss.Query(ctx, orders.Query{Caller: number, Name: body.Query, Service: body.Product, With: typed(body.Params)})
	if err != nil {
		return s.failed(f, err)
	}
	data := map[string]any{}
	for name, v := range answer.Values {
		data[name] = jsonValue(v)
	}
	return f.result(answer.Result, data)
}

func jsonValue(v orders.Value) any {
	switch v.Kind {
	case orders.ValueList:
		if v.Word == "" {
			return []string{}
		}
		return strings.Split(v.Word, ",")
	case orders.ValueDate, orders.ValueMonth:
		return strconv.FormatInt(v.Number, 10)
	case orders.ValueMoney, orders.ValueCount:
		return v.Number
	}
	return v.Word
}

func (s *Server) jsonVerify(ctx context.Context, in inbound) reply {
	var f jsonFace
	var body struct {
		Phone    string `json:"phone"`
		Password string `json:"password"`
	}
	err := strictly(in.body, &body)
	var number orders.MSISDN
	if err == nil {
		number, err = orders.ParseMSISDN(body.Phone)
	}
	if err != nil {
		return f.refuse(http.StatusBadRequest, "bad_request", err.Error())
	}
	answer, err := s.boss.Verify(ctx, orders.Verification{Caller: number, Password: entry.New(entry.Password, body.Password)})
	if err != nil {
		return s.failed(f, err)
	}
	return f.result(answer.Result, nil)
}

func (s *Server) jsonPrices(ctx context.Context, _ inbound) reply {
	prices, err := s.boss.Prices(ctx)
	if err != nil {
		return s.failed(jsonFace{}, err)
	}
	type price struct {
		Product string       `json:"product"`
		Price   orders.Money `json:"price"` // fen
	}
	var all []price
	for _, service := range sorted(prices) {
		all = append(all, price{service, prices[service]})
	}
	return jsonFace{}.result(orders.Result{Outcome: orders.Success, Detail: orders.Confirmed}, map[string]any{"prices": all})
}
