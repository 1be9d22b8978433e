package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/mattn/go-runewidth"

	"hotline/internal/menu/diff"
)

// diffTitles are the groups in words.
var diffTitles = map[diff.Group]string{
	diff.Functions: "Functions", diff.Keys: "Keys", diff.Prices: "Prices", diff.Prompts: "Texts",
	diff.Spoken: "What is said", diff.Course: "The way of a call", diff.Errors: "Errors and waiting",
}

func printDiff(out io.Writer, reports []*diff.Report) {
	paint := painter(out)
	for i, r := range reports {
		if i > 0 {
			fmt.Fprintln(out)
		}
		if r.Same() {
			fmt.Fprintf(out, "%s: nothing that callers notice\n", paint(bold, r.Menu))
			continue
		}
		fmt.Fprintf(out, "%s: what changes for callers\n", paint(bold, r.Menu))
		for _, g := range diff.Groups() {
			printGroup(out, paint, g, r.Changes)
			if g == diff.Functions {
				printWays(out, paint, r)
			}
		}
	}
}

// alike are changes that say the same of several places.
type alike struct {
	diff.Change
	places []string
}

// placesShown of the same change are named; of more of them, a few.
const placesShown = 4

func printGroup(out io.Writer, paint func(colour, string) string, g diff.Group, changes []diff.Change) {
	var all []*alike
	for _, c := range changes {
		if c.Group != g {
			continue
		}
		i := slices.IndexFunc(all, func(a *alike) bool {
			return a.What == c.What && a.Old == c.Old && a.New == c.New && c.Where != "" && g != diff.Functions
		})
		if i < 0 {
			all = append(all, &alike{Change: c})
			i = len(all) - 1
		}
		all[i].places = append(all[i].places, c.Where)
	}
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(out, "\n%s\n", paint(bold, diffTitles[g]))
	for _, a := range all {
		where := strings.Join(a.places, ", ")
		if n := len(a.places); n > placesShown {
			where = fmt.Sprintf("%d places: %s …", n, strings.Join(a.places[:placesShown], ", "))
		}
		if where != "" {
			where += " · "
		}
		fmt.Fprintf(out, "  %s%s\n", where, changeText(paint, a.Change))
	}
}

// changeText: on one line where it is short, else the old and the new one above the other.
func changeText(paint func(colour, string) string, c diff.Change) string {
	old, new := c.Old, c.New
	switch {
	case c.Group == diff.Functions && new == "":
		return fmt.Sprintf("%s (was %s)", paint(red, c.What), old)
	case c.Group == diff.Functions:
		return fmt.Sprintf("%s (%s)", paint(green, c.What), new)
	case strings.HasSuffix(c.What, " is new"):
		return c.What + ": " + paint(green, new)
	case strings.HasSuffix(c.What, " is gone"):
		return c.What + ": " + paint(red, old)
	}
	if old == "" {
		old = "nothing"
	}
	if new == "" {
		new = "nothing"
	}
	if runewidth.StringWidth(old+new) <= 40 {
		return fmt.Sprintf("%s: %s → %s", c.What, paint(red, old), paint(green, new))
	}
	return fmt.Sprintf("%s:\n    - %s\n    + %s", c.What, paint(red, old), paint(green, new))
}

// printWays lists the functions with other keys; those that only take longer or
// shorter are summed up by how much.
func printWays(out io.Writer, paint func(colour, string) string, r *diff.Report) {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"way to", "keys before", "keys now", "presses", "seconds before", "now", "±"})
	moved := 0
	var gains []int // tenths of a second
	by := map[int][]string{}
	for _, w := range r.Ways {
		switch tenths := tenths(w.Gained()); {
		case w.Old.Keys != w.New.Keys:
			moved++
			t.AppendRow(table.Row{w.Function, w.Old.Keys, w.New.Keys, fmt.Sprintf("%d → %d", w.Old.Presses, w.New.Presses),
				tenthsText(w.Old.MS), tenthsText(w.New.MS), gain(paint, w.Gained())})
		case w.Changed():
			if by[tenths] == nil {
				gains = append(gains, tenths)
			}
			by[tenths] = append(by[tenths], w.Function)
		}
	}
	if moved == 0 && len(gains) == 0 {
		return
	}
	fmt.Fprintf(out, "\n%s (%s)\n", paint(bold, "Ways to functions"), lengths(r.Recorded))
	if moved > 0 {
		fmt.Fprintln(out, t.Render())
	}
	slices.Sort(gains)
	slices.Reverse(gains)
	for _, g := range gains {
		functions := by[g]
		names := strings.Join(functions[:min(len(functions), placesShown)], ", ")
		if len(functions) > placesShown {
			names = fmt.Sprintf("%d functions: %s …", len(functions), names)
		}
		fmt.Fprintf(out, "  same keys, %s s · %s\n", gain(paint, g*100), names)
	}
	old, new := 0, 0
	for _, w := range r.Ways {
		old += w.Old.MS
		new += w.New.MS
	}
	n := len(r.Ways)
	fmt.Fprintf(out, "  on average of %d functions: %s s → %s s\n", n, tenthsText(old/n), tenthsText(new/n))
}

// lengths says where the seconds come from.
func lengths(recorded int) string {
	switch recorded {
	case 0:
		return "seconds estimated from the texts"
	case 100:
		return "seconds of the recordings"
	}
	return fmt.Sprintf("seconds %d %% from recordings, the rest estimated from the texts", recorded)
}

func tenths(ms int) int {
	if ms < 0 {
		return -tenths(-ms)
	}
	return (ms + 50) / 100
}

func tenthsText(ms int) string { return fmt.Sprintf("%.1f", float64(ms)/1000) }

// gain is green where callers save time.
func gain(paint func(colour, string) string, ms int) string {
	text := fmt.Sprintf("%+.1f", float64(ms)/1000)
	switch t := tenths(ms); {
	case t > 0:
		return paint(red, text)
	case t < 0:
		return paint(green, text)
	}
	return text
}
