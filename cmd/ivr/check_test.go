package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hotline/internal/source"
)

// shippedMenus copies the shipped menus without their transcripts, 10086.yaml changed by
// edit, and gives their folder.
func shippedMenus(t *testing.T, edit func(text string) string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../menus")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, transcripts)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "10086.yaml")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(edit(string(data))), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func replace(old, with string) func(string) string {
	return func(text string) string { return strings.Replace(text, old, with, 1) }
}

// TestCheckNamesWhatIsWrong edits the shipped menu as people do by mistake.
func TestCheckNamesWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(string) string
		at   string // stands on the line that is %d in want
		want string // "" for no problem
	}{
		"windows line ends":   {func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }, "", ""},
		"byte order mark":     {func(s string) string { return "\ufeff" + s[strings.Index(s, "menu:"):] }, "", ""},
		"tab":                 {replace("  person:", "\tperson:"), "\tperson:", "10086.yaml:%d:1: a tab; YAML is indented with blanks [yaml-tab]"},
		"bare star":           {replace("keys: default", "keys: {*: back}"), "keys: {*", "10086.yaml:%d:8: an unquoted * is a reference to another place in YAML"},
		"octal key":           {replace("key: 1,", "key: 010,"), "key: 010", `10086.yaml:%d:15: 010 is the number 8 in YAML`},
		"misspelt first key":  {replace("\nmenu:", "\nmenue:"), "menue:", `10086.yaml:%d:1: unknown key "menue" (did you mean "menu"?)`},
		"prompt without text": {replace("say: label.1,", "say: label.x,"), "", `no text for prompt "label.x"`},
		"emptied":             {func(string) string { return "" }, "", "10086.yaml:1:1: the file is empty [yaml]"},
		"UTF-16":              {func(s string) string { return "\xff\xfe" + strings.Join(strings.Split(s, ""), "\x00") }, "", "10086.yaml:1:1: the file is in UTF-16"},
		"a control character": {replace("start: main", "start: ma\x1bin"), "start: ma\x1b", "10086.yaml:%d:10: U+001B is a control character, and no text; take it out [yaml]\n    start: ma in\n             ^"},
		"a long line":         {replace("start: main", "start: main # "+strings.Repeat("很", 400)+"\nstart: x # "+strings.Repeat("长", 400)), "", "    start: x # 长长"},
		"alias":               {replace("say: label.1,", "say: &a label.1,"), "&a label.1", "10086.yaml:%d:23: &a is an anchor in YAML"},
		"a queue elsewhere":   {replace("queue: english", "queue: vip"), "queue: vip", `10086.yaml:%d:38: transfers go to the queues of the server's list only (desk, english), and "vip" is not in it`},
		"alias used":          {replace("say: label.3, to: \"3\"", "say: &a label.3, to: *a"), "to: *a", "10086.yaml:%d:39: *a is a reference to another place in YAML"},
	} {
		t.Run(name, func(t *testing.T) {
			edited, want := "", c.want
			dir := shippedMenus(t, func(text string) string { edited = c.edit(text); return edited })
			if before, _, found := strings.Cut(edited, c.at); c.at != "" && found {
				want = fmt.Sprintf(c.want, 1+strings.Count(before, "\n"))
			}
			out, err := runCommand(t, "check", "--quick", "--prompts", "../../prompts", dir)
			var exit exitError
			switch {
			case c.want == "" && (err != nil || !strings.Contains(out, fineMenus)):
				t.Errorf("%v\n%s", err, out)
			case c.want != "" && (!errors.As(err, &exit) || exit != 1 || !strings.Contains(out, want)):
				t.Errorf("%v, want %q in\n%s", err, want, out)
			}
		})
	}
}

const fineMenus = "1 menu, 93 nodes: no problems"

// TestCheckOfTheShippedMenus: every call of every caller. The other tests play those of one,
// in a fifth of the time: what they are about is seen there.
func TestCheckOfTheShippedMenus(t *testing.T) {
	if out, err := runCommand(t, "check", "--prompts", "../../prompts", "../../menus"); err != nil || !strings.Contains(out, fineMenus) {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestCheckKnowsTheLanguages: a menu speaks only what there are texts for.
func TestCheckKnowsTheLanguages(t *testing.T) {
	texts := t.TempDir()
	zh, err := os.ReadFile("../../prompts/zh.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(texts, "zh.yaml"), zh, 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := runCommand(t, "check", "--quick", "--prompts", texts, "../../menus")
	var exit exitError
	if want := `10086.yaml:9:12: no texts in language "en" (known: zh); write en.yaml into the prompts folder [language]`; !errors.As(err, &exit) || !strings.Contains(out, want) {
		t.Errorf("%v, want %s in\n%s", err, want, out)
	}
}

// TestCheckComparesMenus: what no menu can know alone.
func TestCheckComparesMenus(t *testing.T) {
	dir := shippedMenus(t, func(s string) string { return s })
	data, err := os.ReadFile(filepath.Join(dir, "10086.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "10087.yaml"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := runCommand(t, "check", "--quick", "--prompts", "../../prompts", "--json", dir)
	var exit exitError
	if !errors.As(err, &exit) || exit != 1 {
		t.Fatal(err)
	}
	var problems source.Problems
	if err := json.Unmarshal([]byte(out), &problems); err != nil {
		t.Fatal(err)
	}
	at := source.Pos{File: filepath.Join(dir, "10087.yaml"), Line: 8, Col: 10}
	if len(problems) != 2 || problems[0].Pos != at || problems[0].Rule != "menu" || problems[1].Rule != "dialled" ||
		problems[1].Message != "10086 leads to the menu in 10086.yaml already" {
		t.Errorf("%+v", problems)
	}
}

func TestCheckSaysWhatIsMissing(t *testing.T) {
	_, err := runCommand(t, "check", "--prompts", "../../prompts", "/nowhere")
	if err == nil || err.Error() != "no menus at /nowhere: name a menu's file or a folder of menus" {
		t.Error(err)
	}
}

// TestCheckKnowsStrays: a menu that has lost its head beside another one does not
// disappear without a word.
func TestCheckKnowsStrays(t *testing.T) {
	dir := shippedMenus(t, func(s string) string { return s })
	if err := os.WriteFile(filepath.Join(dir, "10010.yaml"), []byte("nodes: {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := runCommand(t, "check", "--quick", "--prompts", "../../prompts", dir)
	if exitOf(err) != 1 || !strings.Contains(out, "10010.yaml:1:1: neither a menu") {
		t.Errorf("%v: %s", err, out)
	}
	dir = shippedMenus(t, func(s string) string { return s[strings.Index(s, "phrases:"):] })
	if _, err := runCommand(t, "check", "--quick", "--prompts", "../../prompts", dir); exitOf(err) != 1 || !strings.Contains(err.Error(), "none of 10086.yaml, calendars.yaml, services.yaml has it") {
		t.Error(err)
	}
}
