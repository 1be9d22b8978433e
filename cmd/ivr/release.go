package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"hotline/internal/ivr"
	"hotline/internal/menu/tree"
	"hotline/internal/prompts"
	"hotline/internal/prompts/build"
	"hotline/internal/prompts/proof"
	"hotline/internal/releases"
)

// place is where the files of a snapshot stand, for problems, and where audio is, in which
// codec it is made ("": that of keep). play is how calls on it are played (nil: they are not).
type place struct {
	menus, texts, audio string
	codec               prompts.Codec
	play                prover

	make     func(context.Context, build.Options) (prompts.Manifest, error) // makes audio; nil: build.Make
	keep     prompts.Manifest                                               // sounds that unchanged texts keep; nil: those that the audio folder is known by
	progress func(done, total int)                                          // of making audio; nil: nobody looks
}

// load reads the menus and texts of a snapshot. Problems name the files as they
// stand in the folders, also those of a version that was stored.
func (p place) load(snap *releases.Snapshot) ([]*tree.Tree, *prompts.Catalog, error) {
	catalog, err := loadTexts(snap.Texts(), p.texts)
	if err != nil {
		return nil, nil, err
	}
	dir := p.menus
	if snap.Only != "" {
		dir = filepath.Dir(p.menus)
	}
	trees, err := loadTrees(snap.Menus(), dir, snap.Only, catalog)
	if err != nil {
		return nil, nil, err
	}
	return trees, catalog, nil
}

// check names everything that callers must not meet.
func (p place) check(ctx context.Context, snap *releases.Snapshot) error {
	return p.look(ctx, snap, false)
}

// glance is check with the calls of one caller only: a save is promised to be live
// within 2 seconds.
func (p place) glance(ctx context.Context, snap *releases.Snapshot) error {
	return p.look(ctx, snap, true)
}

func (p place) look(ctx context.Context, snap *releases.Snapshot, quick bool) error {
	if _, _, err := p.load(snap); err != nil || p.play == nil {
		return err
	}
	return p.prove(ctx, snap, quick)
}

// content is what calls are served with from a snapshot: heard with a manifest, whose files
// are in the audio folder; nil: with what is made for it now. The manifest that it is heard
// with has what this program says more than the one that had published it.
func (p place) content(ctx context.Context, snap *releases.Snapshot, m prompts.Manifest) (*ivr.Content, prompts.Manifest, error) {
	trees, catalog, err := p.load(snap)
	if err != nil {
		return nil, nil, err
	}
	dir, err := filepath.Abs(p.audio)
	if err != nil {
		return nil, nil, fmt.Errorf("find the audio: %w", err)
	}
	folder := os.DirFS(dir)
	known, lacks := catalog.Recorded(folder, m)
	if lacks != nil {
		if m != nil { // its recordings may be gone; what it lacks has none
			snap, p.keep = nil, m
		}
		made, err := p.made(ctx, snap, catalog)
		if err != nil {
			return nil, nil, fmt.Errorf("the audio cannot be made here: %w", err)
		}
		for lang, of := range known {
			maps.Copy(made[lang], of)
		}
		m = made
	}
	heard, err := catalog.WithAudio(dir, folder, m)
	if err != nil {
		return nil, nil, fmt.Errorf("the audio in %s does not fit the texts:\n%w", p.audio, inFolder(err, p.texts))
	}
	return &ivr.Content{Trees: trees, Prompts: heard}, m, nil
}

// made makes the audio of a catalogue: of the recordings that are in the snapshot (nil:
// of none) and of the voice.
func (p place) made(ctx context.Context, snap *releases.Snapshot, catalog *prompts.Catalog) (prompts.Manifest, error) {
	o := build.Options{Texts: catalog, AudioDir: p.audio, Keep: p.keep, Progress: p.progress}
	if o.Keep == nil {
		o.Keep, _ = prompts.ReadManifest(os.DirFS(p.audio)) // without one everything is made
	}
	o.Codec = cmp.Or(p.codec, codecOf(o.Keep))
	if snap != nil && len(snap.Recordings()) > 0 {
		rules, err := proof.Load(snap.Texts())
		if err != nil {
			return nil, inFolder(err, p.texts)
		}
		o.Folder, o.Rules, o.Hashes = p.texts, rules, snap.Recordings()
	}
	if p.make == nil {
		p.make = build.Make
	}
	m, err := p.make(ctx, o)
	return m, inFolder(err, p.texts)
}

// codecOf is the codec of a manifest; "" for one without sounds.
func codecOf(m prompts.Manifest) prompts.Codec {
	for _, of := range m {
		for _, a := range of {
			return a.Codec
		}
	}
	return ""
}
