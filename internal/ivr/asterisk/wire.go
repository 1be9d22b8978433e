package asterisk

import (
	"fmt"
	"net"
	"sync"
	"time"
)

// A peer that lets this much pile up does not read any more.
const wireLimit = 4 << 20

// wire is the TCP connection under the WebSocket. Once live, a Write only puts
// bytes aside and flush, called by the one writing goroutine, sends them. So all
// frames of one wake-up leave in one system call, and the reading goroutine, which
// answers Asterisk's pings, can never block on a write.
type wire struct {
	net.Conn
	wait time.Duration // for one flush
	kick chan struct{} // 1 deep: there is something to flush

	until time.Time // the write deadline that stands; flush's own

	mu    sync.Mutex
	live  bool
	buf   []byte
	spare []byte
}

func newWire(c net.Conn, wait time.Duration) *wire {
	return &wire{Conn: c, wait: wait, kick: make(chan struct{}, 1)}
}

// goLive ends the handshake, which writes through.
func (w *wire) goLive() {
	w.mu.Lock()
	w.live = true
	w.mu.Unlock()
}

func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	if !w.live {
		w.mu.Unlock()
		return w.Conn.Write(p)
	}
	if len(w.buf)+len(p) > wireLimit {
		w.mu.Unlock()
		return 0, fmt.Errorf("asterisk reads nothing, %d bytes wait", wireLimit)
	}
	w.buf = append(w.buf, p...)
	w.mu.Unlock()
	select {
	case w.kick <- struct{}{}:
	default:
	}
	return len(p), nil
}

// flush sends what was put aside. Only one goroutine may call it.
func (w *wire) flush() error {
	// Empty the kick first: whatever is put aside after the swap kicks again.
	select {
	case <-w.kick:
	default:
	}
	w.mu.Lock()
	out := w.buf
	w.buf, w.spare = w.spare[:0], nil
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		w.spare = out
		w.mu.Unlock()
	}()
	if len(out) == 0 {
		return nil
	}
	// A deadline can wake the poller, so not at every flush: one gets between half
	// of wait and all of it.
	if now := time.Now(); w.until.Sub(now) < w.wait/2 {
		w.until = now.Add(w.wait)
		if err := w.SetWriteDeadline(w.until); err != nil {
			return fmt.Errorf("writing to asterisk: %w", err)
		}
	}
	if _, err := w.Conn.Write(out); err != nil {
		return fmt.Errorf("writing to asterisk: %w", err)
	}
	return nil
}
