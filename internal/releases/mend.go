package releases

import (
	"context"
	"time"
)

// mendEvery is how often the audio folder is looked at: 550 files take 3 ms.
const mendEvery = 10 * time.Second

// mend looks, beside Run, whether the sounds that calls are served with are still in the audio
// folder: somebody may have emptied it, or have written over one. An Asterisk that shares the folder
// has been asked for them when it was let in, and is not asked again.
func (k *Keeper) mend(ctx context.Context, now time.Time) {
	if k.mending.now != nil || now.Before(k.mendAt) {
		return
	}
	k.mendAt = now.Add(mendEvery)
	v := k.serving
	k.mending.begin(ctx, &version{snap: v.snap, manifest: v.manifest, goLive: v.goLive}) // v is Run's
}

// missed puts back what is not there, or is damaged. GoLive is in the outcome where there was
// something: the plain names may have gone with it.
func (k *Keeper) missed(ctx context.Context, v *version) outcome {
	o := outcome{of: v}
	var done Completed
	o.err = k.safely(v.snap, func() (err error) {
		done, err = k.opt.Sounds.Complete(ctx, k.opt.Store, v.manifest)
		return err
	})
	if done.Sounds > 0 {
		o.GoLive = v.goLive
		k.standing.fetched(done, o.err)
		k.opt.Log.Warn("sounds of the live menus had gone from the audio folder, or were damaged there, and are back",
			"release", v.snap.Release, "sounds", done.Sounds, "damaged", done.Damaged)
	}
	return o
}

// mended acts on what was put back, unless something else is served by now.
func (k *Keeper) mended(ctx context.Context, o outcome) {
	if !k.mending.ended(ctx) || k.serving.snap != o.of.snap || !sameSounds(k.serving.manifest, o.of.manifest) {
		return
	}
	if o.GoLive != nil {
		o.GoLive()
	}
	failed := ""
	if o.err != nil {
		failed = o.err.Error()
	}
	if failed != "" && failed != k.unmended {
		k.opt.Log.Error("calls may hear silence: sounds of the live menus are not in the audio folder, and cannot be put back now",
			"release", o.of.snap.Release, "err", o.err)
	}
	k.unmended = failed
}
