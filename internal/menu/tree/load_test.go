package tree_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"hotline/internal/menu/tree"
)

var update = flag.Bool("update", false, "write what is said about bad menus now; read the diff before it is committed")

// TestBadMenus reads each broken menu of testdata/bad and compares everything
// that is said about it; the good menu beside it (base.yaml) has no problem.
func TestBadMenus(t *testing.T) {
	base, err := os.ReadFile("testdata/base.yaml")
	if err != nil {
		t.Fatal(err)
	}
	has := func(id string) bool { return !strings.HasPrefix(id, "missing.") && id != "key.7" }
	if _, err := tree.Load(fstest.MapFS{"base.yaml": {Data: base}, "services.yaml": {Data: services}}, "base.yaml", has); err != nil {
		t.Fatalf("the good menu: %v", err)
	}
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
			whole := strings.Replace(string(data), "PHRASES\n", phrases(string(base)), 1)
			tree, err := tree.Load(fstest.MapFS{"m.yaml": {Data: []byte(whole)}, "services.yaml": {Data: services}}, "m.yaml", has)
			if err == nil || tree != nil {
				t.Fatalf("read without a problem, tree %v", tree)
			}
			said := strings.TrimSuffix(file, ".yaml") + ".txt"
			if *update {
				if err := os.WriteFile(said, []byte(err.Error()+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, readErr := os.ReadFile(said)
			if readErr != nil {
				t.Fatal(readErr)
			}
			if err.Error()+"\n" != string(want) {
				t.Errorf("got\n%v\nwant\n%s", err, want)
			}
		})
	}
}

var services = []byte("caller_id: {name: svc.caller_id, price: \"6.00\"}\n")

// phrases is the phrases part of the good menu, which the bad ones share.
func phrases(base string) string {
	from := strings.Index(base, "phrases:")
	return base[from : from+strings.Index(base[from:], "\nnodes:")+1]
}

func TestMissingFilesAreNamed(t *testing.T) {
	_, err := tree.Load(fstest.MapFS{}, "10086.yaml", nil)
	if err == nil || !strings.Contains(err.Error(), "10086.yaml:1:1: cannot be read") {
		t.Error(err)
	}
}

// TestFilesAreMenusByWhatTheyHave: a menu whose first line is misspelt, or comes
// with a byte order mark, is found, so that its problem is named.
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

func TestVersionFollowsEveryFile(t *testing.T) {
	base, _ := os.ReadFile("testdata/base.yaml")
	version := func(text, catalogue string) string {
		tree, err := tree.Load(fstest.MapFS{"m.yaml": {Data: []byte(text)}, "services.yaml": {Data: []byte(catalogue)}}, "m.yaml", nil)
		if err != nil {
			t.Fatal(err)
		}
		return tree.Version
	}
	a := version(string(base), string(services))
	b, c := version(string(base), string(services)+"# dearer\n"), version(string(base)+"# other\n", string(services))
	if a == b || a == c || b == c || len(a) != 12 {
		t.Errorf("versions %s, %s and %s", a, b, c)
	}
}
