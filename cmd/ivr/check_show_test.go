package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mattn/go-runewidth"

	"hotline/internal/menu/check"
	"hotline/internal/source"
)

// TestCaretStandsUnderThePlace, also after Chinese characters and tabs.
func TestCaretStandsUnderThePlace(t *testing.T) {
	for line, place := range map[string]string{
		"a: x":              "x",
		"来电显示: {price: 6}":  "price",
		"\t\t说明: 请按键 wrong": "wrong",
		"\ufeffmenu: 1":     "menu",
		"键: 值\r":            "值",
	} {
		clean := strings.TrimPrefix(line, "\ufeff")
		before, _, _ := strings.Cut(clean, place)
		var out bytes.Buffer
		excerpt(&out, source.Pos{Line: 1, Col: len([]rune(before)) + 1}, []string{line})
		shown := strings.Split(out.String(), "\n")
		at := strings.Index(shown[0], place)
		if want := runewidth.StringWidth(shown[0][:at]); strings.Index(shown[1], "^") != want {
			t.Errorf("%q: the caret is not under %q:\n%s", line, place, out.String())
		}
	}
}

// TestCheckShowsTheCall: a violation comes with its transcript, a warning is none.
func TestCheckShowsTheCall(t *testing.T) {
	file := filepath.Join(t.TempDir(), "m.yaml")
	if err := os.WriteFile(file, []byte("nodes:\n  main: {type: menu}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	at := source.Pos{File: file, Line: 2, Col: 3}
	c := checked{findings: []check.Finding{
		{Problem: source.Problem{Pos: at, Message: "nobody speaks", Rule: "dead-air"}, Transcript: "> call\nnode main\n"},
		{Problem: source.Problem{Pos: at, Message: "many options", Rule: "max-options", Warning: true}},
	}}
	var out bytes.Buffer
	if err := c.show(&out, false); err != nil {
		t.Fatal(err)
	}
	line := "      main: {type: menu}\n      ^\n"
	want := file + ":2:3: nobody speaks [dead-air]\n" + line + "    a call that shows it:\n      > call\n      node main\n" +
		file + ":2:3: warning: many options [max-options]\n" + line
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	out.Reset()
	var back []check.Finding
	if err := c.show(&out, true); err != nil || json.Unmarshal(out.Bytes(), &back) != nil || len(back) != 2 || back[0] != c.findings[0] || !back[1].Warning {
		t.Errorf("%v: %s", err, out.String())
	}
}

// TestCheckListens: a table that stands in columns under Chinese names too, and JSON.
func TestCheckListens(t *testing.T) {
	out, err := runCommand(t, "check", "--prompts", "../../prompts", "--quick", "--listen", "../../menus/10086.yaml")
	if err != nil {
		t.Fatal(err, out)
	}
	width := 0
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "│") || strings.HasPrefix(line, "├") {
			if w := runewidth.StringWidth(line); width == 0 {
				width = w
			} else if w != width {
				t.Errorf("%d columns, not %d: %s", w, width, line)
			}
		}
	}
	for _, want := range []string{"│ 3011  │ 来电显示 开通", "│ #3011#", "58 functions; the furthest, 30386,"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	out, err = runCommand(t, "check", "--prompts", "../../prompts", "--quick", "--listen", "--json", "--language", "en", "../../menus/10086.yaml")
	var menus []struct {
		Menu, Language string
		Functions      []check.Reach
		Silent         float64 `json:"silent_seconds"`
	}
	if err != nil || json.Unmarshal([]byte(out), &menus) != nil || len(menus) != 1 {
		t.Fatal(err, out)
	}
	if m := menus[0]; m.Menu != "10086" || m.Language != "en" || len(m.Functions) != 58 || m.Silent < 60 || !strings.Contains(out, `"name":"For your current balance"`) {
		t.Errorf("%+v", m)
	}
}

func TestCheckKnowsWhatItIsAsked(t *testing.T) {
	_, err := runCommand(t, "check", "--prompts", "../../prompts", "--language", "fr", "../../menus")
	var usage usageError
	if !errors.As(err, &usage) || !strings.Contains(err.Error(), `no language "fr" (known: zh, en)`) {
		t.Error(err)
	}
	_, err = runCommand(t, "check", "--prompts", "../../prompts", "--audio", t.TempDir(), "../../menus")
	if err == nil || !strings.Contains(err.Error(), "make them with 'ivr prompts build'") {
		t.Error(err)
	}
}
