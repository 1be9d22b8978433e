package httpboss_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hotline/internal/orders"
	"hotline/internal/orders/entry"
)

const small = `
url: {env: BOSS_URL}
speaks: json
capabilities: {idempotent: true, queryable: true, prices: false}
secrets: {token: {env: TOKEN}}
headers: {Authorization: "Bearer ${secret.token}"}
deadline: 300ms
statuses: {429: not_done, 409: reply}
code: $.code
ref: $.ref
submit:
  post: /orders
  body: '{"key": "${key}", "number": "${number}", "pin": "${typed.new_password}"}'
  outcomes: {OK: success, NO: rejected/other, LATER: unknown, FULL: not_done, default: unknown}
  actions: {change: {}}
lookup:
  get: /orders/${key}
  statuses: {404: reply}
  outcomes: {OK: success, NONE: not_found, default: unknown}
verify:
  post: /verify
  body: '{"number": "${number}", "pin": "${password}"}'
  outcomes: {OK: success, BAD: auth_failed/wrong_password, default: system_failed/boss_error}
query:
  post: /query
  body: '{"number": "${number}"}'
  outcomes: {OK: success, default: system_failed/boss_error}
  answers:
    points: {values: {points: {at: $.points, as: count}}}
`

// The digits that no error may quote.
const (
	caller = "13912345678"
	pin    = "907856"
)

// script is a BOSS that answers every connection with these bytes, and then closes it.
// It counts the requests; read of them is all that has come.
type script struct {
	url      string
	requests atomic.Int32
}

// speaks serves an answer; hang keeps the connection open without one.
func speaks(t *testing.T, answer func(request string) string, hang bool) *script {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &script{url: "http://" + l.Addr().String()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.serve(conn, answer, hang)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return s
}

func (s *script) serve(conn net.Conn, answer func(string) string, hang bool) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	in := bufio.NewReader(conn)
	req, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	body, _ := io.ReadAll(req.Body)
	s.requests.Add(1)
	if hang {
		_, _ = io.Copy(io.Discard, in) // until the asker gives up
		return
	}
	_, _ = io.WriteString(conn, answer(string(body)))
}

func reply(status int, body string) string {
	return fmt.Sprintf("HTTP/1.1 %d X\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
}

func changing(t *testing.T) orders.Order {
	t.Helper()
	return order(t, caller, "change service_password 0", orders.With{"new_password": entry.New(entry.Password, pin)})
}

// TestWhatIsCertainOfAnOrder: of every way in which an order can go wrong, the error says
// no more than is known, the request was sent at most once, and nothing is quoted, though
// the BOSS repeats what it was sent.
func TestWhatIsCertainOfAnOrder(t *testing.T) {
	for name, tt := range map[string]struct {
		answer func(request string) string
		hang   bool
		want   error // nil: it is an answer
		is     orders.Result
	}{
		"done":                {answer: func(string) string { return reply(200, `{"code":"OK","ref":"R1"}`) }, is: orders.Result{Outcome: orders.Success, Detail: orders.Confirmed}},
		"refused":             {answer: func(string) string { return reply(200, `{"code":"NO"}`) }, is: orders.Result{Outcome: orders.Rejected, Detail: orders.Other}},
		"refused by a 409":    {answer: func(string) string { return reply(409, `{"code":"NO"}`) }, is: orders.Result{Outcome: orders.Rejected, Detail: orders.Other}},
		"accepted":            {answer: func(string) string { return reply(202, `{"code":"LATER"}`) }, is: orders.Result{Outcome: orders.Unknown}},
		"an unlisted code":    {answer: func(q string) string { return reply(200, `{"code":`+fmt.Sprintf("%q", q)+`}`) }, is: orders.Result{Outcome: orders.Unknown}},
		"full, by its code":   {answer: func(string) string { return reply(200, `{"code":"FULL"}`) }, want: orders.ErrNotSent},
		"busy":                {answer: func(q string) string { return reply(429, q) }, want: orders.ErrNotSent},
		"500":                 {answer: func(q string) string { return reply(500, q) }, want: orders.ErrAnswerLost},
		"503 of nobody knows": {answer: func(q string) string { return reply(503, q) }, want: orders.ErrAnswerLost},
		"404":                 {answer: func(q string) string { return reply(404, q) }, want: orders.ErrAnswerLost},
		"204":                 {answer: func(string) string { return "HTTP/1.1 204 X\r\n\r\n" }, want: orders.ErrAnswerLost},
		"a redirect": {answer: func(string) string {
			return "HTTP/1.1 307 X\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
		}, want: orders.ErrAnswerLost},
		"a page":              {answer: func(q string) string { return reply(200, "<html>"+q) }, want: orders.ErrAnswerLost},
		"no code":             {answer: func(q string) string { return reply(200, `{"x":1}`) }, want: orders.ErrAnswerLost},
		"a null for the code": {answer: func(string) string { return reply(200, `{"code":null}`) }, want: orders.ErrAnswerLost},
		"a code of objects":   {answer: func(q string) string { return reply(200, `{"code":`+q+`}`) }, want: orders.ErrAnswerLost},
		"two codes":           {answer: func(string) string { return reply(200, `{"code":"OK","code":"NO"}`) }, want: orders.ErrAnswerLost},
		"two replies in one":  {answer: func(string) string { return reply(200, `{"code":"OK"}{"code":"OK"}`) }, want: orders.ErrAnswerLost},
		"a deep reply":        {answer: func(string) string { return reply(200, strings.Repeat("[", 1000)+strings.Repeat("]", 1000)) }, want: orders.ErrAnswerLost},
		"a long reply":        {answer: func(string) string { return reply(200, `{"x":"`+strings.Repeat("x", 5<<20)+`"}`) }, want: orders.ErrAnswerLost},
		"half a reply":        {answer: func(string) string { return strings.TrimSuffix(reply(200, `{"code":"OK"}`), `"}`) }, want: orders.ErrAnswerLost},
		"no HTTP":             {answer: func(q string) string { return q + "\r\n\r\n" }, want: orders.ErrAnswerLost},
		"a broken header":     {answer: func(q string) string { return "HTTP/1.1 200 OK\r\n" + q + "\r\n\r\n" }, want: orders.ErrAnswerLost},
		"headers without end": {answer: func(string) string { return "HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", 100_000) }, want: orders.ErrAnswerLost},
		"closed":              {answer: func(string) string { return "" }, want: orders.ErrAnswerLost},
		"no answer":           {hang: true, want: orders.ErrAnswerLost},
	} {
		t.Run(name, func(t *testing.T) {
			s := speaks(t, tt.answer, tt.hang)
			b := open(t, "small.yaml", small, map[string]string{"BOSS_URL": s.url, "TOKEN": token})
			begun := time.Now()
			a, err := b.Submit(t.Context(), changing(t))
			if !errors.Is(err, tt.want) || tt.want == nil && (err != nil || a.Result != tt.is) {
				t.Errorf("%v, %v, want %v %v", a.Result, err, tt.is, tt.want)
			}
			if other := map[error]error{orders.ErrNotSent: orders.ErrAnswerLost, orders.ErrAnswerLost: orders.ErrNotSent}[tt.want]; other != nil && errors.Is(err, other) {
				t.Errorf("%v says two things", err)
			}
			if n := s.requests.Load(); n != 1 {
				t.Errorf("%d requests, want 1", n)
			}
			if tt.hang && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v does not say that time ran out", err)
			}
			if took := time.Since(begun); took > 5*time.Second {
				t.Errorf("it took %v, with a deadline of 300ms", took)
			}
			quotesNothing(t, fmt.Sprintf("%v %+v", err, a))
		})
	}
}

func quotesNothing(t *testing.T, text string) {
	t.Helper()
	for _, private := range []string{caller, pin, token} {
		if strings.Contains(text, private) {
			t.Errorf("%s is quoted in %s", private, text)
		}
	}
}

// TestWhatNeverReachedTheBOSS: before a connection stands, nothing has been sent.
func TestWhatNeverReachedTheBOSS(t *testing.T) {
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = nobody.Close()
	plain := speaks(t, func(string) string { return reply(200, `{"code":"OK"}`) }, false)
	stranger := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request on an untrusted connection") }))
	stranger.Config.ErrorLog = log.New(io.Discard, "", 0) // it is meant to be refused
	stranger.StartTLS()
	defer stranger.Close()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tt := range map[string]struct {
		url    string
		noTime bool
	}{
		"refused":           {url: "http://" + nobody.Addr().String()},
		"not TLS":           {url: strings.Replace(plain.url, "http:", "https:", 1)},
		"not a certificate": {url: stranger.URL},
		"no time left":      {url: plain.url, noTime: true},
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t, "small.yaml", small, map[string]string{"BOSS_URL": tt.url, "TOKEN": token})
			ctx := t.Context()
			if tt.noTime {
				ctx = gone
			}
			a, err := b.Submit(ctx, changing(t))
			if !errors.Is(err, orders.ErrNotSent) || errors.Is(err, orders.ErrAnswerLost) {
				t.Errorf("%v, %v, want ErrNotSent", a.Result, err)
			}
			if tt.noTime && !errors.Is(err, context.Canceled) {
				t.Errorf("%v does not say why", err)
			}
			quotesNothing(t, fmt.Sprint(err))
		})
	}
	b := open(t, "small.yaml", small, map[string]string{"BOSS_URL": plain.url, "TOKEN": token})
	if _, err := b.Submit(t.Context(), order(t, caller, "open caller_id 600", nil)); !errors.Is(err, orders.ErrNotSent) {
		t.Errorf("an action that is not described: %v", err)
	}
	if _, err := b.Query(t.Context(), orders.Query{Name: "balance", Caller: number(t, caller)}); !errors.Is(err, orders.ErrNotSent) {
		t.Errorf("a query that is not described: %v", err)
	}
	if _, err := b.Submit(t.Context(), order(t, caller, "change service_password 0", nil)); !errors.Is(err, orders.ErrNotSent) {
		t.Errorf("nothing typed: %v", err)
	}
	if prices, err := b.Prices(t.Context()); prices != nil || err != nil {
		t.Errorf("prices that are not described: %v, %v", prices, err)
	}
	if n := plain.requests.Load(); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

// TestLookups: not found is what the BOSS says, not what a gateway answers.
func TestLookups(t *testing.T) {
	for answer, want := range map[string]error{
		reply(404, `{"code":"NONE"}`): orders.ErrNotFound, reply(200, `{"code":"NONE"}`): orders.ErrNotFound,
		reply(404, "<html>no such page"): orders.ErrAnswerLost, reply(500, `{"code":"NONE"}`): orders.ErrAnswerLost, reply(200, `{"code":"OK"}`): nil,
	} {
		s := speaks(t, func(string) string { return answer }, false)
		b := open(t, "small.yaml", small, map[string]string{"BOSS_URL": s.url, "TOKEN": token})
		if a, err := b.Lookup(t.Context(), "a-key.1"); !errors.Is(err, want) {
			t.Errorf("%s: %v, %v, want %v", answer, a.Result, err, want)
		}
	}
}

// TestSecretsOfVerify: neither a right nor a wrong password is in what comes back, even
// where the BOSS repeats it.
func TestSecretsOfVerify(t *testing.T) {
	s := speaks(t, func(q string) string {
		return reply(200, fmt.Sprintf(`{"code":%q,"ref":%q,"points":%q}`, q, q, q))
	}, false)
	b := open(t, "small.yaml", small, map[string]string{"BOSS_URL": s.url, "TOKEN": token})
	a, err := b.Verify(t.Context(), orders.Verification{Caller: number(t, caller), Password: entry.New(entry.Password, pin)})
	if err != nil || a.Result != (orders.Result{Outcome: orders.SystemFailed, Detail: orders.BossError}) || a.BossRef != "" {
		t.Errorf("%+v, %v", a, err)
	}
	quotesNothing(t, fmt.Sprintf("%+v %v", a, err))
}
