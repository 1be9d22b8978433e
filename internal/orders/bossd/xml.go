package bossd

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"hotline/internal/orders"
	"hotline/internal/orders/entry"
)

// xmlFace is a private interface as older BOSSes have it: one status for everything,
// figures as codes, amounts in yuan, the idempotency key in a field.
type xmlFace struct{}

// The result codes.
const (
	xmlSuccess     = "0000"
	xmlAccepted    = "0001"
	xmlBadRequest  = "4000"
	xmlNoSuchOrder = "4004"
	xmlFailed      = "5000"
	xmlUnavailable = "5003"
)

var xmlRefusals = map[orders.Detail]string{
	orders.AlreadyOpen: "2001", orders.NotOpen: "2002", orders.InsufficientBalance: "2003", orders.Ineligible: "2004", orders.Other: "2005",
	orders.WrongPassword: "3001", orders.Locked: "3002",
}

// xmlReply is every reply of it; XMLName is the request's, with Response for Request.
type xmlReply struct {
	XMLName xml.Name
	Code    string       `xml:"ResultCode"`
	Desc    string       `xml:"ResultDesc"`
	OrderID string       `xml:"OrderId,omitempty"`
	Items   []xmlNamed   `xml:"Item"`
	Prices  []xmlProduct `xml:"Product"`
}

type xmlNamed struct {
	Name string `xml:"name,attr"`
	Text string `xml:",chardata"`
}

type xmlProduct struct {
	ID    string `xml:"id,attr"`
	Price string `xml:"Price"`
}

func xmlDocument(name string, r xmlReply) reply {
	r.XMLName.Local = name
	body, err := xml.Marshal(r)
	if err != nil {
		// Only of a type that cannot be marshalled, which this is not.
		return reply{status: http.StatusInternalServerError, kind: "text/plain"}
	}
	return reply{status: http.StatusOK, kind: "text/xml; charset=utf-8", body: append([]byte(xml.Header), body...)}
}

// refuse is the BOSS's word where it has one, and otherwise that of what stands before
// it: a page for people, as gateways send them.
func (xmlFace) refuse(status int, code, reason string) reply {
	word := map[string]string{
		"no_such_order": xmlNoSuchOrder, "failed": xmlFailed, "unavailable": xmlUnavailable,
		"bad_request": xmlBadRequest, "invalid_question": xmlBadRequest,
	}[code]
	if word == "" {
		page := "<html><head><title>" + strconv.Itoa(status) + "</title></head><body><h1>" + reason + "</h1></body></html>"
		return reply{status: status, kind: "text/html", body: []byte(page)}
	}
	return xmlDocument("Response", xmlReply{Code: word, Desc: reason})
}

// result is what the face says of an order, a query or a password.
func (xmlFace) result(name string, r orders.Result, with xmlReply) reply {
	with.Desc = r.String()
	switch r.Outcome {
	case orders.Success:
		with.Code = xmlSuccess
	case orders.Unknown:
		with.Code = xmlAccepted
	case orders.SystemFailed:
		with.Code = xmlFailed
	default:
		with.Code = xmlRefusals[r.Detail]
	}
	return xmlDocument(name, with)
}

// xmlRead reads one document. A DTD is refused, as nothing here needs what can be
// done with one; the error does not quote the document.
func xmlRead(text []byte, into any) error {
	if bytes.Contains(text, []byte("<!DOCTYPE")) {
		return errors.New("a document type is not taken")
	}
	if err := xml.Unmarshal(text, into); err != nil {
		return errors.New("the body is not the document that is documented")
	}
	return nil
}

func (s *Server) routeXML(r chi.Router) {
	var f xmlFace
	r.Post("/xml/order", s.serve(Submit, f, s.xmlOrder))
	r.Post("/xml/order/find", s.serve(Lookup, f, s.xmlFind))
	r.Post("/xml/query", s.serve(Query, f, s.xmlQuery))
	r.Post("/xml/verify", s.serve(Verify, f, s.xmlVerify))
	r.Post("/xml/prices", s.serve(Prices, f, s.xmlPrices))
}

func named(params []xmlNamed) map[string]string {
	all := map[string]string{}
	for _, p := range params {
		all[p.Name] = p.Text
	}
	return all
}

func (s *Server) xmlOrder(ctx context.Context, in inbound) reply {
	var f xmlFace
	var body struct {
		XMLName   xml.Name   `xml:"OrderRequest"`
		Key       string     `xml:"TransactionId"`
		Msisdn    string     `xml:"Msisdn"`
		Product   string     `xml:"ProductId"`
		Operation string     `xml:"Operation"`
		Price     string     `xml:"Price"`
		Params    []xmlNamed `xml:"Param"`
	}
	err := xmlRead(in.body, &body)
	var price orders.Money
	if err == nil && body.Price != "" {
		price, err = yuan(body.Price)
	}
	var o orders.Order
	if err == nil {
		o, err = wish{body.Key, body.Msisdn, body.Product, strings.ToLower(body.Operation), price, named(body.Params)}.order()
	}
	if err != nil {
		return f.refuse(http.StatusBadRequest, "bad_request", err.Error())
	}
	answer, err := s.submit(ctx, o, in.after)
	if err != nil {
		return s.failed(f, err)
	}
	return f.result("OrderResponse", answer.Result, xmlReply{OrderID: answer.BossRef})
}

func (s *Server) xmlFind(ctx context.Context, in inbound) reply {
	var f xmlFace
	var body struct {
		XMLName xml.Name `xml:"FindOrderRequest"`
		Key     string   `xml:"TransactionId"`
	}
	if err := xmlRead(in.body, &body); err != nil {
		return f.refuse(http.StatusBadRequest, "bad_request", err.Error())
	}
	e, err := s.told(s.boss.Entry(ctx, body.Key))
	switch {
	case errors.Is(err, orders.ErrNotFound):
		return f.refuse(http.StatusNotFound, "no_such_order", "no order by this TransactionId")
	case err != nil:
		return s.failed(f, err)
	}
	return f.result("OrderResponse", e.Result, xmlReply{OrderID: e.BossRef})
}

func (s *Server) xmlQuery(ctx context.Context, in inbound) reply {
	var f xmlFace
	var body struct {
		XMLName xml.Name   `xml:"QueryRequest"`
		Msisdn  string     `xml:"Msisdn"`
		Name    string     `xml:"Name"`
		Product string     `xml:"ProductId"`
		Params  []xmlNamed `xml:"Param"`
	}
	err := xmlRead(in.body, &body)
	var number orders.MSISDN
	if err == nil {
		number, err = orders.ParseMSISDN(body.Msisdn)
	}
	if err != nil {
		return f.refuse(http.StatusBadRequest, "bad_request", err.Error())
	}
	answer, err := s.boss.Query(ctx, orders.Query{Caller: number, Name: body.Name, Service: body.Product, With: typed(named(body.Params))})
	if err != nil {
		return s.failed(f, err)
	}
	var items []xmlNamed
	for _, name := range sorted(answer.Values) {
		items = append(items, xmlNamed{name, xmlValue(answer.Values[name])})
	}
	return f.result("QueryResponse", answer.Result, xmlReply{Items: items})
}

// xmlValue writes amounts in yuan, and days and months as people do.
func xmlValue(v orders.Value) string {
	text := strconv.FormatInt(v.Number, 10)
	switch {
	case v.Kind.Worded():
		return v.Word
	case v.Kind == orders.ValueMoney:
		return orders.Money(v.Number).String()
	case v.Kind == orders.ValueDate && len(text) == 8:
		return text[:4] + "-" + text[4:6] + "-" + text[6:]
	case v.Kind == orders.ValueMonth && len(text) == 6:
		return text[:4] + "-" + text[4:]
	}
	return text
}

func (s *Server) xmlVerify(ctx context.Context, in inbound) reply {
	var f xmlFace
	var body struct {
		XMLName  xml.Name `xml:"VerifyRequest"`
		Msisdn   string   `xml:"Msisdn"`
		Password string   `xml:"Password"`
	}
	err := xmlRead(in.body, &body)
	var number orders.MSISDN
	if err == nil {
		number, err = orders.ParseMSISDN(body.Msisdn)
	}
	if err != nil {
		return f.refuse(http.StatusBadRequest, "bad_request", err.Error())
	}
	answer, err := s.boss.Verify(ctx, orders.Verification{Caller: number, Password: entry.New(entry.Password, body.Password)})
	if err != nil {
		return s.failed(f, err)
	}
	return f.result("VerifyResponse", answer.Result, xmlReply{})
}

func (s *Server) xmlPrices(ctx context.Context, _ inbound) reply {
	var f xmlFace
	prices, err := s.boss.Prices(ctx)
	if err != nil {
		return s.failed(f, err)
	}
	var all []xmlProduct
	for _, service := range sorted(prices) {
		all = append(all, xmlProduct{service, prices[service].String()})
	}
	return f.result("PricesResponse", orders.Result{Outcome: orders.Success, Detail: orders.Confirmed}, xmlReply{Prices: all})
}
