package releases

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"hotline/internal/prompts"
)

// version is a snapshot on its way to calls, or what they are served with. Its snapshot
// does not change; the rest belongs to Run's goroutine.
type version struct {
	snap         *Snapshot // nil: pub is to be opened
	author, note string
	pub          Publication // as what Postgres has it; Seq 0: not at all
	after        int64       // the publication that it follows; what came later counts more
	start        bool        // Postgres was away when the server started: nothing is known yet

	manifest    prompts.Manifest
	over        prompts.Manifest // of a save: what calls were served with when it was taken
	goLive      func()           // serves it once more
	staged      bool             // Postgres has it with its sounds
	unpublished bool             // others are to have it too
}

// equipped is a snapshot that can go live.
type equipped struct {
	snap *Snapshot
	Loaded
	staged bool // Postgres has it with its sounds, and will not have it with others
}

var (
	// errUnready is no fault of a version: it may be ready a moment later.
	errUnready = errors.New("not every Asterisk has its sounds")
	// errAway: live here, and in Postgres as soon as that takes it.
	errAway = errors.New("Postgres does not take it now")
)

// saved checks a save, and has it ready to go live.
func (k *Keeper) saved(ctx context.Context, v *version) (o outcome) {
	o = outcome{of: v, equipped: equipped{snap: v.snap}}
	o.err = k.safely(v.snap, func() error { return k.opt.Check(ctx, v.snap) })
	if o.err == nil {
		held, away := k.opt.Store.Manifest(ctx, v.snap.Release)
		if held == nil && away == nil {
			k.keepWhole(ctx, v.over)
		}
		o.equipped, o.err = k.equip(ctx, v.snap, held, away == nil)
	}
	return o
}

// keepWhole puts back the sounds that a save keeps, where its text says the same as before: what
// cannot be had is made anew, in this server's voice.
func (k *Keeper) keepWhole(ctx context.Context, m prompts.Manifest) {
	if done, err := k.opt.Sounds.Complete(ctx, k.opt.Store, m); done.Sounds > 0 {
		k.standing.fetched(done, err)
	}
}

// published has what Postgres says is live ready to go live here. Where Postgres does not
// say what that sounds like it is tried again: own sounds would be others.
func (k *Keeper) published(ctx context.Context, v *version) (o outcome) {
	o.of = v
	var held prompts.Manifest
	if o.snap, o.err = k.opt.Store.Open(ctx, v.pub.Release); o.err == nil {
		held, o.err = k.opt.Store.Manifest(ctx, v.pub.Release)
	}
	if o.err == nil {
		o.equipped, o.err = k.equip(ctx, o.snap, held, true)
	}
	return o
}

// equip gives a snapshot the sounds that it is known with, or makes them; stages them,
// unless Postgres is away: then it is served all the same, and staged later; and waits for
// every Asterisk.
func (k *Keeper) equip(ctx context.Context, snap *Snapshot, held prompts.Manifest, stage bool) (e equipped, err error) {
	e.snap = snap
	err = k.safely(snap, func() error {
		var err error
		if e.Loaded, err = k.load(ctx, snap, held); err != nil {
			return err
		}
		// A newer program may say more than what was held.
		e.staged = held != nil && sameSounds(held, e.Manifest)
		if stage && !e.staged {
			if err := k.stage(ctx, &e); err != nil && (!errors.Is(err, errAway) || ctx.Err() != nil) {
				return err
			}
		}
		if k.opt.Ready == nil {
			return nil
		}
		if err := k.opt.Ready(ctx, e.Manifest); err != nil {
			return fmt.Errorf("%w: %w", errUnready, err)
		}
		return nil
	})
	return e, err
}

// alone is equip for a server at its start: callers have nothing else, so nothing is
// waited for that they need not hear.
func (k *Keeper) alone(ctx context.Context, snap *Snapshot) (e equipped, err error) {
	e.snap = snap
	err = k.safely(snap, func() error {
		held, _ := k.opt.Store.Manifest(ctx, snap.Release) // away: what is made here is heard
		var err error
		e.Loaded, err = k.load(ctx, snap, held)
		return err
	})
	return e, err
}

// load makes a snapshot ready with the sounds of a manifest, nil: with those that are
// made for it now.
func (k *Keeper) load(ctx context.Context, snap *Snapshot, m prompts.Manifest) (Loaded, error) {
	if m == nil {
		return k.opt.Load(ctx, snap, nil)
	}
	done, err := k.opt.Sounds.Complete(ctx, k.opt.Store, m)
	k.standing.fetched(done, err)
	if errors.Is(err, ErrDamaged) || errors.Is(err, errLost) {
		err = k.again(ctx, snap, m, err)
	}
	if err != nil {
		return Loaded{}, err
	}
	return k.opt.Load(ctx, snap, m)
}

// again makes the sounds that Postgres has lost: this server's voice, or its cache, may be the
// one that they are from, to the bit.
func (k *Keeper) again(ctx context.Context, snap *Snapshot, m prompts.Manifest, lost error) error {
	if _, err := k.opt.Load(ctx, snap, nil); err != nil {
		return fmt.Errorf("%w\nand they cannot be made here: %w", lost, err)
	}
	absent, damaged, err := k.opt.Sounds.Missing(m)
	if err != nil {
		return err
	}
	if len(absent)+len(damaged) > 0 {
		return fmt.Errorf("%w\nand what is made here now sounds otherwise; a server that has them brings them back when it goes live with them, or is started", lost)
	}
	return nil
}

// stage brings a snapshot and its sounds into Postgres. Where another server was first,
// its sounds are what this version is heard with from now on. A sound that is damaged here is
// made anew once.
func (k *Keeper) stage(ctx context.Context, e *equipped) error {
	done, err := k.opt.Store.Stage(ctx, e.snap, e.Manifest, k.opt.Sounds.Open)
	k.standing.sent(done)
	if errors.Is(err, ErrDamaged) {
		k.standing.damaged.WithLabelValues("disk").Inc()
		if e.Loaded, err = k.opt.Load(ctx, e.snap, nil); err != nil {
			return err
		}
		done, err = k.opt.Store.Stage(ctx, e.snap, e.Manifest, k.opt.Sounds.Open)
		k.standing.sent(done)
	}
	switch {
	case errors.Is(err, ErrDamaged):
		return err
	case err != nil:
		return fmt.Errorf("%w: %w", errAway, err)
	}
	if !sameSounds(done.Manifest, e.Manifest) {
		if e.Loaded, err = k.load(ctx, e.snap, done.Manifest); err != nil {
			return err
		}
	}
	e.staged = true
	return nil
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
