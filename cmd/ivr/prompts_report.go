package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"hotline/internal/journal/hearing"
	"hotline/internal/menu/tree"
	"hotline/internal/prompts"
	"hotline/internal/prompts/proof"
	"hotline/internal/source"
)

// understandingFlags are those of `ivr prompts report`.
type understandingFlags struct {
	since, from, to string
	version         string
	language        string
	menus           string
	least           float64
	test, all       bool
}

func promptsReportCommand(f *promptsFlags) *cobra.Command {
	var u understandingFlags
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Which sentences callers do not understand, and at which second they give up",
		Long: `List the prompts that too few callers answer right at the first try: less than the percent
of rule understanding in style/rules.yaml, 95 as it is shipped. Counted is, of each call, the first
time that it heard the prompt and was asked: what came before the next announcement is a valid
answer, no key, keys that mean nothing there, or a hang-up with business unfinished. What is
repeated after an error is no first try.

A failed answer is put down to the prompt that was being said, or had been said last;
those that cost most come first. With few answers a share may be chance: the interval says
where the true one is, with 95 % certainty.

Needs Postgres (DATABASE_URL) and the menus, which say what ends a sentence ("press", a key).
Days begin at midnight in REPORT_ZONE.

Exit codes: 0 done, 1 failed, or a prompt is surely under the limit and rule
understanding is a problem here, 2 wrong usage.`,
		Example: `  ivr prompts report                                   # live calls of the last 7 days
  ivr prompts report --since 24h --language zh
  ivr prompts report --from 2026-11-01 --to 2026-11-30 --all
  ivr prompts report --json | jq '.prompts[] | {id, percent, gave_up_at}'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runUnderstanding(cmd, f, u)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&u.since, "since", "", "the time until now, as 24h or 7d (default 7d)")
	flags.StringVar(&u.from, "from", "", "first day, as 2026-11-01, instead of --since")
	flags.StringVar(&u.to, "to", "", "last day (default: today)")
	flags.StringVar(&u.version, "version", "", "only calls of the menu version that begins like this (calls.menu_version)")
	flags.StringVar(&u.language, "language", "", "only prompts said in this language, as zh")
	flags.StringVar(&u.menus, "menus", cmp.Or(os.Getenv("MENUS"), "menus"), "folder of the menus (env MENUS)")
	flags.Float64Var(&u.least, "least", 95, "the limit in percent, instead of that of the rules")
	flags.BoolVar(&u.test, "test", false, "dial tests instead of live calls")
	flags.BoolVar(&u.all, "all", false, "every prompt that was heard")
	return cmd
}

func runUnderstanding(cmd *cobra.Command, f *promptsFlags, u understandingFlags) error {
	zone, err := reportZone()
	if err != nil {
		return err
	}
	period, err := u.period(time.Now(), zone)
	if err != nil {
		return usageError{err}
	}
	if u.least < 0 || u.least > 100 {
		return usageError{errors.New("--least takes a percent from 0 to 100")}
	}
	texts, err := loadPrompts(f.texts)
	if err != nil {
		return err
	}
	if u.language != "" && !slices.Contains(texts.Languages(), u.language) {
		return usageError{fmt.Errorf("no prompts in language %q (known: %s)", u.language, strings.Join(texts.Languages(), ", "))}
	}
	rules, err := proof.Load(os.DirFS(f.texts))
	if err != nil {
		return inFolder(err, f.texts)
	}
	if !cmd.Flags().Changed("least") {
		u.least = rules.Understanding()
	}
	trees, err := loadMenus(u.menus, texts)
	if err != nil {
		return err
	}
	window := hearing.Window{From: period.From, To: period.To, Version: u.version, Test: u.test, First: firstLanguages(trees), Endings: sentenceEnds(trees)}
	return withDatabase(cmd.Context(), func(ctx context.Context, pool *pgxpool.Pool) error {
		report, err := hearing.Read(ctx, pool, window)
		if err != nil {
			return err
		}
		s := newUnderstanding(report, texts, f.texts, u)
		if err := s.show(cmd.OutOrStdout(), zone, f.json); err != nil {
			return err
		}
		return s.judge(cmd.ErrOrStderr(), rules)
	})
}

// period is that of `ivr report`, but for days in --since and for a week as the default.
func (u understandingFlags) period(now time.Time, zone *time.Location) (p struct{ From, To time.Time }, err error) {
	r := reportFlags{from: u.from, to: u.to}
	if u.since != "" || u.from == "" && u.to == "" {
		if r.since, err = ago(cmp.Or(u.since, "7d")); err != nil {
			return p, err
		}
	}
	of, err := r.period(now, zone)
	p.From, p.To = of.From, of.To
	return p, err
}

// ago reads a time such as 24h, or days such as 7d.
func ago(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n <= 3650 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	} else if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return d, nil
	}
	return 0, fmt.Errorf("--since takes a time such as 24h or 7d, not %q", text)
}

// firstLanguages is what each menu is spoken in unless the caller chooses.
func firstLanguages(trees []*tree.Tree) map[string]string {
	first := map[string]string{}
	for _, t := range trees {
		first[t.Name] = t.Languages[0]
	}
	return first
}

// sentenceEnds are the prompts that only end a sentence: "press", and the keys.
func sentenceEnds(trees []*tree.Tree) (ids []string) {
	for _, t := range trees {
		ids = append(ids, t.Phrases.Press.ID)
	}
	for _, key := range "0123456789*#" {
		ids = append(ids, tree.KeyRef(string(key)).ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// understanding is a report with what people need to see beside it.
type understanding struct {
	*hearing.Report
	Least    float64      `json:"least"`
	Language string       `json:"language,omitempty"`
	Prompts  []understood `json:"prompts"` // those that are shown
	Others   int          `json:"others"`  // under the limit, because callers failed at another sentence of the same announcement
	all      bool
	catalog  map[[2]string]prompts.Entry // by language and id
	folder   string
}

// understood is one prompt of it.
type understood struct {
	hearing.Prompt
	Place   string   `json:"place,omitempty"` // file:line; "" where the prompts do not have it any more
	Percent *float64 `json:"percent"`         // valid at the first try; null where nobody was asked
	Low     float64  `json:"low"`             // where the true share is, with 95 % certainty
	High    float64  `json:"high"`
	Chance  bool     `json:"chance"`           // under the limit, and it may be chance
	Before  string   `json:"said_before"`      // the text up to where most gave up
	After   string   `json:"said_after"`       // and from there on
	Changed bool     `json:"text_has_changed"` // the prompts say something else now, or did within the window
}

func newUnderstanding(r *hearing.Report, texts *prompts.Catalog, folder string, u understandingFlags) *understanding {
	s := &understanding{Report: r, Least: u.least, Language: u.language, Prompts: []understood{}, all: u.all, folder: folder, catalog: map[[2]string]prompts.Entry{}}
	for _, lang := range texts.Languages() {
		for _, e := range texts.Entries(lang) {
			s.catalog[[2]string{lang, e.ID}] = e
		}
	}
	for _, p := range r.Prompts {
		if u.language != "" && p.Language != u.language {
			continue
		}
		row := s.understood(p)
		under := row.Percent != nil && *row.Percent < u.least
		switch {
		case u.all, under && p.Failed.All() > 0:
			s.Prompts = append(s.Prompts, row)
		case under:
			s.Others++
		}
	}
	return s
}

func (s *understanding) understood(p hearing.Prompt) understood {
	row := understood{Prompt: p}
	if e, there := s.catalog[[2]string{p.Language, p.ID}]; there {
		if e.Pos.Line > 0 {
			row.Place = fmt.Sprintf("%s:%d", filepath.Join(s.folder, e.Pos.File), e.Pos.Line)
		}
		row.Changed = p.Texts > 1 || p.Text != "" && p.Text != e.Text
		row.Text = cmp.Or(p.Text, e.Text)
	}
	if percent, low, high, ok := p.First.Share(); ok {
		row.Percent, row.Low, row.High = &percent, low, high
		row.Chance = percent < s.Least && high >= s.Least
	}
	if p.At != nil && p.Length != nil {
		row.Before, row.After = cutAt(row.Text, p.At.MS, *p.Length)
	}
	return row
}

// cutAt cuts a text where it is at ms, by proportion of its characters.
func cutAt(text string, ms, length int) (before, after string) {
	said := []rune(text)
	at := len(said)
	if length > 0 && ms < length {
		at = (len(said)*ms + length/2) / length
	}
	return string(said[:at]), string(said[at:])
}

// judge names the prompts that are surely under the limit where that is a problem here.
func (s *understanding) judge(w io.Writer, rules *proof.Rules) error {
	var bad source.Problems
	for _, p := range s.Prompts {
		e, there := s.catalog[[2]string{p.Language, p.ID}]
		if there && p.Percent != nil && p.Failed.All() > 0 {
			for _, found := range rules.Misunderstood(e, *p.Percent, p.High, s.Least) {
				if !found.Warning {
					bad = append(bad, found)
				}
			}
		}
	}
	if err := bad.Err(); err != nil {
		fmt.Fprintln(w, inFolder(err, s.folder))
		return exitError(1)
	}
	return nil
}
