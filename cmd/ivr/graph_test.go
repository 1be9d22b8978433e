package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestGraphFormats: the format follows the file's name, and texts the language.
func TestGraphFormats(t *testing.T) {
	base := []string{"graph", "--prompts", "../../prompts", "../../menus/10086.yaml"}
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"default":  {nil, "flowchart LR\n"},
		"asked":    {[]string{"--format", "dot"}, "digraph \"10086\" {\n"},
		"texts":    {[]string{"--format", "dot"}, "101 查询当前话费余额"},
		"ids":      {[]string{"--ids"}, "</b> label.101"},
		"language": {[]string{"--language", "zh", "--format", "svg"}, "<svg "},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := runCommand(t, append(base, c.args...)...)
			if err != nil || !strings.Contains(out, c.want) {
				t.Errorf("%v, want %q in\n%.400s", err, c.want, out)
			}
		})
	}
	for file, want := range map[string]string{"m.svg": "<svg ", "m.dot": "digraph ", "m.gv": "digraph ", "m.mmd": "---\ntitle: "} {
		path := filepath.Join(t.TempDir(), file)
		out, err := runCommand(t, append(base, "-o", path)...)
		data, readErr := os.ReadFile(path)
		if err != nil || readErr != nil || out != "" || !strings.HasPrefix(string(data), want) {
			t.Errorf("%s: %v %v, prints %q, holds %.80q", file, err, readErr, out, data)
		}
	}
}

func TestGraphUsage(t *testing.T) {
	for _, args := range [][]string{
		{}, {"a", "b"}, {"../../menus/10086.yaml", "--format", "png"}, {"../../menus/10086.yaml", "--language", "tlh"},
	} {
		_, err := runCommand(t, append([]string{"graph", "--prompts", "../../prompts"}, args...)...)
		var usage usageError
		if !errors.As(err, &usage) {
			t.Errorf("%q: %v, want a usage error", args, err)
		}
	}
	_, err := runCommand(t, "graph", "--prompts", "../../prompts", "../../menus/10086.yaml", "-o", "/nowhere/m.svg")
	if err == nil || !strings.Contains(err.Error(), "/nowhere/m.svg") {
		t.Errorf("%v, want the file that cannot be written", err)
	}
}
