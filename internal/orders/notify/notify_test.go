package notify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"hotline/internal/menu"
	"hotline/internal/orders"
	"hotline/internal/orders/notify"
)

// TestWhoHasHeardIsNotToldAgain, and whoever has not is: by the way in which his call went on.
func TestWhoHasHeardIsNotToldAgain(t *testing.T) {
	r := newRig(t)
	run(t, r.quick()) // without a receiver: what is due stays so, for others to take
	heard := menu.Heard{Play: 9, Percent: 60}
	gone := []any{menu.Left{Why: menu.ByCaller}, menu.End{Reason: menu.HungUp}}
	for i, tt := range []struct {
		name  string
		first orders.Result // stored before the last one, if any
		call  []any
		want  string
	}{
		{"to the end", orders.Result{}, append(told(success), menu.Played{ID: 9}), "heard"},
		{"a key after half", orders.Result{}, append(told(success), menu.Pressed{Key: '1', Heard: heard}), "heard"},
		{"a key at once, then gone", orders.Result{}, append(append(told(success), menu.Pressed{Key: '1', Heard: menu.Heard{Play: 9, Percent: 10}}), gone...), "due"},
		{"hung up while waiting", orders.Result{}, append([]any{menu.Left{Why: menu.ByCaller}, menu.AppLeft{App: 1}}, menu.End{Reason: menu.HungUp}), "due"},
		{"hung up in the sentence", orders.Result{}, append(told(success), gone...), "due"},
		{"not played", orders.Result{}, append(append(told(success), menu.Played{ID: 9, Failed: true}), gone...), "due"},
		{"told that it is worked on", unknown, append(told(unknown), menu.Played{ID: 9}), "due"},
		{"still in the sentence", orders.Result{}, told(success), "held"},
		{"still waiting", orders.Result{}, nil, "held"},
	} {
		call := uuid.New()
		order := r.order(call, 1, fmt.Sprintf("1380000%04d", i))
		if tt.first != (orders.Result{}) {
			r.resolve(order, tt.first)
		}
		if got := r.state(order); got != "none" {
			t.Errorf("%s: before there is a result, its notification is %s", tt.name, got)
		}
		r.call(call, tt.call...)
		r.resolve(order, success)
		r.becomes(order, tt.want)
	}
}

// TestAllCallersOfAnOrderMustHaveHeard: two phones of one number, of which one hung up.
func TestAllCallersOfAnOrderMustHaveHeard(t *testing.T) {
	r := newRig(t)
	for _, second := range []struct {
		after []any
		want  string
	}{
		{append(told(success), menu.Played{ID: 9}), "heard"},
		{[]any{menu.Left{Why: menu.ByCaller}, menu.AppLeft{App: 1}, menu.End{Reason: menu.HungUp}}, "due"},
	} {
		one, other := uuid.New(), uuid.New()
		order := r.order(one, 1, digits)
		if joined := r.order(other, 1, digits); joined != order {
			t.Fatal("the second has an order of its own")
		}
		r.call(one, append(told(success), menu.Played{ID: 9})...)
		r.call(other, second.after...)
		r.resolve(order, success)
		stop := run(t, r.quick())
		r.becomes(order, second.want)
		stop()
	}
}

// TestACallOfWhichNothingIsHeard, as its server and spool are lost, keeps nobody waiting for ever.
func TestACallOfWhichNothingIsHeard(t *testing.T) {
	r := newRig(t)
	opt := r.quick()
	opt.Hold = 300 * time.Millisecond
	run(t, opt)
	order := r.order(uuid.New(), 1, digits)
	r.resolve(order, orders.Result{Outcome: orders.Rejected, Detail: orders.AlreadyOpen})
	r.becomes(order, "due")
	var text string
	if err := r.pool.QueryRow(t.Context(), "select text from ivr.notifications").Scan(&text); err != nil || text != "open.rejected.already_open" {
		t.Errorf("%q, %v", text, err)
	}
}

// receiver is a gateway: it keeps what it gets, and answers as it is told.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	requests []delivery
	answer   func(n int, w http.ResponseWriter, r *http.Request) // n counts from 1
}

type delivery struct {
	header http.Header
	body   []byte
	url    string
}

var secret = []byte("0123456789abcdef0123456789abcdef")

func newReceiver(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) *receiver {
	rec := &receiver{answer: answer}
	rec.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		rec.mu.Lock()
		rec.requests = append(rec.requests, delivery{r.Header.Clone(), body, r.URL.String()})
		n := len(rec.requests)
		rec.mu.Unlock()
		if rec.answer != nil {
			rec.answer(n, w, r)
		}
	}))
	t.Cleanup(rec.Close)
	return rec
}

func (rec *receiver) got() []delivery {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return append([]delivery(nil), rec.requests...)
}

func (rec *receiver) webhook(t *testing.T, path string) func(context.Context, notify.Notice) error {
	t.Helper()
	w, err := notify.NewWebhook(rec.URL+path, secret)
	if err != nil {
		t.Fatal(err)
	}
	return w.Deliver
}

// due stores orders whose results are due, of as many callers.
func (r rig) due(n int) (ids []string) {
	r.t.Helper()
	for i := range n {
		order := r.order(uuid.New(), 1, fmt.Sprintf("1380000%04d", 1234+i))
		r.resolve(order, success)
		ids = append(ids, order)
	}
	r.exec("update ivr.notifications set state = 'due'")
	return ids
}

// TestWebhook: a receiver that fails in several ways gets the same notification again until it
// takes it, signed, with the number in its body and nowhere else.
func TestWebhook(t *testing.T) {
	r := newRig(t)
	r.exec("insert into ivr.remembered (caller_hash, language, at) select $1, 'en', now()", sealer.Seal(mustNumber(t, digits)).Hash)
	order := r.due(1)[0]
	rec := newReceiver(t, func(n int, w http.ResponseWriter, req *http.Request) {
		switch n {
		case 1:
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, "cannot text "+digits)
		case 2:
			http.Redirect(w, req, "/elsewhere?to="+digits, http.StatusTemporaryRedirect)
		case 3:
			if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
				_ = conn.Close()
			}
		case 4:
			<-req.Context().Done() // silent
		default:
			w.WriteHeader(http.StatusAccepted)
		}
	})
	var log lockedBuffer
	opt := r.quick()
	opt.Deliver, opt.Patience = rec.webhook(t, "/notify?token=T0KEN"), 300*time.Millisecond
	opt.Log = slog.New(slog.NewTextHandler(&log, nil))
	run(t, opt)
	r.becomes(order, "sent")
	got := rec.got()
	if len(got) != 5 {
		t.Fatalf("%d requests, want 4 that failed and one", len(got))
	}
	for _, d := range got {
		at, signature, _ := strings.Cut(strings.TrimPrefix(d.header.Get(notify.HeaderSignature), "t="), ",")
		seconds, err := strconv.ParseInt(at, 10, 64)
		if err != nil || notify.Sign(secret, time.Unix(seconds, 0), d.body) != "t="+at+","+signature || time.Since(time.Unix(seconds, 0)).Abs() > time.Minute {
			t.Errorf("signature %q, %v", d.header.Get(notify.HeaderSignature), err)
		}
		if d.header.Get(notify.HeaderID) == "" || d.header.Get(notify.HeaderID) != got[0].header.Get(notify.HeaderID) {
			t.Errorf("id %q, first it was %q", d.header.Get(notify.HeaderID), got[0].header.Get(notify.HeaderID))
		}
		if strings.Contains(d.url, "1380") || d.url != "/notify?token=T0KEN" {
			t.Errorf("sent to %s", d.url)
		}
	}
	var b map[string]any
	if err := json.Unmarshal(got[4].body, &b); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{"to": digits, "order": order, "text": "open.success", "language": "en", "kind": "order_result",
		"outcome": "success", "detail": "confirmed", "service": "caller_id", "action": "open", "price_fen": 600.0, "id": got[0].header.Get(notify.HeaderID)} {
		if b[name] != want {
			t.Errorf("%s is %v, want %v", name, b[name], want)
		}
	}
	var attempts int
	var stored string
	if err := r.pool.QueryRow(t.Context(), "select attempts, n::text from ivr.notifications n").Scan(&attempts, &stored); err != nil || attempts != 5 {
		t.Errorf("%d attempts, %v", attempts, err)
	}
	for what, text := range map[string]string{"the log": log.String(), "the table": stored} {
		if strings.Contains(text, digits) || strings.Contains(text, "T0KEN") {
			t.Errorf("%s holds the number or the token: %s", what, text)
		}
	}
	if n := strings.Count(log.String(), "not delivered"); n != 4 {
		t.Errorf("%d failures are in the log, want 4", n)
	}
}

// TestManyNotifiersShareTheWork: with nothing going wrong, each is delivered once.
func TestManyNotifiersShareTheWork(t *testing.T) {
	r := newRig(t)
	const n = 60
	ids := r.due(n)
	rec := newReceiver(t, nil)
	for range 3 {
		opt := r.quick()
		opt.Deliver = rec.webhook(t, "")
		run(t, opt)
	}
	for _, id := range ids {
		r.becomes(id, "sent")
	}
	seen := map[string]int{}
	for _, d := range rec.got() {
		seen[d.header.Get(notify.HeaderID)]++
	}
	if len(seen) != n || len(rec.got()) != n {
		t.Errorf("%d of %d in %d requests", len(seen), n, len(rec.got()))
	}
}

// TestNotifierDies with a delivery on its way: another delivers it when the lease has run
// out, and what the first then learns changes nothing.
func TestNotifierDies(t *testing.T) {
	r := newRig(t)
	order := r.due(1)[0]
	rec := newReceiver(t, nil)
	arrived, goOn := make(chan struct{}), make(chan struct{})
	var first atomic.Bool
	stuck := r.quick()
	stuck.Patience = 20 * time.Second
	deliver := rec.webhook(t, "")
	stuck.Deliver = func(ctx context.Context, n notify.Notice) error {
		if !first.CompareAndSwap(false, true) {
			return deliver(ctx, n) // another worker of the same process may be the next
		}
		close(arrived)
		<-goOn // as if the machine stood still
		return errors.New("late")
	}
	stop := run(t, stuck)
	<-arrived
	r.exec("update ivr.notifications set locked_until = now()")
	next := r.quick()
	next.Deliver = rec.webhook(t, "")
	stopNext := run(t, next)
	r.becomes(order, "sent")
	close(goOn)
	stop()
	stopNext()
	var problem string
	if err := r.pool.QueryRow(t.Context(), "select state || ' ' || last_error from ivr.notifications").Scan(&problem); err != nil || problem != "sent " {
		t.Errorf("in the end it is %q, %v", problem, err)
	}
}

// TestDeliveredWhileTheServerStops: the receiver has it, so nobody is told twice.
func TestDeliveredWhileTheServerStops(t *testing.T) {
	r := newRig(t)
	order := r.due(1)[0]
	arrived := make(chan struct{})
	opt := r.quick()
	opt.Deliver = func(ctx context.Context, _ notify.Notice) error {
		close(arrived)
		<-ctx.Done() // the receipt comes as the server stops
		return nil
	}
	stop := run(t, opt)
	<-arrived
	stop()
	if got := r.state(order); got != "sent" {
		t.Errorf("what was delivered is %q", got)
	}
}

func TestGivenUpAndSentAgain(t *testing.T) {
	r := newRig(t)
	order := r.due(1)[0]
	var works atomic.Bool
	rec := newReceiver(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		if !works.Load() {
			w.WriteHeader(http.StatusNotFound)
		}
	})
	opt := r.quick()
	opt.Deliver, opt.GiveUp = rec.webhook(t, ""), 200*time.Millisecond
	run(t, opt)
	r.becomes(order, "given_up")
	works.Store(true)
	id := rec.got()[0].header.Get(notify.HeaderID)
	if err := notify.Again(t.Context(), r.pool, id); err != nil {
		t.Fatal(err)
	}
	r.becomes(order, "sent")
	told := len(rec.got())
	for _, no := range []string{id, uuid.NewString(), "none"} {
		if err := notify.Again(t.Context(), r.pool, no); !errors.Is(err, notify.ErrNotWaiting) {
			t.Errorf("%s: %v", no, err)
		}
	}
	if got := r.state(order); got != "sent" || len(rec.got()) != told {
		t.Errorf("one that was delivered is %s, delivered %d times more", got, len(rec.got())-told)
	}
}

// TestGivenUpHasItsTimeAgain: the first failure after that is not the last.
func TestGivenUpHasItsTimeAgain(t *testing.T) {
	r := newRig(t)
	order := r.due(1)[0]
	r.exec("update ivr.notifications set state = 'given_up', created_at = now() - interval '10 days'")
	var id string
	if err := r.pool.QueryRow(t.Context(), "select id::text from ivr.notifications").Scan(&id); err != nil {
		t.Fatal(err)
	}
	if err := notify.Again(t.Context(), r.pool, id); err != nil {
		t.Fatal(err)
	}
	rec := newReceiver(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n < 3 {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	opt := r.quick()
	opt.Deliver = rec.webhook(t, "")
	run(t, opt)
	r.becomes(order, "sent")
}

func TestNewWebhookRefuses(t *testing.T) {
	for _, to := range []string{"", "sms.example/notify", "ftp://sms.example", "https://", "http://user:passw0rd@[bad"} {
		if _, err := notify.NewWebhook(to, secret); err == nil || strings.Contains(err.Error(), "passw0rd") {
			t.Errorf("%q: %v", to, err)
		}
	}
	if _, err := notify.NewWebhook("http://127.0.0.1:1/", []byte("short")); err == nil || strings.Contains(err.Error(), "short") {
		t.Errorf("a short secret: %v", err)
	}
}

func mustNumber(t *testing.T, s string) orders.MSISDN {
	t.Helper()
	m, err := orders.ParseMSISDN(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// lockedBuffer is a log that is written by many.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
