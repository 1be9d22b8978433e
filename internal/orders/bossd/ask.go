package bossd

import (
	"context"
	"errors"
	"net/http"

	"hotline/internal/orders"
	"hotline/internal/orders/entry"
	"hotline/internal/orders/sandbox"
)

// What all faces ask of the BOSS. Each gives what it has said, or, where there is nothing to
// say it of, the whole reply in the words of the face.

// badRequest is the reply to what cannot be understood; nothing was done. The reason
// may not quote the request.
func badRequest(f face, reason error) *reply {
	r := f.refuse(http.StatusBadRequest, "bad_request", reason.Error())
	return &r
}

// failed is the reply to what the BOSS could not do, or cannot tell whether it did.
func (s *Server) failed(f face, err error) *reply {
	var r reply
	switch {
	case errors.Is(err, orders.ErrAnswerLost):
		// An answer would say more than is known.
		s.log.Warn("an answer is lost, and the asker gets none", "err", err)
		r.cut = true
	case errors.Is(err, orders.ErrNotSent):
		s.log.Warn("a request was not carried out", "err", err)
		r = f.refuse(http.StatusServiceUnavailable, "unavailable", "out of service; nothing was done")
	case errors.Is(err, sandbox.ErrQuestion):
		r = f.refuse(http.StatusBadRequest, "invalid_question", "no such query or service, or something is missing with it")
	case errors.Is(err, orders.ErrNotFound):
		r = f.refuse(http.StatusNotFound, "no_such_order", "no order is known by this")
	default:
		s.log.Error("a request has failed", "err", err)
		r = f.refuse(http.StatusInternalServerError, "failed", "the BOSS has failed")
	}
	return &r
}

// order has an order carried out, or accepted.
func (s *Server) order(ctx context.Context, f face, in inbound, w wish) (orders.Answer, *reply) {
	o, err := w.order()
	if err != nil {
		return orders.Answer{}, badRequest(f, err)
	}
	answer, err := s.submit(ctx, o, in.after)
	if err != nil {
		return orders.Answer{}, s.failed(f, err)
	}
	return answer, nil
}

// find looks an order up by its key.
func (s *Server) find(ctx context.Context, f face, key string) (sandbox.Entry, *reply) {
	e, err := s.told(s.boss.Entry(ctx, key))
	if err != nil {
		return e, s.failed(f, err)
	}
	return e, nil
}

// query asks a question about a subscriber; about nobody where there is no number.
func (s *Server) query(ctx context.Context, f face, number string, q orders.Query) (orders.Answer, *reply) {
	if number != "" {
		var err error
		if q.Caller, err = orders.ParseMSISDN(number); err != nil {
			return orders.Answer{}, badRequest(f, err)
		}
	}
	answer, err := s.boss.Query(ctx, q)
	if err != nil {
		return orders.Answer{}, s.failed(f, err)
	}
	return answer, nil
}

// verify asks whether a subscriber knows the service password.
func (s *Server) verify(ctx context.Context, f face, number, password string) (orders.Result, *reply) {
	caller, err := orders.ParseMSISDN(number)
	if err != nil {
		return orders.Result{}, badRequest(f, err)
	}
	answer, err := s.boss.Verify(ctx, orders.Verification{Caller: caller, Password: entry.New(entry.Password, password)})
	if err != nil {
		return orders.Result{}, s.failed(f, err)
	}
	return answer.Result, nil
}

// priced is what a service costs a month.
type priced struct {
	service string
	price   orders.Money
}

// prices lists them by service.
func (s *Server) prices(ctx context.Context, f face) ([]priced, *reply) {
	prices, err := s.boss.Prices(ctx)
	if err != nil {
		return nil, s.failed(f, err)
	}
	var all []priced
	for _, service := range sorted(prices) {
		all = append(all, priced{service, prices[service]})
	}
	return all, nil
}
