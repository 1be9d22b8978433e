package releases

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hotline/internal/prompts"
)

// Options are what a Keeper needs; all of them, but for Prove, Ready and Kept.
type Options struct {
	Store        *Store
	Sounds       *Sounds // the audio folder of this server
	Menus, Texts string  // the folders (Menus may be a file) whose saves are published
	// Check names everything that callers must not meet; it is asked of what was not
	// published before, and may not take long. Problems are source.Problems.
	Check func(context.Context, *Snapshot) error
	// Prove looks harder, at what a save has made live already; what it finds wrong is
	// taken back. nil: Check sees everything.
	Prove func(context.Context, *Snapshot) error
	// Load makes ready whatever a snapshot needs, without effect on calls. It is heard with
	// the manifest, whose files are in Sounds; nil, and what the manifest does not know: with
	// what Load makes now, into Sounds.
	Load func(context.Context, *Snapshot, prompts.Manifest) (Loaded, error)
	// Ready waits until every Asterisk has the files of a manifest; the error names what
	// is missing where. nil: there is nothing to wait for.
	Ready func(context.Context, prompts.Manifest) error
	// Kept is the file of what is served, for a start without Postgres; "": none.
	Kept       string
	Log        *slog.Logger
	Registerer prometheus.Registerer
}

// Loaded is a snapshot that is ready to be served.
type Loaded struct {
	Manifest prompts.Manifest // what it is heard with
	GoLive   func()           // serves the next call with it
}

// Keeper decides what one server serves: the folder when it is saved, and what was
// published last when that was elsewhere. Start comes first, then Run; the rest may
// be called at any time.
//
// What takes time is done beside Run, on lanes: a rollback waits for no check, for no
// sound on its way, and for no Asterisk.
type Keeper struct {
	opt      Options
	standing *standing
	wish     chan struct{}
	work     sync.WaitGroup // of Run

	judging   *lane // saves
	proving   *lane // what a save has made live, once more
	following *lane // what was published elsewhere
	staging   *lane // what is served and is not in Postgres
	mending   *lane // what is served and has gone from the audio folder

	// Of Start, and then of Run's goroutine.
	folder  *lookout
	serving *version // what calls are served with; nil before Start
	seq     int64    // the publication that was acted upon last
	retryAt retries

	kept    remembered // in the file of that name
	unasked bool       // whether the folder is new: Postgres was away when this server started

	mendAt   time.Time // the audio folder is looked at next
	unmended string    // why it is not whole; "": it is
}

// retries are when something is tried once more; zero: not at all.
type retries struct {
	save   time.Time // that an Asterisk was not ready for
	follow time.Time // what was published elsewhere could not be loaded
	stage  time.Time // Postgres did not take it
	keep   time.Time // the disk did not take it
}

const (
	lookEvery  = 100 * time.Millisecond // at the folder; a change is taken once nothing more changes
	pollEvery  = time.Second
	retryEvery = 10 * time.Second
)

// NewKeeper makes a Keeper; it does nothing before Start.
func NewKeeper(opt Options) *Keeper {
	k := &Keeper{
		opt: opt, standing: newStanding(opt.Log, opt.Registerer), wish: make(chan struct{}, 1),
		folder: newLookout(opt.Menus, opt.Texts),
	}
	k.judging = newLane(&k.work, k.saved)
	k.proving = newLane(&k.work, k.proof)
	k.proving.patient = true
	k.following = newLane(&k.work, k.published)
	k.staging = newLane(&k.work, k.restaged)
	k.mending = newLane(&k.work, k.missed)
	return k
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
func (k *Keeper) Status() Status { return k.standing.now() }

// Start makes something live: what was live last, so that a rollback outlives a
// restart. A folder that is new is then a save, which Run checks. While Postgres is away it
// is what this server served last. Where nothing was published, or kept, the folder is
// served if only it can be loaded: callers have nothing else, and a check takes longer
// than they wait. The error names what is wrong with both.
func (k *Keeper) Start(ctx context.Context) error {
	k.folder.begin()
	snap, err := k.take()
	last, lastErr := k.opt.Store.Live(ctx)
	if lastErr == nil {
		k.resume(ctx, last)
		if err == nil {
			if known, knownErr := k.opt.Store.Known(ctx, snap.Release); knownErr == nil && !known {
				k.folder.forget()
			}
		}
	} else if !errors.Is(lastErr, ErrNone) {
		if keptErr := k.recall(ctx); keptErr != nil && !errors.Is(keptErr, fs.ErrNotExist) {
			k.opt.Log.Error("what was live here last cannot be served, the folder is", "err", keptErr)
		}
	}
	if k.serving == nil && err == nil {
		v := &version{snap: snap, author: userName(uint32(os.Getuid()))}
		if lastErr != nil { // else it is in place of what cannot be served here, but perhaps elsewhere
			v.author, v.note = savedBy(k.opt.Menus, k.opt.Texts, snap.Changed(nil)), "new at the start of a server"
			v.start, v.unpublished = !errors.Is(lastErr, ErrNone), true
		}
		var e equipped
		if e, err = k.alone(ctx, snap); err == nil {
			k.serve(v, e)
			k.standing.accept(&k.standing.folder)
			k.standing.live(Publication{Release: snap.Release, Author: v.author, Note: v.note, At: time.Now()})
		}
	}
	if k.serving != nil {
		k.remember(time.Now())
	}
	if err == nil {
		return nil
	}
	k.refuseFolder(err)
	if k.serving != nil {
		return nil
	}
	if k.standing.remote != nil {
		err = errors.Join(err, errors.New(k.standing.remote.Why))
	}
	return err
}

// resume serves what was live when the server was stopped.
func (k *Keeper) resume(ctx context.Context, last Publication) {
	k.seq = last.Seq
	v := &version{pub: last}
	snap, err := k.opt.Store.Open(ctx, last.Release)
	var e equipped
	if err == nil {
		e, err = k.alone(ctx, snap)
	}
	k.adopt(v, e, err)
}

// Run follows the folder and what is published elsewhere until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	told, found := make(chan struct{}, 1), make(chan Publication)
	defer k.work.Wait()
	k.work.Go(func() { k.opt.Store.Watch(ctx, told) })
	k.work.Go(func() { k.poll(ctx, told, found) })
	if !k.serving.start {
		k.bring(ctx)
	}
	if k.opt.Prove != nil && k.serving.pub.Seq > 0 {
		// A server that was killed just after a save has never looked at it wholly.
		k.proving.begin(ctx, k.serving)
	}
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case now := <-look.C:
			k.look(ctx, now)
			k.mend(ctx, now)
		case <-k.wish:
			k.changed(ctx, true)
		case o := <-k.judging.done:
			k.decide(ctx, o)
		case o := <-k.proving.done:
			k.doubt(ctx, o)
		case o := <-k.following.done:
			if k.following.ended(ctx) && k.adopt(o.of, o.equipped, o.err) {
				k.staging.begin(ctx, k.serving) // what Postgres has lost of it meanwhile
			}
		case o := <-k.staging.done:
			k.brought(ctx, o)
		case o := <-k.mending.done:
			k.mended(ctx, o)
		case p := <-found:
			k.follow(ctx, p)
		case <-ctx.Done():
			return
		}
		k.remember(time.Now())
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

// serve serves calls with a version from now on.
func (k *Keeper) serve(v *version, e equipped) {
	e.GoLive()
	if v.snap == nil {
		v.snap = e.snap
	}
	v.manifest, v.goLive, v.staged = e.Manifest, e.GoLive, e.staged
	k.serving, k.retryAt.stage = v, time.Time{}
	k.kept = remembered{}
	k.standing.staged(v.staged)
}

// refuseFolder notes why the folder is not live.
func (k *Keeper) refuseFolder(err error) {
	k.standing.refuse(&k.standing.folder, k.opt.Menus, err)
}
