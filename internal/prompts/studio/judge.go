package studio

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"hotline/internal/prompts/decode"
	"hotline/internal/prompts/recorded"
	"hotline/internal/prompts/sound"
	"hotline/internal/source"
)

// ErrLanguage is that a delivery does not tell which language its files are in.
var ErrLanguage = errors.New("the language of the files is not clear")

// list finds the files of the delivery, and whose each of them is.
func (i *delivery) list() error {
	top, err := fs.ReadDir(i.root.FS(), ".")
	if err != nil {
		return fmt.Errorf("read the delivery: %w", err)
	}
	for _, f := range top {
		lang := strings.ToLower(f.Name())
		if !f.IsDir() || i.entries[lang] == nil {
			i.add(f.Name(), "", f)
			continue
		}
		within, err := fs.ReadDir(i.root.FS(), f.Name())
		if err != nil {
			return fmt.Errorf("read the delivery: %w", err)
		}
		for _, file := range within {
			i.add(path.Join(f.Name(), file.Name()), lang, file)
		}
	}
	if err := i.ownLanguage(); err != nil {
		return err
	}
	i.twice()
	return nil
}

// add takes down one file. lang is "" where no folder tells it.
func (i *delivery) add(name, lang string, is fs.DirEntry) {
	base := is.Name()
	if strings.HasPrefix(base, ".") || base == recorded.NotesFile {
		return
	}
	ext := strings.ToLower(strings.TrimPrefix(path.Ext(base), "."))
	f := File{Name: name, Lang: lang, ID: strings.ToLower(strings.TrimSuffix(base, path.Ext(base)))}
	isPrompt := slices.ContainsFunc(i.Texts.Languages(), func(lang string) bool { return i.Texts.Has(lang, f.ID) })
	switch {
	case is.IsDir():
		f.find(Ignored, "stray-recording", "only folders that are named by a language are looked into: %s", strings.Join(i.Texts.Languages(), ", "))
	case slices.Contains(recorded.Formats, ext):
	case isPrompt:
		f.find(Rejected, "wrong-extension", "the extension is none of %s: have it sent in one of them, best as wav", strings.Join(recorded.Formats, ", "))
	default:
		f.find(Ignored, "wrong-extension", "no recording: those end with one of %s", strings.Join(recorded.Formats, ", "))
	}
	if f.Verdict == Ignored {
		f.ID = ""
	}
	i.files = append(i.files, f)
}

// find adds a finding, with the verdict that it leads to.
func (f *File) find(v Verdict, rule, format string, args ...any) {
	f.Verdict = v
	f.Findings = append(f.Findings, source.Problem{Pos: source.Pos{File: f.Name, Line: 1, Col: 1}, Rule: rule,
		Message: fmt.Sprintf(format, args...), Warning: v != Rejected && v != Unknown})
}

// ownLanguage settles the language of the files that are in no folder of one, and which
// prompt each is of.
func (i *delivery) ownLanguage() error {
	langs := i.Texts.Languages()
	own := i.Language
	dir, err := filepath.Abs(i.Dir) // whoever works in the folder names it "."
	if err != nil {
		return fmt.Errorf("find the delivery: %w", err)
	}
	if base := strings.ToLower(filepath.Base(dir)); own == "" && slices.Contains(langs, base) {
		own = base
	}
	if own == "" && len(langs) == 1 {
		own = langs[0]
	}
	for n := range i.files {
		f := &i.files[n]
		if f.Verdict == Ignored {
			continue
		}
		if f.Lang == "" && own == "" {
			return fmt.Errorf("%w: %s is in no language's folder; which of %s is it?", ErrLanguage, f.Name, strings.Join(langs, ", "))
		}
		f.Lang = cmp.Or(f.Lang, own)
		if _, known := i.entries[f.Lang][f.ID]; known {
			continue
		}
		meant := ""
		if near := source.Nearest(f.ID, maps.Keys(i.entries[f.Lang])); near != "" {
			meant = fmt.Sprintf("; is it %s?", near)
		}
		f.find(Unknown, "stray-recording", "there is no prompt %q in %s.yaml%s", f.ID, f.Lang, meant)
	}
	return nil
}

// twice refuses all files of one prompt where there are several: which is meant nobody
// can tell.
func (i *delivery) twice() {
	by := map[string][]int{}
	for n, f := range i.files {
		if f.Verdict == "" {
			by[f.Lang+"/"+f.ID] = append(by[f.Lang+"/"+f.ID], n)
		}
	}
	for _, same := range by {
		for _, n := range same {
			for _, other := range same {
				if n != other {
					i.files[n].find(Rejected, "two-recordings", "%s is of the same prompt: send one", i.files[other].Name)
					break
				}
			}
		}
	}
}

// judge listens to one file and stages it, if it is good. The error is the machine's.
func (i *delivery) judge(ctx context.Context, f *File) error {
	data, err := decode.Read(i.root, f.Name, decode.Standard)
	if err != nil {
		return i.refused(f, err)
	}
	sum := sha256.Sum256(data)
	f.sha256 = hex.EncodeToString(sum[:])
	entry := i.entries[f.Lang][f.ID]
	f.said = entry.Text
	if i.known(f) || i.ofAnotherText(f) {
		return nil
	}
	d, err := decode.Decode(ctx, f.Name, data, decode.Standard)
	if err != nil {
		return i.refused(f, err)
	}
	facts := sound.Measure(d.Channels)
	f.MS, f.Level = facts.MS, facts.Level
	rec := recorded.Recording{File: f.Name}
	f.Findings = i.Rules.Sound(rec, entry, f.Lang, d.Container, facts, i.Rules.OffersKey(f.Lang, entry.Text))
	for _, fault := range d.Faults {
		f.Findings = append(f.Findings, i.Rules.Refused(fault.Rule, fault.Why, rec)...)
	}
	f.Verdict = Accepted
	if f.Findings.Err() != nil {
		f.Verdict = Rejected
		return nil
	}
	if i.inPlace {
		return nil
	}
	if r, there := i.has[f.Lang][f.ID]; there {
		f.Replaces = path.Base(r.File)
	}
	if i.DryRun {
		return nil
	}
	return i.stage(f, data)
}

// refused makes a finding of a decoder's refusal; any other error stays one.
func (i *delivery) refused(f *File, err error) error {
	var no decode.Refusal
	if !errors.As(err, &no) {
		return err
	}
	f.Findings = i.Rules.Refused(no.Rule, no.Why, recorded.Recording{File: f.Name})
	f.Verdict = Rejected
	return nil
}

// known tells whether it is the recording that is there already. Who sends an old
// folder again does not make its recordings say today's texts.
func (i *delivery) known(f *File) bool {
	note := i.notes[f.Lang][f.ID]
	if i.Current || note.SHA256 != f.sha256 {
		return false
	}
	there, kept := i.has[f.Lang][f.ID]
	if sum, err := hash(i.folder, there.File); !kept || err != nil || sum != f.sha256 {
		return false // it was lost since: what is noted of it does not bring it back
	}
	f.Verdict = Unchanged
	if note.Text != f.said {
		f.find(Unchanged, "stale-recording", "it is the recording of %s, noted to say %q; the text is now %q: have it recorded anew, or give --current if it says that",
			note.At.Format("2006-01-02"), note.Text, f.said)
	}
	return true
}

// ofAnotherText tells whether the studio was asked for a text that has changed since:
// what came of that says the text of then.
func (i *delivery) ofAnotherText(f *File) bool {
	asked, ever := i.prospect.ledger.asked[f.Lang][f.ID]
	if i.Current || !ever || asked.text == f.said || i.notes[f.Lang][f.ID].Text == asked.text {
		return false
	}
	f.find(Rejected, "stale-recording", "sheet %d asked for %q; the text is now %q: have it recorded anew, or give --current if it says that", asked.sheet, asked.text, f.said)
	return true
}

const stagedPattern = ".import-*"

// stage copies a recording beside where it is to be: what was judged is what is put there.
func (i *delivery) stage(f *File, data []byte) error {
	dir := filepath.Join(i.Prompts, "recordings", f.Lang)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	to, err := os.CreateTemp(dir, stagedPattern)
	if err != nil {
		return err
	}
	f.staged = to.Name()
	_, err = to.Write(data)
	return errors.Join(err, to.Chmod(0o644), to.Sync(), to.Close())
}
