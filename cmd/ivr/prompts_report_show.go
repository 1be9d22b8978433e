package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"hotline/internal/journal/hearing"
)

// show prints the figures as a table, and below it each text with the place where
// callers gave up.
func (s *understanding) show(out io.Writer, zone *time.Location, asJSON bool) error {
	if asJSON {
		return printJSON(out, s)
	}
	whose := "live calls"
	if s.Test {
		whose = "dial tests"
	}
	of := ""
	if s.Version != "" {
		of = " of menu version " + s.Version
	}
	fmt.Fprintf(out, "How prompts are understood: %s%s, %s to %s (%s)\n", whose, of, clock(s.From, zone), clock(s.To, zone), zone)
	switch {
	case s.Calls == 0:
		fmt.Fprintln(out, "There was no call in this time.")
		return nil
	case len(s.Report.Prompts) == 0:
		fmt.Fprintf(out, "%s, and none of them heard anything that was recorded.\n", counted(int(s.Calls), "call"))
		return nil
	}
	fmt.Fprintf(out, "%s; limit: %g %% of callers answer right at the first try\n\n", counted(int(s.Calls), "call"), s.Least)
	if len(s.Prompts) == 0 {
		fmt.Fprintln(out, "No prompt is under the limit.")
		return nil
	}
	fmt.Fprintf(out, "%s\n\n", s.table(out))
	for _, p := range s.Prompts {
		s.place(out, p)
	}
	if s.Others > 0 {
		fmt.Fprintf(out, "%s under the limit for want of answers to what was said after: --all lists everything.\n", isMore(s.Others))
	}
	return nil
}

func isMore(n int) string {
	if n == 1 {
		return "1 more prompt is"
	}
	return fmt.Sprintf("%d more prompts are", n)
}

// table has a line for each prompt.
func (s *understanding) table(out io.Writer) string {
	paint := painter(out)
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	t.AppendHeader(table.Row{"prompt", "right at first", "of", "95 % sure", "failed: no key + wrong + hung up", "heard", "callers", "replays", "listened s", "length s"})
	var right []table.ColumnConfig
	for _, column := range []int{2, 3, 4, 6, 7, 8, 9, 10} {
		right = append(right, table.ColumnConfig{Number: column, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(right)
	for _, p := range s.Prompts {
		share, interval := "–", ""
		if p.Percent != nil {
			share, interval = fmt.Sprintf("%.1f %%", *p.Percent), fmt.Sprintf("%.0f–%.0f %%", p.Low, p.High)
			switch {
			case *p.Percent >= s.Least:
				share = paint(green, share)
			case p.Chance:
				share, interval = paint(yellow, share), interval+" (not significant)"
			default:
				share = paint(red, share)
			}
		}
		f := p.Failed
		t.AppendRow(table.Row{p.Language + "/" + p.ID, share, p.First.All(), interval,
			fmt.Sprintf("%d: %d + %d + %d", f.All(), f.NoInput, f.NoMatch, f.HungUp), p.Heard, p.Callers, p.Replays, listened(p.Prompt), inSeconds(p.Length)})
	}
	return t.Render()
}

// listened is how long callers listen: half of them no longer than the first figure, nine of
// ten no longer than the second.
func listened(p hearing.Prompt) string {
	if p.Median == nil || p.P90 == nil {
		return "–"
	}
	return inSeconds(p.Median) + " / " + inSeconds(p.P90)
}

// inSeconds is "3.5", or "–" for what nobody knows.
func inSeconds(ms *int) string {
	if ms == nil {
		return "–"
	}
	return fmt.Sprintf("%.1f", float64(*ms)/1000)
}

// mostNodes is how many nodes of a prompt are named; --json has all.
const mostNodes = 4

// place prints a prompt's text, with a mark where callers gave up, and where it is said.
func (s *understanding) place(out io.Writer, p understood) {
	paint := painter(out)
	head := p.Language + "/" + p.ID
	if p.Place != "" {
		head += "  " + p.Place
	}
	fmt.Fprintln(out, paint(bold, head))
	switch {
	case p.Text == "":
		fmt.Fprintln(out, "  (the prompts do not have it any more)")
	case p.At == nil || p.Length == nil:
		fmt.Fprintf(out, "  %s\n", p.Text)
	default:
		fmt.Fprintf(out, "  %s%s%s\n", paint(yellow, p.Before), paint(red, "|"), paint(faint, p.After))
	}
	if p.At != nil {
		fmt.Fprintf(out, "  gave up at second %s of %s (%d of %d): %s\n", inSeconds(&p.At.MS), inSeconds(p.Length), p.At.N, p.At.Of, p.after())
	}
	if p.Changed {
		fmt.Fprintln(out, "  the text has changed: the figures are of what callers heard (--since looks at less)")
	}
	var nodes []string
	for i, n := range p.Nodes {
		if i == mostNodes {
			nodes = append(nodes, fmt.Sprintf("and %d more", len(p.Nodes)-i))
			break
		}
		nodes = append(nodes, fmt.Sprintf("%s (%d of %d)", n.Node, n.Failed, n.Heard))
	}
	fmt.Fprintf(out, "  failed of heard, by node: %s\n\n", strings.Join(nodes, ", "))
}

// after says where in the text most gave up.
func (p *understood) after() string {
	switch {
	case p.Length == nil || p.Text == "":
		return "nobody knows how long it is"
	case p.After == "":
		return "when all of it had been said"
	case p.Before == "":
		return "before it said anything"
	}
	return "after «" + p.Before + "»"
}
