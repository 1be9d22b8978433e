package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"hotline/internal/prompts"
	"hotline/internal/prompts/voice"
)

// promptsFlags are what both subcommands take.
type promptsFlags struct {
	texts string
	json  bool
}

func promptsCommand() *cobra.Command {
	var f promptsFlags
	cmd := &cobra.Command{
		Use:   "prompts",
		Short: "The texts that callers hear, and the audio made from them",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&f.texts, "prompts", cmp.Or(os.Getenv("PROMPTS"), "prompts"), "folder of <language>.yaml files (env PROMPTS)")
	cmd.PersistentFlags().BoolVar(&f.json, "json", false, "print JSON, for programs")
	cmd.AddCommand(promptsBuildCommand(&f), promptsHearCommand(&f), promptsListCommand(&f))
	cmd.AddCommand(promptsCheckCommand(&f))
	return cmd
}

func promptsBuildCommand(f *promptsFlags) *cobra.Command {
	var audio, cache string
	cmd := &cobra.Command{
		Use:   "build",
		Short: "Speak every text into the audio folder that Asterisk plays from",
		Long: `Speak every text into the audio folder that Asterisk plays from.

What has been spoken before is taken from the cache, so that a changed sentence is
there within a second. If one text cannot be spoken, the folder stays as it was.
Needs the programs espeak-ng and sox (Debian packages of the same names).`,
		Example: `  ivr prompts build --audio /var/lib/ivr/audio
  AUDIO=/var/lib/ivr/audio ivr prompts build --json | jq '.prompts[] | select(.cached | not)'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if audio == "" {
				return usageError{errors.New("where is the audio to go? Give --audio or set AUDIO")}
			}
			texts, err := loadPrompts(f.texts)
			if err != nil {
				return err
			}
			var made []voice.Result
			began := time.Now()
			progress, wipe := progressLine(cmd.ErrOrStderr(), "speaking")
			err = voice.Build(cmd.Context(), voice.Options{
				Texts: texts, AudioDir: audio, CacheDir: cache, Progress: progress,
				Each: func(r voice.Result) { made = append(made, r) },
			})
			wipe()
			if err != nil {
				return err
			}
			return printBuilt(cmd.OutOrStdout(), made, time.Since(began), audio, f.json)
		},
	}
	cmd.Flags().StringVar(&audio, "audio", os.Getenv("AUDIO"), "folder for the audio (env AUDIO)")
	cmd.Flags().StringVar(&cache, "cache", "", "folder for what has been spoken before (default: the user's cache folder)")
	return cmd
}

// printBuilt lists what was spoken now, and sums up per language. What came from
// the cache is only counted: an author looks for the sentence that was changed.
func printBuilt(w io.Writer, made []voice.Result, took time.Duration, audio string, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(map[string]any{"audio": audio, "took_ms": took.Milliseconds(), "prompts": made})
	}
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.SetOutputMirror(w)
	t.AppendHeader(table.Row{"spoken now", "seconds", "text"})
	fresh, total := 0, 0
	var langs []string
	of := map[string]int{}
	for _, r := range made {
		total += r.MS
		if of[r.Lang]++; of[r.Lang] == 1 {
			langs = append(langs, r.Lang)
		}
		if !r.Cached {
			fresh++
			t.AppendRow(table.Row{r.Lang + "/" + r.ID, seconds(r.MS), r.Text})
		}
	}
	if fresh > 0 {
		t.Render()
	}
	for i, lang := range langs {
		langs[i] = fmt.Sprintf("%s %d", lang, of[lang])
	}
	_, err := fmt.Fprintf(w, "%d prompts (%s) in %s: %d spoken now, %d from the cache; %.1f s of audio; took %.1f s\n",
		len(made), strings.Join(langs, ", "), audio, fresh, len(made)-fresh, float64(total)/1000, took.Seconds())
	return err
}

func seconds(ms int) string { return fmt.Sprintf("%.2f", float64(ms)/1000) }

// listed is a prompt as 'ivr prompts list' shows it.
type listed struct {
	Lang  string `json:"lang"`
	ID    string `json:"id"`
	Text  string `json:"text"`
	Note  string `json:"note,omitempty"`
	Place string `json:"place,omitempty"` // file:line; "" for the parts of spoken numbers
}

func promptsListCommand(f *promptsFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List every text with its id and its place",
		Example: `  ivr prompts list
  ivr prompts list --json | jq -r '.[] | .id + "\t" + .text'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			texts, err := loadPrompts(f.texts)
			if err != nil {
				return err
			}
			var rows []listed
			for _, lang := range texts.Languages() {
				for _, e := range texts.Entries(lang) {
					row := listed{Lang: lang, ID: e.ID, Text: e.Text, Note: e.Note}
					if e.Pos.Line > 0 {
						row.Place = fmt.Sprintf("%s:%d", filepath.Join(f.texts, e.Pos.File), e.Pos.Line)
					}
					rows = append(rows, row)
				}
			}
			if f.json {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(rows)
			}
			t := table.NewWriter()
			t.SetStyle(table.StyleLight)
			t.SetOutputMirror(cmd.OutOrStdout())
			t.AppendHeader(table.Row{"prompt", "text", "note", "place"})
			for _, r := range rows {
				t.AppendRow(table.Row{r.Lang + "/" + r.ID, r.Text, r.Note, r.Place})
			}
			t.Render()
			return nil
		},
	}
}

// loadPrompts reads the folder; problems name files as the user would open them.
func loadPrompts(dir string) (*prompts.Catalog, error) { return loadTexts(os.DirFS(dir), dir) }

// loadTexts reads the texts in fsys; dir is how problems name the folder.
func loadTexts(fsys fs.FS, dir string) (*prompts.Catalog, error) {
	texts, err := prompts.Load(fsys)
	if err != nil {
		return nil, fmt.Errorf("the prompts have problems:\n%w", inFolder(err, dir))
	}
	return texts, nil
}

// progressLine counts on a terminal; elsewhere it keeps still.
func progressLine(w io.Writer, what string) (progress func(done, total int), wipe func()) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil, func() {}
	}
	return func(done, total int) { fmt.Fprintf(f, "\r%s %d/%d", what, done, total) },
		func() { fmt.Fprint(f, "\r\x1b[K") }
}
