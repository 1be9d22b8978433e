package httpboss

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"hotline/internal/orders"
)

// formatKind is how a value is written, in what is sent and in what comes back.
type formatKind int

const (
	asItIs    formatKind = iota
	inFen                // 650
	inYuan               // 6.50
	byPattern            // yyyy-MM-dd
	byTable              // the words of the BOSS
)

// format is one way to write a value: the same words in what is sent and in what comes
// back, so that a description says yyyyMM once it knows that the BOSS does.
type format struct {
	kind    formatKind
	pattern string // yyyy-MM, as it was written
	layout  string // 2006-01, the same for package time
	table   table
}

// table has our words and those of the BOSS for them, one to one.
type table map[string]string

// units of a pattern, the longest first; the letters are those that Java has for them,
// which the papers of most BOSSs use.
var units = []struct{ letters, layout string }{
	{"yyyy", "2006"}, {"yy", "06"}, {"MM", "01"}, {"dd", "02"}, {"HH", "15"}, {"mm", "04"}, {"ss", "05"}, {"XXX", "Z07:00"},
}

// layout makes of yyyy-MM-dd what package time reads; false where the pattern has a
// letter that is no unit, or a figure.
func layout(pattern string) (string, bool) {
	var b strings.Builder
	found := false
next:
	for rest := pattern; rest != ""; {
		for _, u := range units {
			if after, is := strings.CutPrefix(rest, u.letters); is {
				b.WriteString(u.layout)
				rest, found = after, true
				continue next
			}
		}
		// Any other letter but the T of ISO 8601, and figures, would mean something to package time.
		if c := rest[0]; c != 'T' && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80 || c == '_') {
			return "", false
		}
		b.WriteByte(rest[0])
		rest = rest[1:]
	}
	return b.String(), found
}

// format reads the name of a format: fen, yuan, a pattern or a table. It tells what is
// wrong with it, for a person.
func (l *loader) format(text string) (f format, wrong string) {
	switch text {
	case "":
		return f, ""
	case "fen":
		return format{kind: inFen}, ""
	case "yuan":
		return format{kind: inYuan}, ""
	}
	if t, ok := l.d.tables[text]; ok {
		return format{kind: byTable, table: t}, ""
	}
	if layout, ok := layout(text); ok {
		return format{kind: byPattern, pattern: text, layout: layout}, ""
	}
	known := append([]string{"fen", "yuan"}, slices.Sorted(maps.Keys(l.d.tables))...)
	return f, fmt.Sprintf("there is no format %q%s (there are %s, and patterns of yyyy, yy, MM, dd, HH, mm, ss, XXX)", text, didYouMean(text, known), listed(known))
}

var yuanText = regexp.MustCompile(`^(-?)([0-9]{1,12})(?:\.([0-9]{1,2})0*)?$`)

// money reads an amount as the BOSS writes it. No float has touched it: 0.1 is 10 fen. What
// is no whole number of fen is refused, as a caller would be told something else than is true.
func (f format) money(text string) (orders.Money, error) {
	if f.kind == inFen {
		fen, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return 0, errors.New("it is no whole number of fen")
		}
		return orders.Money(fen), nil
	}
	m := yuanText.FindStringSubmatch(text)
	if m == nil {
		return 0, errors.New("it is no amount of yuan")
	}
	fen, err := strconv.ParseInt(m[1]+m[2]+(m[3] + "00")[:2], 10, 64)
	if err != nil {
		return 0, errors.New("it is no amount of yuan")
	}
	return orders.Money(fen), nil
}

// write gives an amount as the BOSS reads it: figures, a point, a minus, nothing else.
func (f format) write(m orders.Money) string {
	if f.kind == inFen {
		return strconv.FormatInt(int64(m), 10)
	}
	return m.String()
}

// typed writes what a caller typed: an amount (6.50) in fen or yuan, a month (2610) by a
// pattern. Errors do not quote it.
func (f format) typed(text string) (string, error) {
	switch f.kind {
	case inFen, inYuan:
		m, err := format{kind: inYuan}.money(text)
		if err != nil {
			return "", errors.New("what was typed is no amount")
		}
		return f.write(m), nil
	case byPattern:
		month, err := time.Parse("0601", text)
		if err != nil {
			return "", errors.New("what was typed is no month")
		}
		return month.Format(f.layout), nil
	case byTable:
		their, ok := f.table[text]
		if !ok {
			return "", errors.New("the table has no word for what was typed")
		}
		return their, nil
	}
	return text, nil
}
