package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"hotline/internal/prompts/studio"
	"hotline/internal/source"
)

func promptsImportCommand(f *promptsFlags) *cobra.Command {
	var d studio.Delivery
	cmd := &cobra.Command{
		Use:   "import DIR",
		Short: "Take the studio's recordings: listen to each, keep the good ones, say what is wrong with the others",
		Long: `Take the recordings in DIR by their names: <id>.<format>, or <language>/<id>.<format>.
Each is decoded and held to the rules in style/rules.yaml. What has no problem goes to
recordings/<language>/ in the prompts' folder, in the place of an older recording of the
same prompt; recorded.yaml there notes what it says. A recording that is refused replaces
none; the next sheet asks for it again and says why.

DIR may be the folder of the recordings itself: files that were put there by hand are
listened to and noted.

Exit codes: 0 all was taken, 1 something was refused or is of no prompt, 2 wrong usage.`,
		Example: `  ivr prompts import ~/delivery-2026-11-20
  ivr prompts import ~/mandarin --language zh --dry-run
  ivr prompts import prompts/recordings           # what was put there by hand`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{errors.New("import: which folder? e.g. ivr prompts import ~/delivery")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			d.Dir, d.Prompts = args[0], f.texts
			return runImport(cmd, d, f.json)
		},
	}
	cmd.Flags().StringVar(&d.Language, "language", "", "language of the files that are in no language's folder")
	cmd.Flags().BoolVar(&d.DryRun, "dry-run", false, "only say what would be done")
	cmd.Flags().BoolVar(&d.Current, "current", false, "the files say today's texts, whatever they were asked or noted to say")
	return cmd
}

func runImport(cmd *cobra.Command, d studio.Delivery, asJSON bool) error {
	var err error
	if d.Texts, d.Rules, err = loadStudio(d.Prompts); err != nil {
		return err
	}
	if d.Language != "" && !slices.Contains(d.Texts.Languages(), d.Language) {
		return usageError{fmt.Errorf("no texts in language %q (known: %s)", d.Language, strings.Join(d.Texts.Languages(), ", "))}
	}
	d.At = time.Now()
	progress, wipe := progressBar(cmd.ErrOrStderr(), "listening")
	d.Each = progress
	report, err := studio.Import(cmd.Context(), d)
	wipe()
	if errors.Is(err, studio.ErrLanguage) {
		return usageError{fmt.Errorf("import: %w (--language says it)", err)}
	} else if err != nil {
		return fmt.Errorf("import: %w", inFolder(err, d.Prompts))
	}
	if asJSON {
		err = printJSON(cmd.OutOrStdout(), report)
	} else {
		showImport(cmd.OutOrStdout(), report, d)
		err = noticesBeside(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), d.Texts, d.Rules)
	}
	if err == nil && report.Failed() {
		return exitError(1)
	}
	return err
}

// mostMissing is how many missing prompts are named: after a first delivery of a few it
// would be all of them.
const mostMissing = 10

// showImport lists what was taken, then what was not, then what is missing.
func showImport(out io.Writer, r *studio.Report, d studio.Delivery) {
	paint := painter(out)
	colours := map[studio.Verdict]colour{studio.Accepted: green, studio.Rejected: red, studio.Unknown: red, studio.Ignored: faint, studio.Unchanged: faint}
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"file", "prompt", "", "seconds", "dBov", "what there is to say"})
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 6, WidthMax: 90, WidthMaxEnforcer: text.WrapSoft}})
	count := map[studio.Verdict]int{}
	for _, verdict := range []studio.Verdict{studio.Accepted, studio.Unchanged, studio.Ignored, studio.Unknown, studio.Rejected} {
		for _, f := range r.Files {
			if f.Verdict != verdict {
				continue
			}
			count[verdict]++
			length, level, id := "", "", ""
			if f.MS > 0 {
				length, level = seconds(f.MS), fmt.Sprintf("%.1f", f.Level)
			}
			if f.ID != "" {
				id = f.Lang + "/" + f.ID
			}
			t.AppendRow(table.Row{source.Name(f.Name), source.Name(id), paint(colours[verdict], string(verdict)), length, level, remarks(f)})
		}
	}
	if len(r.Files) > 0 {
		fmt.Fprintln(out, t.Render())
	}
	did := "in " + filepath.Join(d.Prompts, "recordings")
	switch {
	case d.DryRun:
		did = "nothing was changed (--dry-run)"
	case count[studio.Accepted] == 0:
		did = "nothing new " + did
	}
	fmt.Fprintf(out, "%s: %d accepted, %d unchanged, %d refused, %d of no prompt, %d ignored; %s\n", counted(len(r.Files), "file"),
		count[studio.Accepted], count[studio.Unchanged], count[studio.Rejected], count[studio.Unknown], count[studio.Ignored], did)
	showMissing(out, r.Missing)
}

// remarks are the findings on a file, and what it replaces.
func remarks(f studio.File) string {
	var lines []string
	if f.Replaces != "" {
		lines = append(lines, "replaces "+f.Replaces)
	}
	for _, p := range f.Findings {
		lines = append(lines, fmt.Sprintf("%s [%s]", f.Plain(p), p.Rule))
	}
	return strings.Join(lines, "\n")
}

func showMissing(out io.Writer, missing []studio.Wanted) {
	if len(missing) == 0 {
		return
	}
	fmt.Fprintf(out, "%s asked for and still missing:\n", counted(len(missing), "prompt"))
	for i, m := range missing {
		if i == mostMissing {
			fmt.Fprintf(out, "  and %d more (--json lists them)\n", len(missing)-i)
			break
		}
		fmt.Fprintf(out, "  %s/%s  %s  (sheet %d)\n", m.Lang, m.ID, m.Text, m.Sheet)
	}
}
