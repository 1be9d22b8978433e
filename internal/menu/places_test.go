package menu_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hotline/internal/menu/places"
	"hotline/internal/menu/tree"
	"hotline/internal/prompts"
)

// TestEverythingThatIsSaidHasItsPlace: whatever the machine says in a transcript is one
// of the announcements of the node that it is in.
func TestEverythingThatIsSaidHasItsPlace(t *testing.T) {
	for dir, menu := range map[string]*tree.Tree{
		"../../menus/transcripts": hotline(t),
		"testdata/language":       fixture(t, "testdata/language/menu.yaml"),
		"testdata/corners":        fixture(t, "testdata/corners/menu.yaml"),
		"testdata/iso":            fixture(t, "testdata/iso/menu.yaml"),
		"testdata/values":         fixture(t, "testdata/values/menu.yaml"),
	} {
		all := map[string][]places.Announcement{}
		for _, a := range places.In(menu) {
			all[a.Node] = append(all[a.Node], a)
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
		if err != nil || len(files) == 0 {
			t.Fatal("no transcripts", err)
		}
		heard := 0
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			node := ""
			for line := range strings.Lines(string(text)) {
				line = strings.TrimSpace(line)
				if to, entered := strings.CutPrefix(line, "node "); entered {
					node = to
				}
				said, plays := strings.CutPrefix(line, "play ")
				if !plays {
					continue
				}
				heard++
				if !slices.ContainsFunc(slices.Concat(all[node], all[""]), func(a places.Announcement) bool { return says(a.Parts, strings.Fields(said)) }) {
					t.Errorf("%s: node %q says %q, which is in none of its places", file, node, said)
				}
			}
		}
		if heard < 5 {
			t.Errorf("%s: only %d announcements in the transcripts", dir, heard)
		}
	}
}

// says tells whether an announcement is these words of a transcript. What ops have put
// before a service stands in no menu, a list is said as often as it is long, and a long
// code in parts.
func says(parts []places.Part, said []string) bool {
	for len(said) > 0 && strings.HasPrefix(said[0], "notice.") {
		said = said[1:]
	}
	for _, p := range parts {
		n := 0
		for n < len(said) && fits(p, said[n]) && (n == 0 || len(p.Said) > 1 || p.Read == prompts.Digits) {
			n++
		}
		if n == 0 {
			return false
		}
		said = said[n:]
	}
	return len(said) == 0
}

func fits(p places.Part, said string) bool {
	if p.Read != prompts.Say {
		return strings.HasPrefix(said, string(p.Read)+"(")
	}
	return slices.ContainsFunc(p.Said, func(r prompts.Ref) bool { return r.String() == said })
}
