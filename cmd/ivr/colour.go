package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// colour is an SGR parameter (ECMA-48): those that read well on light and dark.
type colour string

const (
	plain  colour = ""
	bold   colour = "1"
	faint  colour = "2"
	red    colour = "31"
	green  colour = "32"
	yellow colour = "33"
)

// painter colours texts on a terminal and leaves them alone elsewhere, as it does
// where NO_COLOR is set (no-color.org).
func painter(out io.Writer) func(colour, string) string {
	f, ok := out.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || !term.IsTerminal(int(f.Fd())) {
		return func(_ colour, s string) string { return s }
	}
	return func(c colour, s string) string {
		if c == plain {
			return s
		}
		return "\x1b[" + string(c) + "m" + s + "\x1b[0m"
	}
}
