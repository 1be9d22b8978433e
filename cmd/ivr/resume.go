package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"

	"github.com/google/uuid"

	"hotline/internal/ivr"
	"hotline/internal/journal"
	"hotline/internal/menu/tree"
	"hotline/internal/releases"
)

// recall looks calls up in the journal that a dead server has left.
func recall(record *journal.Journal) ivr.Recall {
	return func(ctx context.Context, call uuid.UUID) (ivr.Past, error) {
		i, err := record.Interrupted(ctx, call)
		if errors.Is(err, journal.ErrNoCall) && !i.StepsWait {
			err = ivr.ErrNothingKnown
		}
		return ivr.Past{
			Menu: i.Menu, Version: i.Version, Began: i.Began, Ended: i.Ended, Incomplete: i.StepsWait,
			Elsewhere: i.Elsewhere, Playing: i.Playing, Resumed: i.Resumed,
			Record: func(c ivr.Call, t *tree.Tree) ivr.Record {
				return record.Resume(journal.Head{
					ID: c.ID, At: c.At, Caller: c.Caller, Dialled: c.Dialled,
					Menu: t.Name, MenuVersion: t.Version, Test: c.Test,
				}, i.Seq)
			},
		}, err
	}
}

// lookedThrough is how many of the last publications are searched for the version of a
// menu that a call began with. A call lasts half an hour.
const lookedThrough = 10

// earlier finds the versions that calls of a dead server began with. What was found is
// kept: many calls ask for the same one at once.
func (p place) earlier(store *releases.Store, log *slog.Logger) ivr.Earlier {
	var mu sync.Mutex
	kept := map[[2]string]*ivr.Content{}
	return func(ctx context.Context, menu, version string) *ivr.Content {
		mu.Lock()
		defer mu.Unlock()
		c, known := kept[[2]string{menu, version}]
		if !known {
			var err error
			if c, err = p.find(ctx, store, menu, version); err != nil {
				log.Warn("an earlier version of a menu cannot be had, its calls go on with what is live", "menu", menu, "version", version, "err", err)
				return nil // it is looked for again: the next may have more time
			}
			kept[[2]string{menu, version}] = c
		}
		return c
	}
}

// find loads the newest release in which a menu has this version; nil where there is none.
func (p place) find(ctx context.Context, store *releases.Store, menu, version string) (*ivr.Content, error) {
	published, err := store.List(ctx, lookedThrough)
	if err != nil {
		return nil, err
	}
	var seen []string
	for _, one := range published {
		if slices.Contains(seen, one.Release) {
			continue
		}
		seen = append(seen, one.Release)
		snap, err := store.Open(ctx, one.Release)
		if err != nil {
			return nil, err
		}
		trees, _, err := p.load(snap)
		if err != nil || !slices.ContainsFunc(trees, func(t *tree.Tree) bool { return t.Name == menu && t.Version == version }) {
			continue // an older program may have taken what this one does not
		}
		heard, err := store.Manifest(ctx, one.Release)
		if err != nil {
			return nil, err
		}
		content, _, err := p.content(ctx, snap, heard)
		return content, err
	}
	return nil, nil
}
