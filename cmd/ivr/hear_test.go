package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hotline/internal/prompts"
	"hotline/internal/prompts/promptstest"
)

func TestPromptsHearWritesWhatIsSaid(t *testing.T) {
	promptstest.Need(t, "espeak-ng", "sox")
	texts, file := promptFolder(t, "a.one: 您的余额为\n"), filepath.Join(t.TempDir(), "said.wav")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("AUDIO", "")
	out, err := runCommand(t, "prompts", "hear", "--prompts", texts, "--wav", file, "a.one", "money(250)")
	if err != nil || !strings.HasPrefix(out, "a.one  您的余额为\nmoney(250)  两元五角\n"+file+": ") {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err = runCommand(t, "prompts", "hear", "--prompts", texts, "--wav", file, "--json", "a.one", "money(250)")
	var told heardHere
	if err := errors.Join(err, json.Unmarshal([]byte(out), &told)); err != nil || len(told.Said) != 2 || told.Said[1] != (heardRef{"money(250)", "两元五角"}) || told.MS < 1000 || told.WAV != file {
		t.Errorf("%v\n%s", err, out)
	}
	folder := filepath.Join(t.TempDir(), "a")
	if err := os.MkdirAll(filepath.Join(folder, "said.wav"), 0o755); err != nil { // what cannot be written over
		t.Fatal(err)
	}
	if _, err := runCommand(t, "prompts", "hear", "--prompts", texts, "--wav", filepath.Join(folder, "said.wav"), "a.one"); err == nil {
		t.Error("a folder was written over")
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
		t.Errorf("%v, %v are left behind", err, left)
	}
	info, err := os.Stat(file)
	if err != nil || info.Size() < 16000 { // a second of it
		t.Errorf("%v, %v", info, err)
	}
}

func TestPromptsHearRefusesWhatCannotBeSaid(t *testing.T) {
	texts := promptFolder(t, "a.one: 您好\n")
	for _, args := range [][]string{nil, {"money(6.50)"}, {"A"}} {
		var usage usageError
		if _, err := runCommand(t, append([]string{"prompts", "hear", "--prompts", texts}, args...)...); !errors.As(err, &usage) {
			t.Errorf("%v: %v is no usage error", args, err)
		}
	}
	for _, what := range []string{"a.two", "en:a.one"} {
		if _, err := runCommand(t, "prompts", "hear", "--prompts", texts, what); !errors.Is(err, prompts.ErrCannotSay) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := runCommand(t, "prompts", "hear", "--prompts", texts, "--audio", t.TempDir(), "a.one"); err == nil || !strings.Contains(err.Error(), "no manifest.json") {
		t.Errorf("an empty folder: %v", err)
	}
}
