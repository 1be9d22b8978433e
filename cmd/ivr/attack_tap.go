package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
)

// tap stands between the hotline and its BOSS, and writes down what servers and proxies on
// the way write into their logs: of each connection, which carries one request, the
// request line and the headers. It changes nothing.
type tap struct {
	listener net.Listener
	to       string
	work     sync.WaitGroup

	mu  sync.Mutex
	log *os.File
	met int // requests
}

func newTap(to, file string) (*tap, error) {
	log, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	t := &tap{listener: listener, to: to, log: log}
	t.work.Go(t.serve)
	return t, nil
}

func (t *tap) addr() string { return t.listener.Addr().String() }

// close takes no further connections, and waits for those that there are.
func (t *tap) close() error {
	err := t.listener.Close()
	t.work.Wait()
	return errors.Join(err, t.log.Close())
}

func (t *tap) serve() {
	for {
		near, err := t.listener.Accept()
		if err != nil {
			return // closed
		}
		far, err := net.Dial("tcp", t.to)
		if err != nil {
			_ = near.Close() // the BOSS is away
			continue
		}
		t.work.Go(func() { t.pass(near, far) })
	}
}

// pass carries a connection both ways until one side has closed it.
func (t *tap) pass(near, far net.Conn) {
	var both sync.WaitGroup
	both.Go(func() {
		_, _ = io.Copy(far, io.TeeReader(near, &head{tap: t})) // however it ends, it has
		_ = far.Close()
	})
	_, _ = io.Copy(near, far)
	_ = near.Close()
	both.Wait()
}

// head keeps what comes before the body of a request, and writes it down.
type head struct {
	tap  *tap
	text []byte
	over bool
}

func (h *head) Write(b []byte) (int, error) {
	if h.over {
		return len(b), nil
	}
	h.text = append(h.text, b...)
	if i := bytes.Index(h.text, []byte("\r\n\r\n")); i >= 0 {
		h.over = true
		h.tap.mu.Lock()
		defer h.tap.mu.Unlock()
		h.tap.met++
		if _, err := h.tap.log.Write(h.text[:i+4]); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}
