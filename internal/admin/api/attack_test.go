package api

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
)

// TestGuessesAtOnce: who guesses passwords from one network, all at the same moment and from many of
// its addresses, has as many guesses as one who does it slowly.
func TestGuessesAtOnce(t *testing.T) {
	d := newDesk(t)
	secret, err := HashPassword("correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	if err := AddUser(d.file, "li", Decider, secret); err != nil {
		t.Fatal(err)
	}
	var guessed, refused atomic.Int32
	var all sync.WaitGroup
	for i := range clientBurst {
		all.Go(func() {
			r := httptest.NewRequest("GET", "http://admin/v1/boss", nil)
			r.RemoteAddr = fmt.Sprintf("[2001:db8::%x]:999", i+1)
			r.SetBasicAuth("li", fmt.Sprint("guess ", i))
			w := httptest.NewRecorder()
			d.handler.ServeHTTP(w, r)
			switch w.Code {
			case http.StatusUnauthorized:
				guessed.Add(1)
			case http.StatusTooManyRequests:
				refused.Add(1)
			}
		})
	}
	all.Wait()
	// Two passwords are tried at once: one more than the limit can slip through.
	if n := guessed.Load(); n < wrongBurst || n > wrongBurst+1 || refused.Load() != clientBurst-n {
		t.Errorf("%d guesses of %d, %d refused", n, clientBurst, refused.Load())
	}
	r := httptest.NewRequest("GET", "http://admin/v1/boss", nil)
	r.RemoteAddr = "[2001:db8:0:1::1]:999"
	r.SetBasicAuth("li", "correct horse battery")
	if status, answer := d.send(t, r); status != 200 {
		t.Errorf("who is elsewhere suffers for it: %d %v", status, answer)
	}
	if n := strings.Count(d.log.String(), "wrong secret"); n != int(guessed.Load()) || strings.Contains(d.log.String(), "guess ") {
		t.Errorf("%d wrong secrets in the log, or the secrets themselves", n)
	}
}

// TestHostileRequests: each is refused as the client's mistake, is no reason for an error in the log,
// and changes nothing; those that would have done something are on record.
func TestHostileRequests(t *testing.T) {
	d := newDesk(t)
	id := d.order(t, caller, "unknown")
	decide := func(why string) string {
		return fmt.Sprintf(`{"outcome": "success", "detail": "reconciled", "why": %s}`, why)
	}
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/v1/orders/search", `{"number": "' or true --"}`, 400},
		{"POST", "/v1/orders/search", `{"number": "` + caller + `"} {}`, 400},
		{"POST", "/v1/orders/search", `{"number": "` + caller + `"}]`, 400},
		{"POST", "/v1/orders/search", `{"number": "` + strings.Repeat("1", bodyLimit) + `"}`, 413},
		{"POST", "/v1/orders/search", strings.Repeat("[", bodyLimit-1), 400},
		{"POST", "/v1/orders/search", " ", 400},
		{"POST", "/v1/orders/search", "null", 400},
		{"GET", "/v1/orders/' or 1=1", "", 400},
		{"GET", "/v1/orders/..%2f..%2fetc", "", 400},
		{"GET", "/v1/applications/%00", "", 404},
		{"GET", "/v1/applications/%ff", "", 404},
		{"GET", "/v1/applications/' or true --", "", 404},
		{"GET", "/v1/audit?after=" + place{ID: "1e3"}.String(), "", 400},
		{"GET", "/v1/orders?after=" + place{ID: "' or true --"}.String(), "", 400},
		{"GET", "/v1/orders?limit=9999999999999999999", "", 400},
		{"POST", "/v1/orders/" + id + "/decide", decide(`"nul \u0000"`), 400},
		{"POST", "/v1/orders/" + id + "/decide", decide(`"\u001b[2J all is well"`), 400},
		{"POST", "/v1/orders/" + id + "/decide", decide(`"asked ` + caller + `"`), 400},
		{"POST", "/v1/orders/" + id + "/decide", decide(`"asked +86 139-1234-5678"`), 400},
		{"POST", "/v1/orders/" + id + "/number", `{"why": "call ` + caller + `"}`, 400},
	} {
		path, query, _ := strings.Cut(c.path, "?")
		plain, err := url.PathUnescape(path)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(c.method, "http://admin/", strings.NewReader(c.body))
		r.URL.Path, r.URL.RawPath, r.URL.RawQuery = plain, path, query
		d.asked++
		r.RemoteAddr = fmt.Sprintf("127.1.0.%d:999", d.asked)
		r.Header.Set("Authorization", "bearer "+d.tokens[Decider])
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		d.handler.ServeHTTP(w, r)
		if w.Code != c.status || strings.Contains(w.Body.String(), caller) || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s %.80s: %d %s, not %d", c.method, c.path, c.body, w.Code, w.Body, c.status)
		}
	}
	if strings.Contains(d.log.String(), "ERROR") || strings.Contains(d.log.String(), caller) {
		t.Errorf("the log says\n%s", d.log)
	}
	if _, order := d.ask(t, Reader, "GET", "/v1/orders/"+id, ""); order["state"] != "unknown" {
		t.Errorf("%v", order)
	}
	var refused, digits int
	err := d.pool.QueryRow(t.Context(), `select count(*) filter (where status >= 400), count(*) filter (where a::text like '%'||$1||'%') from ivr.admin_audit a`, caller).
		Scan(&refused, &digits)
	if err != nil || refused != 12 || digits != 0 {
		t.Errorf("%d refusals on record, %d with the number; %v", refused, digits, err)
	}
}

// TestReasonsMayNameOrders: a UUID is no telephone number, whatever digits it has.
func TestReasonsMayNameOrders(t *testing.T) {
	for _, why := range []string{"as order abcde139-1234-7678-8000-000000000001", "ticket 4711", "20261123-13800", uuid.Nil.String()} {
		if err := checkWhy(why); err != nil {
			t.Errorf("%q: %v", why, err)
		}
	}
}

// TestUsersFileIsNotSpoilt by a last line without its end, or by names that would be several words.
func TestUsersFileIsNotSpoilt(t *testing.T) {
	file := t.TempDir() + "/users"
	if err := os.WriteFile(file, []byte("li reader sha256:00"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := AddUser(file, "wang", Operator, "sha256:01"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a\u3000b", "a\rb", "a\x1b[2J", "a\u00a0b", "#a", "a:b"} {
		if err := AddUser(file, name, Reader, "sha256:02"); err == nil {
			t.Errorf("%q is a name", name)
		}
	}
	if users, err := readUsers(file); err != nil || len(users) != 2 || users[1].name != "wang" {
		t.Errorf("%v, %v", users, err)
	}
}

// TestTheDocumentIsLimitedToo: without a secret nobody may ask for it as fast as the network is.
func TestTheDocumentIsLimitedToo(t *testing.T) {
	h, last := Handler(Options{}), 0
	for range 2 * clientBurst {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "http://admin/openapi.yaml", nil))
		last = w.Code
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("%d", last)
	}
}
