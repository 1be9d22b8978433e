package dialtest

import (
	"fmt"
	"strings"
	"testing"
)

func TestWordsAreReadAndSecretsAreNot(t *testing.T) {
	for _, c := range []struct{ text, shown, keys, problem string }{
		{"1 2 3", "1 2 3", "1 2 3", ""},
		{"#3014# 1", "#3014# 1", "#3014# 1", ""},
		{"1 2 secret:135791# \t8", "1 2 ••••••• 8", "1 2 135791# 8", ""},
		{"", "", "", ""},
		{"1 x2", "", "", `word 2, "x2": a telephone has the keys 0-9, *, # and A-D, not "x"`},
		{"1 secret:13579l#", "", "", "word 2, a secret: a telephone has the keys 0-9, *, # and A-D"},
		{"secret: 135791#", "", "", "word 1: no keys after secret:"},
	} {
		words, err := ParseKeys(c.text)
		if fmt.Sprint(err) != c.problem && (err != nil || c.problem != "") {
			t.Errorf("%q: %v, want %q", c.text, err, c.problem)
		}
		var keys []string
		for _, w := range words {
			keys = append(keys, w.keys)
		}
		if got := strings.Join(keys, " "); got != c.keys {
			t.Errorf("%q is typed as %q, want %q", c.text, got, c.keys)
		}
		for _, format := range []string{"%v", "%s", "%+v"} {
			if got := strings.Trim(fmt.Sprintf(format, words), "[]"); got != c.shown {
				t.Errorf("%q is shown as %q, want %q", c.text, got, c.shown)
			}
		}
		if got := fmt.Sprintf("%#v %q", words, words); strings.Contains(got, "135791") {
			t.Errorf("%q is shown as %s", c.text, got)
		}
	}
}
