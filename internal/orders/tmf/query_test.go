package tmf_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"hotline/internal/orders"
	"hotline/internal/orders/entry"
)

func asking(t *testing.T, name, service string) orders.Query {
	return orders.Query{Caller: caller(t), Name: name, Service: service}
}

// Balances: of several the one in yuan, and no other amount than one of whole fen.
func TestBalance(t *testing.T) {
	for body, want := range map[string]int64{
		`[{"totalBalance":{"amount":58.50,"units":"CNY"}}]`:                                             5850,
		`[{"totalBalance":{"amount":0,"units":"CNY"}}]`:                                                 0,
		`[{"totalBalance":{"amount":-3.01,"units":"CNY"}}]`:                                             -301,
		`[{"totalBalance":{"amount":1e6,"units":"CNY"}}]`:                                               100_000_000,
		`[{"totalBalance":{"amount":99999999.99,"units":"CNY"}}]`:                                       9_999_999_999,
		`[{"totalBalance":{"amount":300,"units":"MB"}},{"totalBalance":{"amount":0.07,"units":"CNY"}}]`: 7,
		`[]`: none,
		`[{"totalBalance":{"amount":1.005,"units":"CNY"}}]`:                                         none,
		`[{"totalBalance":{"amount":1e300,"units":"CNY"}}]`:                                         none,
		`[{"totalBalance":{"amount":1e999999,"units":"CNY"}}]`:                                      none,
		`[{"totalBalance":{"amount":"58.50 yuan","units":"CNY"}}]`:                                  none,
		`[{"totalBalance":{"units":"CNY"}}]`:                                                        none,
		`[{"totalBalance":{"amount":58.50}}]`:                                                       none,
		`[{"totalBalance":{"amount":58.50,"units":"USD"}}]`:                                         none,
		`[{"totalBalance":{"amount":1,"units":"CNY"}},{"totalBalance":{"amount":2,"units":"CNY"}}]`: none,
		`{"totalBalance":{"amount":58.50,"units":"CNY"}}`:                                           none,
		`{"balance":58.50}`: none,
	} {
		s := newScripted(t, "")
		s.say("GET "+balancePath, said{status: 200, body: body})
		a, err := opened(t, s.url).Query(t.Context(), asking(t, "balance", ""))
		if want == none {
			if certainty(t, err) != "error" || a.Values != nil {
				t.Errorf("%s: %v, %v", body, a, err)
			}
			continue
		}
		if err != nil || a.Result.String() != "success/confirmed" || a.Values["balance"] != (orders.Value{Kind: orders.ValueMoney, Number: want}) {
			t.Errorf("%s: %v, %v, want %d", body, a, err, want)
		}
		if r, _ := s.last(); r.Header.Get("X-Subscriber") != digits || r.URL.RawQuery != "" {
			t.Errorf("asked for %v as %q", r.URL, r.Header.Get("X-Subscriber"))
		}
	}
}

const none = -999

func has(offering, status string) string {
	return fmt.Sprintf(`{"id":%q,"status":%q,"productOffering":{"id":%[1]q}}`, offering, status)
}

func TestStatus(t *testing.T) {
	reminder := `{"id":"7","status":"active","productOffering":{"id":"balance_reminder"},` +
		`"productCharacteristic":[{"name":"amount","valueType":"money","value":"20.00"},{"name":"colour","value":"blue"}]}`
	for _, tt := range []struct {
		name, service, body string
		with, without       string // the extension, which tells what is in a family
	}{
		{"has none", "caller_id", `[]`, "closed []", "closed []"},
		{"has it", "caller_id", "[" + has("caller_id", "active") + "]", "open [caller_id]", "open [caller_id]"},
		{"suspended", "caller_id", "[" + has("caller_id", "suspended") + "]", "open [caller_id]", "open [caller_id]"},
		{"to be terminated", "caller_id", "[" + has("caller_id", "pendingTerminate") + "]", "open [caller_id]", "open [caller_id]"},
		{"had it", "caller_id", "[" + has("caller_id", "terminated") + "," + has("caller_id", "aborted ") + "]", "closed []", "closed []"},
		{"not yet", "caller_id", "[" + has("caller_id", "pendingActive") + "]", "closed []", "closed []"},
		{"of a family", "mobile_data", "[" + has("mobile_data_20", "active") + "]", "open [mobile_data_20]", "error"},
		{"among others", "caller_id", "[" + has("fetion", "active") + "," + has("caller_id", "active") + "]", "open [caller_id,fetion]", "open [caller_id]"},
		{"twice", "caller_id", "[" + has("caller_id", "active") + "," + has("caller_id", "active") + "]", "open [caller_id]", "open [caller_id]"},
		{"with an amount", "balance_reminder", "[" + reminder + "]", "open [balance_reminder] 2000", "open [balance_reminder] 2000"},
		{"with an amount that is none", "balance_reminder", "[" + strings.Replace(reminder, "20.00", "NaN", 1) + "]", "error", "error"},
		{"with no amount", "balance_reminder", "[" + strings.Replace(reminder, `"20.00"`, "null", 1) + "]", "error", "error"},
		{"no status", "caller_id", `[{"productOffering":{"id":"caller_id"}}]`, "error", "error"},
		{"a status that is none", "caller_id", "[" + has("caller_id", "open") + "]", "error", "error"},
		{"of nothing", "caller_id", `[{"status":"active"}]`, "error", "error"},
		{"two in one", "caller_id", "[" + has("caller_id,fetion", "active") + "]", "error", "error"},
		{"not all", "caller_id", "", "error", "error"},
	} {
		for offers, want := range map[string]string{everything: tt.with, "": tt.without} {
			s := newScripted(t, offers)
			say := said{status: 200, body: tt.body}
			if tt.body == "" {
				say.body, say.header = "[]", map[string]string{"X-Total-Count": "9"}
			}
			s.say("GET "+productPath, say)
			a, err := opened(t, s.url).Query(t.Context(), asking(t, "status", tt.service))
			got := fmt.Sprintf("%s [%s]", a.Values["state"].Word, a.Values["services"].Word)
			if v, there := a.Values["amount"]; there {
				got += fmt.Sprintf(" %d", v.Number)
			}
			if err != nil {
				got = certainty(t, err)
			}
			if got != want {
				t.Errorf("%s, extension %v: %s, want %s (%v)", tt.name, offers != "", got, want, err)
			}
			r, _ := s.last()
			if r.Header.Get("X-Subscriber") != digits || r.URL.RawQuery != "productOffering.id="+tt.service {
				t.Errorf("asked for %v as %q", r.URL, r.Header.Get("X-Subscriber"))
			}
		}
	}
}

func TestOpenedServices(t *testing.T) {
	s := newScripted(t, "")
	s.say("GET "+productPath, said{status: 200, header: map[string]string{"X-Total-Count": "4"},
		body: "[" + has("sms_bill", "active") + "," + has("caller_id", "suspended") + "," + has("fetion", "terminated") + "," + has("sms_bill", "active") + "]"})
	a, err := opened(t, s.url).Query(t.Context(), asking(t, "opened_services", ""))
	want := map[string]orders.Value{
		"services": {Kind: orders.ValueList, Word: "caller_id,sms_bill"}, "count": {Kind: orders.ValueCount, Number: 2},
	}
	if err != nil || !maps.Equal(a.Values, want) {
		t.Errorf("%v, %v", a, err)
	}
}

func TestExtendedQueries(t *testing.T) {
	for body, want := range map[string]string{
		`{"outcome":"success","detail":"confirmed","values":{"points":{"kind":"count","number":120}}}`: "success/confirmed 120",
		`{"outcome":"rejected","detail":"not_open"}`:                                                   "rejected/not_open 0",
		`{"outcome":"success","detail":"confirmed"}`:                                                   "error",
		`{"outcome":"success","values":{"points":{"kind":"count","number":120}}}`:                      "error",
		`{"outcome":"auth_failed","detail":"locked"}`:                                                  "error",
		`{"outcome":"unknown"}`:                                                                        "error",
		`{"outcome":"success","detail":"confirmed","values":{"points":{"kind":"stars","number":120}}}`: "error",
		`{"outcome":"success","detail":"confirmed","values":{"points":{"kind":"count","number":1.5}}}`: "error",
		`{"outcome":"success","detail":"confirmed","values":{"points":null}}`:                          "error",
		`{}`: "error",
		`[]`: "error",
	} {
		s := newScripted(t, everything)
		s.say("POST "+extensionURL+"query", said{status: 200, body: body})
		q := asking(t, "points", "x")
		q.With = orders.With{"month": entry.New(entry.Month, "2610")}
		a, err := opened(t, s.url).Query(t.Context(), q)
		got := fmt.Sprintf("%v %d", a.Result, a.Values["points"].Number)
		if err != nil {
			got = certainty(t, err)
		}
		if got != want {
			t.Errorf("%s: %s, want %s (%v)", body, got, want, err)
		}
		if _, sent := s.last(); fmt.Sprint(sent) != "map[name:points service:x subscriber:"+digits+" with:map[month:2610]]" {
			t.Errorf("asked with %v", sent)
		}
	}
}

func TestVerify(t *testing.T) {
	for body, want := range map[string]string{
		`{"outcome":"success","detail":"confirmed"}`:          "success/confirmed",
		`{"outcome":"auth_failed","detail":"wrong_password"}`: "auth_failed/wrong_password",
		`{"outcome":"auth_failed","detail":"locked"}`:         "auth_failed/locked",
		`{"outcome":"success","detail":"reconciled"}`:         "error",
		`{"outcome":"success"}`:                               "error",
		`{"outcome":"rejected","detail":"other"}`:             "error",
		`{"outcome":"SUCCESS","detail":"confirmed"}`:          "error",
		`true`: "error",
	} {
		s := newScripted(t, everything)
		s.say("POST "+extensionURL+"verify", said{status: 200, body: body})
		a, err := opened(t, s.url).Verify(t.Context(), orders.Verification{Caller: caller(t), Password: secret(password)})
		got := a.Result.String()
		if err != nil {
			got = certainty(t, err)
		}
		if got != want {
			t.Errorf("%s: %s, want %s (%v)", body, got, want, err)
		}
		if _, sent := s.last(); fmt.Sprint(sent) != "map[password:"+password+" subscriber:"+digits+"]" {
			t.Errorf("asked with %v", sent)
		}
	}
}

func TestPrices(t *testing.T) {
	for body, want := range map[string]string{
		`[{"service":"caller_id","price_fen":600},{"service":"fetion","price_fen":0}]`:      "map[caller_id:6.00 fetion:0.00]",
		`[{"service":"caller_id","price_fen":600},{"service":"caller_id","price_fen":500}]`: "error",
		`[{"service":"caller_id"}]`:                 "error",
		`[{"price_fen":600}]`:                       "error",
		`[{"service":"caller_id","price_fen":-1}]`:  "error",
		`[{"service":"caller_id","price_fen":6.5}]`: "error",
		`{"caller_id":600}`:                         "error",
		`null`:                                      "error",
	} {
		s := newScripted(t, everything)
		s.say("GET "+extensionURL+"price", said{status: 200, body: body})
		prices, err := opened(t, s.url).Prices(t.Context())
		got := fmt.Sprint(prices)
		if err != nil {
			got = certainty(t, err)
		}
		if got != want || err != nil && prices != nil {
			t.Errorf("%s: %s, want %s (%v)", body, got, want, err)
		}
	}
}

// What a BOSS does not offer is not asked for.
func TestNotOffered(t *testing.T) {
	for _, offers := range []string{"", `{"idempotent":true,"queryable":true}`} {
		boss := opened(t, newScripted(t, offers).url)
		if a, err := boss.Query(t.Context(), asking(t, "points", "")); certainty(t, err) != "not sent" {
			t.Errorf("points: %v, %v", a, err)
		}
		if a, err := boss.Verify(t.Context(), orders.Verification{Caller: caller(t), Password: secret(password)}); certainty(t, err) != "not sent" {
			t.Errorf("verify: %v, %v", a, err)
		}
		if prices, err := boss.Prices(t.Context()); prices != nil || err != nil {
			t.Errorf("prices: %v, %v", prices, err)
		}
	}
}

// A question that the BOSS does not understand is its answer; that it is away is not.
func TestStatusesOfAQuestion(t *testing.T) {
	const told = `{"code":"invalid_question","reason":"no ` + digits + `"}`
	for status, want := range map[int]string{
		400: "error", 422: "error", 401: "not sent", 404: "not sent", 429: "not sent", 503: "not sent", 500: "lost", 302: "lost", 204: "lost",
	} {
		s := newScripted(t, everything)
		boss := opened(t, s.url)
		s.say("GET "+balancePath, said{status: status, body: told})
		s.say("POST "+extensionURL+"query", said{status: status, body: told})
		for _, name := range []string{"balance", "points"} {
			if a, err := boss.Query(soon(t, 15*time.Second), asking(t, name, "")); certainty(t, err) != want || a.Outcome != "" {
				t.Errorf("%d, %s: %v, %v, want %s", status, name, a, err, want)
			}
		}
	}
	boss := opened(t, newScripted(t, everything).url)
	if _, err := boss.Query(t.Context(), orders.Query{Name: "balance"}); certainty(t, err) != "not sent" {
		t.Errorf("of nobody: %v", err)
	}
	if _, err := boss.Query(t.Context(), asking(t, "status", "")); certainty(t, err) != "not sent" {
		t.Errorf("of nothing: %v", err)
	}
}
