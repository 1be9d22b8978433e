package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"hotline/internal/prompts"
	"hotline/internal/prompts/build"
)

// The goals for a thousand prompts on two cores.
const (
	coldGoal      = 3 * time.Minute
	unchangedGoal = 2 * time.Second
)

func promptsBenchCommand(f *promptsFlags) *cobra.Command {
	var n int
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure how long a build takes: everything from texts, nothing changed, one text changed",
		Long: `Measure how long a build takes: everything from texts, nothing changed, one text changed.
The texts are those of the folder and pairs of them; folders and cache are temporary.

Exit codes: 0 measured, 1 a build failed, 2 wrong usage.`,
		Example: `  ivr prompts bench --count 1000`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if n < 1 || n > 100_000 {
				return usageError{errors.New("--count is from 1 to 100000")}
			}
			catalog, err := loadPrompts(f.texts)
			if err != nil {
				return err
			}
			return benchPrompts(cmd, catalog, n, f.json)
		},
	}
	cmd.Flags().IntVar(&n, "count", 1000, "how many prompts")
	return cmd
}

// promptsBenched is what was measured.
type promptsBenched struct {
	Prompts     int     `json:"prompts"`
	Cores       int     `json:"cores"`
	AudioS      float64 `json:"audio_s"`
	ColdS       float64 `json:"cold_s"`
	UnchangedS  float64 `json:"unchanged_s"`
	OneChangedS float64 `json:"one_changed_s"`
}

func benchPrompts(cmd *cobra.Command, shipped *prompts.Catalog, n int, asJSON bool) error {
	dir, err := os.MkdirTemp("", "ivr-prompts-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	lang := slices.Max(shipped.Languages()) // zh, where there is one
	texts := manyTexts(shipped, lang, n)
	b := promptsBenched{Cores: runtime.NumCPU()}
	run := func(what string) (time.Duration, error) {
		catalog, err := catalogOf(filepath.Join(dir, "texts"), lang, texts)
		if err != nil {
			return 0, err
		}
		progress, wipe := progressBar(cmd.ErrOrStderr(), what)
		defer wipe()
		ms := 0
		b.Prompts = 0
		began := time.Now()
		err = build.Build(cmd.Context(), build.Options{
			Texts: catalog, AudioDir: filepath.Join(dir, "audio"), CacheDir: filepath.Join(dir, "cache"), Progress: progress,
			Each: func(r build.Result) { b.Prompts, ms = b.Prompts+1, ms+r.MS },
		})
		b.AudioS = float64(ms) / 1000
		return time.Since(began), err
	}
	cold, err := run("from texts")
	if err != nil { // which the others would meet too
		return err
	}
	unchanged, err1 := run("unchanged")
	texts["bench.0"] += "。请稍候。"
	changed, err2 := run("one changed")
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	b.ColdS, b.UnchangedS, b.OneChangedS = cold.Seconds(), unchanged.Seconds(), changed.Seconds()
	out := cmd.OutOrStdout()
	if asJSON {
		return printJSON(out, b)
	}
	fmt.Fprintf(out, "%d prompts with the parts of numbers, %.0f s of audio, %d cores\n", b.Prompts, b.AudioS, b.Cores)
	fmt.Fprintf(out, "  from texts   %7.2f s   %.3f of the goal (%v for 1000 on 2 cores)\n", b.ColdS, b.ColdS/coldGoal.Seconds()*1000/float64(n), coldGoal)
	fmt.Fprintf(out, "  unchanged    %7.2f s   %.3f of the goal (%v), %.3f of the time from texts\n", b.UnchangedS, b.UnchangedS/unchangedGoal.Seconds()*1000/float64(n), unchangedGoal, b.UnchangedS/b.ColdS)
	fmt.Fprintf(out, "  one changed  %7.2f s\n", b.OneChangedS)
	return nil
}

// manyTexts are n different texts: those of a catalogue, then pairs of them.
func manyTexts(c *prompts.Catalog, lang string, n int) map[string]string {
	var shipped []string
	for _, e := range c.Entries(lang) {
		if e.Pos.File != "" {
			shipped = append(shipped, e.Text)
		}
	}
	texts := make(map[string]string, n)
	for i := range n {
		text := shipped[i%len(shipped)]
		if round := i / len(shipped); round > 0 {
			text += "，" + shipped[(i+round)%len(shipped)]
		}
		texts[fmt.Sprintf("bench.%d", i)] = strings.TrimSpace(text)
	}
	return texts
}

// catalogOf writes texts into a folder and reads them.
func catalogOf(dir, lang string, texts map[string]string) (*prompts.Catalog, error) {
	data, err := yaml.Marshal(texts)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, lang+".yaml"), data, 0o644)); err != nil {
		return nil, err
	}
	return prompts.Load(os.DirFS(dir))
}
