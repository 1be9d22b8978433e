package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/mattn/go-runewidth"

	"hotline/internal/menu/check"
	"hotline/internal/source"
)

// show prints every finding, and what the menus are like.
func (c *checked) show(out io.Writer, asJSON bool) error {
	if asJSON {
		return printJSON(out, append([]check.Finding{}, c.findings...))
	}
	warnings := c.showFindings(out)
	if len(c.findings) > warnings {
		return nil
	}
	fmt.Fprintf(out, "%s, %d nodes: no problems", counted(len(c.menus), "menu"), c.nodes)
	if warnings > 0 {
		fmt.Fprintf(out, ", %s", counted(warnings, "warning"))
	}
	fmt.Fprintln(out)
	for _, m := range c.menus {
		m.summary(out)
	}
	return nil
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// showFindings prints each finding with its line and, where it has one, its call. It
// gives the number of warnings.
func (c *checked) showFindings(out io.Writer) (warnings int) {
	paint := painter(out)
	files := map[string][]string{}
	for _, f := range c.findings {
		if _, read := files[f.Pos.File]; !read {
			files[f.Pos.File] = lines(f.Pos.File)
		}
		colour, kind := red, ""
		if f.Warning {
			colour, kind = yellow, "warning: "
			warnings++
		}
		fmt.Fprintf(out, "%s: %s%s %s\n", paint(bold, f.Pos.String()), paint(colour, kind), paint(colour, f.Message), paint(faint, "["+f.Rule+"]"))
		excerpt(out, f.Pos, files[f.Pos.File])
		if f.Transcript != "" {
			fmt.Fprintln(out, "    a call that shows it:")
			for _, line := range strings.Split(strings.TrimRight(f.Transcript, "\n"), "\n") {
				fmt.Fprintln(out, "      "+line)
			}
		}
	}
	return warnings
}

// summary says in two lines what calls on the menu are like.
func (m *checkedMenu) summary(out io.Writer) {
	fmt.Fprintf(out, "%s: every call ends: within %s without a key, within %s without a right one (%d states, %d events tried)\n",
		m.Menu, wholeSeconds(m.Silent), wholeSeconds(m.Erring), m.States, m.Steps)
	if len(m.Functions) > 0 {
		worst := m.Worst()
		fmt.Fprintf(out, "%s: %d functions; the furthest, %s, speaks %.1f s after the answer of the call (keys %s)%s\n",
			m.Menu, len(m.Functions), worst.Node, worst.Listens, worst.Keys, m.estimated())
	}
}

func (m *checkedMenu) estimated() string {
	if m.Estimated {
		return "; seconds are estimated from the texts, as no recordings are known (--audio)"
	}
	return ""
}

func wholeSeconds(d time.Duration) string { return fmt.Sprintf("%.0f s", d.Seconds()) }

// showListening prints how long callers take to each function.
func (c *checked) showListening(out io.Writer, asJSON bool) error {
	if asJSON {
		all := []map[string]any{}
		for _, m := range c.menus {
			all = append(all, map[string]any{"menu": m.Menu, "language": m.Language, "functions": m.Functions,
				"silent_seconds": m.Silent.Seconds(), "erring_seconds": m.Erring.Seconds(), "estimated": m.Estimated})
		}
		return printJSON(out, all)
	}
	c.showFindings(out)
	for _, m := range c.menus {
		m.table(out)
		m.summary(out)
	}
	return nil
}

// table of the ways to each function.
func (m *checkedMenu) table(out io.Writer) {
	t := table.NewWriter()
	t.SetOutputMirror(out)
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"node", "function", "keys", "listening", "at once", "code", "by code"})
	right := func(n int) table.ColumnConfig {
		return table.ColumnConfig{Number: n, Align: text.AlignRight, AlignHeader: text.AlignRight}
	}
	t.SetColumnConfigs([]table.ColumnConfig{right(4), right(5), right(7)})
	for _, r := range m.Functions {
		dialled := ""
		if r.Dials != "" {
			dialled = fmt.Sprintf("%.1f s", r.Dialled)
		}
		t.AppendRow(table.Row{r.Node, r.Name, r.Keys, fmt.Sprintf("%.1f s", r.Listens), fmt.Sprintf("%.1f s", r.AtOnce), r.Dials, dialled})
	}
	t.Render()
	fmt.Fprintf(out, "listening: the caller waits until the key has been named; each key takes half a second; the time of the BOSS is not counted\n")
}

// lines of a file that people write; none of a recording, and none where it cannot be
// read, which is a problem named already.
func lines(file string) []string {
	if filepath.Ext(file) != ".yaml" {
		return nil // opening a pipe that lies among the recordings would wait for ever
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	return strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(data)), "\n")
}

// excerptWidth is how many characters of a line are shown: a file may be one line.
const excerptWidth = 160

// excerpt prints the line of the source and a caret under the place. Columns count
// characters; Chinese ones are two wide, and a tab is printed as one blank, as is what
// would command the terminal.
func excerpt(out io.Writer, pos source.Pos, lines []string) {
	if pos.Line < 1 || pos.Line > len(lines) {
		return
	}
	line := []rune(strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.Trim(lines[pos.Line-1], "\r\ufeff")))
	at := min(max(pos.Col-1, 0), len(line))
	if from := at - excerptWidth/2; from > 0 && len(line) > excerptWidth {
		line, at = append([]rune("…"), line[from:]...), at-from+1
	}
	if len(line) > excerptWidth {
		line = append(line[:excerptWidth:excerptWidth], '…')
	}
	fmt.Fprintf(out, "    %s\n    %s^\n", string(line), strings.Repeat(" ", runewidth.StringWidth(string(line[:at]))))
}
