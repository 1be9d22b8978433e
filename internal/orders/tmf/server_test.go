package tmf_test

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
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"hotline/internal/orders"
	"hotline/internal/orders/entry"
	"hotline/internal/orders/tmf"
)

// What is secret in the tests. Their figures are found in no other text.
const (
	digits   = "13824680246"
	password = "975310"
	token    = "tok-86420975"
	key      = "0193c5a1-key"
)

const (
	orderPath    = "/tmf-api/productOrderingManagement/v4/productOrder"
	productPath  = "/tmf-api/productInventory/v4/product"
	balancePath  = "/tmf-api/prepayBalanceManagement/v4/accumulatedBalance"
	extensionURL = "/tmf-api/hotline/v1/"
)

// everything is what a BOSS with the whole extension offers.
const everything = `{"idempotent":true,"queryable":true,"prices":true,"verify":true,"query":true}`

func caller(t testing.TB) orders.MSISDN {
	t.Helper()
	m, err := orders.ParseMSISDN(digits)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func opening(t testing.TB) orders.Order {
	return orders.Order{ID: "order-1", Key: key, Caller: caller(t), Service: "caller_id", Action: orders.Open, Price: 600}
}

func secret(text string) entry.Entry { return entry.New(entry.Password, text) }

// ordered is a product order as a BOSS shows it.
func ordered(state string) string { return shown("PO1", key, state, state) }

func shown(id, key, state, item string) string {
	return fmt.Sprintf(`{"id":%q,"externalId":%q,"state":%q,"productOrderItem":[{"id":"1","action":"add","state":%q,"productOffering":{"id":"caller_id"}}]}`,
		id, key, state, item)
}

// said is one reply of a scripted BOSS.
type said struct {
	status int
	body   string
	header map[string]string
}

// scripted is a BOSS that says what a test tells it to: for each "METHOD path" one reply
// after the other, of which the last stays. It keeps what it was asked.
type scripted struct {
	t      *testing.T
	url    string
	mu     sync.Mutex
	script map[string][]said
	asked  []*http.Request
	bodies []string
}

func newScripted(t *testing.T, offers string) *scripted {
	s := &scripted{t: t, script: map[string][]said{}}
	if offers == "" {
		s.say("GET "+extensionURL, said{status: 404})
	} else {
		s.say("GET "+extensionURL, said{status: 200, body: offers})
	}
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	s.url = web.URL + "/tmf-api"
	return s
}

func (s *scripted) say(what string, all ...said) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script[what] = all
}

func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.asked, s.bodies = append(s.asked, r), append(s.bodies, string(body))
	what := r.Method + " " + r.URL.Path
	all := s.script[what]
	if len(all) > 1 {
		s.script[what] = all[1:]
	}
	s.mu.Unlock()
	if len(all) == 0 {
		s.t.Errorf("the BOSS was asked for %s", what)
		w.WriteHeader(http.StatusNotImplemented)
		return
	}
	s.valid(r, body)
	w.Header().Set("Content-Type", "application/json")
	for name, value := range all[0].header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(all[0].status)
	_, _ = io.WriteString(w, all[0].body)
}

// valid holds a request against its specification.
func (s *scripted) valid(r *http.Request, body []byte) {
	specs, err := theSpecifications()
	if err != nil {
		s.t.Error(err)
		return
	}
	if err := specs.request(r.Method, r.URL.Path, body); err != nil && !errors.Is(err, errNoSpecification) {
		s.t.Errorf("%s %s is not valid: %v", r.Method, r.URL.Path, err)
	}
}

// times is how often something was asked for.
func (s *scripted) times(what string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.asked {
		if r.Method+" "+r.URL.Path == what {
			n++
		}
	}
	return n
}

// last is the last request, and its body.
func (s *scripted) last() (*http.Request, map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.asked) - 1
	var body map[string]any
	if text := s.bodies[n]; text != "" {
		if err := json.Unmarshal([]byte(text), &body); err != nil {
			s.t.Fatal(err)
		}
	}
	return s.asked[n], body
}

// lockedBuffer takes what is logged.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// opened opens an adapter, and has the test end with nothing secret in its log.
func opened(t *testing.T, base string, with ...func(*tmf.Options)) *tmf.Boss {
	t.Helper()
	log := &lockedBuffer{}
	o := tmf.Options{
		Base: base, Token: token, Poll: time.Millisecond,
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, w := range with {
		w(&o)
	}
	boss, err := tmf.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		boss.Close()
		noSecret(t, "the log", log.String())
	})
	return boss
}

func noSecret(t *testing.T, where, text string) {
	t.Helper()
	for what, secret := range map[string]string{"number": digits, "password": password, "token": token} {
		if strings.Contains(text, secret) || strings.Contains(text, url.QueryEscape(secret)) {
			t.Errorf("the %s is in %s", what, where)
		}
	}
}

// certainty says in a word what an error leaves open, and looks at its text.
func certainty(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return "answer"
	}
	noSecret(t, "an error", fmt.Sprintf("%v %+v %#v", err, err, err))
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("an error of several lines: %q", err)
	}
	var word []string
	for name, sentinel := range map[string]error{
		"not sent": orders.ErrNotSent, "lost": orders.ErrAnswerLost, "not found": orders.ErrNotFound,
	} {
		if errors.Is(err, sentinel) {
			word = append(word, name)
		}
	}
	switch len(word) {
	case 0:
		return "error"
	case 1:
		return word[0]
	}
	return fmt.Sprint(word)
}

// soon bounds what a test waits for.
func soon(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
