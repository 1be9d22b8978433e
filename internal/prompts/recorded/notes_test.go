package recorded

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"hotline/internal/source"
)

// TestNotesAreReadAsTheyWereWritten, whatever the texts and hashes look like to YAML.
func TestNotesAreReadAsTheyWereWritten(t *testing.T) {
	at := time.Date(2026, 11, 20, 9, 0, 0, 0, time.FixedZone("", 8*3600))
	notes := map[string]Said{
		"main.welcome": {SHA256: strings.Repeat("12", 32), Text: "您好，欢迎致电10086。", At: at},
		"n.10000":      {SHA256: strings.Repeat("e0", 32), Text: "万", At: at},
		"a.odd":        {SHA256: strings.Repeat("ab", 32), Text: "# \"yes\": *1*\\\n\ttwo 😀 " + strings.Repeat("长", 200), At: at},
	}
	data, err := WriteNotes(notes)
	if err != nil {
		t.Fatal(err)
	}
	var ps source.Problems
	got := ReadNotes(fstest.MapFS{"recordings/zh/recorded.yaml": {Data: data}}, "zh", &ps)
	if len(ps) > 0 {
		t.Fatalf("%v\n%s", ps, data)
	}
	for id, want := range notes {
		said := got[id]
		if said.Pos.Line == 0 || said.SHA256 != want.SHA256 || said.Text != want.Text || !said.At.Equal(want.At) {
			t.Errorf("%s: got %+v, want %+v in\n%s", id, said, want, data)
		}
	}
	if again, err := WriteNotes(got); err != nil || string(again) != string(data) {
		t.Errorf("%v: written again it is\n%s\nand was\n%s", err, again, data)
	}
	if first := strings.Index(string(data), "a.odd"); first < 0 || first > strings.Index(string(data), "main.welcome") {
		t.Errorf("not sorted:\n%s", data)
	}
}

func TestNotesWithMistakesAreNamed(t *testing.T) {
	files := fstest.MapFS{"recordings/zh/recorded.yaml": {Data: []byte("a.one: {sha256: ab, text: 您好, at: today, by: me}\n")}}
	var ps source.Problems
	ReadNotes(files, "zh", &ps)
	for _, want := range []string{`recorded.yaml:1:35: "today" is no time`, `unknown key "by"`} {
		if !strings.Contains(ps.Error(), want) {
			t.Errorf("%q is not in\n%v", want, ps)
		}
	}
}
