package proof

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"gopkg.in/yaml.v3"

	"hotline/internal/prompts"
	"hotline/internal/prompts/promptstest"
	"hotline/internal/prompts/recorded"
	"hotline/internal/source"
)

func TestSyllablesOfEnglishWords(t *testing.T) {
	for word, want := range map[string]int{
		"a": 1, "the": 1, "code": 1, "called": 1, "pressed": 1, "needed": 2, "waited": 2, "agreed": 2, "table": 2, "whole": 1, "service": 2, "services": 3,
		"minutes": 2, "messages": 3, "calls": 1, "times": 1, "value": 2, "queue": 1, "free": 1, "please": 1, "balance": 2, "number": 2,
		"identity": 4, "password": 2, "month's": 1, "business": 3, "you": 1, "hrs": 1, "IDENTITY": 4, "eighty": 2, "system": 2,
	} {
		if got := syllables(word); got != want {
			t.Errorf("%q has %d syllables, counted %d", word, want, got)
		}
	}
}

func TestClausesAreCounted(t *testing.T) {
	en := clauses{ends: ",:"}
	for _, w := range []string{"if", "which", "so that"} {
		en.joins = append(en.joins, finder(w))
	}
	zh := clauses{ends: "，："}
	for _, c := range []struct {
		of       clauses
		sentence string
		want     int
	}{
		{zh, "请按一", 1}, {zh, "对不起，请按一", 2}, {zh, "话费、优惠，请按一", 2}, {zh, "，……，", 0}, {zh, "您好：请按一，", 2},
		{en, "Press one", 1}, {en, "If you agree, press one", 2}, {en, "Press one if you agree", 2}, {en, "Gifts which you get, if you like, so that I see", 4},
	} {
		if got := c.of.in(c.sentence); got != c.want {
			t.Errorf("%q has %d clauses, counted %d", c.sentence, c.want, got)
		}
	}
}

// score reads the score out of a finding: least is so high that there is one.
func score(t *testing.T, lang, formula, text string) string {
	t.Helper()
	files := fstest.MapFS{lang + ".yaml": {Data: []byte("a.one: " + text)}, "style/" + lang + ".yaml": {Data: []byte(formula)}}
	ps := looked(t, files)
	if len(ps) != 1 || ps[0].Rule != ruleEase {
		t.Fatal(ps)
	}
	_, found, _ := strings.Cut(ps[0].Message, "readability ")
	number, _, _ := strings.Cut(found, ",")
	return number
}

// Flesch's own formula, by hand: 12 words in 2 sentences with 15 syllables.
func TestReadabilityIsItsFormula(t *testing.T) {
	const flesch = "readability: {base: 206.835, words_per_sentence: 1.015, syllables_per_word: 84.6, least: 1000, from: 12}"
	if got, want := score(t, "en", flesch, "We cannot find your number now. Please try again in an hour."), "95"; got != want { // 206.835 - 1.015*6 - 84.6*15/12 = 94.995
		t.Errorf("got %s", got)
	}
	const spoken = "sentence: {longest: 99, counted: characters}\nclauses: {most: 9, ends: ，}\njargon: {资费: 价格}\n" +
		"readability: {base: 120, characters_per_clause: 4, clauses_per_sentence: 8, jargon_percent: 0.5, least: 1000, from: 10}"
	files := fstest.MapFS{"zh.yaml": {Data: []byte("a.one: {text: 对不起，没有资费。请稍候！, waive: {jargon: 试}}")}, "style/zh.yaml": {Data: []byte(spoken)}}
	// 10 characters, 3 clauses, 2 sentences, 2 characters of jargon: 120 - 4*10/3 - 8*3/2 - 0.5*20 = 84.67
	if got := looked(t, files).Error(); !strings.Contains(got, "readability 85, at least 1000") {
		t.Error(got)
	}
	files["zh.yaml"].Data = []byte("a.one: 对不起，没有了。请稍。")
	if got := looked(t, files); len(got) > 0 {
		t.Errorf("a text of 9 characters is scored: %v", got)
	}
}

// What the data says of the voice holds on the synthesiser itself: in each word where its
// reading is said to be right it reads so, and each word said to be misread is.
func TestTheVoiceReadsAsTheDataSays(t *testing.T) {
	promptstest.Need(t, "espeak-ng")
	data, err := os.ReadFile("../../../prompts/style/zh.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var style struct {
		Speech struct {
			Polyphones map[string]struct {
				Read  string
				Right []string
			}
			Misread map[string]string
		}
	}
	if err := yaml.Unmarshal(data, &style); err != nil {
		t.Fatal(err)
	}
	var left, right, misread, reading []string
	for char, p := range style.Speech.Polyphones {
		for _, w := range p.Right {
			left, right = append(left, w), append(right, strings.ReplaceAll(w, char, " "+strings.ReplaceAll(p.Read, "ü", "v")+" "))
		}
	}
	for w, is := range style.Speech.Misread {
		misread, reading = append(misread, w), append(reading, is)
	}
	if len(left) < 60 || len(misread) < 40 {
		t.Fatal("the data has not been read")
	}
	heard, meant := pronounced(t, left), pronounced(t, right)
	for i, w := range left {
		if heard[i] != meant[i] {
			t.Errorf("the voice reads %q as %s, the data says %s", w, heard[i], meant[i])
		}
	}
	heard, meant = pronounced(t, misread), pronounced(t, reading)
	for i, w := range misread {
		if heard[i] == meant[i] {
			t.Errorf("the voice reads %q right, as %s", w, reading[i])
		}
	}
}

// pronounced gives the phonemes of each text, without what separates them.
func pronounced(t *testing.T, texts []string) []string {
	t.Helper()
	cmd := exec.Command("espeak-ng", "-v", "cmn-latn-pinyin", "-q", "-x", "-b", "1", "--stdin")
	cmd.Stdin = strings.NewReader(strings.Join(texts, "。\n\n") + "。\n")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(out)) {
		if line = strings.NewReplacer(" ", "", "_", "", "|", "", "\n", "").Replace(line); line != "" {
			all = append(all, line)
		}
	}
	if len(all) != len(texts) {
		t.Fatalf("%d texts, %d of them spoken", len(texts), len(all))
	}
	return all
}

// The shipped file names every rule, and what this program holds to without it.
func TestRulesAreAllInTheShippedFile(t *testing.T) {
	data, err := os.ReadFile("../../../prompts/style/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]map[string]any
	if err := yaml.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	for _, d := range definitions() {
		r := file[d.name]
		if r["severity"] != string(d.severity) {
			t.Errorf("%s is a %v in rules.yaml, a %s without", d.name, r["severity"], d.severity)
		}
		for _, l := range d.limits {
			v, whole := r[l.name].(int)
			if f, ok := r[l.name].(float64); ok && f == l.standard || whole && float64(v) == l.standard {
				continue
			}
			t.Errorf("%s of %s is %v in rules.yaml, %v without", l.name, d.name, r[l.name], l.standard)
		}
		for _, l := range d.lists {
			if _, there := r[l.name].([]any); !there {
				t.Errorf("rules.yaml does not show %s of %s", l.name, d.name)
			}
		}
	}
}

func TestMistakesInRulesAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		"jargonn: {severity: off}":                         `style/rules.yaml:1:1: unknown key "jargonn" (did you mean "jargon"?)`,
		"jargon: {severity: bad}":                          `style/rules.yaml:1:20: expected one of problem, warning, off; found the text "bad"`,
		"jargon: {}":                                       `style/rules.yaml:1:9: key "severity" is missing`,
		"jargon: {severity: off, seconds: 3}":              `style/rules.yaml:1:25: unknown key "seconds"`,
		"too-long: {severity: off, seconds: 0}":            `style/rules.yaml:1:36: expected a number from 1 to 600, found 0`,
		"too-long: {severity: off, seconds: many}":         `expected a number from 1 to 600, found the text "many"`,
		"too-long: {severity: off, seconds: .nan}":         `expected a number from 1 to 600, found .nan`,
		"unused: {severity: off, used_elsewhere: notices}": `expected a list, found the text "notices"`,
	} {
		var ps source.Problems
		if _, err := Load(fstest.MapFS{"style/rules.yaml": {Data: []byte(text)}}); !errors.As(err, &ps) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
	for text, want := range map[string]string{
		"readability: {base: 1, least: 1, from: 1, letters: 2}": `unknown key "letters"`,
		"speech: {pauses: ，}":                                   `key "shortest_code" is missing`,
		"speech: {pauses: ，, shortest_code: 3, polyphones: {重: {read: zhong4, right: [您好]}}}": `"您好" has no 重 in it [polyphone]`,
		"clauses: {most: 0, ends: ，}": `expected a whole number from 1 to 100, found 0`,
		"speech: {pauses: ，, shortest_code: 3, signs: {\"%\": 1}, abbreviations: {x: }, spelled: [~], misread: [a]}": `expected a text, found 1`,
	} {
		if _, err := Load(fstest.MapFS{"style/zh.yaml": {Data: []byte(text)}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// Without any rules of its own, a folder is held to what needs no words of a language.
func TestAFolderWithoutRules(t *testing.T) {
	files := fstest.MapFS{"zh.yaml": {Data: []byte("a.one: {text: 您好SMS喂, waive: {long: x}}\na.two: 您好SMS喂\n")}, "en.yaml": {Data: []byte("a.one: Hello.\n")}}
	got := looked(t, files).Error()
	if want := `zh.yaml:1:1: prompt "a.one" waives "long", which is no rule (known: `; !strings.HasPrefix(got, want) ||
		!strings.Contains(got, "[missing-text]\nzh.yaml:2:1: warning: ") && !strings.Contains(got, "[same-text]") || strings.Count(got, "\n") != 2 {
		t.Error(got)
	}
}

func TestRecordingsAreListed(t *testing.T) {
	files := fstest.MapFS{
		"zh.yaml":          {Data: []byte("a.one: 您好\na.two: {text: 再见, waive: {missing-recording: 只在测试里}}\na.three: 请稍候\n")},
		"en.yaml":          {Data: []byte("a.one: Hello.\na.two: Bye.\na.three: Wait.\n")},
		"style/rules.yaml": {Data: []byte("missing-recording: {severity: problem, languages: [zh, fr]}\nstray-recording: {severity: off}\ntwo-recordings: {severity: warning}\n")},
		// a.one has two, of which one counts; b.one is no prompt
		"recordings/zh/a.one.mp3": {}, "recordings/zh/a.one.wav": {}, "recordings/zh/b.one.wav": {}, "recordings/zh/n.1.txt": {},
		"recordings/zh/recorded.yaml": {Data: []byte("a.one: {sha256: \"12\", text: 您好, at: \"2026-11-20T09:00:00+08:00\"}\n")},
	}
	ps := looked(t, files)
	if len(ps) != 1+1+1+1+parts(t, files) {
		t.Fatal(ps)
	}
	got := ps.Error()
	for _, want := range []string{
		`zh.yaml:3:1: prompt "a.three": has no recording in recordings/zh: 'ivr prompts studio' lists what to record [missing-recording]`,
		`recordings/zh:1:1: prompt "n.1": has no recording`,
		`recordings/zh/a.one.wav:1:1: warning: prompt "a.one" has another recording, recordings/zh/a.one.mp3; delete one [two-recordings]`,
		`recordings/zh/n.1.txt:1:1: the extension is none of`,
		`style/rules.yaml:1:1: language "fr" is to be recorded wholly and has no texts`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in\n%s", want, got)
		}
	}
	rules, err := Load(files)
	if err != nil {
		t.Fatal(err)
	}
	rec := recorded.Recording{File: "recordings/zh/a.one.mp3", Note: recorded.Said{SHA256: "12", Text: "您好"}}
	if ps := rules.Replaced(rec, prompts.Entry{ID: "a.one"}, "12"); len(ps) > 0 {
		t.Error(ps)
	}
	if ps := rules.Replaced(rec, prompts.Entry{ID: "a.one"}, "34"); len(ps) != 1 || ps[0].Rule != ruleUnnoted || ps[0].Pos != rec.Pos() {
		t.Error(ps)
	}
	if ps := rules.Refused("too-large", "it has 60 MB", rec); len(ps) != 1 || ps[0].Rule != "too-large" || ps[0].Warning || !strings.Contains(ps[0].Message, "60 MB") {
		t.Error(ps)
	}
}

// parts counts what spoken numbers of zh are recorded of.
func parts(t *testing.T, files fstest.MapFS) (n int) {
	t.Helper()
	texts, err := prompts.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range texts.Entries("zh") {
		if e.Pos.File == "" && e.Silence == 0 {
			n++
		}
	}
	return n
}

func TestWhatOthersFindIsWeighed(t *testing.T) {
	rules, err := Load(fstest.MapFS{"style/rules.yaml": {Data: []byte("empty: {severity: off}\nsilence: {severity: warning}\n")}})
	if err != nil {
		t.Fatal(err)
	}
	found := source.Problems{{Rule: "empty"}, {Rule: "silence"}, {Rule: "unreadable", Warning: true}, {Rule: "type"}, {Rule: "key-gap", Warning: true}}
	want := source.Problems{{Rule: "silence", Warning: true}, {Rule: "unreadable"}, {Rule: "type"}, {Rule: "key-gap", Warning: true}}
	if got := rules.Weigh(found); !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
}

// Who has recorded everything has one voice.
func TestAWhollyRecordedLanguageHasOneVoice(t *testing.T) {
	files := fstest.MapFS{"zh.yaml": {Data: []byte("a.one: 您好\n")}, "style/rules.yaml": {Data: []byte("unnoted-recording: {severity: off}\n")}}
	texts, err := prompts.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range texts.Entries("zh") {
		if e.Silence == 0 {
			files["recordings/zh/"+e.ID+".wav"] = &fstest.MapFile{}
		}
	}
	if ps := looked(t, files); len(ps) > 0 {
		t.Error(ps)
	}
}
