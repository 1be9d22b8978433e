package asterisk

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"hotline/internal/ivr/asterisk/asterisktest"
)

func options(url string) Options {
	return Options{URL: url, User: asterisktest.User, Password: asterisktest.Password, App: "ivr-test"}
}

// quick makes everything that waits wait less.
func quick(c *Conn) {
	c.times = times{ping: 20 * time.Millisecond, pong: 100 * time.Millisecond, probe: 50 * time.Millisecond,
		firstTry: 5 * time.Millisecond, lastTry: 50 * time.Millisecond, hurry: 50 * time.Millisecond, copied: 20 * time.Millisecond}
}

// begin gives a Server, a Conn on it and a call.
func begin(t *testing.T, httpOnly bool) (*asterisktest.Server, *Conn, arrival) {
	t.Helper()
	srv := asterisktest.New(t, httpOnly)
	c, calls := run(t, options(srv.URL), quick)
	connected(t, c)
	srv.Enter("1", "call-1", "10086")
	return srv, c, next(t, calls)
}

// value reads a counter or gauge.
func value(t testing.TB, m prometheus.Metric) float64 {
	t.Helper()
	var out dto.Metric
	if err := m.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.GetCounter().GetValue() + out.GetGauge().GetValue()
}

func asked(t *testing.T, srv *asterisktest.Server, request string) {
	t.Helper()
	until(t, "asked "+request, func() bool { return slices.Contains(srv.Requests(), request) })
}

func TestCall(t *testing.T) {
	for _, road := range []string{"websocket", "http"} {
		t.Run(road, func(t *testing.T) {
			srv, c, a := begin(t, road == "http")
			if a.Channel != "1" || a.Args[0] != "call-1" || a.Caller.String() != "138****0001" {
				t.Errorf("arrived as %+v", a.Arrival)
			}
			a.ch.Play("p1", []string{"sound:a", "sound:b", "sound:b", "sound:c"}, "")
			for want := range 4 {
				if e := expect[PlayStarted](t, a.ch); e.ID != "p1" || e.Item != want {
					t.Errorf("item %d: got %+v", want, e)
				}
				if want < 3 {
					srv.Finish("1", "done")
				}
			}
			srv.Press("1", '*')
			if e := expect[Digit](t, a.ch); e.Key != '*' {
				t.Errorf("got %+v", e)
			}
			a.ch.Play("p2", []string{"sound:d"}, "p1")
			if e := expect[PlayFinished](t, a.ch); e.ID != "p1" || e.Failed {
				t.Errorf("got %+v", e)
			}
			expect[PlayStarted](t, a.ch)
			a.ch.Stop("p2")
			if e := expect[PlayFinished](t, a.ch); e.ID != "p2" || e.Failed {
				t.Errorf("got %+v", e)
			}
			a.ch.Continue("agents", "default", nil)
			if e := expect[Left](t, a.ch); !e.Continued {
				t.Errorf("got %+v", e)
			}
			srv.Enter("1", "call-1", "back")
			if e := expect[Returned](t, a.ch); e.Args[1] != "back" {
				t.Errorf("got %+v", e)
			}
			a.ch.Continue("agents", "default", nil)
			expect[Left](t, a.ch)
			srv.HangUp("1")
			if e := expect[Destroyed](t, a.ch); e.Cause != 16 {
				t.Errorf("got %+v", e)
			}
			gone(t, a.ch)
			until(t, "all answered", func() bool { return c.waiting() == 0 })
			want := []string{"POST channels/1/play/p1", "DELETE playbacks/p1", "POST channels/1/play/p2", "DELETE playbacks/p2",
				"POST applications/ivr-test/subscription", "POST channels/1/continue",
				"POST applications/ivr-test/subscription", "POST channels/1/continue"}
			if got := srv.Requests(); !slices.Equal(got[len(got)-len(want):], want) {
				t.Errorf("asked\n%s\nwant at the end\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if n := value(t, c.metrics.requests[askPlay]["2xx"]); n != 2 {
				t.Errorf("%v plays counted", n)
			}
		})
	}
}

// A stop that comes as its playback ends can hit the next one.
func TestPlayAgainWhenHitAtBirth(t *testing.T) {
	srv, c, a := begin(t, false)
	a.ch.Play("p1", []string{"sound:a"}, "")
	expect[PlayStarted](t, a.ch)
	a.ch.Play("p2", []string{"sound:b"}, "p1")
	for expect[PlayStarted](t, a.ch).ID != "p2" {
	}
	srv.Finish("1", "failed")
	if e := expect[PlayStarted](t, a.ch); e.ID != "p2" {
		t.Errorf("got %+v", e)
	}
	if got := srv.Playing("1"); !slices.Equal(got, []string{"p2~2"}) {
		t.Errorf("playing %q", got)
	}
	srv.Finish("1", "failed")
	if e := expect[PlayFinished](t, a.ch); e.ID != "p2" || !e.Failed {
		t.Errorf("the second failure: got %+v", e)
	}
	if n := value(t, c.metrics.replays); n != 1 {
		t.Errorf("played again %v times", n)
	}
	// Without a stop before it a failure is a failure. (The last stop lies back.)
	a.ch.mu.Lock()
	a.ch.stopped = time.Now().Add(-birth)
	a.ch.mu.Unlock()
	a.ch.Play("p3", []string{"sound:c"}, "")
	expect[PlayStarted](t, a.ch)
	srv.Finish("1", "failed")
	if e := expect[PlayFinished](t, a.ch); e.ID != "p3" || !e.Failed {
		t.Errorf("got %+v", e)
	}
	// The second attempt is stopped by the name that the session knows.
	a.ch.Play("p4", []string{"sound:d"}, "p3")
	expect[PlayStarted](t, a.ch)
	srv.Finish("1", "failed")
	expect[PlayStarted](t, a.ch)
	a.ch.Stop("p4")
	asked(t, srv, "DELETE playbacks/p4~2")
	if e := expect[PlayFinished](t, a.ch); e.ID != "p4" || e.Failed {
		t.Errorf("got %+v", e)
	}
}

func TestNothingFromAsteriskStopsUs(t *testing.T) {
	srv, c, a := begin(t, false)
	count := func(k kind) float64 { return value(t, c.metrics.events[k]) }
	for _, s := range []string{"", "{", "[]", "null", `"x"`, `{"type":`, `{"type":"StasisStart","channel":`} {
		srv.Send(s)
	}
	until(t, "seven malformed", func() bool { return count(kindMalformed) == 7 })
	srv.Send(`{"type":"ChannelToneDetected","channel":{"id":"1"}}`)
	srv.Send(`{"type":"CallBroadcast"}`)
	srv.Send(`{"type":7}`)
	until(t, "three unknown", func() bool { return count(kindUnknown) == 3 })
	srv.Send(`{"type":"StasisStart","args":"no list","channel":{"id":"2"}}`)
	srv.Send(`{"type":"StasisStart","args":[]}`)
	until(t, "nine malformed", func() bool { return count(kindMalformed) == 9 })
	srv.Send(`{"type":"ChannelDtmfReceived","digit":"5","channel":{"id":"never"}}`)
	srv.Send(`{"type":"ChannelDtmfReceived","digit":"5"}`)
	srv.Send(`{"type":"PlaybackFinished","playback":{"id":"p9","state":"done","target_uri":"bridge:1"}}`)
	until(t, "three late", func() bool { return value(t, c.metrics.late) == 3 })
	srv.Send(`{"type":"PlaybackFinished","playback":{"id":"p9","state":"done","target_uri":"channel:1"}}`)
	srv.Send(`{"type":"RESTResponse","request_id":"999","status_code":200}`)
	srv.Press("1", '5')
	if e := expect[Digit](t, a.ch); e.Key != '5' {
		t.Errorf("got %+v", e)
	}
	if n := srv.Sockets(); n != 1 {
		t.Errorf("connected %d times", n)
	}
}

func TestRefusedRequests(t *testing.T) {
	for _, road := range []string{"websocket", "http"} {
		t.Run(road, func(t *testing.T) {
			srv, _, a := begin(t, road == "http")
			srv.Refuse("POST channels/1/play/p1", 500)
			a.ch.Play("p1", []string{"sound:a"}, "")
			if e := expect[RequestFailed](t, a.ch); e.Request != RequestPlay || e.ID != "p1" || e.Status != 500 {
				t.Errorf("got %+v", e)
			}
			srv.Refuse("DELETE channels/1", 503)
			a.ch.Hangup("")
			if e := expect[RequestFailed](t, a.ch); e.Request != RequestHangup || e.Status != 503 {
				t.Errorf("got %+v", e)
			}
			srv.Refuse("POST channels/1/continue", 409)
			a.ch.Continue("agents", "default", nil)
			if e := expect[RequestFailed](t, a.ch); e.Request != RequestContinue || e.Status != 409 {
				t.Errorf("got %+v", e)
			}
			// The transfer did not happen, so leaving now is the end.
			srv.HangUp("1")
			if e := expect[Left](t, a.ch); e.Continued {
				t.Errorf("got %+v", e)
			}
			gone(t, a.ch)
		})
	}
}

// What the dialplan is to know is there before the channel is, and has nothing in it
// that the dialplan, or SIP, would read as its own.
func TestContinueWithVariables(t *testing.T) {
	for _, httpOnly := range []bool{false, true} {
		srv, _, a := begin(t, httpOnly)
		a.ch.Continue("agents", "desk", map[string]string{"__NODE": "30,1\r\n$(x)", "PRIO": "5", "__EMPTY": ""})
		if e := expect[Left](t, a.ch); !e.Continued {
			t.Errorf("got %+v", e)
		}
		if got, want := srv.Variables("1"), "ARRAY(PRIO,SERVED_BY,__EMPTY,__NODE)=5,ivr-test,,30_1____x_"; got != want {
			t.Errorf("set %s, want %s", got, want)
		}
		want := []string{"POST channels/1/variable", "POST applications/ivr-test/subscription", "POST channels/1/continue"}
		if got := srv.Requests(); !slices.Equal(got[len(got)-3:], want) {
			t.Errorf("asked %q", got)
		}
	}
}

// A transfer without its variables is better than none; one that the caller does not
// live to see is none.
func TestContinueWithoutItsVariables(t *testing.T) {
	srv, _, a := begin(t, false)
	srv.Refuse("POST channels/1/variable", 500)
	a.ch.Continue("agents", "desk", map[string]string{"A": "1"})
	if e := expect[Left](t, a.ch); !e.Continued {
		t.Errorf("got %+v", e)
	}
	srv, _, a = begin(t, false)
	srv.HangUp("1")
	a.ch.Continue("agents", "desk", map[string]string{"A": "1"})
	if e := expect[Left](t, a.ch); e.Continued {
		t.Errorf("a hang-up reads as a transfer: %+v", e)
	}
	gone(t, a.ch)
}

// Without the subscription nobody would tell of the end: then leaving is the end,
// and still a transfer.
func TestTransferWithoutSubscriptionEndsAtOnce(t *testing.T) {
	srv, _, a := begin(t, false)
	srv.Refuse("POST applications/ivr-test/subscription", 422)
	a.ch.Continue("agents", "default", nil)
	if e := expect[Left](t, a.ch); !e.Continued {
		t.Errorf("got %+v", e)
	}
	expect[Destroyed](t, a.ch)
	gone(t, a.ch)
}

// A caller who hangs up just before the transfer has hung up.
func TestHangUpBeforeTheTransfer(t *testing.T) {
	srv, _, a := begin(t, false)
	srv.Send(`{"type":"ChannelHangupRequest","channel":{"id":"1"}}`)
	expect[HangupRequested](t, a.ch)
	a.ch.Continue("agents", "default", nil)
	if e := expect[Left](t, a.ch); e.Continued {
		t.Errorf("got %+v", e)
	}
	gone(t, a.ch)
}

// Calls outlive the connection; what was asked about their fate is asked again.
func TestLostAndBack(t *testing.T) {
	srv := asterisktest.New(t, false)
	gate := newProxy(t, srv.URL)
	c, calls := run(t, options(gate.url), quick)
	connected(t, c)
	var chs []*Channel
	for i := range 5 {
		srv.Enter(fmt.Sprint(i + 1))
		chs = append(chs, next(t, calls).ch)
	}
	stays, vanishes, hangs, moves, moved := chs[0], chs[1], chs[2], chs[3], chs[4]
	stays.Play("p1", []string{"sound:a"}, "")
	expect[PlayStarted](t, stays)

	gate.shut(true)
	srv.Vanish("2")
	for _, ch := range chs {
		expect[Lost](t, ch)
	}
	until(t, "State to say why", func() bool {
		_, why := c.State()
		return strings.Contains(why, "gives no answer") || strings.Contains(why, "127.0.0.1")
	})
	stays.Play("p2", []string{"sound:b"}, "p1") // not sent: Back asks for it again
	hangs.Hangup("")
	moves.Continue("agents", "default", nil)
	// This one asks the same, and it happens, but nobody tells us.
	moved.Continue("agents", "default", nil)
	r, err := newRest(options(srv.URL))
	if err != nil {
		t.Fatal(err)
	}
	for _, uri := range []string{"applications/ivr-test/subscription?eventSource=channel:5", "channels/5/continue"} {
		if _, err := r.do(t.Context(), http.MethodPost, uri, "", nil); err != nil {
			t.Fatal(err)
		}
	}
	before := len(srv.Requests())
	gate.shut(false)

	expect[Back](t, stays)
	expect[Vanished](t, vanishes)
	gone(t, vanishes)
	expect[Left](t, hangs)
	gone(t, hangs)
	for _, ch := range []*Channel{moves, moved} {
		if e := expect[Left](t, ch); !e.Continued {
			t.Errorf("got %+v", e)
		}
		srv.HangUp(ch.ID())
		expect[Destroyed](t, ch)
		gone(t, ch)
	}
	stays.Play("p3", []string{"sound:b"}, "p1")
	if e := expect[PlayStarted](t, stays); e.ID != "p3" {
		t.Errorf("got %+v", e)
	}
	since := srv.Requests()[before:]
	if since[0] != "PUT applications/ivr-test/eventFilter" || slices.Contains(since, "POST channels/1/play/p2") {
		t.Errorf("asked after the connection came back: %q", since)
	}
	until(t, "one reconnect counted", func() bool { return value(t, c.metrics.reconnects) == 1 })
}

// While callers wait in silence a connection is tried for again soon, whatever was tried before.
func TestTriedSoonForCallers(t *testing.T) {
	srv := asterisktest.New(t, false)
	c, calls := run(t, options(srv.URL), func(c *Conn) { quick(c); c.times.firstTry, c.times.lastTry = time.Hour, time.Hour })
	connected(t, c)
	srv.Enter("1")
	ch := next(t, calls).ch
	srv.Drop()
	expect[Lost](t, ch)
	expect[Back](t, ch)
}

// On a half-open connection callers enter silence: it must be noticed within 10 s.
func TestHalfOpenIsNoticed(t *testing.T) {
	if d := defaultTimes; d.ping+d.pong > 10*time.Second || d.ping < 3*time.Second {
		t.Errorf("noticed after %v", d.ping+d.pong)
	}
	srv := asterisktest.New(t, false)
	gate := newProxy(t, srv.URL)
	c, calls := run(t, options(gate.url), quick)
	connected(t, c)
	srv.Enter("1")
	a := next(t, calls)
	gate.freeze() // the connection stays open and carries nothing more
	begun := time.Now()
	expect[Lost](t, a.ch)
	if took, limit := time.Since(begun), c.times.ping+c.times.pong; took > limit+time.Second {
		t.Errorf("noticed after %v, the limit is %v", took, limit)
	}
	expect[Back](t, a.ch) // over a new connection
}

func TestState(t *testing.T) {
	srv := asterisktest.New(t, false)
	nothing := httptest.NewServer(http.NotFoundHandler())
	defer nothing.Close()
	closed := httptest.NewServer(nil)
	closed.Close()
	wrong := options(srv.URL)
	wrong.Password = "guess"
	for want, o := range map[string]Options{
		`refuses user "hotline" (401): compare user and password with its ari.conf`: wrong,
		`is not ARI (404)`:  options(nothing.URL),
		`cannot be reached`: options(closed.URL),
	} {
		c, _ := run(t, o, quick)
		until(t, "State to say "+want, func() bool { up, why := c.State(); return !up && strings.Contains(why, want) })
	}
	c := New(Options{URL: "127.0.0.1:8088", Log: logger(t), Registerer: prometheus.NewRegistry()}, nil)
	if err := c.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "is not like http://") {
		t.Errorf("a bad address gives %v", err)
	}
}

func TestReplacedByAnother(t *testing.T) {
	srv := asterisktest.New(t, false)
	first, calls := run(t, options(srv.URL), func(c *Conn) { quick(c); c.times.lastTry = time.Hour })
	connected(t, first)
	srv.Enter("1")
	a := next(t, calls)
	second, _ := run(t, options(srv.URL), quick)
	connected(t, second)
	until(t, "State to say who", func() bool {
		_, why := first.State()
		return strings.Contains(why, "two servers with one application name")
	})
	expect[Lost](t, a.ch)
}

func TestAdopt(t *testing.T) {
	srv := asterisktest.New(t, false)
	srv.Enter("left behind")
	srv.Enter("in between")
	c, _ := run(t, options(srv.URL), quick)
	early := c.Adopt("left behind") // perhaps before the connection is up
	connected(t, c)
	ids, err := c.Channels(t.Context())
	if err != nil || !slices.Equal(ids, []string{"in between", "left behind"}) {
		t.Fatalf("listed %q, %v", ids, err)
	}
	srv.Vanish("in between")
	gone(t, c.Adopt("in between"))
	if c.Adopt("left behind") != early {
		t.Error("a channel was adopted twice")
	}
	until(t, "adopted", func() bool { early.mu.Lock(); defer early.mu.Unlock(); return !early.lost })
	early.Play("p1", []string{"sound:sorry"}, "old")
	if e := expect[PlayStarted](t, early); e.ID != "p1" {
		t.Errorf("got %+v", e)
	}
}

func TestUnreadEventsEndTheCall(t *testing.T) {
	srv, c, a := begin(t, false)
	for range inbox + 1 {
		srv.Press("1", '1')
	}
	gone(t, a.ch)
	if n := len(a.ch.Events()); n != inbox {
		t.Errorf("%d of %d events are there", n, inbox)
	}
	asked(t, srv, "DELETE channels/1")
	if n := value(t, c.metrics.overruns); n != 1 {
		t.Errorf("%v overruns counted", n)
	}
}

func TestStopSendsWhatIsQueued(t *testing.T) {
	for _, httpOnly := range []bool{false, true} {
		srv := asterisktest.New(t, httpOnly)
		calls := make(chan *Channel, 1)
		o := options(srv.URL)
		o.Log, o.Registerer = logger(t), prometheus.NewRegistry()
		c := New(o, func(ch *Channel, _ Arrival) { calls <- ch })
		quick(c)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- c.Run(ctx) }()
		connected(t, c)
		srv.Enter("1")
		ch := <-calls
		ch.Hangup("")
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if !slices.Contains(srv.Requests(), "DELETE channels/1") {
			t.Errorf("httpOnly %v: the hang-up was not sent", httpOnly)
		}
	}
}
