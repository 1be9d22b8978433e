package asterisk

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/CyCoreSystems/ari/v5"
	"github.com/prometheus/client_golang/prometheus"

	"hotline/internal/orders"
)

// Options says which Asterisk, and as which application.
type Options struct {
	URL            string // e.g. http://127.0.0.1:8088/ari
	User, Password string // of ari.conf
	// App is the Stasis application. Two clients with one name take it from each
	// other, so it is unique per server, and stable, for the dialplan names it.
	App        string
	Node       string // short name of this Asterisk, label of metrics and logs
	Log        *slog.Logger
	Registerer prometheus.Registerer

	// Sounds lists what calls may be played now. Asterisk gets calls only once it is known to have
	// all of it; until then its dialplan answers them. After a connection was lost, the process that
	// was known to gets them at once, and is asked again meanwhile. nil: nothing is verified.
	Sounds func() []Sound
	// Folder is the name of the folder of all sounds below Asterisk's recording directory, which
	// ARI serves files from: "prompts" for /var/spool/asterisk/recording/prompts. It may be bound
	// there, but not linked.
	Folder string
	// Audio is that folder's path in the media that Play is given, "/srv/audio" for
	// "sound:/srv/audio/zh/main.welcome-1b2c3d4e5f60": they are played from Folder.
	Audio string
	// Memory is a file of this server's own that says, when it was killed while callers were on the
	// line, which process had all Sounds. "": the next server reads them before it speaks.
	Memory string
}

// Conn is the connection to one Asterisk. It is made by New and lives while Run does.
type Conn struct {
	app     string
	rest    *rest
	badURL  error
	log     *slog.Logger
	metrics *metrics
	arrive  func(*Channel, Arrival)
	times   times
	link    atomic.Pointer[link] // nil while disconnected
	served  bool                 // a connection has come up before; Run's own

	sounds        func() []Sound
	folder, audio string
	memory        string
	played        atomic.Pointer[string] // the folder of all sounds as Asterisk names it; nil before it was asked

	mu       sync.RWMutex
	channels map[string]*Channel
	up       bool
	why      string // what is wrong while not up
	checked  *checked
}

// times are the Conn's clocks; tests shorten them.
type times struct {
	ping     time.Duration // from a pong to the next ping
	pong     time.Duration // until a ping counts as unanswered
	probe    time.Duration // for Asterisk to show that it serves REST over WebSocket
	firstTry time.Duration
	lastTry  time.Duration
	hurry    time.Duration // between two tries while callers wait for one, at most
	copied   time.Duration // until sounds that are missing are looked for again
}

// Together ping and pong stay below 10 s, the longest that callers may be in silence
// on a half-open connection.
var defaultTimes = times{ping: 3 * time.Second, pong: 5 * time.Second, probe: 2 * time.Second,
	firstTry: 100 * time.Millisecond, lastTry: 5 * time.Second, hurry: time.Second, copied: time.Second}

// New makes a Conn that tells arrive of every new call. It is called by the
// goroutine that reads for all calls, so it must not block.
func New(o Options, arrive func(*Channel, Arrival)) *Conn {
	c := &Conn{app: o.App, arrive: arrive, times: defaultTimes, channels: map[string]*Channel{},
		sounds: o.Sounds, folder: o.Folder, audio: strings.TrimSuffix(o.Audio, "/"), memory: o.Memory, checked: newChecked(""),
		log: o.Log.With("node", o.Node), why: "not connected yet"}
	c.rest, c.badURL = newRest(o)
	c.metrics = newMetrics(o.Registerer, o.Node, c.waiting)
	return c
}

// Run connects, serves and connects again until ctx ends; then it sends what is
// still queued, closes, and returns nil. Its one error is an address that is none.
// A server that cannot be reached or refuses us is tried for ever: see State.
func (c *Conn) Run(ctx context.Context) error {
	if c.badURL != nil {
		c.setState(false, c.badURL.Error())
		return c.badURL
	}
	wait := c.times.firstTry
	for {
		served, err := c.serve(ctx)
		if ctx.Err() != nil {
			c.setState(false, "stopped")
			return nil
		}
		c.down(err)
		var lacks *soundsError
		replaced := errors.Is(err, errReplaced)
		switch {
		case replaced: // do not play ball with the other one
			wait = c.times.lastTry
		case errors.As(err, &lacks): // they may be on their way, and cost little to look for
			c.letGo(ctx)
			wait = c.times.copied
		case served:
			wait = c.times.firstTry
		}
		pause := wait
		if !replaced && len(c.all()) > 0 { // whose sessions wait 10 s, in silence
			pause = min(wait, c.times.hurry)
		}
		// Jitter: the servers of a restarted Asterisk must not come back all at once.
		select {
		case <-time.After(pause/2 + rand.N(pause/2)):
		case <-ctx.Done():
		}
		wait = min(2*wait, c.times.lastTry)
	}
}

// down says why there is no connection; to the log once, not at every try.
func (c *Conn) down(err error) {
	why := c.rest.explain(err)
	if _, before := c.State(); before != why {
		var lacks *soundsError
		if errors.As(err, &lacks) {
			c.log.Error("asterisk gets no calls, it does not have what they are played", "reason", why)
		} else {
			c.log.Warn("no connection to asterisk", "reason", why)
		}
	}
	c.setState(false, why)
}

// serve is one connection from dial to end; served tells whether it had come up.
func (c *Conn) serve(ctx context.Context) (served bool, err error) {
	if err := c.letIn(ctx); err != nil {
		return false, err
	}
	l, err := c.dial(ctx)
	if err != nil {
		return false, err
	}
	c.link.Store(l) // before the first call can come in and want to play
	stop := l.start()
	if err = l.setUp(ctx); err == nil {
		served = true
		if c.served {
			c.metrics.reconnects.Inc()
		}
		c.served = true
		c.setState(true, "")
		err = c.attend(ctx, l)
	}
	c.link.Store(nil)
	stop()
	// Whatever cut the socket has cut these too, and they would not tell for 5 s.
	c.rest.client.CloseIdleConnections()
	if served {
		c.setState(false, "connection lost")
	}
	c.forgetSounds()
	c.lose(time.Now())
	return served, err
}

// attend is the life of a connection that is up, until it fails or ctx ends.
func (c *Conn) attend(ctx context.Context, l *link) error {
	beating, still := context.WithCancel(ctx)
	var beats sync.WaitGroup
	beats.Go(func() { c.beat(beating) })
	defer beats.Wait()
	defer still()
	look := time.NewTicker(c.times.copied)
	defer look.Stop()
	for {
		select {
		case <-l.done:
			return l.err
		case <-ctx.Done():
			l.leave()
			return nil
		case <-look.C:
			if err := c.stillIn(ctx, l); err != nil {
				return err
			}
		}
	}
}

// State tells whether calls can come in, and if not, in one line, what is wrong,
// where, and what to do about it.
func (c *Conn) State() (connected bool, why string) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.up, c.why
}

func (c *Conn) setState(up bool, why string) {
	c.mu.Lock()
	c.up, c.why = up, why
	c.mu.Unlock()
	c.metrics.connected.Set(0)
	if up {
		c.metrics.connected.Set(1)
	}
}

// Channels lists the ids of the application's channels in Asterisk, those of a
// server that died before us included.
func (c *Conn) Channels(ctx context.Context) ([]string, error) {
	if c.badURL != nil {
		return nil, c.badURL
	}
	return c.rest.channels(ctx, c.app)
}

// Orphans lists the channels of Channels that nobody here serves: an earlier run
// of this server has left them.
func (c *Conn) Orphans(ctx context.Context) ([]string, error) {
	ids, err := c.Channels(ctx)
	return slices.DeleteFunc(ids, func(id string) bool { return c.channel([]byte(id)) != nil }), err
}

// Adopt takes over a channel of the list that Channels gave. If it ended in the
// meantime, Gone closes soon.
func (c *Conn) Adopt(channel string) *Channel {
	c.mu.Lock()
	ch, known := c.channels[channel]
	if !known {
		ch = newChannel(c, channel)
		c.channels[channel] = ch
	}
	c.mu.Unlock()
	if known {
		return ch
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if c.link.Load() == nil {
		ch.lost = true // the next connection asks for it
	} else {
		c.send(existsRequest(ch))
	}
	return ch
}

func (c *Conn) channel(id []byte) *Channel {
	c.mu.RLock()
	ch := c.channels[string(id)]
	c.mu.RUnlock()
	return ch
}

func (c *Conn) forget(ch *Channel) {
	c.mu.Lock()
	delete(c.channels, ch.id)
	c.mu.Unlock()
}

// all gives the channels that are live now.
func (c *Conn) all() []*Channel {
	c.mu.RLock()
	defer c.mu.RUnlock()
	list := make([]*Channel, 0, len(c.channels))
	for _, ch := range c.channels {
		list = append(list, ch)
	}
	return list
}

func (c *Conn) lose(at time.Time) {
	for _, ch := range c.all() {
		ch.cut(at)
	}
}

// restore tells the channels that were cut off whether they are still there.
func (c *Conn) restore(ctx context.Context) error {
	there, err := c.rest.channels(ctx, c.app)
	if err != nil {
		return err
	}
	set := make(map[string]bool, len(there))
	for _, id := range there {
		set[id] = true
	}
	at := time.Now()
	for _, ch := range c.all() {
		ch.restored(set[ch.id], at)
	}
	return nil
}

func (c *Conn) waiting() int {
	if l := c.link.Load(); l != nil {
		return l.waiting()
	}
	return 0
}

// send queues requests that belong together. Without a connection they are
// dropped: the channels are about to hear Lost, or have heard it.
func (c *Conn) send(rs ...*request) {
	if l := c.link.Load(); l != nil && len(rs) > 0 {
		l.queue.put(rs...)
	}
}

// handle gives one message to the channel that it is about.
func (c *Conn) handle(l *link, f *frame, message []byte, at time.Time) {
	_ = f.decode(message) // what cannot be read is counted as malformed
	c.metrics.events[f.kind].Inc()
	switch f.kind {
	case kindUnknown, kindMalformed, kindRegistered:
		return
	case kindResponse:
		l.response(f.request, f.status, at)
		return
	case kindStart:
		c.started(f, message, at)
		return
	case kindReplaced:
		l.fail(errReplaced)
		return
	}
	ch := c.channel(f.channel)
	if ch == nil {
		c.metrics.late.Inc()
		return
	}
	switch f.kind {
	case kindDigit:
		ch.pressed(f.digit, at)
	case kindPlayStarted:
		ch.playing(f.playback, f.media, at)
	case kindPlayFinished:
		ch.played(f.playback, f.failed, at)
	case kindHangupRequest:
		ch.hangingUp(f.cause, at)
	case kindEnd:
		ch.left(at)
	case kindDestroyed:
		ch.destroyed(f.cause, at)
	}
}

// started handles StasisStart: once a call, so it can afford a whole decode.
func (c *Conn) started(f *frame, message []byte, at time.Time) {
	var start struct {
		Args    []string `json:"args"`
		Channel struct {
			Name   string       `json:"name"`
			Caller ari.CallerID `json:"caller"`
		} `json:"channel"`
	}
	if err := json.Unmarshal(message, &start); err != nil || len(f.channel) == 0 {
		c.metrics.events[kindMalformed].Inc()
		c.log.Error("a call came in that cannot be read", "channel", string(f.channel))
		return
	}
	if ch := c.channel(f.channel); ch != nil {
		ch.returned(start.Args, at)
		return
	}
	ch := newChannel(c, string(f.channel))
	c.mu.Lock()
	c.channels[ch.id] = ch
	c.mu.Unlock()
	caller, err := orders.ParseMSISDN(start.Channel.Caller.Number)
	if err != nil {
		caller = orders.MSISDN{} // withheld
	}
	c.arrive(ch, Arrival{Channel: ch.id, Name: start.Channel.Name, Args: start.Args, At: at, Caller: caller})
}
