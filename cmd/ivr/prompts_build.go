package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"hotline/internal/prompts"
	"hotline/internal/prompts/build"
	"hotline/internal/prompts/proof"
	"hotline/internal/source"
)

func promptsBuildCommand(f *promptsFlags) *cobra.Command {
	var audio, cache, codec string
	cmd := &cobra.Command{
		Use:   "build",
		Short: "Make the audio that Asterisk plays: of recordings, and of the voice for what has none",
		Long: `Make the audio that Asterisk plays: of the recordings in recordings/<language>/, and of
the voice for every prompt that has none.

Everything is brought to one codec, one level (-26 dBov active speech level, ITU-T P.56) and whole
frames of 20 ms, without silence at its ends; manifest.json in the audio folder says of each prompt
what it was made of. What was made before is taken from the cache. If one recording may not be heard
('ivr prompts check' says why), or one text cannot be spoken, the folder stays as it was.
Needs the programs espeak-ng, sox and ffmpeg (Debian packages of the same names).

Exit codes: 0 made, 1 it could not be, 2 wrong usage.`,
		Example: `  ivr prompts build --audio /var/spool/asterisk/recording/prompts
  AUDIO=/var/spool/asterisk/recording/prompts ivr prompts build --json | jq '.prompts[] | select(.cached | not)'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if audio == "" {
				return usageError{errors.New("where is the audio to go? Give --audio or set AUDIO")}
			}
			of, err := codecNamed("--codec", codec)
			if err != nil {
				return usageError{err}
			}
			texts, rules, err := loadRuled(f.texts)
			if err != nil {
				return err
			}
			var made []build.Result
			began := time.Now()
			progress, wipe := progressBar(cmd.ErrOrStderr(), "making the audio")
			o := build.Options{
				Texts: texts, Folder: f.texts, Rules: rules, Codec: of, AudioDir: audio, CacheDir: cache, Progress: progress,
				Each: func(r build.Result) { made = append(made, r) },
			}
			var warnings source.Problems
			o.Warn = func(ps source.Problems) { warnings = ps }
			err = buildIn(cmd.Context(), o)
			wipe()
			for _, p := range warnings {
				p.Pos.File = f.place(p.Pos.File)
				fmt.Fprintln(cmd.ErrOrStderr(), p)
			}
			if err != nil {
				return err
			}
			return printBuilt(cmd.OutOrStdout(), made, time.Since(began), audio, f.json)
		},
	}
	cmd.Flags().StringVar(&audio, "audio", os.Getenv("AUDIO"), "folder for the audio (env AUDIO)")
	cmd.Flags().StringVar(&cache, "cache", "", "folder for what was made before (default: the user's cache folder)")
	cmd.Flags().StringVar(&codec, "codec", cmp.Or(os.Getenv("CODEC"), string(prompts.ALaw)), "of the trunk: alaw, ulaw or sln16 (env CODEC)")
	return cmd
}

// loadRuled reads the texts of a folder, and the rules for them.
func loadRuled(dir string) (*prompts.Catalog, *proof.Rules, error) {
	texts, err := loadPrompts(dir)
	if err != nil {
		return nil, nil, err
	}
	rules, err := proof.Load(os.DirFS(dir))
	if err != nil {
		return nil, nil, fmt.Errorf("the rules for prompts have problems:\n%w", inFolder(err, dir))
	}
	return texts, rules, nil
}

// buildIn is build.Build, whose problems name files as the user would open them.
func buildIn(ctx context.Context, o build.Options) error {
	return inFolder(build.Build(ctx, o), o.Folder)
}

// printBuilt lists what was made now, and sums up per language. What came from
// the cache is only counted: an author looks for the sentence that was changed.
func printBuilt(w io.Writer, made []build.Result, took time.Duration, audio string, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(map[string]any{"audio": audio, "took_ms": took.Milliseconds(), "prompts": made})
	}
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.SetOutputMirror(w)
	t.AppendHeader(table.Row{"made now", "of", "seconds", "dBov before", "after", "text"})
	fresh, total, recorded := 0, 0, 0
	var langs []string
	of := map[string]int{}
	for _, r := range made {
		total += r.MS
		if of[r.Lang]++; of[r.Lang] == 1 {
			langs = append(langs, r.Lang)
		}
		if r.SourceSHA256 != "" {
			recorded++
		}
		if !r.Cached {
			fresh++
			t.AppendRow(table.Row{r.Lang + "/" + r.ID, r.Source, seconds(r.MS), fmt.Sprintf("%.1f", r.Before), fmt.Sprintf("%.1f", r.After), r.Text})
		}
	}
	if fresh > 0 {
		t.Render()
	}
	for i, lang := range langs {
		langs[i] = fmt.Sprintf("%s %d", lang, of[lang])
	}
	_, err := fmt.Fprintf(w, "%d prompts (%s; %d recorded, %d by the voice) in %s: %d made now, %d from the cache; %.1f s of audio; took %.1f s\n",
		len(made), strings.Join(langs, ", "), recorded, len(made)-recorded, audio, fresh, len(made)-fresh, float64(total)/1000, took.Seconds())
	return err
}
