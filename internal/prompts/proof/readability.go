package proof

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"hotline/internal/prompts"
	"hotline/internal/source"
)

// clauses say what divides a sentence, and how many parts callers follow.
type clauses struct {
	most  int    // 0: not counted
	ends  string // the signs after a clause
	joins []*regexp.Regexp
}

func readClauses(n source.Node) (c clauses) {
	n.Object(map[string]source.Field{
		"most": {Required: true, Read: func(n source.Node) { c.most = n.Int(1, 100) }},
		"ends": {Required: true, Read: func(n source.Node) { c.ends = n.Text() }},
		"joins": {Read: func(n source.Node) {
			for _, w := range texts(n) {
				c.joins = append(c.joins, finder(w))
			}
		}},
	})
	return c
}

// in counts the clauses of a sentence: the parts between signs, and one more for every
// joining word that stands within a part ("press one if you agree").
func (c clauses) in(sentence string) (count int) {
	for _, part := range strings.FieldsFunc(sentence, func(r rune) bool { return strings.ContainsRune(c.ends, r) }) {
		if !spoken(part) {
			continue
		}
		count++
		for _, join := range c.joins {
			for _, at := range join.FindAllStringIndex(part, -1) {
				if spoken(part[:at[0]]) {
					count++
				}
			}
		}
	}
	return count
}

// spoken tells whether there is anything to be said.
func spoken(text string) bool { return characters(text) > 0 }

// sentences are those of a text, without their ends.
func sentences(text string) []string {
	return slices.DeleteFunc(sentenceEnd.Split(text, -1), func(s string) bool { return !spoken(s) })
}

// chained finds sentences of more clauses than callers follow.
func (r *Rules) chained(l *language, e prompts.Entry) (ps source.Problems) {
	if l.clauses.most == 0 {
		return nil
	}
	for _, sentence := range sentences(e.Text) {
		if n := l.clauses.in(sentence); n > l.clauses.most {
			ps = append(ps, r.text(e, ruleChain, "%q has %d clauses; callers follow %d: end the sentence earlier", short(sentence), n, l.clauses.most)...)
		}
	}
	return ps
}

// short is the beginning of a long text, for messages.
func short(text string) string {
	const most = 24
	text = strings.TrimSpace(text)
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most]) + "…"
}

// ease is a formula of readability: base less what makes a text hard, each by its weight.
// For English it is Flesch's reading ease (R. Flesch, "A new readability yardstick",
// Journal of Applied Psychology 32, 1948); for Mandarin, whose words have no syllables to
// count, the clause is the measure. The higher, the easier.
type ease struct {
	base, least float64
	from        int // texts of fewer words (Mandarin: characters) are not scored
	weights     []weight
}

// weight is one term of the formula.
type weight struct {
	measure string
	factor  float64
}

// measures are what a text can be scored by.
var measures = map[string]func(counts) float64{
	"words_per_sentence":    func(c counts) float64 { return c.words / c.sentences },
	"syllables_per_word":    func(c counts) float64 { return c.syllables / c.words },
	"characters_per_clause": func(c counts) float64 { return c.characters / c.clauses },
	"clauses_per_sentence":  func(c counts) float64 { return c.clauses / c.sentences },
	"jargon_percent":        func(c counts) float64 { return 100 * c.jargon / c.characters },
}

// measureNames gives the order in which a finding tells of them.
var measureNames = []string{"words_per_sentence", "syllables_per_word", "characters_per_clause", "clauses_per_sentence", "jargon_percent"}

// counts of a text; none of the divisors is 0 where something is spoken.
type counts struct{ sentences, clauses, words, syllables, characters, jargon float64 }

func readEase(n source.Node) *ease {
	s := &ease{}
	fields := map[string]source.Field{
		"base":  {Required: true, Read: func(n source.Node) { s.base = n.Number(0, 1000) }},
		"least": {Required: true, Read: func(n source.Node) { s.least = n.Number(-1000, 1000) }},
		"from":  {Required: true, Read: func(n source.Node) { s.from = n.Int(1, 1000) }},
	}
	factors := map[string]float64{}
	for _, name := range measureNames {
		fields[name] = source.Field{Read: func(n source.Node) { factors[name] = n.Number(0, 1000) }}
	}
	n.Object(fields)
	for _, name := range measureNames {
		if f := factors[name]; f > 0 {
			s.weights = append(s.weights, weight{name, f})
		}
	}
	return s
}

// count measures a text.
func (l *language) count(text string) counts {
	var c counts
	for _, s := range sentences(text) {
		c.sentences++
		c.clauses += float64(max(1, l.clauses.in(s)))
	}
	for _, w := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' && r != '’' }) {
		if spoken(w) {
			c.words++
			c.syllables += float64(syllables(w))
		}
	}
	c.characters = float64(characters(text))
	c.jargon = float64(characters(text) - characters(without(text, finders(l.jargon))))
	return c
}

func finders(all []word) (found []*regexp.Regexp) {
	for _, w := range all {
		found = append(found, w.found)
	}
	return found
}

// hard finds a text that scores below what callers understand at once.
func (r *Rules) hard(l *language, e prompts.Entry) source.Problems {
	if l.ease == nil {
		return nil
	}
	c := l.count(e.Text)
	size := c.words
	if l.counted == "characters" {
		size = c.characters
	}
	if int(size) < l.ease.from || c.sentences == 0 {
		return nil
	}
	score, because := l.ease.base, make([]string, 0, len(l.ease.weights))
	for _, w := range l.ease.weights {
		v := measures[w.measure](c)
		score -= w.factor * v
		because = append(because, fmt.Sprintf("%s %.1f", strings.ReplaceAll(w.measure, "_", " "), v))
	}
	if score >= l.ease.least {
		return nil
	}
	return r.text(e, ruleEase, "readability %.0f, at least %.0f is understood at once (%s): shorter sentences, shorter words", score, l.ease.least, strings.Join(because, ", "))
}

// vowels of a written English syllable.
var vowels = regexp.MustCompile(`[aeiouy]+`)

// syllables counts those of an English word as it is written: groups of vowels, without
// a silent e at the end ("code", "called", but "table", "needed"). It is right for nine
// words of ten, which is what Flesch's formula needs.
func syllables(word string) int {
	w := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(strings.ReplaceAll(word, "’", "'")), "'s"), "'")
	n := len(vowels.FindAllString(w, -1))
	silent := func(end string, but ...string) bool {
		return strings.HasSuffix(w, end) && !slices.ContainsFunc(but, func(b string) bool { return strings.HasSuffix(w, b) })
	}
	switch {
	case silent("e", "le", "ee", "ie", "oe", "ue"), silent("ed", "ted", "ded", "eed"), silent("es", "ses", "ces", "zes", "ges", "ches", "shes", "xes", "les", "ies"),
		strings.HasSuffix(w, "le") && len(w) > 2 && strings.ContainsRune("aeiouy", rune(w[len(w)-3])):
		n--
	}
	return max(1, n)
}
