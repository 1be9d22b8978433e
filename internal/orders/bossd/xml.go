package bossd

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"

	"hotline/internal/orders"
	"hotline/internal/orders/sandbox"
)

// xmlFace is a private interface as older BOSSes have it: one address and one status for
// everything, figures as codes, amounts in yuan. deploy/boss/xml.yaml describes it.
type xmlFace struct{}

// The codes.
const (
	xmlDone        = "0"
	xmlAccepted    = "1"
	xmlBadRequest  = "4000"
	xmlNoSuchOrder = "4004"
	xmlFailed      = "5000"
	xmlUnavailable = "5003"
)

var (
	xmlRefusals = map[orders.Detail]string{
		orders.AlreadyOpen: "1001", orders.NotOpen: "1002", orders.InsufficientBalance: "1003", orders.Ineligible: "1004", orders.Other: "1099",
		orders.WrongPassword: "2001", orders.Locked: "2002",
	}
	xmlOperations = map[string]orders.Action{
		"1": orders.Open, "2": orders.Close, "3": orders.Apply, "4": orders.Change, "5": orders.Reset,
	}
	xmlBrands = map[string]string{string(sandbox.GoTone): "1", string(sandbox.MZone): "2", string(sandbox.EasyOwn): "3"}

	// xmlQueries are the trades that ask something, and the queries that they ask.
	xmlQueries = map[string]string{
		"BALANCE": "balance", "LASTBILL": "last_month_bill", "BILL": "bill_by_month", "DISCOUNT": "used_discount_amount",
		"MINUTES": "used_discount_minutes", "DATA": "used_data", "PAYMENTS": "payment_history", "TARIFF": "tariff",
		"PRODUCTS": "opened_services", "VALIDITY": "validity", "CREDIT": "credit", "HOME": "number_home", "POINTS": "points",
		"STATUS": "status", "PROFILE": "profile",
	}

	// xmlNames are the elements of values.
	xmlNames = map[string]string{
		"balance": "Balance", "amount": "Amount", "month": "Month", "minutes": "Minutes", "sms": "Sms", "vnet": "Vnet", "mb": "Mb",
		"count": "Count", "total": "Total", "plan": "Plan", "date": "Date", "credit": "Credit", "region": "Region", "points": "Points",
		"state": "State", "brand": "Brand", "star": "Star", "services": "Product",
	}
)

// xmlRequest is every request of it.
type xmlRequest struct {
	XMLName xml.Name `xml:"Request"`
	Trade   string   `xml:"Head>Trade"`
	Key     string   `xml:"Head>Key"`
	Number  string   `xml:"Body>Number"`
	Product struct {
		Operate string `xml:"operate,attr"`
		Service string `xml:",chardata"`
	} `xml:"Body>Product"`
	Price       string `xml:"Body>Price"`     // yuan
	Threshold   string `xml:"Body>Threshold"` // yuan
	IDCard      string `xml:"Body>IdCard"`
	OldPassword string `xml:"Body>OldPassword"`
	NewPassword string `xml:"Body>NewPassword"`
	Password    string `xml:"Body>Password"`
	Month       string `xml:"Body>Month"` // 202610
	Phone       string `xml:"Body>Phone"`
}

// xmlReply is every reply of it.
type xmlReply struct {
	XMLName xml.Name     `xml:"Response"`
	Code    string       `xml:"Head>Code"`
	Message string       `xml:"Head>Message"`
	OrderNo string       `xml:"Body>OrderNo,omitempty"`
	Values  []xmlElement `xml:"Body>Value"` // each has a name of its own
}

// xmlElement is one value in the body.
type xmlElement struct {
	XMLName xml.Name
	ID      string `xml:"id,attr,omitempty"`
	Date    string `xml:"date,attr,omitempty"`
	Text    string `xml:",chardata"`
}

func element(name, text string) xmlElement {
	return xmlElement{XMLName: xml.Name{Local: name}, Text: text}
}

func xmlDocument(r xmlReply) reply {
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
	return xmlDocument(xmlReply{Code: word, Message: reason})
}

// result is what the face says of an order, a query or a password.
func (xmlFace) result(r orders.Result, with xmlReply) reply {
	with.Message = r.String()
	switch r.Outcome {
	case orders.Success:
		with.Code = xmlDone
	case orders.Unknown:
		with.Code = xmlAccepted
	case orders.SystemFailed:
		with.Code = xmlFailed
	default:
		with.Code = xmlRefusals[r.Detail]
	}
	return xmlDocument(with)
}

func (s *Server) routeXML(r chi.Router) { r.Post("/xml", s.serve(xmlFace{}, s.trade)) }

// trade finds out what a request asks for, as all come to one address.
func (s *Server) trade(in inbound) (Operation, exchange) {
	var q xmlRequest
	err := xmlRead(in.body, &q)
	query := xmlQueries[q.Trade]
	switch {
	case err != nil:
	case query != "":
		return Query, func(ctx context.Context, _ inbound) reply { return s.xmlQuery(ctx, q, query) }
	case q.Trade == "ORDER":
		return Submit, func(ctx context.Context, in inbound) reply { return s.xmlOrder(ctx, q, in) }
	case q.Trade == "ORDERINFO":
		return Lookup, func(ctx context.Context, _ inbound) reply { return s.xmlFind(ctx, q) }
	case q.Trade == "VERIFY":
		return Verify, func(ctx context.Context, _ inbound) reply { return s.xmlVerify(ctx, q) }
	case q.Trade == "PRICES":
		return Prices, func(ctx context.Context, _ inbound) reply { return s.xmlPrices(ctx) }
	default:
		err = errors.New("no such Trade")
	}
	return All, func(context.Context, inbound) reply { return *badRequest(xmlFace{}, err) }
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

func (s *Server) xmlOrder(ctx context.Context, q xmlRequest, in inbound) reply {
	var f xmlFace
	price, err := yuan(q.Price)
	if err != nil {
		return *badRequest(f, err)
	}
	answer, wrong := s.order(ctx, f, in, wish{
		q.Key, q.Number, q.Product.Service, string(xmlOperations[q.Product.Operate]), price, given(map[string]string{
			"amount": q.Threshold, "id_card": q.IDCard, "old_password": q.OldPassword, "new_password": q.NewPassword,
		}),
	})
	if wrong != nil {
		return *wrong
	}
	return f.result(answer.Result, xmlReply{OrderNo: answer.BossRef})
}

func (s *Server) xmlFind(ctx context.Context, q xmlRequest) reply {
	var f xmlFace
	e, wrong := s.find(ctx, f, q.Key)
	if wrong != nil {
		return *wrong
	}
	return f.result(e.Result, xmlReply{OrderNo: e.BossRef})
}

func (s *Server) xmlQuery(ctx context.Context, q xmlRequest, name string) reply {
	var f xmlFace
	of, err := typedMonth("200601", q.Month)
	if err != nil {
		return *badRequest(f, err)
	}
	with := typed(given(map[string]string{"month": of, "phone": q.Phone}))
	answer, wrong := s.query(ctx, f, q.Number, orders.Query{Name: name, Service: q.Product.Service, With: with})
	if wrong != nil {
		return *wrong
	}
	return f.result(answer.Result, xmlReply{Values: xmlValues(name, answer.Values)})
}

// xmlValues is a query's answer in the shapes and words of this face.
func xmlValues(query string, values map[string]orders.Value) []xmlElement {
	var all []xmlElement
	for _, name := range sorted(values) {
		v := values[name]
		switch {
		case v.Kind == orders.ValueList:
			for _, service := range listed(v) {
				all = append(all, element("Product", service))
			}
		case query == "payment_history" && name == "date": // is with the amount
		case query == "payment_history" && name == "amount":
			last := element("Last", xmlText(v))
			last.Date = xmlText(values["date"])
			all = append(all, last)
		case query == "status" && name == "amount":
			all = append(all, element("Threshold", xmlText(v)))
		case name == "state":
			all = append(all, element("State", map[string]string{"open": "1", "closed": "0"}[v.Word]))
		case name == "brand":
			all = append(all, element("Brand", xmlBrands[v.Word]))
		default:
			all = append(all, element(xmlNames[name], xmlText(v)))
		}
	}
	return all
}

func xmlText(v orders.Value) string {
	switch v.Kind {
	case orders.ValueMoney:
		return orders.Money(v.Number).String()
	case orders.ValueCount, orders.ValueDate, orders.ValueMonth: // 202610, 20261031
		return strconv.FormatInt(v.Number, 10)
	}
	return v.Word
}

func (s *Server) xmlVerify(ctx context.Context, q xmlRequest) reply {
	var f xmlFace
	result, wrong := s.verify(ctx, f, q.Number, q.Password)
	if wrong != nil {
		return *wrong
	}
	return f.result(result, xmlReply{})
}

func (s *Server) xmlPrices(ctx context.Context) reply {
	var f xmlFace
	prices, wrong := s.prices(ctx, f)
	if wrong != nil {
		return *wrong
	}
	var all []xmlElement
	for _, p := range prices {
		e := element("Product", p.price.String())
		e.ID = p.service
		all = append(all, e)
	}
	return f.result(done, xmlReply{Values: all})
}
