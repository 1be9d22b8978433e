package e2e

import (
	"maps"
	"strings"
	"sync"
	"testing"
	"time"
)

// desk is locked by whom an agent answers, and read-locked by whom one would disturb:
// there is one agent's telephone in the whole Asterisk, registered or not.
var desk sync.RWMutex

// working gives the agent, logged in until the test ends, or the agent leaves. Others
// wait for the desk: it is to be taken late and left early.
func working(t *testing.T) *agent {
	t.Helper()
	desk.Lock()
	free := sync.OnceFunc(desk.Unlock)
	t.Cleanup(free)
	a := newAgent(t)
	logOut := a.leaves
	a.leaves = func() {
		defer free()
		logOut()
	}
	return a
}

// nobodyWorks keeps agents away until the test ends.
func nobodyWorks(t *testing.T) {
	t.Helper()
	desk.RLock()
	t.Cleanup(desk.RUnlock)
}

// TestAgent: a caller asks for a person.
func TestAgent(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, *hotline)
	}{
		{"nobody there", nobodyThere}, {"talking", talking}, {"hung up", leavesThePerson}, {"back to the menu", comesBack},
		{"back to a node", sentToANode}, {"back to no node", sentNowhere},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, h)
		})
	}
}

// nobodyThere: no agent is logged in, and the caller is not made to wait for one.
func nobodyThere(t *testing.T, h *hotline) {
	nobodyWorks(t)
	k := h.dial(t, "13960000001")
	k.begins("main.welcome")
	k.dials("#3011#")
	k.begins("order.per_month")
	k.keys("0")
	k.hear("agent.connecting")
	k.hear("agent.failed", "agent.callback_offer")
	k.press('1')
	k.hear("agent.callback_done")
	k.begins("label.1")
	k.became("hung_up", "order open caller_id: escalated/requested")
	if got := k.record(); got != "served" {
		t.Errorf("the PBX calls it %q", got)
	}
	const sql = `select concat_ws(' ', queue, service, caller_masked, octet_length(caller_hash), caller_enc is not null, done_at is null, test)
		from ivr.callbacks where call_id = $1::uuid`
	if got := h.value(t, sql, k.CallID()); got != "desk caller_id 139****0001 32 t t t" {
		t.Errorf("to be called back: %s", got)
	}
}

// talking: both hear each other, and the agent knows what the call is about.
func talking(t *testing.T, h *hotline) {
	const number = "13960000002"
	h.owner(t, number, "902817")
	k := h.dial(t, number)
	k.keys("12")
	k.begins("auth.enter")
	k.types("902817", "#")
	k.hear("bill.is")
	k.begins("label.101")
	a := working(t)
	k.press('0')
	k.hear("agent.connecting")
	a.answers(t)
	// What the caller's telephone sends is heard by the agent: silence, bit by bit,
	// and a key; and the caller hears the agent, who plays a recording of ours.
	a.listens(t, 25)
	k.press('5')
	a.hearsKey(t, 5)
	a.speaks(t, "main.welcome")
	k.hear("main.welcome")
	told := a.shows()
	want := map[string]string{"call": k.CallID(), "node": "1", "language": "zh", "service": "last_month_bill", "verified": "yes"}
	if !maps.Equal(told, want) {
		t.Errorf("the agent is told %v, want %v", told, want)
	}
	if got := h.standing(t, k.CallID()); got != "not ended\nquery query last_month_bill: success/confirmed" {
		t.Errorf("while the agent speaks the call stands as\n%s", got)
	}
	k.hangup()
	a.leaves()
	k.became("transferred", "query query last_month_bill: success/confirmed")
	h.masked(t, k, "12•••••••0") // and none that was pressed with a person
	if got := k.record(); got != "transferred" {
		t.Errorf("the PBX calls it %q", got)
	}
}

// leavesThePerson: the caller hangs up while the agent's telephone rings.
func leavesThePerson(t *testing.T, h *hotline) {
	a := working(t)
	k := h.dial(t, "13960000003")
	k.keys("0")
	k.hear("agent.connecting")
	a.rings(t)
	k.hangup()
	a.leaves()
	k.became("transferred", "undecided: escalated/requested")
}

// comesBack: the agent hangs up first, and the caller may say how it was.
func comesBack(t *testing.T, h *hotline) {
	a := working(t)
	k := h.dial(t, "13960000004")
	k.keys("30")
	k.hear("agent.connecting")
	a.answers(t)
	a.listens(t, 5)
	a.hangsUp(t)
	k.begins("ask.survey")
	a.leaves()
	k.press('5')
	k.hear("survey.thanks", "sys.goodbye")
	k.ends(patience)
	k.became("finished", "handling: escalated/requested")
	if got := h.value(t, "select score || service from ivr.ratings where call_id = $1::uuid", k.CallID()); got != "5" {
		t.Errorf("rated %s", got)
	}
	if got := k.record(); got != "transferred" {
		t.Errorf("the PBX calls it %q", got)
	}
}

// sentToANode: the agent sends the caller on to where he can do it himself.
func sentToANode(t *testing.T, h *hotline) {
	a := working(t)
	k := h.dial(t, "13960000005")
	k.keys("0")
	k.hear("agent.connecting")
	a.answers(t)
	a.listens(t, 5)
	if status := a.sendsTo(t, "h"); status != 404 {
		t.Errorf("what runs after a hang-up is taken for a node: %d", status)
	}
	a.listens(t, 5)
	if status := a.sendsTo(t, "3011"); status != 200 {
		t.Errorf("a node: %d", status)
	}
	k.hear("order.will_open", "svc.caller_id")
	a.leaves()
	k.keys("1")
	k.hear("order.opened")
	k.became("hung_up", "undecided: escalated/requested", "order open caller_id: success/confirmed")
	if got := h.value(t, "select continues from ivr.applications where call_id = $1::uuid and application_id like '%.2'", k.CallID()); got != k.CallID()+".1" {
		t.Errorf("continues %q", got)
	}
	if got := h.value(t, "select detail ->> 'to' from ivr.steps where call_id = $1::uuid and kind = 'returned'", k.CallID()); got != "3011" {
		t.Errorf("sent to %q", got)
	}
}

// sentNowhere: a node that the menu does not have is as if the person had hung up.
func sentNowhere(t *testing.T, h *hotline) {
	a := working(t)
	k := h.dial(t, "13960000006")
	k.keys("0")
	k.hear("agent.connecting")
	a.answers(t)
	a.listens(t, 5)
	if status := a.sendsTo(t, "no-such-node"); status != 200 {
		t.Errorf("the dialplan knows no nodes: %d", status)
	}
	k.begins("ask.survey")
	a.leaves()
	k.became("hung_up", "undecided: escalated/requested")
}

// TestServerDiesMeanwhile: a conversation with a person needs no server. Who comes back
// has noticed nothing, and goes on where the menu says.
func TestServerDiesMeanwhile(t *testing.T) {
	t.Parallel()
	h := open(t)
	var k *talk
	t.Run("talking", func(t *testing.T) {
		a := working(t)
		k = h.dial(t, "13960000007")
		k.keys("0")
		k.hear("agent.connecting")
		a.answers(t)
		a.listens(t, 5)
		h.proc.kill()
		h.start(t)
		eventually(t, patience, func() string {
			if h.proc.said("a call that an earlier run has left behind is with a person") == nil {
				return "the call has not been found"
			}
			return ""
		})
		a.listens(t, 50)
		a.hangsUp(t)
		k.begins("ask.survey")
	})
	h.becomes(t, time.Minute, k.CallID(), "hung_up", "undecided: escalated/requested")
	if line := k.line(); strings.Contains(line, "sys.") {
		t.Errorf("heard %s", line)
	}
}
