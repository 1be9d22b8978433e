package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"hotline/internal/prompts"
)

// promptsFlags are what all subcommands take.
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
	cmd.AddCommand(promptsBenchCommand(&f), promptsBuildCommand(&f), promptsCheckCommand(&f), promptsFollowCommand(&f), promptsHearCommand(&f),
		promptsImportCommand(&f), promptsListCommand(&f), promptsNoticesCommand(&f), promptsReportCommand(&f), promptsStudioCommand(&f))
	return cmd
}

// place is a file of the prompts' folder as the user would open it.
func (f *promptsFlags) place(file string) string { return filepath.Join(f.texts, file) }

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
		Long: `List every text with its id and its place.

Exit codes: 0 listed, 1 the texts have problems, 2 wrong usage.`,
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
