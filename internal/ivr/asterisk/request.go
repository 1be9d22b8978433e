package asterisk

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// requestKind is the closed set of what we ask of Asterisk, and the values of
// the metric's label "kind".
type requestKind string

const (
	askPlay      requestKind = "play"
	askStop      requestKind = "stop"
	askContinue  requestKind = "continue"
	askHangup    requestKind = "hangup"
	askSubscribe requestKind = "subscribe"
	askExists    requestKind = "exists"
	askProbe     requestKind = "probe"
)

var requestKinds = []requestKind{askPlay, askStop, askContinue, askHangup, askSubscribe, askExists, askProbe}

// request is one REST request, for either road. None of these waits for a
// playback in Asterisk: on the WebSocket one that does would hold up every call.
type request struct {
	kind   requestKind
	ch     *Channel // who hears of the answer
	play   *play    // of askPlay
	method string
	uri    string // below the ARI root, escaped, with its query
	body   string // JSON, or ""
	sent   time.Time
	probed chan struct{} // of askProbe: closed by the answer
}

func playRequest(ch *Channel, p *play) *request {
	// Strings only: this cannot fail.
	body, _ := json.Marshal(struct {
		Media []string `json:"media"`
	}{p.media})
	return &request{kind: askPlay, ch: ch, play: p, method: http.MethodPost,
		uri: "channels/" + url.PathEscape(ch.id) + "/play/" + url.PathEscape(p.ari), body: string(body)}
}

func stopRequest(ch *Channel, playback string) *request {
	return &request{kind: askStop, ch: ch, method: http.MethodDelete, uri: "playbacks/" + url.PathEscape(playback)}
}

func continueRequest(ch *Channel, context, exten string, priority int) *request {
	q := url.Values{"context": {context}, "extension": {exten}, "priority": {strconv.Itoa(priority)}}
	return &request{kind: askContinue, ch: ch, method: http.MethodPost,
		uri: "channels/" + url.PathEscape(ch.id) + "/continue?" + q.Encode()}
}

// subscribeRequest keeps us informed of a channel that leaves our application:
// without it nothing tells when a transferred call ends.
func subscribeRequest(ch *Channel, app string) *request {
	return &request{kind: askSubscribe, ch: ch, method: http.MethodPost,
		uri: "applications/" + url.PathEscape(app) + "/subscription?eventSource=" + url.QueryEscape("channel:"+ch.id)}
}

func hangupRequest(ch *Channel, reason string) *request {
	return &request{kind: askHangup, ch: ch, method: http.MethodDelete,
		uri: "channels/" + url.PathEscape(ch.id) + "?reason=" + url.QueryEscape(reason)}
}

func existsRequest(ch *Channel) *request {
	return &request{kind: askExists, ch: ch, method: http.MethodGet, uri: "channels/" + url.PathEscape(ch.id)}
}

// envelope is the request as a message of REST over WebSocket.
// https://docs.asterisk.org/Configuration/Interfaces/Asterisk-REST-Interface-ARI/ARI-REST-over-WebSocket
func (r *request) envelope(id uint64) []byte {
	e := struct {
		Type        string `json:"type"`
		ID          string `json:"request_id"`
		Method      string `json:"method"`
		URI         string `json:"uri"`
		ContentType string `json:"content_type,omitempty"`
		Body        string `json:"message_body,omitempty"`
	}{Type: "RESTRequest", ID: strconv.FormatUint(id, 10), Method: r.method, URI: r.uri, Body: r.body}
	if r.body != "" {
		e.ContentType = "application/json"
	}
	b, _ := json.Marshal(e) // strings only
	return b
}

// queue holds requests until a writer takes them all. It has no limit of its
// own: what a call may have in it is limited by its menu, and ivr_ari_queue_length
// is there to refuse new calls before it grows.
type queue struct {
	ready chan struct{} // 1 deep: there is something in it
	mu    sync.Mutex
	list  []*request
}

func newQueue() *queue { return &queue{ready: make(chan struct{}, 1)} }

// put adds requests that belong together: they are taken together.
func (q *queue) put(rs ...*request) {
	q.mu.Lock()
	q.list = append(q.list, rs...)
	q.mu.Unlock()
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// take gives all requests, and keeps into for the next ones.
func (q *queue) take(into []*request) []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := q.list
	q.list = into[:0]
	return list
}

func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.list)
}
