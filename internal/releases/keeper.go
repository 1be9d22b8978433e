package releases

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"hotline/internal/source"
)

// Options are what a Keeper needs; all of them.
type Options struct {
	Store        *Store
	Menus, Texts string // the folders (Menus may be a file) whose saves are published
	// Check names everything that callers must not meet; it is asked of what was not
	// published before, and may not take long. Problems are source.Problems.
	Check func(context.Context, *Snapshot) error
	// Prove looks harder, at what a save has made live already; what it finds wrong is
	// taken back. nil: Check sees everything.
	Prove func(context.Context, *Snapshot) error
	// Load makes ready whatever a snapshot needs, without effect on calls; golive
	// serves the next call with it.
	Load       func(context.Context, *Snapshot) (golive func(), err error)
	Log        *slog.Logger
	Registerer prometheus.Registerer
}

// Status is what a server's operators want to know of its menus.
type Status struct {
	Live    Publication `json:"live"`              // Seq 0: served, but not in Postgres yet
	Since   time.Time   `json:"since"`             // this server serves it
	Folder  string      `json:"folder,omitempty"`  // the version that the folder holds; "" where it cannot be read
	Refused []Refusal   `json:"refused,omitempty"` // none: all is well
}

// Refusal is a change that did not become live; what was live stayed.
type Refusal struct {
	What     string          `json:"what"`
	At       time.Time       `json:"at"`
	Why      string          `json:"why"`
	Problems source.Problems `json:"problems,omitempty"` // where Why is about files
}

// Keeper decides what one server serves: the folder when it is saved, and what was
// published last when that was elsewhere. Start comes first, then Run; the rest may
// be called at any time.
type Keeper struct {
	opt     Options
	ok      prometheus.Gauge
	changes *prometheus.CounterVec
	wish    chan struct{}
	judged  chan verdict
	proved  chan verdict
	work    sync.WaitGroup // of Run

	mu     sync.Mutex
	status Status
	folder *Refusal // of the folder
	remote *Refusal // of the version that was published elsewhere

	// Of Start, and then of Run's goroutine.
	seen      *Snapshot // the folder when it was last read; nil where that failed
	serving   *Snapshot
	turn      int       // counts what the folder was found to be
	judging   *unstored // is being checked; nil for none
	next      *unstored // is to be checked after it
	proving   *unstored // is live, and looked at once more; nil for none
	unproved  *unstored // is to be proved after it
	signature string
	moving    bool      // the signature has just changed
	seq       int64     // the publication that was acted upon last
	pending   *unstored // serves, and is not in Postgres yet
	retryAt   time.Time // what was published elsewhere could not be loaded
}

// unstored is a publication that Postgres does not have yet.
type unstored struct {
	snap         *Snapshot
	author, note string
	after        int64 // the publication that it follows; what came later counts more
	start        bool  // Postgres was away when the server started: nothing is known yet
	turn         int   // of the Keeper when it was saved
}

// verdict is what a check has found; nil for nothing wrong.
type verdict struct {
	of  *unstored
	err error
}

const (
	lookEvery  = 100 * time.Millisecond // at the folder; a change is taken once nothing more changes
	pollEvery  = time.Second
	retryEvery = 10 * time.Second
)

// NewKeeper makes a Keeper; it does nothing before Start.
func NewKeeper(opt Options) *Keeper {
	f := promauto.With(opt.Registerer)
	return &Keeper{
		opt: opt, wish: make(chan struct{}, 1), judged: make(chan verdict, 1), proved: make(chan verdict, 1),
		ok: f.NewGauge(prometheus.GaugeOpts{Name: "ivr_menus_ok", Help: "1: the menus that were saved or published last are live. 0: they were refused, and older ones are."}),
		changes: f.NewCounterVec(prometheus.CounterOpts{
			Name: "ivr_menus_changes_total", Help: "Menus that became live, or were refused.",
		}, []string{"result"}),
	}
}

// Publish has the folder published as it is now, also where it was saved before and
// taken back since. It does not wait for it.
func (k *Keeper) Publish() {
	select {
	case k.wish <- struct{}{}:
	default: // it is wished for already
	}
}

// Status tells what is live and what was refused.
func (k *Keeper) Status() Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.status
	for _, r := range []*Refusal{k.folder, k.remote} {
		if r != nil {
			s.Refused = append(s.Refused, *r)
		}
	}
	return s
}

// Start makes something live: what was live last, so that a rollback outlives a
// restart. A folder that is new is then a save, which Run checks. Where nothing was
// published, or Postgres is away, the folder is served if only it can be loaded:
// callers have nothing else, and a check takes longer than they wait. The error
// names what is wrong with both.
func (k *Keeper) Start(ctx context.Context) error {
	k.signature = signature(k.opt.Menus, k.opt.Texts)
	snap, err := k.take()
	last, lastErr := k.opt.Store.Live(ctx)
	if lastErr == nil {
		k.follow(ctx, last)
		if err == nil {
			if known, knownErr := k.opt.Store.Known(ctx, snap.Release); knownErr == nil && !known {
				k.seen, k.moving = nil, true
			}
		}
	}
	served := k.Status().Live.Release != ""
	if !served && err == nil {
		err = k.try(ctx, snap)
	}
	switch {
	case err != nil:
		k.refuse(&k.folder, k.opt.Menus, err)
		if !served && k.remote != nil {
			err = errors.Join(err, errors.New(k.remote.Why))
		}
		if !served {
			return err
		}
	case served:
	case lastErr == nil: // in place of what cannot be served here, but perhaps elsewhere
		k.serving = snap
		k.live(Publication{Release: snap.Release, Author: userName(uint32(os.Getuid()))})
	default:
		k.offer(ctx, &unstored{
			snap: snap, author: savedBy(k.opt.Menus, k.opt.Texts, snap.Changed(nil)), note: "new at the start of a server",
			start: !errors.Is(lastErr, ErrNone),
		})
	}
	return nil
}

// take reads the folder.
func (k *Keeper) take() (*Snapshot, error) {
	snap, err := Take(k.opt.Menus, k.opt.Texts)
	k.seen = snap
	k.mu.Lock()
	defer k.mu.Unlock()
	k.status.Folder = ""
	if err == nil {
		k.status.Folder = snap.Release
	}
	return snap, err
}

// Run follows the folder and what is published elsewhere until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	told, found := make(chan struct{}, 1), make(chan Publication)
	defer k.work.Wait()
	k.work.Go(func() { k.opt.Store.Watch(ctx, told) })
	k.work.Go(func() { k.poll(ctx, told, found) })
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			if k.settled() {
				k.changed(ctx, false)
			}
		case <-k.wish:
			k.changed(ctx, true)
		case v := <-k.judged:
			k.decide(ctx, v)
		case v := <-k.proved:
			k.doubt(ctx, v)
		case p := <-found:
			k.follow(ctx, p)
		case <-ctx.Done():
			return
		}
	}
}

// poll asks Postgres what is live, where a Postgres that hangs delays nobody.
func (k *Keeper) poll(ctx context.Context, told <-chan struct{}, found chan<- Publication) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-told:
		case <-ctx.Done():
			return
		}
		p, err := k.opt.Store.Live(ctx)
		if err != nil && !errors.Is(err, ErrNone) {
			continue // /readyz tells of it
		}
		select {
		case found <- p:
		case <-ctx.Done():
			return
		}
	}
}

// settled tells whether the folder has changed, and has then been at rest for a look:
// a save of several files, or a checkout, is one change.
func (k *Keeper) settled() bool {
	now := signature(k.opt.Menus, k.opt.Texts)
	if now != k.signature {
		k.signature, k.moving = now, true
		return false
	}
	rested := k.moving
	k.moving = false
	return rested
}

// changed takes the folder as it is now, and has it checked.
func (k *Keeper) changed(ctx context.Context, asked bool) {
	before := k.seen
	snap, err := k.take()
	if err == nil && !asked && before != nil && before.Release == snap.Release {
		return
	}
	k.turn++ // what is being checked is the folder no more
	k.next = nil
	if err != nil {
		k.refuse(&k.folder, k.opt.Menus, err)
		return
	}
	if live := k.Status().Live; snap.Release == live.Release && (live.Seq > 0 || k.pending != nil) {
		k.accept(&k.folder) // what was refused has been undone
		return
	}
	changed := snap.Changed(k.serving)
	k.judge(ctx, &unstored{
		snap: snap, author: savedBy(k.opt.Menus, k.opt.Texts, changed), note: few(changed), after: k.seq, turn: k.turn,
	})
}

// judge has a save checked. That may take longer than a rollback may wait, so Run goes
// on meanwhile; one at a time, and of those that wait only the last.
func (k *Keeper) judge(ctx context.Context, u *unstored) {
	if k.judging != nil {
		k.next = u
		return
	}
	k.judging = u
	k.work.Go(func() {
		k.judged <- verdict{u, k.safely(u.snap, func() error { return k.opt.Check(ctx, u.snap) })}
	})
}

// decide acts on what a check has found, unless there is something newer by now.
func (k *Keeper) decide(ctx context.Context, v verdict) {
	k.judging = nil
	if u := k.next; u != nil {
		k.next = nil
		k.judge(ctx, u)
		return
	}
	if v.of.turn != k.turn || ctx.Err() != nil {
		return
	}
	err := v.err
	if err == nil && v.of.after != k.seq {
		err = ErrOvertaken
	}
	if err == nil {
		err = k.try(ctx, v.of.snap)
	}
	if err != nil {
		k.refuse(&k.folder, k.opt.Menus, err)
		return
	}
	k.offer(ctx, v.of)
	k.prove(ctx, v.of)
}

// offer is what follows once the folder's snapshot is live here: others are to have
// it too.
func (k *Keeper) offer(ctx context.Context, u *unstored) {
	k.pending, k.serving = u, u.snap
	k.accept(&k.folder)
	k.live(Publication{Release: u.snap.Release, Author: u.author, Note: u.note, At: time.Now()})
	if !u.start {
		k.store(ctx)
	}
}

// store brings what is pending into Postgres.
func (k *Keeper) store(ctx context.Context) {
	u := k.pending
	p, err := k.opt.Store.publish(ctx, u.snap, u.author, u.note, u.after, false)
	switch {
	case errors.Is(err, ErrOvertaken):
		// A later decision counts more than an earlier save that nobody else has seen.
		k.pending = nil
		k.refuse(&k.folder, k.opt.Menus, err)
	case err != nil:
		k.opt.Log.Warn("the menus are live here, and not stored in Postgres yet", "release", u.snap.Release, "err", err)
	default:
		for _, later := range []*unstored{k.judging, k.next} {
			if later != nil && later.after == k.seq {
				later.after = p.Seq // this is no decision of anybody else's
			}
		}
		k.pending, k.seq, k.retryAt = nil, p.Seq, time.Time{}
		k.accept(&k.remote)
		k.live(p)
	}
}

// follow acts on what Postgres says is live.
func (k *Keeper) follow(ctx context.Context, p Publication) {
	if u := k.pending; u != nil {
		if u.start { // the rules of Start, now that they can be followed
			known, err := k.opt.Store.Known(ctx, u.snap.Release)
			if err != nil {
				return
			}
			u.start, u.after = false, p.Seq
			if known {
				k.pending = nil
			}
		}
		if k.pending != nil {
			k.store(ctx)
			return // what else there is shows at the next look
		}
	}
	if p.Seq == 0 || p.Seq < k.seq || p.Seq == k.seq && (k.retryAt.IsZero() || time.Now().Before(k.retryAt)) {
		return
	}
	k.seq, k.retryAt = p.Seq, time.Time{}
	if p.Release == k.Status().Live.Release {
		k.accept(&k.remote)
		k.live(p)
		return
	}
	snap, err := k.opt.Store.Open(ctx, p.Release)
	if err == nil {
		err = k.try(ctx, snap)
	}
	if err != nil {
		k.retryAt = time.Now().Add(retryEvery)
		k.refuse(&k.remote, "version "+p.Release, err)
		return
	}
	k.serving = snap
	k.accept(&k.remote)
	k.live(p)
}

// try makes a snapshot live, or says why not.
func (k *Keeper) try(ctx context.Context, snap *Snapshot) error {
	return k.safely(snap, func() error {
		golive, err := k.opt.Load(ctx, snap)
		if err == nil {
			golive()
		}
		return err
	})
}

// safely does something with a snapshot. A fault of this program on unforeseen menus
// ends that, and nothing else: calls are under way.
func (k *Keeper) safely(snap *Snapshot, do func() error) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			k.opt.Log.Error("a fault of this program on these menus", "release", snap.Release, "fault", fmt.Sprint(fault), "stack", string(debug.Stack()))
			err = fmt.Errorf("a fault of this program on these menus: %v (see the log)", fault)
		}
	}()
	return do()
}

// live notes what calls are served with from now on.
func (k *Keeper) live(p Publication) {
	k.mu.Lock()
	same := k.status.Live.Release == p.Release
	p.Live = true
	k.status.Live = p
	if !same {
		k.status.Since = time.Now()
	}
	k.mu.Unlock()
	if !same {
		k.changes.WithLabelValues("live").Inc()
		k.opt.Log.Info("menus are live", "release", p.Release, "author", p.Author, "note", p.Note)
	}
}

// refuse notes why something did not become live.
func (k *Keeper) refuse(where **Refusal, what string, err error) {
	r := &Refusal{What: what, At: time.Now(), Why: err.Error()}
	_ = errors.As(err, &r.Problems) // where it is about files
	k.mu.Lock()
	again := *where != nil && (*where).Why == r.Why
	*where = r
	k.mu.Unlock()
	k.ok.Set(0)
	if !again {
		k.changes.WithLabelValues("refused").Inc()
		k.opt.Log.Error("menus are refused, what was live stays", "what", what, "err", err)
	}
}

// accept takes back a refusal.
func (k *Keeper) accept(where **Refusal) {
	k.mu.Lock()
	defer k.mu.Unlock()
	*where = nil
	if k.folder == nil && k.remote == nil {
		k.ok.Set(1)
	}
}
