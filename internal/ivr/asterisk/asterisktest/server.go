// Package asterisktest has what tests of the ARI connection need: Server, a small
// Asterisk within the process that can be made to misbehave, and Recorder, which
// writes down what passes between a connection and a real Asterisk.
//
// Server knows as much of ARI as the hotline uses: playlists, stop, continue, hang
// up, the application's channels, and reading recordings back. It refuses to be clever: nothing is
// played, a playback ends when the test says so. The traces recorded from
// a real Asterisk keep it honest: a test compares its messages with them.
package asterisktest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// Credentials that Server accepts.
const (
	User     = "hotline"
	Password = "secret"
)

// Server is one Asterisk with one application.
type Server struct {
	URL string // of its ARI root

	mux    *http.ServeMux
	noREST bool
	spool  string       // has the folder recording
	reads  sync.RWMutex // of recordings; HoldReads has it

	mu       sync.Mutex
	socket   *websocket.Conn // the application's client
	filter   map[string]bool // nil: everything passes
	channels map[string]*channel
	refuse   map[string]int // "METHOD path" → status, once
	requests []string
	sockets  int
	started  time.Time
}

type channel struct {
	inside  bool // in the application
	watched bool
	plays   []*playback // the first one is heard

	variables string
}

type playback struct {
	ID    string `json:"id"`
	Media string `json:"media_uri"`
	Next  string `json:"next_media_uri,omitempty"`
	For   string `json:"target_uri"`
	Lang  string `json:"language"`
	State string `json:"state"`
	rest  []string
}

// New starts a Server; the test stops it. With httpOnly it ignores what is sent on
// the event socket, as an Asterisk before 22.4 does.
func New(t testing.TB, httpOnly bool) *Server {
	t.Helper()
	s := &Server{mux: http.NewServeMux(), noREST: httpOnly, spool: t.TempDir(), channels: map[string]*channel{}, refuse: map[string]int{}, started: time.Now()}
	s.mux.HandleFunc("GET /ari/events", s.events)
	s.mux.HandleFunc("GET /ari/asterisk/ping", s.answer(func(*http.Request) (int, any) { return 200, map[string]string{"ping": "pong"} }))
	s.mux.HandleFunc("GET /ari/asterisk/info", s.answer(s.info))
	s.mux.HandleFunc("GET /ari/asterisk/variable", s.answer(s.variable))
	s.mux.HandleFunc("GET /ari/recordings/stored/{name}/file", s.stored)
	s.mux.HandleFunc("PUT /ari/applications/{app}/eventFilter", s.answer(s.setFilter))
	s.mux.HandleFunc("GET /ari/applications/{app}", s.answer(s.application))
	s.mux.HandleFunc("POST /ari/applications/{app}/subscription", s.answer(s.subscribe))
	s.mux.HandleFunc("GET /ari/channels/{id}", s.answer(s.exists))
	s.mux.HandleFunc("POST /ari/channels/{id}/play/{playback}", s.answer(s.play))
	s.mux.HandleFunc("POST /ari/channels/{id}/variable", s.answer(s.setVariable))
	s.mux.HandleFunc("POST /ari/channels/{id}/continue", s.answer(s.carryOn))
	s.mux.HandleFunc("DELETE /ari/channels/{id}", s.answer(s.hangup))
	s.mux.HandleFunc("DELETE /ari/playbacks/{playback}", s.answer(s.stop))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != User || password != Password {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		s.mux.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { s.Drop(); srv.Close() })
	s.URL = srv.URL + "/ari"
	return s
}

// log notes a request, and tells whether, and how, the test wants it refused. Callers hold mu.
func (s *Server) log(r *http.Request) (status int, refused bool) {
	key := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/ari/")
	s.requests = append(s.requests, key)
	status, refused = s.refuse[key]
	delete(s.refuse, key)
	return status, refused
}

// answer logs a request, and lets it happen unless the test wants it refused.
func (s *Server) answer(do func(*http.Request) (int, any)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		status, refused := s.log(r)
		var body any
		if !refused {
			status, body = do(r)
		}
		w.WriteHeader(status)
		if body != nil {
			_ = json.NewEncoder(w).Encode(body)
		}
	}
}

// events is the application's socket. A new client takes it from the old one.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	// Before the handshake ends, as Asterisk does: the client may set its filter at once.
	s.mu.Lock()
	s.filter = nil
	if s.socket != nil {
		s.event("ApplicationReplaced", nil)
	}
	s.mu.Unlock()
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"ari"}})
	if err != nil {
		return
	}
	s.mu.Lock()
	s.socket = ws
	s.sockets++
	s.mu.Unlock()
	defer ws.CloseNow()
	for {
		_, b, err := ws.Read(context.Background())
		if err != nil {
			break
		}
		if !s.noREST {
			s.restOverWebSocket(b)
		}
	}
	s.mu.Lock()
	if s.socket == ws {
		s.socket = nil
	}
	s.mu.Unlock()
}

func (s *Server) restOverWebSocket(b []byte) {
	var q struct {
		Type        string `json:"type"`
		ID          string `json:"request_id"`
		Method      string `json:"method"`
		URI         string `json:"uri"`
		ContentType string `json:"content_type"`
		Body        string `json:"message_body"`
	}
	if json.Unmarshal(b, &q) != nil || q.Type != "RESTRequest" {
		return
	}
	req := httptest.NewRequest(q.Method, "/ari/"+q.URI, strings.NewReader(q.Body))
	w := httptest.NewRecorder()
	s.mux.ServeHTTP(w, req)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.event("RESTResponse", map[string]any{"transaction_id": "", "request_id": q.ID, "status_code": w.Code,
		"reason_phrase": http.StatusText(w.Code), "uri": q.URI, "content_type": "application/json", "message_body": w.Body.String()})
}

// event sends one event, unless the filter holds it back. Callers hold mu.
func (s *Server) event(typ string, fields map[string]any) {
	if s.filter != nil && !s.filter[typ] {
		return
	}
	m := map[string]any{"type": typ, "timestamp": time.Now().Format("2006-01-02T15:04:05.000-0700"),
		"asterisk_id": entity, "application": "ivr-test"}
	maps.Copy(m, fields)
	b, _ := json.Marshal(m)
	s.send(string(b))
}

// entity is the identity of the host, which outlives the process.
const entity = "00:00:00:00:00:01"

func (s *Server) info(*http.Request) (int, any) {
	at := s.started.Format("2006-01-02T15:04:05.000-0700")
	return 200, map[string]any{"system": map[string]string{"version": "22.0.0", "entity_id": entity},
		"status": map[string]string{"startup_time": at, "last_reload_time": at}}
}

func (s *Server) send(message string) {
	if s.socket != nil {
		_ = s.socket.Write(context.Background(), websocket.MessageText, []byte(message)) // a cut socket is part of the game
	}
}

func (s *Server) channelData(id string) map[string]any {
	party := map[string]string{"name": "", "number": ""}
	return map[string]any{"id": id, "name": "PJSIP/test-" + id, "state": "Up", "protocol_id": "x", "accountcode": "",
		"caller": map[string]string{"name": "", "number": "13800000001"}, "connected": party, "language": "en",
		"dialplan":     map[string]any{"context": "hotline", "exten": "10086", "priority": 11, "app_name": "Stasis", "app_data": "ivr-test"},
		"creationtime": time.Now().Format("2006-01-02T15:04:05.000-0700")}
}

func (s *Server) setFilter(r *http.Request) (int, any) {
	var f struct {
		Allowed []struct {
			Type string `json:"type"`
		} `json:"allowed"`
	}
	if json.NewDecoder(r.Body).Decode(&f) != nil {
		return 400, nil
	}
	s.filter = map[string]bool{}
	for _, e := range f.Allowed {
		s.filter[e.Type] = true
	}
	return 200, nil
}

func (s *Server) application(r *http.Request) (int, any) {
	return 200, map[string]any{"name": r.PathValue("app"), "channel_ids": slices.Sorted(maps.Keys(s.channels)),
		"bridge_ids": []string{}, "device_names": []string{}, "endpoint_ids": []string{}}
}

func (s *Server) subscribe(r *http.Request) (int, any) {
	ch := s.channels[strings.TrimPrefix(r.URL.Query().Get("eventSource"), "channel:")]
	if ch == nil {
		return 422, nil
	}
	ch.watched = true
	return 200, nil
}

func (s *Server) exists(r *http.Request) (int, any) {
	if s.channels[r.PathValue("id")] == nil {
		return 404, nil
	}
	return 200, s.channelData(r.PathValue("id"))
}

func (s *Server) play(r *http.Request) (int, any) {
	id := r.PathValue("id")
	ch := s.channels[id]
	var body struct {
		Media []string `json:"media"`
	}
	switch {
	case ch == nil:
		return 404, nil
	case !ch.inside:
		return 409, nil
	case json.NewDecoder(r.Body).Decode(&body) != nil || len(body.Media) == 0:
		return 400, nil
	}
	p := &playback{ID: r.PathValue("playback"), For: "channel:" + id, Lang: "en", State: "queued", rest: body.Media}
	p.advance()
	ch.plays = append(ch.plays, p)
	queued := *p
	if len(ch.plays) == 1 {
		s.begin(ch)
	}
	return 201, queued
}

// advance takes the next item of the playlist.
func (p *playback) advance() {
	p.Media, p.rest, p.Next = p.rest[0], p.rest[1:], ""
	if len(p.rest) > 0 {
		p.Next = p.rest[0]
	}
}

// begin lets the first playback of a channel be heard.
func (s *Server) begin(ch *channel) {
	ch.plays[0].State = "playing"
	s.event("PlaybackStarted", map[string]any{"playback": ch.plays[0]})
}

// finish ends the first playback of a channel.
func (s *Server) finish(ch *channel, state string) {
	p := ch.plays[0]
	ch.plays = ch.plays[1:]
	p.State = state
	s.event("PlaybackFinished", map[string]any{"playback": p})
	if len(ch.plays) > 0 {
		s.begin(ch)
	}
}

func (s *Server) stop(r *http.Request) (int, any) {
	id := r.PathValue("playback")
	for _, ch := range s.channels {
		if len(ch.plays) > 0 && ch.plays[0].ID == id {
			s.finish(ch, "done")
			return 204, nil
		}
	}
	return 404, nil
}

// setVariable keeps what a channel was told, for Variables.
func (s *Server) setVariable(r *http.Request) (int, any) {
	ch := s.channels[r.PathValue("id")]
	switch {
	case ch == nil:
		return 404, nil
	case !ch.inside:
		return 409, nil
	}
	ch.variables = r.URL.Query().Get("variable") + "=" + r.URL.Query().Get("value")
	return 204, nil
}

// Variables is what was set of a channel last: "ARRAY(A,B)=1,2".
func (s *Server) Variables(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.must(id).variables
}

func (s *Server) carryOn(r *http.Request) (int, any) {
	id := r.PathValue("id")
	ch := s.channels[id]
	if ch == nil {
		return 404, nil
	}
	if !ch.inside {
		return 409, nil
	}
	s.leave(id, ch)
	return 204, nil
}

func (s *Server) leave(id string, ch *channel) {
	for ch.inside && len(ch.plays) > 0 {
		ch.plays = ch.plays[:1]
		s.finish(ch, "failed")
	}
	ch.inside = false
	s.event("StasisEnd", map[string]any{"channel": s.channelData(id)})
	if !ch.watched {
		delete(s.channels, id)
	}
}

func (s *Server) hangup(r *http.Request) (int, any) {
	id := r.PathValue("id")
	ch := s.channels[id]
	if ch == nil {
		return 404, nil
	}
	s.end(id, ch, 32)
	return 204, nil
}

func (s *Server) end(id string, ch *channel, cause int) {
	s.event("ChannelHangupRequest", map[string]any{"cause": cause, "soft": true, "channel": s.channelData(id)})
	if ch.inside {
		s.leave(id, ch)
	}
	if ch.watched {
		s.event("ChannelDestroyed", map[string]any{"cause": 16, "cause_txt": "Normal Clearing", "channel": s.channelData(id)})
	}
	delete(s.channels, id)
}

func (s *Server) must(id string) *channel {
	ch := s.channels[id]
	if ch == nil {
		panic(fmt.Sprintf("asterisktest: no channel %q", id))
	}
	return ch
}
