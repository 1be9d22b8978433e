package tmf

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"syscall"
	"time"

	"hotline/internal/orders"
)

// Limits of one exchange. A BOSS that cannot be connected to is away: waiting longer
// would only use up the caller's time.
const (
	connectWait = 5 * time.Second // for the connection, and again for TLS
	replyLimit  = 1 << 20         // bytes of a reply
	headerLimit = 64 << 10        // bytes of its header
)

// newClient makes a client that sends what it is given once, to the one it is given.
func newClient(conf *tls.Config) *http.Client {
	if conf == nil {
		conf = &tls.Config{}
	}
	conf = conf.Clone()
	if conf.ClientSessionCache == nil { // as every request connects anew
		conf.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	return &http.Client{
		Transport: &http.Transport{
			// No Proxy: one may answer for the BOSS, repeat, and keep what it has seen.
			DialContext:            (&net.Dialer{Timeout: connectWait}).DialContext,
			TLSClientConfig:        conf,
			TLSHandshakeTimeout:    connectWait,
			DisableKeepAlives:      true, // see the package comment
			DisableCompression:     true, // replies are small; a limit is then one of what is read
			MaxResponseHeaderBytes: headerLimit,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// request is one request to the BOSS.
type request struct {
	method     string
	path       string // below the base
	query      url.Values
	subscriber orders.MSISDN // of a request without a body; zero for none
	body       any           // nil for none
}

// reply is one that has come wholly.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// exchange sends a request and reads the whole reply, whatever its status. Its error is
// ErrNotSent or ErrAnswerLost, with the reason of ctx beside it where ctx has ended. It
// quotes nothing of what went over the connection.
func (b *Boss) exchange(ctx context.Context, r request) (reply, error) {
	if err := ctx.Err(); err != nil {
		return reply{}, fmt.Errorf("%w: %w", orders.ErrNotSent, err)
	}
	// By this alone "not sent" is told from "lost": a text of an error would be a guess.
	var connected atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// The last moment at which nothing has been written: TLS, if any, is done.
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	req, err := b.newRequest(traced, r)
	if err != nil {
		return reply{}, fmt.Errorf("%w: %w", orders.ErrNotSent, err)
	}
	res, err := b.client.Do(req)
	if err != nil {
		if !connected.Load() {
			return reply{}, notConnected(ctx, err)
		}
		return reply{}, lost(ctx, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, replyLimit+1))
	switch {
	case err != nil:
		return reply{}, lost(ctx, err)
	case len(body) > replyLimit:
		return reply{}, fmt.Errorf("%w: the reply is longer than %d bytes", orders.ErrAnswerLost, replyLimit)
	}
	return reply{res.StatusCode, res.Header, body}, nil
}

func (b *Boss) newRequest(ctx context.Context, r request) (*http.Request, error) {
	where := *b.base // a copy: requests are made side by side
	where.Path += r.path
	where.RawQuery = r.query.Encode()
	var body io.Reader
	if r.body != nil {
		text, err := json.Marshal(r.body)
		if err != nil {
			return nil, errors.New("the request cannot be written as JSON") // err might quote it
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, where.String(), body)
	if err != nil {
		return nil, errors.New("the request cannot be made")
	}
	req.GetBody = nil // or the transport might send it again
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json;charset=utf-8")
	}
	if b.token != "" {
		req.Header.Set("Authorization", "Bearer "+b.token)
	}
	if !r.subscriber.IsZero() {
		req.Header.Set("X-Subscriber", r.subscriber.Reveal())
	}
	return req, nil
}

// notConnected may tell all that is known: nothing of a request is in it yet. The URL is
// left out, as the attempt names what it was about.
func notConnected(ctx context.Context, err error) error {
	var inURL *url.Error
	if errors.As(err, &inURL) {
		err = inURL.Err
	}
	if ended := over(ctx); ended != nil && !errors.Is(err, ended) {
		return fmt.Errorf("%w: %w: %w", orders.ErrNotSent, ended, err)
	}
	return fmt.Errorf("%w: %w", orders.ErrNotSent, err)
}

// lost says in words of our own what happened: the texts of net/http quote what came, and
// what came may be what was sent.
func lost(ctx context.Context, err error) error {
	why := errors.New("the reply is not HTTP")
	var timeout net.Error
	ended := over(ctx)
	switch {
	case ended != nil:
		why = ended
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		why = errors.New("the connection was reset")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		why = errors.New("the connection ended before the reply did")
	case errors.As(err, &timeout) && timeout.Timeout():
		why = errors.New("the reply took too long")
	}
	return fmt.Errorf("%w: %w", orders.ErrAnswerLost, why)
}

// over tells why ctx has ended, nil if it has not. A dialler looks at the deadline by
// itself, and may be done with it before ctx is.
func over(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if end, ok := ctx.Deadline(); ok && !time.Now().Before(end) {
		return context.DeadlineExceeded
	}
	return nil
}

// tmfError is the error body of all the APIs (Error of TMF622).
type tmfError struct {
	Code   string `json:"code"`
	Reason string `json:"reason"`
}

// refusal gives the error body of a reply; false: it has none, and so is not surely the
// BOSS's own.
func (r reply) refusal() (tmfError, bool) {
	var e tmfError
	if err := decode(r.body, &e); err != nil || e.Code == "" || e.Reason == "" {
		return tmfError{}, false
	}
	return e, true
}

// failure is the error of a reply that is not what was asked for. promised: 429 and 503
// say that nothing was done.
func (r reply) failure(promised bool) error {
	_, told := r.refusal()
	certain := false
	switch r.status {
	case http.StatusUnauthorized: // "has not been applied", whoever on the way says so
		certain = true
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed,
		http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		certain = told
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		certain = promised
	}
	if certain {
		return fmt.Errorf("%w: %w", orders.ErrNotSent, r.complaint())
	}
	return fmt.Errorf("%w: %w", orders.ErrAnswerLost, r.complaint())
}

// unanswered is failure for a question. One that the BOSS does not understand has reached
// it, and is no sign that it is away.
func (r reply) unanswered(promised bool) error {
	if r.status == http.StatusBadRequest || r.status == http.StatusUnprocessableEntity {
		return r.complaint()
	}
	return r.failure(promised)
}

// complaint says what can be shown of a reply: the reason in it is free text, and may
// quote the request.
func (r reply) complaint() error {
	e, told := r.refusal()
	if !told || !harmless(e.Code) {
		return fmt.Errorf("it answers with status %d", r.status)
	}
	return fmt.Errorf("it answers with status %d, code %s", r.status, e.Code)
}

// harmless tells whether a word of the BOSS can be shown: short, and with no run of
// figures that might be part of a number or a secret.
func harmless(word string) bool {
	figures := 0
	for _, c := range []byte(word) {
		switch {
		case c >= '0' && c <= '9':
			figures++
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', c == '-', c == '.':
			figures = 0
		default:
			return false
		}
		if figures > 3 {
			return false
		}
	}
	return len(word) <= 40
}
