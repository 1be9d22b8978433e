package source

import (
	"regexp"
	"strings"
)

// trap is a place where YAML reads something else than what people mean. What is
// legal loses a key in silence; the others are why the file is no YAML at all.
type trap struct {
	line, col     int
	rule, message string
	legal         bool
}

// mark is a place in the text.
type mark struct{ line, col int }

// reader goes through a text as YAML's scanner does, as far as the traps need it:
// what is in quotes, in a comment, in brackets.
type reader struct {
	traps   []trap
	quote   rune   // that a text has begun with; 0 outside of one
	flow    []mark // the brackets that are open
	pair    bool   // within brackets, a key has had its ':' and no ',' has come since
	colon   mark   // the first ':' that comes after such a one
	block   int    // indentation of the key whose text follows as it is (|, >); -1 for none
	indents []int  // of what is open at this line
	lists   []bool // beside each: whether it was opened by the - of a list
	misfit  int    // the first line that is indented as nothing before it; 0 for none
	ended   rune   // the last character before this line, without comments
	opened  mark   // where the text in quotes has begun
	// The first text in quotes that goes on over its line and ends in the middle of
	// something: its closing quote was meant to open another.
	unclosed mark
	dash     int // the first line that begins with a - and no blank; 0 for none
}

// blockText is the end of a line after which a text follows as it is.
var blockText = regexp.MustCompile(`(^|[:-]\s+)[|>][-+0-9]*\s*(\s#.*)?$`)

// scan reads the text itself, since YAML's own tree does not show what it has dropped.
func (d *document) scan() *reader {
	r := &reader{block: -1}
	for i, line := range d.lines {
		r.line(i+1, []rune(line))
	}
	if r.quote != 0 {
		r.leave(r.opened)
	}
	return r
}

// indented keeps the indentation of what is open at a line, and notices the first
// line that goes back to one which is none of them.
func (r *reader) indented(number, indent int, text []rune) {
	back := false
	for len(r.indents) > 0 && r.indents[len(r.indents)-1] > indent {
		r.indents, r.lists, back = r.indents[:len(r.indents)-1], r.lists[:len(r.lists)-1], true
	}
	fits := len(r.indents) > 0 && r.indents[len(r.indents)-1] == indent
	// Behind a value that is complete nothing is indented further than it.
	deeper := !back && !fits && strings.ContainsRune(`]}"'`, r.ended)
	item := text[indent] == '-' && (indent+1 == len(text) || text[indent+1] == ' ')
	stranger := fits && r.lists[len(r.lists)-1] && !item // among the items of a list
	if r.misfit == 0 && (back && !fits || deeper || stranger) {
		r.misfit = number
	}
	if r.dash == 0 && indent+1 < len(text) && text[indent] == '-' && strings.ContainsRune("{[\"'", text[indent+1]) {
		r.dash = number
	}
	r.open(indent, item)
	for i := indent; i+1 < len(text) && text[i] == '-' && text[i+1] == ' '; { // "- key:" opens two
		for i++; i < len(text) && text[i] == ' '; i++ {
		}
		r.open(i, false)
	}
}

func (r *reader) open(indent int, item bool) {
	if len(r.indents) == 0 || r.indents[len(r.indents)-1] < indent {
		r.indents, r.lists = append(r.indents, indent), append(r.lists, item)
	}
}

func (r *reader) add(line, col int, legal bool, rule, message string) {
	r.traps = append(r.traps, trap{line, col + 1, rule, message, legal})
}

// line reads one line. start tells whether a new value may begin here: only there do
// quotes, brackets and signs mean anything to YAML.
func (r *reader) line(number int, text []rune) {
	indent := len(text) - len([]rune(strings.TrimLeft(string(text), " ")))
	switch {
	case indent == len(text):
		return
	case r.block >= 0 && indent > r.block:
		return
	}
	r.block = -1
	i, start := 0, r.quote == 0
	if start && len(r.flow) == 0 {
		i = indent
		if text[i] != '#' {
			r.indented(number, indent, text)
		}
		if text[i] == '\t' && strings.TrimLeft(string(text), " \t") != "" {
			r.add(number, i, false, "yaml-tab", "a tab; YAML is indented with blanks")
		}
		if text[i] == '\u3000' || text[i] == '\u00a0' {
			r.add(number, i, false, "yaml-wide", isWide(text[i]))
		}
	}
	for ; i < len(text); i++ {
		c := text[i]
		switch {
		case r.quote != 0:
			i = r.quoted(number, text, i)
			start, r.ended = false, c
		case c == ' ' || c == '\t':
		case c == '#' && (start || text[i-1] == ' ' || text[i-1] == '\t'):
			r.comment(number, text, i, start)
			return
		case start && (c == '"' || c == '\''):
			r.quote, start, r.opened = c, false, mark{number, i + 1}
		case start && (c == '*' || c == '&' || c == '@' || c == '`' || c == '%'):
			r.sign(number, text, i)
			start = false
		default:
			start, r.ended = r.structure(number, text, i, start), c
		}
	}
	if r.quote == 0 && blockText.MatchString(string(text)) {
		r.block = indent
	}
}

// quoted goes on in a quoted text, and gives the place of what has been read.
func (r *reader) quoted(number int, text []rune, i int) int {
	switch {
	case r.quote == '"' && text[i] == '\\':
		return i + 1
	case text[i] != r.quote:
		return i
	case r.quote == '\'' && i+1 < len(text) && text[i+1] == '\'':
		return i + 1
	}
	r.quote = 0
	if goesOn := i+1 < len(text) && !strings.ContainsRune(" \t,:]}", text[i+1]); goesOn && r.opened.line < number {
		r.leave(r.opened)
	}
	return i
}

// leave notes the first quote that was never closed.
func (r *reader) leave(at mark) {
	if r.unclosed == (mark{}) {
		r.unclosed = at
	}
}

// structure takes a character outside of quotes, and tells whether a value may begin after
// it. A bracket is one only where a value may begin, or within others: 你好[1] is a text.
func (r *reader) structure(number int, text []rune, i int, start bool) bool {
	spaced := i+1 == len(text) || text[i+1] == ' ' || text[i+1] == '\t'
	switch c := text[i]; {
	case (c == '{' || c == '[') && (start || len(r.flow) > 0):
		r.flow, r.pair = append(r.flow, mark{number, i + 1}), false
		return true
	case (c == '}' || c == ']') && len(r.flow) > 0:
		r.flow, r.pair = r.flow[:len(r.flow)-1], true
		return false
	case c == ',' && len(r.flow) > 0:
		r.pair = false
		return true
	case c == ':' && (spaced || len(r.flow) > 0 && strings.ContainsRune(",[]{}", text[i+1])):
		if len(r.flow) > 0 && r.pair && r.colon == (mark{}) {
			r.colon = mark{number, i + 1}
		}
		r.pair = len(r.flow) > 0
		return true
	case (c == '-' || c == '?') && start:
		return spaced
	}
	return false
}

// sign reports a value that begins with a sign which means something to YAML.
func (r *reader) sign(number int, text []rune, i int) {
	end := i
	for end < len(text) && !strings.ContainsRune(" \t:,]}", text[end]) {
		end++
	}
	word := string(text[i:end])
	switch text[i] {
	case '*':
		r.add(number, i, false, "yaml-alias", "an unquoted * is a reference to another place in YAML (an alias); write it in quotes: \""+word+"\"")
	case '&':
		r.add(number, i, false, "yaml-anchor", "an unquoted & is an anchor in YAML; write the text in quotes: \""+word+"\"")
	default:
		r.add(number, i, false, "yaml-sign", "YAML keeps "+string(text[i])+" for itself; write a text that begins with it in quotes")
	}
}

// comment looks whether what YAML takes for a comment was meant to be a key ("#: repeat"
// on a line of its own, or {key: #, …} within brackets) or part of a text (请按 #键): who
// comments on a value leaves a blank behind the sign.
func (r *reader) comment(number int, text []rune, i int, start bool) {
	rest := strings.TrimLeft(string(text[i+1:]), "#*")
	before := strings.TrimRight(string(text[:i]), " \t")
	inBrackets := len(r.flow) > 0 && before != ""
	switch {
	case strings.HasPrefix(rest, ":"),
		inBrackets && rest != "" && strings.ContainsRune(",]}", rune(rest[0])),
		inBrackets && rest == "" && strings.HasSuffix(before, ":"):
		r.add(number, i, true, "yaml-hash", "an unquoted # begins a comment in YAML, so this key vanishes; write \"#\"")
	case !start && before != "" && !strings.ContainsRune(`]}"'`, r.ended) && rest != "" && rest[0] != ' ' && rest[0] != '\t':
		r.add(number, i, true, "yaml-hash", "an unquoted # behind a blank begins a comment in YAML, so the text ends before it; write the text in quotes (a comment has a blank behind its #)")
	}
}
