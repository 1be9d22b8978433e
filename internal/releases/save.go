package releases

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// program is who takes a version back that turns out to be wrong.
const program = "ivr"

// take reads the folder.
func (k *Keeper) take() (*Snapshot, error) {
	snap, err := k.folder.take()
	k.standing.holds("")
	if err == nil {
		k.standing.holds(snap.Release)
	}
	return snap, err
}

// look sees whether the folder was saved, or is to be tried once more.
func (k *Keeper) look(ctx context.Context, now time.Time) {
	if k.folder.settled(now) {
		k.changed(ctx, false)
	} else if again := k.retryAt.save; !again.IsZero() && now.After(again) {
		k.changed(ctx, true)
	}
}

// changed takes the folder as it is now, and has it checked and made ready.
func (k *Keeper) changed(ctx context.Context, asked bool) {
	before := k.folder.seen
	snap, err := k.take()
	if err == nil && !asked && before != nil && before.Release == snap.Release {
		return
	}
	k.retryAt.save = time.Time{}
	if err != nil {
		k.judging.drop()
		k.refuseFolder(err)
		return
	}
	if live := k.serving; snap.Release == live.snap.Release && (live.pub.Seq > 0 || live.unpublished) {
		k.judging.drop()
		k.standing.accept(&k.standing.folder) // what was refused has been undone
		return
	}
	changed := snap.Changed(k.serving.snap)
	k.judging.begin(ctx, &version{
		snap: snap, author: savedBy(k.opt.Menus, k.opt.Texts, changed), note: few(changed), after: k.seq, unpublished: true,
		over: k.serving.manifest,
	})
}

// decide acts on a save that was checked and made ready, unless there is something newer by now.
func (k *Keeper) decide(ctx context.Context, o outcome) {
	if !k.judging.ended(ctx) {
		return
	}
	err := o.err
	if err == nil && o.of.after != k.seq {
		err = ErrOvertaken
	}
	if err == nil {
		err = k.safely(o.snap, func() error { k.serve(o.of, o.equipped); return nil })
	}
	if err != nil {
		if errors.Is(err, errUnready) {
			k.retryAt.save = time.Now().Add(retryEvery)
		}
		k.refuseFolder(err)
		return
	}
	k.giveUp() // the save came after it
	k.standing.accept(&k.standing.folder)
	k.standing.live(Publication{Release: o.snap.Release, Author: o.of.author, Note: o.of.note, At: time.Now()})
	if o.staged { // else Postgres is away, until it is heard of again
		k.bring(ctx)
	}
	if k.opt.Prove != nil {
		k.proving.begin(ctx, o.of)
	}
}

// bring brings what is served into Postgres, as far as it is not there.
func (k *Keeper) bring(ctx context.Context) {
	switch v := k.serving; {
	case !v.unpublished && v.pub.Seq == 0: // it is in place of something else
	case !v.staged:
		if k.staging.now != v && time.Now().After(k.retryAt.stage) {
			k.staging.begin(ctx, v)
		}
	case v.unpublished:
		k.publish(ctx)
	}
}

// restaged stages what is served.
func (k *Keeper) restaged(ctx context.Context, v *version) outcome {
	o := outcome{of: v, equipped: equipped{snap: v.snap, Loaded: Loaded{Manifest: v.manifest}}}
	o.err = k.safely(v.snap, func() error { return k.stage(ctx, &o.equipped) })
	return o
}

// brought acts on what was staged, unless something else is served by now.
func (k *Keeper) brought(ctx context.Context, o outcome) {
	if !k.staging.ended(ctx) || o.of != k.serving {
		return
	}
	if o.err != nil {
		k.retryAt.stage = time.Now().Add(retryEvery)
		k.opt.Log.Warn("the menus are live here, and not stored in Postgres yet", "release", o.snap.Release, "err", o.err)
		return
	}
	k.retryAt.stage = time.Time{}
	if o.GoLive != nil { // with the sounds of another server, which was first
		k.serve(o.of, o.equipped)
	}
	o.of.staged = true
	k.standing.staged(true)
	k.bring(ctx)
}

// publish makes what is served, and staged, live everywhere.
func (k *Keeper) publish(ctx context.Context) {
	v := k.serving
	p, err := k.opt.Store.publish(ctx, v.snap, v.author, v.note, v.after, false)
	switch {
	case errors.Is(err, ErrOvertaken):
		// A later decision counts more than an earlier save that nobody else has seen.
		v.unpublished = false
		k.refuseFolder(err)
	case err != nil:
		k.opt.Log.Warn("the menus are live here, and not published in Postgres yet", "release", v.snap.Release, "err", err)
	default:
		k.ours(p)
		v.unpublished, v.pub = false, p
		k.seq, k.retryAt.follow = p.Seq, time.Time{}
		k.standing.accept(&k.standing.remote)
		k.standing.live(p)
	}
}

// ours lets saves that are being judged follow a publication of this server's: it is no decision
// of anybody else's.
func (k *Keeper) ours(p Publication) {
	for _, later := range []*version{k.judging.now, k.judging.next} {
		if later != nil && later.after == k.seq {
			later.after = p.Seq
		}
	}
}

// proof looks at what a save has made live once more, without hurry.
func (k *Keeper) proof(ctx context.Context, v *version) outcome {
	return outcome{of: v, err: k.safely(v.snap, func() error { return k.opt.Prove(ctx, v.snap) })}
}

// doubt takes back what has turned out to be wrong, unless something newer is live.
func (k *Keeper) doubt(ctx context.Context, o outcome) {
	k.proving.ended(ctx)
	if o.err == nil || ctx.Err() != nil || k.serving.snap.Release != o.of.snap.Release {
		return
	}
	if k.serving.unpublished { // what Postgres says is live is what was before it
		k.serving.unpublished = false
		k.staging.drop()
		k.retryAt.follow = time.Now()
		k.refuseFolder(o.err)
		return
	}
	wrong := o.of.snap.Release
	p, err := k.opt.Store.takeBack(ctx, "", program, "a call on "+wrong+" can go wrong", wrong)
	if errors.Is(err, ErrOvertaken) { // it is live no more, as the next look tells
		k.refuseFolder(o.err)
		return
	}
	if err != nil { // it is the first, or Postgres went away
		k.refuseFolder(fmt.Errorf("it is live and cannot be taken back (%w):\n%w", err, o.err))
		return
	}
	k.ours(p)
	k.follow(ctx, p)
	k.refuseFolder(o.err)
}
