package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hotline/internal/orders/notify"
	"hotline/internal/orders/sandbox"
)

// TestResultsAreTexted: a caller who hears "we will text you the result" gets it, signed, and who
// has heard it in the call gets nothing.
func TestResultsAreTexted(t *testing.T) {
	t.Parallel()
	const secret = "a secret of the two of us"
	type request struct{ body, signature string }
	got := make(chan request, 10)
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- request{string(body), r.Header.Get(notify.HeaderSignature)}
	}))
	t.Cleanup(gateway.Close)
	h := prepare(t)
	file := filepath.Join(h.dir, "secret")
	fatal(t, os.WriteFile(file, []byte(secret+"\n"), 0o600))
	h.set["NOTIFY_URL"], h.set["NOTIFY_SECRET_FILE"] = gateway.URL+"/text", file
	h.live(t)

	const hears, waits = "13931000001", "13931000002"
	k := h.dial(t, hears)
	k.keys("3111")
	k.hear("wait.please", "order.opened")
	k.begins("after.more")
	k.hangup()
	h.notified(t, k.CallID(), "heard open.success")

	h.fault(t, waits, sandbox.Fault{Operation: sandbox.OpSubmit, Mode: sandbox.LoseAnswer})
	k = h.dial(t, waits)
	k.keys("3111")
	k.hear("wait.please", "order.unknown")
	k.hangup()
	h.notified(t, k.CallID(), "sent open.success")
	r := <-got
	if !strings.Contains(r.body, `"to":"`+waits+`"`) || !strings.Contains(r.body, `"text":"open.success"`) {
		t.Errorf("texted is %s", r.body)
	}
	var at int64
	if _, err := fmt.Sscanf(r.signature, "t=%d,", &at); err != nil || notify.Sign([]byte(secret), time.Unix(at, 0), []byte(r.body)) != r.signature {
		t.Errorf("signature %q, %v", r.signature, err)
	}
	if n := len(got); n > 0 {
		t.Errorf("%d more were texted: %v", n, <-got)
	}
	if log := h.proc.log.String(); strings.Contains(log, waits) || strings.Contains(log, secret) {
		t.Error("the log holds the number or the secret")
	}
}

// TestAnotherPriceIsNotOrdered: where the BOSS asks another price than callers would be told,
// nothing is ordered, and the log and a metric say so. To close the service costs nothing.
func TestAnotherPriceIsNotOrdered(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.rough = true
	h.stop(t)
	h.exec(t, "update sandbox.catalogue set price_fen = 700 where service = 'caller_id'")
	h.start(t)
	eventually(t, patience, func() string {
		if h.proc.metrics(t)[`ivr_price_mismatch{service="caller_id"}`] != 1 {
			return "the metric does not tell of the price"
		}
		return ""
	})
	if n := strings.Count(h.proc.log.String(), "another price"); n != 1 {
		t.Errorf("it is in the log %d times, want once", n)
	}
	const number = "13931000003"
	k := h.dial(t, number)
	k.keys("311")
	k.hear("order.price_differs")
	k.begins("after.more")
	k.hangup()
	h.becomes(t, patience, k.CallID(), "hung_up", "order open caller_id: system_failed/boss_error")
	if got := h.value(t, "select count(*)::text from ivr.orders where call_id = $1::uuid", k.CallID()); got != "0" {
		t.Errorf("%s orders are stored", got)
	}
	k = h.dial(t, number)
	k.keys("3121")
	k.hear("wait.please", "order.not_open")
	k.hangup()
	h.becomes(t, patience, k.CallID(), "hung_up", "order close caller_id: rejected/not_open")
	k = h.dial(t, number) // another service, at its price
	k.keys("3211")
	k.hear("wait.please", "order.opened")
	k.hangup()
	h.becomes(t, patience, k.CallID(), "hung_up", "order open ringback_tone: success/confirmed")
	if got := h.value(t, "select (boss_price = price)::text from ivr.orders where call_id = $1::uuid", k.CallID()); got != "true" {
		t.Errorf("the BOSS's price is stored with the order: %s", got)
	}
}
