package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-runewidth"
	"golang.org/x/term"

	"hotline/internal/dialtest"
	"hotline/internal/orders"
)

// timeline prints a call while it goes on. Keys and prompts come from different
// goroutines, hence the lock.
type timeline struct {
	mu    sync.Mutex
	out   io.Writer
	width int // of the terminal; 0 for none
	began time.Time
	key   dialtest.Pressed // the last one, until the prompt upon it is printed
}

func newTimeline(out io.Writer) *timeline {
	t := &timeline{out: out}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil {
			t.width = w
		}
	}
	return t
}

// The columns' widths, in cells: a Chinese character takes two.
const (
	idWidth   = 22
	timeWidth = 7
)

// paint colours s on a terminal.
func (t *timeline) paint(code, s string) string {
	if t.width == 0 || os.Getenv("NO_COLOR") != "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// at is the time since the answer, in seconds.
func (t *timeline) at(when time.Time) string {
	return t.paint("2", fmt.Sprintf("%*.2f", timeWidth, max(when.Sub(t.began).Seconds(), 0)))
}

// fit cuts a text to what is left of the terminal's line after used cells.
func (t *timeline) fit(text string, used int) string {
	if t.width == 0 {
		return text
	}
	return runewidth.Truncate(text, max(t.width-used, 10), "…")
}

func (t *timeline) dialling(from orders.MSISDN, to string) {
	fmt.Fprintf(t.out, "%s calls %s\n", from, to)
}

func (t *timeline) answered(at time.Time, after time.Duration) {
	t.began = at
	fmt.Fprintf(t.out, "%s  answered after %d ms\n", t.at(at), after.Milliseconds())
}

// pressed is called by the Walk.
func (t *timeline) pressed(p dialtest.Pressed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.key = p
	fmt.Fprintf(t.out, "%s  %s\n", t.at(p.At), t.paint("1;36", "press "+p.Key))
}

// watch prints prompts as they are recognised, until the call has ended.
func (t *timeline) watch(call *dialtest.Session) {
	printed, open := 0, false // entries printed; whether the last of them was still being said
	for {
		err := call.Await(context.Background(), func(line []dialtest.Heard) bool {
			return len(line) > printed || open && printed > 0 && !line[printed-1].Open
		})
		line := call.Heard()
		t.mu.Lock()
		if open && printed <= len(line) && !line[printed-1].Open {
			t.closed(line[printed-1])
			open = false
		}
		for ; printed < len(line); printed++ {
			t.heard(line[printed])
			open = line[printed].Open
			if !open {
				t.closed(line[printed])
			}
		}
		t.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// heard prints a prompt that has begun.
func (t *timeline) heard(h dialtest.Heard) {
	id := runewidth.FillRight(h.Prompt, idWidth)
	text := cmp.Or(h.Text, "(sound that is in no recording)")
	note := ""
	if t.key.Key != "" && !h.Start.Before(t.key.At) {
		note = fmt.Sprintf("  %d ms after key %s", h.Start.Sub(t.key.At).Milliseconds(), t.key.Key)
		t.key = dialtest.Pressed{}
	}
	fmt.Fprintf(t.out, "%s  %s %s%s\n", t.at(h.Start), t.paint("32", id), t.fit(text, timeWidth+idWidth+3+len(note)), t.paint("33", note))
}

// closed prints how a prompt ended, if that is worth a line.
func (t *timeline) closed(h dialtest.Heard) {
	if h.Lost > 0 {
		fmt.Fprintf(t.out, "%s  %s\n", t.at(h.End), t.paint("31", fmt.Sprintf("%d packets of %s were lost", h.Lost, h.Prompt)))
	}
	if !h.Whole && h.Prompt != dialtest.Unknown {
		fmt.Fprintf(t.out, "%s  %s\n", t.at(h.End), t.paint("2", fmt.Sprintf("%s cut after %d ms", h.Prompt, h.To.Milliseconds())))
	}
}

func (t *timeline) ended(r *dialtestReport) {
	fmt.Fprintf(t.out, "%s  hung up by the %s; %d packets heard, %d lost\n", t.at(time.Now()), r.EndedBy, r.Packets, r.Missing)
	exact, cut, other, unknown := 0, 0, 0, 0
	for _, h := range r.Heard {
		switch {
		case h.Prompt == dialtest.Unknown:
			unknown++
		case h.SHA256 != "":
			exact++
		case differs(h, r.Missing):
			other++
		default:
			cut++
		}
	}
	otherwise := fmt.Sprintf("%d otherwise than it says", other)
	if other > 0 {
		otherwise = t.paint("31", otherwise)
	}
	fmt.Fprintf(t.out, "%s  recordings heard: %d whole, bit for bit as the manifest says; %d in part, as far; %s; %d sounds of no recording\n",
		t.at(time.Now()), exact, cut, otherwise, unknown)
}

// differs tells whether a recording was come into in its middle, though no packet was lost:
// the bytes before are not those of the manifest. Each such place ends one piece and begins another.
func differs(h dialtest.Heard, missing int) bool { return h.From > 0 && missing == 0 }

// rows prints what the journal has of the call.
func (t *timeline) rows(r dialtestReport) {
	if r.CallID != "" {
		fmt.Fprintf(t.out, "\ncall %s\n", r.CallID)
	}
	for _, a := range r.Applications {
		result := cmp.Or(a.Result.String(), "open")
		colour := "31"
		if a.Result.Outcome == orders.Success {
			colour = "32"
		}
		what := strings.Join(strings.Fields(strings.Join([]string{a.Kind, a.Action, a.Service}, " ")), " ")
		why := ""
		if a.Category != "none" {
			why = fmt.Sprintf("  (%s, rule %s)", a.Category, a.Rule)
		}
		fmt.Fprintf(t.out, "  %s %s  at %s%s\n", runewidth.FillRight(what, idWidth+timeWidth), t.paint("1;"+colour, result), a.Node, why)
		for _, line := range a.facts() {
			fmt.Fprintf(t.out, "    %s\n", t.paint("2", line))
		}
	}
}

// facts are the rest of an application's row, in lines.
func (a applicationRow) facts() []string {
	const clock = "15:04:05.000"
	row := fmt.Sprintf("application %s  test %v  menu %s", a.ID, a.Test, cmp.Or(a.Menu, "–"))
	life := "opened " + a.OpenedAt.Local().Format(clock)
	if a.ClosedAt != nil {
		life += fmt.Sprintf("  closed %s by the %s", a.ClosedAt.Local().Format(clock), a.ClosedBy)
	}
	if a.Prompt != "" {
		life += fmt.Sprintf("  after %d ms of %s", a.PromptMS, a.Prompt)
	}
	if a.Order == "" {
		return []string{row, life}
	}
	return []string{row, life, strings.TrimRight(fmt.Sprintf("order %s  %s  %v yuan  %s", a.Order, a.State, a.Price, a.BossRef), " ")}
}
