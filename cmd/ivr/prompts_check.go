package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"hotline/internal/menu/check"
	"hotline/internal/menu/tree"
	"hotline/internal/prompts"
	"hotline/internal/prompts/proof"
	"hotline/internal/prompts/recorded"
	"hotline/internal/prompts/sound"
	"hotline/internal/source"
)

func promptsCheckCommand(f *promptsFlags) *cobra.Command {
	c := promptsChecked{}
	var measures bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Say everything that is wrong with texts and recordings, before a caller hears it",
		Long: `Read the prompts, listen to their recordings, hold both to the rules in style/rules.yaml
and style/<language>.yaml of their folder, and name every finding with its place:
file:line:col: message [rule]. Severity and limits are in those files; where a rule does
not fit a prompt, the prompt waives it with the reason. The rules are listed in docs/prompts.md.

What was heard of a recording is kept, so that an unchanged one costs nothing. With
--measures, a table says what was heard. Needs ffmpeg and sox where there are recordings.

Exit codes: 0 no problems (there may be warnings), 1 problems, 2 wrong usage.`,
		Example: `  ivr prompts check
  ivr prompts check --measures
  ivr prompts check --json | jq -r '.[].rule' | sort | uniq -c`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.folder = f.texts
			if err := c.look(cmd.Context(), cmd.ErrOrStderr()); err != nil {
				return err
			}
			show := c.show
			if measures {
				show = c.showMeasures
			}
			if err := show(cmd.OutOrStdout(), f.json); err != nil {
				return err
			}
			if slices.ContainsFunc(c.findings, func(f check.Finding) bool { return !f.Warning }) {
				return exitError(1)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&c.menus, "menus", cmp.Or(os.Getenv("MENUS"), "menus"), "menus that say the prompts: a folder, or one file (env MENUS)")
	cmd.Flags().StringVar(&c.cache, "cache", "", "folder for what was heard before (default: the user's cache folder)")
	cmd.Flags().BoolVar(&measures, "measures", false, "show what was heard of each recording")
	return cmd
}

// promptsChecked is what has been found out about a folder of prompts.
type promptsChecked struct {
	folder, menus, cache string
	checked              // its findings

	texts    int
	measured []measured
}

// look reads and judges everything. Its error is about what cannot be looked at.
func (c *promptsChecked) look(ctx context.Context, progress io.Writer) error {
	folder := os.DirFS(c.folder)
	catalog, err := prompts.Load(folder)
	if err != nil {
		return c.gather(inFolder(err, c.folder))
	}
	rules, err := proof.Load(folder)
	if err != nil {
		return c.gather(inFolder(err, c.folder))
	}
	// Every kind of finding is looked for before any is shown: who mends the texts wants to know
	// of the recordings, too.
	recordings, ps := recorded.Find(folder, catalog)
	ps = slices.Concat(rules.Texts(catalog), rules.Weigh(ps), rules.Listing(catalog, recordings))
	asked, err := askedFor(c.menus, catalog)
	if err := c.gather(err); err != nil {
		return err
	}
	if asked != nil {
		ps = append(ps, rules.Unused(catalog, func(id string) bool { return asked[id] })...)
	}
	if c.measured, err = c.listen(ctx, progress, catalog, recordings); err != nil {
		return err
	}
	for _, m := range c.measured {
		ps = append(ps, m.judge(rules, recordings[m.Lang][m.ID])...)
	}
	ps.Sort()
	for _, p := range ps {
		p.Pos.File = filepath.Join(c.folder, p.Pos.File)
		c.findings = append(c.findings, check.Finding{Problem: p})
	}
	for _, lang := range catalog.Languages() {
		c.texts += len(catalog.Entries(lang))
	}
	return nil
}

// listen measures the recordings.
func (c *promptsChecked) listen(ctx context.Context, progress io.Writer, catalog *prompts.Catalog, recordings recorded.All) ([]measured, error) {
	if c.cache == "" {
		home, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("find a folder for what was heard before: %w", err)
		}
		c.cache = filepath.Join(home, "hotline", "heard")
	}
	count, wipe := progressBar(progress, "listening to the recordings")
	defer wipe()
	return measurer{c.folder, c.cache, count}.all(ctx, catalog, recordings)
}

// askedFor gathers the ids of all prompts that menus say; nil where a menu cannot be read,
// as what it says is not known. What is wrong with a menu is source.Problems, and so are
// languages that it speaks and the catalogue has not.
func askedFor(menus string, catalog *prompts.Catalog) (map[string]bool, error) {
	info, err := os.Stat(menus)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no menus at %s: name the menus that say the prompts (--menus)", menus)
	} else if err != nil {
		return nil, fmt.Errorf("read the menus: %w", err)
	}
	// One menu may be named alone, as for `ivr check`; prompts of others are unused then.
	dir, names := filepath.Dir(menus), []string{filepath.Base(menus)}
	if info.IsDir() {
		dir = menus
		if names, err = tree.Files(os.DirFS(dir)); err != nil {
			return nil, fmt.Errorf("read the menus: %w", err)
		}
		if len(names) == 0 {
			return nil, noMenu(os.DirFS(dir), dir)
		}
	}
	asked := map[string]bool{}
	var ps source.Problems
	var trees []*tree.Tree
	for _, name := range names {
		// What a menu says and no language has, `ivr check` names at its place.
		t, err := tree.Load(os.DirFS(dir), name, func(id string) bool { asked[id] = true; return true })
		var wrong source.Problems
		switch {
		case err == nil:
			trees = append(trees, t)
		case errors.As(inFolder(err, dir), &wrong):
			ps = append(ps, wrong...)
		default:
			return nil, err
		}
	}
	if len(ps) > 0 {
		asked = nil
	}
	return asked, append(ps, wordless(trees, catalog, dir)...).Err()
}

// show prints every finding, and how much was looked at.
func (c *promptsChecked) show(out io.Writer, asJSON bool) error {
	if asJSON {
		return printJSON(out, append([]check.Finding{}, c.findings...))
	}
	warnings := c.showFindings(out)
	_, err := fmt.Fprintf(out, "%s, %s: %s, %s\n", counted(c.texts, "prompt"), counted(len(c.measured), "recording"),
		counted(len(c.findings)-warnings, "problem"), counted(warnings, "warning"))
	return err
}

// showMeasures prints what was heard of each recording.
func (c *promptsChecked) showMeasures(out io.Writer, asJSON bool) error {
	if asJSON {
		return printJSON(out, append([]measured{}, c.measured...))
	}
	t := table.NewWriter()
	t.SetOutputMirror(out)
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	t.AppendHeader(table.Row{"recording", "is", "Hz", "channels", "seconds", "before", "dBov", "peak", "pauses", "hiss", "hum", "clipped"})
	var right []table.ColumnConfig
	for n := 3; n <= 12; n++ {
		right = append(right, table.ColumnConfig{Number: n, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(right)
	for _, m := range c.measured {
		name := m.Lang + "/" + filepath.Base(m.File)
		if m.Refused != nil {
			t.AppendRow(table.Row{name, m.Refused.Rule})
			continue
		}
		f := m.Facts
		t.AppendRow(table.Row{name, m.Container, f.Rate, f.Channels, seconds(f.MS), seconds(f.LeadMS),
			level(f.Level), level(f.Peak), level(f.Floor), level(f.Hiss), level(f.Hum), f.Clipped})
	}
	t.Render()
	_, err := fmt.Fprintln(out, "before: silence before the speech; levels are dBov: of active speech (ITU-T P.56), of the highest sample, and in the pauses")
	return errors.Join(err, c.show(out, false))
}

// level writes one, and nothing where there is none.
func level(dBov float64) string {
	if dBov <= sound.Quiet {
		return "–"
	}
	return fmt.Sprintf("%.1f", dBov)
}
