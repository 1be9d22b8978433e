package ivr

import (
	"context"
	"net/http"
	"slices"
	"time"

	"hotline/internal/ivr/asterisk"
	"hotline/internal/prompts"
)

// Node is the way to one Asterisk, as far as finding lost calls needs it.
type Node interface {
	State() (connected bool, why string)
	Orphans(ctx context.Context) ([]string, error)
	Where(ctx context.Context, channel string) (a asterisk.Arrival, inside bool, err error)
	Adopt(channel string) *asterisk.Channel
}

const (
	// apology is said to callers of whom nothing is known any more.
	apology = "sys.failure"
	// earlier is how long what the dead server had begun to say may still go on: where
	// nothing is known its name is not either, and the apology waits for it.
	earlier = time.Minute
	// lookEvery is how often a node that is not up yet is looked at.
	lookEvery = 50 * time.Millisecond
	// arriving is how long the event of a new call may be on its way: until it is
	// here, its channel looks like one that was left behind.
	arriving = 500 * time.Millisecond
)

// Rescue finds the calls that an earlier run of this server has left on the switch, and
// goes on with them; callers of whom nothing is known hear an apology instead of silence
// and are hung up. It returns when they have been found and are among Live, or ctx ends.
func (s *Server) Rescue(ctx context.Context, node Node) error {
	first, err := s.orphans(ctx, node)
	if err != nil || len(first) == 0 {
		return err
	}
	if err := pause(ctx, arriving); err != nil {
		return err
	}
	still, err := s.orphans(ctx, node)
	if err != nil {
		return err
	}
	for _, id := range still {
		if !slices.Contains(first, id) {
			continue
		}
		s.find(ctx, node, id)
	}
	return nil
}

// find goes on with the call of a channel that was left behind. It is adopted before it is
// asked for: a caller who comes back from a person meanwhile would be taken for a new call.
func (s *Server) find(ctx context.Context, node Node, channel string) {
	line := node.Adopt(channel)
	a, inside, err := node.Where(ctx, channel)
	if err == nil && !inside {
		s.opt.Log.Info("a call that an earlier run has left behind is with a person", "channel", channel)
		s.tasks.Go(func() { s.await(ctx, line) })
		return
	}
	if err == nil {
		var call Call
		if call, err = newCall(a); err == nil {
			s.takeUp(ctx, line, call, nil)
			return
		}
	}
	s.metrics.lost.Inc()
	s.opt.Log.Error("a call that an earlier run has left behind is not known: an apology and goodbye", "channel", channel, "err", err)
	s.tasks.Go(func() { s.apologise(ctx, line) })
}

// await goes on with a call when its caller is back from a person.
func (s *Server) await(ctx context.Context, line Line) {
	back, comes := s.comesBack(ctx, line)
	if !comes {
		return
	}
	call, err := newCall(asterisk.Arrival{Args: back.Args, At: back.At})
	if err != nil {
		s.apologise(ctx, line)
		return
	}
	s.takeUp(ctx, line, call, back.Args)
}

// orphans asks a node that is up; one that goes away meanwhile is asked again.
func (s *Server) orphans(ctx context.Context, node Node) ([]string, error) {
	for {
		wait := lookEvery
		if up, _ := node.State(); up {
			channels, err := node.Orphans(ctx)
			if err == nil {
				return channels, nil
			}
			s.opt.Log.Warn("lost calls cannot be looked for now", "err", err)
			wait = time.Second // the log is read by people
		}
		if err := pause(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// pause waits, or gives ctx's error when it ends before.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// apologise says the apology and hangs up, whatever comes of it. A caller who is with
// a person is left there, and hears it when he comes back.
func (s *Server) apologise(ctx context.Context, line Line) {
	for s.sayApology(ctx, line) == elsewhere {
		if _, comes := s.comesBack(ctx, line); !comes {
			return
		}
	}
	line.Hangup("normal")
}

// whereabouts is where a caller was found to be.
type whereabouts int

const (
	here whereabouts = iota
	elsewhere
)

// sayApology says it to its end. Asterisk refuses that (409) where the channel is not
// in our application: it is where a transfer has sent it.
func (s *Server) sayApology(ctx context.Context, line Line) whereabouts {
	c := s.content.Load()
	fragments, err := c.Prompts.Fragments(c.Trees[0].Languages[0], []prompts.Ref{prompts.Prompt(apology)})
	if err != nil || len(fragments) == 0 {
		return here
	}
	a := announcement{fragments: fragments}
	line.Play("rescue-"+fragments[0].ID+"-"+time.Now().UTC().Format("150405.000000000"), a.media(), "")
	t := time.NewTimer(earlier)
	defer t.Stop()
	for {
		select {
		case e := <-line.Events():
			switch e := e.(type) {
			case asterisk.PlayStarted:
				t.Reset(a.length() + mediaMargin)
			case asterisk.PlayFinished:
				return here
			case asterisk.RequestFailed:
				if e.Status == http.StatusConflict {
					return elsewhere
				}
				return here
			}
		case <-line.Gone():
			return here
		case <-t.C:
			return here
		case <-s.closing:
			return here
		case <-ctx.Done():
			return here
		}
	}
}

// comesBack waits for a caller who is with a person; false where he does not come back
// to this server.
func (s *Server) comesBack(ctx context.Context, line Line) (back asterisk.Returned, comes bool) {
	for {
		select {
		case e := <-line.Events():
			if back, comes = e.(asterisk.Returned); comes {
				return back, true
			}
		case <-line.Gone():
			return back, false
		case <-s.closing:
			return back, false
		case <-ctx.Done():
			return back, false
		}
	}
}
