package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"hotline/internal/ivr"
	"hotline/internal/menu/tree"
	"hotline/internal/prompts"
	"hotline/internal/prompts/build"
	"hotline/internal/prompts/proof"
	"hotline/internal/releases"
)

// place is where the files of a snapshot stand, for problems, and where audio is. play
// is how calls on it are played (nil: they are not).
type place struct {
	menus, texts, audio string
	play                prover
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

// content is what calls are served with from a snapshot.
func (p place) content(ctx context.Context, snap *releases.Snapshot) (*ivr.Content, error) {
	trees, catalog, err := p.load(snap)
	if err != nil {
		return nil, err
	}
	heard, err := p.hear(ctx, snap, catalog)
	if err != nil {
		return nil, err
	}
	return &ivr.Content{Trees: trees, Prompts: heard}, nil
}

// hear gives the texts of a snapshot what they are heard with. What is missing is made, where
// there is a voice: a changed sentence is heard with the next call. A folder without any audio is the wrong one.
func (p place) hear(ctx context.Context, snap *releases.Snapshot, catalog *prompts.Catalog) (*prompts.Catalog, error) {
	now, err := prompts.ReadManifest(os.DirFS(p.audio))
	if err != nil {
		return nil, fmt.Errorf("no audio in %s (make it with 'ivr prompts build'): %w", p.audio, err)
	}
	rules, err := proof.Load(snap.Texts())
	if err != nil {
		return nil, inFolder(err, p.texts)
	}
	o := build.Options{Texts: catalog, Folder: p.texts, Rules: rules, AudioDir: p.audio, Keep: now}
	if err := buildIn(ctx, o); err != nil {
		return nil, fmt.Errorf("the audio cannot be made here: %w", err)
	}
	return withAudio(catalog, p.audio, p.texts)
}
