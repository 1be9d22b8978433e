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

// The rules of texts. Their names are written in waivers and in rules.yaml: one that is
// renamed is an unknown one there.
const (
	ruleForbidden = "forbidden-word"
	ruleAddress   = "not-nin"
	ruleLong      = "long-sentence"
	ruleSame      = "same-text"
	ruleScript    = "other-script"
	ruleJargon    = "jargon"
	ruleChain     = "clause-chain"
	ruleEase      = "readability"
	ruleFigures   = "misread-figures"
	ruleLetters   = "misread-letters"
	ruleSigns     = "misread-signs"
	ruleWidth     = "full-width"
	rulePolyphone = "misread-word"
	ruleWaive     = "waive"
	ruleIdle      = "idle-waiver"
)

var textRules = []definition{
	{name: ruleForbidden, severity: problem, about: "a word that is rude, doubts or blames the caller (`forbidden` of the language)"},
	{name: ruleAddress, severity: problem, about: "你 where the caller is 您 (`address` of the language)"},
	{name: ruleJargon, severity: problem, about: "a word of the trade, for which there is a plain one (`jargon` of the language)"},
	{name: ruleLong, severity: warning, about: "a sentence longer than callers keep in mind (`sentence` of the language)"},
	{name: ruleChain, severity: warning, about: "a sentence of more clauses than callers follow (`clauses` of the language)"},
	{name: ruleEase, severity: problem, about: "a text that scores below the least readability (`readability` of the language)"},
	{name: ruleFigures, severity: problem, about: "figures that are no code: the voice reads them one by one (`speech` of the language: `shortest_code`, `units`, `before`)"},
	{name: ruleLetters, severity: problem, about: "abbreviations, and Latin letters in Chinese (`abbreviations` and `spelled` of `speech`)"},
	{name: ruleSigns, severity: problem, about: "addresses of the web, and signs that are no pause (`signs` and `pauses` of `speech`)"},
	{name: ruleWidth, severity: problem, about: "full-width figures and letters, which the voice leaves out"},
	{name: rulePolyphone, severity: problem, about: "a word whose reading the voice guesses (`polyphones` of `speech`), or gets wrong (`misread`)"},
	{name: ruleSame, severity: warning, about: "two ids with one text; a problem whatever the severity where each tells of a cause of its own (`causes` of the language)"},
	{name: ruleScript, severity: problem, about: "Chinese in a text of another language, copied and not translated, or a script that no voice reads"},
	{name: ruleWaive, severity: problem, about: "a waiver of a rule that there is not"},
	{name: ruleIdle, severity: warning, about: "a waiver of a rule of texts that the prompt does not break"},
}

// elsewhere are rules that a prompt can waive and other rooms judge.
var elsewhere = []string{"key-first"}

// Texts names every text that is not good to hear, or missing in a language, at the
// prompt's place, but for what a prompt waives.
func (r *Rules) Texts(c *prompts.Catalog) source.Problems {
	ps := r.untranslated(c)
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
			waived := e.Waive
			e.Waive = nil // what it breaks is looked for first: a waiver of nothing is found too
			broken := slices.Concat(r.said(words, e), r.long(words, e), r.lengthy(words, e), r.chained(words, e), r.hard(words, e),
				r.misread(lang, words, e), r.same(words, same, e), r.script(lang, e))
			e.Waive = waived
			ps = append(ps, r.waivers(e, broken)...)
			for _, p := range broken {
				if _, waived := e.Waive[p.Rule]; !waived {
					ps = append(ps, p)
				}
			}
		}
	}
	return ps
}

// text gives a finding on the text of a prompt.
func (r *Rules) text(e prompts.Entry, rule, format string, args ...any) source.Problems {
	return r.about(e, e.Pos, rule, format, args...)
}

// waivers finds those of rules that there are not, and of rules that are not broken.
func (r *Rules) waivers(e prompts.Entry, broken source.Problems) (ps source.Problems) {
	for _, rule := range slices.Sorted(maps.Keys(e.Waive)) {
		set, known := r.set[rule]
		// Whether a waiver about sound is needed only the recording tells.
		ofTexts := slices.ContainsFunc(textRules, func(d definition) bool { return d.name == rule })
		switch {
		case slices.Contains(elsewhere, rule):
		case !known:
			names := slices.Concat(slices.Sorted(maps.Keys(r.set)), elsewhere)
			meant := "known: " + strings.Join(names, ", ")
			if near := source.Nearest(rule, slices.Values(names)); near != "" {
				meant = "did you mean " + near + "?"
			}
			ps = append(ps, r.find(ruleWaive, e.Pos, "prompt %q waives %q, which is no rule (%s)", e.ID, rule, meant)...)
		case ofTexts && set.severity != off && !slices.ContainsFunc(broken, func(p source.Problem) bool { return p.Rule == rule }):
			ps = append(ps, r.find(ruleIdle, e.Pos, "prompt %q waives %s, which it does not break: take the waiver out", e.ID, rule)...)
		}
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
	// 资费产品 is one finding, not two: what has been found is blanked for the shorter words.
	rest := e.Text
	for _, w := range l.jargon {
		if w.found.MatchString(rest) {
			ps = append(ps, r.text(e, ruleJargon, "%q is a word of the trade; plainer: %s", w.word, w.instead)...)
			rest = without(rest, []*regexp.Regexp{w.found})
		}
	}
	return ps
}

// lengthy finds a text that takes longer to say than callers listen. It is an estimate:
// of a recording the sound is measured.
func (r *Rules) lengthy(l *language, e prompts.Entry) source.Problems {
	seconds, most := float64(prompts.EstimateMS(e.Text))/1000, r.limit(ruleTooLong, "seconds")
	if seconds <= most || l.offersKey(e.Text) {
		return nil
	}
	return r.text(e, ruleTooLong, "takes some %.1f s to say; without a key offered callers listen for %g: say less, or offer a key", seconds, most)
}

// script finds Chinese in a text of another language, where it was copied to be translated
// (the voice that speaks the others leaves it out or spells it), and what is neither.
func (r *Rules) script(lang string, e prompts.Entry) source.Problems {
	other := func(c rune) bool { return unicode.IsLetter(c) && !unicode.In(c, unicode.Han, unicode.Latin) }
	switch at := strings.IndexFunc(e.Text, other); {
	case at >= 0:
		return r.text(e, ruleScript, "%q is of another script than texts in language %q: translate it", short(e.Text[at:]), lang)
	case lang != "zh" && strings.ContainsFunc(e.Text, func(c rune) bool { return unicode.Is(unicode.Han, c) }):
		return r.text(e, ruleScript, "Chinese in a text of language %q: translate it", lang)
	}
	return nil
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
	first, twice := known[heard(e.Text)]
	if !twice {
		known[heard(e.Text)] = e
		return nil
	}
	if l.isCause(e) && l.isCause(first) {
		ps := r.text(e, ruleSame, "says the same as %q on line %d; each cause has a sentence of its own, or a caller cannot tell them apart", first.ID, first.Pos.Line)
		// Two errors that sound alike were a confirmed cause of failed applications.
		for i := range ps {
			ps[i].Warning = false
		}
		return ps
	}
	return r.text(e, ruleSame, "says the same as %q on line %d; say that one in both places", first.ID, first.Pos.Line)
}

// heard is a text without what cannot be heard: two that differ in a comma are one.
func heard(text string) string {
	return strings.Map(func(c rune) rune {
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			return -1
		}
		return unicode.ToLower(c)
	}, text)
}

// isCause tells whether a prompt says why something did not go as the caller wanted.
func (l *language) isCause(e prompts.Entry) bool {
	group, _, _ := strings.Cut(e.ID, ".")
	return slices.Contains(l.causes, group)
}
