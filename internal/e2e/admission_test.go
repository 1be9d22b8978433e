package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"hotline/internal/dialtest"
)

// asterisk gives a command to the PBX.
func asterisk(t *testing.T, command string) {
	t.Helper()
	// The record is in <run>/asterisk/log/cdr-custom, the command line in <run>/asterisk.
	cli := filepath.Join(os.Getenv("CDR_FILE"), "../../../cli")
	if out, err := exec.Command(cli, command).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v %s", command, err, out)
	}
}

// leads makes a number lead callers without the test mark, from the trunk and from
// elsewhere, to this test's server, and from there on as 10086 does.
func (h *hotline) leads(t *testing.T, number string) {
	t.Helper()
	for _, from := range []string{"from-trunk", "from-elsewhere"} {
		asterisk(t, "dialplan add extension "+number+",1,Set,APP_A="+h.app+" into "+from)
		asterisk(t, "dialplan add extension "+number+",2,Goto,10086,1 into "+from)
		t.Cleanup(func() { asterisk(t, "dialplan remove extension "+number+"@"+from) })
	}
}

// stranger is a telephone at another address of this machine.
func (h *hotline) stranger(t *testing.T, address string) *dialtest.Caller {
	t.Helper()
	phones, err := dialtest.New(dialtest.Options{Addr: os.Getenv("SIP_ADDR"), Local: address, Audio: h.audio})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := phones.Close(); err != nil {
			t.Error(err)
		}
	})
	return phones
}

// TestWhoseWordIsTaken: two loopback addresses, one of which is the trunk's. Who calls from
// the other claims to be somebody, and can do nothing in his name.
func TestWhoseWordIsTaken(t *testing.T) {
	t.Parallel()
	h := open(t)
	const hotlines, victim, other = "100868881", "13952000001", "13952000002"
	h.leads(t, hotlines)
	trunk, elsewhere := h.stranger(t, "127.0.0.1"), h.stranger(t, "127.0.0.2")
	h.numbers.Store(victim, true)
	h.numbers.Store(other, true)
	for i, c := range []struct {
		name  string
		by    *dialtest.Caller
		call  dialtest.Call
		known string // as whom the journal has the caller
		whole bool   // tries all that may and may not be had without a number
	}{
		{"the trunk's From", trunk, dialtest.Call{From: msisdn(t, victim)}, "139****0001", false},
		{"the trunk's P-Asserted-Identity", trunk, dialtest.Call{From: msisdn(t, other), Asserted: msisdn(t, victim)}, "139****0001", false},
		{"withheld", trunk, dialtest.Call{From: msisdn(t, other), Asserted: msisdn(t, victim), Withheld: true}, "unknown", false},
		{"From of a stranger", elsewhere, dialtest.Call{From: msisdn(t, victim)}, "unknown", true},
		{"P-Asserted-Identity of a stranger", elsewhere, dialtest.Call{From: msisdn(t, other), Asserted: msisdn(t, victim)}, "unknown", false},
		{"no number", elsewhere, dialtest.Call{}, "unknown", false},
	} {
		c.call.To = hotlines
		s, err := c.by.Dial(t.Context(), c.call)
		fatal(t, err)
		k := &talk{Session: s, t: t, h: h}
		want := []string{"order rejected/ineligible"}
		switch {
		case c.known != "unknown":
			k.keys("11")
			k.hear("wait.please", "balance.is")
			k.begins("label.101")
			want = []string{"query success/confirmed"}
		case c.whole:
			h.asks(k)
			want = append(want, "query rejected/ineligible", "query success/confirmed")
		default:
			k.begins("main.welcome")
			k.dials("#3011#")
			k.begins("order.no_number")
		}
		k.hangup()
		k.clean()
		eventually(t, patience, func() string {
			calls := h.strings(t, "select caller_masked || ' ' || test || ' ' || (caller_hash is null) from ivr.calls order by started_at")
			if want := fmt.Sprintf("%s false %t", c.known, c.known == "unknown"); len(calls) != i+1 || calls[i] != want {
				return fmt.Sprintf("%s: the calls are of %q, want %q at last", c.name, calls, want)
			}
			apps := h.strings(t, `select kind || ' ' || coalesce(outcome || '/' || outcome_detail, 'open') from ivr.applications
				where call_id = (select call_id from ivr.calls order by started_at desc limit 1) order by opened_at`)
			if !slices.Equal(apps, want) {
				return fmt.Sprintf("%s: applications %q, want %q", c.name, apps, want)
			}
			return ""
		})
	}
	if got := h.effects(t, victim); len(got) > 0 {
		t.Errorf("in the name of somebody who has not called the BOSS has done %q", got)
	}
	if got := h.value(t, "select count(*)::text from ivr.orders"); got != "0" {
		t.Errorf("%s orders are stored", got)
	}
}

// asks wants what is about its caller, and hears why he cannot have it before he is asked
// anything; then what is about nobody.
func (h *hotline) asks(k *talk) {
	k.t.Helper()
	k.begins("main.welcome")
	k.dials("#3011#")
	k.hear("order.no_number")
	k.begins("after.more")
	k.keys("1")
	k.dials("#102#")
	k.hear("order.no_number") // instead of the question for the password
	k.dials("#3013#")
	k.hear("intro.caller_id")
	k.dials("#206#")
	k.begins("ask.phone")
	k.dials("13800210000#")
	k.begins("entry.is")
	k.dials("1")
	k.hear("home.is")
	k.begins("label.1")
}

// burst places calls at once, hangs each up when its caller has heard the begin of
// something, and tells what and how soon after the answer.
func (h *hotline) burst(t *testing.T, n int, number func(i int) string) (what map[string][]string, slowest map[string]time.Duration) {
	t.Helper()
	what, slowest = map[string][]string{}, map[string]time.Duration{}
	var mu sync.Mutex
	var all sync.WaitGroup
	up := make(chan struct{}) // the last one is answered: whoever is served stays until then
	var answered sync.WaitGroup
	answered.Add(n)
	for i := range n {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			from := number(i)
			h.numbers.Store(from, true)
			s, err := h.phones.Dial(ctx, dialtest.Call{From: msisdn(t, from), To: "10086", App: h.app})
			answered.Done()
			if err != nil {
				t.Error(err)
				return
			}
			var first dialtest.Heard
			err = s.Await(ctx, func(line []dialtest.Heard) bool {
				if len(line) == 0 || line[0].Prompt == dialtest.Unknown {
					return false
				}
				first = line[0]
				return true
			})
			at, _ := s.Answered()
			mu.Lock()
			what[first.Prompt] = append(what[first.Prompt], s.CallID())
			slowest[first.Prompt] = max(slowest[first.Prompt], first.Start.Sub(at))
			mu.Unlock()
			<-up
			if err = errors.Join(err, s.Hangup(context.WithoutCancel(ctx))); err != nil {
				t.Error(err)
			}
		})
	}
	answered.Wait()
	close(up)
	all.Wait()
	return what, slowest
}

// TestBurst: a hundred callers at once, where ten a second are taken. Each of the others
// hears that it is busy within a second, and is among the unserved with the reason.
func TestBurst(t *testing.T) {
	t.Parallel()
	h := open(t, "CALL_RATE=10", "MAX_CALLS=15")
	const calls = 100
	began := time.Now()
	what, slowest := h.burst(t, calls, func(i int) string { return fmt.Sprintf("139530%05d", i) })
	took := time.Since(began)
	refused, served := what["sys.busy"], what["main.welcome"]
	t.Logf("%d calls in %v: %d served, %d refused; busy was heard %v after the answer at the latest", calls, took, len(served), len(refused), slowest["sys.busy"])
	// Who is served hangs up, and leaves room; the rate lets no more in.
	if most := 10 + 1 + int(10*took.Seconds()); len(served)+len(refused) != calls || len(served) < 10 || len(served) > most {
		t.Errorf("%d served, %d refused; heard %v", len(served), len(refused), slowest)
	}
	if late := slowest["sys.busy"]; late > time.Second {
		t.Errorf("busy is heard %v after the answer", late)
	}
	h.unserved(t, refused, "full", "rate")
	if got := h.value(t, "select count(*)::text from ivr.calls"); got != strconv.Itoa(len(served)) {
		t.Errorf("%s calls are journalled as served, %d were", got, len(served))
	}
	after := h.dial(t, "13953999999") // the burst is over, and all is as before
	after.begins("main.welcome")
}

// unserved waits until these calls are journalled as refused, for one of the reasons, and
// nobody else is.
func (h *hotline) unserved(t *testing.T, calls []string, reasons ...string) {
	t.Helper()
	eventually(t, 2*patience, func() string {
		rows := h.strings(t, "select call_id || ' ' || reason from ivr.unserved where disposition = 'refused' and call_id = any ($1::uuid[])", calls)
		if len(rows) != len(calls) {
			return fmt.Sprintf("%d of %d refused calls are journalled", len(rows), len(calls))
		}
		for _, row := range rows {
			if _, why, _ := strings.Cut(row, " "); !slices.Contains(reasons, why) {
				return "refused for " + why
			}
		}
		return ""
	})
	counted := 0.0
	for name, n := range h.proc.metrics(t) {
		if strings.HasPrefix(name, "ivr_calls_refused_total{") {
			counted += n
		}
	}
	if counted != float64(len(calls)) {
		t.Errorf("%v refusals counted, there were %d", counted, len(calls))
	}
}

// TestRedials: one number dials fifty times, over a restart of the server. It is served as
// often as it may, and hears why not from then on; another number is served as if nothing was.
func TestRedials(t *testing.T) {
	t.Parallel()
	h := open(t, "NUMBER_LIMITS=live=2 minute=6 hour=6")
	const number = "13954000001"
	dials := func(n int) (what map[string][]string) {
		what = map[string][]string{}
		for range n {
			k := h.dial(t, number)
			eventually(t, patience, func() string {
				if line := k.Heard(); len(line) > 0 && line[0].Prompt != dialtest.Unknown {
					what[line[0].Prompt] = append(what[line[0].Prompt], k.CallID())
					return ""
				}
				return "nothing is heard"
			})
			k.hangup()
		}
		return what
	}
	if first := dials(4); len(first["main.welcome"]) != 4 {
		t.Fatalf("heard %v", first)
	}
	eventually(t, patience, func() string {
		return differ(h.value(t, "select count(*)::text from ivr.calls where ended_at is not null"), "4")
	})
	h.stop(t)
	h.start(t)
	// The calls of before are learnt of right after the start, beside the first calls.
	rest := dials(46)
	served, refused := rest["main.welcome"], rest["sys.too_often"]
	if len(served) != 2 || len(refused) != 44 {
		t.Errorf("after 4 calls and a restart %d of 46 were served, %d refused", len(served), len(refused))
	}
	h.unserved(t, refused, "number_minute", "number_hour")
	k := h.dial(t, "13954000002")
	k.keys("1")
	k.became("hung_up", "undecided: abandoned/during_prompt")
}

func differ(got, want string) string {
	if got == want {
		return ""
	}
	return got + ", want " + want
}

// TestOneNumberManyTelephones: what a number may have at once, and order a day, over two
// servers that know nothing of each other but what is in Postgres.
func TestOneNumberManyTelephones(t *testing.T) {
	t.Parallel()
	h := open(t, "NUMBER_LIMITS=live=2 orders=2")
	const number = "13954000011"
	first, second := h.dial(t, number), h.dial(t, number)
	first.begins("main.welcome")
	third := h.dial(t, number)
	third.hear("sys.too_often")
	third.ends(patience)
	h.countsUnserved(t, third.CallID(), "refused number_live")

	orders := func(k *talk, keys, said, became string) {
		t.Helper()
		k.keys(keys)
		k.hear("wait.please", said)
		k.became("hung_up", became)
	}
	orders(first, "3111", "order.opened", "order open caller_id: success/confirmed")
	orders(second, "3121", "order.closed", "order close caller_id: success/confirmed")
	h.stop(t)
	h.start(t)
	orders(h.dial(t, number), "3111", "order.ineligible", "order open caller_id: rejected/ineligible")
	if got := h.effects(t, number); !slices.Equal(got, []string{"open caller_id", "close caller_id"}) {
		t.Errorf("the BOSS has done %q", got)
	}
	if got := h.proc.metrics(t)["ivr_orders_over_limit_total"]; got != 1 {
		t.Errorf("%v orders are said to be over the limit", got)
	}
	orders(h.dial(t, "13954000012"), "3111", "order.opened", "order open caller_id: success/confirmed")
}

// TestQueuesOfTheList: menus that transfer elsewhere are not served, and where is told.
func TestQueuesOfTheList(t *testing.T) {
	t.Parallel()
	h := prepare(t, "QUEUES=english, vip")
	h.rough = true
	p := h.run(t, "serve")
	if code := p.wait(t); code != 1 {
		t.Errorf("exit code %d", code)
	}
	if log := p.log.String(); !strings.Contains(log, `10086.yaml:`) || !strings.Contains(log, `transfers go to the queues of the server's list only (english, vip), and "desk" is not in it`) {
		t.Errorf("it says\n%s", log)
	}
}
