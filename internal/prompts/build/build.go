// Package build makes the audio of a prompt catalogue: one form, one level, nothing
// missing. What a studio has recorded takes the place of the voice.
//
//	recording -> decode ─┐
//	text -> voice ───────┴-> trim, level, codec -> cache -> audio folder, manifest
//
// Make puts new files beside those that are there; Place is when they become what is
// heard. It refuses recordings that callers must not hear (prompts/proof says which) and to print.
package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"hotline/internal/prompts"
	"hotline/internal/prompts/proof"
	"hotline/internal/source"
)

// Package is a Debian package that Make needs.
type Package struct{ Name, Why string }

// Packages are all of them. Each brings a program of its own name.
var Packages = []Package{
	{"espeak-ng", "speaks the prompt texts"},
	{"sox", "brings speech to 8 kHz without aliasing; reads VOX and GSM"},
	{"ffmpeg", "reads the studio's recordings: WAV, MP3, WMA, OGG, FLAC"},
}

// Options say what to make, and where.
type Options struct {
	Texts    *prompts.Catalog
	Folder   string        // of the prompts, for recordings/<language>/; "" where only the voice speaks
	Rules    *proof.Rules  // what a recording may be like; needed with Folder
	Codec    prompts.Codec // of the trunk; "" is A-law
	AudioDir string        // gets the files; made where it is missing
	CacheDir string        // what was made before, by what it was made of; may be deleted. "" is hotline/sound in the user's cache folder, as `ivr up` has it

	// Hashes are what the recordings are to be, by file ("recordings/zh/main.welcome.wav");
	// nil: whatever is there. A recording that has changed meanwhile fails Make.
	Hashes map[string]string

	// Keep are files of the audio folder that stay what they are, though this voice might say the
	// same text otherwise today.
	Keep prompts.Manifest

	Progress func(done, total int) // after every prompt, one call at a time; nil for none
	Each     func(Result)          // for every prompt in the catalogue's order, once all are in place; nil for none
	Warn     func(source.Problems) // what is not good about recordings that are used, or that are not; nil: nobody wants to know
}

// Result is one prompt in the audio folder.
type Result struct {
	Lang string `json:"lang"`
	ID   string `json:"id"`
	prompts.Audio
	Cached bool `json:"cached"` // it had been made before
}

// Build makes the audio folder say what the catalogue says.
func Build(ctx context.Context, o Options) error {
	m, err := Make(ctx, o)
	if err != nil {
		return err
	}
	return Place(o.AudioDir, m)
}

// Make puts what the catalogue is heard with into the audio folder, as files that no other
// manifest has, and gives their manifest. Only what the cache does not know is made, on all
// cores. Its error names each prompt that could not be spoken (the first few of many); about
// recordings it is source.Problems, with places relative to Folder. Nothing is put into the folder then.
func Make(ctx context.Context, o Options) (prompts.Manifest, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	sources, warnings, err := o.sources()
	if err != nil {
		return nil, err
	}
	var all []*item
	for _, lang := range o.Texts.Languages() {
		for _, e := range o.Texts.Entries(lang) {
			all = append(all, &item{lang: lang, Entry: e, recording: sources.of(lang, e)})
		}
	}
	found, err := o.makeAll(ctx, all, sources)
	if err != nil {
		return nil, err
	}
	if o.Warn != nil {
		warnings = append(warnings, found...)
		warnings.Sort()
		o.Warn(warnings)
	}
	m := prompts.Manifest{}
	for _, it := range all {
		if err := o.put(it); err != nil {
			return nil, fmt.Errorf("put the audio into %s: %w", o.AudioDir, err)
		}
		if m[it.lang] == nil {
			m[it.lang] = map[string]prompts.Audio{}
		}
		m[it.lang][it.ID] = it.audio
	}
	if err := sweep(o.CacheDir); err != nil {
		return nil, fmt.Errorf("tidy the cache: %w", err)
	}
	for _, it := range all {
		if o.Each != nil {
			o.Each(Result{it.lang, it.ID, it.audio, it.cached})
		}
	}
	return m, nil
}

// complete fills in the cache's place and makes the folders.
func (o *Options) complete() error {
	if o.Codec == "" {
		o.Codec = prompts.ALaw
	}
	if !slices.Contains(prompts.Codecs, o.Codec) {
		return fmt.Errorf("no codec %q (known: %v)", o.Codec, prompts.Codecs)
	}
	if o.CacheDir == "" {
		home, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("find a folder for what was spoken before: %w", err)
		}
		o.CacheDir = filepath.Join(home, "hotline", "sound")
	}
	for _, dir := range []string{o.CacheDir, o.AudioDir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make the audio folders: %w", err)
		}
	}
	return nil
}

// maxReported limits the error of a build: a broken synthesiser fails every prompt alike.
const maxReported = 5

// makeAll gives every item its audio. One that fails does not stop the others: an
// author wants to hear of all bad ones at once.
func (o *Options) makeAll(ctx context.Context, all []*item, from *recordings) (warnings source.Problems, err error) {
	var (
		work errgroup.Group
		mu   sync.Mutex // guards done, and Progress against two calls at once
		done int
		errs = make([]error, len(all))
	)
	work.SetLimit(runtime.NumCPU())
	for i, it := range all {
		work.Go(func() error {
			if err := o.make(ctx, it, from); err != nil {
				errs[i] = fmt.Errorf("make prompt %s (%s): %w", it.ID, it.lang, err)
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			done++
			if o.Progress != nil {
				o.Progress(done, len(all))
			}
			return nil
		})
	}
	_ = work.Wait() // the functions keep their errors in errs, in the catalogue's order
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("make the prompts: %w", err)
	}
	failed := slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if more := len(failed) - maxReported; more > 0 {
		failed = append(failed[:maxReported], fmt.Errorf("and %d more prompts", more))
	}
	if len(failed) > 0 {
		return nil, errors.Join(failed...)
	}
	var problems source.Problems
	for _, it := range all {
		for _, p := range it.found {
			if p.Warning {
				warnings = append(warnings, p)
			} else {
				problems = append(problems, p)
			}
		}
	}
	problems.Sort()
	return warnings, problems.Err()
}
