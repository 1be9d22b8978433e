// Package ivr is the telephone: a Server that takes calls from the switch, and a
// session for each call that feeds a menu.Machine and carries out what it decides.
// What a call is comes from internal/menu; how Asterisk is spoken to is in
// internal/ivr/asterisk.
//
// It refuses to decide anything about a menu, to know a BOSS or a database (it
// calls a Desk and writes a Record), and to let one call wait for another.
package ivr

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"hotline/internal/ivr/asterisk"
	"hotline/internal/menu"
	"hotline/internal/menu/tree"
	"hotline/internal/orders"
	"hotline/internal/prompts"
)

// Options are what a Server needs.
type Options struct {
	Desk       Desk
	Begin      func(Call, *tree.Tree) Record // starts the journal of a call
	Outside    Outside                       // nil: nothing is ever closed, no language remembered
	Zone       *time.Location                // of the menus' calendars; nil is this machine's
	Limits     Limits
	Hash       func(orders.MSISDN) []byte // of a number, as others count it too; nil: numbers have no limits
	Queues     []string                   // of the dialplan, that menus may transfer to; no others
	Recall     Recall                     // what is known of a call that a dead server had; nil: nothing
	Earlier    Earlier                    // the versions of menus that were live before; nil: none
	Log        *slog.Logger
	Registerer prometheus.Registerer
}

// Content is what calls are served with. A call keeps the Content that it began with.
type Content struct {
	Trees   []*tree.Tree // the first also serves numbers that no tree claims
	Prompts *prompts.Catalog
}

// tree gives the menu for a dialled number.
func (c *Content) tree(dialled string) *tree.Tree {
	for _, t := range c.Trees {
		for _, n := range t.Dialled {
			if n == dialled {
				return t
			}
		}
	}
	return c.Trees[0]
}

// Server serves calls. Its Arrive is what each asterisk.Conn calls.
type Server struct {
	opt     Options
	content atomic.Pointer[Content]
	metrics *metrics
	unsaid  sync.Map // [language, prompt] of notices that menus lack: each is told of once

	mu        sync.Mutex
	admission *admission
	draining  bool
	closing   chan struct{}
	sessions  sync.WaitGroup
	tasks     sync.WaitGroup // of the Desk; they may outlive their call
}

// NewServer makes a Server that serves with c until Use gives it something newer.
func NewServer(opt Options, c *Content) *Server {
	if opt.Outside == nil {
		opt.Outside = allOpen{}
	}
	if opt.Zone == nil {
		opt.Zone = time.Local
	}
	s := &Server{opt: opt, admission: newAdmission(opt.Limits, opt.Hash), closing: make(chan struct{})}
	s.metrics = newMetrics(opt.Registerer, opt.Limits, func() float64 { return float64(len(s.Live())) })
	s.content.Store(c)
	return s
}

// allOpen is an outside on which nothing happens.
type allOpen struct{}

func (allOpen) Look(string, time.Time) (bool, string) { return false, "" }
func (allOpen) Price(string) (orders.Money, bool)     { return 0, false }
func (allOpen) Language(orders.MSISDN) string         { return "" }

// Use serves calls from now on with c; calls that are under way keep what they have.
func (s *Server) Use(c *Content) { s.content.Store(c) }

// Live lists the calls under way.
func (s *Server) Live() []uuid.UUID {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]uuid.UUID, 0, len(s.admission.live))
	for id := range s.admission.live {
		ids = append(ids, id)
	}
	return ids
}

// Ready is nil while calls are taken; the error says why not.
func (s *Server) Ready() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return errors.New("the server stops: no new calls, those under way may end")
	}
	return nil
}

// Arrive takes a call: it is served, or sent to the dialplan's "refused" context.
// It does not block. ctx is the life of what outlives a call (orders).
func (s *Server) Arrive(ctx context.Context, line Line, a asterisk.Arrival) {
	call, err := newCall(a)
	if err != nil {
		// Only a dialplan that is not ours calls like this: nothing can be recorded.
		s.opt.Log.Error("a call without its arguments; the dialplan must call Stasis(app,call id,dialled,caller,test,limit)", "channel", a.Channel, "err", err)
		s.refuse(line, call, RefusedOther)
		return
	}
	if len(a.Args) > argReached {
		// The server that had it has died meanwhile.
		s.takeUp(ctx, line, call, a.Args)
		return
	}
	if why := s.admit(call); why != "" {
		s.refuse(line, call, why)
		return
	}
	session := s.begin(call, line)
	go func() {
		defer s.release(call.ID)
		session.run(ctx)
	}()
}

// begin makes the session of a call that begins, on what is live now.
func (s *Server) begin(call Call, line Line) *session {
	s.metrics.calls.WithLabelValues(strconv.FormatBool(call.Test)).Inc()
	c := s.content.Load()
	tree := c.tree(call.Dialled)
	session := s.session(call, line, c, tree, s.opt.Begin(call, tree))
	session.begin = menu.Started{Language: s.opt.Outside.Language(call.Caller), Anonymous: call.Caller.IsZero()}
	return session
}

// session makes one of a call; what it begins with is for its maker to say.
func (s *Server) session(call Call, line Line, c *Content, tree *tree.Tree, record Record) *session {
	return &session{
		call: call, machine: menu.New(tree), line: line, desk: s.opt.Desk, record: record,
		outside: s.opt.Outside, zone: s.opt.Zone, queues: s.opt.Queues,
		catalog: c.Prompts, lang: tree.Languages[0], metrics: s.metrics, unsaid: &s.unsaid,
		log:     s.opt.Log.With("call", call.ID.String(), "menu", tree.Name),
		closing: s.closing, tasks: s.tasks.Go, replies: make(chan menu.Event, 2), done: make(chan struct{}),
		theirs: func(ctx context.Context) bool { return s.takenOver(ctx, call.ID) },
	}
}

// Drain takes no new calls, lets those under way end by themselves for as long as
// patience, then has them apologise and end. It returns when the last one has, or
// when ctx ends. What the Desk still does for them is waited for as long as
// patience lasts; after that its own Close bounds it, which knows how to cut it off.
func (s *Server) Drain(ctx context.Context, patience time.Duration) error {
	s.mu.Lock()
	s.draining = true
	s.mu.Unlock()
	gone, ended := make(chan struct{}), make(chan struct{})
	go func() { // ends with the last task of the Desk, whose Close waits for it
		s.sessions.Wait()
		close(gone)
		s.tasks.Wait()
		close(ended)
	}()
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-ended:
		return nil
	case <-t.C:
	case <-ctx.Done():
	}
	close(s.closing)
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%d calls had not ended when the server stopped", len(s.Live()))
	}
}

// newCall reads what the dialplan passed: call id, dialled, caller, test (0 or 1)
// and the seconds of TIMEOUT(absolute).
func newCall(a asterisk.Arrival) (Call, error) {
	args := append(append([]string(nil), a.Args...), "", "", "", "", "")
	id, err := uuid.Parse(args[0])
	if err != nil {
		return Call{}, fmt.Errorf("argument 1, the call's id, is no UUID: %w", err)
	}
	c := Call{ID: id, At: a.At, Dialled: args[1], Test: args[3] == "1"}
	if n, err := orders.ParseMSISDN(args[2]); err == nil {
		c.Caller = n
	}
	if seconds, err := strconv.Atoi(args[4]); err == nil {
		c.Limit = time.Duration(seconds) * time.Second
	}
	return c, nil
}
