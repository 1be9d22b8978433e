package menu_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"hotline/internal/menu/transcript"
	"hotline/internal/menu/tree"
	"hotline/internal/prompts"
)

var update = flag.Bool("update", false, "write what the menu does now into the transcripts; read the diff before it is committed")

// hotline loads the shipped menu with the shipped prompts.
func hotline(t testing.TB) *tree.Tree {
	t.Helper()
	texts, err := prompts.Load(os.DirFS("../../prompts"))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := tree.Load(os.DirFS("../../menus"), "10086.yaml", func(id string) bool { return texts.Has("zh", id) })
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// TestTranscripts plays every transcript of the shipped hotline.
func TestTranscripts(t *testing.T) {
	play(t, hotline(t), "../../menus/transcripts/*.txt")
}

// TestCorners plays those of a menu with what the shipped one has no use for.
func TestCorners(t *testing.T) {
	play(t, fixture(t, "testdata/corners/menu.yaml"), "testdata/corners/*.txt")
}

// TestLanguage plays those of a menu that has every type of node.
func TestLanguage(t *testing.T) {
	play(t, fixture(t, "testdata/language/menu.yaml"), "testdata/language/*.txt")
}

// TestISO plays those of a menu with the keys of ISO/IEC 13714.
func TestISO(t *testing.T) {
	play(t, fixture(t, "testdata/iso/menu.yaml"), "testdata/iso/*.txt")
}

// TestValues: what an answer reads aloud, and what it refuses to.
func TestValues(t *testing.T) {
	play(t, fixture(t, "testdata/values/menu.yaml"), "testdata/values/*.txt")
}

// fixture loads a menu of the tests, with the phrases that they share.
func fixture(t testing.TB, file string) *tree.Tree {
	t.Helper()
	base, err := os.ReadFile("tree/testdata/base.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	whole := strings.Replace(string(text), "PHRASES\n", phrases(string(base)), 1)
	menu, err := tree.Load(fstest.MapFS{"m.yaml": {Data: []byte(whole)}, "services.yaml": {Data: services}}, "m.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	return menu
}

// TestBargeIn: a node says so for itself, else the file does, else a key cuts short.
func TestBargeIn(t *testing.T) {
	base, err := os.ReadFile("tree/testdata/base.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string][2]bool{"": {true, false}, "barge_in: true\n": {true, false}, "barge_in: false\n": {false, false}} {
		text := file + strings.Replace(string(base), "{type: hangup, ", "{type: hangup, barge_in: false, ", 1)
		tree, err := tree.Load(fstest.MapFS{"m.yaml": {Data: []byte(text)}, "services.yaml": {Data: services}}, "m.yaml", nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]bool{tree.Nodes["main"].BargeIn, tree.Nodes["bye"].BargeIn}; got != want {
			t.Errorf("%q: main and bye %v, want %v", file, got, want)
		}
	}
}

// play holds a tree to its transcripts.
func play(t *testing.T, tree *tree.Tree, pattern string) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := transcript.Run(tree, string(want))
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(want) {
				t.Errorf("the menu does something else now (go test ./internal/menu -update, then read the diff):\n%s", firstDifference(string(want), got))
			}
		})
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return "want: " + w[i] + "\ngot:  " + g[i]
		}
	}
	return "one is longer"
}

var services = []byte(`
caller_id: {name: {zh: 来电显示, en: Caller ID}, price: "6.00", verbs: [open, close, introduce, status]}
fetion: {name: {zh: 飞信, en: Fetion}, price: "0.00", brands: [全球通, 动感地带]}
balance_reminder: {name: {zh: 余额提醒, en: Balance reminder}, price: "0.00"}
service_password: {name: {zh: 服务密码, en: Service password}, price: "0.00"}
`)

// phrases is the phrases part of the good menu.
func phrases(base string) string {
	from := strings.Index(base, "phrases:")
	return base[from : from+strings.Index(base[from:], "\nnodes:")+1]
}
