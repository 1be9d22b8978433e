package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"hotline/internal/orders/entry"
)

// TestBossOfItsOwn: callers open, ask and close over a BOSS that is another process, by
// each way in which the hotline can speak to it. What it keeps is in the database of the
// test, so that the tests' laws hold for it too; what it says goes over real sockets only.
func TestBossOfItsOwn(t *testing.T) {
	t.Parallel()
	for i, face := range []string{"tmf", "xml", "json"} {
		t.Run(face, func(t *testing.T) {
			t.Parallel()
			h, ledger := openWithBoss(t, face)
			// A subscriber of the demonstration each: nobody waits for another's order.
			number := fmt.Sprintf("1380000000%d", 3+i)
			for name, test := range map[string]func(*testing.T, *hotline, string){
				"open, ask, close": openAskCloseAt, "asks with the password": asksWithPassword,
				"the connection is reset after the effect": resetAfterEffect, "accepted first": acceptedFirst,
			} {
				t.Run(name, func(t *testing.T) { test(t, h, number) })
			}
			text, err := os.ReadFile(ledger)
			fatal(t, err)
			for _, key := range h.strings(t, "select idempotency_key from ivr.orders where state = 'done' and result_outcome = 'success'") {
				if strings.Count(string(text), `"key":"`+key+`"`) != 1 {
					t.Errorf("order %s is not once in the BOSS's own ledger file:\n%s", key, text)
				}
			}
			if strings.Contains(string(text), number) {
				t.Errorf("a number is in the ledger file:\n%s", text)
			}
		})
	}
}

// openWithBoss starts an `ivr boss`, and a server that speaks to it by a face.
func openWithBoss(t *testing.T, face string) (h *hotline, ledger string) {
	t.Helper()
	h = prepare(t)
	ledger = h.ownBoss(t, face)
	h.live(t)
	return h, ledger
}

// ownBoss starts an `ivr boss` on the database of the test, and sets a server to speak to it.
func (h *hotline) ownBoss(t *testing.T, face string) (ledger string) {
	t.Helper()
	token := filepath.Join(h.dir, "token")
	fatal(t, os.WriteFile(token, []byte("e2e-token\n"), 0o600))
	ledger = filepath.Join(h.dir, "ledger")
	h.set["BOSS_DATABASE_URL"], h.set["BOSS_TOKEN_FILE"] = h.address, token
	boss := h.run(t, "boss", "--listen", "127.0.0.1:0", "--ledger", ledger, "--token-file", token)
	t.Cleanup(func() { // after the server's, whose orders it answers to the end
		boss.signal(syscall.SIGTERM)
		if code := boss.wait(t); code != 0 || strings.Contains(boss.log.String(), `"level":"ERROR"`) || strings.Contains(boss.log.String(), "panic:") {
			t.Errorf("the BOSS ended with %d\n%s", code, boss.log.String())
		}
	})
	eventually(t, patience, func() string {
		answers := boss.said("the BOSS answers")
		if answers == nil {
			return "the BOSS does not answer\n" + boss.log.String()
		}
		h.set["BOSS_URL"] = fmt.Sprint("http://", answers["http"])
		return ""
	})
	h.set["BOSS"] = filepath.Join(filepath.Dir(os.Getenv("MENUS")), "deploy", "boss", face+".yaml")
	if face == "tmf" {
		h.set["BOSS"] = h.set["BOSS_URL"] + "/tmf-api"
	}
	return ledger
}

// faultAt throws the BOSS's fault switch, as a person would.
func (h *hotline) faultAt(t *testing.T, args ...string) {
	t.Helper()
	p := h.run(t, append([]string{"boss", "fault", "--url", h.set["BOSS_URL"]}, args...)...)
	if code := p.wait(t); code != 0 {
		t.Fatalf("ivr boss fault %s: %d %s", args, code, p.log.String())
	}
}

func openAskCloseAt(t *testing.T, h *hotline, number string) {
	before := h.subscriber(t, number)
	k := h.dial(t, number)
	k.keys("11")
	k.hear(append([]string{"wait.please", "balance.is"}, h.amount(t, before.Balance)...)...)
	k.begins("label.101")
	k.became("hung_up", "query query balance: success/confirmed")

	// Refused, opened, closed: what is asked again without another order between is one order.
	k = h.dial(t, number)
	k.keys("3221")
	k.hear("wait.please", "order.not_open")
	k.became("hung_up", "order close ringback_tone: rejected/not_open")

	k = h.dial(t, number)
	k.keys("3211")
	k.hear("wait.please", "order.opened")
	k.became("hung_up", "order open ringback_tone: success/confirmed")
	if after := h.subscriber(t, number); !slices.Contains(after.Open, "ringback_tone") || after.Balance != before.Balance-500 {
		t.Errorf("the BOSS has %v open and %v left of %v", after.Open, after.Balance, before.Balance)
	}
	k = h.dial(t, number)
	k.keys("3221")
	k.hear("wait.please", "order.closed")
	k.became("hung_up", "order close ringback_tone: success/confirmed")
}

func asksWithPassword(t *testing.T, h *hotline, number string) {
	fatal(t, h.boss.SetPassword(t.Context(), msisdn(t, number), entry.New(entry.Password, "283746")))
	last := h.subscriber(t, number).LastBill
	k := h.dial(t, number)
	k.keys("12")
	k.begins("auth.enter")
	k.types("918273", "#")
	k.hear("auth.wrong", "auth.again")
	k.types("283746", "#")
	k.hear(append([]string{"wait.please", "bill.is"}, h.amount(t, last)...)...)
	k.begins("label.101")
	k.became("hung_up", "query query last_month_bill: success/confirmed")
}

// resetAfterEffect: the caller hears that a result will follow, it does, and nothing is done twice.
func resetAfterEffect(t *testing.T, h *hotline, number string) {
	before := len(h.effects(t, number))
	h.faultAt(t, "submit", "reset", "--times", "1")
	k := h.dial(t, number)
	k.keys("3411")
	k.hear("wait.please", "order.unknown")
	k.hangup()
	h.becomes(t, 2*patience, k.CallID(), "hung_up", "order open call_reminder: success/reconciled")
	if got := h.effects(t, number)[before:]; !slices.Equal(got, []string{"open call_reminder"}) {
		t.Errorf("the BOSS has done %q", got)
	}
}

// acceptedFirst: an order that the BOSS has only accepted is no success yet. By TM Forum it is
// asked for within the call; else the caller hears that the result will follow.
func acceptedFirst(t *testing.T, h *hotline, number string) {
	before := len(h.effects(t, number))
	h.faultAt(t, "submit", "async", "--times", "1", "--delay", "1500ms")
	k := h.dial(t, number)
	k.keys("3511")
	says, became := "order.unknown", "success/reconciled"
	if strings.HasPrefix(h.set["BOSS"], "http") {
		says, became = "order.opened", "success/confirmed"
	}
	k.hear("wait.please", says)
	k.hangup()
	h.becomes(t, 2*patience, k.CallID(), "hung_up", "order open fetion: "+became)
	if got := h.effects(t, number)[before:]; !slices.Equal(got, []string{"open fetion"}) {
		t.Errorf("the BOSS has done %q", got)
	}
}
