// Package bossd is the sandbox BOSS as a server of its own, so that every adapter has a
// real peer over a real socket. It speaks the TM Forum Open APIs v4 and two private
// interfaces, one in XML and one in JSON (docs/boss-server.md); it can be told to go wrong
// as networks and BOSSes do; and it keeps a file of its effects that is written before the
// asker hears of them.
//
//	srv, err := bossd.Open(ctx, bossd.Options{Boss: boss, Ledger: "boss.ledger", Log: log})
//	if err != nil { … }
//	web := &http.Server{Handler: srv.Handler()}
//	go web.Serve(listener)
//	srv.Run(ctx)   // carries out what was accepted, until ctx ends
//	srv.Close(stop)
//	web.Shutdown(stop)
//
// It refuses to decide anything: that is the sandbox's. And it refuses numbers and
// secrets in URLs, which end up in other people's logs.
package bossd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"hotline/internal/orders"
	"hotline/internal/orders/sandbox"
)

// Options are what a Server is made with.
type Options struct {
	Boss   *sandbox.Boss // needed; stays the caller's, who closes it after the Server
	Ledger string        // needed; the file of effects
	Token  string        // that every request bears; "" asks for none
	Log    *slog.Logger  // needed
}

// Server is the BOSS behind its three faces. It is safe for concurrent use.
type Server struct {
	boss   *sandbox.Boss
	ledger *ledger
	token  string
	log    *slog.Logger
	faults faults

	mu      sync.Mutex // guards closed, and that no work begins after it
	closed  bool
	work    sync.WaitGroup // requests, which may outlive their connections
	closing chan struct{}  // closed with closed: ends the delays that it was told to make
	behind  chan struct{}  // an effect may be missing in the file
}

// Limits.
const (
	bodyLimit   = 64 << 10               // bytes of a request
	keyLimit    = 128                    // bytes of an idempotency key
	dueEvery    = 50 * time.Millisecond  // how often accepted orders are looked for
	behindEvery = 500 * time.Millisecond // how often an effect that could not be written is tried again
)

// Open opens the ledger file and writes what is missing there: effects that a kill
// came between and their line.
func Open(ctx context.Context, o Options) (*Server, error) {
	file, err := openLedger(o.Ledger)
	if err != nil {
		return nil, err
	}
	s := &Server{
		boss: o.Boss, ledger: file, token: o.Token, log: o.Log,
		closing: make(chan struct{}), behind: make(chan struct{}, 1),
	}
	n, err := s.replay(ctx)
	if err != nil {
		return nil, errors.Join(err, file.close())
	}
	if n > 0 {
		o.Log.Info("effects that were missing in the ledger file are written", "effects", n)
	}
	return s, nil
}

// replay writes the effects that are in Postgres and not in the file.
func (s *Server) replay(ctx context.Context) (written int, _ error) {
	effects, err := s.boss.Effects(ctx)
	if err != nil {
		return 0, err
	}
	for _, e := range effects {
		if s.ledger.has(e.Key) {
			continue
		}
		if err := s.ledger.record(effect(e)); err != nil {
			return written, err
		}
		written++
	}
	return written, nil
}

// Run carries out what was accepted once it is due, and writes effects that could not
// be written, until ctx ends. What is not due then is carried out by the next Run.
func (s *Server) Run(ctx context.Context) {
	due, retry := time.NewTicker(dueEvery), time.NewTicker(behindEvery)
	defer due.Stop()
	defer retry.Stop()
	failing := false // is told once, and once that it is over
	for {
		select {
		case <-ctx.Done():
			return
		case <-due.C:
			err := s.carryOut(ctx)
			if err != nil && !failing && ctx.Err() == nil {
				s.log.Error("accepted orders cannot be carried out now", "err", err)
			}
			failing = err != nil
		case <-retry.C:
			select {
			case <-s.behind:
				if _, err := s.replay(ctx); err != nil {
					s.fallBehind(err)
				}
			default:
			}
		}
	}
}

func (s *Server) carryOut(ctx context.Context) error {
	done, err := s.boss.CarryOut(ctx)
	for _, key := range done {
		if _, lost := s.told(s.boss.Recorded(ctx, key)); lost != nil {
			s.fallBehind(lost)
		}
	}
	return err
}

// fallBehind has an effect written later. Nobody has heard of it yet.
func (s *Server) fallBehind(err error) {
	s.log.Error("an effect cannot be written to the ledger file now", "err", err)
	s.compare()
}

// compare has the file held against Postgres soon.
func (s *Server) compare() {
	select {
	case s.behind <- struct{}{}:
	default:
	}
}

// told is what anybody may be told of an order: an effect only once it is in the file.
func (s *Server) told(e sandbox.Entry, err error) (sandbox.Entry, error) {
	if err == nil && e.Outcome == orders.Success {
		err = s.ledger.record(effect(e))
	}
	return e, err
}

// submit carries an order out, or accepts it to carry it out after a while.
func (s *Server) submit(ctx context.Context, o orders.Order, after time.Duration) (orders.Answer, error) {
	var answer orders.Answer
	var err error
	if after > 0 {
		answer, err = s.boss.Accept(ctx, o, after)
	} else {
		answer, err = s.boss.Submit(ctx, o)
	}
	if err != nil || answer.Outcome != orders.Success {
		if errors.Is(err, orders.ErrAnswerLost) {
			s.compare() // it may have been carried out
		}
		return answer, err
	}
	if s.ledger.has(o.Key) {
		return answer, nil
	}
	if _, err := s.told(s.boss.Recorded(ctx, o.Key)); err != nil {
		s.fallBehind(err)
		return orders.Answer{}, fmt.Errorf("record an effect: %w", errors.Join(orders.ErrAnswerLost, err))
	}
	return answer, nil
}

// begin counts a request that is worked on, unless the server is closed.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.work.Add(1)
	return true
}

// Close stops taking requests, waits until those under way are done, or ctx ends, and
// closes the ledger file. What a fault delays is done at once.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.closing)
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() { // ends with the last request, each of which is bounded
		s.work.Wait()
		close(done)
	}()
	select {
	case <-done:
		return s.ledger.close()
	case <-ctx.Done():
		return fmt.Errorf("close the BOSS server with requests under way: %w", ctx.Err())
	}
}

// pause waits, unless the server is closed.
func (s *Server) pause(d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-time.After(d):
	case <-s.closing:
	}
}
