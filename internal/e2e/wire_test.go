package e2e

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// wire is a TCP line that can be cut, so that every connection on it breaks and no
// new one is made; frozen, so that nothing breaks and nothing gets through; and mended.
type wire struct {
	to     string
	listen net.Listener
	work   sync.WaitGroup

	mu     sync.Mutex
	thaw   sync.Cond // with mu
	frozen bool
	down   bool
	conns  map[net.Conn]bool
}

// gate lets nothing through while its wire is frozen.
type gate struct {
	io.Writer
	w *wire
}

func (g gate) Write(b []byte) (int, error) {
	g.w.mu.Lock()
	for g.w.frozen {
		g.w.thaw.Wait()
	}
	g.w.mu.Unlock()
	return g.Writer.Write(b)
}

// through gives the URL as it is reached over a wire.
func through(t *testing.T, address string) (string, *wire) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{to: u.Host, listen: listen, conns: map[net.Conn]bool{}}
	w.thaw.L = &w.mu
	w.work.Go(w.serve)
	t.Cleanup(func() {
		_ = listen.Close() // ends serve
		w.cut()
		w.work.Wait()
	})
	u.Host = listen.Addr().String()
	return u.String(), w
}

func (w *wire) serve() {
	for {
		near, err := w.listen.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", w.to)
		if err != nil || !w.keep(near, far) {
			_ = near.Close()
			continue
		}
		for _, pair := range [][2]net.Conn{{near, far}, {far, near}} {
			w.work.Go(func() {
				_, _ = io.Copy(gate{pair[0], w}, pair[1]) // ends with either of them
				_, _ = pair[0].Close(), pair[1].Close()
			})
		}
	}
}

// keep remembers a connection, unless the wire is cut.
func (w *wire) keep(near, far net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down {
		_ = far.Close()
		return false
	}
	w.conns[near], w.conns[far] = true, true
	return true
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down, w.frozen = true, false
	for c := range w.conns {
		_ = c.Close()
	}
	clear(w.conns)
	w.thaw.Broadcast()
}

func (w *wire) freeze() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.frozen = true
}

func (w *wire) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down, w.frozen = false, false
	w.thaw.Broadcast()
}
