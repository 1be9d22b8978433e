package asterisk

import (
	"net"
	"strings"
	"sync"
	"testing"
)

// proxy is the way to a Server, which can be cut.
type proxy struct {
	url    string
	target string

	mu     sync.Mutex
	closed bool
	frozen int // connections up to this one carry nothing
	conns  []net.Conn
	seq    int
}

func newProxy(t testing.TB, target string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{url: "http://" + l.Addr().String(), target: strings.TrimSuffix(strings.TrimPrefix(target, "http://"), "/ari")}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { p.serve(near) })
		}
	})
	t.Cleanup(func() { l.Close(); p.shut(true); all.Wait() })
	return p
}

func (p *proxy) serve(near net.Conn) {
	defer near.Close()
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	far, err := net.Dial("tcp", p.target)
	if err != nil {
		p.mu.Unlock()
		return
	}
	defer far.Close()
	p.seq++
	id := p.seq
	p.conns = append(p.conns, near, far)
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { p.copy(id, far, near) })
	both.Go(func() { p.copy(id, near, far) })
	both.Wait()
}

func (p *proxy) copy(id int, to, from net.Conn) {
	defer to.Close()
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		p.mu.Lock()
		frozen := id <= p.frozen
		p.mu.Unlock()
		if frozen {
			continue // swallow it, as a firewall does that forgot the connection
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// shut cuts all connections and lets no new one through until it is called with false.
func (p *proxy) shut(closed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = closed
	if closed {
		for _, c := range p.conns {
			c.Close()
		}
		p.conns = nil
	}
}

// freeze lets the connections that are there carry nothing more.
func (p *proxy) freeze() {
	p.mu.Lock()
	p.frozen = p.seq
	p.mu.Unlock()
}
