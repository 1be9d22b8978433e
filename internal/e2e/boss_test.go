package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hotline/internal/orders/sandbox"
)

// trouble is a way in which the BOSS fails, and what the caller must hear of it.
type trouble struct {
	name, keys string
	fault      sandbox.Fault
	hears      []string
	became     string
	done       int // effects in the ledger, in the end
	lookups    int // that fail before one tells the truth; they know no caller
}

var troubles = []trouble{
	{"an order fails", "3111", sandbox.Fault{Operation: sandbox.OpSubmit, Mode: sandbox.Fail},
		[]string{"wait.please", "order.boss_error"}, "order open caller_id: system_failed/boss_error", 0, 0},
	{"an order does not get there", "3111", sandbox.Fault{Operation: sandbox.OpSubmit, Mode: sandbox.Unavailable},
		[]string{"wait.please", "order.boss_unavailable"}, "order open caller_id: system_failed/boss_unavailable", 0, 0},
	{"the answer is lost", "3111", sandbox.Fault{Operation: sandbox.OpSubmit, Mode: sandbox.LoseAnswer},
		[]string{"wait.please", "order.unknown"}, "order open caller_id: success/reconciled", 1, 0},
	{"the answer is lost, and two look-ups fail", "3111", sandbox.Fault{Operation: sandbox.OpSubmit, Mode: sandbox.LoseAnswer},
		[]string{"wait.please", "order.unknown"}, "order open caller_id: success/reconciled", 1, 2},
	{"a query fails", "11", sandbox.Fault{Operation: sandbox.OpQuery, Mode: sandbox.Unavailable},
		[]string{"wait.please", "query.boss_unavailable"}, "query query balance: system_failed/boss_unavailable", 0, 0},
	{"a query has no answer", "11", sandbox.Fault{Operation: sandbox.OpQuery, Mode: sandbox.LoseAnswer},
		[]string{"wait.please", "query.boss_error"}, "query query balance: system_failed/boss_error", 0, 0},
}

// TestBossInTrouble: every way of the BOSS to fail has its own sentence and its
// own outcome, and nothing is done twice.
func TestBossInTrouble(t *testing.T) {
	t.Parallel()
	h := open(t)
	for i, tr := range troubles {
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel()
			number := fmt.Sprintf("1393000%04d", i)
			h.fault(t, number, tr.fault)
			if tr.lookups > 0 {
				failing := sandbox.Fault{Operation: sandbox.OpLookup, Mode: sandbox.Fail, Times: tr.lookups}
				if err := h.boss.AddFault(t.Context(), failing); err != nil {
					t.Fatal(err)
				}
			}
			k := h.dial(t, number)
			k.keys(tr.keys)
			k.hear(tr.hears...)
			k.begins(map[string]string{"3111": "after.more", "11": "label.101"}[tr.keys]) // where the caller may go on
			k.hangup()
			h.becomes(t, 2*patience, k.CallID(), "hung_up", tr.became)
			if tr.keys == "3111" {
				h.notified(t, k.CallID(), map[bool]string{true: "due open.success", false: "heard " + noticed(tr.became)}[tr.done > 0])
			}
			if got := h.effects(t, number); len(got) != tr.done {
				t.Errorf("the BOSS has done %q", got)
			}
			if tr.done > 0 {
				const sql = "select first_outcome || ' ' || (resolved_at > closed_at) || ' ' || category from ivr.applications where call_id = $1::uuid"
				if got := h.value(t, sql, k.CallID()); got != "unknown true none" {
					t.Errorf("stored as %s", got)
				}
			}
		})
	}
	t.Run("a slow BOSS", func(t *testing.T) { t.Parallel(); slowBoss(t, h) })
	t.Run("two calls for one order", func(t *testing.T) { t.Parallel(); joined(t, h) })
}

// noticed is the text of a notification about what became of an order to open something.
func noticed(became string) string {
	_, result, _ := strings.Cut(became, ": ")
	return "open." + strings.ReplaceAll(result, "/", ".")
}

// notified waits until it is decided whether the caller has heard the result of the call's
// order: "heard" (in the call) or "due" (it is still to be texted), and which.
func (h *hotline) notified(t *testing.T, call, want string) {
	t.Helper()
	const sql = `select coalesce((select n.state || ' ' || n.text from ivr.notifications n join ivr.orders o using (order_id)
		where o.call_id = $1::uuid), 'none')`
	eventually(t, patience, func() string {
		if got := h.value(t, sql, call); got != want {
			return "the result is " + got + ", want " + want
		}
		return ""
	})
}

// slowBoss: please wait is said at once, whatever the BOSS does.
func slowBoss(t *testing.T, h *hotline) {
	const number = "13930001000"
	h.fault(t, number, slow(sandbox.OpSubmit, 3*time.Second))
	k := h.dial(t, number)
	k.keys("311")
	k.begins("order.per_month")
	at := k.press('1')
	if after := k.begins("wait.please").Start.Sub(at); after > time.Second {
		t.Errorf("please wait came after %v", after)
	}
	if after := k.begins("order.opened").Start.Sub(at); after < 3*time.Second {
		t.Errorf("the result came after %v, before the BOSS had answered", after)
	}
	k.became("hung_up", "order open caller_id: success/confirmed")
}

// joined: who calls twice for the same thing while it is under way has ordered once.
func joined(t *testing.T, h *hotline) {
	const number = "13930001001"
	h.fault(t, number, slow(sandbox.OpSubmit, 4*time.Second))
	first, second := h.dial(t, number), h.dial(t, number)
	first.keys("3111")
	first.begins("wait.please")
	second.keys("3111")
	first.hear("wait.please", "order.opened")
	second.hear("wait.please", "order.opened")
	first.became("hung_up", "order open caller_id: success/confirmed")
	second.became("hung_up", "order open caller_id: success/confirmed")
	if got := h.effects(t, number); !slices.Equal(got, []string{"open caller_id"}) {
		t.Errorf("the BOSS has done %q", got)
	}
	const sql = "select count(distinct order_id) || ' for ' || count(*) from ivr.applications where call_id in ($1::uuid, $2::uuid)"
	if got := h.value(t, sql, first.CallID(), second.CallID()); got != "1 for 2" {
		t.Errorf("orders: %s applications", got)
	}
}
