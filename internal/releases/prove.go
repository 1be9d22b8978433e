package releases

import (
	"context"
	"fmt"
)

// program is who takes a version back that turns out to be wrong.
const program = "ivr"

// prove looks at what a save has made live once more, without hurry. One version at a
// time: of those that wait only the last is still live.
func (k *Keeper) prove(ctx context.Context, u *unstored) {
	if k.opt.Prove == nil {
		return
	}
	if k.proving != nil {
		k.unproved = u
		return
	}
	k.proving = u
	k.work.Go(func() {
		k.proved <- verdict{u, k.safely(u.snap, func() error { return k.opt.Prove(ctx, u.snap) })}
	})
}

// doubt takes back what has turned out to be wrong, unless something newer is live.
func (k *Keeper) doubt(ctx context.Context, v verdict) {
	k.proving = nil
	if u := k.unproved; u != nil {
		k.unproved = nil
		k.prove(ctx, u)
	}
	if v.err == nil || ctx.Err() != nil || k.Status().Live.Release != v.of.snap.Release {
		return
	}
	p, err := k.opt.Store.TakeBack(ctx, "", program, "a call on "+v.of.snap.Release+" can go wrong")
	if err != nil { // it is the first, or Postgres is away
		k.refuse(&k.folder, k.opt.Menus, fmt.Errorf("it is live and cannot be taken back (%w):\n%w", err, v.err))
		return
	}
	k.follow(ctx, p)
	k.refuse(&k.folder, k.opt.Menus, v.err)
}
