package source

import (
	"fmt"
	"strings"
	"testing"
)

// TestPlacesWithinATexts: a character of a value is found where an editor shows it.
func TestPlacesWithinATexts(t *testing.T) {
	for text, want := range map[string]string{
		"a: 你好X":                         "1:6",
		"a: '你好X'":                       "1:7",
		"a: {b: \"nnX\"}":                "1:11",
		"a: |\n  one\n   twoX\n":         "3:7",
		"a:\n  b: |\n\n    one\n    X\n": "5:5",
		"a: \"\\tX\"":                    "1:4", // escaped: the file does not have the text
		"a: >\n  one\n  X\n":             "1:4",
	} {
		var ps Problems
		root, ok := Parse("m", []byte(text), &ps)
		if !ok {
			t.Fatal(ps)
		}
		var find func(Node)
		find = func(n Node) {
			if n.IsObject() {
				n.Entries(func(_, v Node) { find(v) })
				return
			}
			at := strings.Index(n.y.Value, "X")
			n.ReportAt(len([]rune(n.y.Value[:at])), "x", "here")
		}
		find(root)
		if got := fmt.Sprintf("%d:%d", ps[0].Pos.Line, ps[0].Pos.Col); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
