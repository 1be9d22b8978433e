package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"hotline/internal/menu/check"
	"hotline/internal/prompts/promptstest"
	"hotline/internal/prompts/recorded"
)

// studioFolder is the shipped prompts, one text changed by edit, with recordings of the
// given names: what is said, or "" for an empty file.
func studioFolder(t *testing.T, edit func(string) string, said map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../prompts")); err != nil {
		t.Fatal(err)
	}
	zh := filepath.Join(dir, "zh.yaml")
	text, err := os.ReadFile(zh)
	if err != nil {
		t.Fatal(err)
	}
	recordings := filepath.Join(dir, "recordings", "zh")
	if err := os.MkdirAll(recordings, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(zh, []byte(edit(string(text))), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, words := range said {
		file := filepath.Join(recordings, name)
		if words == "" {
			if err := os.WriteFile(file, nil, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if out, err := exec.Command("espeak-ng", "-v", "cmn-latn-pinyin", "-s", "180", "-w", file, words).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	return dir
}

func asShipped(s string) string { return s }

// checkedRules are the rules of what is found, with the exit code.
func checkedRules(t *testing.T, dir string, args ...string) (rules []string, findings []check.Finding, err error) {
	t.Helper()
	out, err := runCommand(t, append([]string{"prompts", "check", "--prompts", dir, "--menus", "../../menus", "--json"}, args...)...)
	if decoded := json.Unmarshal([]byte(out), &findings); decoded != nil {
		t.Fatalf("%v, %v: %s", err, decoded, out)
	}
	for _, f := range findings {
		rules = append(rules, f.Rule)
	}
	return rules, findings, err
}

func TestTheShippedPromptsHaveNoFindings(t *testing.T) {
	out, err := runCommand(t, "prompts", "check", "--prompts", "../../prompts", "--menus", "../../menus")
	if err != nil || !strings.HasSuffix(out, " prompts, 0 recordings: 0 problems, 0 warnings\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestPromptsCheckNamesTexts(t *testing.T) {
	dir := studioFolder(t, func(s string) string {
		return strings.Replace(s, "wait.please: 请稍候。", "wait.please: 查询资费，每月5元，请你稍候。\nextra.one: 请稍候。", 1)
	}, nil)
	rules, findings, err := checkedRules(t, dir)
	if want := []string{"not-nin", "jargon", "misread-figures", "missing-text", "unused"}; exitOf(err) != 1 || !slices.Equal(sorted(rules), sorted(want)) {
		t.Fatalf("%v: %v", err, rules)
	}
	if at := findings[0].Pos; at.File != filepath.Join(dir, "zh.yaml") || at.Line < 20 || at.Col != 1 {
		t.Errorf("found at %s", at)
	}
	out, err := runCommand(t, "prompts", "check", "--prompts", dir, "--menus", "../../menus/10086.yaml")
	if exitOf(err) != 1 || !strings.Contains(out, "wait.please: 查询资费，每月5元，请你稍候。\n    ^") || !strings.Contains(out, ": 4 problems, 1 warning\n") {
		t.Errorf("%v\n%s", err, out)
	}
	off := filepath.Join(dir, "style", "rules.yaml")
	if err := os.WriteFile(off, []byte("not-nin: {severity: off}\njargon: {severity: warning}\nmisread-figures: {severity: off}\nmissing-text: {severity: off}\nunused: {severity: off}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if rules, _, err := checkedRules(t, dir); err != nil || !slices.Equal(rules, []string{"jargon"}) {
		t.Errorf("severity is not the file's: %v, %v", err, rules)
	}
	if err := os.WriteFile(off, []byte("jargon: {severity: grave}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := runCommand(t, "prompts", "check", "--prompts", dir, "--menus", "../../menus"); exitOf(err) != 1 || !strings.Contains(out, off+":1:20: expected one of problem, warning, off") {
		t.Errorf("%v\n%s", err, out)
	}
}

func sorted(all []string) []string { return slices.Sorted(slices.Values(all)) }

func TestPromptsCheckListensToRecordings(t *testing.T) {
	promptstest.Need(t, "espeak-ng", "ffmpeg", "sox")
	dir := studioFolder(t, asShipped, map[string]string{"main.welcome.wav": "您好，欢迎致电幺零零八六", "wait.please.wav": "", "sys.busy.mp3": "对不起，当前来电较多，请您稍后再拨", "stray.wav": "您好"})
	recordings := filepath.Join(dir, "recordings", "zh")
	// A pipe that nobody writes to: whoever opens it waits for ever.
	if err := syscall.Mkfifo(filepath.Join(recordings, "wait.still.wav"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("sox", "-n", "-r", "8000", "-b", "16", filepath.Join(recordings, "wait.sorry.wav"), "trim", "0", "2").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	whole, err := os.ReadFile(filepath.Join(recordings, "main.welcome.wav"))
	if err == nil {
		err = os.WriteFile(filepath.Join(recordings, "sys.goodbye.wav"), whole[:len(whole)*3/4/2*2], 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	note, err := recorded.WriteNotes(map[string]recorded.Said{"main.welcome": {SHA256: "00", Text: "您好，欢迎致电10086。"}, "wait.please": {SHA256: "00", Text: "等着。"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(recordings, recorded.NotesFile), note, 0o644); err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	_, findings, err := checkedRules(t, dir, "--cache", cache)
	if exitOf(err) != 1 {
		t.Fatal(err)
	}
	has := func(file, rule string) bool {
		return slices.ContainsFunc(findings, func(f check.Finding) bool { return f.Pos.File == filepath.Join(recordings, file) && f.Rule == rule })
	}
	for file, rule := range map[string]string{"wait.please.wav": "empty", "wait.still.wav": "unreadable", "sys.busy.mp3": "wrong-extension",
		"wait.sorry.wav": "silence", "sys.goodbye.wav": "truncated", "stray.wav": "stray-recording", "main.welcome.wav": "unnoted-recording", ".": "two-voices"} {
		if !has(file, rule) {
			t.Errorf("%s is not named by rule %s: %v", file, rule, findings)
		}
	}
	if !has("wait.please.wav", "stale-recording") {
		t.Errorf("a recording of an earlier text is not named: %v", findings)
	}
	out, err := runCommand(t, "prompts", "check", "--prompts", dir, "--menus", "../../menus", "--cache", cache, "--measures")
	if exitOf(err) != 1 || !strings.Contains(out, "│ zh/main.welcome.wav │ wav   │ 22050 │") || !strings.Contains(out, "│ zh/wait.please.wav  │ empty │") {
		t.Errorf("%v\n%s", err, out)
	}

	// What was heard before is known without a program; what has changed is not.
	t.Setenv("PATH", t.TempDir())
	_, again, err := checkedRules(t, dir, "--cache", cache)
	if exitOf(err) != 1 || len(again) != len(findings) {
		t.Errorf("%v, %d findings, %d before", err, len(again), len(findings))
	}
	changed := filepath.Join(recordings, "main.welcome.wav")
	data, err := os.ReadFile(changed)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(changed, append(data, 0, 0), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = runCommand(t, "prompts", "check", "--prompts", dir, "--menus", "../../menus", "--cache", cache)
	if err == nil || !strings.Contains(err.Error(), "listen to recordings/zh/main.welcome.wav: ") {
		t.Errorf("a changed recording without a program that reads it: %v", err)
	}
}

func TestPromptsCheckRefusesMistakes(t *testing.T) {
	if _, err := runCommand(t, "prompts", "check", "zh"); exitOf(err) != 2 {
		t.Error(err)
	}
	if _, err := runCommand(t, "prompts", "check", "--prompts", "../../prompts", "--menus", "/nowhere"); err == nil || err.Error() != "no menus at /nowhere: name the menus that say the prompts (--menus)" {
		t.Error(err)
	}
	// A language that a menu speaks has no texts at all.
	dir := studioFolder(t, asShipped, nil)
	if err := os.Remove(filepath.Join(dir, "en.yaml")); err != nil {
		t.Fatal(err)
	}
	if rules, _, err := checkedRules(t, dir); exitOf(err) != 1 || !slices.Equal(rules, []string{"language"}) {
		t.Errorf("%v: %v", err, rules)
	}
	// A menu that cannot be read says nothing: no prompt is called unused for it.
	menus := shippedMenus(t, func(s string) string { return strings.Replace(s, "start: main", "start: man", 1) })
	out, err := runCommand(t, "prompts", "check", "--prompts", "../../prompts", "--menus", menus)
	if exitOf(err) != 1 || !strings.Contains(out, "10086.yaml:10:8: ") || strings.Contains(out, "[unused]") {
		t.Errorf("%v\n%s", err, out)
	}
}
