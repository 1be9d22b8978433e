package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"hotline/internal/menu/check"
	"hotline/internal/menu/tree"
	"hotline/internal/prompts"
	"hotline/internal/prompts/proof"
	"hotline/internal/source"
)

func promptsCheckCommand(f *promptsFlags) *cobra.Command {
	var menus string
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Say everything that is wrong with texts and recordings, before a caller hears it",
		Long: `Read the prompts and their recordings, hold them to the rules in style/rules.yaml and
style/<language>.yaml of their folder, and name every finding with its place:
file:line:col: message [rule]. Severity and limits are in those files; where a rule does
not fit a prompt, the prompt waives it with the reason.

Exit codes: 0 no problems (there may be warnings), 1 problems, 2 wrong usage.`,
		Example: `  ivr prompts check
  ivr prompts check --menus menus/10086.yaml --json | jq '.[].rule'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c := promptsChecked{folder: f.texts, menus: menus}
			if err := c.look(); err != nil {
				return err
			}
			return c.show(cmd.OutOrStdout(), f.json)
		},
	}
	cmd.Flags().StringVar(&menus, "menus", cmp.Or(os.Getenv("MENUS"), "menus"), "folder of the menus that say the prompts (env MENUS)")
	return cmd
}

// promptsChecked is what has been found out about a folder of prompts.
type promptsChecked struct {
	folder, menus string
	checked       // its findings
	texts         int
	recordings    int
}

// look reads and judges everything. Its error is about what cannot be looked at.
func (c *promptsChecked) look() error {
	folder := os.DirFS(c.folder)
	catalog, err := loadPrompts(c.folder)
	if err != nil {
		return c.gather(err)
	}
	rules, err := proof.Load(folder)
	if err != nil {
		return c.gather(inFolder(err, c.folder))
	}
	recordings, ps := prompts.FindRecordings(folder, catalog)
	ps = slices.Concat(rules.Texts(catalog), rules.Weigh(ps), rules.Listing(catalog, recordings))
	asked, err := askedFor(c.menus)
	if err := c.gather(err); err != nil {
		return err
	}
	if err == nil {
		ps = append(ps, rules.Unused(catalog, func(id string) bool { return asked[id] })...)
	}
	ps.Sort()
	for _, p := range inFolder(ps, c.folder).(source.Problems) {
		c.findings = append(c.findings, check.Finding{Problem: p})
	}
	for _, lang := range catalog.Languages() {
		c.texts += len(catalog.Entries(lang))
		c.recordings += len(recordings[lang])
	}
	return nil
}

// askedFor gathers the ids of all prompts that the menus of a folder say.
func askedFor(menus string) (map[string]bool, error) {
	asked := map[string]bool{}
	fsys := os.DirFS(menus)
	names, err := tree.Files(fsys)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no menus at %s: name the folder of the menus that say the prompts (--menus)", menus)
	} else if err != nil {
		return nil, fmt.Errorf("read the menus: %w", err)
	}
	var ps source.Problems
	for _, name := range names {
		// What a menu says and no language has, `ivr check` names at its place.
		_, err := tree.Load(fsys, name, func(id string) bool { asked[id] = true; return true })
		var wrong source.Problems
		if errors.As(inFolder(err, menus), &wrong) {
			ps = append(ps, wrong...)
		} else if err != nil {
			return nil, err
		}
	}
	return asked, ps.Err()
}

// show prints every finding, and how many prompts were looked at.
func (c *promptsChecked) show(out io.Writer, asJSON bool) error {
	problems := slices.ContainsFunc(c.findings, func(f check.Finding) bool { return !f.Warning })
	if asJSON {
		if err := printJSON(out, append([]check.Finding{}, c.findings...)); err != nil {
			return err
		}
	} else {
		warnings := c.showFindings(out)
		fmt.Fprintf(out, "%s, %s: %s, %s\n", counted(c.texts, "prompt"), counted(c.recordings, "recording"),
			counted(len(c.findings)-warnings, "problem"), counted(warnings, "warning"))
	}
	if problems {
		return exitError(1)
	}
	return nil
}
