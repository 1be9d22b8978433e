// Package studio is the way of a prompt to the recording studio and back: the sheet that
// says what to record and how (Draw), the files that come back (Import), and how long a
// notice of the house took until callers heard of it (Notices).
//
//	prospect := studio.Look(folder, catalog) // what is recorded, what is not, and why
//	sheet := prospect.Draw(options)          // CSV and a page to print, for a speaker each
//	…                                        // the studio records
//	report := studio.Import(ctx, options)    // by id: accepted, refused, missing
//
// What was asked for, and what was refused, is noted in prompts/studio beside the
// prompts, so that "since the last sheet" is a fact that whoever works on them shares.
//
// It refuses to judge recordings (prompts/proof does), to open one unguarded
// (prompts/decode does), and to lose anything: a file that is refused replaces none.
package studio

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"

	"hotline/internal/prompts"
	"hotline/internal/prompts/decode"
	"hotline/internal/prompts/recorded"
	"hotline/internal/source"
)

// State is how a prompt stands with the studio. The set is closed.
type State string

// The states.
const (
	New      State = "new"          // there is no recording
	Changed  State = "text-changed" // the recording says an earlier text
	Refused  State = "refused"      // what came for it last was refused
	Unnoted  State = "unnoted"      // there is one, put there by hand: nobody has noted what it says
	Recorded State = "recorded"     // and the text has not changed since
)

// prompt is one as the studio sees it.
type prompt struct {
	prompts.Entry
	Lang  string
	File  string // of its recording, within the prompts' folder; "" for none
	State State
	Why   string // of Changed: the text that it says; of Refused: the findings; of Unnoted: the hint that there is

	asked *asked // the last time; nil for never
}

// sheet is the last one that asked for its present text; 0 for none.
func (p prompt) sheet() int {
	if p.asked == nil || p.asked.text != p.Text {
		return 0
	}
	return p.asked.sheet
}

// toRecord tells whether callers hear the voice for it until it is recorded.
func (p prompt) toRecord() bool { return p.State == New || p.State == Changed || p.State == Refused }

// open tells whether a sheet has asked for its present text, and nothing came of that yet.
func (p prompt) open() bool {
	return p.toRecord() && p.State != Refused && p.sheet() > 0
}

// Prospect is all prompts at one moment.
type Prospect struct {
	texts   *prompts.Catalog
	prompts []prompt // by language, in the order of the catalogue
	ledger  *ledger
}

// Look finds out how every prompt stands. fsys is the prompts' folder. The problems are
// of files among the recordings that are none; the rest is looked at all the same.
func Look(fsys fs.FS, texts *prompts.Catalog) (*Prospect, source.Problems, error) {
	l, err := readLedger(fsys)
	if err != nil {
		return nil, nil, err
	}
	recordings, problems := recorded.Find(fsys, texts)
	p := &Prospect{texts: texts, ledger: l}
	for _, lang := range texts.Languages() {
		for _, e := range texts.Entries(lang) {
			if e.Silence > 0 {
				continue // a pause, which nobody can record
			}
			one := prompt{Entry: e, Lang: lang}
			if last, ever := l.asked[lang][e.ID]; ever {
				one.asked = &last
			}
			r, there := recordings[lang][e.ID]
			if there {
				one.File = r.File
			}
			one.State, one.Why, err = state(fsys, e, r, there)
			if err != nil {
				return nil, nil, err
			}
			// A take that was refused does not take a good one away.
			if r, ever := l.refusals[lang][e.ID]; ever && one.toRecord() && !one.asked.after(r) {
				one.State, one.Why = Refused, r.why()
			}
			p.prompts = append(p.prompts, one)
		}
	}
	return p, problems, nil
}

// after tells whether a sheet asked for it again after the refusal.
func (a *asked) after(r refusal) bool { return a != nil && a.at.After(r.At) }

// state is how a recording stands, whatever has been asked for.
func state(fsys fs.FS, e prompts.Entry, r recorded.Recording, there bool) (State, string, error) {
	if !there {
		return New, "", nil
	}
	if r.Note.SHA256 == "" {
		return Unnoted, "", nil
	}
	sum, err := hash(fsys, r.File)
	switch {
	case err != nil:
		return "", "", fmt.Errorf("look at the recordings: %w", err)
	case sum != r.Note.SHA256:
		return Unnoted, "the file is not the one that was imported", nil
	case r.Note.Text != e.Text:
		return Changed, r.Note.Text, nil
	}
	return Recorded, "", nil
}

// hash is the SHA-256 of a file, hexadecimal. More than a recording may have is not read:
// whatever was noted, that is another file.
func hash(fsys fs.FS, name string) (string, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, io.LimitReader(f, decode.Standard.Bytes+1)); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
