package asterisk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coder/websocket"
)

var errReplaced = errors.New("another client has taken our application: two servers with one application name?")

// httpWorkers carry the requests that wait for a channel, and all of them where
// there is no REST over WebSocket.
const httpWorkers = 8

// link is one connection: a socket, the goroutines on it, and the requests that
// wait for its answers. What fails first ends all of it.
type link struct {
	conn  *Conn
	ws    *websocket.Conn
	wire  *wire
	queue *queue

	draining sync.Mutex
	decided  chan struct{} // closed when overHTTP is known
	overHTTP bool
	lanes    [httpWorkers]*queue // of what goes over HTTP
	leaving  chan struct{}       // closed: the lanes finish what they have
	workers  sync.WaitGroup

	failed sync.Once
	done   chan struct{} // closed by fail
	err    error         // why, once done is closed

	mu      sync.Mutex
	last    uint64
	pending map[uint64]*request
}

// dial opens the socket, which registers the application: from here on calls come in.
func (c *Conn) dial(ctx context.Context) (*link, error) {
	var w *wire
	transport := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		w = newWire(conn, c.times.pong)
		return w, nil
	}}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	header := http.Header{}
	req := http.Request{Header: header}
	req.SetBasicAuth(c.rest.user, c.rest.password)
	q := url.Values{"app": {c.app}, "subscribeAll": {"false"}}
	ws, resp, err := websocket.Dial(ctx, c.rest.root+"/events?"+q.Encode(), &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: transport}, HTTPHeader: header, Subprotocols: []string{"ari"}})
	if err != nil {
		if resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
			return nil, statusError(resp.StatusCode)
		}
		return nil, err
	}
	ws.SetReadLimit(1 << 20)
	w.goLive()
	l := &link{conn: c, ws: ws, wire: w, queue: newQueue(), decided: make(chan struct{}),
		leaving: make(chan struct{}), done: make(chan struct{}), pending: map[uint64]*request{}}
	for i := range l.lanes {
		l.lanes[i] = newQueue()
	}
	return l, nil
}

// start runs the link's goroutines; stop ends them and waits for them.
func (l *link) start() (stop func()) {
	var running sync.WaitGroup
	running.Go(func() { l.fail(l.read()) })
	running.Go(func() { l.fail(l.write()) })
	running.Go(func() { l.fail(l.ping()) })
	ctx, cancel := context.WithCancel(context.Background())
	for _, lane := range l.lanes {
		l.workers.Go(func() { l.work(ctx, lane) })
	}
	return func() {
		l.fail(net.ErrClosed)
		cancel()
		_ = l.ws.CloseNow() // it is over in any case
		running.Wait()
		l.workers.Wait()
		l.abandon()
	}
}

// fail ends the link. The first reason stays.
func (l *link) fail(err error) {
	l.failed.Do(func() {
		l.err = err
		close(l.done)
	})
}

// setUp makes a fresh socket fit for calls: the process at its end, the event filter, the road that
// requests take, and the fate of the channels of the connection before.
func (l *link) setUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*requestTimeout)
	defer cancel()
	if err := l.conn.same(ctx); err != nil {
		return err
	}
	if err := l.conn.rest.setFilter(ctx, l.conn.app); err != nil {
		return err
	}
	overWS, err := l.probe(ctx)
	if err != nil {
		return err
	}
	l.overHTTP = !overWS
	close(l.decided)
	if err := l.conn.restore(ctx); err != nil {
		return err
	}
	l.conn.log.Info("connected to asterisk", "rest_over_websocket", overWS)
	return nil
}

// probe asks for REST over WebSocket by using it: an Asterisk before 22.4 ignores
// what is sent on the event socket.
func (l *link) probe(ctx context.Context) (bool, error) {
	answer := make(chan struct{})
	r := &request{kind: askProbe, method: http.MethodGet, uri: "asterisk/ping", probed: answer}
	if err := l.writeRequest(r); err != nil {
		return false, err
	}
	timer := time.NewTimer(l.conn.times.probe)
	defer timer.Stop()
	select {
	case <-answer:
		return true, nil
	case <-timer.C:
		l.abandon() // the probe is all that is under way yet
		return false, nil
	case <-l.done:
		return false, l.err
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// leave ends the link in peace: Asterisk answers our close after what was sent
// before it.
func (l *link) leave() {
	_ = l.drain(nil)
	close(l.leaving)
	l.workers.Wait()
	// A peer that does not answer within the library's 5 s is left all the same.
	_ = l.ws.Close(websocket.StatusNormalClosure, "server stops")
}

func (l *link) read() error {
	var message bytes.Buffer
	var f frame
	for {
		// No deadline here: ping notices a dead peer, and a context per message would
		// cost more than decoding it.
		_, r, err := l.ws.Reader(context.Background())
		if err != nil {
			return fmt.Errorf("reading events: %w", err)
		}
		message.Reset()
		if _, err := message.ReadFrom(r); err != nil {
			return fmt.Errorf("reading events: %w", err)
		}
		l.conn.handle(l, &f, message.Bytes(), time.Now())
	}
}

// write is the one goroutine that writes to the socket.
func (l *link) write() error {
	var batch []*request
	var ready chan struct{} // nil, never ready, until the road is known
	decided := l.decided
	for {
		var err error
		select {
		case <-l.done:
			return nil
		case <-decided:
			decided, ready = nil, l.queue.ready
		case <-ready:
			err = l.drain(&batch)
		case <-l.wire.kick:
		}
		// Also after an error: what cannot be sent any more may stand behind our close,
		// which Asterisk has to see.
		if e := l.wire.flush(); err == nil {
			err = e
		}
		if err != nil {
			return err
		}
	}
}

// drain turns all that is queued into frames, or gives it to the HTTP workers.
func (l *link) drain(spare *[]*request) error {
	var none []*request
	if spare == nil {
		spare = &none
	}
	// The link's leaving drains too, and must not overtake a batch half sent.
	l.draining.Lock()
	defer l.draining.Unlock()
	batch := l.queue.take(*spare)
	defer func() { clear(batch); *spare = batch }()
	for _, r := range batch {
		if l.overHTTP || r.kind == askVariables {
			// One channel's requests share a lane, which keeps their order.
			h := fnv.New32a()
			_, _ = h.Write([]byte(r.ch.id))
			l.lanes[h.Sum32()%httpWorkers].put(r)
			continue
		}
		if err := l.writeRequest(r); err != nil {
			return err
		}
	}
	return nil
}

func (l *link) writeRequest(r *request) error {
	l.mu.Lock()
	l.last++
	id := l.last
	r.sent = time.Now()
	l.pending[id] = r
	l.mu.Unlock()
	// Into the wire's buffer; it does not block.
	if err := l.ws.Write(context.Background(), websocket.MessageText, r.envelope(id)); err != nil {
		return fmt.Errorf("sending a request: %w", err)
	}
	return nil
}

func (l *link) response(id uint64, status int, at time.Time) {
	l.mu.Lock()
	r := l.pending[id]
	delete(l.pending, id)
	l.mu.Unlock()
	if r == nil {
		return
	}
	l.conn.metrics.request(r.kind, status, at.Sub(r.sent))
	if r.probed != nil {
		close(r.probed)
		return
	}
	r.ch.answered(r, status, at)
}

// work carries requests over HTTP, one after the other, until the link ends.
func (l *link) work(ctx context.Context, lane *queue) {
	var batch []*request
	for last := false; !last; {
		select {
		case <-l.done:
			return
		case <-l.leaving:
			last = true
		case <-lane.ready:
		}
		batch = lane.take(batch)
		for _, r := range batch {
			r.sent = time.Now()
			status, _ := l.conn.rest.do(ctx, r.method, r.uri, r.body, nil) // the status says it all
			at := time.Now()
			l.conn.metrics.request(r.kind, status, at.Sub(r.sent))
			if ctx.Err() == nil { // else the channel is about to hear Lost, which says it all
				r.ch.answered(r, status, at)
			}
		}
		clear(batch)
	}
}

// ping tells a dead connection from a quiet one.
func (l *link) ping() error {
	for {
		select {
		case <-l.done:
			return nil
		case <-time.After(l.conn.times.ping):
		}
		ctx, cancel := context.WithTimeout(context.Background(), l.conn.times.pong)
		err := l.ws.Ping(ctx)
		cancel()
		if err != nil {
			return fmt.Errorf("no answer to a ping within %v, the connection is dead: %w", l.conn.times.pong, err)
		}
	}
}

// abandon counts what will never be answered. The channels hear Lost.
func (l *link) abandon() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.pending {
		l.conn.metrics.request(r.kind, 0, 0)
	}
	clear(l.pending)
}

func (l *link) waiting() int {
	n := l.queue.length()
	l.mu.Lock()
	n += len(l.pending)
	l.mu.Unlock()
	for _, lane := range l.lanes {
		n += lane.length()
	}
	return n
}
