package source

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestEveryProblemIsReportedAtItsPlace(t *testing.T) {
	const text = `name: 10086
wait: 5 minutes
wait: 5s
colour: red
keys: [1, two, true]
`
	var ps Problems
	root, ok := Parse("m.yaml", []byte(text), &ps)
	if !ok {
		t.Fatal(ps)
	}
	root.Object(map[string]Field{
		"name":  {Read: func(n Node) { n.Text() }},
		"wait":  {Read: func(n Node) { n.Duration(0, time.Minute) }},
		"keys":  {Read: func(n Node) { n.List(func(n Node) { n.Scalar() }) }},
		"start": {Required: true},
	})
	want := `m.yaml:1:1: key "start" is missing [missing-key]
m.yaml:1:7: expected a text, found 10086 (write it in quotes: "10086") [type]
m.yaml:2:7: expected a time from 0s to 1m0s such as 5s or 1500ms, found the text "5 minutes" [type]
m.yaml:3:1: key "wait" stands twice (first on line 2) [duplicate-key]
m.yaml:4:1: unknown key "colour" (known: keys, name, start, wait) [unknown-key]
m.yaml:5:16: expected a text or a number, found true (write it in quotes: "true") [type]`
	if got := ps.Err().Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestWhatIsNotYAMLIsAProblemWithItsLine(t *testing.T) {
	for text, want := range map[string]string{
		"":                "m.yaml:1:1: the file is empty [yaml]",
		"a: b\n c: d\n":   "m.yaml:2:2: not YAML: a ': ' inside of a text (write the text in quotes), or a line that is indented further than the one before (mapping values are not allowed in this context) [yaml]",
		"a: 1\n---\nb: 2": "m.yaml:2:1: a second document in the file; it holds only one (remove the '---') [yaml]",
		"a: *\n":          "m.yaml:1:4: an unquoted * is a reference to another place in YAML (an alias); write it in quotes: \"*\" [yaml-alias]",
	} {
		var ps Problems
		Parse("m.yaml", []byte(text), &ps)
		if got := ps.Err(); got == nil || got.Error() != want {
			t.Errorf("%q: got %v, want %s", text, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"a: [1, {b: c}]", "a: {key: #, b: *c}\n\td: &e f\n", "a: |\n  *\nb: 'c''d\n e'\n", "{a: b: c}\n---\n", "<<: *a\n? !!x [y]\n: z"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var ps Problems
		root, ok := Parse("f", []byte(text), &ps)
		if !ok {
			if len(ps) == 0 {
				t.Fatal("nothing read and nothing said")
			}
			return
		}
		root.Object(map[string]Field{"a": {Read: func(n Node) { n.List(func(n Node) { n.Text(); n.Int(0, 9) }) }}})
		_ = ps.Err()
		for _, p := range ps {
			if lines := strings.Count(text, "\n") + strings.Count(text, "\r") + strings.Count(text, "\u0085") + strings.Count(text, "\u2028") + strings.Count(text, "\u2029") + 1; p.Pos.Line < 1 || p.Pos.Line > lines || p.Pos.Col < 1 {
				t.Fatalf("%v is outside of the file", p)
			}
		}
	})
}

func TestNumbersAreReadAsTheyLook(t *testing.T) {
	var ps Problems
	root, ok := Parse("m.yaml", []byte("[15, -36.5, 0.3, 1e1, 010, 16, \"3\", .inf, x, [1]]"), &ps)
	if !ok {
		t.Fatal(ps)
	}
	var got []float64
	root.List(func(n Node) { got = append(got, n.Number(-40, 15)) })
	if want := []float64{15, -36.5, 0.3, 10, -40, -40, -40, -40, -40, -40}; !slices.Equal(got, want) || len(ps) != 6 {
		t.Errorf("got %v and\n%v", got, ps)
	}
}

// Whoever sends a file chooses its name: none gives orders to a terminal, or makes a line of its own.
func TestANameIsOneLine(t *testing.T) {
	for file, want := range map[string]string{
		"prompts/zh.yaml":     "prompts/zh.yaml:1:2",
		"zh/你好 \"a\".wav":     "zh/你好 \"a\".wav:1:2",
		"zh/a\nb\x1b[31m.wav": `"zh/a\nb\x1b[31m.wav":1:2`,
		"zh/\xff.wav":         `"zh/\xff.wav":1:2`,
	} {
		if got := (Pos{file, 1, 2}).String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
