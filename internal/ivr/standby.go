package ivr

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"hotline/internal/ivr/asterisk"
)

// Neighbour is one Asterisk, as far as watching another server there needs it.
type Neighbour interface {
	State() (connected bool, why string)
	Beat(ctx context.Context, app string) (string, error)
	Left(ctx context.Context, app string) ([]string, error)
	Where(ctx context.Context, channel string) (a asterisk.Arrival, inside bool, err error)
	Hush(ctx context.Context, playbacks []string) error
	Fetch(ctx context.Context, channel string, args []string) error
}

const (
	// watchEvery is how often a standby looks for the other server's sign of life.
	watchEvery = 500 * time.Millisecond
	// deadAfter is how long that may stay away. A server gives it every second; with what
	// fetching takes, no caller of a dead one sits in silence for 10 s.
	deadAfter = 4 * time.Second
	// fetchers is how many calls are fetched at once: Asterisk is asked a few dozen small
	// things for each.
	fetchers = 8
)

// StandBy watches the server of application app on one Asterisk, and takes over the
// callers that it leaves there when it dies. They are moved into our own application:
// nobody takes a name from anybody, so that a server which comes back finds its name,
// and no caller of ours under it. It returns when ctx ends.
func (s *Server) StandBy(ctx context.Context, node Neighbour, app string) error {
	w := watch{server: s, node: node, app: app, since: time.Now(), fetched: map[string]bool{}}
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			w.look(ctx)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// watch is what a standby has seen of the other server.
type watch struct {
	server  *Server
	node    Neighbour
	app     string
	beat    string
	since   time.Time // when beat was seen first
	dead    bool      // told of
	fetched map[string]bool
}

// look fetches what a dead server has left. Whoever cannot ask Asterisk judges nobody.
func (w *watch) look(ctx context.Context) {
	if up, _ := w.node.State(); !up || w.lives(ctx) {
		w.dead = false
		return
	}
	if time.Since(w.since) < deadAfter || w.beat == "" {
		return // one that has never given a sign may be of a version that gives none
	}
	channels, err := w.node.Left(ctx, w.app)
	if err != nil {
		w.server.opt.Log.Error("the calls of a dead server cannot be listed now", "app", w.app, "err", err)
		return
	}
	for id := range w.fetched {
		if !slices.Contains(channels, id) {
			delete(w.fetched, id)
		}
	}
	channels = slices.DeleteFunc(channels, func(id string) bool { return w.fetched[id] })
	if !w.dead {
		w.dead = true
		w.server.opt.Log.Warn("another server gives no sign of life: its callers are taken over", "app", w.app, "calls", len(channels))
	}
	w.fetch(ctx, channels)
}

// lives tells whether there was a sign of life since the last look, or none can be looked for.
func (w *watch) lives(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, deadAfter/2)
	defer cancel()
	beat, err := w.node.Beat(ctx, w.app)
	if err == nil && beat == w.beat {
		return false
	}
	w.beat, w.since = beat, time.Now()
	return true
}

// fetch moves channels here, each of which then arrives.
func (w *watch) fetch(ctx context.Context, channels []string) {
	var all errgroup.Group
	all.SetLimit(fetchers)
	got := make([]bool, len(channels))
	for i, id := range channels {
		all.Go(func() error {
			got[i] = w.fetchOne(ctx, id)
			return nil
		})
	}
	_ = all.Wait() // none gives an error
	for i, id := range channels {
		w.fetched[id] = got[i] // once: the channel may be on its way for as long as it is played something
	}
}

// fetchOne tells whether the channel need not be fetched any more.
func (w *watch) fetchOne(ctx context.Context, channel string) bool {
	s := w.server
	a, inside, err := w.node.Where(ctx, channel)
	if err == nil && !inside {
		return false // with a person: the dialplan brings him here if he comes back
	}
	var call Call
	if err == nil {
		call, err = newCall(a)
	}
	if err != nil {
		s.opt.Log.Error("a call of a dead server is not known and stays there", "channel", channel, "err", err)
		return true
	}
	var plays []string
	if past, err := s.recall(ctx, nil, call.ID); err == nil {
		plays = playsOf(call.ID, past)
	}
	err = w.node.Hush(ctx, plays)
	if err == nil {
		// The last look at whether it lives is right before the move: one that has just come
		// back goes on with its calls itself, half a second after its first sign of life.
		if beat, err := w.node.Beat(ctx, w.app); err != nil || beat != w.beat {
			return false
		}
		args := append(append(a.Args, make([]string, argReached)...)[:argReached:argReached], taken)
		err = w.node.Fetch(ctx, channel, args)
	}
	if err != nil {
		s.opt.Log.Error("a call of a dead server cannot be taken over now", "call", call.ID.String(), "err", err)
		return false
	}
	return true
}
