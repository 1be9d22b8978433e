package tree_test

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"hotline/internal/menu/tree"
)

var update = flag.Bool("update", false, "write what is said about bad menus now; read the diff before it is committed")

// folder reads the files of a folder and those below it.
func folder(t testing.TB, dir string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		files[filepath.ToSlash(name)] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// whole is the good menu that has everything.
func whole(t testing.TB) fstest.MapFS { return folder(t, "testdata/whole") }

// written tells which prompts have texts in the fixtures.
func written(id string) bool { return !strings.HasPrefix(id, "missing.") && id != "key.7" }

// TestBadMenus reads each broken menu of testdata/bad, with the catalogue, calendars
// and phrases of the good one and what a folder of the menu's name has besides, and
// compares everything that is said about it.
func TestBadMenus(t *testing.T) {
	files, _ := filepath.Glob("testdata/bad/*.yaml")
	if len(files) == 0 {
		t.Fatal("no fixtures")
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			fsys := whole(t)
			if beside := strings.TrimSuffix(file, ".yaml"); isDir(beside) {
				maps.Copy(fsys, folder(t, beside))
			}
			fsys["m.yaml"] = &fstest.MapFile{Data: data}
			got := said(tree.Load(fsys, "m.yaml", written))
			if got == "" {
				t.Fatal("read without a problem")
			}
			said := strings.TrimSuffix(file, ".yaml") + ".txt"
			if *update {
				if err := os.WriteFile(said, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(said)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// said is all that Load says of a menu, problems or warnings, a line for each.
func said(menu *tree.Tree, err error) string {
	if err != nil {
		return err.Error() + "\n"
	}
	if len(menu.Warnings) > 0 {
		return menu.Warnings.Error() + "\n"
	}
	return ""
}

func isDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// TestEveryRuleHasAFixture: what the loader can report, it is shown to report, and the
// reference tells of it.
func TestEveryRuleHasAFixture(t *testing.T) {
	var shown strings.Builder
	fixtures, _ := filepath.Glob("testdata/bad/*.txt")
	for _, name := range fixtures {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		shown.Write(text)
	}
	sources, _ := filepath.Glob("*.go")
	more, _ := filepath.Glob("../../source/*.go")
	reports := regexp.MustCompile(`(?:[rR]eport|warn|add)\((?:[^"\n]*, )?"([a-z]+(?:-[a-z]+)*)",`)
	rules := map[string]bool{}
	for _, name := range append(sources, more...) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range reports.FindAllStringSubmatch(string(text), -1) {
			rules[m[1]] = true
		}
	}
	if len(rules) < 30 {
		t.Errorf("only %d rules found in the source", len(rules))
	}
	doc, err := os.ReadFile(docFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range slices.Sorted(maps.Keys(rules)) {
		if !strings.Contains(string(doc), "`"+rule+"`") {
			t.Errorf("docs/menu-language.md does not tell of rule %q", rule)
		}
		if !strings.Contains(shown.String(), "["+rule+"]") {
			t.Errorf("no fixture shows rule %q", rule)
		}
	}
}

func TestMissingFilesAreNamed(t *testing.T) {
	_, err := tree.Load(fstest.MapFS{}, "10086.yaml", nil)
	if err == nil || !strings.Contains(err.Error(), "10086.yaml:1:1: cannot be read") {
		t.Error(err)
	}
}

// TestFilesAreMenusByWhatTheyHave: a menu whose first line is misspelt, or comes
// with a byte order mark, is found, so that its problem is named; its parts are none.
func TestFilesAreMenusByWhatTheyHave(t *testing.T) {
	fsys := fstest.MapFS{}
	for name, text := range map[string]string{
		"a.yaml": "# a\nmenu: a\n", "b.yaml": "\ufeffmenu: b\r\n", "c.yaml": "menue: c\nstart: a\n", "d.yaml": "\"menu\" : d\n",
		"services.yaml": "menu_card: {name: x}\n", "part.yaml": "nodes: {}\n", "sub/e.yaml": "menu: e\n", "notes.txt": "menu: f\n",
	} {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	files, err := tree.Files(fsys)
	if want := []string{"a.yaml", "b.yaml", "c.yaml", "d.yaml"}; err != nil || !slices.Equal(files, want) {
		t.Errorf("got %v, %v, want %v", files, err, want)
	}
}

// TestVersionFollowsEveryFile: any change of any file that was read is another version.
func TestVersionFollowsEveryFile(t *testing.T) {
	version := func(fsys fstest.MapFS) string {
		menu, err := tree.Load(fsys, "menu.yaml", nil)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"menu.yaml", "services.yaml", "calendars.yaml", "parts/money.yaml", "parts/rest.yaml", "phrases.yaml"}
		if !slices.Equal(menu.Files, want) || len(menu.Version) != 12 {
			t.Errorf("files %v, version %s", menu.Files, menu.Version)
		}
		return menu.Version
	}
	versions := map[string]string{version(whole(t)): "as it is"}
	for name := range whole(t) {
		fsys := whole(t)
		fsys[name] = &fstest.MapFile{Data: append(fsys[name].Data, "# a change\n"...)}
		v := version(fsys)
		if other, same := versions[v]; same {
			t.Errorf("%s: the same version as %s", name, other)
		}
		versions[v] = name
	}
}
