package e2e

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"hotline/internal/orders/sandbox"
)

// leaving is a point at which a caller hangs up, and what must come of it.
type leaving struct {
	name   string
	at     func(*talk)   // goes there
	fault  sandbox.Fault // of the BOSS, for this caller
	became []string
	rule   string // that classifies the application; "" for none
	orders []string
}

// slow is a BOSS that takes its time with an operation.
func slow(op sandbox.Operation, d time.Duration) sandbox.Fault {
	return sandbox.Fault{Operation: op, Mode: sandbox.Slow, Delay: d}
}

// inMenu leaves in the menu to which keys lead, in the middle of its sentence.
func inMenu(keys, kind string) leaving {
	return leaving{name: "in menu " + keys, rule: "early-hang-up", became: []string{"hung_up", kind + ": abandoned/during_prompt"},
		at: func(k *talk) { k.keys(keys) }}
}

// The orders of those who leave after the confirming key are the BOSS's to decide;
// before it nothing may have been stored or done.
var leavings = []leaving{
	{name: "during the welcome", at: func(k *talk) { k.begins("main.welcome") },
		became: []string{"hung_up", "undecided: abandoned/during_prompt"}, rule: "early-hang-up"},
	inMenu("1", "undecided"), inMenu("3", "handling"), inMenu("31", "handling"), inMenu("32", "handling"), inMenu("33", "handling"), inMenu("338", "handling"),
	{name: "in the silence after a menu", at: func(k *talk) { k.keys("14"); k.hear("menu.back", "menu.press", "key.star"); k.silent() },
		became: []string{"hung_up", "undecided: abandoned/after_prompt"}, rule: "prompt-heard"},
	{name: "at the price", at: func(k *talk) { k.keys("311"); k.begins("order.per_month") },
		became: []string{"hung_up", "order open caller_id: abandoned/during_prompt"}, rule: "early-hang-up"},
	{name: "unsure after the price", at: func(k *talk) { k.keys("311"); k.hear("order.cancel", "menu.press", "key.2"); k.silent() },
		became: []string{"hung_up", "order open caller_id: abandoned/after_prompt"}, rule: "prompt-heard"},
	{name: "while waiting for a slow BOSS", at: func(k *talk) { k.keys("3111"); k.begins("wait.please") }, fault: slow(sandbox.OpSubmit, 2*time.Second),
		became: []string{"hung_up", "order open caller_id: success/confirmed"}, orders: []string{"open caller_id"}},
	{name: "in the silence while waiting", at: func(k *talk) { k.keys("3111"); k.hear("wait.please") }, fault: slow(sandbox.OpSubmit, 3*time.Second),
		became: []string{"hung_up", "order open caller_id: success/confirmed"}, orders: []string{"open caller_id"}},
	{name: "as please wait is said and the answer is here", at: func(k *talk) { k.keys("3111"); k.begins("wait.please") },
		became: []string{"hung_up", "order open caller_id: success/confirmed"}, orders: []string{"open caller_id"}},
	{name: "during the result", at: func(k *talk) { k.keys("3111"); k.begins("order.opened") },
		became: []string{"hung_up", "order open caller_id: success/confirmed"}, orders: []string{"open caller_id"}},
	{name: "while a query takes its time", at: func(k *talk) { k.keys("11"); k.hear("wait.please") }, fault: slow(sandbox.OpQuery, 3*time.Second),
		became: []string{"hung_up", "query query balance: abandoned/during_wait"}, rule: "left-waiting"},
	{name: "during the answer to a query", at: func(k *talk) { k.keys("11"); k.begins("u.yuan") },
		became: []string{"hung_up", "query query balance: abandoned/during_prompt"}},
	{name: "during the introduction", at: func(k *talk) { k.keys("313"); k.begins("intro.caller_id") },
		became: []string{"hung_up", "handling: abandoned/during_prompt"}},
	{name: "when a person is being called", at: func(k *talk) { k.keys("0"); k.begins("agent.connecting") },
		became: []string{"hung_up", "undecided: escalated/requested"}, rule: "asked-for-person"},
}

// TestLeaving: a caller may hang up at any point. Each call ends with its reason,
// each application with one outcome, and an order is done, or was never made.
func TestLeaving(t *testing.T) {
	t.Parallel()
	h := open(t)
	for i, l := range leavings {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			number := fmt.Sprintf("1391000%04d", i)
			if l.fault.Mode != "" {
				h.fault(t, number, l.fault)
			}
			k := h.dial(t, number)
			l.at(k)
			k.became(l.became...)
			if l.rule != "" {
				if got := h.value(t, "select rule from ivr.applications where call_id = $1::uuid", k.CallID()); got != l.rule {
					t.Errorf("classified by %q, want %q", got, l.rule)
				}
			}
			if got := h.effects(t, number); !slices.Equal(got, l.orders) {
				t.Errorf("the BOSS has done %q, want %q", got, l.orders)
			}
			stored := h.strings(t, "select state from ivr.orders where call_id = $1::uuid", k.CallID())
			if len(stored) != len(l.orders) {
				t.Errorf("orders stored: %q", stored)
			}
			if got := k.record(); got != "served" {
				t.Errorf("the PBX calls it %q", got)
			}
		})
	}
	t.Run("at once", func(t *testing.T) {
		t.Parallel()
		leaveAtOnce(t, h)
	})
	t.Run("at the confirming key", func(t *testing.T) {
		t.Parallel()
		leaveAtTheKey(t, h)
	})
}

// leaveAtOnce hangs up with the answer, so that on a busy machine some have gone before
// the PBX could offer the call to the server: of those the server knows nothing, and
// whatever it knows of is an application that was abandoned.
func leaveAtOnce(t *testing.T, h *hotline) {
	const served = "hung_up\nundecided: abandoned/during_prompt"
	seen := map[string]int{}
	for i := range 5 {
		k := h.dial(t, fmt.Sprintf("1391002%04d", i))
		k.hangup()
		k.record() // the PBX has done with it
		// A later call of the same server is known by when its own would be.
		later := h.dial(t, fmt.Sprintf("1391003%04d", i))
		later.begins("main.welcome")
		later.became("hung_up", "undecided: abandoned/during_prompt")
		var got string
		eventually(t, patience, func() string {
			if got = h.standing(t, k.CallID()); got != served && got != "no call" {
				return "stands as " + got
			}
			return ""
		})
		if seen[got]++; got == served {
			if rule := h.value(t, "select rule from ivr.applications where call_id = $1::uuid", k.CallID()); rule != "early-hang-up" {
				t.Errorf("classified by %q", rule)
			}
		}
	}
	if t.Logf("%v", seen); seen[served] == 0 {
		t.Error("the server has known of none")
	}
}

// leaveAtTheKey hangs up around the moment at which the confirming key ends, so
// that some go before the server knows the key, some before the intent is stored,
// and some after. Whichever it was, our tables and the BOSS must agree.
func leaveAtTheKey(t *testing.T, h *hotline) {
	const without, with = "hung_up\norder open caller_id: abandoned/during_prompt", "hung_up\norder open caller_id: success/confirmed"
	seen := map[string]int{}
	for i := range 8 {
		number := fmt.Sprintf("1391001%04d", i)
		k := h.dial(t, number)
		k.keys("311")
		k.begins("order.per_month")
		var key sync.WaitGroup
		key.Go(func() {
			_, _ = k.Press(t.Context(), '1', 60*time.Millisecond) // it may not come to its end
		})
		<-time.After(30*time.Millisecond + time.Duration(i)*6*time.Millisecond)
		k.hangup()
		key.Wait()
		var got string
		eventually(t, patience, func() string {
			if got = h.standing(t, k.CallID()); got != without && got != with {
				return "stands as " + got
			}
			return ""
		})
		seen[got]++
		if done := len(h.effects(t, number)); done != map[string]int{without: 0, with: 1}[got] {
			t.Errorf("%s, and the BOSS has done %d orders", got, done)
		}
	}
	t.Logf("%v", seen)
}
