package releases

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"hotline/internal/prompts"
)

// audioFolder is the audio of a server that has spoken n prompts with a voice of its own.
func audioFolder(t *testing.T, voice string, n, size int) (*Sounds, prompts.Manifest) {
	t.Helper()
	s, m := NewSounds(filepath.Join(t.TempDir(), "audio")), prompts.Manifest{"zh": {}}
	for i := range n {
		id := fmt.Sprintf("p.%d", i)
		speak(t, s, m, id, bytes.Repeat([]byte(fmt.Sprintf("%s says %03d ", voice, i)), size/8+1)[:size])
	}
	return s, m
}

// speak puts one more prompt into an audio folder and its manifest.
func speak(t *testing.T, s *Sounds, m prompts.Manifest, id string, content []byte) {
	t.Helper()
	sha := prompts.Hash(content)
	a := prompts.Audio{File: "zh/" + id + "-" + sha[:12] + ".alaw", SHA256: sha, Codec: prompts.ALaw, MS: len(content) / 8, Text: id}
	if err := s.Put(a, content); err != nil {
		t.Fatal(err)
	}
	m["zh"][id] = a
}

func (s *Store) count(t *testing.T, table string) (n int) {
	t.Helper()
	if err := s.pool.QueryRow(t.Context(), "select count(*) from ivr."+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestASoundIsSentOnce, in portions, and comes back to a folder that is empty.
func TestASoundIsSentOnce(t *testing.T) {
	store := newStore(t)
	audio, m := audioFolder(t, "one", 100, 40_000)
	snap := newFolder(t, "a").take()
	done, err := store.Stage(t.Context(), snap, m, audio.Open)
	if err != nil || done.Sounds != 100 || done.Bytes != 4_000_000 || !sameSounds(done.Manifest, m) {
		t.Fatalf("%d sounds, %d bytes, %v", done.Sounds, done.Bytes, err)
	}
	if known, err := store.Known(t.Context(), snap.Release); err != nil || known {
		t.Errorf("staged is published: %v, %v", known, err)
	}
	if _, err := store.Open(t.Context(), snap.Release); !errors.Is(err, ErrUnknown) {
		t.Errorf("a version that nobody has published: %v", err)
	}
	if all, err := store.StagedReleases(t.Context()); err != nil || len(all) != 1 || all[0] != snap.Release {
		t.Errorf("staged are %v, %v", all, err)
	}
	speak(t, audio, m, "new", []byte("one more"))
	done, err = store.Stage(t.Context(), newFolder(t, "b").take(), m, audio.Open)
	if err != nil || done.Sounds != 1 {
		t.Errorf("a sentence more sends %d sounds, %v", done.Sounds, err)
	}
	if n := store.count(t, "sounds"); n != 101 {
		t.Errorf("%d sounds are stored", n)
	}

	other := NewSounds(filepath.Join(t.TempDir(), "elsewhere", "audio"))
	got, err := other.Complete(t.Context(), store, m)
	if err != nil || got.Sounds != 101 {
		t.Fatalf("%+v, %v", got, err)
	}
	for _, a := range sounds(m) {
		mine, err1 := audio.Open(a.File)
		its, err2 := other.Open(a.File)
		if err1 != nil || err2 != nil || !bytes.Equal(mine, its) {
			t.Fatalf("%s: %v, %v, the same %v", a.File, err1, err2, bytes.Equal(mine, its))
		}
	}
	if got, err := other.Complete(t.Context(), store, m); err != nil || got.Sounds != 0 {
		t.Errorf("a second time: %+v, %v", got, err)
	}
	heard, err := store.Heard(t.Context(), []string{snap.Release, "nonsense"})
	if want := (Heard{Prompts: 100, MS: 500_000, Codec: "alaw"}); err != nil || len(heard) != 1 || heard[snap.Release] != want {
		t.Errorf("%+v, %v", heard, err)
	}
}

// TestTwoServersStageOneVersion at once, each with a voice of its own: both hear of the
// same manifest, and its sounds are there.
func TestTwoServersStageOneVersion(t *testing.T) {
	store := newStore(t)
	snap := newFolder(t, "a").take()
	const servers = 6
	var all errgroup.Group
	var held [servers]prompts.Manifest
	for i := range servers {
		audio, m := audioFolder(t, fmt.Sprint("voice ", i/2), 60, 60_000) // pairs of them have the same
		all.Go(func() error {
			done, err := store.Stage(t.Context(), snap, m, audio.Open)
			held[i] = done.Manifest
			return err
		})
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	for i, m := range held {
		if !sameSounds(m, held[0]) {
			t.Errorf("server %d has another manifest", i)
		}
	}
	if done, err := NewSounds(t.TempDir()).Complete(t.Context(), store, held[0]); err != nil || done.Sounds != 60 {
		t.Errorf("%+v, %v", done, err)
	}
}

// TestKilledBetweenSoundsAndManifest: what is half staged is no version; the next try
// sends the rest.
func TestKilledBetweenSoundsAndManifest(t *testing.T) {
	store := newStore(t)
	audio, m := audioFolder(t, "one", 50, 100_000)
	snap := newFolder(t, "a").take()
	ctx, kill := context.WithCancel(t.Context())
	opened := 0
	_, err := store.Stage(ctx, snap, m, func(file string) ([]byte, error) {
		if opened++; opened == 30 {
			kill()
		}
		return audio.Open(file)
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	before := store.count(t, "sounds")
	if left, err := store.Manifest(t.Context(), snap.Release); err != nil || left != nil || before == 0 || store.count(t, "releases") != 0 {
		t.Errorf("%d sounds, manifest %v, %v", before, left, err)
	}
	done, err := store.Stage(t.Context(), snap, m, audio.Open)
	if err != nil || done.Sounds != 50-before {
		t.Errorf("%d sounds after %d, %v", done.Sounds, before, err)
	}
}

// TestAnOlderVersionGetsItsManifest once: a program that kept no sounds has published it.
func TestAnOlderVersionGetsItsManifest(t *testing.T) {
	store := newStore(t)
	snap := newFolder(t, "a").take()
	if _, err := store.Publish(t.Context(), snap, "li", ""); err != nil {
		t.Fatal(err)
	}
	if m, err := store.Manifest(t.Context(), snap.Release); err != nil || m != nil {
		t.Errorf("%v, %v", m, err)
	}
	audio, first := audioFolder(t, "first", 3, 80)
	if done, err := store.Stage(t.Context(), snap, first, audio.Open); err != nil || !sameSounds(done.Manifest, first) {
		t.Errorf("%v, %v", done, err)
	}
	audio, second := audioFolder(t, "second", 3, 80)
	if done, err := store.Stage(t.Context(), snap, second, audio.Open); err != nil || !sameSounds(done.Manifest, first) {
		t.Errorf("%v, %v", done, err)
	}
}

// TestDamage is named wherever it is, and never passed on.
func TestDamage(t *testing.T) {
	store := newStore(t)
	audio, m := audioFolder(t, "one", 3, 800)
	snap := newFolder(t, "a").take()
	spoil := func(id string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(audio.dir, m["zh"][id].File), make([]byte, 800), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	spoil("p.1")
	if _, err := store.Stage(t.Context(), snap, m, audio.Open); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), m["zh"]["p.1"].File) {
		t.Errorf("damaged on the disk: %v", err)
	}
	if store.count(t, "releases") != 0 {
		t.Error("it is staged without a sound")
	}
	speak(t, audio, m, "p.1", []byte("as it was"))
	if _, err := store.Stage(t.Context(), snap, m, audio.Open); err != nil {
		t.Fatal(err)
	}

	if _, damaged, err := audio.Missing(m); err != nil || len(damaged) != 0 {
		t.Fatalf("%v, %v", damaged, err)
	}
	spoil("p.2")
	if done, err := audio.Complete(t.Context(), store, m); err != nil || done != (Completed{Sounds: 1, Bytes: 800, Damaged: 1}) {
		t.Errorf("%+v, %v", done, err)
	}

	if _, err := store.pool.Exec(t.Context(), "update ivr.sounds set content = 'other' where sha256 = $1", m["zh"]["p.0"].SHA256); err != nil {
		t.Fatal(err)
	}
	if _, err := store.pool.Exec(t.Context(), "delete from ivr.sounds where sha256 = $1", m["zh"]["p.1"].SHA256); err != nil {
		t.Fatal(err)
	}
	empty := NewSounds(t.TempDir())
	done, err := empty.Complete(t.Context(), store, m)
	if !errors.Is(err, ErrDamaged) || done.Sounds != 1 {
		t.Errorf("%+v, %v", done, err)
	}
	for _, want := range []string{"damaged in Postgres: " + m["zh"]["p.0"].File, "not in Postgres: " + m["zh"]["p.1"].File} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	if _, err := empty.Open(m["zh"]["p.0"].File); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is in the folder: %v", err)
	}
	// Whoever has them whole brings both back.
	if done, err := store.Stage(t.Context(), snap, m, audio.Open); err != nil || done.Sounds != 2 {
		t.Errorf("%d sounds, %v", done.Sounds, err)
	}
	if _, err := empty.Complete(t.Context(), store, m); err != nil {
		t.Error(err)
	}
}

// TestAManifestLeadsNowhereElse: its files are in the audio folder or nowhere.
func TestAManifestLeadsNowhereElse(t *testing.T) {
	dir := t.TempDir()
	audio := NewSounds(filepath.Join(dir, "audio"))
	for _, file := range []string{"../outside.alaw", "/tmp/outside.alaw", "zh/../../outside.alaw"} {
		if err := audio.Put(prompts.Audio{File: file, SHA256: prompts.Hash("")}, nil); err == nil {
			t.Errorf("%s was written", file)
		}
		if _, err := audio.Open(file); err == nil {
			t.Errorf("%s was read", file)
		}
	}
	if err := os.Symlink(dir, filepath.Join(dir, "audio", "zh")); err != nil {
		t.Fatal(err)
	}
	if err := audio.Put(prompts.Audio{File: "zh/a.alaw", SHA256: prompts.Hash("")}, nil); err == nil {
		t.Error("a link out of the folder was followed")
	}
}

// TestOneSoundOfTwoNames: two files that are alike to the bit are stored once, and both come back.
func TestOneSoundOfTwoNames(t *testing.T) {
	store := newStore(t)
	audio, m := audioFolder(t, "one", 1, 800)
	speak(t, audio, m, "p.same", bytes.Repeat([]byte("same"), 200))
	speak(t, audio, m, "p.alike", bytes.Repeat([]byte("same"), 200))
	if done, err := store.Stage(t.Context(), newFolder(t, "a").take(), m, audio.Open); err != nil || done.Sounds != 2 {
		t.Fatalf("%d sounds of 2 were sent, %v", done.Sounds, err)
	}
	empty := NewSounds(filepath.Join(t.TempDir(), "audio"))
	if done, err := empty.Complete(t.Context(), store, m); err != nil || done.Sounds != 3 {
		t.Errorf("%d files of 3 have come, %v", done.Sounds, err)
	}
	if absent, damaged, err := empty.Missing(m); err != nil || len(absent)+len(damaged) > 0 {
		t.Errorf("not there: %v, %v, %v", absent, damaged, err)
	}
}

// TestWhatIsPutIsWhatItsNameSays, for Asterisk's user too; and nothing but a plain file counts as there.
func TestWhatIsPutIsWhatItsNameSays(t *testing.T) {
	audio, m := audioFolder(t, "one", 1, 800)
	a := m["zh"]["p.0"]
	file := filepath.Join(audio.dir, a.File)
	if err := audio.Put(a, []byte("other bytes")); !errors.Is(err, ErrDamaged) {
		t.Errorf("other bytes were put under its name: %v", err)
	}
	if data, err := os.ReadFile(file); err != nil || prompts.Hash(data) != a.SHA256 {
		t.Errorf("what was there has gone: %v", err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("Asterisk cannot read it: %v, %v", info.Mode(), err)
	}
	if err := errors.Join(os.Remove(file), syscall.Mkfifo(file, 0o644)); err != nil {
		t.Fatal(err)
	}
	if _, damaged, err := audio.Missing(m); err != nil || len(damaged) != 1 {
		t.Errorf("a pipe in its place: %v, %v", damaged, err)
	}
	if left, _ := filepath.Glob(filepath.Join(audio.dir, "zh", ".new-*")); len(left) > 0 {
		t.Errorf("half written files are left: %v", left)
	}
}

// TestQuestionsDoNotWaitForSounds: while 30 MB are sent, what is live is told in time.
func TestQuestionsDoNotWaitForSounds(t *testing.T) {
	store := newStore(t)
	publish(t, store, "a")
	audio, m := audioFolder(t, "long", 300, 100_000)
	sent := make(chan error, 1)
	go func() {
		_, err := store.Stage(t.Context(), newFolder(t, "b").take(), m, audio.Open)
		sent <- err
	}()
	var slowest time.Duration
	asked := 0
	ask := time.NewTicker(time.Millisecond)
	defer ask.Stop()
	for {
		select {
		case err := <-sent:
			if err != nil || asked == 0 {
				t.Errorf("%d questions, %v", asked, err)
			}
			t.Logf("%d questions meanwhile, the slowest took %v", asked, slowest)
			return
		case <-ask.C:
			began := time.Now()
			if _, err := store.Live(t.Context()); err != nil {
				t.Fatal(err)
			}
			slowest = max(slowest, time.Since(began))
			asked++
		}
	}
}
