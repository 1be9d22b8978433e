// Package voice makes the audio of a prompt catalogue with a speech synthesiser,
// so that a changed text can be heard in seconds and long before a studio has
// recorded it: Build speaks every text into a file that Asterisk plays without
// transcoding, and writes the manifest that prompts.Catalog.WithAudio reads.
//
//	text -> espeak-ng -> sox (8 kHz) -> trim, level, A-law -> cache -> audio folder
//
// Play and WriteWAV let the person at this machine hear what callers hear.
//
// It refuses to decide what is said, and it prints nothing. A build that fails
// leaves the audio folder as it was.
package voice

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"hotline/internal/prompts"
)

// Package is a Debian package that Build needs.
type Package struct{ Name, Why string }

// Packages are all of them. Each brings a program of its own name.
var Packages = []Package{
	{"espeak-ng", "speaks the prompt texts"},
	{"sox", "brings the speech to 8 kHz without aliasing"},
}

// Options say what to build, and where.
type Options struct {
	Texts    *prompts.Catalog
	AudioDir string // gets the recordings and the manifest; made where it is missing
	CacheDir string // what was spoken before, by content; may be deleted. "" is ivr/voice in the user's cache folder

	// Keep leaves what the folder says already as it is, whoever has recorded it, and
	// speaks the rest. Without it everything is spoken by this program's voice.
	Keep bool

	Progress func(done, total int) // after every prompt, one call at a time; nil for none
	Each     func(Result)          // for every prompt in the catalogue's order, once all are in place; nil for none
}

// Result is one prompt in the audio folder.
type Result struct {
	Lang   string `json:"lang"`
	ID     string `json:"id"`
	Text   string `json:"text"`
	MS     int    `json:"ms"`
	Cached bool   `json:"cached"` // it had been spoken before
}

// Build makes the audio folder say what the catalogue says. Only texts that the
// cache does not know are spoken, on all cores. Its error names each prompt that
// could not be spoken (the first few of many).
func Build(ctx context.Context, o Options) error {
	if err := o.complete(); err != nil {
		return err
	}
	var recorded prompts.Manifest
	if o.Keep {
		// Its error names what is missing, which is about to be made.
		recorded, _ = o.Texts.Recorded(os.DirFS(o.AudioDir))
	}
	var all []recording
	for _, lang := range o.Texts.Languages() {
		for _, e := range o.Texts.Entries(lang) {
			r := newRecording(lang, e)
			r.kept, r.cached = recorded[lang][e.ID], recorded[lang][e.ID].File != ""
			all = append(all, r)
		}
	}
	if err := o.speakAll(ctx, all); err != nil {
		return err
	}
	if err := place(o.AudioDir, all); err != nil {
		return fmt.Errorf("put the audio into %s: %w", o.AudioDir, err)
	}
	if err := sweep(o.CacheDir); err != nil {
		return fmt.Errorf("tidy the cache: %w", err)
	}
	for _, r := range all {
		if o.Each != nil {
			o.Each(Result{r.lang, r.ID, r.Text, r.audio().MS, r.cached})
		}
	}
	return nil
}

// complete fills in the cache's place and makes the folders.
func (o *Options) complete() error {
	if o.CacheDir == "" {
		home, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("find a folder for spoken texts: %w", err)
		}
		o.CacheDir = filepath.Join(home, "ivr", "voice")
	}
	for _, dir := range []string{o.CacheDir, o.AudioDir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make the audio folders: %w", err)
		}
	}
	return nil
}

// recording is one prompt on its way: its sound is set by speakAll.
type recording struct {
	lang string
	prompts.Entry
	key    string
	sound  []byte        // A-law, whole frames; none where it is kept
	kept   prompts.Audio // is in the folder already and stays; zero where it is not
	cached bool
}

// audio is the recording as the manifest lists it.
func (r *recording) audio() prompts.Audio {
	if r.kept.File != "" {
		return r.kept
	}
	return prompts.Audio{File: prompts.AudioFile(r.lang, r.ID, r.Text), MS: len(r.sound) / prompts.BytesPerMS, Text: r.Text}
}

// newRecording names the sound by everything that it depends on. The id is part
// of it: see encode, which gives every prompt frames of its own.
func newRecording(lang string, e prompts.Entry) recording {
	parts := slices.Concat([]string{recipe, lang, e.ID, speakable(lang, e.Text)}, speakers[lang].args(), soxArgs)
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return recording{lang: lang, Entry: e, key: hex.EncodeToString(sum[:16])}
}

// maxReported limits the error of a build: a broken synthesiser fails every prompt alike.
const maxReported = 5

// speakAll gives every recording its sound. One that fails does not stop the
// others: an author wants to hear of all bad texts at once.
func (o *Options) speakAll(ctx context.Context, all []recording) error {
	var (
		work errgroup.Group
		mu   sync.Mutex // guards done, and Progress against two calls at once
		done int
		errs = make([]error, len(all))
	)
	work.SetLimit(runtime.NumCPU())
	for i := range all {
		work.Go(func() error {
			if err := o.sound(ctx, &all[i]); err != nil {
				errs[i] = fmt.Errorf("speak prompt %s (%s): %w", all[i].ID, all[i].lang, err)
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
		return fmt.Errorf("speak the prompts: %w", err)
	}
	failed := slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if more := len(failed) - maxReported; more > 0 {
		failed = append(failed[:maxReported], fmt.Errorf("and %d more prompts", more))
	}
	return errors.Join(failed...)
}

// sound takes a recording's sound from the cache, or speaks it into the cache.
func (o *Options) sound(ctx context.Context, r *recording) error {
	if r.kept.File != "" {
		return nil
	}
	file := filepath.Join(o.CacheDir, r.key+".alaw")
	known, err := os.ReadFile(file)
	switch {
	case err == nil && len(known) > 0 && len(known)%frameBytes == 0:
		r.sound, r.cached = known, true
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("read the cache: %w", err)
	}
	if r.sound, err = speak(ctx, r); err != nil {
		return err
	}
	return writeFile(file, r.sound)
}
