package source

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestTraps: what YAML reads otherwise than people mean is named at its place, and
// what only looks like it is not.
func TestTraps(t *testing.T) {
	for text, want := range map[string]string{
		"#: repeat\na: 1":                              "1:1 yaml-hash",
		"a: {#: x, b: 1}":                              "1:5 yaml-hash",
		"a:\n  - {key: #, say: 说}\n":                   "2:11 yaml-hash",
		"a: [\"#\", #]\n":                              "1:10 yaml-hash",
		"a: {b: '说', c: *, d: \"*\"}":                  "1:16 yaml-alias",
		"**: main\n*: back\n":                          "1:1 yaml-alias, 2:1 yaml-alias",
		"a: b\n\tc: d\n":                               "2:1 yaml-tab",
		"a: @b\nc: `d`\n":                              "1:4 yaml-sign, 2:4 yaml-sign",
		"a: &b c\n":                                    "1:4 yaml-anchor",
		"a: {b: c\nd: e\n":                             "1:4 yaml",
		"a: {b: 他说: 是}\n":                              "1:10 yaml",
		"a: [x, {b: {c: 1} d: 2}]\n":                   "1:20 yaml",
		"a: \"b\n":                                     "1:4 yaml",
		"a: \"b\nc: [\"d\"]\n":                         "1:4 yaml",
		"a: b\nc: 请按 #键\n":                             "2:7 yaml-hash",
		"a: b\nc: 请按 # 键\n":                            "",
		"a: b\nc：d\n":                                  "2:2 yaml-wide",
		"a: b\nc:　d\n":                                 "2:3 yaml-wide",
		"a:\n  b:\n　　c: 2\n    d: 3\n":                 "3:1 yaml-wide",
		"a:\n  - {b: 1，c: 2}\n":                        "2:10 yaml-wide",
		"a: 您好：请说，「是」\n":                               "",
		"a: 您好: 请说\n":                                  "1:6 yaml",
		"a:\n  b: [1]\n    c: 2\n  d: 3\n":             "3:5 yaml",
		"a:\n  - {b: 1}\n  -{b: 2}\n":                  "3:3 yaml",
		"a:\n  - {b: 1}\n  - {b: 2}\n  c: 3\nd: 4\n":   "4:3 yaml",
		"a:\n- b\n- c\nd: 4\n":                         "",
		"a: %b\n":                                      "1:4 yaml-sign",
		"a: b\nc: d\x00\n":                             "2:5 yaml",
		"a: b\nc: \xce\xd2\n":                          "2:4 yaml",
		"\xff\xfea\x00":                                "1:1 yaml",
		"a: {b: 'it''s', c: [x]} # : no key\n":         "",
		"a: # nothing but a comment\n  b: 1\n":         "",
		"a: {b: 1, # one\n  c: 2} # , two\n":           "",
		"# : a\n#a: b\n# *: c\na: 你 * 我,#1 [*] &\n":    "",
		"a: |\n  *: x\n  #: y\n  \tz\nb: \"\\\"#: *\"": "",
		"a: >-\n  {key: #, x}\n\n  *\nb: 2":            "",
		"a: 你好[1]: x\n":                                "1:1 yaml",
		"\"*\": back\n'#': repeat\n- ":                 "3:1 yaml",
		"a: \"*\"\nb: it's, {*} and [#]\n":             "",
		"on: 1\nyes: no\noff: on\n":                    "",
	} {
		var ps Problems
		Parse("m", []byte(text), &ps)
		ps.Sort()
		var got []string
		for _, p := range ps {
			got = append(got, fmt.Sprintf("%d:%d %s", p.Pos.Line, p.Pos.Col, p.Rule))
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%q: got %q, want %q\n%v", text, got, want, ps)
		}
	}
}

// TestKeysThatOtherYAMLsMakeBooleans: on and yes are keys like any other.
func TestKeysThatOtherYAMLsMakeBooleans(t *testing.T) {
	var ps Problems
	root, ok := Parse("m", []byte("on: brand\nno: x\n中文: y\n"), &ps)
	if !ok {
		t.Fatal(ps)
	}
	read := map[string]string{}
	root.Entries(func(k, v Node) { read[k.Scalar()] = v.Text() })
	if want := map[string]string{"on": "brand", "no": "x", "中文": "y"}; !maps.Equal(read, want) || len(ps) > 0 {
		t.Errorf("%v, %v", read, ps)
	}
}

func TestNumbersThatAreNotWhatTheyLookLike(t *testing.T) {
	for written, is := range map[string]bool{"0": true, "7": true, "-3": true, "010": false, "0x10": false, "0b1": false, "1_000": false, "0o17": false, "00": false} {
		var ps Problems
		root, _ := Parse("m", []byte("a: "+written), &ps)
		root.Object(map[string]Field{"a": {Read: func(n Node) { n.Int(-9, 9999) }}})
		if (len(ps) == 0) != is {
			t.Errorf("%s: %v", written, ps)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"options", "menu", "main", "3011", "来电显示"}
	for written, want := range map[string]string{
		"optoins": "options", "optn": "", "mneu": "menu", "again": "", "main.": "main", "3012": "3011", "来电提示": "来电显示", "a": "", "": "",
	} {
		if got := Nearest(written, slices.Values(known)); got != want {
			t.Errorf("%q: %q, want %q", written, got, want)
		}
	}
}

// TestWarningsAreNoError: only they, and nothing is wrong; with others, all are told.
func TestWarningsAreNoError(t *testing.T) {
	ps := Problems{{Pos: Pos{"m", 2, 1}, Message: "so so", Rule: "gap", Warning: true}}
	if err := ps.Err(); err != nil {
		t.Error(err)
	}
	ps = append(ps, Problem{Pos: Pos{"m", 1, 1}, Message: "bad", Rule: "type"})
	if got, want := ps.Err().Error(), "m:1:1: bad [type]\nm:2:1: warning: so so [gap]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestOneSlipIsSaidOnce: a key that is almost the missing one is it.
func TestOneSlipIsSaidOnce(t *testing.T) {
	for text, want := range map[string]string{
		"{name: x, strat: y}": `m:1:11: unknown key "strat" (did you mean "start"?) (known: name, start) [unknown-key]`,
		"{name: x, start:y}":  `m:1:11: unknown key "start:y": a blank is missing behind the ':' of "start" [unknown-key]`,
		"{name: x, start：y}":  `m:1:11: unknown key "start：y" (： is a full-width sign, a letter like any other to YAML; write :) [unknown-key]`,
		"{name: ２, start: y}": `m:1:8: expected one of 1, 2; found the text "２" (２ is a full-width sign, a letter like any other to YAML; write 2) [type]`,
	} {
		var ps Problems
		root, _ := Parse("m", []byte(text), &ps)
		root.Object(map[string]Field{"name": {Read: func(n Node) {
			if !n.Is("x") {
				n.OneOf("1", "2")
			}
		}, Required: true}, "start": {Read: func(n Node) { n.Text() }, Required: true}})
		if got := ps.Err(); got == nil || got.Error() != want {
			t.Errorf("%s: got\n%v, want\n%s", text, got, want)
		}
	}
}
