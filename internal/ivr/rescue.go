package ivr

import (
	"context"
	"time"

	"hotline/internal/ivr/asterisk"
	"hotline/internal/prompts"
)

// Node is the way to one Asterisk, as far as finding lost calls needs it.
type Node interface {
	State() (connected bool, why string)
	Orphans(ctx context.Context) ([]string, error)
	Adopt(channel string) *asterisk.Channel
}

const (
	// apology is said to callers whose server died under them.
	apology = "sys.failure"
	// earlier is how long what the dead server had begun to say may still go on: its
	// name is not known any more, so it cannot be stopped, and the apology waits for it.
	earlier = time.Minute
)

// Rescue finds the calls that an earlier run of this server has left on the
// switch: their callers hear an apology instead of silence and are hung up. It
// returns when they have been found, or ctx ends.
func (s *Server) Rescue(ctx context.Context, node Node) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if up, _ := node.State(); up {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	channels, err := node.Orphans(ctx)
	if err != nil {
		return err
	}
	for _, id := range channels {
		s.opt.Log.Warn("a call that an earlier run has left behind hears an apology", "channel", id)
		line := node.Adopt(id)
		s.tasks.Go(func() { s.apologise(ctx, line) })
	}
	return nil
}

// apologise says the apology and hangs up, whatever comes of it.
func (s *Server) apologise(ctx context.Context, line Line) {
	c := s.content.Load()
	fragments, err := c.Prompts.Fragments(c.Trees[0].Languages[0], []prompts.Ref{prompts.Prompt(apology)})
	if err == nil && len(fragments) > 0 {
		a := announcement{fragments: fragments}
		line.Play("rescue-"+fragments[0].ID+"-"+time.Now().UTC().Format("150405.000000000"), a.media(), "")
		t := time.NewTimer(earlier)
		defer t.Stop()
		for over := false; !over; {
			select {
			case e := <-line.Events():
				switch e.(type) {
				case asterisk.PlayStarted:
					t.Reset(a.length() + mediaMargin)
				case asterisk.PlayFinished, asterisk.RequestFailed:
					over = true
				}
			case <-line.Gone():
				return
			case <-t.C:
				over = true
			case <-s.closing:
				over = true
			case <-ctx.Done():
				over = true
			}
		}
	}
	line.Hangup("normal")
}
