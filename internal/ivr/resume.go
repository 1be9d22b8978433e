package ivr

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"hotline/internal/ivr/asterisk"
	"hotline/internal/menu"
	"hotline/internal/menu/tree"
)

// Past is what is known of a call that a server which died has left.
type Past struct {
	Menu, Version string
	Began         time.Time
	Ended         bool         // the call was over: nothing is left to be said
	Incomplete    bool         // steps of it are still on their way: ask again
	Elsewhere     bool         // another server had it: what it did last may not be known
	Playing       menu.ID      // the newest announcement, which may go on; 0 for none
	Resumed       menu.Resumed // but for Anonymous and Back, which the switch tells
	Record        func(Call, *tree.Tree) Record
}

// Recall looks a call up. It may block until ctx ends. ErrNothingKnown ends the search;
// with it come Record and the numbers in Resumed that are free. After any other error it
// is asked again.
type Recall func(ctx context.Context, call uuid.UUID) (Past, error)

// ErrNothingKnown says that there is no record of a call, and none is on its way.
var ErrNothingKnown = errors.New("nothing is known of the call")

// Earlier gives the content in which a menu has this version; nil where it cannot be had.
// It may block until ctx ends.
type Earlier func(ctx context.Context, menu, version string) *Content

const (
	// recallWait is how long a caller waits at most for his call to be looked up: Postgres
	// may be coming back as well. With the rest of a start it must stay below 10 s.
	recallWait  = 5 * time.Second
	recallEvery = 50 * time.Millisecond
	// earlierWait bounds the making ready of a version that is not live any more; the live
	// one serves as well.
	earlierWait = 2 * time.Second
	// takingOver is how long the move of a call to another server may take until it is recorded.
	takingOver = 4 * time.Second
	// unheard is how many announcements a dead server may have begun beyond the last that
	// is known here: as many as there are keys in the fraction of a second until its steps
	// are in Postgres, with the IDs of timers between.
	unheard = 24
	// taken is the argument, in place of argReached, of a channel that was fetched from a
	// dead server's application.
	taken = "taken"
)

// takeUp goes on with a call whose server has died. args are those of Stasis(), which
// say whether its caller comes back from a person.
func (s *Server) takeUp(ctx context.Context, line Line, call Call, args []string) {
	if !s.readmit(call) {
		if s.Ready() != nil { // about to stop as well
			s.tasks.Go(func() { s.apologise(ctx, line) })
		}
		return // else it is being served
	}
	var back *menu.Returned
	if len(args) > argReached && args[argReached] != taken {
		back = &menu.Returned{}
		back.Reached, back.Node = comesBack(args)
	}
	here := len(args) <= argReached
	go func() {
		defer s.release(call.ID)
		s.resume(ctx, line, call, here, back)
	}()
}

// resume looks the call up and serves it to its end, or says goodbye where it cannot be
// looked up. One of which there is no record has heard nothing, as steps are recorded
// before they are carried out: it begins. Of one that was another server's (not here) the
// record may still be in the other's spool; it begins behind it.
func (s *Server) resume(ctx context.Context, line Line, call Call, here bool, back *menu.Returned) {
	past, err := s.recall(ctx, line.Gone(), call.ID)
	switch {
	case errors.Is(err, ErrNothingKnown) && here && s.opt.Recall != nil:
		s.begin(call, line).run(ctx)
		return
	case errors.Is(err, ErrNothingKnown) && past.Record != nil:
		past.Began, past.Elsewhere = call.At, true
	case err != nil:
		s.metrics.lost.Inc()
		s.opt.Log.Error("a call that a dead server has left cannot be gone on with: an apology and goodbye", "call", call.ID.String(), "err", err)
		s.apologise(ctx, line)
		return
	case past.Ended: // it died between the goodbye and the hang-up
		line.Hangup("normal")
		return
	}
	call.At = past.Began
	c, tree := s.contentOf(ctx, past, call.Dialled)
	session := s.session(call, line, c, tree, past.Record(call, tree))
	begin := past.Resumed
	begin.Anonymous, begin.Back = call.Caller.IsZero(), back
	session.begin, session.before = begin, playsOf(call.ID, past)
	s.metrics.resumed.Inc()
	session.log.Warn("a call that a dead server has left goes on", "node", last(begin.Nodes), "version", tree.Version)
	session.run(ctx)
}

func last(nodes []string) string {
	if len(nodes) == 0 {
		return ""
	}
	return nodes[len(nodes)-1]
}

// recall asks for what is known until all of it is there.
func (s *Server) recall(ctx context.Context, gone <-chan struct{}, id uuid.UUID) (past Past, err error) {
	if s.opt.Recall == nil {
		return past, ErrNothingKnown
	}
	ctx, cancel := context.WithTimeout(ctx, recallWait)
	defer cancel()
	for {
		past, err = s.opt.Recall(ctx, id)
		if errors.Is(err, ErrNothingKnown) || err == nil && !past.Incomplete {
			return past, err
		}
		select {
		case <-gone:
			return past, errors.Join(err, errors.New("the caller has hung up meanwhile"))
		case <-ctx.Done():
			if err == nil { // less than everything is better than nothing
				return past, nil
			}
			return past, err
		case <-time.After(recallEvery):
		}
	}
}

// takenOver tells whether another server has recorded that it goes on with a call of ours. It
// blocks for a while: first the channel moves, then that is recorded. Without an answer
// the call is ours.
func (s *Server) takenOver(ctx context.Context, id uuid.UUID) bool {
	if s.opt.Recall == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, takingOver)
	defer cancel()
	for {
		past, err := s.opt.Recall(ctx, id)
		if err == nil && past.Elsewhere {
			return true
		}
		if pause(ctx, takingOver/4) != nil {
			return false
		}
	}
}

// contentOf finds the version of the menu that the call began with, or what is live.
func (s *Server) contentOf(ctx context.Context, past Past, dialled string) (*Content, *tree.Tree) {
	live := s.content.Load()
	if t := live.version(past.Menu, past.Version); t != nil {
		return live, t
	}
	if s.opt.Earlier != nil {
		ctx, cancel := context.WithTimeout(ctx, earlierWait)
		defer cancel()
		if c := s.opt.Earlier(ctx, past.Menu, past.Version); c != nil {
			if t := c.version(past.Menu, past.Version); t != nil {
				return c, t
			}
		}
	}
	return live, live.tree(dialled)
}

// version gives the menu of this name in this version, nil where there is none.
func (c *Content) version(name, version string) *tree.Tree {
	for _, t := range c.Trees {
		if t.Name == name && t.Version == version {
			return t
		}
	}
	return nil
}

// playsOf names what the dead server may have begun to say. To end what is over, or was
// never begun, does no harm.
func playsOf(call uuid.UUID, past Past) []string {
	var names []string
	add := func(id menu.ID) { names = append(names, asterisk.PlayNames(playName(call, id, 0))...) }
	if past.Playing != 0 {
		add(past.Playing)
		names = append(names, asterisk.PlayNames(playName(call, past.Playing, 1))...)
	}
	if past.Elsewhere {
		for id := past.Playing + 1; id <= past.Playing+unheard; id++ {
			add(id)
		}
	}
	return names
}
