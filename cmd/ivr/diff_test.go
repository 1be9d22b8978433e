package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/menu/diff"
	"hotline/internal/releases"
)

// shippedBoth copies the shipped menus and texts, changed by edits, side by side.
func shippedBoth(t *testing.T, menu, texts func(string) string) string {
	t.Helper()
	menus := shippedMenus(t, menu)
	dir := t.TempDir()
	if err := os.Rename(menus, filepath.Join(dir, "menus")); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../prompts/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no texts", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "prompts"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "prompts", filepath.Base(file)), []byte(texts(string(data))), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "menus")
}

// exitOf is the exit code that a command's error stands for.
func exitOf(err error) int {
	var exit exitError
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return int(exit)
	case errors.As(err, &usage):
		return 2
	}
	return 1
}

// TestDiffTells: the texts of a side are those beside its menus.
func TestDiffTells(t *testing.T) {
	t.Setenv("AUDIO", "") // without recordings
	for name, c := range map[string]struct {
		menu, texts func(string) string
		code        int
		want        []string
	}{
		"nothing":      {as, as, 0, []string{"10086: nothing that callers notice\n"}},
		"a note":       {replace("type: menu", "type: menu\n    note: for us"), as, 0, []string{"nothing that callers notice"}},
		"a text":       {as, replace("main.welcome: 您好", "main.welcome: 您好您好"), 1, []string{"\nTexts\n  main.welcome · says in zh:", "same keys, +0.5 s · "}},
		"waiting":      {replace("first_digit: 6s", "first_digit: 8s"), as, 1, []string{"\nErrors and waiting\n", " places: main, ", "waits for the first key: 6s → 8s\n"}},
		"a key moved":  {replace("{key: 3, say: label.3,", "{key: 5, say: label.3,"), as, 1, []string{"is on key: 3 → 5\n", "│ 3 1 1 1", "│ 5 1 1 1", "seconds estimated from the texts"}},
		"another menu": {func(s string) string { return strings.Replace(s, `menu: "10086"`, "menu: other", 1) }, as, 0, []string{"other: nothing"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := runCommand(t, "diff", "../../menus", shippedBoth(t, c.menu, c.texts))
			if code := exitOf(err); code != c.code {
				t.Errorf("exit code %d, want %d: %v", code, c.code, err)
			}
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("%q is missing in\n%s", want, out)
				}
			}
		})
	}
}

// TestDiffOfFolders: a menu that only one side has is gone or new.
func TestDiffOfFolders(t *testing.T) {
	dir := shippedBoth(t, as, as)
	data, err := os.ReadFile(filepath.Join(dir, "10086.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	other := strings.NewReplacer(`menu: "10086"`, "menu: other", `dialled: ["10086"]`, `dialled: ["1"]`).Replace(string(data))
	if err := os.WriteFile(filepath.Join(dir, "other.yaml"), []byte(other), 0o644); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{"menu is new": {"../../menus", dir}, "menu is gone": {dir, "../../menus"}} {
		out, err := runCommand(t, append([]string{"diff", "--json"}, args...)...)
		var reports []diff.Report
		if jsonErr := json.Unmarshal([]byte(out), &reports); jsonErr != nil || exitOf(err) != 1 {
			t.Fatalf("%v %v\n%s", jsonErr, err, out)
		}
		if len(reports) != 2 || !reports[0].Same() || reports[1].Menu != "other" || reports[1].Changes[0].What != want {
			t.Errorf("%+v", reports)
		}
	}
}

// TestDiffOfVersions: what is published has its own texts; 'live' is the last.
func TestDiffOfVersions(t *testing.T) {
	sandboxDatabase(t)
	var published []string
	for _, dir := range []string{shippedBoth(t, as, as), shippedBoth(t, replace("first_digit: 6s", "first_digit: 8s"), replace("main.welcome: 您好", "main.welcome: 您好您好"))} {
		snap, err := releases.Take(dir, filepath.Join(filepath.Dir(dir), "prompts"))
		if err != nil {
			t.Fatal(err)
		}
		err = withDatabase(t.Context(), func(ctx context.Context, pool *pgxpool.Pool) error {
			_, err := releases.NewStore(pool).Publish(ctx, snap, "test", "")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		published = append(published, snap.Release)
	}
	out, err := runCommand(t, "diff", published[0][:6], "live")
	if exitOf(err) != 1 || !strings.Contains(out, "waits for the first key: 6s → 8s") || !strings.Contains(out, "main.welcome · says in zh") {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := runCommand(t, "diff", published[0], "../../menus"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := runCommand(t, "diff", "live", "0000"); exitOf(err) != 2 || !strings.Contains(err.Error(), "no such version") {
		t.Error(err)
	}
}

func TestDiffUsage(t *testing.T) {
	for _, args := range [][]string{
		{"../../menus"}, {"../../menus", "/nowhere"}, {"/nowhere", "../../menus"},
		{"../../menus", shippedBoth(t, replace("to: \"3\"", "to: \"4\""), as)}, {"../../menus", "../../menus", "--old-prompts", "/nowhere"},
	} {
		out, err := runCommand(t, append([]string{"diff"}, args...)...)
		if exitOf(err) != 2 {
			t.Errorf("%q: %v, want exit code 2\n%s", args, err, out)
		}
	}
}

// TestDiffAgreesWithListen: whoever looks up a function in both finds the same keys and
// seconds. Where a function begins with a question, diff goes on to its answer.
func TestDiffAgreesWithListen(t *testing.T) {
	menus := shippedMenus(t, func(text string) string { return text })
	var c checked
	if err := c.look([]string{menus}, checkFlags{texts: "../../prompts", quick: true}, func(string, int) {}); err != nil || len(c.menus) != 1 {
		t.Fatal(err, c.findings)
	}
	f := diffFlags{texts: "../../prompts"}
	reports, err := f.compare(t.Context(), menus, menus, true)
	if err != nil || len(reports) != 1 {
		t.Fatal(err)
	}
	ways := map[string]diff.Path{}
	for _, w := range reports[0].Ways {
		node, _, _ := strings.Cut(w.Function, " ")
		ways[node+" "+strings.ReplaceAll(w.New.Keys, " ", "")] = w.New
	}
	same := 0
	for _, r := range c.menus[0].Functions {
		w, there := ways[r.Node+" "+r.Keys]
		if !there {
			continue
		}
		same++
		if d := r.Listens - float64(w.MS)/1000; d > 0.01 || d < -0.01 {
			t.Errorf("%s: %.2f s to listen, %.2f s in diff", r.Node, r.Listens, float64(w.MS)/1000)
		}
	}
	if same < 20 {
		t.Errorf("only %d functions have the same keys in both", same)
	}
}
