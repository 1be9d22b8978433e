package studio

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"hotline/internal/prompts"
	"hotline/internal/prompts/proof"
	"hotline/internal/prompts/recorded"
	"hotline/internal/source"
)

// Delivery is a folder of recordings that a studio has sent, and what to do with it.
type Delivery struct {
	Dir      string // <id>.<format>, <language>/<id>.<format>; the folder of the recordings itself: what was put there by hand
	Language string // of the files that are in no language's folder; "" where there is only one
	DryRun   bool   // only report
	Current  bool   // the files say today's texts, whatever was asked for, or noted of them, earlier

	Prompts string // the folder of the texts
	Texts   *prompts.Catalog
	Rules   *proof.Rules
	At      time.Time
	Each    func(done, total int) // after every file, one call at a time; nil for none
}

// Verdict is what became of a file. The set is closed.
type Verdict string

// The verdicts.
const (
	Accepted  Verdict = "accepted"  // callers hear it from the next build on
	Unchanged Verdict = "unchanged" // it is the recording that is there already
	Rejected  Verdict = "refused"   // nothing was changed; see the findings
	Unknown   Verdict = "unknown"   // of no prompt
	Ignored   Verdict = "ignored"   // no recording
)

// File is what became of one file.
type File struct {
	Name     string          `json:"file"` // within the delivery
	Lang     string          `json:"lang,omitempty"`
	ID       string          `json:"id,omitempty"`
	Verdict  Verdict         `json:"verdict"`
	Replaces string          `json:"replaces,omitempty"` // the recording whose place it takes
	MS       int             `json:"ms,omitempty"`
	Level    float64         `json:"level,omitempty"` // of the speech, dBov
	Findings source.Problems `json:"findings,omitempty"`

	sha256 string
	staged string // the copy that waits to be put in place
	said   string // its text
}

// Plain is the message of one of its findings, without the name of the prompt, which
// stands beside it.
func (f *File) Plain(p source.Problem) string {
	return strings.TrimPrefix(p.Message, fmt.Sprintf("prompt %q: ", f.ID))
}

// Report is what became of a delivery.
type Report struct {
	Files   []File   `json:"files"`
	Missing []Wanted `json:"missing"` // what sheets asked for and is not there yet, after this delivery
}

// Wanted is a prompt that a sheet asked for.
type Wanted struct {
	Lang  string `json:"lang"`
	ID    string `json:"id"`
	Text  string `json:"text"`
	Sheet int    `json:"sheet"`
}

// Failed tells whether anything was not taken that was meant to be.
func (r *Report) Failed() bool {
	return slices.ContainsFunc(r.Files, func(f File) bool { return f.Verdict == Rejected || f.Verdict == Unknown })
}

// Import takes the recordings of a delivery that have no problem, and notes what they
// say. A recording that is refused replaces none. The error is about what cannot be
// looked at or written; source.Problems are of the notes.
func Import(ctx context.Context, d Delivery) (*Report, error) {
	unlock, err := lock(d.Prompts)
	if err != nil {
		return nil, err
	}
	defer unlock()
	i, err := d.open()
	if err != nil {
		return nil, err
	}
	defer i.close()
	if err := i.list(); err != nil {
		return nil, err
	}
	if err := i.judgeAll(ctx); err != nil {
		return nil, err
	}
	if !d.DryRun {
		if err := i.commit(); err != nil {
			return nil, err
		}
	}
	return i.report()
}

// lock keeps two imports from writing the same notes. It is on the folder itself, which
// needs no file of its own, and ends with the process.
func lock(folder string) (unlock func(), err error) {
	f, err := os.Open(folder)
	if err != nil {
		return nil, fmt.Errorf("open the prompts: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("another import is at work in %s; try again when it is done", folder)
	}
	return func() { _ = f.Close() }, nil
}

// delivery is a Delivery at work.
type delivery struct {
	Delivery
	root     *os.Root
	folder   fs.FS // of the texts
	inPlace  bool  // Dir is where the recordings are kept, or a language of it
	prospect *Prospect
	notes    map[string]map[string]recorded.Said // by language; of every id that was ever noted
	entries  map[string]map[string]prompts.Entry
	has      recorded.All
	files    []File
}

func (d Delivery) open() (*delivery, error) {
	i := &delivery{Delivery: d, folder: os.DirFS(d.Prompts), notes: map[string]map[string]recorded.Said{}, entries: map[string]map[string]prompts.Entry{}}
	var err error
	if i.prospect, _, err = Look(i.folder, d.Texts); err != nil {
		return nil, err
	}
	i.has, _ = recorded.Find(i.folder, d.Texts)
	var problems source.Problems
	for _, lang := range d.Texts.Languages() {
		i.notes[lang] = recorded.ReadNotes(i.folder, lang, &problems)
		i.entries[lang] = map[string]prompts.Entry{}
		for _, e := range d.Texts.Entries(lang) {
			if e.Silence == 0 { // a pause is nobody's to record
				i.entries[lang][e.ID] = e
			}
		}
	}
	// Notes that cannot be read would be lost when they are written again.
	if err := problems.Err(); err != nil {
		return nil, err
	}
	if i.root, err = os.OpenRoot(d.Dir); err != nil {
		return nil, fmt.Errorf("open the delivery: %w", err)
	}
	here, err := i.root.Stat(".")
	if err != nil {
		i.close()
		return nil, fmt.Errorf("open the delivery: %w", err)
	}
	for _, dir := range append(d.Texts.Languages(), ".") {
		there, err := os.Stat(filepath.Join(d.Prompts, "recordings", dir))
		if err != nil || !os.SameFile(here, there) {
			continue
		}
		i.inPlace = true
		if dir != "." && i.Language != "" && i.Language != dir {
			i.close()
			return nil, fmt.Errorf("%w: they are the recordings in %q, not in %q", ErrLanguage, dir, i.Language)
		}
		if dir != "." {
			i.Language = dir
		}
	}
	return i, nil
}

// close takes away what was copied and not put in place.
func (i *delivery) close() {
	for _, f := range i.files {
		if f.staged != "" {
			_ = os.Remove(f.staged) // the next import removes what is left
		}
	}
	_ = i.root.Close() // read only: nothing can be lost
}

// judgeAll listens to every file, on all processors. One that is refused does not stop
// the others; what stops them is the machine's.
func (i *delivery) judgeAll(ctx context.Context) error {
	var mu sync.Mutex // guards done, and Each against two calls at once
	done := 0
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(runtime.NumCPU())
	for n := range i.files {
		work.Go(func() error {
			if i.files[n].Verdict == "" {
				if err := i.judge(ctx, &i.files[n]); err != nil {
					return fmt.Errorf("listen to %s: %w", i.files[n].Name, err)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			done++
			if i.Each != nil {
				i.Each(done, len(i.files))
			}
			return nil
		})
	}
	return work.Wait()
}

// report tells what became of the files, and what is still missing.
func (i *delivery) report() (*Report, error) {
	r := &Report{Files: i.files, Missing: []Wanted{}}
	now, languages := map[string]bool{}, map[string]bool{} // taken, though it may not be written
	for _, f := range i.files {
		languages[f.Lang] = true
		if f.Verdict == Accepted {
			now[f.Lang+"/"+f.ID] = true
		}
	}
	after, _, err := Look(i.folder, i.Texts)
	if err != nil {
		return nil, err
	}
	for _, p := range after.prompts {
		if p.sheet() > 0 && p.toRecord() && !now[p.Lang+"/"+p.ID] {
			r.Missing = append(r.Missing, Wanted{p.Lang, p.ID, p.Text, p.sheet()})
		}
	}
	// Who has sent Mandarin wants to know first what is missing of that.
	slices.SortStableFunc(r.Missing, func(a, b Wanted) int {
		switch {
		case languages[a.Lang] == languages[b.Lang]:
			return 0
		case languages[a.Lang]:
			return -1
		}
		return 1
	})
	return r, nil
}

// clean removes the copies that an import left which did not come to its end.
func clean(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, stagedPattern))
	for _, file := range left {
		err = errors.Join(err, os.Remove(file))
	}
	return err
}
