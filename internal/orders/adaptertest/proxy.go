package adaptertest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"
)

// proxy stands between an adapter and its BOSS, on real sockets. It passes everything on, until
// it is armed with a fault, which then meets every request.
type proxy struct {
	server *httptest.Server
	target *url.URL
	out    *http.Transport

	mu    sync.Mutex
	fault *wireFault
	seen  []seen                // since armed
	urls  []string              // of all requests
	conns map[net.Conn]struct{} // open ones, that no fault has taken over
	trap  *httptest.Server      // where redirects lead
	fell  int                   // requests at the trap
	later sync.WaitGroup        // requests on their way to the BOSS
}

// seen is a request as it came from the adapter.
type seen struct{ method, url, body string }

// replyLimit bounds what is read of the BOSS, which is to be trusted here.
const replyLimit = 64 << 20

func newProxy(target string) (*proxy, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("parse the URL of the BOSS: %w", err)
	}
	p := &proxy{target: u, out: &http.Transport{}, conns: map[net.Conn]struct{}{}}
	p.trap = httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.fell++
	}))
	p.server = httptest.NewUnstartedServer(http.HandlerFunc(p.serve))
	p.server.Config.ConnState = func(c net.Conn, s http.ConnState) {
		p.mu.Lock()
		defer p.mu.Unlock()
		switch s {
		case http.StateNew:
			p.conns[c] = struct{}{}
		case http.StateClosed, http.StateHijacked:
			delete(p.conns, c)
		}
	}
	p.server.Start()
	return p, nil
}

func (p *proxy) close() {
	p.server.Close()
	p.trap.Close()
	p.later.Wait()
	p.out.CloseIdleConnections()
}

// url is that of the BOSS, with the host of the proxy.
func (p *proxy) url() string {
	u := *p.target
	u.Host = strings.TrimPrefix(p.server.URL, "http://")
	u.Scheme = "http"
	return u.String()
}

// arm has a fault meet every request from now on; nil is none.
func (p *proxy) arm(f *wireFault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault, p.seen, p.fell = f, nil, 0
}

// disarm tells which requests came since arm and how many followed a redirect, once what
// is on its way to the BOSS has arrived there.
func (p *proxy) disarm() (came []seen, fell int) {
	p.mu.Lock()
	came, fell = p.seen, p.fell
	p.fault = nil
	p.mu.Unlock()
	p.later.Wait()
	return came, fell
}

func (p *proxy) open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns)
}

// reply is one of the BOSS.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (p *proxy) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the adapter has gone
	}
	p.mu.Lock()
	f := p.fault
	p.seen = append(p.seen, seen{r.Method, r.URL.String(), string(body)})
	p.urls = append(p.urls, r.URL.String())
	p.later.Add(1)
	p.mu.Unlock()

	forward := func() (reply, error) { return p.forward(r, body) }
	if f == nil {
		defer p.later.Done()
		rep, err := forward()
		if err != nil {
			panic(http.ErrAbortHandler) // the BOSS has done so
		}
		for k, v := range rep.header {
			w.Header()[k] = v
		}
		w.WriteHeader(rep.status)
		_, _ = w.Write(rep.body) // the adapter may have gone
		return
	}
	f.meet(p, w, r, forward)
}

// forward asks the BOSS. What has arrived is worked on to its end, whether or not the adapter waits.
func (p *proxy) forward(r *http.Request, body []byte) (reply, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 20*time.Second)
	defer cancel()
	u := *r.URL
	u.Scheme, u.Host = p.target.Scheme, p.target.Host
	req, err := http.NewRequestWithContext(ctx, r.Method, u.String(), bytes.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	req.Header = r.Header.Clone()
	req.GetBody = nil // sent once, whatever happens
	resp, err := p.out.RoundTrip(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	rep := reply{status: resp.StatusCode, header: resp.Header}
	rep.body, err = io.ReadAll(io.LimitReader(resp.Body, replyLimit))
	rep.header.Del("Content-Length")
	rep.header.Del("Transfer-Encoding")
	return rep, err
}
