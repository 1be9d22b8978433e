package tmf_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hotline/internal/orders"
	"hotline/internal/orders/tmf"
)

// rawBoss does with each connection what a test tells it to, after the question for the
// offer, which it answers as a BOSS with the whole extension.
type rawBoss struct {
	url     string
	asked   atomic.Int32 // connections, but for those that asked for the offer
	arrived atomic.Int32 // bytes of orders' bodies
}

func newRawBoss(t *testing.T, do func(c *net.TCPConn, body []byte)) *rawBoss {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &rawBoss{url: "http://" + l.Addr().String() + "/tmf-api"}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				b.serve(c.(*net.TCPConn), do)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		all.Wait()
	})
	return b
}

func (b *rawBoss) serve(c *net.TCPConn, do func(*net.TCPConn, []byte)) {
	_ = c.SetDeadline(time.Now().Add(20 * time.Second)) // for an adapter that hangs
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	body, _ := io.ReadAll(r.Body)
	if r.URL.Path == extensionURL {
		fmt.Fprint(c, reply(200, everything))
		return
	}
	b.asked.Add(1)
	b.arrived.Add(int32(len(body)))
	do(c, body)
}

// reply is a whole one.
func reply(status int, body string) string {
	return fmt.Sprintf("HTTP/1.1 %d x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
}

func writes(text string) func(*net.TCPConn, []byte) {
	return func(c *net.TCPConn, _ []byte) { _, _ = io.WriteString(c, text) }
}

// gone waits until the adapter has left.
func gone(c *net.TCPConn, _ []byte) { _, _ = io.Copy(io.Discard, c) }

// What is left open by what happens on the wire. Each is asked for by an order, a look-up, a
// query and a password, and each comes once.
func TestWire(t *testing.T) {
	done := ordered("completed")
	cut := reply(201, done)
	for _, tt := range []struct {
		name string
		do   func(*net.TCPConn, []byte)
		wait time.Duration // 0: as long as it takes
	}{
		{"closed without a word", func(*net.TCPConn, []byte) {}, 0},
		{"reset without a word", func(c *net.TCPConn, _ []byte) { _ = c.SetLinger(0) }, 0},
		{"half a header", writes("HTTP/1.1 201 Crea"), 0},
		{"half a body", writes(cut[:len(cut)-20]), 0},
		{"half a body, then reset", func(c *net.TCPConn, _ []byte) {
			_, _ = io.WriteString(c, cut[:len(cut)-20])
			_ = c.SetLinger(0)
		}, 0},
		{"half a body of no length", writes("HTTP/1.1 201 x\r\nConnection: close\r\n\r\n" + done[:40]), 0},
		{"half a chunk", writes("HTTP/1.1 201 x\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n" + done), 0},
		{"late", gone, 200 * time.Millisecond},
		{"body late", func(c *net.TCPConn, _ []byte) {
			_, _ = io.WriteString(c, cut[:len(cut)-20])
			gone(c, nil)
		}, 200 * time.Millisecond},
		{"no HTTP", writes("SSH-2.0-boss\r\n\r\n"), 0},
		{"what was sent, sent back", func(c *net.TCPConn, body []byte) { _, _ = c.Write(body) }, 0},
		{"what was sent, as a header", func(c *net.TCPConn, body []byte) {
			fmt.Fprintf(c, "HTTP/1.1 %s\r\n%s\r\n\r\n", password, body)
		}, 0},
		{"what was sent, as a status", func(c *net.TCPConn, body []byte) { _, _ = c.Write(append([]byte("HTTP/1.1 "), body...)) }, 0},
		{"what was sent, as a body", func(c *net.TCPConn, body []byte) { _, _ = io.WriteString(c, reply(200, string(body))) }, 0},
		{"what was sent, as an error", func(c *net.TCPConn, _ []byte) {
			_, _ = io.WriteString(c, reply(500, `{"code":"`+password+`","reason":"`+digits+`"}`))
		}, 0},
		{"HTML", writes("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html><body>Welcome</body></html>"), 0},
		{"no JSON", writes(reply(201, done+"x")), 0},
		{"two documents", writes(reply(201, done+done)), 0},
		{"a name twice", writes(reply(201, strings.Replace(done, `"state"`, `"state":"rejected","state"`, 1))), 0},
		{"a name twice, once in capitals", writes(reply(201, strings.Replace(done, `"state"`, `"State":"rejected","state"`, 1))), 0},
		{"a name twice, further in", writes(reply(201, strings.Replace(done, `"action"`, `"action":"delete","action"`, 1))), 0},
		{"a huge body", writes(reply(201, done[:1]+strings.Repeat(" ", 2<<20)+done[1:])), 0},
		{"a huge header", writes("HTTP/1.1 201 x\r\nX: " + strings.Repeat("x", 2<<20) + "\r\n\r\n"), 0},
		{"a body without end", func(c *net.TCPConn, _ []byte) {
			_, _ = io.WriteString(c, "HTTP/1.1 201 x\r\n\r\n")
			for blank := bytes.Repeat([]byte(" "), 64<<10); ; {
				if _, err := c.Write(blank); err != nil {
					return
				}
			}
		}, 0},
		{"deep", writes(reply(201, strings.Repeat("[", 200_000))), 0},
		{"packed, which nobody asked for", writes("HTTP/1.1 201 x\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n" + packed(t, done)), 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newRawBoss(t, tt.do)
			boss := opened(t, b.url)
			wait := tt.wait
			if wait == 0 {
				wait = 15 * time.Second
			}
			for i, ask := range askers(t, boss) {
				ctx, cancel := context.WithTimeout(t.Context(), wait)
				a, err := ask.do(ctx)
				cancel()
				got := certainty(t, err)
				if got != "lost" && (ask.name == "submit" || got != "error") || a.Outcome != "" || a.Values != nil {
					t.Errorf("%s: %v, %s (%v)", ask.name, a.Result, got, err)
				}
				if errors.Is(err, context.DeadlineExceeded) != (tt.wait > 0) {
					t.Errorf("%s: %v, with the deadline in it: %v", ask.name, err, tt.wait == 0)
				}
				if n := b.asked.Load(); n != int32(i+1) {
					t.Errorf("%s: request %d on %d connections", ask.name, i+1, n)
				}
			}
		})
	}
}

func packed(t *testing.T, text string) string {
	t.Helper()
	var to bytes.Buffer
	w := gzip.NewWriter(&to)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return to.String()
}

// asker is one way to ask a BOSS something.
type asker struct {
	name string
	do   func(context.Context) (orders.Answer, error)
}

// askers ask with every secret there is.
func askers(t *testing.T, boss *tmf.Boss) []asker {
	typed := orders.With{"old_password": secret(password)}
	return []asker{
		{"submit", func(ctx context.Context) (orders.Answer, error) {
			o := opening(t)
			o.With = typed
			return boss.Submit(ctx, o)
		}},
		{"look-up", func(ctx context.Context) (orders.Answer, error) { return boss.Lookup(ctx, key) }},
		{"balance", func(ctx context.Context) (orders.Answer, error) {
			return boss.Query(ctx, orders.Query{Caller: caller(t), Name: "balance"})
		}},
		{"status", func(ctx context.Context) (orders.Answer, error) {
			return boss.Query(ctx, orders.Query{Caller: caller(t), Name: "status", Service: "caller_id"})
		}},
		{"points", func(ctx context.Context) (orders.Answer, error) {
			return boss.Query(ctx, orders.Query{Caller: caller(t), Name: "points", With: typed})
		}},
		{"verify", func(ctx context.Context) (orders.Answer, error) {
			return boss.Verify(ctx, orders.Verification{Caller: caller(t), Password: secret(password)})
		}},
		{"prices", func(ctx context.Context) (orders.Answer, error) {
			prices, err := boss.Prices(ctx)
			if prices != nil {
				t.Errorf("prices %v", prices)
			}
			return orders.Answer{}, err
		}},
	}
}

// noName is longer than a label of a name can be (RFC 1035, 2.3.4): no resolver is asked.
var noName = strings.Repeat("boss", 16) + ".invalid"

// A BOSS that cannot be connected to has heard of nothing.
func TestNotConnected(t *testing.T) {
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := nobody.Close(); err != nil {
		t.Fatal(err)
	}
	plain := newRawBoss(t, gone)
	var got atomic.Int32
	foreign := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { got.Add(1) }))
	foreign.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of us
	foreign.StartTLS()
	defer foreign.Close()
	for name, base := range map[string]string{
		"refused":                 "http://" + nobody.Addr().String(),
		"no such name":            "http://" + noName,
		"a certificate of nobody": foreign.URL,
		"TLS with who has none":   strings.Replace(plain.url, "http", "https", 1),
	} {
		boss := opened(t, base)
		for _, ask := range askers(t, boss) {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			a, err := ask.do(ctx)
			cancel()
			if got := certainty(t, err); got != "not sent" || a.Outcome != "" {
				t.Errorf("%s, %s: %v, %s (%v)", name, ask.name, a.Result, got, err)
			}
		}
	}
	if n := got.Load() + plain.asked.Load(); n > 0 {
		t.Errorf("%d requests arrived", n)
	}
}

// The deadline that passes while connecting is told, so that it is not taken for a BOSS
// that is away.
func TestDeadlineWhileConnecting(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // the system takes the connections, nobody speaks TLS on them
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	boss, err := tmf.Open(ctx, tmf.Options{Base: "https://" + silent.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	defer boss.Close()
	ctx, cancel = context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = boss.Submit(ctx, opening(t))
	if certainty(t, err) != "not sent" || !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestTLS(t *testing.T) {
	web := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == extensionURL {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = io.WriteString(w, "[]")
	}))
	defer web.Close()
	authorities := x509.NewCertPool()
	authorities.AddCert(web.Certificate())
	boss := opened(t, web.URL+"/tmf-api", func(o *tmf.Options) { o.TLS = &tls.Config{RootCAs: authorities} })
	if _, err := boss.Lookup(t.Context(), key); certainty(t, err) != "not found" {
		t.Error(err)
	}
}

// A reply that comes twice is nobody else's answer: with connections that are used again,
// the second would be taken for that of the next caller.
func TestRepliesAreNotMixedUp(t *testing.T) {
	var n atomic.Int64
	b := newRawBoss(t, func(c *net.TCPConn, _ []byte) {
		text := reply(200, fmt.Sprintf(`[{"totalBalance":{"amount":%d,"units":"CNY"}}]`, n.Add(1)))
		_, _ = io.WriteString(c, text+text)
	})
	boss := opened(t, b.url)
	for i := range int64(20) {
		a, err := boss.Query(t.Context(), orders.Query{Caller: caller(t), Name: "balance"})
		if got := a.Values["balance"].Number; err != nil || got != 100*(i+1) {
			t.Fatalf("question %d is answered with %d fen, %v", i+1, got, err)
		}
	}
}

// A redirect may lead anywhere, with the number and the token.
func TestRedirectsAreNotFollowed(t *testing.T) {
	var fell atomic.Int32
	trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { fell.Add(1) }))
	defer trap.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		b := newRawBoss(t, writes(fmt.Sprintf("HTTP/1.1 %d x\r\nLocation: %s/\r\nContent-Length: 0\r\n\r\n", status, trap.URL)))
		boss := opened(t, b.url)
		for _, ask := range askers(t, boss) {
			if a, err := ask.do(soon(t, 15*time.Second)); certainty(t, err) != "lost" {
				t.Errorf("%d, %s: %v, %v", status, ask.name, a.Result, err)
			}
		}
	}
	if n := fell.Load(); n > 0 {
		t.Errorf("%d were followed", n)
	}
}

// Nobody who set a proxy for the machine is to see orders. net/http looks at the environment
// once in the life of a process, so this needs one of its own.
func TestNoProxy(t *testing.T) {
	const child = "TMF_TEST_UNDER_PROXY"
	if os.Getenv(child) != "" {
		boss := opened(t, "http://"+noName+"/tmf-api")
		if _, err := boss.Submit(soon(t, 15*time.Second), opening(t)); certainty(t, err) != "not sent" {
			t.Error(err)
		}
		return
	}
	var fell atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { fell.Add(1) }))
	defer proxy.Close()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNoProxy$", "-test.v")
	cmd.Env = append(os.Environ(), child+"=1", "HTTP_PROXY="+proxy.URL, "http_proxy="+proxy.URL, "NO_PROXY=", "no_proxy=")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestNoProxy") || fell.Load() > 0 {
		t.Errorf("%d requests at the proxy, %v\n%s", fell.Load(), err, out)
	}
}
