package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/journal"
	"hotline/internal/orders"
	carrier "hotline/internal/orders/desk"
	"hotline/internal/orders/notify"
	"hotline/internal/orders/sandbox"
	"hotline/internal/pgtest"
)

// desk is one API on a database of its own, and what its users know.
type desk struct {
	handler http.Handler
	pool    *pgxpool.Pool
	sealer  *journal.Sealer
	router  routers.Router
	file    string
	tokens  map[Role]string
	log     *bytes.Buffer
	asked   int
}

const caller = "13912345678"

func newDesk(t *testing.T) *desk {
	t.Helper()
	url := pgtest.Database(t)
	if _, err := journal.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	d := &desk{pool: pool, sealer: journal.NewSealer([32]byte{7}), tokens: map[Role]string{}, log: &bytes.Buffer{},
		file: filepath.Join(t.TempDir(), "users"), router: documented(t)}
	for _, role := range []Role{Reader, Operator, Decider} {
		token, secret := NewToken()
		d.tokens[role] = token
		if err := AddUser(d.file, "the-"+string(role), role, secret); err != nil {
			t.Fatal(err)
		}
	}
	boss, err := sandbox.Open(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = boss.Close(context.Background()) })
	bookings, err := carrier.New(pool, boss, carrier.Options{Seal: d.sealer.Seal})
	if err != nil {
		t.Fatal(err)
	}
	d.handler = Handler(Options{DB: pool, Users: d.file, Hash: d.sealer.Hash, Open: d.sealer.Open,
		Log: slog.New(slog.NewTextHandler(d.log, nil)), Decide: bookings.Decide, Hurry: bookings.Hurry,
		Again: func(ctx context.Context, id string) error { return notify.Again(ctx, pool, id) },
		State: func(ctx context.Context) (any, error) { return bookings.State(ctx) }})
	return d
}

func documented(t *testing.T) routers.Router {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return router
}

// order stores an order in a state, with its application and call, and gives its id.
func (d *desk) order(t *testing.T, number, state string) string {
	t.Helper()
	m, err := orders.ParseMSISDN(number)
	if err != nil {
		t.Fatal(err)
	}
	id, call, sealed := uuid.NewString(), uuid.NewString(), d.sealer.Seal(m)
	d.exec(t, `insert into ivr.calls (call_id, started_at, server, caller_masked, caller_hash, caller_enc) values ($1::uuid, now(), 'a', $2, $3, $4)`,
		call, sealed.Masked, sealed.Hash, sealed.Enc)
	d.exec(t, `select ivr.make_partition((now() at time zone 'UTC')::date)`)
	for seq, kind := range []string{"call_started", "submit", "committed"} {
		d.exec(t, `insert into ivr.steps (call_id, seq, at, kind, node, detail) values ($1::uuid, $2, now(), $3, 'main', '{"id": 1}')`, call, seq+1, kind)
	}
	d.exec(t, `select ivr.commit_order($1, $2::uuid, now(), $3::uuid, $3::text, $4, $5, $6, $7, 'open', 600, false)`,
		call+".1", call, id, sealed.Masked, sealed.Hash, sealed.Enc, "s"+id[:8])
	if state != "pending" {
		d.exec(t, `update ivr.orders set state = 'sent' where order_id = $1::uuid`, id)
	}
	if state == "unknown" {
		d.exec(t, `select ivr.resolve_order($1::uuid, 'unknown', '', '')`, id)
		d.exec(t, `update ivr.orders set next_try_at = now() + interval '1 hour', person_since = now(), person_why = 'overdue' where order_id = $1::uuid`, id)
	}
	return id
}

func (d *desk) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := d.pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// ask sends a request as a user of a role ("" for none), and checks that the document describes
// both it and its answer.
func (d *desk) ask(t *testing.T, role Role, method, path, body string) (int, map[string]any) {
	t.Helper()
	request := httptest.NewRequest(method, "http://admin"+path, strings.NewReader(body))
	d.asked++
	request.RemoteAddr = fmt.Sprintf("127.0.%d.%d:999", d.asked/250, d.asked%250) // an address has a limit of its own
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if role != "" {
		request.Header.Set("Authorization", "Bearer "+d.tokens[role])
	}
	return d.send(t, request)
}

func (d *desk) send(t *testing.T, request *http.Request) (int, map[string]any) {
	t.Helper()
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, request)
	route, params, err := d.router.FindRoute(request)
	if err != nil {
		t.Fatalf("%s %s is not in the document: %v", request.Method, request.URL.Path, err)
	}
	reply := w.Body.Bytes()
	err = openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: request, PathParams: params, Route: route},
		Status:                 w.Code, Header: w.Header(), Body: io.NopCloser(bytes.NewReader(reply)),
	})
	if err != nil {
		t.Errorf("%s %s: %d %s: %v", request.Method, request.URL.Path, w.Code, reply, err)
	}
	var answer map[string]any
	if err := json.Unmarshal(reply, &answer); err != nil {
		t.Errorf("%s %s: %d %s: %v", request.Method, request.URL.Path, w.Code, reply, err)
	}
	return w.Code, answer
}

// TestEveryRouteIsDocumented, and nothing else is.
func TestEveryRouteIsDocumented(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		t.Fatal(err)
	}
	var served, told []string
	routes := Handler(Options{}).(chi.Routes)
	err = chi.Walk(routes, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		served = append(served, method+" "+route)
		return nil
	})
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			told = append(told, method+" "+path)
		}
	}
	slices.Sort(served)
	slices.Sort(told)
	if err != nil || !slices.Equal(served, told) {
		t.Errorf("served %q\ntold of %q\n%v", served, told, err)
	}
	w := httptest.NewRecorder()
	Handler(Options{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/openapi.yaml", nil))
	if w.Code != 200 || !bytes.Equal(w.Body.Bytes(), document) {
		t.Errorf("the document is not served: %d", w.Code)
	}
}

// TestWhoMayDoWhat asks for everything in each role: below the needed one it is refused, changes
// nothing and is on record; without a secret it is refused.
func TestWhoMayDoWhat(t *testing.T) {
	d := newDesk(t)
	id := d.order(t, caller, "unknown")
	search, why := `{"number": "`+caller+`"}`, `{"why": "ticket 4711"}`
	for _, c := range []struct {
		needed             Role
		method, path, body string
		status             int
	}{
		{Reader, "GET", "/v1/orders", "", 200},
		{Reader, "GET", "/v1/orders?state=person&limit=1", "", 200},
		{Reader, "GET", "/v1/orders/" + id, "", 200},
		{Reader, "GET", "/v1/orders/" + id + "/history", "", 200},
		{Reader, "GET", "/v1/notifications?state=held", "", 200},
		{Reader, "GET", "/v1/boss", "", 200},
		{Reader, "GET", "/v1/applications/none.1", "", 404},
		{Operator, "POST", "/v1/orders/search", search, 200},
		{Operator, "POST", "/v1/applications/search", search, 200},
		{Operator, "POST", "/v1/orders/" + id + "/number", why, 200},
		{Operator, "POST", "/v1/orders/" + id + "/reconcile", "", 202},
		{Operator, "POST", "/v1/notifications/" + uuid.NewString() + "/retry", "", 404},
		{Decider, "GET", "/v1/audit", "", 200},
		{Decider, "POST", "/v1/orders/" + id + "/decide", `{"outcome": "success", "detail": "reconciled", "why": "the BOSS has it"}`, 200},
	} {
		for _, role := range []Role{"", Reader, Operator, Decider} {
			want := c.status
			switch {
			case role == "":
				want = 401
			case !role.includes(c.needed):
				want = 403
			case role != c.needed && strings.HasSuffix(c.path, "/decide"):
				want = 409
			}
			if got, answer := d.ask(t, role, c.method, c.path, c.body); got != want {
				t.Errorf("%s %s as %q: %d %v, not %d", c.method, c.path, role, got, answer, want)
			}
		}
	}
	_, order := d.ask(t, Reader, "GET", "/v1/orders/"+id, "")
	if order["state"] != "done" || order["decided_by"] != "the-decider" || order["number"] != "139****5678" {
		t.Errorf("decided: %v", order)
	}
	var denied, open, digits int
	err := d.pool.QueryRow(t.Context(), `select count(*) filter (where status = 403 and who = 'the-reader'), count(*) filter (where status is null),
		count(*) filter (where a::text like '%'||$1||'%') from ivr.admin_audit a`, caller).Scan(&denied, &open, &digits)
	if err != nil || denied != 6 || open != 0 || digits != 0 {
		t.Errorf("%d refusals on record, %d without an answer, %d with the number; %v", denied, open, digits, err)
	}
	if strings.Contains(d.log.String(), caller) {
		t.Error("the number is in the log")
	}
}

// TestFindByNumber goes through pages, and finds nobody else's.
func TestFindByNumber(t *testing.T) {
	d := newDesk(t)
	var want []string
	for range 5 {
		want = append(want, d.order(t, caller, "pending"))
		d.order(t, "13900000001", "pending")
	}
	slices.Reverse(want) // the newest first
	for what, name := range map[string]string{"orders": "order", "applications": "order"} {
		var got []string
		for after, n := "", 0; n == 0 || after != ""; n++ {
			_, page := d.ask(t, Operator, "POST", "/v1/"+what+"/search", fmt.Sprintf(`{"number": "+%s", "limit": 2, "after": %q}`, caller, after))
			for _, item := range page["items"].([]any) {
				got = append(got, item.(map[string]any)[name].(string))
			}
			after, _ = page["next"].(string)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, not %v", what, got, want)
		}
	}
	_, page := d.ask(t, Reader, "GET", "/v1/orders?state=unresolved&limit=10", "")
	if items := page["items"].([]any); len(items) != 10 || items[0].(map[string]any)["order"] != want[4] {
		t.Errorf("unresolved: %v", page)
	}
	id := want[0]
	_, first := d.ask(t, Reader, "GET", "/v1/orders/"+id+"/history?limit=2", "")
	_, rest := d.ask(t, Reader, "GET", fmt.Sprintf("/v1/orders/%s/history?limit=2&after=%s", id, first["next"]), "")
	steps := append(first["items"].([]any), rest["items"].([]any)...)
	if len(steps) != 3 || steps[2].(map[string]any)["kind"] != "committed" {
		t.Errorf("history: %v", steps)
	}
}

// TestWhatIsWrongIsToldWithoutTheNumber: bad bodies, places and states.
func TestWhatIsWrongIsToldWithoutTheNumber(t *testing.T) {
	d := newDesk(t)
	pending := d.order(t, caller, "pending")
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/v1/orders/search", `{"number": ` + caller + `}`, 400},
		{"POST", "/v1/orders/search", `{"numbers": "` + caller + `"}`, 400},
		{"POST", "/v1/orders/search", `{"number": "` + caller + `x"}`, 400},
		{"POST", "/v1/orders/search", `{"number": "` + caller + `", "after": "` + place{ID: "x"}.String() + `"}`, 400},
		{"POST", "/v1/orders/search", `{"number": "` + caller + `", "after": "rubbish"}`, 400},
		{"GET", "/v1/orders?limit=0", "", 400},
		{"GET", "/v1/orders?state=open", "", 400},
		{"GET", "/v1/orders/" + uuid.NewString(), "", 404},
		{"GET", "/v1/orders/" + uuid.NewString() + "/history", "", 404},
		{"POST", "/v1/orders/" + pending + "/number", `{"why": " "}`, 400},
		{"POST", "/v1/orders/" + pending + "/reconcile", "", 409},
		{"POST", "/v1/orders/" + pending + "/decide", `{"outcome": "unknown", "detail": "", "why": "w"}`, 400},
		{"POST", "/v1/orders/" + pending + "/decide", `{"outcome": "success", "detail": "locked", "why": "w"}`, 400},
	} {
		status, answer := d.ask(t, Decider, c.method, c.path, c.body)
		if status != c.status || strings.Contains(fmt.Sprint(answer), caller) {
			t.Errorf("%s %s %s: %d %v", c.method, c.path, c.body, status, answer)
		}
	}
	form := httptest.NewRequest("POST", "http://admin/v1/orders/search", strings.NewReader("number="+caller))
	form.Header.Set("Authorization", "Bearer "+d.tokens[Decider])
	if status, _ := d.send(t, form); status != http.StatusUnsupportedMediaType {
		t.Errorf("a form: %d", status)
	}
}

// TestRetryNotification: one that is given up is due again, one that was sent is not.
func TestRetryNotification(t *testing.T) {
	d := newDesk(t)
	id := d.order(t, caller, "unknown")
	d.exec(t, `select ivr.resolve_order($1::uuid, 'success', 'reconciled', '')`, id)
	d.exec(t, `update ivr.notifications set state = 'given_up', last_error = '503'`)
	_, order := d.ask(t, Reader, "GET", "/v1/orders/"+id, "")
	n := order["notifications"].([]any)[0].(map[string]any)["notification"].(string)
	if status, answer := d.ask(t, Operator, "POST", "/v1/notifications/"+n+"/retry", ""); status != 202 || answer["state"] != "due" {
		t.Errorf("%d %v", status, answer)
	}
	d.exec(t, `update ivr.notifications set state = 'sent', sent_at = now()`)
	if status, answer := d.ask(t, Operator, "POST", "/v1/notifications/"+n+"/retry", ""); status != 409 {
		t.Errorf("%d %v", status, answer)
	}
}

// TestNothingHappensOffTheRecord: where the audit log cannot be written, nothing is read or changed.
func TestNothingHappensOffTheRecord(t *testing.T) {
	d := newDesk(t)
	id := d.order(t, caller, "unknown")
	d.exec(t, `alter table ivr.admin_audit rename to elsewhere`)
	for path, body := range map[string]string{
		"/number": `{"why": "w"}`, "/reconcile": "", "/decide": `{"outcome": "success", "detail": "reconciled", "why": "w"}`,
	} {
		if status, answer := d.ask(t, Decider, "POST", "/v1/orders/"+id+path, body); status != 503 || answer["number"] != nil {
			t.Errorf("%s: %d %v", path, status, answer)
		}
	}
	if _, order := d.ask(t, Reader, "GET", "/v1/orders/"+id, ""); order["state"] != "unknown" {
		t.Errorf("%v", order)
	}
	var due bool
	if err := d.pool.QueryRow(t.Context(), "select next_try_at <= now() from ivr.orders").Scan(&due); err != nil || due {
		t.Errorf("reconciled: %v, %v", due, err)
	}
}

// TestPasswordsAndLimits: the right password is let in, wrong ones are slowed down, a user who is
// taken out of the file is out, and the file holds no secret.
func TestPasswordsAndLimits(t *testing.T) {
	d := newDesk(t)
	secret, err := HashPassword("correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	if err := AddUser(d.file, "li", Operator, secret); err != nil {
		t.Fatal(err)
	}
	if err := AddUser(d.file, "li", Reader, secret); err == nil {
		t.Error("two users of one name")
	}
	basic := func(name, password string) int {
		r := httptest.NewRequest("GET", "http://admin/v1/boss", nil)
		r.SetBasicAuth(name, password)
		status, _ := d.send(t, r)
		return status
	}
	var got []int
	got = append(got, basic("li", "correct horse battery"), basic("li", "wrong"), basic("nobody", "correct horse battery"),
		basic("", ""), basic("the-reader", d.tokens[Reader]), basic("li", secret))
	got = append(got, basic("li", "correct horse battery"))
	if want := []int{200, 401, 401, 401, 401, 401, 429}; !slices.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
	text, err := os.ReadFile(d.file)
	if err != nil || bytes.Contains(text, []byte(d.tokens[Reader])) || bytes.Contains(text, []byte("horse")) {
		t.Errorf("the file holds secrets, or %v", err)
	}
	if err := os.WriteFile(d.file, regexp.MustCompile(`(?m)^the-reader .*\n`).ReplaceAll(text, nil), 0o600); err != nil {
		t.Fatal(err)
	}
	users, err := readUsers(d.file)
	if err != nil || len(users) != 3 {
		t.Errorf("%d users, %v", len(users), err)
	}
}

// TestWhoIsTakenOutIsOut, at once; and a file that cannot be read lets nobody in.
func TestWhoIsTakenOutIsOut(t *testing.T) {
	d := newDesk(t)
	if status, _ := d.ask(t, Reader, "GET", "/v1/boss", ""); status != 200 {
		t.Fatal(status)
	}
	for text, want := range map[string]int{"# nobody\n": 401, "the-reader reader\n": 503} {
		if err := os.WriteFile(d.file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if status, _ := d.ask(t, Reader, "GET", "/v1/boss", ""); status != want {
			t.Errorf("%q: %d, not %d", text, status, want)
		}
	}
}

// TestTooManyRequests: a user who asks too fast is told so.
func TestTooManyRequests(t *testing.T) {
	d := newDesk(t)
	refused := 0
	for range 3 * userBurst {
		if status, _ := d.ask(t, Reader, "GET", "/v1/boss", ""); status == 429 {
			refused++
		}
	}
	if refused == 0 {
		t.Error("nobody is slowed down")
	}
}
