// Package httpboss makes an orders adapter of a description in YAML: a BOSS that takes
// XML, JSON or forms over HTTP is connected without a line of Go. The description says
// for each operation what is sent, where in the reply the code, the reference and the
// values stand, and what each code means:
//
//	d, problems := httpboss.Load("boss.yaml", text) // everything wrong, with its place
//	boss, err := d.Open(httpboss.Options{})         // secrets are read, nothing is sent yet
//	answer, err := boss.Submit(ctx, order)
//
// What is certain of an order is told as the Desk needs it: a request whose connection
// was never made has not reached the BOSS (orders.ErrNotSent), and one that the
// description says was turned away (not_done) neither; after the connection stands,
// whatever has no readable answer is orders.ErrAnswerLost. One request has one
// connection, so that no older one that dies under it leaves that open, and nothing is
// ever sent twice.
//
// It refuses to guess: a code that no table lists is what the table's default says,
// which is never a success. What callers type, numbers and secrets are never part of a
// URL or of an error, and cannot break out of the place that they are written to.
// Redirects are not followed; a reply has limits of size, depth and time, and no DTD.
package httpboss

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"time"

	"hotline/internal/orders"
)

// Options are what a Boss is opened with. All of it has defaults.
type Options struct {
	Getenv func(string) string // where {env: …} is looked up: os.Getenv unless told
	Log    *slog.Logger        // of codes that no table lists; discards unless told
	Now    func() time.Time    // of ${now}: time.Now unless told
}

// Boss is the adapter. It is safe for concurrent use.
type Boss struct {
	d       *Description
	base    string
	secrets map[string]string
	client  *http.Client
	log     *slog.Logger
	now     func() time.Time
}

// Open reads the secrets and certificates that the description names, and gives the
// adapter; the error names everything that is missing. Nothing is sent.
func (d *Description) Open(opt Options) (*Boss, error) {
	if opt.Getenv == nil {
		opt.Getenv = os.Getenv
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	b := &Boss{d: d, secrets: map[string]string{}, log: opt.Log, now: opt.Now}
	var missing []error
	for _, name := range slices.Sorted(maps.Keys(d.secrets)) {
		value, err := d.secrets[name].read(opt.Getenv)
		if err != nil {
			missing = append(missing, fmt.Errorf("secret %s: %w", name, err))
		}
		b.secrets[name] = value
	}
	base, err := d.url.read(opt.Getenv)
	if err == nil {
		b.base, err = baseURL(base)
	}
	if err != nil {
		missing = append(missing, fmt.Errorf("url: %w", err))
	}
	if b.client, err = d.tls.client(); err != nil {
		missing = append(missing, err)
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("open the BOSS of %s: %w", d.file, errors.Join(missing...))
	}
	return b, nil
}

// Close gives up what the adapter holds; requests under way are not waited for.
func (b *Boss) Close() { b.client.CloseIdleConnections() }

// Capabilities are those that the description declares.
func (b *Boss) Capabilities() orders.Capabilities { return b.d.capabilities }

// Submit carries out an order; the description says how, for its action.
func (b *Boss) Submit(ctx context.Context, o orders.Order) (orders.Answer, error) {
	op, ok := b.d.submit[o.Action]
	if !ok {
		return orders.Answer{}, fmt.Errorf("submit %s: %w: %s does not describe it", o.Action, orders.ErrNotSent, b.d.file)
	}
	r := b.request(map[string]string{
		"key": o.Key, "order": o.ID, "application": o.Application, "call": o.Call,
		"number": o.Caller.Reveal(), "service": o.Service, "action": string(o.Action), "test": fmt.Sprint(o.Test),
	}, o.With)
	r.price = o.Price
	reply, err := b.ask(ctx, op, r)
	return reply.answer, err
}

// Lookup tells what came of the order of a key.
func (b *Boss) Lookup(ctx context.Context, key string) (orders.Answer, error) {
	if b.d.lookup == nil {
		return orders.Answer{}, fmt.Errorf("look up an order: %w: %s describes no look-up", orders.ErrNotSent, b.d.file)
	}
	reply, err := b.ask(ctx, b.d.lookup, b.request(map[string]string{"key": key}, nil))
	return reply.answer, err
}

// Query answers a question; the description says how, for its name.
func (b *Boss) Query(ctx context.Context, q orders.Query) (orders.Answer, error) {
	op, ok := b.d.query[q.Name]
	if !ok {
		return orders.Answer{}, fmt.Errorf("query %s: %w: %s does not describe it", q.Name, orders.ErrNotSent, b.d.file)
	}
	reply, err := b.ask(ctx, op, b.request(map[string]string{
		"application": q.Application, "call": q.Call, "number": q.Caller.Reveal(), "query": q.Name, "service": q.Service,
	}, q.With))
	return reply.answer, err
}

// Verify tells whether a caller knows the service password.
func (b *Boss) Verify(ctx context.Context, v orders.Verification) (orders.Answer, error) {
	if b.d.verify == nil {
		return orders.Answer{}, fmt.Errorf("verify a password: %w: %s does not describe it", orders.ErrNotSent, b.d.file)
	}
	r := b.request(map[string]string{
		"application": v.Application, "call": v.Call, "number": v.Caller.Reveal(), "password": v.Password.Reveal(),
	}, nil)
	r.private = append(r.private, v.Password.Reveal())
	reply, err := b.ask(ctx, b.d.verify, r)
	return reply.answer, err
}

// Prices are what the BOSS asks for each service, in fen; nil where it does not tell.
func (b *Boss) Prices(ctx context.Context) (map[string]orders.Money, error) {
	if b.d.prices == nil {
		return nil, nil
	}
	reply, err := b.ask(ctx, &b.d.prices.operation, b.request(nil, nil))
	switch {
	case err != nil:
		return nil, err
	case reply.answer.Outcome != orders.Success:
		return nil, fmt.Errorf("prices: the BOSS answered %s", reply.answer.Result)
	}
	prices, err := b.d.prices.read(reply.doc)
	if err != nil {
		return nil, fmt.Errorf("prices: %w", err)
	}
	return prices, nil
}

// request is what a template of any operation may be filled with.
func (b *Boss) request(words map[string]string, typed orders.With) request {
	r := request{words: words, typed: typed, secrets: b.secrets, now: b.now()}
	for _, e := range typed {
		if e.Kind().Private() && !e.IsZero() {
			r.private = append(r.private, e.Reveal())
		}
	}
	if number := words["number"]; number != "" {
		r.private = append(r.private, number)
	}
	for _, s := range b.secrets {
		r.private = append(r.private, s)
	}
	return r
}
