package e2e

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSwitchOutOfReach: the way to Asterisk is cut while callers are on the line.
func TestSwitchOutOfReach(t *testing.T) {
	t.Parallel()
	address, ari := through(t, os.Getenv("ARI_URL"))
	h := open(t, "ARI_URL="+address)

	k := h.dial(t, "13940000001")
	k.keys("31")
	k.begins("verb.open")
	ari.cut()
	eventually(t, patience, func() string {
		if code, body := h.proc.get("/readyz"); code != 503 || !strings.Contains(body, "asterisk") {
			return fmt.Sprintf("/readyz: %d %s", code, body)
		}
		return ""
	})
	<-time.After(3 * time.Second) // what a caller may well sit out
	k.at = len(k.Heard())
	ari.mend()
	h.proc.ready(t)
	k.hear("svc.caller_id", "verb.open", "menu.press", "key.1") // said again from its beginning
	k.keys("3")
	k.hear("intro.caller_id")
	k.begins("svc.caller_id")
	k.became("hung_up", "handling: abandoned/during_prompt")
	if got := h.proc.metrics(t)[`ivr_ari_reconnects_total{node="asterisk-1"}`]; got != 1 {
		t.Errorf("%v reconnects", got)
	}

	k = h.dial(t, "13940000002")
	k.keys("31")
	ari.cut()
	h.becomes(t, patience, k.CallID(), "switch_lost", "handling: system_failed/switch")
	ari.mend()
	h.proc.ready(t)
	k.ends(patience) // nobody serves this caller any more: the line must not stay open
	k.clean()

	k = h.dial(t, "13940000003") // and everything is as before
	k.keys("1")
	k.became("hung_up", "undecided: abandoned/during_prompt")
}

// TestSwitchSilent: the connection stands, but nothing comes through it. A short
// while of that is only slow; a long one must be noticed without anybody telling.
func TestSwitchSilent(t *testing.T) {
	t.Parallel()
	address, ari := through(t, os.Getenv("ARI_URL"))
	h := open(t, "ARI_URL="+address)
	k := h.dial(t, "13940000011")
	k.keys("31")
	k.begins("verb.open")
	ari.freeze()
	k.press('3')
	<-time.After(1500 * time.Millisecond)
	ari.mend()
	k.begins("intro.caller_id")
	if got := h.proc.metrics(t)[`ivr_ari_reconnects_total{node="asterisk-1"}`]; got != 0 {
		t.Errorf("%v reconnects after a short silence", got)
	}
	ari.freeze()
	eventually(t, 10*time.Second, func() string {
		if code, body := h.proc.get("/readyz"); code != 503 || !strings.Contains(body, "asterisk") {
			return fmt.Sprintf("/readyz: %d %s", code, body)
		}
		return ""
	})
	ari.mend()
	h.proc.ready(t)
	k.keys("1") // the introduction, begun again, is cut short by the next choice
	k.begins("order.will_open")
	k.became("hung_up", "order open caller_id: abandoned/during_prompt")
}

// TestStopWithoutPostgres: a server that must stop while Postgres is away says what
// stays behind, and the next one delivers it.
func TestStopWithoutPostgres(t *testing.T) {
	t.Parallel()
	h := prepare(t)
	address, postgres := through(t, h.address)
	h.set["DATABASE_URL"], h.rough = address, true
	h.live(t)
	k := h.dial(t, "13940000021")
	k.keys("3")
	postgres.cut()
	k.keys("13")
	k.hear("intro.caller_id")
	k.hangup()
	h.proc.signal(syscall.SIGTERM)
	if code := h.proc.wait(t); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	if log := h.proc.log.String(); !strings.Contains(log, "steps stay in the spool for the next start") {
		t.Errorf("it does not say what stays behind\n%s", log)
	}
	postgres.mend()
	h.start(t)
	k.became("hung_up", "handling: abandoned/during_prompt")
}

// TestPostgresOutOfReach: menus go on, nothing is ordered without a stored
// intent, and what happened meanwhile is written down afterwards.
func TestPostgresOutOfReach(t *testing.T) {
	t.Parallel()
	h := prepare(t)
	address, postgres := through(t, h.address)
	h.set["DATABASE_URL"], h.rough = address, true
	h.live(t)

	before := h.dial(t, "13940000004")
	before.keys("31")
	postgres.cut()
	const number = "13940000005"
	during := h.dial(t, number)
	during.keys("3111")
	during.hear("wait.please", "order.platform")
	during.begins("after.more")
	during.keys("*3")
	during.hear("intro.caller_id")
	during.hangup()
	asks := h.dial(t, "13940000006")
	asks.keys("11")
	asks.hear("wait.please", "query.boss_unavailable")
	asks.hangup()
	if code, body := h.proc.get("/readyz"); code != 503 || !strings.Contains(body, "postgres") {
		t.Errorf("/readyz: %d %s", code, body)
	}
	if lag := h.proc.metrics(t)["ivr_journal_lag_steps"]; lag < 20 {
		t.Errorf("%v steps are said to wait", lag)
	}
	before.keys("3")
	before.hear("intro.caller_id")

	postgres.mend()
	h.proc.ready(t)
	during.became("hung_up", "order open caller_id: system_failed/platform")
	asks.became("hung_up", "query query balance: system_failed/boss_unavailable")
	before.became("hung_up", "handling: abandoned/during_prompt")
	if got := h.effects(t, number); len(got) > 0 {
		t.Errorf("the BOSS has done %q", got)
	}
	eventually(t, patience, func() string {
		if lag := h.proc.metrics(t)["ivr_journal_lag_steps"]; lag != 0 {
			return "steps wait"
		}
		return ""
	})
	// Where the answer to a commit was lost, its steps are here and were not counted; sent again
	// they are not new.
	uncounted := 0
	for _, m := range regexp.MustCompile(`commit (\d+) steps: `).FindAllStringSubmatch(h.proc.log.String(), -1) {
		n, err := strconv.Atoi(m[1])
		fatal(t, err)
		uncounted += n
	}
	steps, err := strconv.Atoi(h.value(t, "select count(*)::text from ivr.steps"))
	fatal(t, err)
	if got := int(h.proc.metrics(t)["ivr_journal_steps_total"]); got > steps || got+uncounted < steps {
		t.Errorf("%d steps stored, %d said to be, at most %d uncounted", steps, got, uncounted)
	}
	again := h.dial(t, number)
	again.keys("3111")
	again.hear("wait.please", "order.opened")
	again.became("hung_up", "order open caller_id: success/confirmed")
}
