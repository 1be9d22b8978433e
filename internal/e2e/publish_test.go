package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPublicationsDisturbNoCall: while menus are saved again and again, good ones and
// bad ones, callers hear what they ask for, each on the menus that his call began with.
func TestPublicationsDisturbNoCall(t *testing.T) {
	t.Parallel()
	setting := editedMenus(t, "first_digit: 6s", "first_digit: 7s")
	h := open(t, setting)
	h.rough = true // what is refused is told there
	file := filepath.Join(strings.TrimPrefix(setting, "MENUS="), "10086.yaml")
	good, err := os.ReadFile(file)
	fatal(t, err)

	t.Run("calls", func(t *testing.T) {
		done := make(chan struct{})
		for i := range 3 {
			t.Run(fmt.Sprint("caller ", i), func(t *testing.T) {
				t.Parallel()
				for n := 0; !closed(done); n++ {
					balanceCall(t, h, fmt.Sprintf("1397%03d%04d", i, n))
				}
			})
		}
		t.Run("saves", func(t *testing.T) {
			t.Parallel()
			defer close(done)
			for n := range 4 {
				fatal(t, os.WriteFile(file, fmt.Appendf(nil, "%s# %d\n", good, n), 0o644))
				h.publishes(t, n+2) // the first is of the start
				bad := strings.Replace(string(good), "start: main", "start: nowhere", 1)
				fatal(t, os.WriteFile(file, []byte(bad), 0o644))
				h.refuses(t)
			}
		})
	})
	if got := h.value(t, "select count(distinct menu_version)::text from ivr.calls"); got == "1" {
		t.Error("all calls had the same menus")
	}
}

// balanceCall asks for the balance and hears the answer to its end.
func balanceCall(t *testing.T, h *hotline, number string) {
	k := h.dial(t, number)
	k.keys("11")
	k.hear("wait.please", "balance.is")
	k.begins("label.101")
	k.became("hung_up", "query query balance: success/confirmed")
}

func closed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// publishes waits until so many publications have been made.
func (h *hotline) publishes(t *testing.T, want int) {
	t.Helper()
	eventually(t, judged, func() string {
		if got := h.value(t, "select count(*)::text from ivr.publications"); got != fmt.Sprint(want) {
			return got + " publications"
		}
		return ""
	})
}

// refuses waits until the server says that it refuses what was saved.
func (h *hotline) refuses(t *testing.T) {
	t.Helper()
	eventually(t, judged, func() string {
		if _, body := h.proc.get("/status"); !strings.Contains(body, "nowhere") {
			return body
		}
		return ""
	})
}
