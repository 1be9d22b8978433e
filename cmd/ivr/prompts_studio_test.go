package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hotline/internal/prompts/promptstest"
	"hotline/internal/releases"
)

const studioTexts = `version: 第一版
p.press: 请按
p.no_input: 没有收到按键
p.invalid: 没有这个选项
p.gave_up: 再见
p.stopping: 请稍后再拨
key.1: 一
key.2: 二
key.9: 九
`

// newStudio is a folder of menus and prompts as a maintainer has it; commands use it.
func newStudio(t *testing.T) (texts string) {
	t.Helper()
	dir := t.TempDir()
	menus, texts := filepath.Join(dir, "menus"), filepath.Join(dir, "prompts")
	if err := errors.Join(os.Mkdir(menus, 0o755), os.Mkdir(texts, 0o755),
		os.WriteFile(filepath.Join(menus, "m.yaml"), []byte(smallMenu), 0o644), os.WriteFile(filepath.Join(texts, "zh.yaml"), []byte(studioTexts), 0o644)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MENUS", menus)
	t.Setenv("PROMPTS", texts)
	return texts
}

// expect runs a command and wants its exit code, and each of the words in what it prints.
func expect(t *testing.T, code int, words string, args ...string) string {
	t.Helper()
	out, got := told(t, args...)
	for _, w := range strings.Split(words, "|") {
		if got != code || !strings.Contains(out, w) {
			t.Errorf("ivr %s: exit %d, want %d and %q in\n%s", strings.Join(args, " "), got, code, w, out)
		}
	}
	return out
}

// TestTheWayToTheStudioAndBack by its commands, with what they say and their exit codes.
func TestTheWayToTheStudioAndBack(t *testing.T) {
	promptstest.Need(t, "espeak-ng", "ffmpeg", "sox")
	t.Setenv("DATABASE_URL", "")
	texts, sheets, sent := newStudio(t), t.TempDir(), t.TempDir()
	expect(t, 0, "a draft, not noted", "prompts", "studio", "-o", sheets, "--draft")
	expect(t, 0, "zh: |sheet 1, noted in "+filepath.Join(texts, "studio")+"|sheet-0001-zh.csv|sheet-0001-zh.html", "prompts", "studio", "-o", sheets)
	expect(t, 0, "nothing has to be recorded since sheet 1|asked for earlier and not there yet", "prompts", "studio", "-o", sheets)
	expect(t, 2, `no texts in language "fr" (known: zh)`, "prompts", "studio", "--language", "fr")
	expect(t, 2, "which folder?", "prompts", "import")
	expect(t, 1, "no such file", "prompts", "import", filepath.Join(sent, "none"))

	audio := filepath.Join(t.TempDir(), "audio")
	expect(t, 0, "made now", "prompts", "build", "--audio", audio, "--cache", t.TempDir())
	alaw, err := filepath.Glob(filepath.Join(audio, "zh", "version-*.alaw"))
	if err != nil || len(alaw) != 1 {
		t.Fatal(err, alaw)
	}
	good, err := os.ReadFile(alaw[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"version.alaw": string(good), "key.1.wav": "none", "key.3.wav": "none"} {
		if err := os.WriteFile(filepath.Join(sent, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, 1, "nothing was changed (--dry-run)", "prompts", "import", sent, "--dry-run")
	expect(t, 1, "1 accepted|1 refused|1 of no prompt|[unreadable]|is it key.|asked for and still missing|zh/p.press", "prompts", "import", sent)
	var report struct {
		Files []struct {
			ID, Verdict string
			Findings    []struct{ Rule string }
		}
		Missing []struct {
			ID    string
			Sheet int
		}
	}
	out := expect(t, 1, `"verdict":"unchanged"`, "prompts", "import", sent, "--json")
	if err := json.Unmarshal([]byte(out), &report); err != nil || len(report.Files) != 3 || report.Files[0].Findings[0].Rule != "unreadable" || report.Missing[0].Sheet != 1 {
		t.Errorf("%v: %+v", err, report)
	}
	expect(t, 0, "zh: 1 prompt (1 refused)|sheet 2", "prompts", "studio", "-o", sheets)
	csv, err := os.ReadFile(filepath.Join(sheets, "sheet-0002-zh.csv"))
	if err != nil || !strings.Contains(string(csv), "上次退回") {
		t.Errorf("%v: the second sheet is\n%s", err, csv)
	}
}

// TestHowLongANoticeTakes until callers hear of it, by what was published to a real Postgres.
func TestHowLongANoticeTakes(t *testing.T) {
	pool := newPool(t)
	t.Setenv("DATABASE_URL", pool.Config().ConnString())
	texts := newStudio(t)
	store := releases.NewStore(pool)
	publish := func() {
		t.Helper()
		snap, err := releases.Take(os.Getenv("MENUS"), texts)
		if err == nil {
			_, err = store.Publish(t.Context(), snap, "a test", "")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	given := time.Now().Add(-90 * time.Minute)
	write := func(version string, more string) {
		t.Helper()
		notice := fmt.Sprintf("version: {text: %s, notice: {id: TZ-1, at: %q}}\n", version, given.Format("2006-01-02T15:04Z07:00"))
		text := strings.Replace(studioTexts, "version: 第一版\n", notice, 1) + more
		if err := os.WriteFile(filepath.Join(texts, "zh.yaml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	publish()
	expect(t, 0, "no prompt answers a service notice", "prompts", "notices")
	write("第二版", "")
	expect(t, 0, "TZ-1|zh/version (waits)|1 h 3|no notice is 6 h old yet", "prompts", "notices")
	expect(t, 0, "notice TZ-1 waits for 1 h 3|of 6 h", "prompts", "studio", "--draft", "-o", t.TempDir())
	publish()
	expect(t, 0, "within|1 of 1 notice heard within 6 h: 100.0 %", "prompts", "notices")
	write("第三版", "")
	expect(t, 0, "other words since", "prompts", "notices")
	publish()
	expect(t, 0, "reworded; first", "prompts", "notices")

	if _, err := store.TakeBack(t.Context(), "", "a test", ""); err != nil {
		t.Fatal(err)
	}
	expect(t, 0, "taken back", "prompts", "notices")

	given = time.Now().Add(-7 * time.Hour)
	write("第四版", "")
	expect(t, 0, "late|0 of 1 notice heard|warning: prompt \"version\": callers have not heard of notice TZ-1|[late-notice]", "prompts", "notices")
	if err := errors.Join(os.Mkdir(filepath.Join(texts, "style"), 0o755),
		os.WriteFile(filepath.Join(texts, "style", "rules.yaml"), []byte("late-notice: {severity: problem, hours: 2}\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	out := expect(t, 1, `"took_seconds":252`, "prompts", "notices", "--json")
	var all struct {
		Limit   float64 `json:"limit_seconds"`
		Notices []struct {
			Notice string
			Waits  bool
		}
	}
	if err := json.NewDecoder(strings.NewReader(out)).Decode(&all); err != nil || all.Limit != 7200 || len(all.Notices) != 1 || !all.Notices[0].Waits {
		t.Errorf("%v: %+v", err, all)
	}
}
