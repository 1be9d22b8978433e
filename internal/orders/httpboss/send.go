package httpboss

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"hotline/internal/orders"
)

// The limits of what comes back. A list of all that an operator sells has some 100 KiB.
const (
	maxReply   = 4 << 20
	maxHeaders = 64 << 10
	connect    = 10 * time.Second // for a connection, TLS included, each
)

// newClient gives a client that sends a request once, where it was told to: one
// connection a request, no redirects, no proxy, HTTP/1.1. On a connection that was used
// before, the death of the older request would look like that of this one.
func newClient(trust *tls.Config) *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            (&net.Dialer{Timeout: connect}).DialContext,
			TLSHandshakeTimeout:    connect,
			TLSClientConfig:        trust,
			DisableKeepAlives:      true,
			DisableCompression:     true, // a limit on what is sent is one on what it unfolds to
			MaxResponseHeaderBytes: maxHeaders,
		},
	}
}

// certificates are files: whom to trust apart from the system's, and how to show who we are.
type certificates struct{ ca, cert, key string }

// client gives what speaks with the BOSS.
func (c certificates) client() (*http.Client, error) {
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.ca != "" {
		pem, err := os.ReadFile(c.ca)
		if err != nil {
			return nil, fmt.Errorf("tls.ca: %w", err)
		}
		trust.RootCAs = x509.NewCertPool()
		if !trust.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls.ca: %s has no certificate in it", c.ca)
		}
	}
	if c.cert != "" {
		pair, err := tls.LoadX509KeyPair(c.cert, c.key)
		if err != nil {
			return nil, fmt.Errorf("tls.cert and tls.key: %w", err)
		}
		trust.Certificates = []tls.Certificate{pair}
	}
	return newClient(trust), nil
}

// baseURL checks what every address begins with, and gives it without a / at its end.
func baseURL(text string) (string, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return "", errors.New("it is no address such as https://boss.example:8443/api")
	case u.User != nil:
		return "", errors.New("a user and a password do not stand in a URL; send them in a header, from secrets")
	case u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(text, "?#"):
		return "", errors.New("it ends before the ? or #; what follows belongs to the operations")
	}
	return strings.TrimSuffix(text, "/"), nil
}

// exchange sends a request once and gives what came back. Its error says what is
// certain of it, and quotes nothing of what was sent or received.
func (b *Boss) exchange(ctx context.Context, op *operation, r *request) (status int, body []byte, _ error) {
	if err := ctx.Err(); err != nil {
		return 0, nil, fmt.Errorf("%w: %w", orders.ErrNotSent, context.Cause(ctx))
	}
	// TLS is part of making the connection, so none of the request is in it yet. Package http
	// may lose the connection before it has written a byte; that is taken as sent, too.
	var connected atomic.Bool
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }}
	req, err := b.compose(httptrace.WithClientTrace(ctx, trace), op, r)
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %w", orders.ErrNotSent, err)
	}
	resp, err := b.client.Do(req)
	switch {
	case err != nil && !connected.Load():
		return 0, nil, fmt.Errorf("%w: %w", orders.ErrNotSent, cause(ctx, err, true))
	case err != nil:
		return 0, nil, fmt.Errorf("%w: %w", orders.ErrAnswerLost, cause(ctx, err, false))
	}
	defer func() { _ = resp.Body.Close() }()
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxReply+1))
	switch {
	case err != nil:
		return resp.StatusCode, nil, fmt.Errorf("%w: %w", orders.ErrAnswerLost, cause(ctx, err, false))
	case len(body) > maxReply:
		return resp.StatusCode, nil, fmt.Errorf("%w: the reply is longer than %d MiB", orders.ErrAnswerLost, maxReply>>20)
	}
	return resp.StatusCode, body, nil
}

// compose fills the templates of an operation.
func (b *Boss) compose(ctx context.Context, op *operation, r *request) (*http.Request, error) {
	path, err := r.path(op.path)
	if err != nil {
		return nil, fmt.Errorf("its URL: %w", err)
	}
	var content io.Reader
	if op.body != nil {
		text, err := op.body.write(r)
		if err != nil {
			return nil, fmt.Errorf("its body: %w", err)
		}
		content = strings.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, op.method, b.base+path, content)
	if err != nil {
		return nil, errors.New("its URL is none")
	}
	req.GetBody = nil // there is no second time
	if op.body != nil {
		req.Header.Set("Content-Type", op.body.contentType)
	}
	for name, t := range op.headers {
		value, err := r.header(t)
		if err != nil {
			return nil, fmt.Errorf("header %s: %w", name, err)
		}
		req.Header.Set(name, value)
	}
	return req, nil
}

// cause is why there is no answer, in words that quote no content: package http repeats
// parts of a reply that it cannot read. Before a connection stands, nothing has been
// said that could be repeated.
func cause(ctx context.Context, err error, unconnected bool) error {
	var address *url.Error
	if errors.As(err, &address) {
		err = address.Err
	}
	var network *net.OpError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case unconnected || errors.As(err, &network):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the connection was closed before the reply had ended")
	}
	return errors.New("what came back is not HTTP")
}

// forbidden are headers that HTTP itself writes; another value would break the framing
// of the request, or lead it elsewhere.
func forbidden(header string) bool {
	return slices.Contains([]string{"Connection", "Content-Length", "Expect", "Host", "Keep-Alive", "Proxy-Authorization", "Proxy-Connection",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade"}, http.CanonicalHeaderKey(header))
}
