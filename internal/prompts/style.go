package prompts

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"hotline/internal/source"
)

// The rules of guidance for texts: what `ivr check` names, and what a prompt waives
// where it has a reason to.
const (
	ruleForbidden = "forbidden-word" // a word that is rude, doubts or blames
	ruleAddress   = "not-nin"        // 你 where the caller is 您
	ruleLong      = "long-sentence"
	ruleSame      = "same-text" // two prompts of one text
	ruleScript    = "other-script"
)

var styleRules = []string{ruleForbidden, ruleAddress, ruleLong, ruleSame, ruleScript}

// Rules are what makes texts good to hear, by language: data beside the prompts, so
// that those who write them can read and change it.
type Rules map[string]*rules

// rules of one language.
type rules struct {
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

// LoadRules reads style/<language>.yaml of the folder that Load reads. A language
// without such a file has no rules. The error is source.Problems.
func LoadRules(fsys fs.FS) (Rules, error) {
	all := Rules{}
	var ps source.Problems
	files, err := fs.Glob(fsys, "style/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("look for the rules of style: %w", err)
	}
	for _, file := range files {
		data, err := fs.ReadFile(fsys, file)
		if err != nil {
			ps = append(ps, fileProblem(file, "cannot be read: %v", err))
			continue
		}
		lang := strings.TrimSuffix(path.Base(file), ".yaml")
		if _, known := readers[lang]; !known {
			ps = append(ps, fileProblem(file, "rules for language %q, which no text can have (known: %s)",
				lang, strings.Join(slices.Sorted(maps.Keys(readers)), ", ")))
			continue
		}
		if root, ok := source.Parse(file, data, &ps); ok {
			all[lang] = readRules(root)
		}
	}
	if err := ps.Err(); err != nil {
		return nil, err
	}
	return all, nil
}

func readRules(root source.Node) *rules {
	r := &rules{}
	root.Object(map[string]source.Field{
		"forbidden": {Read: func(n source.Node) { r.forbidden = words(n) }},
		"address":   {Read: func(n source.Node) { r.address = words(n) }},
		"sentence": {Read: func(n source.Node) {
			n.Object(map[string]source.Field{
				"longest": {Required: true, Read: func(n source.Node) { r.longest = n.Int(1, 1000) }},
				"counted": {Required: true, Read: func(n source.Node) { r.counted = n.OneOf("characters", "words") }},
			})
		}},
		"causes": {Read: func(n source.Node) {
			n.List(func(n source.Node) { r.causes = append(r.causes, n.Text()) })
		}},
	})
	return r
}

// latin begins and ends with a letter of a language that writes blanks between words.
var latin = regexp.MustCompile(`^\w(.*\w)?$`)

// words reads a mapping of words to what is said instead. A word of Latin letters
// is found as a whole only: "hey" is not in "they".
func words(n source.Node) []word {
	var all []word
	n.Entries(func(k, v source.Node) {
		w := word{word: k.Text(), instead: v.Text()}
		pattern := regexp.QuoteMeta(w.word)
		if latin.MatchString(w.word) {
			pattern = `(?i)\b` + pattern + `\b`
		}
		w.found = regexp.MustCompile(pattern)
		all = append(all, w)
	})
	return all
}

// Style names every text that is not good to hear, at the prompt's place, but for
// what a prompt waives. Long sentences are warnings, and so are two prompts of one
// text, unless each is of a cause of its own.
func (c *Catalog) Style(all Rules) source.Problems {
	var ps source.Problems
	for _, lang := range c.Languages() {
		r := all[lang]
		if r == nil {
			continue
		}
		same := map[string]Entry{}
		for _, e := range c.langs[lang].entries {
			if e.Pos.File == "" {
				continue // a part of spoken numbers
			}
			for _, p := range slices.Concat(r.said(e), r.long(e), r.same(same, e), script(lang, e)) {
				if _, waived := e.Waive[p.Rule]; !waived {
					ps = append(ps, p)
				}
			}
		}
	}
	return ps
}

// said finds words that are not said.
func (r *rules) said(e Entry) (ps source.Problems) {
	for _, w := range r.forbidden {
		if w.found.MatchString(e.Text) {
			ps = append(ps, e.problem(ruleForbidden, "%q is never said to a caller; better: %s", w.word, w.instead))
		}
	}
	for _, w := range r.address {
		if w.found.MatchString(e.Text) {
			ps = append(ps, e.problem(ruleAddress, "a caller is %s, never %s", w.instead, w.word))
		}
	}
	return ps
}

// script finds Chinese in a text of another language, where it was copied to be translated:
// the voice that speaks the others leaves it out or spells it.
func script(lang string, e Entry) source.Problems {
	if lang == "zh" || !strings.ContainsFunc(e.Text, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
		return nil
	}
	return source.Problems{e.problem(ruleScript, "Chinese in a text of language %q: translate it", lang)}
}

// sentenceEnd is where a sentence ends; a point between figures ends none.
var sentenceEnd = regexp.MustCompile(`[。！？；]|[.!?;](\s|$)`)

// long finds sentences that nobody can keep in mind.
func (r *rules) long(e Entry) (ps source.Problems) {
	if r.longest == 0 {
		return nil
	}
	for _, sentence := range sentenceEnd.Split(e.Text, -1) {
		n := len(strings.Fields(sentence))
		if r.counted == "characters" {
			n = 0
			for _, c := range sentence {
				if unicode.IsLetter(c) || unicode.IsDigit(c) {
					n++
				}
			}
		}
		if n > r.longest {
			ps = append(ps, e.warning(ruleLong, "a sentence of %d %s; with more than %d a caller loses the thread: make it two", n, r.counted, r.longest))
		}
	}
	return ps
}

// same finds a text that an earlier prompt, kept in known, has already.
func (r *rules) same(known map[string]Entry, e Entry) source.Problems {
	first, twice := known[e.Text]
	if !twice {
		known[e.Text] = e
		return nil
	}
	if r.isCause(e) && r.isCause(first) {
		return source.Problems{e.problem(ruleSame, "says the same as %q on line %d; each cause has a sentence of its own, or a caller cannot tell them apart", first.ID, first.Pos.Line)}
	}
	return source.Problems{e.warning(ruleSame, "says the same as %q on line %d; say that one in both places", first.ID, first.Pos.Line)}
}

func (r *rules) isCause(e Entry) bool {
	group, _, _ := strings.Cut(e.ID, ".")
	return slices.Contains(r.causes, group)
}

// problem is one about the text of an entry.
func (e Entry) problem(rule, format string, args ...any) source.Problem {
	return source.Problem{Pos: e.Pos, Message: fmt.Sprintf("prompt %q: ", e.ID) + fmt.Sprintf(format, args...), Rule: rule}
}

// warning is one of a text that works all the same.
func (e Entry) warning(rule, format string, args ...any) source.Problem {
	p := e.problem(rule, format, args...)
	p.Warning = true
	return p
}

// waived reads which rules do not hold for a prompt, each with the reason.
func waived(n source.Node) map[string]string {
	reasons := map[string]string{}
	n.Entries(func(k, v source.Node) {
		if rule := k.OneOf(styleRules...); rule != "" {
			reasons[rule] = v.Text()
		}
	})
	return reasons
}
