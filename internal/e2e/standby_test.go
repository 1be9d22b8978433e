package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"hotline/internal/orders/entry"
)

// silenceLimit is the longest that a caller may hear nothing, whoever dies.
const silenceLimit = 10 * time.Second

// longest is the longest silence that the caller has heard, up to now.
func (k *talk) longest() time.Duration {
	at, _ := k.Answered()
	longest := time.Duration(0)
	for _, h := range k.Heard() {
		longest = max(longest, h.Start.Sub(at))
		at = h.End
	}
	select {
	case <-k.Ended():
		return longest
	default:
		return max(longest, k.Quiet())
	}
}

// standby runs a second server, which takes over the callers of the first. Settings are
// NAME=value, of those that it has otherwise.
func (h *hotline) standby(t *testing.T, settings ...string) *process {
	t.Helper()
	set := h.set
	h.set = map[string]string{}
	for name, value := range set {
		h.set[name] = value
	}
	h.set["ARI_APP"], h.set["STANDBY_FOR"] = h.app+"-standby", h.app
	h.set["SPOOL"] = filepath.Join(h.dir, "spool-standby")
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		h.set[name] = value
	}
	p := h.run(t, "serve")
	h.set = set
	p.ready(t)
	return p
}

// TestStandbyTakesOver: the server dies and does not come back. Who was on the line goes
// on with the standby, with the application that he had, and nobody is in silence for long;
// then the first one is back, and takes nobody from it.
func TestStandbyTakesOver(t *testing.T) {
	t.Parallel()
	h := open(t)
	second := h.standby(t)
	const ordering, confirming = "13951000001", "13951000002"
	listening, asked := h.dial(t, "13951000003"), h.dial(t, confirming)
	asked.keys("311")
	asked.begins("order.will_open")
	done := orderSlowly(t, h, ordering, time.Minute) // it dies with the server, whose BOSS is within it
	listening.begins("main.welcome")
	h.proc.kill()
	for _, k := range []*talk{listening, asked} {
		k.within(patience, "sys.resumed")
	}
	done.within(patience, "sys.resumed", "order.unknown")
	asked.begins("order.will_open")
	asked.press('1') // while he listens: to start a server may take longer than he is asked
	asked.hear("wait.please", "order.opened")
	h.start(t) // under its name, in which nobody is left
	listening.press('3')
	listening.begins("label.301")
	for _, k := range []*talk{listening, asked, done} {
		if s := k.longest(); s > silenceLimit {
			t.Errorf("silent for %v: %s", s, k.line())
		}
		if n := strings.Count(k.line(), "sys.resumed"); n != 1 {
			t.Errorf("%d apologies: %s", n, k.line())
		}
	}
	asked.became("hung_up", "order open caller_id: success/confirmed")
	listening.became("hung_up", "handling: abandoned/during_prompt")
	done.hangup()
	if got := h.effects(t, confirming); !slices.Equal(got, []string{"open caller_id"}) {
		t.Errorf("the BOSS has done %q", got)
	}
	h.becomes(t, time.Minute, done.CallID(), "hung_up", "order open caller_id: unknown")
	if got := second.metrics(t)["ivr_calls_resumed_total"]; got != 3 {
		t.Errorf("%v calls went on", got)
	}
	if got := h.value(t, "select count(distinct server) || ' ' || count(*) from ivr.calls"); got != "1 3" {
		t.Errorf("servers and calls: %s", got)
	}
	second.signal(syscall.SIGTERM)
	if code := second.wait(t); code != 0 {
		t.Errorf("the standby ended with %d", code)
	}
}

// TestStandbyTakesOverFromALivingServer: a server that cannot reach Asterisk for a while has lost
// its callers to the standby. It lives and comes back, and its word about them does not count.
func TestStandbyTakesOverFromALivingServer(t *testing.T) {
	t.Parallel()
	address, ari := through(t, os.Getenv("ARI_URL"))
	h := open(t, "ARI_URL="+address)
	second := h.standby(t, "ARI_URL="+os.Getenv("ARI_URL"))
	k := h.dial(t, "13951000031")
	k.keys("311")
	k.begins("order.will_open")
	ari.cut()
	k.within(patience, "sys.resumed")
	k.begins("order.will_open")
	k.press('1')
	k.hear("wait.please", "order.opened")
	eventually(t, patience, func() string {
		if h.proc.said("another server has gone on with a call of ours") == nil {
			return "the first server has not noticed"
		}
		return ""
	})
	ari.mend()
	h.proc.ready(t)
	k.became("hung_up", "order open caller_id: success/confirmed")
	if s := k.longest(); s > silenceLimit {
		t.Errorf("silent for %v: %s", s, k.line())
	}
	second.signal(syscall.SIGTERM)
	if code := second.wait(t); code != 0 {
		t.Errorf("the standby ended with %d", code)
	}
}

// TestPasswordIsTypedAnew: the server dies while a password is being typed. What was typed
// before is on no record, what comes into the apology is none either.
func TestPasswordIsTypedAnew(t *testing.T) {
	t.Parallel()
	h := open(t)
	const number = "13951000011"
	fatal(t, h.boss.SetPassword(t.Context(), msisdn(t, number), entry.New(entry.Password, "283746")))
	k := h.dial(t, number)
	k.keys("12")
	k.begins("auth.enter")
	k.dials("283")
	h.proc.kill()
	h.start(t)
	k.begins("sys.resumed")
	k.dials("746#")
	k.hear("sys.resumed")
	k.begins("auth.enter")
	k.types("283746", "#")
	k.hear("wait.please", "bill.is")
	k.begins("label.101")
	k.became("hung_up", "query query last_month_bill: success/confirmed")
}

// TestTheVersionOfTheCall: the menus were changed while the server was dead, and the call
// goes on with those that it began with.
func TestTheVersionOfTheCall(t *testing.T) {
	t.Parallel()
	setting := editedMenus(t, "first_digit: 6s", "first_digit: 7s")
	h := open(t, setting)
	k := h.dial(t, "13951000021")
	k.keys("31")
	k.begins("svc.caller_id")
	h.proc.kill()
	file := filepath.Join(strings.TrimPrefix(setting, "MENUS="), "10086.yaml")
	before, err := os.ReadFile(file)
	fatal(t, err)
	fatal(t, os.WriteFile(file, []byte(strings.Replace(string(before), "first_digit: 7s", "first_digit: 8s", 1)), 0o644))
	h.start(t)
	k.within(40*time.Second, "sys.resumed")
	k.begins("svc.caller_id")
	k.became("hung_up", "handling: abandoned/during_prompt")
	h.publishes(t, 2) // the first is of the start
	later := h.dial(t, "13951000022")
	later.keys("1")
	later.became("hung_up", "undecided: abandoned/during_prompt")
	const version = "select menu_version from ivr.calls where call_id = $1::uuid"
	began, live := h.value(t, version, k.CallID()), h.value(t, version, later.CallID())
	said := h.proc.said("a call that a dead server has left goes on")
	if began == live || said["version"] != began {
		t.Errorf("began with %s, goes on with %v, live is %s", began, said["version"], live)
	}
}
