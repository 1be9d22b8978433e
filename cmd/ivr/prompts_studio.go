package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hotline/internal/menu/places"
	"hotline/internal/prompts"
	"hotline/internal/prompts/proof"
	"hotline/internal/prompts/studio"
)

// studioFlags are what `ivr prompts studio` is asked.
type studioFlags struct {
	*promptsFlags
	dir, menus, language string
	open, all, draft     bool
}

func promptsStudioCommand(f *promptsFlags) *cobra.Command {
	s := studioFlags{promptsFlags: f}
	cmd := &cobra.Command{
		Use:   "studio",
		Short: "Write the sheet for the recording studio: what to record, how, and where callers hear it",
		Long: `Write what has to be recorded as a spreadsheet (CSV) and as a page to print (HTML, A4), one
pair for each language: text, how to say it, where in the menus it is said and what stands
before and after it, how long it may be at most, and why it is to be recorded. The parts of
spoken numbers are among them.

A sheet has what no earlier one has asked for: new prompts, prompts whose text was changed
after they were recorded, and those whose recording was refused. It is noted in studio/
beside the prompts; commit it with them.

Exit codes: 0 written, or nothing to record, 1 failed, 2 wrong usage.`,
		Example: `  ivr prompts studio -o /tmp/sheet         # what is new since the last sheet
  ivr prompts studio --open                 # and what the studio has not sent yet
  ivr prompts studio --all --draft          # every prompt; does not count as asked for`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.run(cmd)
		},
	}
	cmd.Flags().StringVarP(&s.dir, "output", "o", ".", "folder for the sheet")
	cmd.Flags().StringVar(&s.menus, "menus", cmp.Or(os.Getenv("MENUS"), "menus"), "folder of the menus that say the prompts (env MENUS)")
	cmd.Flags().StringVar(&s.language, "language", "", "only this language (default: all)")
	cmd.Flags().BoolVar(&s.open, "open", false, "also what earlier sheets asked for and has not come")
	cmd.Flags().BoolVar(&s.all, "all", false, "every prompt, also those that are recorded")
	cmd.Flags().BoolVar(&s.draft, "draft", false, "do not note the sheet: the next one asks for the same again")
	return cmd
}

func (s *studioFlags) run(cmd *cobra.Command) error {
	texts, rules, err := loadStudio(s.texts)
	if err != nil {
		return err
	}
	if s.language != "" && !slices.Contains(texts.Languages(), s.language) {
		return usageError{fmt.Errorf("no texts in language %q (known: %s)", s.language, strings.Join(texts.Languages(), ", "))}
	}
	trees, err := loadMenus(s.menus, texts)
	if err != nil {
		return err
	}
	o := studio.Options{Open: s.open, Every: s.all, Languages: texts.Languages(), Longest: rules.Longest, Notice: rules.Notice(), At: time.Now()}
	if s.language != "" {
		o.Languages = []string{s.language}
	}
	for _, t := range trees {
		o.Places = append(o.Places, places.In(t)...)
	}
	prospect, stray, err := studio.Look(os.DirFS(s.texts), texts)
	if err != nil {
		return err
	}
	if stray = rules.Weigh(stray); len(stray) > 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), inFolder(stray, s.texts))
	}
	sheet := prospect.Draw(o)
	files, err := s.write(sheet, o.Languages)
	if err != nil {
		return err
	}
	if s.json {
		return printJSON(cmd.OutOrStdout(), map[string]any{"sheet": sheet, "files": files, "noted": len(files) > 0 && !s.draft})
	}
	s.show(cmd.OutOrStdout(), sheet, o.Languages, files)
	return noticesBeside(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), texts, rules)
}

// loadStudio reads the texts and the rules that the work with a studio goes by.
func loadStudio(dir string) (*prompts.Catalog, *proof.Rules, error) {
	texts, err := loadPrompts(dir)
	if err != nil {
		return nil, nil, err
	}
	rules, err := proof.Load(os.DirFS(dir))
	if err != nil {
		return nil, nil, fmt.Errorf("the rules of the prompts have problems:\n%w", inFolder(err, dir))
	}
	return texts, rules, nil
}

// write makes the files of a sheet, and then notes it. A sheet without rows has none.
func (s *studioFlags) write(sheet *studio.Sheet, languages []string) ([]string, error) {
	if len(sheet.Rows) == 0 {
		return []string{}, nil
	}
	zone, err := reportZone()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return nil, fmt.Errorf("write the sheet: %w", err)
	}
	name := fmt.Sprintf("sheet-%04d", sheet.Number)
	if s.draft {
		name = "sheet-draft"
	}
	var files []string
	for _, lang := range languages {
		if len(sheet.Of(lang)) == 0 {
			continue
		}
		for ext, render := range map[string]func(string, *time.Location) ([]byte, error){".csv": sheet.CSV, ".html": sheet.HTML} {
			data, err := render(lang, zone)
			file := filepath.Join(s.dir, name+"-"+lang+ext)
			if err = errors.Join(err, os.WriteFile(file, data, 0o644)); err != nil {
				return nil, fmt.Errorf("write the sheet: %w", err)
			}
			files = append(files, file)
		}
	}
	slices.Sort(files)
	if s.draft {
		return files, nil
	}
	return files, sheet.Note(s.texts)
}

// show sums up what is asked for and why.
func (s *studioFlags) show(out io.Writer, sheet *studio.Sheet, languages []string, files []string) {
	if len(sheet.Rows) == 0 {
		since := "there are no prompts"
		if sheet.Since > 0 {
			since = fmt.Sprintf("nothing has to be recorded since sheet %d", sheet.Since)
		}
		fmt.Fprintln(out, since)
	} else {
		for _, lang := range languages {
			rows := sheet.Of(lang)
			if len(rows) == 0 {
				continue
			}
			by := map[studio.State]int{}
			for _, r := range rows {
				by[r.State]++
			}
			var parts []string
			for _, state := range []studio.State{studio.New, studio.Changed, studio.Refused, studio.Unnoted, studio.Recorded} {
				if by[state] > 0 {
					parts = append(parts, fmt.Sprintf("%d %s", by[state], state))
				}
			}
			fmt.Fprintf(out, "%s: %s (%s)\n", lang, counted(len(rows), "prompt"), strings.Join(parts, ", "))
		}
		noted := fmt.Sprintf("sheet %d, noted in %s", sheet.Number, filepath.Join(s.texts, "studio"))
		if s.draft {
			noted = "a draft, not noted"
		}
		fmt.Fprintf(out, "%s: %s\n", noted, strings.Join(files, ", "))
	}
	if sheet.Open > 0 {
		fmt.Fprintf(out, "%s asked for earlier and not there yet (--open puts them on the sheet)\n", counted(sheet.Open, "prompt"))
	}
	if sheet.Unnoted > 0 {
		fmt.Fprintf(out, "%s put there by hand: 'ivr prompts import %s' listens to them and notes what they say\n", counted(sheet.Unnoted, "recording"), filepath.Join(s.texts, "recordings"))
	}
}
