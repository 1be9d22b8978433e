package adaptertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"hotline/internal/orders"
	"hotline/internal/orders/desk"
)

// Times. Slack is what a busy machine may take to notice that ctx has ended.
const (
	patience = 1500 * time.Millisecond // for a request that is not answered
	enough   = 20 * time.Second        // for one that is
	slack    = 3 * time.Second
)

// bench is one adapter under test. Its checks run one after the other.
type bench struct {
	peer     Peer
	proxy    *proxy // nil without a wire
	boss     desk.Adapter
	closing  func()
	can      orders.Capabilities
	log      *buffer
	secrets  map[string]string // text → what it is
	routines map[string]string // before the adapter: goroutine → where it was made

	open     bool // whether the service of the sample is open
	check    string
	problems []Problem
}

// buffer takes the log of an adapter, which may write from several goroutines.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func newBench(ctx context.Context, p Peer) (*bench, error) {
	b := &bench{peer: p, log: &buffer{}, secrets: secretsOf(p.Sample), routines: goroutines()}
	if _, err := p.Effects(ctx, uuid.NewString()); err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	url := p.URL
	if url != "" {
		var err error
		if b.proxy, err = newProxy(url); err != nil {
			return nil, err
		}
		url = b.proxy.url()
	}
	var err error
	if b.boss, b.closing, err = p.Connect(url, b.logger()); err != nil {
		b.close()
		return nil, fmt.Errorf("connect the adapter: %w", err)
	}
	b.can = b.boss.Capabilities()
	return b, nil
}

// logger keeps all that an adapter logs, to be searched.
func (b *bench) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// close may come again.
func (b *bench) close() {
	if b.closing != nil {
		b.closing()
	}
	if b.proxy != nil {
		b.proxy.close()
	}
	b.closing, b.proxy = nil, nil
}

func (b *bench) errorf(format string, args ...any) {
	b.problems = append(b.problems, Problem{b.check, b.masked(fmt.Sprintf(format, args...))})
}

// masked keeps the report from quoting what it complains of.
func (b *bench) masked(s string) string {
	for secret, what := range b.secrets {
		s = strings.ReplaceAll(s, secret, "<"+what+">")
	}
	return s
}

// secretsOf are texts that may stand nowhere but in requests. Short ones are left out: "12" is found by chance.
func secretsOf(s Sample) map[string]string {
	all := map[string]string{}
	add := func(what, text string) {
		if len(text) >= 6 {
			all[text] = what
		}
	}
	with := func(w orders.With) {
		for name, e := range w {
			if e.Kind().Private() {
				add(name, e.Reveal())
			}
		}
	}
	for _, o := range []orders.Order{s.Open, s.Close, s.Paid, s.Unpaid} {
		add("number", o.Caller.Reveal())
		with(o.With)
	}
	for _, q := range []orders.Query{s.Query, s.Typed[0], s.Typed[1]} {
		add("number", q.Caller.Reveal())
		with(q.With)
	}
	for i, v := range []orders.Verification{s.Right, s.Wrong} {
		add("number of the password", v.Caller.Reveal())
		add([]string{"password", "wrong password"}[i], v.Password.Reveal())
	}
	return all
}

// quotes reports what is secret in what came back.
func (b *bench) quotes(from string, a any, err error) {
	text := fmt.Sprintf("%v %+v %#v %v", a, a, a, err)
	for e := err; e != nil; e = errors.Unwrap(e) {
		text += fmt.Sprintf(" %+v", e)
	}
	b.search("the "+from+"'s answer or error", text)
}

func (b *bench) search(where, text string) {
	for secret, what := range b.secrets {
		if strings.Contains(text, secret) {
			b.errorf("the %s stands in %s", what, where)
		}
	}
}

// searchLog looks through what was logged, and the URLs, which end up in other people's logs.
func (b *bench) searchLog() {
	b.search("the log", b.log.String())
	if b.proxy == nil {
		return
	}
	b.proxy.mu.Lock()
	urls := strings.Join(b.proxy.urls, "\n")
	b.proxy.mu.Unlock()
	b.search("a URL", urls)
}

// leftovers closes everything, and waits for the adapter's connections and goroutines to end.
func (b *bench) leftovers(ctx context.Context) {
	for range 5 { // a reply that is not read to its end keeps its connection
		b.warm(ctx)
	}
	b.closing()
	b.closing = nil
	if b.proxy != nil {
		if !until(ctx, func() bool { return b.proxy.open() == 0 }) {
			b.errorf("%d connections are open %v after the adapter was closed", b.proxy.open(), slack)
		}
		b.close()
	}
	var left map[string]string
	if !until(ctx, func() bool { left = b.newRoutines(); return len(left) == 0 }) {
		b.errorf("%d goroutines are left %v after the adapter was closed, made in %s", len(left), slack,
			strings.Join(slices.Compact(slices.Sorted(maps.Values(left))), "; "))
	}
}

// newRoutines are those that were not there before. Their number alone would not do: others end.
func (b *bench) newRoutines() map[string]string {
	now := goroutines()
	maps.DeleteFunc(now, func(id, _ string) bool { _, before := b.routines[id]; return before })
	return now
}

// goroutines gives where each goroutine of the process was made, by its id. The format of
// the dump is that of package runtime: "goroutine 7 [state]:" … "created by F in goroutine 1".
func goroutines() map[string]string {
	dump := make([]byte, 1<<20)
	for n := runtime.Stack(dump, true); ; n = runtime.Stack(dump, true) {
		if n < len(dump) {
			dump = dump[:n]
			break
		}
		dump = make([]byte, 2*len(dump))
	}
	all := map[string]string{}
	for one := range strings.SplitSeq(string(dump), "\n\n") {
		id, _, _ := strings.Cut(strings.TrimPrefix(one, "goroutine "), " ")
		_, made, _ := strings.Cut(one, "created by ")
		made, _, _ = strings.Cut(made, " ")
		all[id] = made
	}
	return all
}

// until polls for what has no signal of its own.
func until(ctx context.Context, come func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, slack)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !come() {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

// next is the order that the BOSS would carry out now, under a key of its own.
func (b *bench) next() orders.Order {
	if b.open {
		return keyed(b.peer.Sample.Close)
	}
	return keyed(b.peer.Sample.Open)
}

func keyed(o orders.Order) orders.Order {
	o.ID = uuid.NewString()
	o.Key = uuid.NewString()
	return o
}

func (b *bench) effects(ctx context.Context, key string) int {
	n, err := b.peer.Effects(ctx, key)
	must("read the ledger", err)
	return n
}

// settled tells how often the order has acted when nothing of it is on its way, and keeps
// account of what is open at the BOSS.
func (b *bench) settled(ctx context.Context, o orders.Order) int {
	n := b.effects(ctx, o.Key)
	if n > 1 {
		b.errorf("the BOSS has acted %d times on one key", n)
	}
	if n > 0 {
		b.open = o.Action == orders.Open
	}
	return n
}

// submit is Submit with what must be true of any.
func (b *bench) submit(ctx context.Context, o orders.Order, wait time.Duration) (orders.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	begin := time.Now()
	a, err := b.boss.Submit(ctx, o)
	b.prompt("Submit", begin, wait)
	b.quotes("order", a, err)
	return a, err
}

// prompt reports a method that goes on after its ctx has ended.
func (b *bench) prompt(method string, begin time.Time, wait time.Duration) {
	if took := time.Since(begin); took > wait+slack {
		b.errorf("%s returned after %v, its ctx ended after %v", method, took.Round(time.Millisecond), wait)
	}
}

// refused is an address where nobody listens.
func refused() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
