package check

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"hotline/internal/prompts"
)

// TestGuidance changes the small menu as people do, and wants what is wrong with it
// named at its place, and nothing else.
func TestGuidance(t *testing.T) {
	text := read(t, "testdata/small.yaml")
	six := "      - {key: 5, say: verb.introduce, to: news}\n      - {key: 6, say: label.2, to: news2}\n"
	news2 := "  news2: {type: say, say: intro.ringback_tone}\n"
	for name, c := range map[string]struct {
		replace []string
		want    []string // "line:col rule" of each
	}{
		"as it is":          {nil, nil},
		"six options":       {[]string{"      - {key: 5, say: verb.introduce, to: news}\n", six, "  news:", news2 + "  news:"}, []string{"70:9 max-options"}},
		"six, one quiet":    {[]string{"      - {key: 5, say: verb.introduce, to: news}\n", strings.Replace(six, "{key: 6,", "{key: 6, quiet: true,", 1), "  news:", news2 + "  news:"}, nil},
		"six, with reason":  {[]string{"      - {key: 5, say: verb.introduce, to: news}\n", six, "  news:", news2 + "  news:", "    type: menu\n    options:\n      - {key: 1, say: label.101", "    type: menu\n    waive: {max-options: \"the operator's table\"}\n    options:\n      - {key: 1, say: label.101"}, nil},
		"waived for nobody": {[]string{"    handling: true\n", "    handling: true\n    waive: {max-options: \"once there were more\"}\n"}, []string{"72:3 waive"}},
		"no such rule":      {[]string{"    handling: true\n", "    handling: true\n    waive: {most-options: \"why not\"}\n"}, []string{"72:3 waive"}},
		"a gap":             {[]string{"{key: 2, say: label.206", "{key: 3, say: label.206"}, []string{"77:9 key-gap"}},
		"a deep menu": {[]string{"to: number}", "to: deeper}", "  month:", `  deeper: {type: menu, options: [{key: 1, say: label.1, to: deepest}]}
  deepest: {type: menu, options: [{key: 1, say: label.1, to: number}]}
  month:`}, []string{"79:3 depth"}},
		"a hint that begins with the key": {[]string{"    handling: true\n", "    handling: true\n    hint: [key.star, menu.back]\n"}, []string{"72:3 key-first"}},
		"a person sends callers":          {[]string{"  news:", "  sent: {type: say, say: intro.ringback_tone, then: further, waive: {unreachable: \"the desk sends callers\"}}\n  further: {type: say, say: intro.ringback_tone}\n  news:"}, nil},
		"a hint as it should be":          {[]string{"    handling: true\n", "    handling: true\n    hint: [menu.back, menu.press, key.star]\n"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			changed := strings.NewReplacer(c.replace...).Replace(text)
			tr, catalog := small(t)
			if len(c.replace) > 0 {
				if changed == text {
					t.Fatal("nothing has been changed")
				}
				tr = load(t, catalog, changed)
			}
			r := Check(tr, catalog, Options{Quick: true})
			var found []string
			for _, f := range append(r.Findings, r.Texts...) {
				if !f.Warning {
					t.Errorf("no warning: %v", f)
				}
				found = append(found, strings.SplitN(strings.TrimPrefix(f.Pos.String(), f.Pos.File+":"), " ", 2)[0]+" "+f.Rule)
			}
			if !slices.Equal(found, c.want) {
				t.Errorf("found %q, want %q: %v", found, c.want, r.Findings)
			}
		})
	}
}

// texts gives the shipped texts, changed.
func texts(t *testing.T, replace ...string) *prompts.Catalog {
	t.Helper()
	data, err := os.ReadFile("../../../prompts/zh.yaml")
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.NewReplacer(replace...).Replace(string(data))
	if changed == string(data) {
		t.Fatal("nothing has been changed")
	}
	c, err := prompts.Load(fstest.MapFS{"zh.yaml": {Data: []byte(changed)}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestCausesSoundDifferent: other prompts, but the same words.
func TestCausesSoundDifferent(t *testing.T) {
	tr, c := small(t)
	invalid := c.Text("zh", tr.Phrases.Invalid[0])
	silent := c.Text("zh", tr.Phrases.NoInput[0])
	said := strings.ReplaceAll(invalid, "，", "、") // punctuation is not heard
	r := Check(tr, texts(t, "err.no_input: "+silent, "err.no_input: "+said), Options{Quick: true})
	if len(r.Texts) != 1 || r.Texts[0].Rule != "same-text" || r.Texts[0].Warning || !strings.Contains(r.Texts[0].Message, `"invalid"`) || r.Texts[0].Pos.File != "zh.yaml" {
		t.Errorf("%+v", r.Texts)
	}
	// A further attempt may use the same words as the first.
	again := c.Text("zh", tr.Phrases.NoInput[1])
	if r := Check(tr, texts(t, "err.no_input_again: "+again, "err.no_input_again: "+silent), Options{Quick: true}); len(r.Texts) != 0 {
		t.Errorf("%+v", r.Texts)
	}
}

// TestFunctionBeforeKey reads texts, in both languages.
func TestFunctionBeforeKey(t *testing.T) {
	for text, bad := range map[string]bool{
		"请按1查询话费。": true, "欢迎您。请您按 2 办理业务": true, "按星号键返回": true, "请按九号键取消": true,
		"查询话费，请按 1。": false, "请按": false, "以井号键结束。末位字母请按星号键。": false, "请输入四位月份": false,
	} {
		if keyBeforeFunction["zh"].MatchString(text) != bad {
			t.Errorf("%q: %v", text, !bad)
		}
	}
	for text, bad := range map[string]bool{
		"Press 1 for your balance.": true, "Welcome. Please press two to pay.": true, "Press the star key": false,
		"For your balance, press 1.": false, "If it ends in a letter, press star for the letter.": false,
	} {
		if keyBeforeFunction["en"].MatchString(text) != bad {
			t.Errorf("%q: %v", text, !bad)
		}
	}
}

// TestMissingWords: a language that cannot say what a call comes to.
func TestMissingWords(t *testing.T) {
	tr, _ := small(t)
	r := Check(tr, texts(t, "\nsurvey.thanks:", "\nsurvey.thank:"), Options{Quick: true})
	i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.Rule == "missing-prompt" })
	if i < 0 || r.Findings[i].Pos != tr.Nodes["rate"].Pos || !strings.HasSuffix(r.Findings[i].Transcript, "play survey.thanks\n") {
		t.Errorf("%+v", r.Findings)
	}
}
