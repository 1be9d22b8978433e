package ivr

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// TestANoticeThatCannotBeSaid is passed over: the order is announced without it, and the
// log tells of it once, however often it is looked at.
func TestANoticeThatCannotBeSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := newRig(t, shipped(t))
		defer r.end()
		r.server.opt.Log = slog.New(slog.NewTextHandler(&log, nil))
		r.startAt("")
		r.do("call")
		r.do("seen notice=notice.of_newer_menus")
		r.do("press 3 2 1")
		order := "play order.will_open svc.ringback_tone order.per_month money(500) order.confirm menu.press key.1 order.cancel menu.press key.2"
		if lines := r.notes.take(); lines[len(lines)-1] != order {
			t.Errorf("the caller hears %q", lines[len(lines)-1])
		}
		r.do("press *")
		r.do("silence") // it is not **
		r.notes.take()
		r.do("press 1")
		if lines := r.notes.take(); !slices.Contains(lines, "look ringback_tone") || lines[len(lines)-1] != order {
			t.Errorf("at the second look the session does %q", lines)
		}
		r.do("hangup")
		if got := strings.Count(log.String(), "notice.of_newer_menus"); got != 1 {
			t.Errorf("told %d times:\n%s", got, log.String())
		}
		if strings.Contains(log.String(), "level=ERROR") {
			t.Error(log.String())
		}
	})
}
