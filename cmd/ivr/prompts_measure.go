package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"hotline/internal/prompts"
	"hotline/internal/prompts/decode"
	"hotline/internal/prompts/proof"
	"hotline/internal/prompts/recorded"
	"hotline/internal/prompts/sound"
	"hotline/internal/source"
)

// measureRecipe is raised whenever decode.Decode (sound has its own) comes to tell something
// else of the same file.
const measureRecipe = "1"

// measured is what is known of one recording's content.
type measured struct {
	Lang  string `json:"lang"`
	ID    string `json:"id"`
	File  string `json:"file"`
	entry prompts.Entry
	heard
}

// heard is what the cache keeps: it depends on the file and its extension only.
type heard struct {
	SHA256    string           `json:"sha256"`
	Container string           `json:"container,omitempty"`
	Facts     sound.Facts      `json:"facts,omitzero"`
	Faults    []decode.Refusal `json:"faults,omitempty"`
	Refused   *decode.Refusal  `json:"refused,omitempty"` // there is no sound, so no facts
}

// measurer listens to recordings, on all cores.
type measurer struct {
	folder, cache string // the prompts' folder, and where facts are kept
	progress      func(done, total int)
}

// all listens to every recording, in the order of language and id. Its error is about
// the machine: what is wrong with a recording is in what was measured.
func (m measurer) all(ctx context.Context, c *prompts.Catalog, recordings recorded.All) ([]measured, error) {
	var all []measured
	for _, lang := range c.Languages() {
		for _, e := range c.Entries(lang) {
			if r, there := recordings[lang][e.ID]; there {
				all = append(all, measured{Lang: lang, ID: e.ID, File: r.File, entry: e})
			}
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	root, err := os.OpenRoot(m.folder)
	if err != nil {
		return nil, fmt.Errorf("read the recordings: %w", err)
	}
	defer func() { _ = root.Close() }() // read only
	if err := os.MkdirAll(m.cache, 0o755); err != nil {
		return nil, fmt.Errorf("make the folder for measurements: %w", err)
	}
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(runtime.NumCPU())
	var mu sync.Mutex // guards done, and progress against two calls at once
	done := 0
	for i := range all {
		work.Go(func() error {
			var err error
			if all[i].heard, err = m.one(ctx, root, all[i].File); err != nil {
				return fmt.Errorf("listen to %s: %w", all[i].File, err)
			}
			mu.Lock()
			defer mu.Unlock()
			if done++; m.progress != nil {
				m.progress(done, len(all))
			}
			return nil
		})
	}
	return all, work.Wait()
}

// one listens to a recording, or remembers what was heard of it.
func (m measurer) one(ctx context.Context, root *os.Root, file string) (heard, error) {
	var no decode.Refusal
	data, err := decode.Read(root, file, decode.Standard)
	if errors.As(err, &no) {
		return heard{Refused: &no}, nil
	} else if err != nil {
		return heard{Refused: &decode.Refusal{Rule: decode.Unreadable, Why: err.Error()}}, nil
	}
	h := heard{SHA256: prompts.Hash(data)}
	// The extension belongs to the name of the note: bytes without a header are another sound
	// as .vox than as .alaw.
	note := filepath.Join(m.cache, prompts.Hash(measureRecipe + "\x00" + sound.Recipe + "\x00" + path.Ext(file) + "\x00" + h.SHA256)[:32]+".json")
	if kept, err := os.ReadFile(note); err == nil && json.Unmarshal(kept, &h) == nil {
		return h, nil
	}
	h = heard{SHA256: h.SHA256} // a damaged note may have been read by half
	d, err := decode.Decode(ctx, file, data, decode.Standard)
	switch {
	case errors.As(err, &no):
		h.Refused = &no
		if no.Rule == decode.DecoderTimeout {
			return h, nil // a busy machine is no property of the file
		}
	case err != nil:
		return heard{}, err
	default:
		h.Container, h.Faults, h.Facts = d.Container, d.Faults, sound.Measure(d.Channels)
	}
	return h, keep(note, h)
}

// keep writes a note as a whole or not at all.
func keep(note string, h heard) (err error) {
	data, err := json.Marshal(h)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(note), ".new-")
	if err != nil {
		return fmt.Errorf("keep what was measured: %w", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), note)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("keep what was measured: %w", err)
	}
	return nil
}

// judge holds what was heard of a recording to the rules.
func (m *measured) judge(rules *proof.Rules, rec recorded.Recording) (ps source.Problems) {
	if m.SHA256 != "" {
		ps = append(ps, rules.Replaced(rec, m.entry, m.SHA256)...)
	}
	if m.Refused != nil {
		return append(ps, rules.Refused(m.Refused.Rule, m.Refused.Why, rec)...)
	}
	for _, f := range m.Faults {
		ps = append(ps, rules.Refused(f.Rule, f.Why, rec)...)
	}
	return append(ps, rules.Sound(rec, m.entry, m.Lang, m.Container, m.Facts, rules.OffersKey(m.Lang, m.entry.Text))...)
}
