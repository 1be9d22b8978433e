package menu_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"hotline/internal/menu"
)

// TestBadMenus reads each broken menu of testdata/bad and compares everything
// that is said about it; the good menu beside it (base.yaml) has no problem.
func TestBadMenus(t *testing.T) {
	base, err := os.ReadFile("testdata/base.yaml")
	if err != nil {
		t.Fatal(err)
	}
	has := func(id string) bool { return !strings.HasPrefix(id, "missing.") }
	if _, err := menu.Load(fstest.MapFS{"base.yaml": {Data: base}, "services.yaml": {Data: services}}, "base.yaml", has); err != nil {
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
			tree, err := menu.Load(fstest.MapFS{"m.yaml": {Data: []byte(whole)}, "services.yaml": {Data: services}}, "m.yaml", has)
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
	_, err := menu.Load(fstest.MapFS{}, "10086.yaml", nil)
	if err == nil || !strings.Contains(err.Error(), "10086.yaml:1:1: cannot be read") {
		t.Error(err)
	}
}

func TestVersionFollowsEveryFile(t *testing.T) {
	base, _ := os.ReadFile("testdata/base.yaml")
	version := func(catalogue string) string {
		tree, err := menu.Load(fstest.MapFS{"m.yaml": {Data: base}, "services.yaml": {Data: []byte(catalogue)}}, "m.yaml", nil)
		if err != nil {
			t.Fatal(err)
		}
		return tree.Version
	}
	if a, b := version(string(services)), version(string(services)+"# dearer\n"); a == b || len(a) != 12 {
		t.Errorf("versions %s and %s", a, b)
	}
}

func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/*.yaml", "testdata/bad/*.yaml", "../../menus/*.yaml"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			data, _ := os.ReadFile(file)
			f.Add(string(data))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		tree, err := menu.Load(fstest.MapFS{"m.yaml": {Data: []byte(text)}, "services.yaml": {Data: services}}, "m.yaml", nil)
		if (tree == nil) == (err == nil) {
			t.Fatal("a tree and an error, or neither")
		}
		if tree != nil {
			m := menu.New(tree)
			m.Step(menu.Started{})
			for _, key := range "310*#7" {
				m.Step(menu.Pressed{Key: byte(key)})
			}
		}
	})
}
