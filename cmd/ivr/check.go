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
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"hotline/internal/menu/check"
	"hotline/internal/menu/tree"
	"hotline/internal/prompts"
	"hotline/internal/prompts/proof"
	"hotline/internal/source"
)

// checkFlags are what `ivr check` is asked.
type checkFlags struct {
	texts, audio, language string
	json, listen, quick    bool
}

func checkCommand() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check [MENU or FOLDER ...]",
		Short: "Say everything that is wrong with menus, before a caller hears it",
		Long: `Read menus and the texts they need as the server would, play every call that can
happen, and name every problem with its place: file:line:col: message [rule]. A call
that falls silent, never ends or leaks a secret is shown as a transcript, which
'ivr sim MENU --transcript' plays again.

With --listen, a table says how long callers take to each function: one who waits for
the name of his key before he presses it, one who knows the keys, and by speed-dial code.
Seconds are those of the recordings in --audio; without them they are estimated.

Exit codes: 0 no problems (there may be warnings), 1 problems, 2 wrong usage.`,
		Example: `  ivr check menus/10086.yaml
  ivr check --listen --language en
  ivr check --json menus | jq '.[].rule'`,
		RunE: func(cmd *cobra.Command, paths []string) error {
			if len(paths) == 0 {
				paths = []string{cmp.Or(os.Getenv("MENUS"), "menus")}
			}
			return runCheck(cmd.OutOrStdout(), cmd.ErrOrStderr(), paths, f)
		},
	}
	cmd.Flags().StringVar(&f.texts, "prompts", cmp.Or(os.Getenv("PROMPTS"), "prompts"), "folder of <language>.yaml files (env PROMPTS)")
	cmd.Flags().StringVar(&f.audio, "audio", os.Getenv("AUDIO"), "folder of the recordings, for their lengths and what is missing (env AUDIO)")
	cmd.Flags().StringVar(&f.language, "language", "", "language of the seconds (default: each menu's first)")
	cmd.Flags().BoolVar(&f.listen, "listen", false, "show how long callers take to each function")
	cmd.Flags().BoolVar(&f.quick, "quick", false, "play the calls of one caller only, as a server does at a save: a fifth of the time")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON, for programs")
	return cmd
}

// checked is what has been found out about some menus.
type checked struct {
	findings []check.Finding
	menus    []checkedMenu
	nodes    int
}

// checkedMenu is one menu that could be read.
type checkedMenu struct {
	Menu     string `json:"menu"`
	Language string `json:"language"`
	*check.Report
}

func runCheck(out, progress io.Writer, paths []string, f checkFlags) error {
	// The states of a call stay until the end: looking for garbage among them often is
	// a third of the time.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	var c checked
	if err := c.look(paths, f, checkProgress(progress)); err != nil {
		return err
	}
	show := c.show
	if f.listen {
		show = c.showListening
	}
	if err := show(out, f.json); err != nil {
		return err
	}
	if slices.ContainsFunc(c.findings, func(f check.Finding) bool { return !f.Warning }) {
		return exitError(1)
	}
	return nil
}

// look reads and checks everything, and gathers what is wrong. Its error is about
// what cannot be looked at.
func (c *checked) look(paths []string, f checkFlags, progress func(menu string, states int)) error {
	catalog, err := loadPrompts(f.texts)
	if err != nil {
		return c.gather(err)
	}
	if catalog, err = c.texts(catalog, f); err != nil {
		return err
	}
	for _, path := range paths {
		trees, err := loadMenus(path, catalog)
		if err := c.gather(err); err != nil {
			return err
		}
		dir := path
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			dir = filepath.Dir(path)
		}
		for _, t := range trees {
			if err := c.menu(t, catalog, dir, f, progress); err != nil {
				return err
			}
		}
	}
	return nil
}

// gather keeps the problems of an error; another error is given back.
func (c *checked) gather(err error) error {
	var ps source.Problems
	if err != nil && !errors.As(err, &ps) {
		return err
	}
	for _, p := range ps {
		c.add(check.Finding{Problem: p})
	}
	return nil
}

// add keeps a finding, once for each place and rule: two rules may see one mistake,
// and two menus share a text.
func (c *checked) add(f check.Finding) {
	same := func(other check.Finding) bool { return other.Pos == f.Pos && other.Rule == f.Rule }
	if i := slices.IndexFunc(c.findings, same); i < 0 || f.Pos.File == "" {
		c.findings = append(c.findings, f)
	} else if c.findings[i].Warning && !f.Warning {
		c.findings[i] = f
	}
}

// texts judges the texts by their style, and gives them their recordings.
func (c *checked) texts(catalog *prompts.Catalog, f checkFlags) (*prompts.Catalog, error) {
	rules, err := proof.Load(os.DirFS(f.texts))
	if err := c.gather(inFolder(err, f.texts)); err != nil {
		return nil, err
	}
	if err == nil {
		for _, p := range rules.Texts(catalog) {
			p.Pos.File = filepath.Join(f.texts, p.Pos.File)
			c.add(check.Finding{Problem: p})
		}
	}
	if f.audio == "" {
		return catalog, nil
	}
	if _, err := os.Stat(filepath.Join(f.audio, prompts.ManifestFile)); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no recordings in %s: make them with 'ivr prompts build', or leave --audio and AUDIO out to estimate their lengths", f.audio)
	}
	heard, err := withAudio(catalog, f.audio, f.texts)
	if err != nil {
		return catalog, c.gather(err)
	}
	return heard, nil
}

// menu checks one tree.
func (c *checked) menu(t *tree.Tree, catalog *prompts.Catalog, dir string, f checkFlags, progress func(string, int)) error {
	language := cmp.Or(f.language, t.Languages[0])
	if !slices.Contains(t.Languages, language) {
		return usageError{fmt.Errorf("check: menu %q has no language %q (known: %s)", t.Name, language, strings.Join(t.Languages, ", "))}
	}
	c.nodes += len(t.Nodes)
	for _, lang := range t.Languages {
		if !slices.Contains(catalog.Languages(), lang) {
			return nil // named already; nothing could be said on a call
		}
	}
	r := check.Check(t, catalog, check.Options{Language: language, Quick: f.quick, Progress: func(states int) { progress(t.Name, states) }})
	progress(t.Name, 0)
	for _, finding := range r.Findings {
		finding.Pos.File = filepath.Join(dir, finding.Pos.File)
		c.add(finding)
	}
	for _, finding := range r.Texts {
		finding.Pos.File = filepath.Join(f.texts, finding.Pos.File)
		c.add(finding)
	}
	c.menus = append(c.menus, checkedMenu{t.Name, language, r})
	return nil
}

// checkProgress tells a person at a terminal how far it is, once it takes longer than
// two seconds.
func checkProgress(out io.Writer) func(menu string, states int) {
	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return func(string, int) {}
	}
	begun, shown := time.Now(), false
	return func(menu string, states int) {
		switch {
		case states == 0 && shown:
			fmt.Fprint(out, "\r\x1b[K")
			shown = false
		case states > 0 && time.Since(begun) > 2*time.Second:
			fmt.Fprintf(out, "\rmenu %s: %d states of a call so far …", menu, states)
			shown = true
		}
	}
}

// printJSON prints a value for programs.
func printJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
