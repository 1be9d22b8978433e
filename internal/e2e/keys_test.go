package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestKeys: keys that callers press otherwise than menus wish.
func TestKeys(t *testing.T) {
	t.Parallel()
	h := open(t, hastyMenus(t))
	for name, test := range map[string]func(*testing.T, *hotline){
		"keys that mean nothing": invalidKeys, "barge-in": bargeIn, "all keys at once": typeAhead, "repeat": repeat,
		"letters": letters, "a key held long": heldLong, "two keys in one breath": twoKeys, "keys after goodbye": afterGoodbye,
		"keys while waiting": whileWaiting,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, h)
		})
	}
}

// pressedKeys are the keys of a call as the server got them.
func (h *hotline) pressedKeys(t *testing.T, call string) string {
	t.Helper()
	return strings.Join(h.strings(t, "select detail ->> 'key' from ivr.steps where call_id = $1::uuid and kind = 'key' order by seq", call), "")
}

func invalidKeys(t *testing.T, h *hotline) {
	k := h.dial(t, "13920000001")
	k.keys("7")
	k.begins("err.invalid")
	k.keys("8")
	k.begins("err.invalid_again")
	k.keys("9")
	k.hear("err.gave_up")
	k.ends(patience)
	k.became("gave_up", "undecided: input_failed/invalid")
	if got := h.value(t, "select invalid || ' ' || no_input || ' ' || rule from ivr.applications where call_id = $1::uuid", k.CallID()); got != "3 0 invalid-keys" {
		t.Errorf("stored as %q", got)
	}
}

// bargeIn: the voice must stop when a key has been pressed, as quickly as a
// person would.
func bargeIn(t *testing.T, h *hotline) {
	k := h.dial(t, "13920000002")
	var stops []time.Duration
	for _, p := range k.keys("3*3*3*3") {
		line := k.Heard()
		for i, heard := range line {
			if i > 0 && !heard.Start.Before(p.At) && !line[i-1].Whole {
				stops = append(stops, line[i-1].End.Sub(p.At))
				break
			}
		}
	}
	slices.Sort(stops)
	if len(stops) < 5 || stops[len(stops)/2] > 100*time.Millisecond {
		t.Errorf("after a key the old voice goes on for %v; heard %s", stops, k.line())
	}
	t.Logf("the old voice goes on for %v", stops)
	k.became("hung_up", "handling: abandoned/during_prompt")
}

func typeAhead(t *testing.T, h *hotline) {
	const number = "13920000003"
	k := h.dial(t, number)
	k.begins("main.welcome")
	k.dials("3111")
	k.hear("wait.please", "order.opened")
	k.became("hung_up", "order open caller_id: success/confirmed")
	if got := h.effects(t, number); len(got) != 1 {
		t.Errorf("the BOSS has done %q", got)
	}
}

func repeat(t *testing.T, h *hotline) {
	k := h.dial(t, "13920000004")
	k.keys("#")
	k.hear("label.1", "menu.press", "key.1", "label.2")
	k.became("hung_up", "undecided: abandoned/during_prompt")
	if strings.Count(k.line(), "main.welcome") != 1 {
		t.Errorf("greeted again: %s", k.line())
	}
	if got := h.value(t, "select replays::text from ivr.applications where call_id = $1::uuid", k.CallID()); got != "1" {
		t.Errorf("%s replays", got)
	}
}

func letters(t *testing.T, h *hotline) {
	k := h.dial(t, "13920000005")
	k.keys("A")
	k.begins("err.invalid")
	k.keys("D")
	k.begins("err.invalid_again")
	k.keys("1")
	k.begins("label.101")
	k.became("hung_up", "undecided: abandoned/during_prompt")
	if got := h.pressedKeys(t, k.CallID()); got != "AD1" {
		t.Errorf("the server got %q", got)
	}
}

// heldLong: however long a finger rests on a key, it is one key.
func heldLong(t *testing.T, h *hotline) {
	k := h.dial(t, "13920000006")
	k.begins("main.welcome")
	if _, err := k.Press(t.Context(), '3', 5*time.Second); err != nil {
		t.Fatal(err)
	}
	k.begins("label.301")
	k.became("hung_up", "handling: abandoned/during_prompt")
	if got := h.pressedKeys(t, k.CallID()); got != "3" {
		t.Errorf("the server got %q", got)
	}
}

// twoKeys: nothing is between them, and the server has to tell them apart.
func twoKeys(t *testing.T, h *hotline) {
	k := h.dial(t, "13920000007")
	k.begins("main.welcome")
	for _, key := range []byte("11") {
		if _, err := k.Press(t.Context(), key, 40*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	k.hear("wait.please", "balance.is")
	k.became("hung_up", "query query balance: abandoned/during_prompt")
	if got := h.pressedKeys(t, k.CallID()); got != "11" {
		t.Errorf("the server got %q", got)
	}
}

// afterGoodbye: a call that has said goodbye is over, whatever is pressed.
func afterGoodbye(t *testing.T, h *hotline) {
	k := h.dial(t, "13920000008")
	k.keys("789")
	k.begins("err.gave_up")
	k.press('3')
	k.hear("err.gave_up")
	k.ends(patience)
	k.became("gave_up", "undecided: input_failed/invalid")
}

// whileWaiting: keys pressed while the BOSS works are forgotten when its result is there: who
// presses on for want of a sound does not choose what he has not heard.
func whileWaiting(t *testing.T, h *hotline) {
	const number = "13920000009"
	h.fault(t, number, slow("submit", 1500*time.Millisecond))
	k := h.dial(t, number)
	k.keys("3111")
	k.begins("wait.please")
	k.press('2')
	// The result is said to its end: nobody may miss what came of an order.
	k.hear("wait.please", "order.opened", "after.more")
	k.press('2')
	k.begins("ask.survey")
	k.became("hung_up", "order open caller_id: success/confirmed")
}
