package e2e

import (
	"strings"
	"testing"

	"hotline/internal/dialtest"
)

// TestWishes: what calls leave behind for afterwards.
func TestWishes(t *testing.T) {
	t.Parallel()
	h := open(t)
	for name, test := range map[string]func(*testing.T, *hotline){
		"a rating": rates, "another language": choosesEnglish, "chosen in a call before": isRemembered,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, h)
		})
	}
}

// rates: of the service that the call was about.
func rates(t *testing.T, h *hotline) {
	k := h.dial(t, "13962000001")
	k.begins("main.welcome")
	k.dials("#3011#")
	k.begins("order.per_month")
	k.keys("1")
	k.hear("wait.please", "order.opened")
	k.begins("after.more")
	k.keys("2")
	k.begins("ask.survey")
	k.press('9')
	k.begins("err.invalid")
	k.press('4')
	k.hear("survey.thanks", "sys.goodbye")
	k.ends(patience)
	k.became("finished", "order open caller_id: success/confirmed")
	const sql = "select service || ' ' || score || ' ' || test || ' ' || (menu_version <> '') from ivr.ratings where call_id = $1::uuid"
	if got := h.value(t, sql, k.CallID()); got != "caller_id 4 true true" {
		t.Errorf("stored as %s", got)
	}
}

// choosesEnglish: everything is said in it from then on, numbers included, and the
// person is told.
func choosesEnglish(t *testing.T, h *hotline) {
	k := h.dial(t, "13962000002")
	k.keys("4")
	k.begins("zh:lang.zh")
	k.keys("2")
	k.hear("en:lang.set")
	k.begins("en:label.1")
	from := len(k.Heard()) - 1
	k.keys("11")
	k.hear("en:wait.please", "en:balance.is")
	k.begins("en:u.yuan")
	k.begins("en:label.101")
	for _, heard := range k.Heard()[from:] {
		if heard.Lang != "en" {
			t.Errorf("%s is said in %q", heard.Prompt, heard.Lang)
		}
	}
	k.became("hung_up", "query query balance: success/confirmed")
}

// isRemembered: the next call of this number is English from the first word; another
// number's is not.
func isRemembered(t *testing.T, h *hotline) {
	const number = "13962000003"
	k := h.dial(t, number)
	k.keys("42")
	k.hear("en:lang.set")
	k.hangup()
	// It is known to servers when the journal has written it and they have read it.
	eventually(t, patience, func() string {
		k = h.dial(t, number)
		first := k.first()
		if first.Is("en:main.welcome") {
			return ""
		}
		k.hangup()
		return "the first word is " + first.Lang + ":" + first.Prompt
	})
	k.keys("41")
	k.hear("zh:lang.set")
	k.became("hung_up", "undecided: abandoned/during_prompt")
	if got := h.dial(t, "13962000004").first(); !got.Is("zh:main.welcome") {
		t.Errorf("another caller hears %s:%s", got.Lang, got.Prompt)
	}
	if got := h.strings(t, "select octet_length(caller_hash) || ' ' || language from ivr.remembered where caller_hash = (select caller_hash from ivr.calls where call_id = $1::uuid)", k.CallID()); strings.Join(got, ",") != "32 zh" {
		t.Errorf("remembered: %q", got)
	}
}

// first is what is said first in a call.
func (k *talk) first() dialtest.Heard {
	k.t.Helper()
	var first dialtest.Heard
	err := k.Await(k.t.Context(), func(line []dialtest.Heard) bool {
		if len(line) > 0 {
			first = line[0]
		}
		return len(line) > 0
	})
	if err != nil {
		k.t.Fatalf("nothing is heard: %v", err)
	}
	return first
}
