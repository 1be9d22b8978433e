package api

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"

	"hotline/internal/orders"
)

// What lists may be narrowed to.
var (
	orderStates        = []string{"", "unresolved", "person", "pending", "sent", "unknown", "done", "rejected", "failed"}
	notificationStates = []string{"", "held", "heard", "due", "sent", "given_up"}
)

// inQuery reads the part of a list that a GET wants.
func inQuery(q *request, states []string) (wanted, error) {
	values := q.URL.Query()
	w, err := page(values.Get("limit"), values.Get("after"))
	if w.state = values.Get("state"); err == nil && !slices.Contains(states, w.state) {
		err = fail(http.StatusBadRequest, `"state" is one of%s`, strings.Join(states, " "))
	}
	return w, err
}

// Search is the body of a search by number, which must not be in an address: those are logged.
type Search struct {
	Number string `json:"number"`
	Limit  int    `json:"limit,omitempty"`
	After  string `json:"after,omitempty"`
}

// search reads a Search and puts it on record with the number masked.
func (s *server) search(q *request) (wanted, error) {
	var body Search
	if err := q.body(&body); err != nil {
		return wanted{}, err
	}
	limit := ""
	if body.Limit != 0 {
		limit = strconv.Itoa(body.Limit)
	}
	w, err := page(limit, body.After)
	if err != nil {
		return w, err
	}
	number, err := orders.ParseMSISDN(body.Number)
	if err != nil {
		return w, fail(http.StatusBadRequest, `"number": %v`, err)
	}
	w.hash = s.Hash(number)
	return w, q.note(number.String(), "")
}

func (s *server) listOrders(q *request) (int, any, error) {
	w, err := inQuery(q, orderStates)
	if err != nil {
		return 0, nil, err
	}
	page, err := s.store.orders(q.Context(), w)
	return http.StatusOK, page, err
}

func (s *server) searchOrders(q *request) (int, any, error) {
	w, err := s.search(q)
	if err != nil {
		return 0, nil, err
	}
	page, err := s.store.orders(q.Context(), w)
	return http.StatusOK, page, err
}

func (s *server) searchApplications(q *request) (int, any, error) {
	w, err := s.search(q)
	if err != nil {
		return 0, nil, err
	}
	page, err := s.store.applications(q.Context(), w)
	return http.StatusOK, page, err
}

// Shown is an order with all that hangs on it.
type Shown struct {
	Order
	Applications  []Application  `json:"applications"`
	Notifications []Notification `json:"notifications"`
}

func (s *server) showOrder(q *request) (int, any, error) {
	id, err := q.id("order")
	if err != nil {
		return 0, nil, err
	}
	return s.shown(q, id)
}

func (s *server) shown(q *request, id string) (int, any, error) {
	o, err := s.store.order(q.Context(), id)
	if err != nil {
		return 0, nil, err
	}
	shown := Shown{Order: o}
	if shown.Applications, err = s.store.applicationsOf(q.Context(), id); err != nil {
		return 0, nil, err
	}
	shown.Notifications, err = s.store.notificationsOf(q.Context(), id)
	return http.StatusOK, shown, err
}

func (s *server) history(q *request) (int, any, error) {
	id, err := q.id("order")
	if err != nil {
		return 0, nil, err
	}
	w, err := inQuery(q, []string{""})
	if err != nil {
		return 0, nil, err
	}
	if _, err := s.store.order(q.Context(), id); err != nil {
		return 0, nil, err
	}
	page, err := s.store.history(q.Context(), id, w)
	return http.StatusOK, page, err
}

// reason reads the body of what has to be justified.
func reason(q *request) (string, error) {
	var body struct {
		Why string `json:"why"`
	}
	if err := q.body(&body); err != nil {
		return "", err
	}
	return body.Why, checkWhy(body.Why)
}

func (s *server) readNumber(q *request) (int, any, error) {
	id, err := q.id("order")
	if err != nil {
		return 0, nil, err
	}
	why, err := reason(q)
	if err != nil {
		return 0, nil, err
	}
	if err := q.note(id, why); err != nil {
		return 0, nil, err
	}
	enc, err := s.store.sealed(q.Context(), id)
	if err != nil {
		return 0, nil, err
	}
	number, err := s.Open(enc)
	return http.StatusOK, map[string]string{"number": number.Reveal()}, err
}

func (s *server) reconcile(q *request) (int, any, error) {
	id, err := q.id("order")
	if err != nil {
		return 0, nil, err
	}
	if err := q.note(id, ""); err != nil {
		return 0, nil, err
	}
	refused := s.Hurry(q.Context(), id)
	o, err := s.store.order(q.Context(), id)
	switch {
	case err != nil:
		return 0, nil, err
	case refused != nil && o.State != "unknown":
		return 0, nil, fail(http.StatusConflict, "the order is %s: only an unknown one can be reconciled", o.State)
	}
	return http.StatusAccepted, o, refused
}

// Decision is what a person has found out about an order that nobody else can tell.
type Decision struct {
	Outcome orders.Outcome `json:"outcome"`
	Detail  orders.Detail  `json:"detail"`
	Why     string         `json:"why"` // how it is known; no number in it
}

func (s *server) decide(q *request) (int, any, error) {
	id, err := q.id("order")
	if err != nil {
		return 0, nil, err
	}
	var d Decision
	if err := q.body(&d); err != nil {
		return 0, nil, err
	}
	r := orders.Result{Outcome: d.Outcome, Detail: d.Detail}
	final := d.Outcome == orders.Success || d.Outcome == orders.Rejected || d.Outcome == orders.SystemFailed
	if !final || !r.Valid() {
		return 0, nil, fail(http.StatusBadRequest, "needed are an outcome (success, rejected, system_failed) and a detail that belongs to it")
	}
	if err := checkWhy(d.Why); err != nil {
		return 0, nil, err
	}
	if err := q.note(id, r.String()+": "+d.Why); err != nil {
		return 0, nil, err
	}
	o, err := s.store.order(q.Context(), id)
	if err != nil {
		return 0, nil, err
	}
	if err := s.Decide(q.Context(), id, r, q.entry.who, d.Why); err != nil {
		// Who was first, another person or the BOSS, shows in the order.
		if now, again := s.store.order(q.Context(), id); again == nil && now.State != "unknown" {
			return 0, nil, fail(http.StatusConflict, "the order is %s: only an unknown one can be decided", now.State)
		}
		return 0, nil, err
	}
	return s.shown(q, o.Order)
}

func (s *server) showApplication(q *request) (int, any, error) {
	id := chi.URLParam(q.Request, "application")
	if strings.ContainsRune(id, 0) || !utf8.ValidString(id) { // Postgres takes neither
		return 0, nil, errNone
	}
	a, err := s.store.application(q.Context(), id)
	return http.StatusOK, a, err
}

func (s *server) listNotifications(q *request) (int, any, error) {
	w, err := inQuery(q, notificationStates)
	if err != nil {
		return 0, nil, err
	}
	page, err := s.store.notifications(q.Context(), w)
	return http.StatusOK, page, err
}

func (s *server) retry(q *request) (int, any, error) {
	id, err := q.id("notification")
	if err != nil {
		return 0, nil, err
	}
	if err := q.note(id, ""); err != nil {
		return 0, nil, err
	}
	refused := s.Again(q.Context(), id)
	n, err := s.store.notification(q.Context(), id)
	switch {
	case err != nil:
		return 0, nil, err
	case refused != nil && n.State != "due" && n.State != "given_up":
		return 0, nil, fail(http.StatusConflict, "the notification is %s: only one that is due or given_up can be tried again", n.State)
	}
	return http.StatusAccepted, n, refused
}

func (s *server) boss(q *request) (int, any, error) {
	state, err := s.State(q.Context())
	return http.StatusOK, state, err
}

func (s *server) audit(q *request) (int, any, error) {
	w, err := inQuery(q, []string{""})
	if err != nil {
		return 0, nil, err
	}
	page, err := s.store.audit(q.Context(), w)
	return http.StatusOK, page, err
}
