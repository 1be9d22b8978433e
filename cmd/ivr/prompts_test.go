package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hotline/internal/prompts/promptstest"
)

// ivr runs the command line and gives what it printed.
func runCommand(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	root := rootCommand()
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&out)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

func promptFolder(t *testing.T, yaml string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "zh.yaml"), []byte(yaml), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestPromptsBuildTellsWhatItSpoke(t *testing.T) {
	promptstest.Need(t, "espeak-ng", "sox")
	texts, audio, cache := promptFolder(t, "a.one: 您好\n"), t.TempDir(), t.TempDir()
	build := []string{"prompts", "build", "--prompts", texts, "--audio", audio, "--cache", cache}
	out, err := runCommand(t, build...)
	if err != nil || !strings.Contains(out, "zh/a.one") || !strings.Contains(out, "27 prompts (zh 27; 0 recorded, 27 by the voice) in "+audio+": 27 made now, 0 from the cache") {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err = runCommand(t, append(build, "--json")...)
	var told struct {
		Audio   string
		Prompts []struct {
			ID     string
			MS     int
			Cached bool
		}
	}
	if err := errors.Join(err, json.Unmarshal([]byte(out), &told)); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if p := told.Prompts; told.Audio != audio || len(p) != 27 || p[0].ID != "a.one" || p[0].MS < 200 || !p[0].Cached {
		t.Errorf("got %s", out)
	}
	dir := filepath.Join(texts, "recordings", "zh")
	note := "a.one: {sha256: x, text: 你早, at: \"2026-11-20T09:00:00+08:00\"}\n"
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "a.one.wav"), []byte("of an earlier text"), 0o644),
		os.WriteFile(filepath.Join(dir, "recorded.yaml"), []byte(note), 0o644)); err != nil {
		t.Fatal(err)
	}
	out, err = runCommand(t, build...)
	if want := filepath.Join(dir, "a.one.wav") + ":1:1: warning: prompt "; err != nil || !strings.Contains("\n"+out, "\n"+want) {
		t.Errorf("%v, no line begins with %q in\n%s", err, want, out)
	}
}

// A codec that there is not is a mistake of whoever gives the command, before anything is made,
// and also where nothing would have to be made.
func TestCodecsThatThereAreNotAreRefused(t *testing.T) {
	t.Setenv("CODEC", "opus")
	for _, args := range [][]string{{"prompts", "build", "--audio", t.TempDir()}, {"publish"}} {
		var usage usageError
		_, err := runCommand(t, args...)
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), `is none of alaw, ulaw and sln16: "opus"`) {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func TestPromptsListNamesPlaces(t *testing.T) {
	texts := promptFolder(t, "a.one: 您好\na.two: {text: 再见, note: warmly}\n")
	out, err := runCommand(t, "prompts", "list", "--prompts", texts)
	if err != nil || !strings.Contains(out, "│ zh/a.two") || !strings.Contains(out, "warmly") || !strings.Contains(out, filepath.Join(texts, "zh.yaml:2")) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestPromptsRefusesMistakes(t *testing.T) {
	bad := promptFolder(t, "a.one: 10086\n")
	_, err := runCommand(t, "prompts", "list", "--prompts", bad)
	if want := filepath.Join(bad, "zh.yaml:1:8: expected a text, found 10086"); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	t.Setenv("AUDIO", "")
	for _, args := range [][]string{{"prompts", "bild"}, {"prompts", "build"}, {"prompts", "list", "zh"}, {"prompts", "list", "--colour"}} {
		var usage usageError
		if _, err := runCommand(t, args...); !errors.As(err, &usage) {
			t.Errorf("%v: %v is no usage error", args, err)
		}
	}
}
