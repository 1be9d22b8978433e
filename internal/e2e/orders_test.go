package e2e

import (
	"os"
	"slices"
	"strings"
	"testing"

	"hotline/internal/dialtest"
	"hotline/internal/orders"
	"hotline/internal/orders/entry"
)

// TestOrdersAndQueries: what callers come for, each seen from the caller's ear,
// our tables and the BOSS's ledger.
func TestOrdersAndQueries(t *testing.T) {
	t.Parallel()
	h := open(t)
	for name, test := range map[string]func(*testing.T, *hotline){
		"open, ask, open again, close": openAskClose, "not enough money": tooPoor, "not for this brand": ineligible,
		"balance and bill": balanceAndBill, "introduction": introduction, "data plans": dataPlan,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, h)
		})
	}
}

func openAskClose(t *testing.T, h *hotline) {
	const number = "13800000001"
	before := h.subscriber(t, number).Balance
	k := h.dial(t, number)
	k.keys("314")
	k.hear("svc.caller_id", "status.closed")
	k.begins("svc.caller_id") // the menu again
	k.keys("1")
	k.hear(slices.Concat([]string{"order.will_open", "svc.caller_id", "order.per_month"}, h.amount(t, 600), []string{"order.confirm", "menu.press", "key.1"})...)
	k.press('1')
	k.hear("wait.please", "order.opened")
	k.became("hung_up", "query status caller_id: success/confirmed", "order open caller_id: success/confirmed")
	if got := h.subscriber(t, number); !slices.Equal(got.Open, []string{"caller_id"}) || got.Balance != before-600 {
		t.Errorf("the BOSS has %v open and %v left of %v", got.Open, got.Balance, before)
	}
	if got := h.value(t, `select state || ' ' || result_outcome || '/' || result_detail || ' ' || price from ivr.orders where call_id = $1::uuid`, k.CallID()); got != "done success/confirmed 600" {
		t.Errorf("order %s", got)
	}
	if got := h.value(t, "select closed_by from ivr.applications where application_id = $1 || '.2'", k.CallID()); got != "desk" {
		t.Errorf("closed by %s", got)
	}
	if k.record() != "served" {
		t.Errorf("the PBX calls it %s", k.record())
	}

	// Who dials again and asks the same is told the result of what has just been done.
	k = h.dial(t, number)
	k.keys("3111")
	k.hear("wait.please", "order.opened")
	k.begins("after.more")
	k.keys("*4")
	k.hear("svc.caller_id", "status.open")
	k.begins("svc.caller_id") // only an answer heard to its end is a success
	k.became("hung_up", "order open caller_id: success/confirmed", "query status caller_id: success/confirmed")
	if got := h.value(t, "select count(*)::text from ivr.orders o join ivr.applications a using (order_id) where a.call_id = $1::uuid and o.call_id <> a.call_id", k.CallID()); got != "1" {
		t.Errorf("the second call has joined %s orders of the first, want 1", got)
	}

	k = h.dial(t, "13800000003") // who has it already
	k.keys("3111")
	k.hear("wait.please", "order.already_open")
	k.became("hung_up", "order open caller_id: rejected/already_open")

	k = h.dial(t, number)
	k.keys("3121")
	k.hear("wait.please", "order.closed")
	k.became("hung_up", "order close caller_id: success/confirmed")
	if got := h.effects(t, number); !slices.Equal(got, []string{"open caller_id", "close caller_id"}) {
		t.Errorf("the ledger has %q", got)
	}

	k = h.dial(t, "13920000099") // who never had it
	k.keys("3121")
	k.hear("wait.please", "order.not_open")
	k.became("hung_up", "order close caller_id: rejected/not_open")
}

func tooPoor(t *testing.T, h *hotline) {
	const number = "13800000002"
	k := h.dial(t, number)
	k.keys("3111")
	k.hear("wait.please", "order.insufficient_balance")
	k.became("hung_up", "order open caller_id: rejected/insufficient_balance")
	if got := h.effects(t, number); len(got) > 0 {
		t.Errorf("the ledger has %q", got)
	}
	if got := h.value(t, "select category || ' ' || rule from ivr.applications where call_id = $1::uuid", k.CallID()); got != "operation insufficient-balance" {
		t.Errorf("classified as %s", got)
	}
}

func ineligible(t *testing.T, h *hotline) {
	k := h.dial(t, "13800000005")
	k.keys("3361")
	k.hear("wait.please", "order.ineligible")
	k.became("hung_up", "order open mobile_data_200: rejected/ineligible")
}

func balanceAndBill(t *testing.T, h *hotline) {
	const number = "13800000003"
	s := h.subscriber(t, number)
	k := h.dial(t, number)
	k.keys("11")
	k.hear(append([]string{"wait.please", "balance.is"}, h.amount(t, s.Balance)...)...)
	k.begins("label.101")
	fatal(t, h.boss.SetPassword(t.Context(), msisdn(t, number), entry.New(entry.Password, "283746")))
	k.keys("2")
	k.begins("auth.enter")
	k.types("283746", "#")
	k.hear(append([]string{"wait.please", "bill.is"}, h.amount(t, s.LastBill)...)...)
	k.begins("label.101")
	k.became("hung_up", "query query balance: success/confirmed", "query query last_month_bill: success/confirmed")
	// What a caller has is the BOSS's business: the journal keeps neither of them.
	if got := h.strings(t, "select detail::text from ivr.steps where call_id = $1::uuid and kind = 'answered' and detail ? 'values'", k.CallID()); len(got) > 0 {
		t.Errorf("answers with values: %q", got)
	}
}

func introduction(t *testing.T, h *hotline) {
	k := h.dial(t, "13800000004")
	k.keys("313")
	k.hear("intro.caller_id")
	k.begins("svc.caller_id")
	k.became("hung_up", "handling: abandoned/during_prompt")
}

func dataPlan(t *testing.T, h *hotline) {
	const number = "13981000001"
	h.exec(t, "insert into sandbox.subscribers (msisdn, balance_fen, last_bill_fen) values ($1, 5000, 0)", number)
	k := h.dial(t, number)
	k.keys("3321")
	k.hear("wait.please", "order.opened")
	k.begins("after.more")
	k.keys("*31")
	k.hear("wait.please", "order.opened")
	k.begins("after.more")
	k.keys("*9")
	k.hear("svc.mobile_data", "status.open")
	k.begins("label.3031")
	k.became("hung_up", "order open mobile_data_5: success/confirmed", "order open mobile_data_20: success/confirmed", "query status mobile_data: success/confirmed")
	if got := h.subscriber(t, number); !slices.Equal(got.Open, []string{"mobile_data_20"}) || got.Balance != orders.Money(5000-500-2000) {
		t.Errorf("the BOSS has %v open and %v left", got.Open, got.Balance)
	}
}

// TestOrdinaryCall: a caller from the trunk, who brings neither mark nor id, gets
// the application that the dialplan names, and counts. The server begins with nothing.
func TestOrdinaryCall(t *testing.T) {
	t.Parallel()
	h := prepareCold(t)
	h.set["ARI_APP"] = os.Getenv("ARI_APP")
	h.live(t)
	anybody, err := dialtest.New(dialtest.Options{Addr: os.Getenv("SIP_ADDR"), Audio: h.audio})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := anybody.Close(); err != nil {
			t.Error(err)
		}
	})
	const number = "13980000001"
	h.numbers.Store(number, true)
	s, err := anybody.Dial(t.Context(), dialtest.Call{From: msisdn(t, number), To: "10086"})
	if err != nil {
		t.Fatal(err)
	}
	k := &talk{Session: s, t: t, h: h, number: number}
	t.Cleanup(k.hangup)
	k.keys("3111")
	k.hear("wait.please", "order.opened")
	k.hangup()
	eventually(t, patience, func() string {
		const sql = `
			select concat_ws(' ', c.caller_masked, c.dialled, c.menu, c.end_reason, c.test, a.outcome, a.test, o.state, o.test, c.caller_hash = o.msisdn_hash)
			from ivr.calls c join ivr.applications a using (call_id) join ivr.orders o using (order_id)`
		got := h.strings(t, sql)
		if !slices.Equal(got, []string{"139****0001 10086 10086 hung_up f success f done f t"}) {
			return strings.Join(got, "\n")
		}
		return ""
	})
	if got := h.proc.metrics(t)[`ivr_calls_total{test="false"}`]; got != 1 {
		t.Errorf("%v ordinary calls counted", got)
	}
}
