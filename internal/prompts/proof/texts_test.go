package proof

import (
	"errors"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"hotline/internal/prompts"
	"hotline/internal/source"
)

const zhRules = `sentence: {longest: 10, counted: characters}
address: {你: 您}
forbidden: {喂: 您好, 不知道: 请您稍候}
causes: [err, order]
`

const enRules = `sentence: {longest: 5, counted: words}
forbidden: {hey: hello, you must: please, we don't know: one moment}
causes: [err]
`

func TestTextsThatAreNotGoodToHearAreNamedAtTheirPlace(t *testing.T) {
	for name, c := range map[string]struct{ zh, en, want string }{
		"forbidden": {
			zh:   "a.one: 您好\na.two: {text: 喂，您不知道吗？, note: x}\n",
			en:   "b.one: They must hear you.\nb.two: Hey, you may not\nb.three: We Don't Know\n",
			want: `en.yaml:2:1: prompt "b.two": "hey" is never said to a caller; better: hello [forbidden-word]/en.yaml:3:1: prompt "b.three": "we don't know" is never said to a caller; better: one moment [forbidden-word]/zh.yaml:2:1: prompt "a.two": "喂" is never said to a caller; better: 您好 [forbidden-word]/zh.yaml:2:1: prompt "a.two": "不知道" is never said to a caller; better: 请您稍候 [forbidden-word]`,
		},
		"script":  {zh: "a.one: Wi-Fi\n", en: "b.one: 您好\n", want: `en.yaml:1:1: prompt "b.one": Chinese in a text of language "en": translate it [other-script]`},
		"address": {zh: "a.one: 欢迎你\n", want: `zh.yaml:1:1: prompt "a.one": a caller is 您, never 你 [not-nin]`},
		"length": {
			zh:   "a.one: 一二三四五，六七八九十。一二，三！\na.two: 一二三四五，六七八九十1。再见\na.three: 一二三四五六；七八九十一二\n",
			en:   "b.one: One two three four five. One, 6.50!\nb.two: One two three; one two three four five six\n",
			want: `en.yaml:2:1: warning: prompt "b.two": a sentence of 6 words; with more than 5 a caller loses the thread: make it two [long-sentence]/zh.yaml:2:1: warning: prompt "a.two": a sentence of 11 characters; with more than 10 a caller loses the thread: make it two [long-sentence]`,
		},
		"same": {
			zh:   "err.one: 对不起。\norder.one: 对不起。\na.one: 再见\na.two: 再见\nerr.two: 再见\n",
			want: `zh.yaml:2:1: prompt "order.one": says the same as "err.one" on line 1; each cause has a sentence of its own, or a caller cannot tell them apart [same-text]/zh.yaml:4:1: warning: prompt "a.two": says the same as "a.one" on line 3; say that one in both places [same-text]/zh.yaml:5:1: warning: prompt "err.two": says the same as "a.one" on line 3; say that one in both places [same-text]`,
		},
		"waived": {zh: "a.one: {text: 喂你, waive: {forbidden-word: 人名, not-nin: 人名}}\na.two: {text: 喂你, waive: {not-nin: 人名, same-text: 人名}}\n",
			want: `zh.yaml:2:1: prompt "a.two": "喂" is never said to a caller; better: 您好 [forbidden-word]`},
	} {
		t.Run(name, func(t *testing.T) {
			en := c.en
			if en == "" {
				en = "b.one: Hello.\n"
			}
			files := fstest.MapFS{"zh.yaml": {Data: []byte(c.zh)}, "en.yaml": {Data: []byte(en)},
				"style/rules.yaml": {Data: []byte("missing-text: {severity: off}")}, "style/zh.yaml": {Data: []byte(zhRules)}, "style/en.yaml": {Data: []byte(enRules)}}
			texts, err := prompts.Load(files)
			if err != nil {
				t.Fatal(err)
			}
			rules, err := Load(files)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.ReplaceAll(rules.Texts(texts).Error(), "\n", "/"); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestMistakesInRulesAndWaiversAreNamed(t *testing.T) {
	for want, files := range map[string]fstest.MapFS{
		`style/tlh.yaml:1:1: rules for language "tlh", which no text can have (known: en, zh) [prompt-file]`:                                                                                  {"style/tlh.yaml": {Data: []byte("causes: [a]")}},
		`style/zh.yaml:1:1: unknown key "forbiden" (did you mean "forbidden"?) (known: address, causes, clauses, forbidden, jargon, offers_key, readability, sentence, speech) [unknown-key]`: {"style/zh.yaml": {Data: []byte("forbiden: {a: b}")}},
		`style/zh.yaml:1:11: key "counted" is missing [missing-key]`:                                                                                                                          {"style/zh.yaml": {Data: []byte("sentence: {longest: 25}")}},
		`zh.yaml:1:41: expected a text, found nothing [type]`:                                                                                                                                 {"zh.yaml": {Data: []byte("a.one: {text: 您, waive: {long-sentence: }}")}},
	} {
		var ps source.Problems
		_, err := Load(files)
		if files["zh.yaml"] != nil {
			_, err = prompts.Load(files)
		}
		if !errors.As(err, &ps) || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestTheShippedTextsAreGoodToHear(t *testing.T) {
	folder := os.DirFS("../../../prompts")
	texts, err := prompts.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range texts.Languages() {
		if rules.langs[lang] == nil {
			t.Errorf("no rules of style for the texts in %s", lang)
		}
	}
	for _, p := range rules.Texts(texts) {
		t.Error(p)
	}
}
