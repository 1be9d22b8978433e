package asterisk

import (
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	// inbox is how many events may wait for a session. One key press makes three.
	inbox = 64
	// birth: a DELETE that comes as its playback ends by itself can hit the next one,
	// which then fails without having been heard.
	birth = 100 * time.Millisecond
	// maxPlays bounds what we remember: a playback of a missing recording never ends.
	maxPlays = 8
)

// Channel is one caller's channel. Its methods may be called by several
// goroutines and never block; requests of one Channel are carried out in their order.
type Channel struct {
	id     string
	conn   *Conn
	events chan Event
	gone   chan struct{}

	mu      sync.Mutex
	over    bool // gone is closed
	lost    bool // between Lost and Back
	ending  bool // asked to hang up, by the other side
	leaving bool // our Continue is under way or done
	watched bool // the subscription that tells of its end stands, as far as we know
	outside bool // it has Left, and is watched
	plays   []*play
	stopped time.Time  // when the last stop was sent or answered
	wish    []*request // the last Continue or Hangup, until it is answered
	twice   bool       // wish was sent over an earlier connection too
}

// secondTry is the mark of a playback at its second attempt.
const secondTry = "~2"

// PlayNames are the names under which Asterisk may know what Play was given as id, for
// those who come after the Channel that played it.
func PlayNames(id string) []string { return []string{id, id + secondTry} }

// play is one playlist on its way.
type play struct {
	id    string // the session's
	ari   string // Asterisk's: the same, or with a mark at the second attempt
	media []string
	next  int  // item: the first one that has not been heard
	stop  bool // we asked for its end
	again bool // this is the second attempt
}

func newChannel(c *Conn, id string) *Channel {
	return &Channel{id: id, conn: c, events: make(chan Event, inbox), gone: make(chan struct{})}
}

// ID is Asterisk's unique id of the channel.
func (ch *Channel) ID() string { return ch.id }

// Events gives the channel's events in their order. It is never closed; see Gone.
// A session that leaves 64 of them unread counts as dead: its caller is hung up
// rather than left in silence, and Gone closes.
func (ch *Channel) Events() <-chan Event { return ch.events }

// Gone is closed when the channel is over, after the event that says why
// (Left, Destroyed, Vanished; none only for a session that read no events).
func (ch *Channel) Gone() <-chan struct{} { return ch.gone }

// Play says media (ARI media URIs, as "sound:/prompts/zh/main") one after the
// other, as the playback id. Where stop is not "", that playback is stopped in the
// same breath. PlayFinished or RequestFailed answers it.
//
// Asterisk has one name space for playbacks: an id must be unique for ever, e.g. the
// call's id and a number. It is used as it is, so that a playback of a
// server that died can be stopped by the next one.
func (ch *Channel) Play(id string, media []string, stop string) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.over || ch.lost {
		return
	}
	// Before it is sent: PlaybackStarted can come sooner than the answer.
	p := &play{id: id, ari: id, media: ch.conn.located(slices.Clone(media))}
	if len(ch.plays) == maxPlays {
		ch.plays = slices.Delete(ch.plays, 0, 1)
	}
	ch.plays = append(ch.plays, p)
	if stop == "" {
		ch.conn.send(playRequest(ch, p))
		return
	}
	ch.conn.send(ch.stopping(stop), playRequest(ch, p))
}

// Stop ends playback id. One that is over already stays over.
func (ch *Channel) Stop(id string) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if !ch.over && !ch.lost {
		ch.conn.send(ch.stopping(id))
	}
}

func (ch *Channel) stopping(id string) *request {
	ch.stopped = time.Now()
	for _, p := range ch.plays {
		if p.id == id {
			p.stop = true
			id = p.ari
		}
	}
	return stopRequest(ch, id)
}

// Continue sends the channel on to an extension of the dialplan, with variables that
// it can read there; "__NAME" is inherited by the channels that it calls. Left{Continued}
// or RequestFailed answers it; after Left, Returned or Destroyed. Nothing may be
// playing: Asterisk sets no variable before its end.
func (ch *Channel) Continue(context, exten string, variables map[string]string) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.over {
		return
	}
	// One socket serves its requests in order, so the subscription stands before the
	// channel leaves.
	move := []*request{subscribeRequest(ch, ch.conn.app), continueRequest(ch, context, exten)}
	if len(variables) > 0 {
		variables = maps.Clone(variables)
		variables["SERVED_BY"] = ch.conn.app // it may have come to another one first
		ch.wishes(variablesRequest(ch, variables, move))
		return
	}
	ch.move(move)
}

// move is the last part of Continue. Callers hold mu.
func (ch *Channel) move(rs []*request) {
	ch.leaving, ch.watched = true, true
	ch.wishes(rs...)
}

// Hangup ends the channel. Reason is one of ARI's ("normal", "busy", "congestion",
// "no_answer", …); "" is normal.
func (ch *Channel) Hangup(reason string) {
	if reason == "" {
		reason = "normal"
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if !ch.over {
		ch.wishes(hangupRequest(ch, reason))
	}
}

// wishes sends what decides the channel's fate, and keeps it for the next
// connection if this one does not answer.
func (ch *Channel) wishes(rs ...*request) {
	ch.wish, ch.twice = rs, false
	if !ch.lost {
		ch.conn.send(rs...)
	}
}

// tell puts an event into the inbox. Callers hold mu.
func (ch *Channel) tell(ev Event) {
	if ch.over {
		return
	}
	select {
	case ch.events <- ev:
	default:
		ch.conn.metrics.overruns.Inc()
		ch.conn.log.Error("a session reads no events, its caller is hung up", "channel", ch.id)
		ch.conn.send(hangupRequest(ch, "failure"))
		ch.end(nil)
	}
}

// end closes the channel, with the event that says why. Callers hold mu.
func (ch *Channel) end(why Event) {
	if why != nil {
		ch.tell(why)
	}
	if ch.over { // a full inbox has just ended it
		return
	}
	ch.over = true
	close(ch.gone)
	ch.conn.forget(ch)
}

func (ch *Channel) pressed(key byte, at time.Time) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.tell(Digit{Key: key, At: at})
}

// find gives a playback by Asterisk's id. Callers hold mu.
func (ch *Channel) find(playback []byte) *play {
	for _, p := range ch.plays {
		if p.ari == string(playback) {
			return p
		}
	}
	return nil
}

func (ch *Channel) remove(p *play) {
	ch.plays = slices.DeleteFunc(ch.plays, func(q *play) bool { return q == p })
}

// playing handles PlaybackStarted, which comes for every item and names it by
// its file only: the item is the next one with that file.
func (ch *Channel) playing(playback, media []byte, at time.Time) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	p := ch.find(playback)
	if p == nil {
		return // of the server before us: nobody waits for it
	}
	for i := p.next; i < len(p.media); i++ {
		if p.media[i] == string(media) {
			p.next = i + 1
			break
		}
	}
	ch.tell(PlayStarted{ID: p.id, Item: max(0, p.next-1), At: at})
}

func (ch *Channel) played(playback []byte, failed bool, at time.Time) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	p := ch.find(playback)
	if p == nil {
		return
	}
	if failed && !p.stop && !p.again && !ch.ending && !ch.lost && at.Sub(ch.stopped) < birth {
		p.again, p.ari, p.next = true, p.id+secondTry, 0
		ch.conn.metrics.replays.Inc()
		ch.conn.send(playRequest(ch, p))
		return
	}
	ch.remove(p)
	ch.tell(PlayFinished{ID: p.id, Failed: failed && !p.stop, At: at})
}

func (ch *Channel) hangingUp(cause int, at time.Time) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.ending = true
	ch.tell(HangupRequested{Cause: cause, At: at})
}

// left handles StasisEnd. A caller who hangs up while our Continue is on its way
// has hung up: only then a hang-up request comes first.
func (ch *Channel) left(at time.Time) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if !ch.leaving || ch.ending {
		ch.end(Left{At: at})
		return
	}
	ch.depart(at)
	if !ch.watched {
		ch.unwatched(at)
	}
}

// depart is for a channel that goes where we sent it. Callers hold mu.
func (ch *Channel) depart(at time.Time) {
	if !ch.outside {
		ch.outside, ch.plays = true, nil
		ch.tell(Left{Continued: true, At: at})
	}
}

// returned handles StasisStart of a channel that we know.
func (ch *Channel) returned(args []string, at time.Time) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.leaving, ch.outside = false, false
	ch.tell(Returned{Args: args, At: at})
}

func (ch *Channel) destroyed(cause int, at time.Time) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.end(Destroyed{Cause: cause, At: at})
}

// cut handles the end of the connection.
func (ch *Channel) cut(at time.Time) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.over || ch.lost {
		return
	}
	ch.lost = true
	ch.plays = nil
	ch.tell(Lost{At: at})
}

// restored handles the first word of a new connection about a channel that was
// lost: is it still there?
func (ch *Channel) restored(there bool, at time.Time) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	switch {
	case ch.over || !ch.lost:
	case !there:
		ch.end(Vanished{At: at})
	default:
		ch.lost, ch.twice = false, true
		ch.conn.send(ch.wish...)
		ch.tell(Back{At: at})
	}
}

// lastWish gives the hang-up that a lost channel waits for; nil for none.
func (ch *Channel) lastWish() *request {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.over || !ch.lost || len(ch.wish) != 1 || ch.wish[0].kind != askHangup {
		return nil
	}
	return ch.wish[0]
}

// vanished handles that the channel was ended beside the connection.
func (ch *Channel) vanished(at time.Time) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.end(Vanished{At: at})
}

// answered handles the answer to a request; status 0 is none.
func (ch *Channel) answered(r *request, status int, at time.Time) {
	ok := status >= 200 && status < 300
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if (r.kind == askContinue || r.kind == askHangup) && slices.Contains(ch.wish, r) {
		ch.wish = nil
	}
	switch {
	case r.kind == askStop:
		// Later than the sending: what this stop hit by mistake fails about now.
		ch.stopped = at
	case r.kind == askVariables:
		if !slices.Contains(ch.wish, r) || ch.over || ch.lost {
			return // another wish came after it, or it will be asked again
		}
		if !ok {
			ch.conn.log.Warn("asterisk has not taken the variables of a transfer, which goes on without them", "channel", ch.id, "status", status)
		}
		ch.move(r.then)
	case ok:
	case r.kind == askPlay:
		if slices.Contains(ch.plays, r.play) {
			ch.remove(r.play)
			ch.tell(RequestFailed{Request: RequestPlay, ID: r.play.id, Status: status, At: at})
		}
	case r.kind == askSubscribe:
		ch.watched = false
		ch.unwatched(at)
	case r.kind == askContinue && ch.twice && ch.watched && status == 409:
		// It is not in our application any more: the first one had been obeyed, and
		// its StasisEnd fell into the gap.
		ch.depart(at)
	case r.kind == askContinue:
		ch.leaving = false
		ch.unwatched(at)
		ch.tell(RequestFailed{Request: RequestContinue, Status: status, At: at})
	case r.kind == askHangup || r.kind == askExists:
		if status == 404 { // the event that told of its end came before we listened
			ch.end(Vanished{At: at})
		} else if r.kind == askHangup {
			ch.tell(RequestFailed{Request: RequestHangup, Status: status, At: at})
		}
	}
}

// unwatched ends a channel that is outside and of whose end nobody would tell.
func (ch *Channel) unwatched(at time.Time) {
	if ch.outside {
		ch.end(Destroyed{At: at})
	}
}
