package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"hotline/internal/orders/sandbox"
)

// TestServerDies: the process is killed, and comes back. Who was on the line hears an
// apology and goes on where he was; what was ordered is told as it stands, and found out.
func TestServerDies(t *testing.T) {
	t.Parallel()
	h := open(t)
	const ordering, waiting = "13950000001", "13950000002"
	choosing := h.dial(t, "13950000003")
	choosing.keys("31")
	done := orderSlowly(t, h, ordering, 5*time.Second)
	never := orderSlowly(t, h, waiting, time.Minute)
	eventually(t, patience, func() string {
		if got := h.strings(t, "select state from ivr.orders where call_id = $1::uuid", never.CallID()); !slices.Equal(got, []string{"sent"}) {
			return "order not sent"
		}
		return ""
	})
	release := h.holdOrder(t, done.CallID())
	eventually(t, patience, func() string {
		if len(h.effects(t, ordering)) != 1 {
			return "the BOSS has not acted"
		}
		return ""
	})
	listening := h.dial(t, "13950000004") // has the longest sentence still before it
	listening.begins("main.welcome")
	h.proc.kill()
	release()
	began := time.Now()
	h.start(t)
	listening.within(40*time.Second, "sys.resumed")
	listening.begins("label.1")
	choosing.within(40*time.Second, "sys.resumed")
	choosing.begins("svc.caller_id")
	choosing.keys("3")
	choosing.hear("intro.caller_id")
	for _, k := range []*talk{done, never} {
		k.within(40*time.Second, "sys.resumed", "order.unknown")
		k.begins("after.more")
	}
	gone := time.Since(began)
	for _, k := range []*talk{listening, choosing, done, never} {
		if k.longest() > gone {
			t.Errorf("silent for %v of %v", k.longest(), gone)
		}
	}
	listening.became("hung_up", "undecided: abandoned/during_prompt")
	choosing.became("hung_up", "handling: abandoned/during_prompt")
	done.hangup()
	never.hangup()
	// The orders were left to the dead process for its deadline; then they are looked up.
	h.becomes(t, time.Minute, done.CallID(), "hung_up", "order open caller_id: success/reconciled")
	h.becomes(t, time.Minute, never.CallID(), "hung_up", "order open caller_id: unknown")
	if got := h.proc.metrics(t); got["ivr_calls_resumed_total"] != 4 || got["ivr_calls_lost_total"] != 0 {
		t.Errorf("%v calls went on, %v were lost", got["ivr_calls_resumed_total"], got["ivr_calls_lost_total"])
	}
	if got := h.effects(t, ordering); len(got) != 1 {
		t.Errorf("the BOSS has done %q", got)
	}
	if got := h.effects(t, waiting); len(got) != 0 {
		t.Errorf("the BOSS has done %q", got)
	}
	again := h.dial(t, "13950000005")
	again.keys("1")
	again.became("hung_up", "undecided: abandoned/during_prompt")
}

// orderSlowly places an order on which the BOSS takes its time, and waits until
// the caller has been asked to wait.
func orderSlowly(t *testing.T, h *hotline, number string, d time.Duration) *talk {
	t.Helper()
	h.fault(t, number, slow(sandbox.OpSubmit, d))
	k := h.dial(t, number)
	k.keys("3111")
	k.hear("wait.please")
	return k
}

// holdOrder keeps the row of a call's order locked, so that the BOSS acts and its
// answer cannot be stored: the moment at which a crash is worst.
func (h *hotline) holdOrder(t *testing.T, call string) (release func()) {
	t.Helper()
	tx, err := h.db.Begin(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var state string
	err = tx.QueryRow(context.Background(), "select state from ivr.orders where call_id = $1::uuid for update", call).Scan(&state)
	if err != nil || state != "sent" {
		t.Fatalf("the order is %q: %v", state, err)
	}
	return func() {
		if err := tx.Rollback(context.Background()); err != nil {
			t.Error(err)
		}
	}
}

// TestDrain: who is asked to stop takes no new calls and lets the others finish.
func TestDrain(t *testing.T) {
	t.Parallel()
	h := open(t, "DRAIN=8s")
	finishes, stays := h.dial(t, "13950000011"), h.dial(t, "13950000012")
	finishes.keys("31")
	stays.keys("31")
	const ordering = "13950000013"
	h.fault(t, ordering, slow(sandbox.OpSubmit, 9*time.Second))
	orders := h.dial(t, ordering)
	orders.keys("3111")
	orders.begins("wait.please")

	began := time.Now()
	h.proc.signal(syscall.SIGTERM)
	eventually(t, patience, func() string {
		if h.proc.said("stopping: no new calls") == nil {
			return "the signal has not arrived"
		}
		return ""
	})
	late := h.dial(t, "13950000014")
	late.hear("sys.busy")
	late.ends(patience)
	if got := late.record(); got != "refused" {
		t.Errorf("the PBX calls it %q", got)
	}
	finishes.keys("3")
	finishes.begins("intro.caller_id")
	finishes.became("hung_up", "handling: abandoned/during_prompt")
	stays.hear("sys.stopping")
	stays.ends(patience)
	orders.hear("sys.stopping")
	if code := h.proc.wait(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if took := time.Since(began); took > 8*time.Second+12*time.Second {
		t.Errorf("stopping took %v", took)
	}
	stays.became("server_stopped", "handling: system_failed/platform")
	orders.became("server_stopped", "order open caller_id: success/confirmed")
	if got := h.standing(t, late.CallID()); got != "no call" {
		t.Errorf("a call that was refused stands as %s", got)
	}
}

// TestAdmission: a call above the limit is told so, and leaves the others alone.
func TestAdmission(t *testing.T) {
	t.Parallel()
	h := open(t, "MAX_CALLS=1")
	first := h.dial(t, "13950000021")
	first.keys("31")
	second := h.dial(t, "13950000022")
	second.hear("sys.busy")
	second.ends(patience)
	if got := second.record(); got != "refused" {
		t.Errorf("the PBX calls it %q", got)
	}
	first.keys("3")
	first.hear("intro.caller_id")
	first.became("hung_up", "handling: abandoned/during_prompt")
	third := h.dial(t, "13950000022")
	third.keys("1")
	third.became("hung_up", "undecided: abandoned/during_prompt")
	if got := h.proc.metrics(t)[`ivr_calls_refused_total{reason="full"}`]; got != 1 {
		t.Errorf("%v calls refused", got)
	}
	h.countsUnserved(t, second.CallID(), "refused full")
}

// TestNobodyServes: a call that no server gets hears why from the PBX, and is
// counted when a server is back.
func TestNobodyServes(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.stop(t)
	k := h.dial(t, "13950000031")
	k.hear("sys.failure")
	k.ends(patience)
	if got := k.record(); got != "fallback" {
		t.Errorf("the PBX calls it %q", got)
	}
	h.start(t)
	h.countsUnserved(t, k.CallID(), "fallback")
	if got := h.proc.metrics(t)["ivr_unserved_calls_total"]; got < 1 {
		t.Errorf("%v calls are said to be unserved", got)
	}
}

// countsUnserved waits until a call is among those that no server got.
func (h *hotline) countsUnserved(t *testing.T, call, disposition string) {
	t.Helper()
	eventually(t, 2*patience, func() string {
		got := h.strings(t, "select concat_ws(' ', disposition, nullif(reason, ''), test::text, dialled) from ivr.unserved where call_id = $1::uuid", call)
		if len(got) != 1 || got[0] != disposition+" true 10086" {
			return strings.Join(append([]string{"unserved:"}, got...), " ")
		}
		return ""
	})
}

// TestTimeLimit: the PBX ends a call that goes on for ever, and that is our doing,
// not the caller's.
func TestTimeLimit(t *testing.T) {
	t.Parallel()
	h := open(t)
	asterisk := func(command string) {
		// The record is in <run>/asterisk/log/cdr-custom, the command line in <run>/asterisk.
		cli := filepath.Join(os.Getenv("CDR_FILE"), "../../../cli")
		if out, err := exec.Command(cli, command).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v %s", command, err, out)
		}
	}
	const short = "100869999"
	asterisk("dialplan add extension " + short + ",1,Set,CALL_LIMIT=6 into from-dialtest")
	asterisk("dialplan add extension " + short + ",2,Goto,10086,1 into from-dialtest")
	t.Cleanup(func() { asterisk("dialplan remove extension " + short + "@from-dialtest") })
	k := h.dialTo(t, "13950000041", short)
	k.keys("31")
	k.ends(patience)
	k.became("timed_out", "handling: system_failed/platform")
}
