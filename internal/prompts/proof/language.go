package proof

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"hotline/internal/source"
)

// language is the words of one language: what style/<language>.yaml says. What it does
// not say is not looked for.
type language struct {
	forbidden, address []word
	jargon             []word // the longest first, so that a word is not found within a longer one
	longest            int    // of what counted counts, in a sentence; 0 for any length
	counted            string
	clauses            clauses
	ease               *ease // nil: not scored
	speech             *speech
	offers             []*regexp.Regexp // what a text says where it offers a key
	causes             []string         // groups of prompts that each tell of a cause of their own
}

// word is one that is not said, and what is said instead.
type word struct {
	word, instead string
	found         *regexp.Regexp
}

func readLanguage(root source.Node) *language {
	l := &language{}
	root.Object(map[string]source.Field{
		"forbidden": {Read: func(n source.Node) { l.forbidden = words(n) }},
		"address":   {Read: func(n source.Node) { l.address = words(n) }},
		"jargon": {Read: func(n source.Node) {
			l.jargon = words(n)
			slices.SortStableFunc(l.jargon, func(a, b word) int {
				return cmp.Compare(utf8.RuneCountInString(b.word), utf8.RuneCountInString(a.word))
			})
		}},
		"causes": {Read: func(n source.Node) { l.causes = texts(n) }},
		"offers_key": {Read: func(n source.Node) {
			for _, w := range texts(n) {
				l.offers = append(l.offers, finder(w))
			}
		}},
		"sentence": {Read: func(n source.Node) {
			n.Object(map[string]source.Field{
				"longest": {Required: true, Read: func(n source.Node) { l.longest = n.Int(1, 1000) }},
				"counted": {Required: true, Read: func(n source.Node) { l.counted = n.OneOf("characters", "words") }},
			})
		}},
		"clauses":     {Read: func(n source.Node) { l.clauses = readClauses(n) }},
		"readability": {Read: func(n source.Node) { l.ease = readEase(n) }},
		"speech":      {Read: func(n source.Node) { l.speech = readSpeech(n) }},
	})
	return l
}

// latin begins and ends with a letter of a language that writes blanks between words.
var latin = regexp.MustCompile(`^\w(.*\w)?$`)

// words reads a mapping of words to what is said instead.
func words(n source.Node) []word {
	var all []word
	n.Entries(func(k, v source.Node) {
		w := k.Text()
		all = append(all, word{word: w, instead: v.Text(), found: finder(w)})
	})
	return all
}

// finder finds a word in a text. One of Latin letters is found as a whole only: "hey" is
// not in "they".
func finder(word string) *regexp.Regexp {
	pattern := regexp.QuoteMeta(word)
	if latin.MatchString(word) {
		pattern = `(?i)\b` + pattern + `\b`
	}
	return regexp.MustCompile(pattern)
}

// without gives a text with every place of some words blanked, so that what is left is
// elsewhere, and those of the words that it has.
func without(text string, all []*regexp.Regexp) string {
	for _, w := range all {
		text = w.ReplaceAllStringFunc(text, blank)
	}
	return text
}

// blank is as long as a text, so that what stands behind it keeps its place.
func blank(text string) string { return strings.Repeat(" ", len(text)) }

// offersKey tells whether a text offers a key: it may be longer then, as who knows what
// he wants can press already.
func (l *language) offersKey(text string) bool {
	return slices.ContainsFunc(l.offers, func(w *regexp.Regexp) bool { return w.MatchString(text) })
}
