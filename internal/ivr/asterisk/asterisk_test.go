package asterisk

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hotline/internal/ivr/asterisk/asterisktest"
)

var update = flag.Bool("update", false, "record testdata/*.jsonl anew from a real Asterisk")

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// arrival is what a Conn told its server.
type arrival struct {
	ch *Channel
	Arrival
}

// run starts a Conn and gives its arrivals. It is stopped when the test ends.
func run(t testing.TB, o Options, change func(*Conn)) (*Conn, <-chan arrival) {
	t.Helper()
	c, calls, _ := start(t, o, change)
	return c, calls
}

// start is run for a Conn that a test may stop itself.
func start(t testing.TB, o Options, change func(*Conn)) (c *Conn, calls chan arrival, stop func()) {
	t.Helper()
	o.Node, o.Log, o.Registerer = "test", logger(t), prometheus.NewRegistry()
	calls = make(chan arrival, 100)
	c = New(o, func(ch *Channel, a Arrival) { calls <- arrival{ch, a} })
	if change != nil {
		change(c)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run ended with %v", err)
		}
	})
	t.Cleanup(stop)
	return c, calls, stop
}

func logger(t testing.TB) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }

// until polls for what no signal tells of.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	end := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("waited %v in vain: %s", patience, what)
		}
	}
}

func connected(t testing.TB, c *Conn) {
	t.Helper()
	until(t, "connected", func() bool { up, _ := c.State(); return up })
}

func next(t testing.TB, calls <-chan arrival) arrival {
	t.Helper()
	select {
	case a := <-calls:
		return a
	case <-time.After(patience):
		t.Fatal("no call came in")
		return arrival{}
	}
}

// expect reads events until one of type E comes, and gives it.
func expect[E Event](t testing.TB, ch *Channel) E {
	t.Helper()
	var seen []Event
	end := time.After(patience)
	for {
		select {
		case ev := <-ch.Events():
			if e, ok := ev.(E); ok {
				return e
			}
			seen = append(seen, ev)
		case <-end:
			var none E
			t.Fatalf("no %T came, but %+v", none, seen)
			return none
		}
	}
}

func gone(t testing.TB, ch *Channel) {
	t.Helper()
	select {
	case <-ch.Gone():
	case <-time.After(patience):
		t.Fatal("the channel is not gone")
	}
}

// sound writes a prompt of quiet alaw that lasts d, and gives its media URI.
func sound(t testing.TB, d time.Duration) string {
	t.Helper()
	dir := filepath.Join(os.Getenv("AUDIO"), "test")
	name := filepath.Join(dir, rand.Text()[:8])
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name+".alaw", bytes.Repeat([]byte{0xD5}, int(d.Seconds()*8000)), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(name + ".alaw") })
	return "sound:" + name
}

// scenes are the calls that testdata holds traces of.
var scenes = map[string]func(t *testing.T, call *caller, a arrival){
	// Two keys, each cutting a prompt short; the caller hangs up in the third.
	"barge-in": func(t *testing.T, call *caller, a arrival) {
		long, short := sound(t, 5*time.Second), sound(t, 200*time.Millisecond)
		a.ch.Play(a.Channel+"-1", []string{short, long}, "")
		if e := expect[PlayStarted](t, a.ch); e.Item != 0 {
			t.Errorf("item %d started first", e.Item)
		}
		if e := expect[PlayStarted](t, a.ch); e.Item != 1 {
			t.Errorf("item %d started second", e.Item)
		}
		call.press('1')
		if e := expect[Digit](t, a.ch); e.Key != '1' {
			t.Errorf("heard key %q", e.Key)
		}
		a.ch.Play(a.Channel+"-2", []string{long}, a.Channel+"-1")
		if e := expect[PlayFinished](t, a.ch); e.ID != a.Channel+"-1" || e.Failed {
			t.Errorf("got %+v", e)
		}
		if e := expect[PlayStarted](t, a.ch); e.ID != a.Channel+"-2" {
			t.Errorf("got %+v", e)
		}
		call.press('#')
		if e := expect[Digit](t, a.ch); e.Key != '#' {
			t.Errorf("heard key %q", e.Key)
		}
		a.ch.Play(a.Channel+"-3", []string{long}, a.Channel+"-2")
		for expect[PlayStarted](t, a.ch).ID != a.Channel+"-3" {
		}
		call.hangUp()
		if e := expect[Left](t, a.ch); e.Continued {
			t.Error("a hang-up reads as a transfer")
		}
		gone(t, a.ch)
	},
	// A prompt to its end, then the menu says goodbye and hangs up.
	"goodbye": func(t *testing.T, call *caller, a arrival) {
		a.ch.Play(a.Channel+"-1", []string{sound(t, 300*time.Millisecond), sound(t, 300*time.Millisecond)}, "")
		if e := expect[PlayFinished](t, a.ch); e.Failed {
			t.Errorf("got %+v", e)
		}
		a.ch.Hangup("")
		expect[Left](t, a.ch)
		gone(t, a.ch)
		<-call.hungUp
	},
	// Into the dialplan and back, out again, and a hang-up there.
	"transfer": func(t *testing.T, call *caller, a arrival) {
		a.ch.Continue("from-dialtest", "10086", nil)
		if e := expect[Left](t, a.ch); !e.Continued {
			t.Errorf("got %+v", e)
		}
		if e := expect[Returned](t, a.ch); len(e.Args) < 4 || e.Args[1] != "10086" {
			t.Errorf("came back with %q", e.Args)
		}
		a.ch.Play(a.Channel+"-1", []string{sound(t, 200*time.Millisecond)}, "")
		if e := expect[PlayFinished](t, a.ch); e.Failed {
			t.Errorf("got %+v", e)
		}
		a.ch.Continue("refused", "s", nil) // it ends there by itself; an agent might be there for another test
		if e := expect[Left](t, a.ch); !e.Continued {
			t.Errorf("got %+v", e)
		}
		expect[Destroyed](t, a.ch)
		gone(t, a.ch)
	},
	// Files that are missing: one in the middle is passed over, a whole list of them fails.
	"missing": func(t *testing.T, call *caller, a arrival) {
		short := sound(t, 200*time.Millisecond)
		a.ch.Play(a.Channel+"-1", []string{short, "sound:/no/such/prompt", short}, "")
		expect[PlayFinished](t, a.ch)
		a.ch.Play(a.Channel+"-2", []string{"sound:/no/such/prompt"}, "")
		if e := expect[PlayFinished](t, a.ch); !e.Failed {
			t.Errorf("a prompt that is not there reads as heard: %+v", e)
		}
		call.hangUp()
		gone(t, a.ch)
	},
}

// TestRealCalls makes real calls through a real Asterisk. With -update it keeps
// the traces.
func TestRealCalls(t *testing.T) {
	o := parts(t)
	for name, scene := range scenes {
		t.Run(name, func(t *testing.T) {
			rec := asterisktest.NewRecorder(t, o.URL)
			o := o
			o.URL, o.App = rec.URL, "trace-"+rand.Text()[:6]
			c, calls := run(t, o, nil)
			connected(t, c)
			call := dialUp(t, o.App)
			a := next(t, calls)
			if a.Caller.Reveal() != "13800000001" || len(a.Args) < 4 || a.Args[1] != "10086" || a.Args[3] != "1" {
				t.Errorf("arrived as %+v", a.Arrival)
			}
			scene(t, call, a)
			if *update && !t.Failed() {
				save(t, name, rec.Lines())
			}
		})
	}
}

func save(t *testing.T, name string, lines []asterisktest.Line) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	for _, l := range lines {
		if err := enc.Encode(l); err != nil {
			t.Fatal(err)
		}
	}
	// Where the prompts lay is of no interest, and differs from machine to machine.
	clean := bytes.ReplaceAll(out.Bytes(), []byte(os.Getenv("AUDIO")), []byte("/prompts"))
	if err := os.WriteFile(filepath.Join("testdata", name+".jsonl"), clean, 0o644); err != nil {
		t.Fatal(err)
	}
}

// What we believe of a cut connection is what Asterisk does: a call stays, a
// transferred one stays listed, one that ends in between is gone.
func TestRealConnectionLost(t *testing.T) {
	o := parts(t)
	gate := newProxy(t, o.URL)
	o.URL, o.App = gate.url+"/ari", "lost-"+rand.Text()[:6]
	c, calls := run(t, o, quick)
	connected(t, c)
	busy := filepath.Join(os.Getenv("AUDIO"), "zh", "sys.busy.alaw")
	if _, err := os.Stat(busy); err != nil { // the prompts are not made yet: a transfer needs one to stay
		if err := os.MkdirAll(filepath.Dir(busy), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(busy, bytes.Repeat([]byte{0xD5}, 40000), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Remove(busy) })
	}
	phones, chs := []*caller{}, []*Channel{}
	for range 3 {
		phones = append(phones, dialUp(t, o.App))
		chs = append(chs, next(t, calls).ch)
	}
	stays, ends, moved := chs[0], chs[1], chs[2]
	long := sound(t, 5*time.Second)
	stays.Play(stays.ID()+"-1", []string{long}, "")
	expect[PlayStarted](t, stays)
	moved.Continue("refused", "s", nil)
	expect[Left](t, moved)

	gate.shut(true)
	for _, ch := range chs {
		expect[Lost](t, ch)
	}
	phones[1].hangUp()
	expectListed(t, os.Getenv("ARI_URL"), o, 2)
	gate.shut(false)
	expect[Back](t, stays)
	expect[Vanished](t, ends)
	expect[Back](t, moved)
	gone(t, ends)

	stays.Play(stays.ID()+"-2", []string{long}, stays.ID()+"-1")
	if e := expect[PlayStarted](t, stays); e.ID != stays.ID()+"-2" {
		t.Errorf("got %+v", e)
	}
	phones[0].press('9')
	if e := expect[Digit](t, stays); e.Key != '9' {
		t.Errorf("got %+v", e)
	}
	phones[2].hangUp()
	expect[Destroyed](t, moved)

	// A new server takes the call over, and stops what the old one was playing.
	o.URL = os.Getenv("ARI_URL")
	heir, _ := run(t, o, quick)
	connected(t, heir)
	ids, err := heir.Channels(t.Context())
	if err != nil || len(ids) != 1 || ids[0] != stays.ID() {
		t.Fatalf("listed %q, %v", ids, err)
	}
	ch := heir.Adopt(ids[0])
	ch.Play(ch.ID()+"-3", []string{long}, ch.ID()+"-2")
	if e := expect[PlayStarted](t, ch); e.ID != ch.ID()+"-3" {
		t.Errorf("got %+v", e)
	}
	ch.Hangup("")
	gone(t, ch)
	<-phones[0].hungUp
}

// expectListed waits until Asterisk itself lists n channels of the application.
func expectListed(t *testing.T, url string, o Options, n int) {
	t.Helper()
	o.URL = url
	r, err := newRest(o)
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the application's channels", func() bool {
		ids, err := r.channels(t.Context(), o.App)
		return err == nil && len(ids) == n
	})
}
