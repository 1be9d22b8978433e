package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestServicePassword: a caller changes the service password and proves himself by
// the new one. Nothing that he types is in the journal, in the spool or in a log.
func TestServicePassword(t *testing.T) {
	t.Parallel()
	h := open(t)
	const number, old, next = "13800000004", "271828", "606162"

	k := h.dial(t, number)
	k.keys("232")
	k.types("ask.old_password", "929292#")
	k.types("ask.new_password", next+"#")
	k.types("ask.new_password_again", next+"#")
	k.hear("wait.please", "auth.wrong")
	k.became("hung_up", "password change service_password: auth_failed/wrong_password")

	k = h.dial(t, number)
	k.keys("232")
	k.types("ask.old_password", old+"#")
	k.types("ask.new_password", next+"#")
	k.types("ask.new_password_again", "606163#") // not the same
	k.begins("err.mismatch")
	k.types("ask.new_password_again", next) // the time ends it
	k.hear("wait.please", "order.changed")
	k.became("hung_up", "password change service_password: success/confirmed")
	if got := h.pressedKeys(t, k.CallID()); got != "232"+strings.Repeat("•", 27) {
		t.Errorf("recorded as pressed: %s", got)
	}

	bill := h.subscriber(t, number).LastBill
	k = h.dial(t, number)
	k.keys("12")
	k.types("auth.enter", old+"#")
	k.begins("auth.wrong")
	k.types("auth.again", next+"#")
	k.hear(append([]string{"bill.is"}, h.amount(t, bill)...)...)
	k.begins("label.101") // only an answer heard to its end is a success
	k.became("hung_up", "query query last_month_bill: success/confirmed")
}

// types presses the keys of an entry once it is asked for, as long as people do.
func (k *talk) types(asked, keys string) {
	k.t.Helper()
	k.begins(asked)
	k.at = len(k.Heard()) // what is said next comes after this
	for i := range len(keys) {
		if _, err := k.Press(k.t.Context(), keys[i], 120*time.Millisecond); err != nil {
			k.t.Fatalf("%v; heard %s", err, k.line())
		}
	}
}
