// Package source reads the project's own YAML strictly and says where things
// are: every value keeps its line and column, an unknown or repeated key is a
// Problem, and all problems of a file are reported at once.
//
// Menus, prompt texts and service catalogues are read through it, so that a
// maintainer meets one form of error everywhere; where YAML itself reads something
// else than people mean (an unquoted # or *, 010), that is said. It refuses to
// guess: no implicit conversions, no defaults, no anchors, tags or merges.
package source

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Pos is a place in a file. Line and Col count from 1, Col in characters.
type Pos struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Col  int    `json:"col"`
}

// String gives "file:line:col".
func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", Name(p.File), p.Line, p.Col) }

// Name writes a file's name as one line that a terminal only shows: it is quoted where it has
// characters that a terminal would obey. Files may come from anybody.
func Name(file string) string {
	if strings.ContainsFunc(file, func(r rune) bool { return !strconv.IsPrint(r) || r == utf8.RuneError }) {
		return strconv.Quote(file)
	}
	return file
}

// Problem is one thing wrong in a source file: where, what (and what to do),
// and the name of the rule that found it. A Warning is not good, but works.
type Problem struct {
	Pos     Pos    `json:"pos"`
	Message string `json:"message"`
	Rule    string `json:"rule"`
	Warning bool   `json:"warning,omitempty"`
}

// Error gives "file:line:col: message [rule]", with "warning: " before the message of one.
func (p Problem) Error() string {
	if p.Warning {
		return fmt.Sprintf("%s: warning: %s [%s]", p.Pos, p.Message, p.Rule)
	}
	return fmt.Sprintf("%s: %s [%s]", p.Pos, p.Message, p.Rule)
}

// Problems is everything wrong with a set of files. As an error it has a line for each.
type Problems []Problem

// Error has a line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Err is nil where nothing is wrong but for warnings, and all of it sorted otherwise.
func (ps Problems) Err() error {
	if !slices.ContainsFunc(ps, func(p Problem) bool { return !p.Warning }) {
		return nil
	}
	ps.Sort()
	return ps
}

// Sort puts them into the order of their places.
func (ps Problems) Sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
}
