package bossd

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"hotline/internal/orders"
)

// inbound is a request that has arrived wholly: what is done with it no longer needs
// the connection.
type inbound struct {
	header http.Header
	query  url.Values
	id     string // the {id} of the path
	body   []byte
	after  time.Duration // an order is accepted, to be carried out after this
}

// reply is what the asker gets, unless a fault comes between.
type reply struct {
	status int
	kind   string // content type
	body   []byte
	cut    bool // no reply: the connection is closed
}

// face is one way to speak to the BOSS: what it says of requests that come to nothing.
type face interface {
	refuse(status int, code, reason string) reply
}

// exchange does what one request asks for.
type exchange func(context.Context, inbound) reply

// only is for an address where nothing but one thing is asked.
func only(op Operation, do exchange) func(inbound) (Operation, exchange) {
	return func(inbound) (Operation, exchange) { return op, do }
}

// Handler serves the three faces, the fault switch, the ledger and /healthz.
func (s *Server) Handler() http.Handler {
	r := chi.NewRouter()
	r.Use(s.bearer)
	s.routeTMF(r)
	s.routeXML(r)
	s.routeJSON(r)
	r.Get("/faults", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.faults.list()) })
	r.Post("/faults", s.addFault)
	r.Delete("/faults", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]int{"cleared": s.faults.clear()})
	})
	r.Get("/ledger", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		_, _ = io.Copy(w, s.ledger.content()) // who asked has gone
	})
	r.Get("/healthz", func(w http.ResponseWriter, r *http.Request) {
		if _, err := s.boss.Recorded(r.Context(), ""); !errors.Is(err, orders.ErrNotFound) {
			s.log.Error("the database of the BOSS does not answer", "err", err)
			writeJSON(w, http.StatusServiceUnavailable, map[string]string{"status": "its database does not answer"})
			return
		}
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	return r
}

func writeJSON(w http.ResponseWriter, status int, what any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(what) // who asked has gone
}

func (s *Server) addFault(w http.ResponseWriter, r *http.Request) {
	var f Fault
	in := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyLimit))
	in.DisallowUnknownFields()
	err := in.Decode(&f)
	if err == nil {
		err = f.Check()
	}
	if err != nil {
		writeJSON(w, http.StatusBadRequest, tmfError{Code: "invalid_fault", Reason: err.Error()})
		return
	}
	s.faults.add(f)
	writeJSON(w, http.StatusCreated, f)
}

// bearer asks for the token. Hashes are compared, as the lengths of what is compared
// in constant time may show.
func (s *Server) bearer(next http.Handler) http.Handler {
	if s.token == "" {
		return next
	}
	want := sha256.Sum256([]byte("Bearer " + s.token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := sha256.Sum256([]byte(r.Header.Get("Authorization")))
		if subtle.ConstantTimeCompare(got[:], want[:]) != 1 && r.URL.Path != "/healthz" {
			w.Header().Set("WWW-Authenticate", "Bearer")
			writeJSON(w, http.StatusUnauthorized, tmfError{Code: "unauthorized", Reason: "a bearer token is needed", Status: "401"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// serve makes a handler of the exchange that what finds for a request: it takes the
// whole request, has it meet a fault, and replies.
func (s *Server) serve(f face, what func(inbound) (Operation, exchange)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.begin() {
			write(w, f.refuse(http.StatusServiceUnavailable, "unavailable", "the server is stopping"))
			return
		}
		defer s.work.Done()
		// Wholly, before anything else: a connection that was taken over gives no body.
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
		if err != nil {
			write(w, f.refuse(http.StatusRequestEntityTooLarge, "too_large", "the body is longer than 64 KiB, or broken off"))
			return
		}
		in := inbound{header: r.Header, query: r.URL.Query(), id: chi.URLParam(r, "id"), body: body}
		op, do := what(in)
		for name := range in.query {
			if name != "externalId" && name != "productOffering.id" {
				write(w, f.refuse(http.StatusBadRequest, "invalid_query",
					"no such query parameter; a subscriber is named in the header X-Subscriber or in the body, never in a URL"))
				return
			}
		}
		// The BOSS works on a request that has arrived to its end, whoever waits.
		ctx := context.WithoutCancel(r.Context())
		s.answer(ctx, w, s.faults.meet(op), f, in, do)
	}
}

// answer has a request meet its fault.
func (s *Server) answer(ctx context.Context, w http.ResponseWriter, fault Fault, f face, in inbound, do exchange) {
	switch fault.Mode {
	case Late:
		// The asker has nothing, looks it up, and finds nothing: the effect comes after that.
		sever(w, false)
		s.pause(fault.Wait())
		do(ctx, in)
		return
	case Async:
		in.after = fault.Wait()
		write(w, do(ctx, in))
		return
	}
	s.pause(fault.Wait())
	if fault.After {
		do(ctx, in)
	}
	switch fault.Mode {
	case Drop:
		sever(w, false)
	case Reset:
		do(ctx, in)
		sever(w, true)
	case Fail:
		write(w, f.refuse(http.StatusInternalServerError, "told_to_fail", "the server was told to fail"))
	case Busy:
		w.Header().Set("Retry-After", "1")
		write(w, f.refuse(http.StatusTooManyRequests, "busy", "the server was told to be busy; nothing was done"))
	case Garbage:
		write(w, reply{status: http.StatusOK, kind: "application/octet-stream", body: []byte("\x1f\x8b<{]\xff\xfe}>\x00 not a document")})
	case Repeat: // as something on the way does that has not seen the first answer
		do(ctx, in)
		twice(w, do(ctx, in))
	default:
		write(w, do(ctx, in))
	}
}

func write(w http.ResponseWriter, r reply) {
	if r.cut {
		sever(w, false)
		return
	}
	w.Header().Set("Content-Type", r.kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(r.body)))
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body) // who asked has gone
}

// sever closes the connection without a word: in order, or with a reset, which is what a
// process that dies or a firewall makes of it.
func sever(w http.ResponseWriter, reset bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // not HTTP/1.1: what it does is the nearest
	}
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0) // a closed one needs none
	}
	_ = conn.Close()
}

// lingering is how long a connection stays open after a repeated reply, so that an asker
// who keeps it for the next request finds the second reply there.
const lingering = time.Second

// twice sends a reply and, in the same breath, once more.
func twice(w http.ResponseWriter, r reply) {
	if r.cut {
		sever(w, false)
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer conn.Close()
	var text bytes.Buffer
	for range 2 {
		response := http.Response{
			StatusCode: r.status, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Content-Type": {r.kind}},
			ContentLength: int64(len(r.body)), Body: io.NopCloser(bytes.NewReader(r.body)),
		}
		_ = response.Write(&text) // to memory
	}
	_ = conn.SetDeadline(time.Now().Add(lingering))
	if _, err := conn.Write(text.Bytes()); err == nil {
		_, _ = io.Copy(io.Discard, conn) // until the asker closes it, or the deadline
	}
}
