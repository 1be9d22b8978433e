package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"hotline/internal/prompts"
	"hotline/internal/prompts/proof"
	"hotline/internal/prompts/studio"
	"hotline/internal/releases"
	"hotline/internal/source"
)

func promptsNoticesCommand(f *promptsFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "notices",
		Short: "How long service notices took until callers heard of them, against the 6-hour standard",
		Long: `List the service notices that prompts answer ('notice: {id, at}' in <language>.yaml):
when each was given, and since when callers hear it, which is the first version published
with the notice and today's text in all its prompts. The limit is that of rule late-notice
in style/rules.yaml, 6 hours as it is shipped. Needs Postgres (DATABASE_URL).

Exit codes: 0 done, 1 failed, or a notice waits for too long and late-notice is a
problem here, 2 wrong usage.`,
		Example: `  ivr prompts notices
  ivr prompts notices --json | jq '.notices[] | select(.within | not)'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			texts, err := loadPrompts(f.texts)
			if err != nil {
				return err
			}
			rules, err := proof.Load(os.DirFS(f.texts))
			if err != nil {
				return inFolder(err, f.texts)
			}
			return withDatabase(cmd.Context(), func(ctx context.Context, pool *pgxpool.Pool) error {
				progress, wipe := progressBar(cmd.ErrOrStderr(), "reading versions")
				h, unread, err := published(ctx, releases.NewStore(pool), progress)
				wipe()
				if err != nil {
					return err
				}
				for _, release := range unread {
					fmt.Fprintf(cmd.ErrOrStderr(), "version %s has texts that this program cannot read: what it told of notices is not counted\n", release)
				}
				all := h.Notices(texts, rules.Notice(), time.Now())
				if err := showNotices(cmd.OutOrStdout(), all, rules, f.json); err != nil {
					return err
				}
				return lateNotices(cmd.ErrOrStderr(), all, rules, f.texts)
			})
		},
	}
}

// published reads what every version said for notices, in the order in which they were
// live. unread are those whose texts cannot be read any more.
func published(ctx context.Context, store *releases.Store, progress func(done, total int)) (h *studio.History, unread []string, err error) {
	list, err := store.List(ctx, 0)
	if err != nil {
		return nil, nil, err
	}
	h = &studio.History{}
	said := map[string]studio.Answers{}
	for n, p := range slices.Backward(list) { // the newest come first
		answers, known := said[p.Release]
		if !known {
			snap, err := store.Open(ctx, p.Release)
			if err != nil {
				return nil, nil, err
			}
			if answers, err = answersIn(snap.Texts()); err != nil {
				unread = append(unread, p.Release)
			}
			said[p.Release] = answers
		}
		h.Publish(p.At, answers)
		if progress != nil {
			progress(len(list)-n, len(list))
		}
	}
	return h, unread, nil
}

// answersIn takes what texts say for notices. Most versions have none: their texts need
// not be read.
func answersIn(fsys fs.FS) (studio.Answers, error) {
	files, err := fs.Glob(fsys, "*.yaml")
	if err != nil {
		return nil, err
	}
	there := false
	for _, file := range files {
		data, err := fs.ReadFile(fsys, file)
		if err != nil {
			return nil, err
		}
		there = there || bytes.Contains(data, []byte("notice"))
	}
	if !there {
		return nil, nil
	}
	texts, err := prompts.Load(fsys)
	if err != nil {
		return nil, err
	}
	return studio.AnswersOf(texts), nil
}

// noticeJSON is a notice for programs.
type noticeJSON struct {
	studio.Notice
	Seconds float64 `json:"took_seconds"` // until live, or until now
	Waits   bool    `json:"waits"`
}

func showNotices(out io.Writer, all []studio.Notice, rules *proof.Rules, asJSON bool) error {
	within, of := studio.Share(all)
	if asJSON {
		rows := make([]noticeJSON, len(all))
		for i, n := range all {
			rows[i] = noticeJSON{n, n.Took.Seconds(), n.Waits()}
		}
		return printJSON(out, map[string]any{"limit_seconds": rules.Notice().Seconds(), "within": within, "of": of, "notices": rows})
	}
	if len(all) == 0 {
		fmt.Fprintln(out, "no prompt answers a service notice (a prompt does with 'notice: {id: TZ-2026-118, at: \"2026-11-20T09:00+08:00\"}')")
		return nil
	}
	zone, err := reportZone()
	if err != nil {
		return err
	}
	fmt.Fprintln(out, noticeTable(out, all, zone))
	standard := spanOf(rules.Notice())
	if of == 0 {
		fmt.Fprintf(out, "no notice is %s old yet\n", standard)
		return nil
	}
	fmt.Fprintf(out, "%d of %s heard within %s: %.1f %%\n", within, counted(of, "notice"), standard, 100*float64(within)/float64(of))
	return nil
}

// noticeTable has a line for each notice, and one for each of its prompts where they differ.
func noticeTable(out io.Writer, all []studio.Notice, zone *time.Location) string {
	paint := painter(out)
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"notice", "given", "prompts", "live since", "took", "standard"})
	for _, n := range all {
		ids := make([]string, len(n.Prompts))
		for i, p := range n.Prompts {
			ids[i] = p.Lang + "/" + p.ID
			switch {
			case p.Live == nil && n.Live == nil && p.First != nil:
				ids[i] += " (other words since " + p.First.In(zone).Format("01-02 15:04") + ")"
			case p.Live == nil:
				ids[i] += " (waits)"
			case p.First != nil:
				ids[i] += " (reworded; first " + p.First.In(zone).Format("01-02 15:04") + ")"
			}
		}
		given, live, took := clock(n.At, zone), paint(yellow, "waits"), spanOf(n.Took)
		if n.Times {
			given += " (and later)"
		}
		switch {
		case n.Back:
			live = paint(red, "taken back")
		case n.Live != nil:
			live = clock(*n.Live, zone)
		}
		verdict := paint(green, "within")
		if !n.Within {
			verdict = paint(red, "late")
		}
		t.AppendRow(table.Row{n.ID, given, strings.Join(ids, "\n"), live, took, verdict})
	}
	return t.Render()
}

// lateNotices names those that wait for too long.
func lateNotices(w io.Writer, all []studio.Notice, rules *proof.Rules, dir string) error {
	var late source.Problems
	for _, n := range all {
		if n.Live == nil {
			late = append(late, rules.Late(n.Entry, n.Took)...)
		}
	}
	if len(late) == 0 {
		return nil
	}
	fmt.Fprintln(w, inFolder(late, dir))
	if late.Err() != nil {
		return exitError(1)
	}
	return nil
}

// noticesBeside tells, beside other work, how long each notice waits: for callers, if
// Postgres can be asked, else only how long ago it was given.
func noticesBeside(ctx context.Context, out, complaints io.Writer, texts *prompts.Catalog, rules *proof.Rules) error {
	if len(studio.AnswersOf(texts)) == 0 {
		return nil
	}
	h := &studio.History{}
	url := os.Getenv("DATABASE_URL")
	if url != "" {
		pool, err := pgxpool.New(ctx, url)
		if err == nil {
			defer pool.Close()
			h, _, err = published(ctx, releases.NewStore(pool), nil)
		}
		if err != nil {
			fmt.Fprintf(complaints, "how long notices wait is not known: %v\n", inOneLine(err))
			return nil
		}
	}
	for _, n := range h.Notices(texts, rules.Notice(), time.Now()) {
		switch {
		case url == "":
			fmt.Fprintf(out, "notice %s was given %s ago (set DATABASE_URL to see whether callers hear it)\n", n.ID, spanOf(n.Took))
		case n.Back:
			fmt.Fprintf(out, "notice %s was live and is taken back\n", n.ID)
		case n.Live == nil:
			fmt.Fprintf(out, "notice %s waits for %s of %s until callers hear it\n", n.ID, spanOf(n.Took), spanOf(rules.Notice()))
		default:
			fmt.Fprintf(out, "notice %s was heard after %s of %s\n", n.ID, spanOf(n.Took), spanOf(rules.Notice()))
		}
	}
	return nil
}

// spanOf is a duration as people say it.
func spanOf(d time.Duration) string {
	minutes := int(d.Round(time.Minute).Minutes())
	switch {
	case minutes >= 48*60:
		return fmt.Sprintf("%d d %d h", minutes/(24*60), minutes/60%24)
	case minutes >= 60 && minutes%60 == 0:
		return fmt.Sprintf("%d h", minutes/60)
	case minutes >= 60:
		return fmt.Sprintf("%d h %d min", minutes/60, minutes%60)
	}
	return fmt.Sprintf("%d min", minutes)
}
