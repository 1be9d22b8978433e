package asterisk

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"hotline/internal/ivr/asterisk/asterisktest"
)

// sample gives a recorded message of a kind.
func sample(t testing.TB, k kind) []byte {
	t.Helper()
	for _, l := range traces(t)["barge-in"] {
		var f frame
		if l.Dir == "in" && f.decode(l.Msg) == nil && f.kind == k {
			return l.Msg
		}
	}
	t.Fatalf("no %s in the trace", kindNames[k])
	return nil
}

func BenchmarkDecode(b *testing.B) {
	for _, k := range []kind{kindDigit, kindPlayStarted, kindResponse, kindStart} {
		b.Run(kindNames[k], func(b *testing.B) {
			m := sample(b, k)
			var f frame
			b.ReportAllocs()
			for b.Loop() {
				if err := f.decode(m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkDemux finds the channel of an event among 10,000 calls.
func BenchmarkDemux(b *testing.B) {
	c := New(Options{Log: logger(b), Registerer: prometheus.NewRegistry()}, nil)
	var ids [][]byte
	for i := range 10_000 {
		id := fmt.Sprintf("1795377721.%d", i)
		ids = append(ids, []byte(id))
		c.channels[id] = newChannel(c, id)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if c.channel(ids[i%len(ids)]) == nil {
			b.Fatal("not found")
		}
		i += 7919
	}
}

// BenchmarkKeyToPlay is the way of a key: from Asterisk's writing of the event to
// its having read both requests, DELETE and POST, over loopback.
func BenchmarkKeyToPlay(b *testing.B) {
	key := strings.Replace(string(sample(b, kindDigit)), channelOf(sample(b, kindDigit)), "1", 1)
	srv := newPeer(b)
	c, calls := run(b, options(srv.url), nil)
	connected(b, c)
	srv.write(b, `{"type":"StasisStart","args":["x"],"channel":{"id":"1","caller":{"number":"13800000001"}}}`)
	ch := next(b, calls).ch
	go func() {
		for i := 1; ; i++ {
			select {
			case ev := <-ch.Events():
				if _, ok := ev.(Digit); ok {
					ch.Play("1-"+strconv.Itoa(i), []string{"sound:/prompts/zh/main"}, "1-"+strconv.Itoa(i-1))
				}
			case <-ch.Gone():
				return
			}
		}
	}()
	for b.Loop() {
		srv.write(b, key)
		<-srv.requests
		<-srv.requests
	}
	srv.write(b, `{"type":"StasisEnd","channel":{"id":"1"}}`)
	gone(b, ch)
}

func channelOf(m []byte) string {
	var f frame
	_ = f.decode(m) // a recorded message
	return string(f.channel)
}

// peer is Asterisk's end of the socket at its cheapest: it answers every request 200.
type peer struct {
	url      string
	ready    chan struct{}
	ws       *websocket.Conn
	requests chan struct{}
}

func newPeer(t testing.TB) *peer {
	p := &peer{ready: make(chan struct{}), requests: make(chan struct{}, 100)}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/events") {
			fmt.Fprint(w, `{"channel_ids":[]}`)
			return
		}
		p.ws, _ = websocket.Accept(w, r, nil)
		for i := 0; ; i++ {
			_, b, err := p.ws.Read(context.Background())
			if err != nil {
				return
			}
			var q struct {
				ID string `json:"request_id"`
			}
			_ = json.Unmarshal(b, &q)
			if i == 0 {
				close(p.ready)
			} else {
				p.requests <- struct{}{}
			}
			_ = p.ws.Write(context.Background(), websocket.MessageText, []byte(`{"type":"RESTResponse","request_id":"`+q.ID+`","status_code":200}`))
		}
	}))
	t.Cleanup(srv.Close)
	p.url = srv.URL
	return p
}

func (p *peer) write(t testing.TB, message string) {
	<-p.ready
	if err := p.ws.Write(context.Background(), websocket.MessageText, []byte(message)); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkTrace is what our own code costs for the recorded call of two barge-ins:
// decode, find, tell, and encode, mask and put together the requests. The kernel's
// part and the waking of goroutines are in BenchmarkCall.
func BenchmarkTrace(b *testing.B) {
	var messages [][]byte
	for _, l := range traces(b)["barge-in"] {
		if l.Dir == "in" {
			messages = append(messages, l.Msg)
		}
	}
	id := channelOf(sample(b, kindStart))
	srv := newPeer(b)
	var ch *Channel
	c := New(Options{URL: srv.url, App: "ivr-test", Log: logger(b), Registerer: prometheus.NewRegistry()},
		func(came *Channel, _ Arrival) { ch = came })
	l, err := c.dial(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer l.ws.CloseNow()
	l.wire.Conn = &countingConn{Conn: l.wire.Conn}
	c.link.Store(l)
	var f frame
	var batch []*request
	media := []string{"sound:/prompts/zh/main", "sound:/prompts/zh/hint"}
	b.ReportAllocs()
	for b.Loop() {
		l.last = 1 // the trace's probe was request 1: its answers fit our requests
		plays := 0
		for _, m := range messages {
			c.handle(l, &f, m, time.Now())
			for ch != nil && len(ch.Events()) > 0 {
				if _, ok := (<-ch.Events()).(Digit); ok {
					plays++
					ch.Play(fmt.Sprint(id, "-", plays+1), media, fmt.Sprint(id, "-", plays))
				}
			}
			if f.kind == kindStart {
				ch.Play(id+"-1", media, "")
			}
			if l.drain(&batch) != nil || l.wire.flush() != nil {
				b.Fatal("writing failed")
			}
		}
		select {
		case <-ch.Gone():
		default:
			b.Fatal("the call has not ended")
		}
		if plays != 2 || l.waiting() != 0 {
			b.Fatalf("%d plays, %d requests without an answer", plays, l.waiting())
		}
	}
	b.ReportMetric(float64(len(messages)), "messages")
}

// BenchmarkCall is the whole price of a call of five keys, at 20 calls/s, with the
// callers and Asterisk in another process: go test -run - -bench Call$ -benchtime 200x.
// Look at cpu-µs/call.
func BenchmarkCall(b *testing.B) {
	cmd := exec.Command(os.Args[0], "-test.run", "^TestCallersProcess$", "-test.v")
	cmd.Env = append(os.Environ(), fmt.Sprintf("CALLERS=%d", b.N))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() { in.Close(); _ = cmd.Wait() }()
	var url string
	for scan := bufio.NewScanner(out); url == "" && scan.Scan(); {
		if after, ok := strings.CutPrefix(scan.Text(), "URL "); ok {
			url = after
		}
	}
	c, calls := run(b, options(url), nil)
	connected(b, c)
	var sessions sync.WaitGroup
	before := cpu(b)
	b.ResetTimer()
	fmt.Fprintln(in, "go")
	for range b.N {
		a := next(b, calls)
		sessions.Go(func() {
			n := 1
			a.ch.Play(a.Channel+"-1", []string{"sound:/prompts/zh/main", "sound:/prompts/zh/hint"}, "")
			for {
				select {
				case ev := <-a.ch.Events():
					if _, ok := ev.(Digit); ok {
						n++
						a.ch.Play(fmt.Sprint(a.Channel, "-", n), []string{"sound:/prompts/zh/main", "sound:/prompts/zh/hint"}, fmt.Sprint(a.Channel, "-", n-1))
					}
				case <-a.ch.Gone():
					return
				}
			}
		})
	}
	sessions.Wait()
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-µs/call")
	messages := 0.0
	for _, m := range c.metrics.events {
		messages += value(b, m)
	}
	b.ReportMetric(messages/float64(b.N), "messages/call")
}

func cpu(t testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestCallersProcess is no test: it is the other process of BenchmarkCall.
func TestCallersProcess(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("CALLERS"))
	if err != nil {
		t.Skip("runs for BenchmarkCall only")
	}
	srv := asterisktest.New(t, false)
	fmt.Println("URL", srv.URL)
	stdin := bufio.NewReader(os.Stdin)
	if _, err := stdin.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(50 * time.Millisecond)
	var all sync.WaitGroup
	for i := range n {
		<-tick.C
		all.Go(func() {
			id := fmt.Sprintf("1795377721.%d", i)
			srv.Enter(id, "call", "10086", "13800000001", "1")
			for k := 1; k <= 5; k++ {
				until(t, "a prompt", func() bool { return slices.Equal(srv.Playing(id), []string{fmt.Sprint(id, "-", k)}) })
				srv.Press(id, '1')
			}
			until(t, "the last prompt", func() bool { return slices.Equal(srv.Playing(id), []string{id + "-6"}) })
			srv.HangUp(id)
		})
	}
	all.Wait()
	_, _ = stdin.ReadString('\n') // the benchmark has seen the end
}

// countingConn counts what is written to it.
type countingConn struct {
	net.Conn
	writes int
}

func (c *countingConn) Write(p []byte) (int, error)      { c.writes++; return len(p), nil }
func (c *countingConn) SetWriteDeadline(time.Time) error { return nil }

// A barge-in leaves in one piece: between DELETE and POST the caller would hear nothing.
func TestStopAndPlayLeaveTogether(t *testing.T) {
	conn := &countingConn{}
	w := newWire(conn, time.Second)
	w.goLive()
	for _, s := range []string{"DELETE", "POST"} {
		if _, err := w.Write([]byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	if conn.writes != 0 {
		t.Errorf("%d writes before the flush", conn.writes)
	}
	for range 2 {
		if err := w.flush(); err != nil {
			t.Fatal(err)
		}
	}
	if conn.writes != 1 {
		t.Errorf("%d writes for one barge-in", conn.writes)
	}
	if _, err := w.Write(make([]byte, wireLimit+1)); err == nil {
		t.Error("a peer that reads nothing is not noticed")
	}
}

// BenchmarkRealKeyToPrompt is the time from our reading of a key to Asterisk's word that
// the next prompt has started, in a call through a real Asterisk: -benchtime 200x.
func BenchmarkRealKeyToPrompt(b *testing.B) {
	for _, verifying := range []bool{false, true} {
		b.Run(fmt.Sprintf("verifying=%v", verifying), func(b *testing.B) { realKeyToPrompt(b, verifying) })
	}
}

// realKeyToPrompt does it while 550 sounds are read back again and again, if so wished.
func realKeyToPrompt(b *testing.B, verifying bool) {
	o, _, sounds := filled(b, 550)
	o.App, o.Sounds = "bench-key", nil
	c, calls := run(b, o, nil)
	connected(b, c)
	call := dialUp(b, o.App)
	ch := next(b, calls).ch
	prompt := []string{sound(b, 20*time.Second)}
	id := func(n int) string { return fmt.Sprint(ch.ID(), "-", n) }
	ch.Play(id(0), prompt, "")
	expect[PlayStarted](b, ch)
	var verified sync.WaitGroup
	ctx, enough := context.WithCancel(b.Context())
	if verifying {
		verified.Go(func() {
			for ctx.Err() == nil {
				c.forgetSounds()
				if err := c.Verify(ctx, sounds); err != nil && ctx.Err() == nil {
					b.Error(err)
				}
			}
		})
	}
	var took []time.Duration
	for n := range b.N {
		call.press('5')
		key := expect[Digit](b, ch)
		ch.Play(id(n+1), prompt, id(n))
		took = append(took, expect[PlayStarted](b, ch).At.Sub(key.At))
	}
	enough()
	verified.Wait()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	ch.Hangup("")
	gone(b, ch)
}
