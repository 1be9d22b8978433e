package releases

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"hotline/internal/prompts"
)

// kept is what a server serves, on its own disk: what it starts with while Postgres is away.
// The folder will not do for that: it may hold what was taken back, or what nobody has
// checked yet, and only Postgres knows.
type kept struct {
	Live        Publication      // Seq 0: not in Postgres then
	Seen        int64            // the publication that was acted upon last
	Unpublished bool             // a save that others are to have too
	After       int64            // then: the publication that it follows
	Author      string           // of it
	Note        string           //
	Manifest    prompts.Manifest // what it is heard with
	Content     []byte           // the zip of the Snapshot, whose hash is Live.Release
}

// KeptAt tells whether a server that keeps its version in file has ever served one: only then
// can it start without Postgres.
func KeptAt(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// readKept gives the version in a file. It is what it was when it was written, or an error.
func readKept(file string) (v *version, seen int64, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, 0, err
	}
	var k kept
	if err := json.Unmarshal(data, &k); err != nil {
		return nil, 0, err
	}
	snap, err := unpack(k.Content)
	if err == nil && snap.Release != k.Live.Release {
		err = fmt.Errorf("its content is that of %s, not of %s", snap.Release, k.Live.Release)
	}
	v = &version{snap: snap, author: k.Author, note: k.Note, pub: k.Live, after: k.After, unpublished: k.Unpublished, manifest: k.Manifest}
	if k.Live.Seq == 0 {
		v.pub = Publication{}
	}
	return v, k.Seen, err
}

// write replaces the file durably: it is read after a crash.
func (k kept) write(file string) error {
	data, err := json.Marshal(k)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(file+".next", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(file+".next", file)
	}
	if err != nil {
		_ = os.Remove(file + ".next") // it would take the last room of a full disk
	}
	return err
}

// remembered tells whether what is kept is what is served.
type remembered struct {
	of          *version
	release     string
	seq, seen   int64
	unpublished bool
}

// remember keeps what is served, where that has changed. A disk that does not take it is tried
// again, as what was kept before would be served after a restart.
func (k *Keeper) remember(now time.Time) {
	v := k.serving
	stands := remembered{v, v.snap.Release, v.pub.Seq, k.seq, v.unpublished}
	if k.opt.Kept == "" || stands == k.kept || now.Before(k.retryAt.keep) {
		return
	}
	live := k.standing.now().Live
	live.Seq = v.pub.Seq
	err := kept{
		Live: live, Seen: k.seq, Unpublished: v.unpublished, After: v.after, Author: v.author, Note: v.note,
		Manifest: v.manifest, Content: v.snap.data,
	}.write(k.opt.Kept)
	if err != nil {
		k.retryAt.keep = now.Add(retryEvery)
		k.opt.Log.Warn("what is live cannot be kept for a start without Postgres", "release", v.snap.Release, "err", err)
		return
	}
	k.kept = stands
}

// recall serves what this server served last, while Postgres cannot tell what is live. The folder
// is judged when it can.
func (k *Keeper) recall(ctx context.Context) error {
	if k.opt.Kept == "" {
		return fs.ErrNotExist
	}
	v, seen, err := readKept(k.opt.Kept)
	if err != nil {
		return fmt.Errorf("read what was live here last: %w", err)
	}
	e := equipped{snap: v.snap}
	err = k.safely(v.snap, func() (err error) {
		// Sounds that have gone from the folder are made anew: Postgres cannot give them.
		if e.Loaded, err = k.load(ctx, v.snap, v.manifest); err != nil {
			e.Loaded, err = k.opt.Load(ctx, v.snap, nil)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("serve version %s, which was live here last: %w", v.snap.Release, err)
	}
	k.seq, k.unasked = seen, true
	k.serve(v, e)
	live := v.pub
	if live.Seq == 0 {
		live = Publication{Release: v.snap.Release, Author: v.author, Note: v.note, At: time.Now()}
	}
	k.standing.live(live)
	return nil
}

// judgeFolder decides what Start could not: whether the folder is new, and so a save.
func (k *Keeper) judgeFolder(ctx context.Context) {
	if !k.unasked || k.folder.seen == nil {
		return
	}
	known, err := k.opt.Store.Known(ctx, k.folder.seen.Release)
	if err != nil {
		return // it is asked again at the next look
	}
	k.unasked = false
	if !known && k.folder.seen.Release != k.serving.snap.Release {
		k.folder.forget()
	}
}
