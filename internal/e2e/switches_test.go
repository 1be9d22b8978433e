package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestServicesFromOutside: what ops do about a service while the server runs is what the
// callers hear, without new menus.
func TestServicesFromOutside(t *testing.T) {
	t.Parallel()
	h := open(t)
	for name, test := range map[string]func(*testing.T, *hotline){"closed and opened": closesService, "a notice for some time": postsNotice} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, h)
		})
	}
}

// known is when every server knows what was done outside, at the latest.
const known = 2 * time.Second

// service does `ivr service …`, and gives the time at which that was done.
func (h *hotline) service(t *testing.T, args ...string) time.Time {
	t.Helper()
	p := h.run(t, append([]string{"service"}, args...)...)
	if code := p.wait(t); code != 0 {
		t.Fatalf("ivr service %s: exit code %d\n%s", strings.Join(args, " "), code, p.log.String())
	}
	return time.Now()
}

// until waits for a moment that a promise is about.
func until(t *testing.T, at time.Time) {
	t.Helper()
	select {
	case <-time.After(time.Until(at)):
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	}
}

// closesService: callers are told, those under way too; the BOSS gets nothing, and the
// failure is the platform's.
func closesService(t *testing.T, h *hotline) {
	const number, next = "13963000001", "13963000002"
	k := h.dial(t, number)
	k.keys("31")
	done := h.service(t, "close", "caller_id", "--reason", "a test")
	until(t, done.Add(known))
	k.press('1')
	k.hear("order.service_closed")
	k.became("hung_up", "order open caller_id: system_failed/platform")
	k = h.dial(t, next)
	k.begins("main.welcome")
	k.dials("#3011#")
	k.hear("order.service_closed")
	k.became("hung_up", "order open caller_id: system_failed/platform")
	if got := append(h.effects(t, number), h.effects(t, next)...); len(got) != 0 {
		t.Errorf("the BOSS has done %q", got)
	}

	done = h.service(t, "open", "caller_id")
	k = h.dial(t, next)
	k.keys("31")
	until(t, done.Add(known))
	k.press('1')
	k.begins("order.per_month")
	k.press('1')
	k.hear("order.opened")
	k.became("hung_up", "order open caller_id: success/confirmed")
}

// postsNotice: it is heard from its begin to its end, at other times it is not.
func postsNotice(t *testing.T, h *hotline) {
	starts := time.Now().Add(12 * time.Second).Truncate(time.Second)
	ends := starts.Add(10 * time.Second)
	done := h.service(t, "notice", "balance", "notice.upgrade", "--from", starts.Format(time.RFC3339), "--until", ends.Format(time.RFC3339))
	for i, c := range []struct {
		at    time.Time // of the key
		heard bool
		by    time.Time // the key must have been pressed
	}{
		{done.Add(known), false, starts}, {starts, true, ends}, {ends, false, ends.Add(time.Hour)},
	} {
		k := h.dial(t, "1396300001"+string(rune('0'+i)))
		k.keys("1")
		k.begins("label.101")
		until(t, c.at)
		if at := k.press('1'); at.After(c.by) {
			t.Fatalf("this machine is too busy: the key for %v was pressed at %v", c.by, at)
		}
		if c.heard {
			k.hear("notice.upgrade", "wait.please", "balance.is")
		} else {
			k.hear("wait.please", "balance.is")
		}
		if strings.Contains(k.line(), "notice.upgrade") != c.heard {
			t.Errorf("%v after its begin the notice is heard: %v; %s", c.at.Sub(starts), !c.heard, k.line())
		}
		k.became("hung_up", "query query balance: abandoned/during_prompt")
	}
}
