package source

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// Node is one value of a YAML file, with its place. Its methods read the value
// as one thing; where it is something else they report a Problem and give the
// zero value, so that a reader can go on and find the rest of the problems.
type Node struct {
	y  *yaml.Node
	in *document
}

// Pos is where the value begins.
func (n Node) Pos() Pos { return n.in.pos(n.y.Line, n.y.Column) }

// Report adds a Problem at this value. That an alias is none has been said already.
func (n Node) Report(rule, format string, args ...any) {
	if n.y.Kind != yaml.AliasNode {
		n.in.report(n.y.Line, n.y.Column, rule, "%s%s", fmt.Sprintf(format, args...), wideHint(n.y))
	}
}

// IsList and IsObject tell what the value is, where a key may hold either.
func (n Node) IsList() bool { return n.y.Kind == yaml.SequenceNode }

// IsObject tells whether the value is a mapping.
func (n Node) IsObject() bool { return n.y.Kind == yaml.MappingNode }

// IsNothing tells whether there is no value: reading it as any has been a Problem.
func (n Node) IsNothing() bool { return n.y.Tag == "!!null" }

// what names the kind of value that n is, for messages.
func (n Node) what() string {
	switch n.y.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	switch n.y.Tag {
	case "!!null":
		if n.in.hashed(n.y.Line) {
			return "nothing (an unquoted # begins a comment: write \"#\")"
		}
		return "nothing"
	case "!!str":
		return fmt.Sprintf("the text %q", n.y.Value)
	}
	return n.y.Value
}

// Field is one known key of an object: what reads its value, and whether it must be there.
type Field struct {
	Read     func(Node)
	Required bool
}

// Object reads a mapping with a fixed set of keys. An unknown key is a Problem
// that lists the known ones; a repeated or missing one is a Problem too. It gives the
// keys that unknown ones were most likely meant to be: a missing one of them has been
// told of already.
func (n Node) Object(fields map[string]Field) (guessed []string) {
	seen := map[string]bool{}
	n.Entries(func(key, value Node) {
		name := key.y.Value
		f, known := fields[name]
		if !known {
			if meant := n.unknown(key, slices.Sorted(maps.Keys(fields))); meant != "" {
				guessed = append(guessed, meant)
				seen[meant] = true
			}
			return
		}
		seen[name] = true
		f.Read(value)
	})
	if !n.IsObject() {
		return nil
	}
	var missing []string
	for name, f := range fields {
		if f.Required && !seen[name] {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	for _, name := range missing {
		n.Report("missing-key", "key %q is missing", name)
	}
	return guessed
}

// joinedColon is a key whose ':' is none: without a blank behind it, or full-width.
var joinedColon = regexp.MustCompile(`^([\w.-]+)(:|：)`)

// unknown reports a key that is none, and gives the known one that was most likely meant:
// that this one is missing besides would be said twice.
func (n Node) unknown(key Node, names []string) (meant string) {
	name := key.y.Value
	if m := joinedColon.FindStringSubmatch(name); m != nil && slices.Contains(names, m[1]) {
		if m[2] == ":" {
			key.Report("unknown-key", "unknown key %q: a blank is missing behind the ':' of %q", name, m[1])
		} else {
			key.Report("unknown-key", "unknown key %q", name)
		}
		return m[1]
	}
	key.Report("unknown-key", "unknown key %q%s (known: %s)", name, didYouMean(name, names), strings.Join(names, ", "))
	return Nearest(name, slices.Values(names))
}

// Entries reads a mapping with free keys, in the order of the file. A repeated
// key is a Problem and is passed over.
func (n Node) Entries(read func(key, value Node)) {
	if !n.IsObject() {
		n.Report("type", "expected a mapping (key: value), found %s", n.what())
		return
	}
	first := map[string]int{}
	for i := 0; i+1 < len(n.y.Content); i += 2 {
		key := Node{n.y.Content[i], n.in}
		value := Node{n.y.Content[i+1], n.in}
		if key.y.Kind != yaml.ScalarNode {
			key.Report("type", "expected a plain key, found %s", key.what())
			continue
		}
		if line, again := first[key.y.Value]; again {
			key.Report("duplicate-key", "key %q stands twice (first on line %d)", key.y.Value, line)
			continue
		}
		first[key.y.Value] = key.y.Line
		read(key, value)
	}
}

// Len is how many values a list has, or keys a mapping; 0 for anything else.
func (n Node) Len() int {
	if n.IsObject() {
		return len(n.y.Content) / 2
	}
	if n.IsList() {
		return len(n.y.Content)
	}
	return 0
}

// List reads a list, in order.
func (n Node) List(read func(Node)) {
	if !n.IsList() {
		n.Report("type", "expected a list, found %s", n.what())
		return
	}
	for _, c := range n.y.Content {
		read(Node{c, n.in})
	}
}

// Text reads a string, which may not be empty.
func (n Node) Text() string {
	if n.y.Kind != yaml.ScalarNode || n.y.Tag != "!!str" {
		n.Report("type", "expected a text, found %s%s", n.what(), n.quoteHint())
		return ""
	}
	if strings.TrimSpace(n.y.Value) == "" {
		n.Report("empty", "the text is empty")
	}
	return n.y.Value
}

func (n Node) quoteHint() string {
	if n.y.Kind == yaml.ScalarNode && n.y.Tag != "!!null" {
		return fmt.Sprintf(" (write it in quotes: %q)", n.y.Value)
	}
	return ""
}

// Scalar reads a text or a number as it is written: the key of a mapping, a DTMF key, a
// code. It is "" where a Problem has been reported, or where nothing is in the quotes.
func (n Node) Scalar() string {
	if n.y.Kind != yaml.ScalarNode || (n.y.Tag != "!!str" && n.y.Tag != "!!int") {
		n.Report("type", "expected a text or a number, found %s%s", n.what(), n.quoteHint())
		return ""
	}
	if !n.plainNumber() {
		return ""
	}
	return n.y.Value
}

// decimal is a number that is the same for YAML as for people: 010 is 8 for it, 0x10 is 16.
var decimal = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

// plainNumber reports a number that YAML reads otherwise than it looks.
func (n Node) plainNumber() bool {
	if n.y.Tag != "!!int" || decimal.MatchString(n.y.Value) {
		return true
	}
	var meant int64
	if n.y.Decode(&meant) != nil {
		n.Report("yaml-number", "%s is no number as people write it; write it in quotes: %q", n.y.Value, n.y.Value)
		return false
	}
	n.Report("yaml-number", "%s is the number %d in YAML, not what it looks like; a code is written in quotes (%q), a number without the leading 0", n.y.Value, meant, n.y.Value)
	return false
}

// Day reads a date such as 2026-10-01, with quotes or without.
func (n Node) Day() string {
	if _, err := time.Parse(time.DateOnly, n.y.Value); n.y.Kind != yaml.ScalarNode || err != nil {
		n.Report("type", "expected a date such as 2026-10-01, found %s", n.what())
		return ""
	}
	return n.y.Value
}

// Int reads a whole number from lowest to highest.
func (n Node) Int(lowest, highest int) int {
	if n.y.Kind == yaml.ScalarNode && !n.plainNumber() {
		return lowest
	}
	v, err := strconv.Atoi(n.y.Value)
	if n.y.Kind != yaml.ScalarNode || n.y.Tag != "!!int" || err != nil || v < lowest || v > highest {
		n.Report("type", "expected a whole number from %d to %d, found %s", lowest, highest, n.what())
		return lowest
	}
	return v
}

// Number reads a number such as 25 or -36.5, from lowest to highest.
func (n Node) Number(lowest, highest float64) float64 {
	if n.y.Tag == "!!int" && !n.plainNumber() {
		return lowest
	}
	v, err := strconv.ParseFloat(n.y.Value, 64)
	if n.y.Kind != yaml.ScalarNode || (n.y.Tag != "!!int" && n.y.Tag != "!!float") || err != nil || !(v >= lowest && v <= highest) {
		n.Report("type", "expected a number from %v to %v, found %s", lowest, highest, n.what())
		return lowest
	}
	return v
}

// Bool reads true or false.
func (n Node) Bool() bool {
	if n.y.Kind != yaml.ScalarNode || n.y.Tag != "!!bool" || (n.y.Value != "true" && n.y.Value != "false") {
		n.Report("type", "expected true or false, found %s%s", n.what(), n.boolHint())
		return false
	}
	return n.y.Value == "true"
}

// boolHint is for those who know YAML 1.1, where yes and on are true.
func (n Node) boolHint() string {
	switch strings.ToLower(n.y.Value) {
	case "yes", "on", "y", "true":
		return " (write true)"
	case "no", "off", "n", "false":
		return " (write false)"
	}
	return ""
}

// Duration reads a time such as "5s" or "1500ms", from lowest to highest.
func (n Node) Duration(lowest, highest time.Duration) time.Duration {
	d, err := time.ParseDuration(n.y.Value)
	if n.y.Kind != yaml.ScalarNode || err != nil || d < lowest || d > highest {
		n.Report("type", "expected a time from %v to %v such as 5s or 1500ms, found %s", lowest, highest, n.what())
		return lowest
	}
	return d
}

// OneOf reads one word out of a closed set.
func (n Node) OneOf(known ...string) string {
	v := n.y.Value
	if n.y.Kind != yaml.ScalarNode || !slices.Contains(known, v) {
		n.Report("type", "expected one of %s; found %s%s", strings.Join(known, ", "), n.what(), didYouMean(v, known))
		return ""
	}
	return v
}

// Peek reads one key of a mapping out of its turn, where it is there: what it
// says decides how the rest is read.
func (n Node) Peek(key string, read func(Node)) {
	if !n.IsObject() {
		return
	}
	for i := 0; i+1 < len(n.y.Content); i += 2 {
		if n.y.Content[i].Value == key {
			read(Node{n.y.Content[i+1], n.in})
			return
		}
	}
}

// Is tells whether the value is this word, without a Problem where it is not.
func (n Node) Is(word string) bool { return n.y.Kind == yaml.ScalarNode && n.y.Value == word }
