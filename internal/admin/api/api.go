// Package api lets people of the hotline look into orders and applications, and act where
// programs cannot: reconcile now, tell a caller again, decide what came of an order. It is described
// by an OpenAPI document, which it serves.
//
// It refuses requests without a secret of the users' file, numbers in addresses, and to do anything
// that it cannot put on record first: what reads a number or would change something is in
// ivr.admin_audit before it is begun. Errors are problem details (RFC 9457).
package api

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/orders"
)

//go:embed openapi.yaml
var document []byte

// Options are what a Handler works with. All are needed.
type Options struct {
	DB    *pgxpool.Pool
	Users string // file of users; see AddUser
	Log   *slog.Logger

	Hash func(orders.MSISDN) []byte          // what a number is found by
	Open func([]byte) (orders.MSISDN, error) // a stored number

	// Decide gives an unknown order the result that a person, who, has found out, and why.
	Decide func(ctx context.Context, order string, r orders.Result, who, why string) error
	// Hurry has an unknown order be reconciled next, and refuses any other.
	Hurry func(ctx context.Context, order string) error
	// Again has a notification sent next that is due or given up, and refuses any other.
	Again func(ctx context.Context, notification string) error
	// State tells how orders go to the BOSS: limits, breakers. Anything that is a JSON object.
	State func(context.Context) (any, error)
}

const (
	mostItems = 200 // on a page
	someItems = 50  // unless told
	bodyLimit = 8 << 10

	patience     = 10 * time.Second // for all that a request needs of Postgres
	lastPatience = 3 * time.Second  // to complete the audit log, when that is over
)

// entry is what the audit log says of a request.
type entry struct{ who, role, client, action, object, why string }

// request is one request under way.
type request struct {
	*http.Request
	store store
	entry entry
	noted int64 // its entry in the audit log; 0: none yet
}

// note puts the request on record; after that it may act.
func (q *request) note(object, why string) (err error) {
	q.entry.object, q.entry.why = object, why
	q.noted, err = q.store.note(q.Context(), q.entry)
	return err
}

// endpoint answers requests of one kind: with a status and a body, or an error, a *problem
// where it is the client's to see.
type endpoint func(*request) (status int, body any, err error)

type server struct {
	Options
	store store
	guard *guard
}

// Handler serves the API under /v1/, and its description at /openapi.yaml.
func Handler(o Options) http.Handler {
	s := &server{Options: o, store: store{o.DB}, guard: newGuard(o.Users)}
	r := chi.NewRouter()
	r.Use(s.calmed)
	r.NotFound(func(w http.ResponseWriter, _ *http.Request) {
		fail(http.StatusNotFound, "there is no such path; see /openapi.yaml").write(w)
	})
	r.MethodNotAllowed(func(w http.ResponseWriter, _ *http.Request) {
		fail(http.StatusMethodNotAllowed, "this path has other methods; see /openapi.yaml").write(w)
	})
	r.Get("/openapi.yaml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		_, _ = w.Write(document)
	})
	r.Get("/v1/orders", s.open(Reader, s.listOrders))
	r.Post("/v1/orders/search", s.audited(Operator, "searchOrders", s.searchOrders))
	r.Get("/v1/orders/{order}", s.open(Reader, s.showOrder))
	r.Get("/v1/orders/{order}/history", s.open(Reader, s.history))
	r.Post("/v1/orders/{order}/number", s.audited(Operator, "readNumber", s.readNumber))
	r.Post("/v1/orders/{order}/reconcile", s.audited(Operator, "reconcileOrder", s.reconcile))
	r.Post("/v1/orders/{order}/decide", s.audited(Decider, "decideOrder", s.decide))
	r.Get("/v1/applications/{application}", s.open(Reader, s.showApplication))
	r.Post("/v1/applications/search", s.audited(Operator, "searchApplications", s.searchApplications))
	r.Get("/v1/notifications", s.open(Reader, s.listNotifications))
	r.Post("/v1/notifications/{notification}/retry", s.audited(Operator, "retryNotification", s.retry))
	r.Get("/v1/boss", s.open(Reader, s.boss))
	r.Get("/v1/audit", s.open(Decider, s.audit))
	return r
}

// calmed limits what an address may ask, the document and paths that are not there included.
func (s *server) calmed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refused := s.guard.hurried(r); refused != nil {
			refused.write(w)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		// Nor may who reads by the byte hold the connection. Where there is none (a recorder), nothing is lost.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(patience + lastPatience + time.Second))
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// open is for what neither reads a number nor changes anything.
func (s *server) open(needed Role, do endpoint) http.HandlerFunc { return s.handle(needed, "", do) }

// audited is for what does; action is its operationId. do has to note it before it acts.
func (s *server) audited(needed Role, action string, do endpoint) http.HandlerFunc {
	return s.handle(needed, action, do)
}

func (s *server) handle(needed Role, action string, do endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		u, refused, err := s.guard.admit(r)
		if err != nil {
			s.Log.Error("nobody is let into the admin API", "err", err)
			refused = fail(http.StatusServiceUnavailable, "the users' file cannot be read; see the server's log")
		}
		if refused == wrongSecret { // not in the audit log, which anybody could fill; how often is limited
			s.Log.Warn("wrong secret at the admin API", "client", client(r))
		}
		if refused != nil {
			refused.write(w)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
		q := &request{Request: r, store: s.store, entry: entry{who: u.name, role: string(u.role), client: client(r), action: action}}
		status, body := http.StatusForbidden, any(nil)
		if err = error(fail(status, "this needs the role %s; %s is %s", needed, u.name, u.role)); u.role.includes(needed) {
			status, body, err = do(q)
		}
		var p *problem
		if err != nil {
			p = s.explain(r, err)
			status = p.Status
		}
		s.close(q, status)
		if p != nil {
			p.write(w)
			return
		}
		write(w, status, "application/json", body)
	}
}

// explain makes of an error what the client may see.
func (s *server) explain(r *http.Request, err error) *problem {
	var p *problem
	var refused *pgconn.PgError
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, errNone):
		return fail(http.StatusNotFound, "there is nothing with the id in the path; lists name those that there are")
	case errors.As(err, &refused) && refused.Code[:2] == "22": // data exception: of "after", nothing else is unchecked
		return errPlace
	}
	s.Log.Error("a request to the admin API failed", "route", chi.RouteContext(r.Context()).RoutePattern(), "err", err)
	return fail(http.StatusServiceUnavailable, "this cannot be done now; see the server's log")
}

// close completes the audit log, be the client gone or not.
func (s *server) close(q *request, status int) {
	if q.entry.action == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(q.Context()), lastPatience)
	defer cancel()
	var err error
	if q.noted == 0 { // refused before it came to anything
		q.noted, err = s.store.note(ctx, q.entry)
	}
	if err == nil {
		err = s.store.answered(ctx, q.noted, status)
	}
	if err != nil {
		s.Log.Error("an answer of the admin API is not in its audit log", "who", q.entry.who, "action", q.entry.action, "status", status, "err", err)
	}
}

// id gives a path's UUID.
func (q *request) id(name string) (string, error) {
	id, err := uuid.Parse(chi.URLParam(q.Request, name))
	if err != nil {
		return "", fail(http.StatusBadRequest, "the %s in the path is no UUID", name)
	}
	return id.String(), nil
}

// body reads a JSON object, strictly. A decoder's error would quote what was sent.
func (q *request) body(into any) error {
	if kind, _, err := mime.ParseMediaType(q.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return fail(http.StatusUnsupportedMediaType, "the body has to be application/json")
	}
	d := json.NewDecoder(q.Body)
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, after := d.Token(); after != io.EOF {
			err = errors.Join(after, errors.New("something comes after the object"))
		}
	}
	var long *http.MaxBytesError
	if errors.As(err, &long) {
		return fail(http.StatusRequestEntityTooLarge, "the body has more than %d bytes", bodyLimit)
	}
	if err != nil {
		return fail(http.StatusBadRequest, "the body is not the JSON object that /openapi.yaml describes")
	}
	return nil
}

// page reads limit and after.
func page(limit, after string) (w wanted, err error) {
	w.size = someItems
	if limit != "" {
		if w.size, err = strconv.Atoi(limit); err != nil || w.size < 1 || w.size > mostItems {
			return w, fail(http.StatusBadRequest, `"limit" is a number from 1 to %d`, mostItems)
		}
	}
	if w.after, err = parsePlace(after); err != nil {
		return w, errPlace
	}
	return w, nil
}

var errPlace = fail(http.StatusBadRequest, `"after" is not what a page gave as "next"`)

// number finds what looks like a whole telephone number within a text: a Chinese mobile one, with
// or without its country.
var number = regexp.MustCompile(`(^|[^0-9])((\+|00)?86[ -]?)?1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}($|[^0-9])`)

// uuids are no numbers, whatever digits they have: a reason may name another order.
var uuids = regexp.MustCompile(`[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}`)

// checkWhy refuses reasons that must not be on record: none, one with a number in it, or with what a
// terminal would obey when somebody reads the log.
func checkWhy(why string) error {
	switch {
	case strings.TrimSpace(why) == "":
		return fail(http.StatusBadRequest, `say "why": it is put on record`)
	case strings.ContainsFunc(why, unicode.IsControl):
		return fail(http.StatusBadRequest, `"why" is one line without control characters`)
	case number.MatchString(uuids.ReplaceAllString(why, "")):
		return fail(http.StatusBadRequest, `"why" has a telephone number in it: it is stored open, name the order or a ticket instead`)
	}
	return nil
}
