package studio

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hotline/internal/prompts/recorded"
)

// commit puts the recordings that were accepted in place and notes what they say. Each
// step leaves something that can be gone on from: a recording is there before its note,
// and a note that is older than its file shows by the hash. Where one cannot be put in
// place, those before it are noted all the same.
func (i *delivery) commit() error {
	placing := i.place()
	for _, lang := range i.Texts.Languages() {
		if err := i.noteSaid(lang); err != nil {
			return errors.Join(placing, fmt.Errorf("note what the recordings in %s say: %w", lang, err))
		}
	}
	if placing != nil {
		return fmt.Errorf("put the recordings in place: %w", placing)
	}
	if err := i.noteRefused(); err != nil {
		return fmt.Errorf("note what was refused: %w", err)
	}
	return nil
}

// place moves the staged copies to their names. The older recording goes when the new
// one is there: in between there are two, but never none.
func (i *delivery) place() error {
	for n := range i.files {
		f := &i.files[n]
		if f.staged == "" || f.Verdict != Accepted {
			continue
		}
		dir := filepath.Join(i.Prompts, "recordings", f.Lang)
		name := f.ID + strings.ToLower(path.Ext(f.Name))
		if err := os.Rename(f.staged, filepath.Join(dir, name)); err != nil {
			return err
		}
		f.staged = ""
		if err := removeOthers(dir, f.ID, name); err != nil {
			return err
		}
	}
	return nil
}

// removeOthers removes the recordings of a prompt in other formats than the one of name.
func removeOthers(dir, id, name string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		ext := path.Ext(e.Name())
		format := strings.ToLower(strings.TrimPrefix(ext, "."))
		if e.Name() == name || strings.TrimSuffix(e.Name(), ext) != id || !slices.Contains(recorded.Formats, format) || !e.Type().IsRegular() {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// noteSaid writes what the accepted recordings of a language say. Notes of others stay.
func (i *delivery) noteSaid(lang string) error {
	dir := filepath.Join(i.Prompts, "recordings", lang)
	notes, changed := maps.Clone(i.notes[lang]), false
	for _, f := range i.files {
		if f.Lang == lang && f.Verdict == Accepted && f.staged == "" {
			notes[f.ID] = recorded.Said{SHA256: f.sha256, Text: f.said, At: i.At}
			changed = true
		}
	}
	if err := clean(dir); err != nil || !changed {
		return err
	}
	data, err := recorded.WriteNotes(notes)
	if err != nil {
		return err
	}
	return replace(filepath.Join(dir, recorded.NotesFile), data)
}

// noteRefused keeps why files were refused, until one of the prompt is accepted: the next
// sheet tells the speaker.
func (i *delivery) noteRefused() error {
	all := i.prospect.ledger.refusals
	changed := false
	for _, f := range i.files {
		if f.Verdict != Rejected {
			continue
		}
		r := refusal{At: i.At.Truncate(time.Millisecond), File: f.Name}
		for _, p := range f.Findings {
			if !p.Warning {
				r.Why = append(r.Why, f.Plain(p))
			}
		}
		if all[f.Lang] == nil {
			all[f.Lang] = map[string]refusal{}
		}
		all[f.Lang][f.ID], changed = r, true
	}
	for _, f := range i.files { // of two, one may be good
		if _, was := all[f.Lang][f.ID]; was && f.Verdict == Accepted {
			delete(all[f.Lang], f.ID)
			changed = true
		}
	}
	if !changed {
		return nil
	}
	data, err := encode(all)
	if err != nil {
		return err
	}
	dir := filepath.Join(i.Prompts, ledgerDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return replace(filepath.Join(dir, refusedFile), data)
}

// replace writes a file that is always whole: the older content or the new one.
func replace(file string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), stagedPattern)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		if gone := os.Remove(f.Name()); !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	return err
}
