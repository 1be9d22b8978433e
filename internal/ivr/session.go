package ivr

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"hotline/internal/crash"
	"hotline/internal/ivr/asterisk"
	"hotline/internal/menu"
	"hotline/internal/orders"
	"hotline/internal/prompts"
)

// Line is one caller's channel on the switch: asterisk.Channel, or the one of
// fake-time tests. None of its methods blocks.
type Line interface {
	Events() <-chan asterisk.Event
	Gone() <-chan struct{}
	Play(id string, media []string, stop string)
	Stop(id string)
	Continue(context, exten string, variables map[string]string)
	Hangup(reason string)
}

// Desk carries orders, queries and verifications out. All block until there is an
// answer or a deadline; Submit calls committed once the order's intent is stored.
type Desk interface {
	Submit(ctx context.Context, o orders.Order, committed func(orderID string)) orders.Answer
	Ask(ctx context.Context, q orders.Query) orders.Answer
	Verify(ctx context.Context, v orders.Verification) orders.Answer
}

// Outside is what may change without a new menu. Its methods never block: every call
// asks them, within a turn.
type Outside interface {
	// Look tells whether a service is closed to callers at a time, and the prompt of
	// the notice about it that stands then, "" for none.
	Look(service string, at time.Time) (closed bool, notice string)

	// Price is what the BOSS asks for a service a month, if that is known.
	Price(service string) (asked orders.Money, known bool)

	// Language is the one that a caller has chosen in an earlier call, "" for none.
	Language(caller orders.MSISDN) string
}

// Record is the journal of one call. Flush makes what was recorded safe against
// the death of this process.
type Record interface {
	Event(at time.Time, e menu.Event, secret bool)
	Effect(at time.Time, e menu.Effect)
	Flush() error
}

// Call is what is known of a call when it begins.
type Call struct {
	ID      uuid.UUID
	At      time.Time
	Caller  orders.MSISDN // zero where it is withheld
	Dialled string
	Test    bool          // a dial test
	Limit   time.Duration // the dialplan's TIMEOUT(absolute), 0 where it is not known
}

const (
	// mediaMargin is how much longer than its audio an announcement may take
	// before it counts as lost: Asterisk tells nothing of a file that it cannot play.
	mediaMargin = 5 * time.Second
	// silenceLimit is how long a caller may be left alone with a switch that we
	// have lost touch with.
	silenceLimit = 10 * time.Second
	// limitSlack: a channel that goes away this close to its limit was ended by it.
	limitSlack = 2 * time.Second
	// failureGrace: Asterisk tells that a playback failed, or refuses one, just before
	// it tells that the caller has hung up. Only what fails without that is a failure.
	failureGrace = 300 * time.Millisecond
	// The contexts of the dialplan that calls are sent to, and nowhere else: a person's
	// queue, and the word that a call cannot be taken.
	agents  = "agents"
	refused = "refused"
)

// session runs one call: it feeds events to the Machine, records them, and hands
// the effects on. One goroutine, which never waits for anything but the next event.
type session struct {
	call    Call
	machine *menu.Machine
	line    Line
	desk    Desk
	outside Outside
	zone    *time.Location // of what the menu is told about the time
	queues  []string       // that a transfer may go to
	record  Record
	catalog *prompts.Catalog
	lang    string
	unsaid  *sync.Map // the server's: languages and notices that they lack, told of already
	log     *slog.Logger
	metrics *metrics

	closing <-chan struct{} // the server stops: apologise
	tasks   func(func())    // runs a task that outlives the call
	replies chan menu.Event // of the Desk
	done    chan struct{}   // closed when the call has ended

	theirs    func(context.Context) bool // tells whether another server has gone on with the call
	verdict   chan bool                  // of theirs, once it has been asked
	farewell  farewell                   // how the call has ended unless it is theirs
	cut       bool                       // the switch is out of reach, and the caller not with a person
	hangingUp bool                       // the caller, or a limit of the dialplan, ends the call

	begin  menu.Event // what the Machine begins with
	before []string   // names of what a server that died may have begun to say

	playing  announcement
	again    int       // times that the present announcement has been asked for again
	transfer menu.ID   // the transfer under way
	away     bool      // the channel is where the transfer sent it
	since    time.Time // from when on the dialplan counts the limit
	timer    *time.Timer
	timerID  menu.ID
	watchdog *time.Timer // for an announcement of which nothing is heard any more
	adrift   *time.Timer // since the switch is out of reach
	keyAt    time.Time   // of the last key that no prompt has followed yet
}

func stoppedTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// run serves the call to its end. ctx is the server's life, not the call's: what
// the Desk does goes on without the caller.
func (s *session) run(ctx context.Context) {
	s.timer, s.watchdog, s.adrift = stoppedTimer(), stoppedTimer(), stoppedTimer()
	s.since = s.call.At
	defer func() {
		s.timer.Stop()
		s.watchdog.Stop()
		s.adrift.Stop()
		close(s.done)
	}()
	for _, name := range s.before {
		s.line.Stop(name)
	}
	s.step(ctx, time.Now(), s.begin)
	gone := s.line.Gone()
	for !s.machine.Ended() {
		select {
		case e := <-s.line.Events():
			s.event(ctx, e)
		case <-gone:
			gone = nil // once
			s.gone(ctx)
		case theirs := <-s.verdict:
			if theirs {
				s.log.Warn("another server has gone on with a call of ours", "node", s.machine.Node())
				return // what is recorded of its end is for the other to say
			}
			s.left(ctx, s.farewell.at, s.farewell.why)
		case e := <-s.replies:
			s.step(ctx, time.Now(), e)
		case <-s.timer.C:
			s.step(ctx, time.Now(), menu.Elapsed{ID: s.timerID})
		case <-s.watchdog.C:
			s.log.Error("an announcement failed", "node", s.machine.Node(), "prompts", prompts.Join(s.playing.refs), "told", !s.playing.broken.IsZero())
			s.metrics.broken.Inc()
			s.played(ctx, time.Now(), s.playing.name, true)
		case <-s.adrift.C:
			s.givenUp(ctx, farewell{time.Now(), menu.BySwitch})
		case <-s.closing:
			s.closing = nil // once
			s.step(ctx, time.Now(), menu.Closing{Heard: s.playing.heard(time.Now())})
		}
	}
}

// gone reads what the channel still had to say, and ends the call.
func (s *session) gone(ctx context.Context) {
	for !s.machine.Ended() {
		select {
		case e := <-s.line.Events():
			s.event(ctx, e)
			continue
		default:
		}
		if s.verdict != nil {
			return // it ends with that
		}
		s.left(ctx, time.Now(), menu.BySwitch)
	}
}

// farewell is the end of a call as we see it.
type farewell struct {
	at  time.Time
	why menu.Leaving
}

// givenUp ends a call that has gone from us, unless a standby has taken it over: a call has
// one end.
func (s *session) givenUp(ctx context.Context, f farewell) {
	if s.verdict != nil {
		return // is being asked
	}
	verdict := make(chan bool, 1)
	s.verdict, s.farewell = verdict, f
	s.timer.Stop()
	s.watchdog.Stop()
	s.tasks(func() { verdict <- s.theirs(ctx) })
}

// event translates what the switch says into an event of the menu.
func (s *session) event(ctx context.Context, e asterisk.Event) {
	switch e := e.(type) {
	case asterisk.Digit:
		s.keyAt = e.At
		s.step(ctx, e.At, menu.Pressed{Key: e.Key, Heard: s.playing.heard(e.At)})
	case asterisk.PlayStarted:
		s.started(e)
	case asterisk.PlayFinished:
		if !e.Failed {
			s.played(ctx, e.At, e.ID, false)
		} else {
			s.failed(e.ID, e.At)
		}
	case asterisk.RequestFailed:
		s.refused(ctx, e)
	case asterisk.HangupRequested:
		s.hangingUp = true
	case asterisk.Left:
		s.away = e.Continued
		switch {
		case e.Continued:
		case s.hangingUp:
			s.left(ctx, e.At, menu.ByCaller)
		default: // to where another server has moved it, who took us for dead
			s.givenUp(ctx, farewell{e.At, menu.ByCaller})
		}
	case asterisk.Destroyed:
		// Only a channel that had gone where we sent it ends like this.
		s.left(ctx, e.At, menu.ByTransfer)
	case asterisk.Returned:
		s.away, s.since = false, e.At
		reached, node := comesBack(e.Args)
		s.step(ctx, e.At, menu.Returned{ID: s.transfer, Reached: reached, Node: node})
	case asterisk.Vanished:
		switch {
		case s.away: // ended with the person, while nobody could tell us
			s.left(ctx, e.At, menu.ByTransfer)
		case s.cut:
			s.givenUp(ctx, farewell{e.At, menu.BySwitch})
		default:
			s.left(ctx, e.At, menu.BySwitch)
		}
	case asterisk.Lost:
		s.watchdog.Stop()
		if !s.away { // a caller with a person is not in silence, and needs no server
			s.cut = true
			s.adrift.Reset(silenceLimit)
		}
	case asterisk.Back:
		s.cut = false
		s.adrift.Stop()
		s.sayAgain()
	}
}

// left ends the call; a channel that goes away at its limit was ended by it.
func (s *session) left(ctx context.Context, at time.Time, why menu.Leaving) {
	if why == menu.ByCaller && s.call.Limit > 0 && at.Sub(s.since) >= s.call.Limit-limitSlack {
		why = menu.ByTimeout
	}
	s.step(ctx, at, menu.Left{Why: why, Heard: s.playing.heard(at)})
}

func (s *session) started(e asterisk.PlayStarted) {
	if s.playing.is(e.ID) == 0 {
		return
	}
	if s.playing.broken.IsZero() {
		// It may have begun late, and a busy switch may lose time at each file.
		s.watchdog.Reset(s.playing.from(e.Item) + mediaMargin)
	}
	if !s.playing.started.IsZero() {
		return
	}
	s.playing.started = e.At
	if !s.keyAt.IsZero() {
		s.metrics.keyToPrompt.Observe(e.At.Sub(s.keyAt).Seconds())
		s.keyAt = time.Time{}
	}
}

// failed takes that a playback is none; the watchdog ends it, unless the caller has
// hung up.
func (s *session) failed(name string, at time.Time) {
	if s.playing.is(name) != 0 {
		s.playing.broken = at
		s.watchdog.Reset(failureGrace)
	}
}

// played takes the end of the present announcement; of any other there is nothing to say.
func (s *session) played(ctx context.Context, at time.Time, name string, failed bool) {
	if name != s.playing.name || s.playing.id == 0 {
		return
	}
	e := menu.Played{ID: s.playing.id, Failed: failed, Heard: s.playing.heard(at)}
	if !failed {
		e.Heard = s.playing.whole()
	}
	s.playing = announcement{}
	s.watchdog.Stop()
	s.step(ctx, at, e)
}

func (s *session) refused(ctx context.Context, e asterisk.RequestFailed) {
	level := slog.LevelError
	if e.Status == http.StatusNotFound { // the caller has hung up, and we are about to hear of it
		level = slog.LevelInfo
	}
	s.log.Log(ctx, level, "asterisk refused a request", "node", s.machine.Node(), "request", string(e.Request), "status", e.Status)
	switch e.Request {
	case asterisk.RequestPlay:
		s.failed(e.ID, e.At)
	case asterisk.RequestContinue:
		s.step(ctx, e.At, menu.Returned{ID: s.transfer})
	}
}

// step gives one event to the Machine, records both sides, and only then lets the
// effects leave. Where the Machine looks outside, it is told in the same turn.
func (s *session) step(ctx context.Context, at time.Time, e menu.Event) {
	stopped := "" // and not yet told to the switch: a stop and the play after it leave together
	for e != nil {
		secret := s.machine.Secret()
		effects := s.machine.Step(e)
		crash.At(crash.CallDecided)
		s.record.Event(at, e, secret)
		for _, f := range effects {
			s.record.Effect(at, f)
		}
		err := s.record.Flush()
		if err != nil {
			s.log.Error("a step is not recorded", "err", err)
		}
		crash.At(crash.CallRecorded)
		stopped = s.carryOut(ctx, effects, stopped, err == nil)
		e = s.seen(at, effects)
	}
	if stopped != "" {
		s.line.Stop(stopped)
	}
}

// seen answers a look outside, which is the last effect where there is one.
func (s *session) seen(at time.Time, effects []menu.Effect) menu.Event {
	if len(effects) == 0 {
		return nil
	}
	look, ok := effects[len(effects)-1].(menu.Look)
	if !ok {
		return nil
	}
	e := menu.Seen{ID: look.ID, At: at.In(s.zone)}
	e.Closed, e.Notice = s.outside.Look(look.Service, at)
	e.Price, e.Priced = s.outside.Price(look.Service)
	if e.Notice != "" && !s.catalog.Has(s.lang, e.Notice) {
		// Posted for newer menus than this call's: no reason to end it, nor to tell of
		// it at every look.
		if _, told := s.unsaid.LoadOrStore([2]string{s.lang, e.Notice}, true); !told {
			s.log.Warn("a notice is not said: these menus have no such prompt", "node", s.machine.Node(), "service", look.Service, "prompt", e.Notice, "language", s.lang)
		}
		e.Notice = ""
	}
	return e
}

// carryOut does what the Machine decided. It takes and gives the name of the
// announcement that is still to be stopped. What is not recorded leads to no order, and no
// password is tried; callers go on hearing and asking.
func (s *session) carryOut(ctx context.Context, effects []menu.Effect, stopped string, recorded bool) string {
	for _, f := range effects {
		switch f := f.(type) {
		case menu.StopPlay:
			stopped = s.playing.name
			s.playing = announcement{}
			s.watchdog.Stop()
		case menu.Play:
			s.timer.Stop()
			s.play(f, stopped)
			stopped = ""
		case menu.SetTimer:
			s.timerID = f.ID
			s.timer.Reset(f.After)
		case menu.Submit:
			if recorded {
				s.submit(ctx, f)
			} else {
				s.refuse(f.ID)
			}
		case menu.Ask:
			s.ask(ctx, f)
		case menu.Verify:
			if recorded {
				s.verify(ctx, f)
			} else {
				s.refuse(f.ID)
			}
		case menu.Speak:
			s.lang = f.Language
		case menu.Transfer:
			s.move(f)
		case menu.End:
			stopped = "" // the hang-up ends it
			s.end(f.Reason)
		}
	}
	return stopped
}

// move sends the caller to a queue. Menus are held to the list when they are read; one from
// before the list became shorter gets the caller back, as if nobody had answered.
func (s *session) move(f menu.Transfer) {
	s.transfer = f.ID
	if slices.Contains(s.queues, f.Queue) {
		s.line.Continue(agents, f.Queue, s.facts(f))
		return
	}
	s.metrics.strayed.Inc()
	s.log.Error("a transfer to a queue that is not in the list (QUEUES) is not made", "node", s.machine.Node(), "queue", f.Queue)
	s.tasks(func() { s.reply(menu.Returned{ID: f.ID}) })
}

// end lets go of the channel, unless it is somewhere else or gone already.
func (s *session) end(reason menu.EndReason) {
	s.metrics.ended.WithLabelValues(string(reason), strconv.FormatBool(s.call.Test)).Inc()
	if reason != menu.Transferred {
		s.line.Hangup("normal")
	}
}

// play asks for an announcement, in place of the one named stop.
func (s *session) play(p menu.Play, stop string) {
	fragments, err := s.catalog.Fragments(s.lang, p.Refs)
	if err != nil {
		// Load has checked every prompt: this is a value that cannot be read aloud.
		s.log.Error("an announcement cannot be put together", "node", p.Node, "err", err)
	}
	s.playing, s.again = newAnnouncement(p, fragments), 0
	if err == nil && len(fragments) > 0 {
		s.send(stop)
		return
	}
	s.watchdog.Reset(0) // it has failed
	if stop != "" {
		s.line.Stop(stop)
	}
}

// send asks the switch for the present announcement from its beginning.
func (s *session) send(stop string) {
	s.playing.name = playName(s.call.ID, s.playing.id, s.again)
	s.playing.started, s.playing.broken = time.Time{}, time.Time{}
	s.watchdog.Reset(s.playing.length() + mediaMargin)
	s.line.Play(s.playing.name, s.playing.media(), stop)
}

// sayAgain says the present announcement once more: the switch was out of reach, and
// what was heard of it is not known.
func (s *session) sayAgain() {
	switch {
	case s.playing.id == 0:
	case s.playing.name == "": // it could not be played before either
		s.watchdog.Reset(0)
	default:
		old := s.playing.name
		s.again++
		s.send(old)
	}
}

// playName is the switch's name for an announcement. A server that takes the call up can
// tell it from the journal, and end what this one has begun to say.
func playName(call uuid.UUID, id menu.ID, again int) string {
	name := call.String() + "-" + strconv.FormatUint(uint64(id), 10)
	if again > 0 {
		name += "." + strconv.Itoa(again)
	}
	return name
}
