package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"hotline/internal/menu/diff"
	"hotline/internal/menu/tree"
	"hotline/internal/prompts"
	"hotline/internal/releases"
)

// diffFlags say where the texts and recordings of the two sides are.
type diffFlags struct {
	texts, oldTexts, audio string
	json                   bool
}

func diffCommand() *cobra.Command {
	var f diffFlags
	cmd := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Say in words what changes for callers between two menus",
		Long: `Say in words what changes for callers between two menus (files, folders of menus, or
versions as 'ivr versions' lists them; 'live' is the one that holds now): functions
gone or new, keys moved, texts, prices, errors, and the key presses and seconds to
each function. What callers cannot notice is no difference.

The texts of a side are those of the folder 'prompts' beside its folder of menus, or
else of --prompts; a version has its own, and needs DATABASE_URL. Seconds are those of the recordings in --audio where they say the
same text, and estimated from the texts otherwise; they are those of 'ivr check --listen',
and a confirmation, which that leaves out, is part of the way here.

Exit codes, as diff's: 0 no difference, 1 differences, 2 wrong usage, or a side that
cannot be read.`,
		Example: `  ivr diff live menus                 # what would change by publishing
  ivr diff 3f9a live
  git worktree add /tmp/before HEAD && ivr diff /tmp/before/menus menus
  ivr diff menus/10086.yaml /tmp/draft.yaml --json | jq '.[].changes[] | select(.group == "keys")'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usageError{errors.New("diff: which two menus? e.g. ivr diff old/menus menus")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			reports, err := f.compare(cmd.Context(), args[0], args[1], cmd.Flags().Changed("prompts"))
			if err != nil {
				return usageError{err} // 1 would say that they differ
			}
			if f.json {
				if err := json.NewEncoder(cmd.OutOrStdout()).Encode(reports); err != nil {
					return usageError{err}
				}
			} else {
				printDiff(cmd.OutOrStdout(), reports)
			}
			if slices.ContainsFunc(reports, func(r *diff.Report) bool { return !r.Same() }) {
				return exitError(1)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&f.texts, "prompts", cmp.Or(os.Getenv("PROMPTS"), "prompts"), "folder of <language>.yaml files, of both sides if given (env PROMPTS)")
	cmd.Flags().StringVar(&f.oldTexts, "old-prompts", "", "that of the old side, if it is another")
	cmd.Flags().StringVar(&f.audio, "audio", os.Getenv("AUDIO"), "folder of the audio, for the seconds (env AUDIO)")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON, for programs")
	return cmd
}

// compare pairs the menus of the two sides by name; two single menus are a pair
// whatever they are called.
func (f *diffFlags) compare(ctx context.Context, oldPath, newPath string, given bool) ([]*diff.Report, error) {
	olds, err := f.side(ctx, oldPath, f.oldTexts, given)
	if err != nil {
		return nil, fmt.Errorf("the old side: %w", err)
	}
	news, err := f.side(ctx, newPath, "", given)
	if err != nil {
		return nil, fmt.Errorf("the new side: %w", err)
	}
	if len(olds) == 1 && len(news) == 1 {
		return []*diff.Report{diff.Compare(olds[0], news[0])}, nil
	}
	var reports []*diff.Report
	for _, o := range olds {
		i := slices.IndexFunc(news, func(n diff.Side) bool { return n.Tree.Name == o.Tree.Name })
		if i < 0 {
			reports = append(reports, wholeMenu(o.Tree, "menu is gone", func(dialled string) (string, string) { return dialled, "" }))
			continue
		}
		reports = append(reports, diff.Compare(o, news[i]))
		news = slices.Delete(news, i, i+1)
	}
	for _, n := range news {
		reports = append(reports, wholeMenu(n.Tree, "menu is new", func(dialled string) (string, string) { return "", dialled }))
	}
	return reports, nil
}

// wholeMenu reports a menu that only one side has.
func wholeMenu(t *tree.Tree, what string, place func(dialled string) (old, new string)) *diff.Report {
	r := &diff.Report{Menu: t.Name, Ways: []diff.Way{}}
	for _, number := range t.Dialled {
		old, new := place(number)
		r.Changes = append(r.Changes, diff.Change{Group: diff.Functions, What: what, Old: old, New: new})
	}
	return r
}

// side loads the menus at a path with their texts.
func (f *diffFlags) side(ctx context.Context, path, texts string, given bool) ([]diff.Side, error) {
	if texts == "" {
		texts = f.texts
		if beside := besideMenus(path); beside != "" && !given {
			texts = beside
		}
	}
	trees, catalog, err := readSide(ctx, path, texts)
	if err != nil {
		return nil, err
	}
	var recorded prompts.Manifest
	if f.audio != "" {
		folder := os.DirFS(f.audio)
		manifest, err := prompts.ReadManifest(folder)
		if err != nil {
			return nil, err
		}
		recorded, _ = catalog.Recorded(folder, manifest) // what has no recording is estimated, and the report says how much
	}
	var sides []diff.Side
	for _, t := range trees {
		sides = append(sides, diff.Side{Tree: t, Texts: catalog, Recorded: recorded})
	}
	return sides, nil
}

// version is the name of a published one, or its beginning; or what is live now.
var version = regexp.MustCompile(`^([0-9a-f]{4,12}|live)$`)

// readSide reads files or, where there are none of this name, a version.
func readSide(ctx context.Context, path, texts string) (trees []*tree.Tree, catalog *prompts.Catalog, err error) {
	if _, missing := os.Stat(path); missing != nil && version.MatchString(path) {
		err = withDatabase(ctx, func(ctx context.Context, pool *pgxpool.Pool) error {
			store, release := releases.NewStore(pool), path
			if path == "live" {
				now, err := store.Live(ctx)
				if err != nil {
					return err
				}
				release = now.Release
			}
			snap, err := store.Open(ctx, release)
			if err != nil {
				return err
			}
			trees, catalog, err = place{menus: "menus", texts: "prompts"}.load(snap)
			return err
		})
		return trees, catalog, err
	}
	if catalog, err = loadPrompts(texts); err != nil {
		return nil, nil, err
	}
	trees, err = loadMenus(path, catalog)
	return trees, catalog, err
}

// besideMenus is the folder of prompts beside a folder of menus; "" for none.
func besideMenus(path string) string {
	path = filepath.Clean(path)
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		path = filepath.Dir(path)
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return ""
	}
	beside := filepath.Join(filepath.Dir(absolute), "prompts")
	if info, err := os.Stat(beside); err != nil || !info.IsDir() {
		return ""
	}
	return beside
}
