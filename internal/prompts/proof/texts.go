package proof

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"hotline/internal/prompts"
	"hotline/internal/source"
)

// The rules of texts.
const (
	ruleForbidden = "forbidden-word"
	ruleAddress   = "not-nin"
	ruleLong      = "long-sentence"
	ruleSame      = "same-text"
	ruleScript    = "other-script"
	ruleWaive     = "waive"
)

var textRules = []definition{
	{name: ruleForbidden, severity: problem, about: "a word that is rude, doubts or blames the caller (`forbidden` of the language)"},
	{name: ruleAddress, severity: problem, about: "你 where the caller is 您 (`address` of the language)"},
	{name: ruleLong, severity: warning, about: "a sentence longer than callers keep in mind (`sentence` of the language)"},
	{name: ruleSame, severity: warning, about: "two ids with one text; a problem whatever the severity where each tells of a cause of its own (`causes` of the language)"},
	{name: ruleScript, severity: problem, about: "Chinese in a text of another language, copied and not translated"},
	{name: ruleWaive, severity: problem, about: "a waiver of a rule that there is not"},
}

// elsewhere are rules that a prompt can waive and other rooms judge.
var elsewhere = []string{"key-first"}

// Texts names every text that is not good to hear, at the prompt's place, but for what a
// prompt waives.
func (r *Rules) Texts(c *prompts.Catalog) source.Problems {
	var ps source.Problems
	for _, lang := range c.Languages() {
		words := r.langs[lang]
		if words == nil {
			words = &language{}
		}
		same := map[string]prompts.Entry{}
		for _, e := range c.Entries(lang) {
			if e.Pos.File == "" {
				continue // a part of spoken numbers
			}
			ps = slices.Concat(ps, r.waivers(e), r.said(words, e), r.long(words, e), r.same(words, same, e), r.script(lang, e))
		}
	}
	return ps
}

// text gives a finding on the text of a prompt.
func (r *Rules) text(e prompts.Entry, rule, format string, args ...any) source.Problems {
	return r.about(e, e.Pos, rule, format, args...)
}

// waivers finds those of rules that there are not.
func (r *Rules) waivers(e prompts.Entry) (ps source.Problems) {
	for _, rule := range slices.Sorted(maps.Keys(e.Waive)) {
		if _, known := r.set[rule]; known || slices.Contains(elsewhere, rule) {
			continue
		}
		names := slices.Sorted(maps.Keys(r.set))
		meant := "known: " + strings.Join(names, ", ")
		if near := source.Nearest(rule, slices.Values(names)); near != "" {
			meant = "did you mean " + near + "?"
		}
		ps = append(ps, r.find(ruleWaive, e.Pos, "prompt %q waives %q, which is no rule (%s)", e.ID, rule, meant)...)
	}
	return ps
}

// said finds words that are not said.
func (r *Rules) said(l *language, e prompts.Entry) (ps source.Problems) {
	for _, w := range l.forbidden {
		if w.found.MatchString(e.Text) {
			ps = append(ps, r.text(e, ruleForbidden, "%q is never said to a caller; better: %s", w.word, w.instead)...)
		}
	}
	for _, w := range l.address {
		if w.found.MatchString(e.Text) {
			ps = append(ps, r.text(e, ruleAddress, "a caller is %s, never %s", w.instead, w.word)...)
		}
	}
	return ps
}

// script finds Chinese in a text of another language, where it was copied to be translated:
// the voice that speaks the others leaves it out or spells it.
func (r *Rules) script(lang string, e prompts.Entry) source.Problems {
	if lang == "zh" || !strings.ContainsFunc(e.Text, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
		return nil
	}
	return r.text(e, ruleScript, "Chinese in a text of language %q: translate it", lang)
}

// sentenceEnd is where a sentence ends; a point between figures ends none.
var sentenceEnd = regexp.MustCompile(`[。！？；]|[.!?;](\s|$)`)

// long finds sentences that nobody can keep in mind.
func (r *Rules) long(l *language, e prompts.Entry) (ps source.Problems) {
	if l.longest == 0 {
		return nil
	}
	for _, sentence := range sentenceEnd.Split(e.Text, -1) {
		n := len(strings.Fields(sentence))
		if l.counted == "characters" {
			n = characters(sentence)
		}
		if n > l.longest {
			ps = append(ps, r.text(e, ruleLong, "a sentence of %d %s; with more than %d a caller loses the thread: make it two", n, l.counted, l.longest)...)
		}
	}
	return ps
}

// characters counts those that are spoken.
func characters(text string) (n int) {
	for _, c := range text {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			n++
		}
	}
	return n
}

// same finds a text that an earlier prompt, kept in known, has already.
func (r *Rules) same(l *language, known map[string]prompts.Entry, e prompts.Entry) source.Problems {
	first, twice := known[e.Text]
	if !twice {
		known[e.Text] = e
		return nil
	}
	if l.isCause(e) && l.isCause(first) {
		ps := r.text(e, ruleSame, "says the same as %q on line %d; each cause has a sentence of its own, or a caller cannot tell them apart", first.ID, first.Pos.Line)
		for i := range ps {
			ps[i].Warning = false
		}
		return ps
	}
	return r.text(e, ruleSame, "says the same as %q on line %d; say that one in both places", first.ID, first.Pos.Line)
}

func (l *language) isCause(e prompts.Entry) bool {
	group, _, _ := strings.Cut(e.ID, ".")
	return slices.Contains(l.causes, group)
}
