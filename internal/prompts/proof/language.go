package proof

import (
	"regexp"

	"hotline/internal/source"
)

// language is the words of one language: what style/<language>.yaml says.
type language struct {
	forbidden, address []word
	longest            int // of what counted counts, in a sentence; 0 for any length
	counted            string
	causes             []string // groups of prompts that each tell of a cause of their own
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
		"causes":    {Read: func(n source.Node) { l.causes = texts(n) }},
		"sentence": {Read: func(n source.Node) {
			n.Object(map[string]source.Field{
				"longest": {Required: true, Read: func(n source.Node) { l.longest = n.Int(1, 1000) }},
				"counted": {Required: true, Read: func(n source.Node) { l.counted = n.OneOf("characters", "words") }},
			})
		}},
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
