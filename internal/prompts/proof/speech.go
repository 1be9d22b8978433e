package proof

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"hotline/internal/prompts"
	"hotline/internal/prompts/voice"
	"hotline/internal/source"
)

// speech is what the voice makes of written signs: what it reads as people do is known
// here, all the rest is misread.
type speech struct {
	code          int               // figures in a row that are a code, read one by one by people too
	units, before []string          // behind, or before, figures that are a number and no code
	pauses        string            // signs that make a pause, or none; every other sign is a finding
	signs         map[string]string // sign: what is said instead
	abbreviations map[string]string // in small letters: what is said instead
	spelled       map[string]bool   // in small letters: people say the letters too
	polyphones    []polyphone
	misread       []word // words that the voice reads wrong, with the right reading
}

// polyphone is a character, or word, with several readings of which the voice takes one.
type polyphone struct {
	word, read string
	found      *regexp.Regexp
	right      []*regexp.Regexp // where that one is right
}

// readSpeech reads the mapping `speech`. What is looked up by a found word is kept in
// small letters: people write SMS, Sms and sms.
func readSpeech(n source.Node) *speech {
	s := &speech{spelled: map[string]bool{}}
	n.Object(map[string]source.Field{
		"shortest_code": {Required: true, Read: func(n source.Node) { s.code = n.Int(1, 20) }},
		"units":         {Read: func(n source.Node) { s.units = texts(n) }},
		"before":        {Read: func(n source.Node) { s.before = texts(n) }},
		"pauses":        {Required: true, Read: func(n source.Node) { s.pauses = n.Text() }},
		"signs":         {Read: func(n source.Node) { s.signs = instead(n, strings.TrimSpace) }},
		"abbreviations": {Read: func(n source.Node) { s.abbreviations = instead(n, strings.ToLower) }},
		"spelled": {Read: func(n source.Node) {
			for _, w := range texts(n) {
				s.spelled[strings.ToLower(w)] = true
			}
		}},
		"polyphones": {Read: func(n source.Node) {
			n.Entries(func(k, v source.Node) { s.polyphones = append(s.polyphones, readPolyphone(k, v)) })
		}},
		"misread": {Read: func(n source.Node) { s.misread = words(n) }},
	})
	return s
}

// readPolyphone reads one line of `polyphones`. A word on the wrong line would never be
// met, and the finding that it was to end would stay.
func readPolyphone(k, v source.Node) polyphone {
	p := polyphone{word: k.Text()}
	p.found = finder(p.word)
	v.Object(map[string]source.Field{
		"read": {Required: true, Read: func(n source.Node) { p.read = n.Text() }},
		"right": {Read: func(n source.Node) {
			for _, w := range texts(n) {
				if !p.found.MatchString(w) {
					n.Report("polyphone", "%q has no %s in it", w, p.word)
				}
				p.right = append(p.right, finder(w))
			}
		}},
	})
	return p
}

// instead reads a mapping to what is said, by the key as it is looked up.
func instead(n source.Node, as func(string) string) map[string]string {
	all := map[string]string{}
	n.Entries(func(k, v source.Node) { all[as(k.Scalar())] = v.Text() })
	return all
}

var (
	// web is what stands on paper and cannot be taken down from the telephone.
	web = regexp.MustCompile(`(?i)(?:https?://|www\.)[^\s\p{Han}，。；、）]+|[\w.+-]+@[\w-]+\.[\w.-]*\w|\b[\w-]+\.(?:com|cn|net|org)\b(?:/[^\s\p{Han}，。；、）]*)?`)
	// mixed is a word with a Latin letter in it, and what belongs to it.
	mixed = regexp.MustCompile(`[0-9]*[A-Za-z](?:[A-Za-z0-9'’.+-]*[A-Za-z0-9+])?`)
	// figures with what joins them into an amount, a date or a time.
	figures = regexp.MustCompile(`[0-9]+(?:[.,:：/~～–—-][0-9]+)*`)
	plain   = regexp.MustCompile(`^[0-9]+$`)
	// fullWidth are letters and figures that the voice passes over in silence.
	fullWidth = regexp.MustCompile(`[０-９Ａ-Ｚａ-ｚ]+`)
)

// misread finds what the voice would not say as its author means it. Each step leaves
// blanks where it has found something: nothing is named twice.
func (r *Rules) misread(lang string, l *language, e prompts.Entry) (ps source.Problems) {
	s := l.speech
	if s == nil {
		return nil
	}
	rest := e.Text
	look := func(pattern *regexp.Regexp, judge func(found string, before, after string) source.Problems) {
		for _, at := range pattern.FindAllStringIndex(rest, -1) {
			ps = append(ps, judge(e.Text[at[0]:at[1]], e.Text[:at[0]], e.Text[at[1]:])...)
		}
		rest = without(rest, []*regexp.Regexp{pattern})
	}
	look(web, func(found, _, _ string) source.Problems {
		return r.text(e, ruleSigns, "%q is an address for the eye; nobody can write it down from the telephone: text it to the caller", found)
	})
	look(fullWidth, func(found, _, _ string) source.Problems {
		return r.text(e, ruleWidth, "%q is full-width, and the voice passes over it: write %s", found, halfWidth(found))
	})
	look(mixed, func(found, _, after string) source.Problems { return r.letters(lang, s, e, found, after) })
	look(figures, func(found, before, after string) source.Problems { return r.figures(s, e, found, before, after) })
	return slices.Concat(ps, r.strange(s, e, rest), r.readings(lang, s, e))
}

// halfWidth gives the letters and figures that full-width ones look like; Unicode has
// both blocks in the same order.
func halfWidth(text string) string {
	return strings.Map(func(r rune) rune { return r - 'Ａ' + 'A' }, text)
}

// letters judges a word with Latin letters in it.
func (r *Rules) letters(lang string, s *speech, e prompts.Entry, found, after string) source.Problems {
	name := strings.ToLower(found)
	better, known := s.abbreviations[name]
	if !known { // V网 is one word
		for w, b := range s.abbreviations {
			if rest, begins := strings.CutPrefix(w, name); begins && rest != "" && strings.HasPrefix(strings.ToLower(after), rest) {
				found, better, known = found+after[:len(rest)], b, true
			}
		}
	}
	switch {
	case known:
		return r.text(e, ruleLetters, "%q is not for the ear: say %s", found, better)
	case s.spelled[name]:
		return nil
	case lang == "zh":
		return r.text(e, ruleLetters, "the voice reads %q as pinyin or spells it: write it in Chinese, or name it under spelled in style/zh.yaml where people say the letters", found)
	case abbreviated(found):
		return r.text(e, ruleLetters, "the voice spells %q or guesses at it: write the words, or name it under spelled in style/%s.yaml where people say the letters", found, lang)
	}
	return nil
}

// abbreviated tells whether a word of Latin letters is none that is read as it is
// written: SMS, 3G, WiFi, a.m, hrs.
func abbreviated(word string) bool {
	for _, part := range strings.FieldsFunc(word, func(r rune) bool { return r == '-' || r == '\'' || r == '’' }) {
		letters := []rune(part)
		capitals := 0
		for _, c := range letters {
			if unicode.IsUpper(c) {
				capitals++
			}
		}
		if strings.ContainsAny(part, "0123456789.+") || capitals > 1 || capitals == 1 && !unicode.IsUpper(letters[0]) {
			return true
		}
	}
	return len(word) > 1 && !strings.ContainsAny(strings.ToLower(word), "aeiouy")
}

// figures judges figures: the voice reads every one for itself.
func (r *Rules) figures(s *speech, e prompts.Entry, found, before, after string) source.Problems {
	// Units and words before them are looked for in the text itself, across a blank: who types
	// 5 元 means 5元.
	const read = "the voice reads figures one by one, as those of a code"
	behind, ahead := strings.TrimLeft(after, " "), strings.TrimRight(before, " ")
	if !plain.MatchString(found) {
		return r.text(e, ruleFigures, "%q: %s, and no amount, date or time: write it in words, or let the menu say the value", found, read)
	}
	for _, unit := range s.units {
		if strings.HasPrefix(strings.ToLower(behind), unit) {
			return r.text(e, ruleFigures, "%q: %s: write the number in words, or let the menu say the value", found+" "+unit, read)
		}
	}
	for _, w := range s.before {
		if strings.HasSuffix(strings.ToLower(ahead), w) {
			return r.text(e, ruleFigures, "%q: %s: write the number in words", w+" "+found, read)
		}
	}
	if len(found) > 1 && len(found) < s.code {
		return r.text(e, ruleFigures, "%q: %s: write the number in words", found, read)
	}
	return nil
}

// strange finds signs that are no pause.
func (r *Rules) strange(s *speech, e prompts.Entry, rest string) (ps source.Problems) {
	seen := map[rune]bool{} // one finding for a sign, however often it stands there
	for _, c := range rest {
		if c == ' ' || c == '\n' || unicode.IsLetter(c) || unicode.IsDigit(c) || unicode.Is(unicode.Han, c) || unicode.Is(unicode.Mn, c) || strings.ContainsRune(s.pauses, c) || seen[c] {
			continue
		}
		seen[c] = true
		do := "write what is to be said in words, or leave it out"
		if better, known := s.signs[string(c)]; known {
			do = "say " + better
		}
		ps = append(ps, r.text(e, ruleSigns, "the voice says the sign %s otherwise than people, or not at all: %s", named(c), do)...)
	}
	return ps
}

// named shows a sign, and one that cannot be seen by its number.
func named(c rune) string {
	if unicode.IsGraphic(c) && !unicode.IsSpace(c) {
		return fmt.Sprintf("%q", string(c))
	}
	return fmt.Sprintf("U+%04X, which cannot be seen", c)
}

// phonemes are words that voice/words.go gives a reading.
var phonemes = regexp.MustCompile(`\[\[[^\]]*\]\]`)

// readings finds words of several readings that nobody has told the voice of. What
// voice/words.go has a line for is out of the text that the voice gets.
func (r *Rules) readings(lang string, s *speech, e prompts.Entry) (ps source.Problems) {
	said := phonemes.ReplaceAllString(voice.Speakable(lang, e.Text), " ")
	// Whole words come first: 目的 is misread whatever is known of 的.
	for _, w := range s.misread {
		if w.found.MatchString(said) {
			ps = append(ps, r.text(e, rulePolyphone, "the voice misreads %q, which is %s: add a line to internal/prompts/voice/words.go, or say it otherwise", w.word, w.instead)...)
			said = without(said, []*regexp.Regexp{w.found})
		}
	}
	for _, p := range s.polyphones {
		left := without(said, p.right)
		at := p.found.FindStringIndex(left)
		if at == nil {
			continue
		}
		ps = append(ps, r.text(e, rulePolyphone, "%q in %q has several readings, of which the voice takes %s: where that is right add the word to polyphones in style/%s.yaml, where not add a line to internal/prompts/voice/words.go",
			p.word, around(said, at), p.read, lang)...)
	}
	return ps
}

// around is a place of a text with a little of what stands beside it.
func around(text string, at []int) string {
	before, after := []rune(text[:at[0]]), []rune(text[at[1]:])
	return strings.TrimSpace(string(before[max(0, len(before)-2):]) + text[at[0]:at[1]] + string(after[:min(2, len(after))]))
}
