package main

import (
	"context"
	"time"

	"hotline/internal/dialtest"
	"hotline/internal/ivr"
	"hotline/internal/ivr/asterisk"
	"hotline/internal/menu"
	"hotline/internal/prompts"
)

// bareLine is the line of a caller without a switch: whatever is said to him is over at once.
type bareLine struct {
	*talker
	events chan asterisk.Event
	gone   chan struct{} // closed when the call is over
	said   chan saying
	ends   chan struct{} // the hotline hangs up
	next   []string      // prompts of the announcement that is played next; the session's alone
}

// saying is one announcement, under the name that the switch has for it.
type saying struct {
	id      string
	prompts []string
}

// inboxOf a phone: what a hotline says and asks for before it waits for an answer is less.
const inboxOf = 64

func newBareLine(t *talker) *bareLine {
	return &bareLine{
		talker: t, events: make(chan asterisk.Event, inboxOf), gone: make(chan struct{}),
		said: make(chan saying, inboxOf), ends: make(chan struct{}, inboxOf),
	}
}

func (p *bareLine) Events() <-chan asterisk.Event { return p.events }
func (p *bareLine) Gone() <-chan struct{}         { return p.gone }
func (p *bareLine) Stop(string)                   {}

func (p *bareLine) Play(id string, _ []string, _ string) { p.said <- saying{id, p.next} }

func (p *bareLine) Continue(string, string, map[string]string) { p.ends <- struct{}{} }
func (p *bareLine) Hangup(string)                              { p.ends <- struct{}{} }

// talk answers until the call is over, or ctx ends.
func (p *bareLine) talk(ctx context.Context) {
	defer close(p.gone)
	defer func() { p.tell(ctx, asterisk.Left{At: time.Now()}) }()
	for {
		select {
		case s := <-p.said:
			p.tell(ctx, asterisk.PlayStarted{ID: s.id, At: time.Now()})
			keys, hangUp := p.answer(s.prompts...)
			for _, key := range []byte(keys) {
				p.tell(ctx, asterisk.Digit{Key: key, At: time.Now()})
			}
			if hangUp {
				return
			}
			if keys == "" {
				p.tell(ctx, asterisk.PlayFinished{ID: s.id, At: time.Now()})
			}
		case <-p.ends:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (p *bareLine) tell(ctx context.Context, e asterisk.Event) {
	select {
	case p.events <- e:
	case <-ctx.Done():
	}
}

// overheard is the record of a call whose phone hears by it what is said: a line has only
// the names of files.
type overheard struct {
	ivr.Record
	phone *bareLine
}

// Effect records, after the phone has been told.
func (o overheard) Effect(at time.Time, e menu.Effect) {
	if play, ok := e.(menu.Play); ok {
		o.phone.next = names(play.Refs)
	}
	o.Record.Effect(at, e)
}

func names(refs []prompts.Ref) []string {
	all := make([]string, len(refs))
	for i, r := range refs {
		all[i] = r.ID
	}
	return all
}

// overSIP is the same caller at a real telephone. It returns when the call is over, or
// nothing has been said for long that he has an answer to.
func (t *talker) overSIP(ctx context.Context, s *dialtest.Session) error {
	for from := 0; ; {
		var keys string
		var hangUp bool
		within, cancel := context.WithTimeout(ctx, patienceOf)
		err := s.Await(within, func(line []dialtest.Heard) bool {
			for ; from < len(line); from++ {
				h := line[from]
				if h.Open && h.To-h.From < sureOf {
					return false
				}
				if keys, hangUp = t.answer(h.Prompt); keys != "" || hangUp {
					from++
					return true
				}
			}
			return false
		})
		over := within.Err() != nil
		cancel()
		if err != nil || over {
			return ctx.Err()
		}
		if keys != "" {
			if _, err := s.Type(ctx, keys, 60*time.Millisecond); err != nil {
				return ctx.Err() // it has ended
			}
		}
		if hangUp {
			return ctx.Err()
		}
	}
}
