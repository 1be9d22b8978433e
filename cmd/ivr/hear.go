package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"hotline/internal/prompts"
	"hotline/internal/prompts/build"
	"hotline/internal/prompts/proof"
	"hotline/internal/prompts/voice"
)

func promptsHearCommand(f *promptsFlags) *cobra.Command {
	var audio, language, wav string
	cmd := &cobra.Command{
		Use:   "hear WHAT ...",
		Short: "Play prompts and values on this machine, one after the other as on a call",
		Long: `Play prompts and values on this machine, one after the other as on a call.

WHAT is a prompt's id, or a value as transcripts write it: money(650) in fen,
number(7), digits(0571), phone(13800000001), date(20261001), month(202610), time(1830).
With the language before it, en:money(650), it is said in that one.

What has no recording yet is spoken first (programs espeak-ng and sox). To be heard
it needs aplay, play or ffplay and a sound card; --wav needs none of them.

Exit codes: 0 heard, or written; 1 it could not be; 2 wrong usage.`,
		Example: `  ivr prompts hear balance.is 'money(5850)'
  ivr prompts hear --language en --wav price.wav order.will_open svc.caller_id order.per_month 'money(600)'`,
		RunE: func(cmd *cobra.Command, what []string) error {
			if len(what) == 0 {
				return usageError{errors.New("what is to be heard? Name a prompt or a value (see 'ivr prompts hear --help')")}
			}
			var refs []prompts.Ref
			for _, w := range what {
				r, err := prompts.ParseRef(w)
				if err != nil {
					return usageError{err}
				}
				refs = append(refs, r)
			}
			catalog, err := loadPrompts(f.texts)
			if err != nil {
				return err
			}
			return hear(cmd, catalog, f.texts, audio, language, wav, f.json, refs)
		},
	}
	cmd.Flags().StringVar(&audio, "audio", os.Getenv("AUDIO"), "folder of the recordings (env AUDIO; without one they are spoken into the user's cache folder)")
	cmd.Flags().StringVar(&language, "language", "zh", "of what names none itself")
	cmd.Flags().StringVar(&wav, "wav", "", "write one recording into this file instead")
	return cmd
}

// hear plays or writes what is asked for. texts is the folder of the catalogue.
func hear(cmd *cobra.Command, catalog *prompts.Catalog, texts, audio, language, wav string, asJSON bool, refs []prompts.Ref) error {
	if _, err := catalog.Fragments(language, refs); err != nil { // before anything is spoken
		return err
	}
	progress, wipe := progressBar(cmd.ErrOrStderr(), "speaking")
	heard, err := audible(cmd.Context(), catalog, texts, audio, progress)
	wipe()
	if err != nil {
		return err
	}
	said, err := heard.Fragments(language, refs)
	if err != nil {
		return err
	}
	told := heardHere{WAV: wav}
	for _, f := range said {
		told.MS += f.MS
	}
	for _, r := range refs {
		told.Said = append(told.Said, heardRef{r.String(), catalog.Text(language, r)})
	}
	out := cmd.OutOrStdout()
	if !asJSON {
		for _, r := range told.Said {
			fmt.Fprintf(out, "%s  %s\n", r.What, r.Text)
		}
	}
	if wav == "" {
		if err := voice.Play(cmd.Context(), said); err != nil {
			return fmt.Errorf("%w; --wav FILE writes it into a file instead", err)
		}
	} else if err := writeWAV(wav, said); err != nil {
		return err
	}
	switch {
	case asJSON:
		return printJSON(out, told)
	case wav != "":
		_, err = fmt.Fprintf(out, "%s: %s s\n", wav, seconds(told.MS))
	}
	return err
}

// heardHere is what was heard, for programs.
type heardHere struct {
	Said []heardRef `json:"said"`
	MS   int        `json:"ms"`
	WAV  string     `json:"wav,omitempty"` // the file; "" where it was played
}

type heardRef struct {
	What string `json:"what"`
	Text string `json:"text"`
}

// audible gives the catalogue of the folder texts with its recordings: those of the
// folder audio, or, where none is named, spoken now into the user's cache folder.
func audible(ctx context.Context, catalog *prompts.Catalog, texts, audio string, progress func(done, total int)) (*prompts.Catalog, error) {
	if audio == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("find a folder for the recordings (or name one with --audio): %w", err)
		}
		audio = filepath.Join(cache, "hotline", "audio")
		rules, err := proof.Load(os.DirFS(texts))
		if err != nil {
			return nil, inFolder(err, texts)
		}
		if err := buildIn(ctx, build.Options{Texts: catalog, Folder: texts, Rules: rules, AudioDir: audio, Progress: progress}); err != nil {
			return nil, err
		}
	}
	return withAudio(catalog, audio, texts)
}

// writeWAV writes what is said as one file, or leaves none behind.
func writeWAV(file string, said []prompts.Fragment) error {
	var data bytes.Buffer
	if err := voice.WriteWAV(&data, said); err != nil {
		return err
	}
	// Not a new file in its place: it may be /dev/stdout.
	if err := os.WriteFile(file, data.Bytes(), 0o644); err != nil {
		if info, statErr := os.Lstat(file); statErr == nil && info.Mode().IsRegular() {
			_ = os.Remove(file) // half a recording, on a full disk
		}
		return fmt.Errorf("write the recording: %w", err)
	}
	return nil
}
