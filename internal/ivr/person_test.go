package ivr

import (
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/orders"
)

// TestThePersonIsTold what the call is about, and the queue how the caller ranks.
func TestThePersonIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, shipped(t))
		defer r.end()
		r.startAt("")
		for _, line := range []string{"call", "press 1 2", "press 135790#", "answer success/confirmed", "played",
			"answer success/confirmed amount=money:8850", "played", "press 0", "profile success/confirmed brand=word:全球通 star=count:4", "played", "silence"} {
			r.do(line)
		}
		if got := <-r.line.went; got != "agents desk" {
			t.Errorf("went to %s", got)
		}
		want := map[string]string{"QUEUE_PRIO": "4", "__HOTLINE_CALL": callID, "__HOTLINE_LANGUAGE": "zh",
			"__HOTLINE_NODE": "1", "__HOTLINE_SERVICE": "last_month_bill", "__HOTLINE_VERIFIED": "yes"}
		if !maps.Equal(r.line.variables, want) {
			t.Errorf("told %v, want %v", r.line.variables, want)
		}
		if v := <-r.desk.verified; v.Password.Reveal() != "135790" || v.Call != callID || v.Application != orders.ApplicationID(callID, 1) || v.Caller.IsZero() {
			t.Errorf("verified %+v", v)
		}
		// Every key of the password, and what ends it.
		r.do("transferred")
		if got := r.notes.keys; got != "12_______0" {
			t.Errorf("keys are recorded as %s", got)
		}
	})
}

// TestTheLimitBeginsAnew when a caller comes back: the dialplan sets it again.
func TestTheLimitBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, shipped(t))
		defer r.end()
		r.startAt("")
		for _, line := range []string{"call", "press 0", "played", "silence"} {
			r.do(line)
		}
		<-time.After(time.Hour)
		r.do("returned 3013")
		r.line.hangUp(time.Now())
		synctest.Wait()
		lines := r.notes.take()
		if got := lines[len(lines)-1]; got != "end hung_up" {
			t.Errorf("got %q", got)
		}
	})
}
