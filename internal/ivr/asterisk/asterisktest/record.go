package asterisktest

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// Line is one line of a trace: a message on the WebSocket, or an HTTP request.
type Line struct {
	MS   int64           `json:"ms"`             // since the trace began
	Dir  string          `json:"dir"`            // "in" from Asterisk, "out" to it, "http" a request beside the socket
	HTTP string          `json:"http,omitempty"` // method, URI and status
	Msg  json.RawMessage `json:"msg,omitempty"`  // the message as it was
}

// Recorder stands between a connection and a real Asterisk and writes down all
// that passes.
type Recorder struct {
	URL string // give this to the connection in place of Asterisk's

	begun time.Time
	mu    sync.Mutex
	lines []Line
}

// NewRecorder records what passes to the ARI root at target, e.g. http://127.0.0.1:8088/ari.
func NewRecorder(t testing.TB, target string) *Recorder {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	r := &Recorder{begun: time.Now()}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: u.Scheme, Host: u.Host})
	proxy.ModifyResponse = func(resp *http.Response) error {
		r.add(Line{Dir: "http", HTTP: resp.Request.Method + " " + resp.Request.URL.RequestURI() + " " + resp.Status})
		return nil
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasSuffix(req.URL.Path, "/events") {
			r.socket(w, req, u.Scheme+"://"+u.Host+req.URL.RequestURI())
			return
		}
		proxy.ServeHTTP(w, req)
	}))
	t.Cleanup(srv.Close)
	r.URL = srv.URL + u.Path
	return r
}

// Lines gives what was recorded so far.
func (r *Recorder) Lines() []Line {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Line(nil), r.lines...)
}

func (r *Recorder) add(l Line) {
	r.mu.Lock()
	l.MS = time.Since(r.begun).Milliseconds()
	r.lines = append(r.lines, l)
	r.mu.Unlock()
}

func (r *Recorder) socket(w http.ResponseWriter, req *http.Request, target string) {
	ctx, cancel := context.WithCancel(req.Context())
	defer cancel()
	far, _, err := websocket.Dial(ctx, target, &websocket.DialOptions{
		HTTPHeader: http.Header{"Authorization": req.Header["Authorization"]}, Subprotocols: []string{"ari"}})
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer far.CloseNow()
	near, err := websocket.Accept(w, req, &websocket.AcceptOptions{Subprotocols: []string{"ari"}})
	if err != nil {
		return
	}
	defer near.CloseNow()
	far.SetReadLimit(1 << 20)
	var both sync.WaitGroup
	both.Go(func() { defer cancel(); r.copy(ctx, near, far, "out") })
	both.Go(func() { defer cancel(); r.copy(ctx, far, near, "in") })
	both.Wait()
}

func (r *Recorder) copy(ctx context.Context, from, to *websocket.Conn, dir string) {
	for {
		typ, b, err := from.Read(ctx)
		if err != nil {
			return
		}
		r.add(Line{Dir: dir, Msg: json.RawMessage(b)})
		if to.Write(ctx, typ, b) != nil {
			return
		}
	}
}
