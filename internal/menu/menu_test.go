package menu_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hotline/internal/menu"
	"hotline/internal/menu/transcript"
	"hotline/internal/prompts"
)

var update = flag.Bool("update", false, "write what the menu does now into the transcripts; read the diff before it is committed")

// hotline loads the shipped menu with the shipped prompts.
func hotline(t testing.TB) *menu.Tree {
	t.Helper()
	texts, err := prompts.Load(os.DirFS("../../prompts"))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := menu.Load(os.DirFS("../../menus"), "10086.yaml", func(id string) bool { return texts.Has("zh", id) })
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// TestTranscripts plays every transcript of the shipped hotline.
func TestTranscripts(t *testing.T) {
	tree := hotline(t)
	files, err := filepath.Glob("../../menus/transcripts/*.txt")
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
