package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"

	"hotline/internal/bench"
)

// The goals: what the hotline may cost, as against native menus.
const (
	goalReaction = 2.0  // × native, p50 and p99
	goalSteps    = 1.25 // × native, without the audio's share
	goalServer   = 1.0  // ms of processor time a call
)

// benchProgress counts calls: in place on a terminal, a line every few seconds elsewhere.
func benchProgress(w io.Writer) (progress func(bench.Progress), wipe func()) {
	const every = 5 * time.Second
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return func(p bench.Progress) { fmt.Fprintf(f, "\r\x1b[K  %d of %d calls · %s", p.Done, p.Total, p.What) },
			func() { fmt.Fprint(f, "\r\x1b[K") }
	}
	var told time.Time
	return func(p bench.Progress) {
		if time.Since(told) >= every {
			told = time.Now()
			fmt.Fprintf(w, "%d of %d calls · %s\n", p.Done, p.Total, p.What)
		}
	}, func() {}
}

// showBench prints the tables.
func showBench(out io.Writer, r *bench.Result) {
	colour := false
	if f, ok := out.(*os.File); ok {
		colour = term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == ""
	}
	fmt.Fprintf(out, "\n%d calls of each kind at %g a second, keys %s\n", r.Calls, r.Rate, r.Keys)
	benchTable(out, &r.Quiet, colour)
	if r.Live > 0 {
		fmt.Fprintf(out, "\nThe same beside %d idle calls. These alone cost Asterisk %.1f ms and the server %.2f ms in every second,\nwhich is not in the table.\n",
			r.Live, r.Busy.IdleMS.Asterisk, r.Busy.IdleMS.Server)
		benchTable(out, &r.Busy, colour)
		was, is := r.Quiet.Arms[bench.Hotline].CPU, r.Busy.Arms[bench.Hotline].CPU
		fmt.Fprintf(out, "A call beside them costs the server %.2f × what it costs without them, and Asterisk %.2f ×.\n",
			is.Server/was.Server, is.Asterisk/was.Asterisk)
	}
	fmt.Fprintf(out, "%d of %d calls went as written; those of the hotline are whole in the journal.\n", r.AsScript, r.Placed)
}

func benchTable(out io.Writer, h *bench.Half, colour bool) {
	native, hotline, media := h.Arms[bench.Native], h.Arms[bench.Hotline], h.Arms[bench.Media]
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.SetOutputMirror(out)
	t.AppendHeader(table.Row{"", "native", "hotline", "hotline / native", "goal"})
	t.SetColumnConfigs([]table.ColumnConfig{
		{Number: 2, Align: text.AlignRight}, {Number: 3, Align: text.AlignRight}, {Number: 4, Align: text.AlignRight},
	})
	ms := func(v float64) string { return fmt.Sprintf("%.2f ms", v) }
	held := func(value string, ok bool) string {
		c := text.FgGreen
		if !ok {
			c = text.FgRed
		}
		if !colour {
			return value
		}
		return c.Sprint(value)
	}
	times := func(v, goal float64) string {
		if v == 0 { // native could not be told from the audio alone
			return "?"
		}
		return held(fmt.Sprintf("%.2f ×", v), v <= goal)
	}
	t.AppendRow(table.Row{"key to prompt, p50", ms(native.P50), ms(hotline.P50), times(h.Ratios.P50, goalReaction), "≤ 2 ×"})
	t.AppendRow(table.Row{"key to prompt, p99", ms(native.P99), ms(hotline.P99), times(h.Ratios.P99, goalReaction), "≤ 2 ×"})
	t.AppendSeparator()
	t.AppendRow(table.Row{"Asterisk a call", ms(native.CPU.Asterisk), ms(hotline.CPU.Asterisk), fmt.Sprintf("%.2f ×", hotline.CPU.Asterisk/native.CPU.Asterisk), ""})
	t.AppendRow(table.Row{"server a call", "", held(ms(hotline.CPU.Server), hotline.CPU.Server <= goalServer), "", "≤ 1 ms"})
	t.AppendRow(table.Row{"both", ms(native.CPU.Asterisk), ms(hotline.CPU.Both()), fmt.Sprintf("%.2f ×", h.Ratios.CPU), ""})
	if media != nil {
		floor := media.CPU.Asterisk
		t.AppendRow(table.Row{"of it the audio alone", ms(floor), ms(floor), "", ""})
		t.AppendRow(table.Row{"of it the menu's steps", ms(native.CPU.Asterisk - floor), ms(hotline.CPU.Both() - floor), times(h.Ratios.Steps, goalSteps), "≤ 1.25 ×"})
	}
	t.AppendRow(table.Row{"Postgres a call, besides", "", ms(hotline.CPU.Postgres), "", ""})
	t.Render()
	fmt.Fprintf(out, "In the rounds, both over native was %.2f to %.2f ×. Other programs took %.2f, %.2f",
		slices.Min(h.Ratios.CPURounds), slices.Max(h.Ratios.CPURounds), native.Others, hotline.Others)
	audio, lost := fmt.Sprintf("%.2f, %.2f", native.Audio, hotline.Audio), native.Missing+hotline.Missing
	if media != nil {
		fmt.Fprintf(out, ", %.2f", media.Others)
		audio += fmt.Sprintf(", %.2f", media.Audio)
		lost += media.Missing
	}
	fmt.Fprintf(out, " processors meanwhile.\nA call heard %s s of audio; %d packets were lost.\n", audio, lost)
}
