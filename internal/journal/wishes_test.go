package journal

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"hotline/internal/menu"
	"hotline/internal/orders"
)

// wishes are what a call may leave behind.
func wishes(language string) []any {
	return []any{
		menu.Started{}, menu.Entered{Node: "main"},
		menu.Speak{Language: language}, // used, not chosen
		menu.Speak{Language: language, Remember: true},
		menu.Rated{Service: "caller_id", Score: 4},
		menu.CallBack{Queue: "desk", Service: "caller_id"},
		menu.Left{Why: menu.ByCaller}, menu.End{Reason: menu.HungUp},
	}
}

func TestWhatACallLeavesBehind(t *testing.T) {
	pool := newPool(t)
	o := testOptions(t, pool)
	j := openJournal(t, o)
	h := testHead(time.Now().Add(-time.Minute).Truncate(time.Microsecond))
	say(t, j, h, wishes("en"))
	hidden := testHead(h.At)
	hidden.Caller, hidden.Test = orders.MSISDN{}, true // withheld
	say(t, j, hidden, wishes("en"))
	settle(t, j)

	sealed := testSealer.Seal(h.Caller)
	for sql, want := range map[string]string{
		`select concat_ws('|', at = $2::timestamptz + interval '4 ms', service, score, menu_version, test) from ivr.ratings where call_id = $1 and $3::bytea is not null`:                    "t|caller_id|4|v1|f",
		`select concat_ws('|', at = $2::timestamptz + interval '5 ms', queue, service, caller_masked, caller_hash = $3, done_at is null, test) from ivr.callbacks where call_id = $1`:        "t|desk|caller_id|138****8000|t|t|f",
		`select concat_ws('|', language, at = $2::timestamptz + interval '3 ms', (select count(*) from ivr.remembered)) from ivr.remembered where caller_hash = $3 and $1::uuid is not null`: "en|t|1",
	} {
		if got := one[string](t, pool, sql, h.ID, h.At, sealed.Hash); got != want {
			t.Errorf("%s\ngives %s, want %s", sql, got, want)
		}
	}
	caller, err := testSealer.Open(one[[]byte](t, pool, `select caller_enc from ivr.callbacks where call_id = $1`, h.ID))
	if err != nil || caller != h.Caller {
		t.Errorf("who is to be called back: %v, %v", caller, err)
	}
	if got := one[string](t, pool, `select concat_ws('|', caller_masked, caller_hash is null, caller_enc is null, test) from ivr.callbacks where call_id = $1`, hidden.ID); got != "unknown|t|t|t" {
		t.Errorf("one whose number is withheld: %s", got)
	}
	r, err := ReadReport(t.Context(), pool, Period{From: h.At.Add(-time.Hour), To: time.Now(), Zone: time.UTC})
	if err != nil || r.Callbacks != (Share{1, 1}) || len(r.Satisfaction) != 1 || r.Satisfaction[0] != (Satisfaction{"caller_id", 1, 4, Share{1, 1}}) {
		t.Errorf("the report says %v, %v to be called back: %v", r.Satisfaction, r.Callbacks, err)
	}
	// The number is where it is needed and nowhere else.
	if got := one[string](t, pool, `select string_agg(detail::text, ' ') from ivr.steps where call_id = $1 and kind in ('speak', 'call_back')`, h.ID); strings.Contains(got, "hash") || strings.Contains(got, "enc\"") || !strings.Contains(got, "138****8000") {
		t.Errorf("steps: %s", got)
	}
	if _, err := os.Stat(o.Dir + "/rejected"); err == nil {
		t.Error("a step was rejected")
	}
}

// The same calls by two spools, later first and each twice, leave the same behind.
func TestWishesInAnyOrder(t *testing.T) {
	pool := newPool(t)
	at := time.Now().Add(-time.Hour).Truncate(time.Microsecond)
	first, second := testHead(at), testHead(at.Add(time.Minute)) // of one caller
	for range 2 {
		for _, h := range []Head{second, first} {
			j := openJournal(t, testOptions(t, pool))
			say(t, j, h, wishes(map[uuid.UUID]string{first.ID: "en", second.ID: "zh"}[h.ID]))
			settle(t, j)
		}
	}
	if got := one[string](t, pool, `select string_agg(language || ' ' || (at = $1), ',') from ivr.remembered`, second.At.Add(3*time.Millisecond)); got != "zh true" {
		t.Errorf("remembered: %s", got)
	}
	if got := one[string](t, pool, `select (select count(*) from ivr.ratings) || ' ' || (select count(*) from ivr.callbacks)`); got != "2 2" {
		t.Errorf("ratings and callbacks: %s", got)
	}
}

// Keys of what is private are recorded as what they are: keys.
func TestAPrivateKey(t *testing.T) {
	c := (&Journal{server: "s", sealer: testSealer}).call(testHead(time.Now()))
	c.Event(time.Now(), menu.Pressed{Key: '7'}, true)
	r, _, _ := readRecord(c.buf)
	if got := string(r.detail); got != `{"key":"•"}` {
		t.Errorf("recorded as %s", got)
	}
}
