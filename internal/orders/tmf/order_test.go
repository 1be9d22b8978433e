package tmf_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"hotline/internal/orders"
	"hotline/internal/orders/entry"
	"hotline/internal/orders/tmf"
)

const noted = `{"id":"PO1","externalId":"` + key + `","state":"rejected","note":[{"id":"reason","text":"%s"}],` +
	`"productOrderItem":[{"id":"1","action":"add","state":"rejected","productOffering":{"id":"caller_id"}}]}`

// What each state is to the caller; those that may still change are asked for again until
// there is no time left.
func TestStates(t *testing.T) {
	for _, tt := range []struct{ name, reply, want string }{
		{"completed", ordered("completed"), "success/confirmed"},
		{"completed, nothing of its item", strings.Replace(ordered("completed"), `"add","state":"completed"`, `"add"`, 1), "success/confirmed"},
		{"acknowledged", ordered("acknowledged"), "unknown"},
		{"inProgress", ordered("inProgress"), "unknown"},
		{"pending", ordered("pending"), "unknown"},
		{"held", ordered("held"), "unknown"},
		{"assessingCancellation", ordered("assessingCancellation"), "unknown"},
		{"pendingCancellation", ordered("pendingCancellation"), "unknown"},
		{"failed", ordered("failed"), "system_failed/boss_error"},
		{"cancelled", ordered("cancelled"), "rejected/other"},
		{"rejected", ordered("rejected"), "rejected/other"},
		{"already open", fmt.Sprintf(noted, "already_open"), "rejected/already_open"},
		{"too poor", fmt.Sprintf(noted, "insufficient_balance"), "rejected/insufficient_balance"},
		{"wrong password", fmt.Sprintf(noted, "wrong_password"), "auth_failed/wrong_password"},
		{"a reason of its own", fmt.Sprintf(noted, "the customer is on holiday"), "rejected/other"},
		{"a reason that is none", fmt.Sprintf(noted, "confirmed"), "rejected/other"},
		{"partial, done", shown("PO1", key, "partial", "completed"), "success/confirmed"},
		{"partial, not done", shown("PO1", key, "partial", "failed"), "system_failed/boss_error"},
		{"partial, nobody says of what", shown("PO1", key, "partial", ""), "unknown"},
		{"an item that is partial", shown("PO1", key, "partial", "partial"), "lost"},
		{"completed, its item not yet", shown("PO1", key, "completed", "inProgress"), "unknown"},
		{"completed, its item failed", shown("PO1", key, "completed", "failed"), "lost"},
		{"failed, its item completed", shown("PO1", key, "failed", "completed"), "lost"},
		{"failed, its item rejected", shown("PO1", key, "failed", "rejected"), "system_failed/boss_error"},
		{"no state", shown("PO1", key, "", ""), "lost"},
		{"a state of nobody's", ordered("done"), "lost"},
		{"in capitals", ordered("COMPLETED"), "lost"},
		{"a state of an item that is none", shown("PO1", key, "completed", "ok"), "lost"},
		{"of another key", shown("PO1", "another", "completed", "completed"), "lost"},
		{"of no key", strings.Replace(ordered("completed"), `"externalId":"`+key+`",`, "", 1), "lost"},
		{"of another service", strings.Replace(ordered("completed"), "caller_id", "fetion", 1), "lost"},
		{"of another action", strings.Replace(ordered("completed"), "add", "delete", 1), "lost"},
		{"without items", `{"id":"PO1","externalId":"` + key + `","state":"completed","productOrderItem":[]}`, "lost"},
		{"a list", "[" + ordered("completed") + "]", "lost"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScripted(t, everything)
			boss := opened(t, s.url, func(o *tmf.Options) { o.Patience = 50 * time.Millisecond })
			s.say("POST "+orderPath, said{status: 201, body: tt.reply})
			s.say("GET "+orderPath, said{status: 200, body: "[" + tt.reply + "]"})
			a, err := boss.Submit(soon(t, 10*time.Second), opening(t))
			got := a.Result.String()
			if err != nil {
				got = certainty(t, err)
			}
			if got != tt.want || err != nil && a.Outcome != "" {
				t.Errorf("%s, want %s (%v)", got, tt.want, err)
			}
			if err == nil && a.BossRef != "PO1" {
				t.Errorf("reference %q", a.BossRef)
			}
			if n := s.times("POST " + orderPath); n != 1 {
				t.Errorf("it was sent %d times", n)
			}
		})
	}
}

func TestAcceptedOrdersAreAskedForAgain(t *testing.T) {
	s := newScripted(t, everything)
	boss := opened(t, s.url)
	s.say("POST "+orderPath, said{status: 201, body: ordered("acknowledged")})
	s.say("GET "+orderPath,
		said{status: 200, body: "[]"}, // it takes a moment until it is found
		said{status: 500, body: `{"code":"x","reason":"y"}`},
		said{status: 200, body: "no JSON"},
		said{status: 200, body: "[" + ordered("inProgress") + "]"},
		said{status: 200, body: "[" + ordered("held") + "]"},
		said{status: 200, body: "[" + fmt.Sprintf(noted, "ineligible") + "]"})
	a, err := boss.Submit(soon(t, 10*time.Second), opening(t))
	if err != nil || a.Result.String() != "rejected/ineligible" {
		t.Errorf("%v, %v", a.Result, err)
	}
	if n := s.times("GET " + orderPath); n != 6 {
		t.Errorf("asked %d times, want 6", n)
	}
}

// The end of ctx while an order is only accepted is no error: that it is is known.
func TestAcceptedUntilTheDeadline(t *testing.T) {
	s := newScripted(t, everything)
	boss := opened(t, s.url)
	s.say("POST "+orderPath, said{status: 202, body: ordered("acknowledged")})
	s.say("GET "+orderPath, said{status: 200, body: "[" + ordered("acknowledged") + "]"})
	begin := time.Now()
	a, err := boss.Submit(soon(t, 300*time.Millisecond), opening(t))
	if err != nil || a.Outcome != orders.Unknown || a.BossRef != "PO1" {
		t.Errorf("%v, %v", a, err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("after %v", took)
	}
	// 1, 2, 4, 8, 10, 10, … ms: without backing off it would be far more.
	if n := s.times("GET " + orderPath); n < 2 || n > 40 {
		t.Errorf("asked %d times", n)
	}
}

// What is sent, field by field; that it is valid is looked at wherever it arrives.
func TestOrdersAsSent(t *testing.T) {
	s := newScripted(t, everything)
	boss := opened(t, s.url)
	for _, tt := range []struct {
		action  orders.Action
		service string
		with    orders.With
		item    string
		typed   string
	}{
		{orders.Open, "balance_reminder", orders.With{"amount": entry.New(entry.Amount, "20.00")}, "add", "[map[name:amount value:20.00]]"},
		{orders.Close, "caller_id", nil, "delete", "<nil>"},
		{orders.Change, "service_password", orders.With{"old_password": secret(password), "new_password": secret("118822")},
			"modify", "[map[name:operation value:change] map[name:new_password value:118822] map[name:old_password value:" + password + "]]"},
		{orders.Apply, "service_password", orders.With{}, "modify", "[map[name:operation value:apply]]"},
	} {
		s.say("POST "+orderPath, said{status: 201, body: strings.NewReplacer("caller_id", tt.service, "add", tt.item).Replace(ordered("completed"))})
		o := opening(t)
		o.Action, o.Service, o.With = tt.action, tt.service, tt.with
		if a, err := boss.Submit(t.Context(), o); err != nil || a.Outcome != orders.Success {
			t.Errorf("%s: %v, %v", tt.action, a.Result, err)
		}
		r, body := s.last()
		if got := r.Header.Get("Authorization"); got != "Bearer "+token {
			t.Errorf("Authorization %q", got)
		}
		if r.Header.Get("Idempotency-Key") != "" || r.URL.RawQuery != "" {
			t.Errorf("more than the body: %v", r.URL)
		}
		item := body["productOrderItem"].([]any)[0].(map[string]any)
		product, _ := item["product"].(map[string]any)
		price := item["itemPrice"].([]any)[0].(map[string]any)["price"].(map[string]any)["taxIncludedAmount"]
		party := body["relatedParty"].([]any)[0].(map[string]any)
		if body["externalId"] != key || party["id"] != digits || party["role"] != "customer" || item["action"] != tt.item ||
			fmt.Sprint(item["productOffering"]) != "map[id:"+tt.service+"]" || fmt.Sprint(product["productCharacteristic"]) != tt.typed ||
			fmt.Sprint(price) != "map[unit:CNY value:6]" {
			t.Errorf("%s is sent as %v", tt.action, body)
		}
	}
}

func TestOrdersThatCannotBeSent(t *testing.T) {
	s := newScripted(t, everything)
	boss := opened(t, s.url)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := boss.Submit(gone, opening(t)); certainty(t, err) != "not sent" || !errors.Is(err, context.Canceled) {
		t.Errorf("no time left: %v", err)
	}
	for name, spoil := range map[string]func(*orders.Order){
		"no key":              func(o *orders.Order) { o.Key = "" },
		"no caller":           func(o *orders.Order) { o.Caller = orders.MSISDN{} },
		"no service":          func(o *orders.Order) { o.Service = "" },
		"a question":          func(o *orders.Order) { o.Action = orders.Look },
		"two of an operation": func(o *orders.Order) { o.Action, o.With = orders.Reset, orders.With{"operation": secret(password)} },
	} {
		o := opening(t)
		spoil(&o)
		if a, err := boss.Submit(t.Context(), o); certainty(t, err) != "not sent" {
			t.Errorf("%s: %v, %v", name, a.Result, err)
		}
	}
	if n := s.times("POST " + orderPath); n > 0 {
		t.Errorf("%d were sent", n)
	}
}

func TestLookup(t *testing.T) {
	one := func(id, state string) string { return shown(id, key, state, state) }
	for _, tt := range []struct {
		name string
		said said
		want string
	}{
		{"none", said{status: 200, body: "[]"}, "not found"},
		{"none, by 404", said{status: 404, body: `{"code":"60","reason":"no such order"}`}, "not found"},
		{"404 of somebody else", said{status: 404, body: `{"error":"no route"}`}, "lost"},
		{"404 of a page", said{status: 404, body: "<html>404</html>"}, "lost"},
		{"completed", said{status: 200, body: "[" + one("1", "completed") + "]"}, "success/confirmed"},
		{"being worked on", said{status: 200, body: "[" + one("1", "inProgress") + "]"}, "unknown"},
		{"rejected, then carried out", said{status: 200, body: "[" + one("1", "rejected") + "," + one("2", "completed") + "]"}, "success/confirmed"},
		{"failed, then tried again", said{status: 200, body: "[" + one("1", "failed") + "," + one("2", "pending") + "]"}, "unknown"},
		{"carried out twice", said{status: 200, body: "[" + one("1", "completed") + "," + one("2", "completed") + "]"}, "error"},
		{"carried out, and again under way", said{status: 200, body: "[" + one("1", "completed") + "," + one("2", "held") + "]"}, "error"},
		{"refused twice", said{status: 200, body: "[" + one("1", "rejected") + "," + one("2", "cancelled") + "]"}, "rejected/other"},
		{"refused and failed", said{status: 200, body: "[" + one("1", "rejected") + "," + one("2", "failed") + "]"}, "error"},
		{"listed twice", said{status: 200, body: "[" + one("1", "completed") + "," + one("1", "completed") + "]"}, "success/confirmed"},
		{"listed in two states", said{status: 200, body: "[" + one("1", "inProgress") + "," + one("1", "completed") + "]"}, "error"},
		{"everybody's orders", said{status: 200, body: "[" + one("1", "completed") + "," + shown("2", "other", "completed", "completed") + "]"}, "error"},
		{"others' orders only", said{status: 200, body: "[" + shown("2", "other", "completed", "completed") + "]"}, "error"},
		{"a part of them", said{status: 206, body: "[]"}, "lost"},
		{"a part of them, by the count", said{status: 200, body: "[]", header: map[string]string{"X-Total-Count": "3"}}, "error"},
		{"a part of them, by a link", said{status: 200, body: "[]", header: map[string]string{"Link": `</o?offset=9>; rel="next"`}}, "error"},
		{"a part of them, by one of links", said{status: 200, body: "[]", header: map[string]string{"Link": `</o>; rel=self, </o?offset=9>; title="x"; REL=next`}}, "error"},
		{"a part of them, by a relation of several", said{status: 200, body: "[]", header: map[string]string{"Link": `</o?offset=9>; rel="last next"`}}, "error"},
		{"all of them, and links", said{status: 200, body: "[]", header: map[string]string{"Link": `</next>; rel="self"; title="next", </o>; rel=nextday`}}, "not found"},
		{"a count of nothing", said{status: 200, body: "[]", header: map[string]string{"X-Total-Count": "many"}}, "error"},
		{"all of them, by the count", said{status: 200, body: "[]", header: map[string]string{"X-Total-Count": "0"}}, "not found"},
		{"null", said{status: 200, body: "null"}, "error"},
		{"an order, no list", said{status: 200, body: one("1", "completed")}, "error"},
		{"nothing", said{status: 200}, "error"},
		{"null in it", said{status: 200, body: "[null]"}, "error"},
		{"a state of nobody's", said{status: 200, body: "[" + one("1", "ok") + "]"}, "error"},
		{"failure", said{status: 500, body: `{"code":"1","reason":"x"}`}, "lost"},
		{"unauthorized", said{status: 401}, "not sent"},
		{"elsewhere", said{status: 302, header: map[string]string{"Location": "/tmf-api/elsewhere"}}, "lost"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScripted(t, everything)
			boss := opened(t, s.url)
			s.say("GET "+orderPath, tt.said)
			a, err := boss.Lookup(soon(t, 10*time.Second), key)
			got := a.Result.String()
			if err != nil {
				got = certainty(t, err)
			}
			if got != tt.want {
				t.Errorf("%s, want %s (%v)", got, tt.want, err)
			}
			if r, _ := s.last(); r.URL.Query().Get("externalId") != key || len(r.URL.Query()) != 1 {
				t.Errorf("asked for %v", r.URL)
			}
		})
	}
	s := newScripted(t, everything)
	if _, err := opened(t, s.url).Lookup(t.Context(), ""); certainty(t, err) != "not sent" {
		t.Errorf("without a key: %v", err)
	}
}

// The reference of the BOSS is stored and shown, and some make it of the number.
func TestReferencesShowNoNumber(t *testing.T) {
	for _, tt := range []struct{ name, id, want string }{
		{"plain", "SB00000007", "SB00000007"},
		{"of the number", digits + "-7", "138****0246-7"},
		{"of what was typed", "PO-" + password, "PO-•••"},
		{"with control characters", "PO\x1b[2J", ""},
		{"too long", strings.Repeat("7", 200), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScripted(t, everything)
			boss := opened(t, s.url)
			body := strings.Replace(shown("ID", key, "completed", "completed"), `"ID"`, strings.ReplaceAll(fmt.Sprintf("%q", tt.id), `\x1b`, `\u001b`), 1)
			s.say("POST "+orderPath, said{status: 201, body: body})
			o := opening(t)
			o.With = orders.With{"pin": secret(password)}
			if a, err := boss.Submit(t.Context(), o); err != nil || a.BossRef != tt.want {
				t.Errorf("submit: %q, %v, want %q", a.BossRef, err, tt.want)
			}
			body = strings.Replace(body, "{", `{"relatedParty":[{"id":"`+digits+`","role":"customer","@referredType":"Individual"}],`, 1)
			s.say("GET "+orderPath, said{status: 200, body: "[" + body + "]"})
			if a, err := boss.Lookup(t.Context(), key); err != nil || strings.Contains(a.BossRef, digits) {
				t.Errorf("look-up: %q, %v", a.BossRef, err)
			}
		})
	}
}

func TestStatusesOfASubmit(t *testing.T) {
	const told, html = `{"code":"refused","reason":"the number ` + digits + ` is wrong, and so is ` + password + `"}`, "<html>no</html>"
	for _, tt := range []struct {
		status        int
		body          string
		with, without string // the extension, which promises something
	}{
		{400, told, "not sent", "not sent"},
		{400, html, "lost", "lost"},
		{401, html, "not sent", "not sent"},
		{403, told, "not sent", "not sent"},
		{404, told, "not sent", "not sent"},
		{404, html, "lost", "lost"},
		{405, told, "not sent", "not sent"},
		{408, told, "lost", "lost"},
		{409, told, "lost", "lost"}, // the key may have been used
		{413, told, "not sent", "not sent"},
		{422, told, "not sent", "not sent"},
		{429, told, "not sent", "lost"},
		{429, html, "not sent", "lost"},
		{500, told, "lost", "lost"},
		{500, html, "lost", "lost"},
		{502, html, "lost", "lost"},
		{503, told, "not sent", "lost"},
		{504, html, "lost", "lost"},
		{301, "", "lost", "lost"},
		{307, "", "lost", "lost"},
		{200, html, "lost", "lost"},
		{200, `{"code":"` + password + `","reason":"x"}`, "lost", "lost"},
		{201, "", "lost", "lost"},
		{204, "", "lost", "lost"},
	} {
		for offers, want := range map[string]string{everything: tt.with, "": tt.without} {
			s := newScripted(t, offers)
			boss := opened(t, s.url)
			s.say("POST "+orderPath, said{status: tt.status, body: tt.body, header: map[string]string{
				"Retry-After": "1", "Location": s.url + "/elsewhere", "Content-Type": "text/html",
			}})
			a, err := boss.Submit(soon(t, 10*time.Second), opening(t))
			if got := certainty(t, err); got != want || a.Outcome != "" {
				t.Errorf("status %d of %.20q, extension %v: %s, want %s (%v)", tt.status, tt.body, offers != "", got, want, err)
			}
			if n := s.times("POST " + orderPath); n != 1 {
				t.Errorf("status %d: sent %d times", tt.status, n)
			}
			if tt.body == told && !strings.Contains(err.Error(), "code refused") {
				t.Errorf("status %d: the code is not told: %v", tt.status, err)
			}
		}
	}
}

func TestCapabilities(t *testing.T) {
	for offers, want := range map[string]orders.Capabilities{
		everything: {Idempotent: true, Queryable: true, Prices: true},
		"":         {Queryable: true},
		`{"idempotent":false,"queryable":true,"prices":true}`: {Queryable: true, Prices: true},
		`{"idempotent":true}`: {Idempotent: true},
		`{"idempotent":true,"Idempotent":true,"queryable":true}`: {Queryable: true}, // ambiguous, so nothing is known
		`<html>`: {Queryable: true},
	} {
		s := newScripted(t, offers)
		if got := opened(t, s.url).Capabilities(); got != want {
			t.Errorf("%s: %+v, want %+v", offers, got, want)
		}
	}
}

// A BOSS that is away when the hotline starts is asked again when it is needed.
func TestOfferAfterAll(t *testing.T) {
	s := newScripted(t, everything)
	s.say("GET "+extensionURL, said{status: 503}, said{status: 200, body: everything})
	s.say("POST "+extensionURL+"verify", said{status: 200, body: `{"outcome":"success","detail":"confirmed"}`})
	boss := opened(t, s.url)
	if boss.Capabilities().Idempotent {
		t.Error("it is taken for idempotent, and has said nothing")
	}
	a, err := boss.Verify(t.Context(), orders.Verification{Caller: caller(t), Password: secret(password)})
	if err != nil || a.Outcome != orders.Success || !boss.Capabilities().Idempotent {
		t.Errorf("%v, %v, %+v", a.Result, err, boss.Capabilities())
	}
	if n := s.times("GET " + extensionURL); n != 2 {
		t.Errorf("asked %d times", n)
	}
}

// A BOSS whose extension is gone promises nothing any more, and is still asked: it may be
// only somebody on the way who says so.
func TestOfferTakenBack(t *testing.T) {
	s := newScripted(t, everything)
	boss := opened(t, s.url)
	s.say("GET "+extensionURL, said{status: 404}, said{status: 500}, said{status: 200, body: everything})
	s.say("POST "+orderPath, said{status: 429})
	s.say("POST "+extensionURL+"verify", said{status: 200, body: `{"outcome":"success","detail":"confirmed"}`})
	for i, want := range []struct {
		idempotent bool
		busy       string
	}{{false, "lost"}, {false, "lost"}, {true, "not sent"}} {
		if err := boss.AskOffer(t.Context()); (err != nil) != (i == 1) {
			t.Errorf("asked for the %d. time: %v", i+1, err)
		}
		if got := boss.Capabilities(); got.Idempotent != want.idempotent {
			t.Errorf("after %d: %+v", i+1, got)
		}
		if _, err := boss.Submit(t.Context(), opening(t)); certainty(t, err) != want.busy {
			t.Errorf("after %d, busy: %v, want %s", i+1, err, want.busy)
		}
		if _, err := boss.Verify(t.Context(), orders.Verification{Caller: caller(t), Password: secret(password)}); err != nil {
			t.Errorf("after %d: %v", i+1, err)
		}
	}
}

func TestBases(t *testing.T) {
	for _, base := range []string{
		"", "boss:7000", "ftp://boss/", "http://", "http://u:" + password + "@boss/tmf-api", "http://boss/?token=" + token,
		"http://boss/#x", "http://bo ss/" + password, "://" + password,
	} {
		boss, err := tmf.Open(t.Context(), tmf.Options{Base: base})
		if err == nil {
			boss.Close()
			t.Errorf("%q is opened", base)
			continue
		}
		noSecret(t, "an error", err.Error())
	}
	// A slash at the end, and a path of its own, are no other place.
	s := newScripted(t, everything)
	s.say("GET "+orderPath, said{status: http.StatusOK, body: "[]"})
	if _, err := opened(t, s.url+"/").Lookup(t.Context(), key); !errors.Is(err, orders.ErrNotFound) {
		t.Error(err)
	}
}
