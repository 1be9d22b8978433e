package releases

import (
	"context"
	"time"
)

// follow acts on what Postgres says is live.
func (k *Keeper) follow(ctx context.Context, p Publication) {
	k.judgeFolder(ctx)
	if !k.settleOwn(ctx, p) {
		return // what else there is shows at the next look
	}
	again := k.retryAt.follow
	if p.Seq == 0 || p.Seq < k.seq || p.Seq == k.seq && (again.IsZero() || time.Now().Before(again)) {
		return
	}
	k.seq, k.retryAt.follow, k.retryAt.save = p.Seq, time.Time{}, time.Time{}
	if v := k.serving; v.staged && p.Release == v.snap.Release {
		k.giveUp()
		k.is(p)
		return
	}
	k.standing.next(p.Release)
	k.following.begin(ctx, &version{pub: p})
}

// giveUp ends following what is not wanted any more.
func (k *Keeper) giveUp() {
	k.following.drop()
	k.standing.next("")
}

// settleOwn brings what is served here into Postgres, or gives it up for a later decision.
// It tells whether nothing of that is left to do.
func (k *Keeper) settleOwn(ctx context.Context, p Publication) bool {
	v := k.serving
	if v.unpublished && v.start { // the rules of Start, now that they can be followed
		known, err := k.opt.Store.Known(ctx, v.snap.Release)
		if err != nil {
			return false
		}
		v.start, v.after, v.unpublished = false, p.Seq, !known
	}
	switch {
	case v.unpublished && p.Seq > v.after && p.Release == v.snap.Release: // another server has published it
		v.unpublished = false
	case v.unpublished && p.Seq > v.after:
		v.unpublished = false
		k.staging.drop()
		k.refuseFolder(ErrOvertaken)
	default:
		k.bring(ctx)
	}
	return !v.unpublished
}

// adopt serves what was published, or tells why it cannot. It tells whether it does.
func (k *Keeper) adopt(v *version, e equipped, err error) bool {
	k.standing.next("")
	if err == nil {
		err = k.safely(e.snap, func() error { k.serve(v, e); return nil })
	}
	if err != nil {
		k.retryAt.follow = time.Now().Add(retryEvery)
		k.standing.refuse(&k.standing.remote, "version "+v.pub.Release, err)
		return false
	}
	k.is(v.pub)
	return true
}

// is notes as which publication Postgres has what is served.
func (k *Keeper) is(p Publication) {
	k.serving.pub = p
	k.standing.accept(&k.standing.remote)
	k.standing.live(p)
}
