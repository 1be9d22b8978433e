package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sys/unix"

	"hotline/internal/stack"
)

// TestPostgresAway is a short run of the attack that README shows for a minute: Postgres is
// stopped under calls, and every key and sentence of their callers is in it afterwards, once.
func TestPostgresAway(t *testing.T) {
	t.Parallel()
	p := need(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.binary, "attack", "away", "--away", "12s", "--before", "4s", "--after", "3s", "--rate", "2", "--json")
	out, err := cmd.Output()
	var report struct {
		Calls, Keys, Steps, Waiting int
		Lost, Doubled               int
		Delivered                   time.Duration `json:"delivered_ns"`
		Broken                      map[string][]string
	}
	if parse := json.Unmarshal(out, &report); parse != nil {
		said := ""
		if exit, ok := err.(*exec.ExitError); ok {
			said = string(exit.Stderr)
		}
		t.Fatalf("%v, %v\n%s\n%s", err, parse, out, said)
	}
	t.Logf("%+v", report)
	for what, cases := range report.Broken {
		t.Errorf("%s: %d\n%s", what, len(cases), cases[0])
	}
	// The judge's own word is not enough: an attack in which nothing happened breaks nothing.
	if err != nil || report.Calls < 30 || report.Keys < report.Calls || report.Steps < 10*report.Calls || report.Waiting == 0 ||
		report.Lost+report.Doubled > 0 || report.Delivered > time.Minute {
		t.Errorf("%v", err)
	}
}

// awayHotline is a hotline whose Postgres the test may stop: it is no other's.
func awayHotline(t *testing.T) (h *hotline, postgres *stack.Postgres) {
	t.Helper()
	h = prepare(t)
	h.rough = true // an outage is an error
	h.ownBoss(t, "tmf")
	postgres, err := stack.NewPostgres(t.Context(), t.TempDir())
	fatal(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := postgres.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	h.set["DATABASE_URL"] = postgres.URL
	h.db, err = pgxpool.New(context.Background(), postgres.URL)
	fatal(t, err)
	t.Cleanup(h.db.Close)
	return h, postgres
}

// serves waits until a server takes calls, be Postgres there or not.
func (h *hotline) serves(t *testing.T) {
	t.Helper()
	eventually(t, firstStart, func() string {
		if _, body := h.proc.get("/readyz"); !strings.Contains(body, `"calls":"ok"`) || !strings.Contains(body, `"asterisk-1":"ok"`) {
			return "/readyz: " + body + h.proc.log.String()
		}
		return ""
	})
}

// TestStartWithoutPostgres: a server that is started while its Postgres is away serves the menus
// that were live here, answers questions and refuses orders; all of it is there afterwards.
func TestStartWithoutPostgres(t *testing.T) {
	t.Parallel()
	h, postgres := awayHotline(t)
	h.start(t)
	k := h.dial(t, "13970000001")
	k.keys("11")
	k.hear("wait.please", "balance.is")
	k.begins("label.101")
	k.became("hung_up", "query query balance: success/confirmed")
	h.stop(t)
	fatal(t, postgres.Stop(t.Context()))

	h.proc = h.run(t, "serve")
	h.serves(t)
	asks, orders := h.dial(t, "13970000001"), h.dial(t, "13970000002")
	asks.keys("11")
	asks.hear("wait.please", "balance.is")
	asks.begins("label.101")
	orders.keys("3111")
	orders.hear("wait.please", "order.platform")
	// The server dies as well: nobody can look up what its callers were about.
	h.proc.kill()
	h.proc = h.run(t, "serve")
	h.serves(t)
	orders.within(patience, "sys.failure")
	orders.ends(patience)
	asks.over()
	after := h.dial(t, "13970000003")
	after.keys("31")
	after.begins("svc.caller_id")

	fatal(t, postgres.Start(t.Context()))
	eventually(t, time.Minute, func() string {
		if code, body := h.proc.get("/readyz"); code != 200 {
			return body
		}
		return ""
	})
	after.became("hung_up", "handling: abandoned/during_prompt")
	asks.became("server_died", "query query balance: success/confirmed")
	h.becomes(t, time.Minute, orders.CallID(), "server_died", "order open caller_id: system_failed/platform")
	if got := h.pressedKeys(t, asks.CallID()) + " " + h.pressedKeys(t, orders.CallID()) + " " + h.pressedKeys(t, after.CallID()); got != "11 3111 31" {
		t.Errorf("the keys recorded are %q", got)
	}
	back := h.dial(t, "13970000002")
	back.keys("3111")
	back.hear("wait.please", "order.opened")
	back.became("hung_up", "order open caller_id: success/confirmed")
	h.stop(t)
	for law, sql := range laws {
		if strings.Contains(sql, "sandbox.") { // the BOSS is elsewhere
			continue
		}
		if broken := h.strings(t, sql); len(broken) > 0 {
			t.Errorf("broken: %s\n%s", law, strings.Join(broken, "\n"))
		}
	}
}

// TestDiskFull: with no room for steps calls go on, nothing is ordered, and the steps that are
// not recorded are counted, each one.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	h := prepare(t)
	h.rough = true // it is an error, at each step
	h.ownBoss(t, "tmf")
	disk := filepath.Join(h.dir, "disk")
	fatal(t, os.Mkdir(disk, 0o700))
	fatal(t, unix.Mount("tmpfs", disk, "tmpfs", 0, "size=4m"))
	t.Cleanup(func() {
		if h.proc != nil { // which may have a file there
			h.proc.kill()
		}
		if err := unix.Unmount(disk, 0); err != nil {
			t.Errorf("the small disk stays mounted: %v", err)
		}
	})
	h.set["SPOOL"] = disk
	h.start(t)
	asks, orders := h.dial(t, "13970000011"), h.dial(t, "13970000012")
	asks.begins("main.welcome")
	orders.begins("main.welcome")
	filler := filepath.Join(disk, "filler")
	if err := os.WriteFile(filler, make([]byte, 8<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk does not get full: %v", err)
	}
	asks.keys("11")
	asks.hear("wait.please", "balance.is")
	orders.keys("3111")
	orders.hear("wait.please", "order.platform")
	fatal(t, os.Remove(filler))
	asks.keys("1")
	asks.hear("wait.please", "balance.is")
	asks.hangup()
	orders.hangup()
	eventually(t, patience, func() string {
		ended := h.value(t, "select count(*)::text from ivr.steps where kind = 'call_ended' and call_id in ($1::uuid, $2::uuid)", asks.CallID(), orders.CallID())
		return map[bool]string{false: ended + " calls have ended"}[ended == "2"]
	})
	// A step that is missing between the first and the last of a call was dropped.
	gaps := h.value(t, "select sum(n)::text from (select max(seq) - count(*) as n from ivr.steps group by call_id) g")
	if counted := h.proc.metrics(t)["ivr_journal_dropped_steps_total"]; counted < 20 || fmt.Sprint(counted) != gaps {
		t.Errorf("%v steps are counted as dropped, %s are missing", counted, gaps)
	}
	if got := h.strings(t, "select order_id::text from ivr.orders"); len(got) > 0 {
		t.Errorf("orders: %q", got)
	}
	// What is left of the last page takes some more; the confirming key comes later.
	for k, pressed := range map[*talk]string{asks: "111", orders: "3111"} {
		if got := h.pressedKeys(t, k.CallID()); !within(got, pressed) || k == orders && got == pressed {
			t.Errorf("the keys recorded are %q of %q", got, pressed)
		}
	}
	h.stop(t)
}

// within tells whether keys are among those pressed, in their order.
func within(keys, pressed string) bool {
	for i := range len(keys) {
		at := strings.IndexByte(pressed, keys[i])
		if at < 0 {
			return false
		}
		pressed = pressed[at+1:]
	}
	return true
}
