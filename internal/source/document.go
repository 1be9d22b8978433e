package source

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// document is one file being read: its text, for what YAML does not tell, and
// where its problems go.
type document struct {
	file  string
	lines []string
	ps    *Problems
}

// pos is a place in the file. What YAML puts behind its end, as the value that is
// missing there, is at the end.
func (d *document) pos(line, col int) Pos {
	if last := len(d.lines); line > last {
		return Pos{d.file, last, len([]rune(d.lines[last-1])) + 1}
	}
	return Pos{d.file, line, col}
}

func (d *document) report(line, col int, rule, format string, args ...any) {
	*d.ps = append(*d.ps, Problem{Pos: d.pos(line, col), Message: fmt.Sprintf(format, args...), Rule: rule})
}

// Parse reads a file of exactly one YAML document. Problems found now and later,
// through the Node, are added to ps. ok is false where there is nothing to read.
func Parse(file string, data []byte, ps *Problems) (root Node, ok bool) {
	text := strings.TrimPrefix(string(data), "\ufeff")
	// A carriage return alone ends a line, too, for YAML and for old editors.
	d := &document{file, strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), "\n"), ps}
	if line, col, said := unreadable(text); line > 0 {
		d.report(line, col, "yaml", "%s", said)
		return Node{}, false
	}
	r := d.scan()
	dec := yaml.NewDecoder(strings.NewReader(text))
	var doc yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		d.hidden(r.traps)
		d.report(1, 1, "yaml", "the file is empty")
		return Node{}, false
	} else if err != nil {
		d.syntax(err, r)
		return Node{}, false
	}
	var more yaml.Node
	if err := dec.Decode(&more); err == nil {
		d.report(max(more.Line, 1), max(more.Column, 1), "yaml", "a second document in the file; it holds only one (remove the '---')")
		return Node{}, false // half of the file would be missed everywhere
	} else if !errors.Is(err, io.EOF) {
		d.syntax(err, r)
		return Node{}, false
	}
	d.hidden(r.traps)
	d.refuse(&doc)
	return Node{doc.Content[0], d}, true
}

// hidden reports what is legal YAML and still lost: a key behind an unquoted #.
func (d *document) hidden(traps []trap) {
	for _, t := range traps {
		if t.legal {
			d.report(t.line, t.col, t.rule, "%s", t.message)
		}
	}
}

// refuse reports what YAML can do and a file that people maintain should not:
// a value that stands somewhere else than where it is read.
func (d *document) refuse(y *yaml.Node) {
	switch {
	case y.Kind == yaml.AliasNode:
		d.report(y.Line, y.Column, "yaml-alias", "*%s is a reference to another place in YAML (an alias), which is not used here; a text that begins with * is written in quotes: %q", y.Value, "*"+y.Value)
		return
	case y.Anchor != "":
		d.report(y.Line, y.Column, "yaml-anchor", "&%s is an anchor in YAML, which is not used here; write the value where it is needed, or in quotes if it is a text", y.Anchor)
	case y.Tag == "!!merge":
		d.report(y.Line, y.Column, "yaml-merge", "<< merges mappings in YAML, which is not used here; write the keys where they are needed")
	case y.Style&yaml.TaggedStyle != 0:
		d.report(y.Line, y.Column, "yaml-tag", "%s is a tag in YAML, which is not used here; a text that begins with ! is written in quotes", y.Tag)
	}
	for _, c := range y.Content {
		d.refuse(c)
	}
}

// hashed tells whether a comment on a line has nothing in it: where a value is
// missing there, the # was meant to be the value.
func (d *document) hashed(line int) bool {
	if line < 1 || line > len(d.lines) {
		return false
	}
	text := strings.TrimSpace(d.lines[line-1])
	return strings.HasSuffix(text, ": #") || text == "- #"
}

var (
	yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

	// nextLine are yaml.v3's messages that count lines from 0: its parser's, unlike its scanner's.
	nextLine = regexp.MustCompile(`^did not find expected (key|'-' indicator|node content|',' or|<)`)
)

// hints says to people what yaml.v3 says in its own words.
var hints = []struct{ said, meant string }{
	{"mapping values are not allowed", "a ': ' inside of a text (write the text in quotes), or a line that is indented further than the one before"},
	{"did not find expected key", "a line that is not indented as those beside it"},
	{"did not find expected '-'", "a line that is not indented as the list that it belongs to"},
	{"did not find expected ',' or '}'", "a { that is not closed, or a comma that is missing"},
	{"did not find expected ',' or ']'", "a [ that is not closed, or a comma that is missing"},
	{"did not find expected node content", "a value is missing, or a comma too many"},
	{"unexpected end of stream", "a quote that is not closed"},
	{"cannot start any token", "a tab, or a sign that YAML keeps for itself (write the text in quotes)"},
	{"could not find expected ':'", "a line without 'key: value'"},
	{"alphabetic or numeric character", "an unquoted * or & (write it in quotes)"},
	{"unknown anchor", "an unquoted * (write it in quotes)"},
	{"unknown escape character", "a \\ in a text with double quotes (write it with single quotes)"},
	{"control characters", "a character that is not text"},
	{"UTF-8", "the file is not in UTF-8"},
}

// syntax reports what is not YAML. Where the text has a trap in it, that is the
// cause, and named instead: yaml.v3 knows no column, and often another line.
func (d *document) syntax(err error, r *reader) {
	if len(r.traps) > 0 {
		for _, t := range r.traps {
			d.report(t.line, t.col, t.rule, "%s", t.message)
		}
		return
	}
	line, msg := d.said(err)
	unfit := strings.HasPrefix(msg, "did not find expected ") && (strings.HasSuffix(msg, "key") || strings.HasSuffix(msg, "indicator"))
	if unfit && r.misfit > 0 {
		line = r.misfit // yaml.v3 says only where the mapping or the list begins
	}
	if d.known(line, msg, r) {
		return
	}
	col := d.indent(line) + 1
	if strings.Contains(msg, "',' or '") && len(r.flow) > 0 { // the rest of the file is within it
		line, col = r.flow[0].line, r.flow[0].col
	} else if strings.HasPrefix(msg, "mapping values") {
		col = secondColon(d.lines[line-1], col)
	}
	for _, h := range hints {
		if strings.Contains(msg, h.said) {
			d.report(line, col, "yaml", "not YAML: %s (%s)", h.meant, msg)
			return
		}
	}
	d.report(line, col, "yaml", "not YAML: %s", msg)
}

// said takes yaml.v3's error apart: its line, and what it says.
func (d *document) said(err error) (line int, msg string) {
	line, msg = 1, strings.ReplaceAll(err.Error(), "\n", " ")
	if m := yamlLine.FindStringSubmatch(msg); m != nil {
		msg = m[2]
		if n, convErr := strconv.Atoi(m[1]); convErr == nil {
			line = n
		}
		if m[1] != "" && nextLine.MatchString(msg) {
			line++
		}
	}
	line = min(line, len(d.lines))
	for line > 1 && strings.TrimSpace(d.lines[line-1]) == "" { // the end of the file: its last line with something on it
		line--
	}
	return line, msg
}

// known reports the slips whose place the reader knows, the surest first. line is
// where yaml.v3 stumbled.
func (d *document) known(line int, msg string, r *reader) bool {
	at, sign, wide := widePlace(d.lines[line-1])
	switch {
	case r.unclosed != (mark{}):
		d.report(r.unclosed.line, r.unclosed.col, "yaml", "not YAML: a quote that is not closed on its line (%s)", msg)
	case wide:
		d.report(line, at, "yaml-wide", "not YAML: %s (%s)", sign, msg)
	case r.dash > 0 && strings.HasSuffix(msg, "'-' indicator"):
		d.report(r.dash, d.indent(r.dash)+1, "yaml", "not YAML: the - of a list is followed by a blank (%s)", msg)
	case strings.Contains(msg, "',' or '") && len(r.flow) == 0 && r.colon != (mark{}):
		d.report(r.colon.line, r.colon.col, "yaml", "not YAML: a second ':' where a ',' was to come: a comma is missing before, or a text with a ': ' in it needs quotes (%s)", msg)
	default:
		return false
	}
	return true
}

// indent is how many blanks a line begins with.
func (d *document) indent(line int) int {
	text := d.lines[line-1]
	return len(text) - len(strings.TrimLeft(text, " "))
}

// secondColon is the column of what cannot be one: the ': ' in a text that stands behind
// a key. Where there is but one, the line itself does not belong where it is.
func secondColon(line string, col int) int {
	first := strings.Index(line, ": ")
	if first < 0 {
		return col
	}
	second := strings.Index(line[first+2:], ": ")
	if second < 0 || strings.ContainsAny(line[first+2:first+2+second], "\"'{[#") {
		return col
	}
	return len([]rune(line[:first+2+second])) + 1
}
