package source

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// ReportAt adds a Problem within a text: at its character offset, counted from 0. Where
// the file does not have the text as it is (escapes, folded lines), the Problem is at
// the begin of the value.
func (n Node) ReportAt(offset int, rule, format string, args ...any) {
	line, col := n.within(offset)
	n.in.report(line, col, rule, "%s", fmt.Sprintf(format, args...))
}

// within is where a character of the value stands in the file.
func (n Node) within(offset int) (line, col int) {
	text := []rune(n.y.Value)
	offset = min(max(offset, 0), len(text))
	if n.y.Style&yaml.LiteralStyle != 0 {
		return n.inBlock(text[:offset])
	}
	quote := 0
	if n.y.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		quote = 1
	}
	if n.y.Line <= len(n.in.lines) {
		written := []rune(n.in.lines[n.y.Line-1])
		if from := n.y.Column - 1 + quote; from <= len(written) && strings.HasPrefix(string(written[from:]), n.y.Value) {
			return n.y.Line, from + offset + 1
		}
	}
	return n.y.Line, n.y.Column
}

// inBlock is where a block of lines (|) has the character behind before. YAML tells the
// line of the | and not how far the block is indented: its first line does.
func (n Node) inBlock(before []rune) (line, col int) {
	indent := 0
	for _, text := range n.in.lines[min(n.y.Line, len(n.in.lines)):] {
		if trimmed := strings.TrimLeft(text, " "); trimmed != "" {
			indent = len(text) - len(trimmed)
			break
		}
	}
	line, col = n.y.Line+1, 1
	for _, r := range before {
		if col++; r == '\n' {
			line, col = line+1, 1
		}
	}
	return line, indent + col
}
