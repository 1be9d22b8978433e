// Package tmf is the adapter for a BOSS that speaks the TM Forum Open APIs v4: TMF622
// product ordering, TMF637 product inventory, TMF654 prepay balance. For what they have
// no word for (passwords, other queries, prices) it speaks a small extension
// (docs/boss-server.md), where the BOSS offers it.
//
//	boss, err := tmf.Open(ctx, tmf.Options{Base: "http://127.0.0.1:7000/tmf-api", Log: log})
//	if err != nil { … }
//	defer boss.Close()
//
// An order's key is the externalId of its product order. TMF622 does not say that an
// externalId acts only once, so a BOSS is taken to be idempotent only where the
// extension says it is. What it must do is give an order its externalId back, and find it
// by it (GET /productOrder?externalId=…): that is how a lost answer is found out. And it must
// take the subscriber of a GET from the header X-Subscriber, as a number is in no URL.
//
// A failure is ErrNotSent where no byte of the request can have left, and where the BOSS
// says that the request was not applied (RFC 9110, 15.5: 401 by itself, 400, 403, 404, 405,
// 413, 415 and 422 with the error body of TM Forum, as anybody on the way can make a bare
// one). 429 and 503 are, too, from a BOSS with the extension, which promises it. Everything
// else after the first byte is ErrAnswerLost: a 500, a redirect, a reply that is no
// document or is about another order.
//
// Each request has a connection of its own. HTTP/1.1 says nothing of which request a reply
// belongs to: on a connection that is used again a reply that comes twice would be taken
// for that of the next subscriber, and an order that meets the end of an idle one
// would be of unknown fate for nothing.
//
// It refuses to send anything twice, to follow a redirect, to use a proxy, to put a
// subscriber's number or a secret into a URL, an error or a log, and to take for done
// what is only acknowledged.
package tmf

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"hotline/internal/orders"
)

// The APIs below Options.Base, as their specifications place them.
const (
	ordering  = "/productOrderingManagement/v4/productOrder"
	inventory = "/productInventory/v4/product"
	balances  = "/prepayBalanceManagement/v4/accumulatedBalance"
	extension = "/hotline/v1"
)

// Options are what a Boss is opened with. Base is needed, the rest has defaults.
type Options struct {
	// Base is where the APIs begin: "https://boss.example/tmf-api".
	Base string

	// Token is sent as a bearer token (RFC 6750) with every request; "" sends none.
	Token string

	// TLS is for a BOSS of https: the system's authorities unless told.
	TLS *tls.Config

	// Patience bounds how long Submit asks for an order that was only accepted, where its
	// ctx does not: 1 min unless told.
	Patience time.Duration

	// Poll is the time to the first such question, doubled for each further one up to ten
	// times as much: 200 ms unless told.
	Poll time.Duration

	Log *slog.Logger // discards unless told
}

// Boss is a BOSS behind the TM Forum Open APIs. It is safe for concurrent use.
type Boss struct {
	base     *url.URL
	token    string
	client   *http.Client
	patience time.Duration
	poll     time.Duration
	log      *slog.Logger

	mu    sync.Mutex
	offer offer

	stop func()
	done chan struct{} // closed when asking for the offer has ended
}

// offer is what a BOSS says of itself by the extension.
type offer struct {
	known      bool // the BOSS has said what it offers, or that it has no extension
	there      bool // it has the extension, or had it
	vouched    bool // it has it by what was heard last: its promises can be relied on
	Idempotent bool `json:"idempotent"`
	Queryable  bool `json:"queryable"`
	Prices     bool `json:"prices"`
	Verify     bool `json:"verify"`
	Query      bool `json:"query"`
}

// How often to ask what the BOSS offers: soon while that is not known, and now and then
// because a BOSS may be replaced. openWait is how long Open waits for it.
const (
	openWait    = 5 * time.Second
	firstAsk    = time.Second
	longestAsk  = time.Minute
	offerStands = time.Minute
)

// Open checks the options and asks the BOSS what it offers. A BOSS that is away is no
// error: a hotline starts without it, and asks again until it knows.
func Open(ctx context.Context, o Options) (*Boss, error) {
	base, err := parseBase(o.Base)
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Patience <= 0 {
		o.Patience = time.Minute
	}
	if o.Poll <= 0 {
		o.Poll = 200 * time.Millisecond
	}
	b := &Boss{
		base: base, token: o.Token, client: newClient(o.TLS),
		patience: o.Patience, poll: o.Poll, log: o.Log, done: make(chan struct{}),
	}
	if ip := net.ParseIP(base.Hostname()); base.Scheme == "http" && base.Hostname() != "localhost" && !ip.IsLoopback() {
		b.log.Warn("BOSS is spoken to without TLS: passwords and the token can be read on the way", "boss", base.Host)
	}
	first, cancel := context.WithTimeout(ctx, openWait)
	defer cancel()
	if err := b.askOffer(first); err != nil {
		b.log.Warn("BOSS does not say what it offers, will ask again", "boss", base.Host, "error", err)
	}
	asking, stop := context.WithCancel(context.WithoutCancel(ctx))
	b.stop = stop
	go func() {
		defer close(b.done)
		b.keepAsking(asking)
	}()
	return b, nil
}

// parseBase refuses what would end up in errors and logs with the URL.
func parseBase(text string) (*url.URL, error) {
	base, err := url.Parse(text)
	switch {
	case err != nil: // which would quote it
		return nil, errors.New("the base of the TM Forum APIs is no URL")
	case base.Scheme != "http" && base.Scheme != "https" || base.Host == "":
		return nil, errors.New("the base of the TM Forum APIs has to be an http or https URL, e.g. https://boss.example/tmf-api")
	case base.User != nil:
		return nil, errors.New("the base of the TM Forum APIs has a password in it: give a token instead")
	case base.RawQuery != "" || base.Fragment != "":
		return nil, errors.New("the base of the TM Forum APIs ends with its path: it has a query or a fragment")
	}
	base.Path = strings.TrimRight(base.Path, "/")
	return base, nil
}

// Close ends what runs beside the requests. Requests under way go on to their end.
func (b *Boss) Close() {
	b.stop()
	<-b.done
}

// Capabilities are those that the BOSS has told of itself, and until then the least.
// Look-up by externalId is what this adapter asks of any TMF622.
func (b *Boss) Capabilities() orders.Capabilities {
	o := b.offered()
	return orders.Capabilities{
		Idempotent: o.vouched && o.Idempotent,
		Queryable:  !o.there || o.Queryable,
		Prices:     o.there && o.Prices,
	}
}

func (b *Boss) offered() offer {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.offer
}

// keepAsking keeps the offer up to date until ctx ends.
func (b *Boss) keepAsking(ctx context.Context) {
	next := firstAsk
	for {
		wait := offerStands
		if !b.offered().known {
			wait, next = next, min(2*next, longestAsk)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		asking, cancel := context.WithTimeout(ctx, openWait)
		err := b.askOffer(asking)
		cancel()
		if err != nil && ctx.Err() == nil {
			b.log.Debug("BOSS does not say what it offers", "boss", b.base.Host, "error", err)
		}
	}
}

// askOffer asks once. What was told before stands where nothing is told now.
func (b *Boss) askOffer(ctx context.Context) error {
	got := offer{known: true, there: true, vouched: true}
	r, err := b.exchange(ctx, request{method: http.MethodGet, path: extension + "/"})
	switch {
	case err != nil:
		return fmt.Errorf("ask what the BOSS offers: %w", err)
	case r.status == http.StatusNotFound:
		// Anybody on the way can say so. Believed is what costs least if it is wrong: nothing
		// is promised any more, and what was there may still be asked.
		got = b.offered()
		got.known, got.vouched = true, false
	case r.status != http.StatusOK:
		return fmt.Errorf("ask what the BOSS offers: %w", r.unanswered(false))
	default:
		if err := decode(r.body, &got); err != nil {
			return fmt.Errorf("read what the BOSS offers: %w", err)
		}
	}
	b.mu.Lock()
	changed := b.offer != got
	b.offer = got
	b.mu.Unlock()
	if changed {
		b.log.Info("BOSS has said what it offers", "boss", b.base.Host, "extension", got.vouched,
			"idempotent", got.Idempotent, "prices", got.Prices, "verify", got.Verify, "query", got.Query)
	}
	return nil
}

// ensureOffer gives the offer, asking for it where it is not known yet: a caller who comes
// just after the BOSS is back need not wait for keepAsking.
func (b *Boss) ensureOffer(ctx context.Context) (offer, error) {
	if o := b.offered(); o.known {
		return o, nil
	}
	err := b.askOffer(ctx)
	if err == nil {
		return b.offered(), nil
	}
	// What it was asked for was not sent, whatever came of this question.
	if ended := over(ctx); ended != nil {
		return offer{}, fmt.Errorf("%w: %w", orders.ErrNotSent, ended)
	}
	return offer{}, fmt.Errorf("%w: %v", orders.ErrNotSent, err)
}
