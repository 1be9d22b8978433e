package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hotline/internal/ivr"
	"hotline/internal/menu/tree"
	"hotline/internal/prompts"
	"hotline/internal/source"
)

// loadContent reads the menus, texts and audio that calls are served with.
func loadContent(menus, texts, audio string) (*ivr.Content, error) {
	catalog, err := loadPrompts(texts)
	if err != nil {
		return nil, err
	}
	trees, err := loadMenus(menus, catalog)
	if err != nil {
		return nil, err
	}
	heard, err := withAudio(catalog, audio, texts)
	if err != nil {
		return nil, err
	}
	return &ivr.Content{Trees: trees, Prompts: heard}, nil
}

// withAudio gives the texts of a folder what the audio folder says is heard now.
func withAudio(catalog *prompts.Catalog, audio, texts string) (*prompts.Catalog, error) {
	dir, err := filepath.Abs(audio)
	if err != nil {
		return nil, err
	}
	folder := os.DirFS(dir)
	manifest, err := prompts.ReadManifest(folder)
	if err != nil {
		return nil, fmt.Errorf("no audio in %s (make it with 'ivr prompts build'): %w", audio, err)
	}
	heard, err := catalog.WithAudio(dir, folder, manifest)
	if err != nil {
		return nil, fmt.Errorf("the audio in %s does not fit the texts:\n%w", audio, inFolder(err, texts))
	}
	return heard, nil
}

// loadMenus reads every menu of a folder, or the one in a file.
func loadMenus(path string, catalog *prompts.Catalog) ([]*tree.Tree, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no menus at %s: name a menu's file or a folder of menus", path)
	} else if err != nil {
		return nil, fmt.Errorf("read the menus: %w", err)
	}
	dir, only := path, ""
	if !info.IsDir() {
		dir, only = filepath.Dir(path), filepath.Base(path)
	}
	return loadTrees(os.DirFS(dir), dir, only, catalog)
}

// loadTrees reads the menus in fsys, or the only one that is meant; dir is how
// problems name the folder.
func loadTrees(fsys fs.FS, dir, only string, catalog *prompts.Catalog) ([]*tree.Tree, error) {
	names := []string{only}
	if only == "" {
		var err error
		if names, err = tree.Files(fsys); err != nil {
			return nil, fmt.Errorf("read the menus: %w", err)
		}
		if len(names) == 0 {
			return nil, noMenu(fsys, dir)
		}
	}
	var trees []*tree.Tree
	var problems source.Problems
	for _, name := range names {
		tree, err := tree.Load(fsys, name, func(id string) bool { return hasPrompt(catalog, id) })
		var ps source.Problems
		switch {
		case errors.As(inFolder(err, dir), &ps):
			problems = append(problems, ps...)
		case err != nil:
			return nil, err
		default:
			trees = append(trees, tree)
		}
	}
	if only == "" && problems.Err() == nil {
		stray, err := strays(fsys, dir, trees)
		if err != nil {
			return nil, err
		}
		problems = append(problems, stray...)
	}
	problems = append(problems, together(trees, catalog, dir)...)
	problems.Sort()
	return trees, slices.Compact(problems).Err() // two menus share a file that is broken
}

// noMenu says what is there instead.
func noMenu(fsys fs.FS, dir string) error {
	names, _ := fs.Glob(fsys, "*.yaml") // the pattern is right
	there := "there is no .yaml file in it"
	if len(names) > 0 {
		there = "none of " + strings.Join(names, ", ") + " has it"
	}
	return fmt.Errorf("no menu in %s: a menu is a .yaml file with the line 'menu: NAME', and %s", dir, there)
}

// strays are files that are no menus and belong to none: a menu that has lost its first
// lines would else be a hotline that does not exist any more, without a word.
func strays(fsys fs.FS, dir string, trees []*tree.Tree) (problems source.Problems, err error) {
	names, err := fs.Glob(fsys, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("read the menus: %w", err)
	}
	for _, name := range names {
		if !slices.ContainsFunc(trees, func(t *tree.Tree) bool { return slices.Contains(t.Files, name) }) {
			problems = append(problems, source.Problem{Pos: source.Pos{File: filepath.Join(dir, name), Line: 1, Col: 1}, Rule: "stray",
				Message: "neither a menu (it has no line 'menu: NAME') nor a file that a menu names; write the line, name it in a menu, or take it out of the folder"})
		}
	}
	return problems, nil
}

// together finds what no menu can know alone: a number that two menus claim, a
// name that two have, a queue that is not in the list, and a language without texts.
func together(trees []*tree.Tree, catalog *prompts.Catalog, dir string) source.Problems {
	var problems source.Problems
	report := func(at source.Pos, rule, format string, args ...any) {
		at.File = filepath.Join(dir, at.File)
		problems = append(problems, source.Problem{Pos: at, Message: fmt.Sprintf(format, args...), Rule: rule})
	}
	names, dialled, known := map[string]string{}, map[string]string{}, queues()
	for _, t := range trees {
		if other, taken := names[t.Name]; taken {
			report(t.DialledAt, "menu", "the menu in %s is named %q too; the journal could not tell them apart", other, t.Name)
		}
		names[t.Name] = t.DialledAt.File
		for _, n := range t.Dialled {
			if other, taken := dialled[n]; taken {
				report(t.DialledAt, "dialled", "%s leads to the menu in %s already", n, other)
			}
			dialled[n] = t.DialledAt.File
		}
		for _, id := range slices.Sorted(maps.Keys(t.Nodes)) {
			if to := t.Nodes[id].Transfer; to != nil && !slices.Contains(known, to.Queue) {
				report(to.QueueAt, "queue", "transfers go to the queues of the server's list only (%s), and %q is not in it; name one of them, or have it added to QUEUES and to queues.conf", strings.Join(known, ", "), to.Queue)
			}
		}
	}
	return append(problems, wordless(trees, catalog, dir)...)
}

// wordless finds languages of menus that there are no texts in.
func wordless(trees []*tree.Tree, catalog *prompts.Catalog, dir string) (problems source.Problems) {
	known := catalog.Languages()
	for _, t := range trees {
		at := t.LanguagesAt
		at.File = filepath.Join(dir, at.File)
		for _, lang := range t.Languages {
			if !slices.Contains(known, lang) {
				problems = append(problems, source.Problem{Pos: at, Rule: "language",
					Message: fmt.Sprintf("no texts in language %q (known: %s); write %s.yaml into the prompts folder", lang, strings.Join(known, ", "), lang)})
			}
		}
	}
	return problems
}

// hasPrompt tells whether every language has the prompt.
func hasPrompt(catalog *prompts.Catalog, id string) bool {
	for _, lang := range catalog.Languages() {
		if !catalog.Has(lang, id) {
			return false
		}
	}
	return true
}

// inFolder makes the problems' files paths from the current folder.
func inFolder(err error, dir string) error {
	var ps source.Problems
	if !errors.As(err, &ps) {
		return err
	}
	for i := range ps {
		ps[i].Pos.File = filepath.Join(dir, ps[i].Pos.File)
	}
	return ps
}
