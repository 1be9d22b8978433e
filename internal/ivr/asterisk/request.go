package asterisk

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
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
	askVariables requestKind = "variables"
)

var requestKinds = []requestKind{askPlay, askStop, askContinue, askHangup, askSubscribe, askExists, askProbe, askVariables}

// request is one REST request, for either road. On the WebSocket one that waits for
// a playback in Asterisk would hold up every call: askVariables might, and takes HTTP.
type request struct {
	kind   requestKind
	ch     *Channel // who hears of the answer
	play   *play    // of askPlay
	method string
	uri    string // below the ARI root, escaped, with its query
	body   string // JSON, or ""
	sent   time.Time
	probed chan struct{} // of askProbe: closed by the answer
	then   []*request    // of askVariables: sent when it has been answered
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

// variablesRequest sets all variables at once (the dialplan function ARRAY), where
// commas are between the values and none can be in them; see plain.
func variablesRequest(ch *Channel, variables map[string]string, then []*request) *request {
	names := slices.Sorted(maps.Keys(variables))
	values := make([]string, len(names))
	for i, name := range names {
		values[i] = plain(variables[name])
	}
	q := url.Values{"variable": {"ARRAY(" + strings.Join(names, ",") + ")"}, "value": {strings.Join(values, ",")}}
	return &request{kind: askVariables, ch: ch, method: http.MethodPost, then: then,
		uri: "channels/" + url.PathEscape(ch.id) + "/variable?" + q.Encode()}
}

// plain puts "_" for what the dialplan would read as its own, or a SIP header as its end.
func plain(value string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-_.+", r) {
			return r
		}
		return '_'
	}, value)
}

func continueRequest(ch *Channel, context, exten string) *request {
	q := url.Values{"context": {context}, "extension": {exten}, "priority": {"1"}}
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
