package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// transcribed is a folder of menus with one short transcript, each changed by its edit.
func transcribed(t *testing.T, menu, call func(string) string) string {
	t.Helper()
	dir := shippedMenus(t, menu)
	text := "# A caller leaves.\n> call\nnode main\napp 1 opens undecided\n" +
		"play main.welcome en:lang.offer label.1 menu.press key.1 label.2 menu.press key.2 " +
		"label.3 menu.press key.3 label.language menu.press key.4 menu.agent menu.press key.0\n" +
		"> hangup\napp 1 ends abandoned/during_prompt at main main.welcome 0ms 0%\nend hung_up\n"
	file := filepath.Join(dir, transcripts, "leaves.txt")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(call(text)), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func as(text string) string { return text }

// tested runs 'ivr test' and gives its exit code.
func tested(t *testing.T, args ...string) (out string, code int) {
	t.Helper()
	out, err := runCommand(t, append([]string{"test", "--prompts", "../../prompts"}, args...)...)
	var exit exitError
	if err != nil && !errors.As(err, &exit) {
		return out + err.Error(), 1
	}
	return out, int(exit)
}

func TestTranscriptsAreShown(t *testing.T) {
	for name, c := range map[string]struct {
		menu, call func(string) string
		code       int
		want       []string
	}{
		"as written": {as, as, 0, []string{"1 transcripts: 1 as written\n"}},
		"one key moved": {replace("{key: 3, say: label.3,", "{key: 5, say: label.3,"), as, 1, []string{
			"leaves.txt:5: menu 10086\n      > call\n        node main\n        app 1 opens undecided\n",
			"\n    -   play main.welcome en:lang.offer label.1 menu.press key.1 label.2 menu.press key.2 label.3 menu.press key.3",
			"\n    +   play main.welcome en:lang.offer label.1 menu.press key.1 label.2 menu.press key.2 label.3 menu.press key.5", "1 not"}},
		"a line too much":  {as, replace("end hung_up\n", "end hung_up\nnode 3\n"), 1, []string{"leaves.txt:9", "        end hung_up\n    -   node 3\n"}},
		"a line too few":   {as, replace("end hung_up\n", ""), 1, []string{"leaves.txt:8", "    +   end hung_up\n"}},
		"before the call":  {as, replace("> call", "node main\n> call"), 1, []string{"leaves.txt:2", "(before the call)", "    -   node main\n"}},
		"no line break":    {as, func(s string) string { return strings.TrimSpace(s) }, 0, []string{"1 as written"}},
		"windows":          {as, func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }, 0, []string{"1 as written"}},
		"no such line":     {as, replace("> hangup", "> hangs up"), 1, []string{"cannot be played", `line 6: no such line " hangs up"` + "\n", "1 not"}},
		"its menu":         {as, replace("# A", "# menu: 10086\n# A"), 0, []string{"1 as written"}},
		"another menu":     {as, replace("# A", "# menu: 10010\n# A"), 1, []string{`no menu "10010" here (there is 10086)`}},
		"not in a comment": {as, replace("> hangup", "> hangup\n# menu: 10010"), 0, []string{"1 as written"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, code := tested(t, transcribed(t, c.menu, c.call))
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("%q is missing in\n%s", want, out)
				}
			}
			if code != c.code {
				t.Errorf("exit code %d, want %d\n%s", code, c.code, out)
			}
		})
	}
}

// TestTranscriptsAreRewritten: only what differs, and the next run is content.
func TestTranscriptsAreRewritten(t *testing.T) {
	dir := transcribed(t, replace("{key: 3, say: label.3,", "{key: 5, say: label.3,"), as)
	file := filepath.Join(dir, transcripts, "leaves.txt")
	out, code := tested(t, dir, "--update")
	text, err := os.ReadFile(file)
	if err != nil || code != 0 || !strings.Contains(out, "rewritten "+file) || !strings.Contains(string(text), "label.3 menu.press key.5") || !strings.HasPrefix(string(text), "# A caller leaves.\n") {
		t.Fatalf("%v, exit code %d\n%s\n%s", err, code, out, text)
	}
	for _, path := range []string{dir, file, filepath.Join(dir, transcripts) + "/", filepath.Join(dir, "10086.yaml")} {
		if out, code := tested(t, path); code != 0 || out != "1 transcripts: 1 as written\n" {
			t.Errorf("%s: exit code %d\n%s", path, code, out)
		}
	}
}

// TestTranscriptsOfSeveralMenus: each says which one it is about.
func TestTranscriptsOfSeveralMenus(t *testing.T) {
	dir := transcribed(t, as, as)
	data, err := os.ReadFile(filepath.Join(dir, "10086.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	other := strings.NewReplacer(`menu: "10086"`, "menu: other", `dialled: ["10086"]`, `dialled: ["1"]`).Replace(string(data))
	if err := os.WriteFile(filepath.Join(dir, "other.yaml"), []byte(other), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, code := tested(t, dir); code != 1 || !strings.Contains(out, `which menu? Begin with "# menu: 10086" (there is 10086, other)`) {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if out, code := tested(t, filepath.Join(dir, "other.yaml")); code != 0 {
		t.Errorf("the file of one: exit code %d\n%s", code, out)
	}
	file := filepath.Join(dir, transcripts, "leaves.txt")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append([]byte("# menu: other\n"), text...), 0o644); err != nil {
		t.Fatal(err)
	}
	var results []testResult
	out, code := tested(t, dir, "--json")
	if err := json.Unmarshal([]byte(out), &results); err != nil || code != 0 || len(results) != 1 || results[0].Menu != "other" || !results[0].OK {
		t.Errorf("%v, exit code %d\n%s", err, code, out)
	}
	if out, code := tested(t, filepath.Join(dir, "10086.yaml")); code != 1 || !strings.Contains(out, "no transcripts at ") {
		t.Errorf("the other's file: exit code %d\n%s", code, out)
	}
}

func TestTranscriptsNotFound(t *testing.T) {
	dir := transcribed(t, as, as)
	for want, args := range map[string][]string{
		"nothing at /nowhere: name a menu's file, a folder of menus or a transcript": {"/nowhere"},
		`no transcripts with "abc" in their names at ` + dir:                         {dir, "--run", "abc"},
		"no transcripts at ": {shippedMenus(t, as)},
	} {
		if out, code := tested(t, args...); code != 1 || !strings.Contains(out, want) {
			t.Errorf("exit code %d, want %q in\n%s", code, want, out)
		}
	}
}

// TestShippedTranscripts is what a maintainer runs.
func TestShippedTranscripts(t *testing.T) {
	if out, code := tested(t, "../../menus"); code != 0 {
		t.Errorf("exit code %d\n%s", code, out)
	}
}
