package transcript

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"hotline/internal/menu"
	"hotline/internal/menu/tree"
	"hotline/internal/orders"
	"hotline/internal/prompts"
)

// Line writes one effect as its line in a transcript.
func Line(e menu.Effect) string {
	switch e := e.(type) {
	case menu.Entered:
		return "node " + e.Node
	case menu.Play:
		return "play " + prompts.Join(e.Refs)
	case menu.StopPlay:
		return "stop"
	case menu.SetTimer:
		return fmt.Sprintf("timer %v %s", e.After, e.For)
	case menu.Submit:
		return fmt.Sprintf("order %s %s %v", e.Action, e.Service, e.Price) + with(e.With)
	case menu.Ask:
		return strings.TrimSpace("ask "+e.Query+" "+e.Service) + with(e.With)
	case menu.Verify:
		return "verify " + e.Password.String()
	case menu.Look:
		return strings.TrimSpace("look " + e.Service)
	case menu.Transfer:
		s := "transfer " + e.Queue
		if e.Priority != 0 {
			s += fmt.Sprintf(" priority %d", e.Priority)
		}
		for _, name := range slices.Sorted(maps.Keys(e.Facts)) {
			s += " " + name + "=" + e.Facts[name]
		}
		return s
	case menu.Speak:
		if e.Remember {
			return "speak " + e.Language + " from now on"
		}
		return "speak " + e.Language
	case menu.Rated:
		return strings.TrimSpace(fmt.Sprintf("rated %d %s", e.Score, e.Service))
	case menu.CallBack:
		return strings.TrimSpace("call back from " + e.Queue + " " + e.Service)
	case menu.Missed:
		return "missed " + string(e.Why)
	case menu.Replayed:
		return "replayed"
	case menu.AppOpened:
		s := fmt.Sprintf("app %d opens %s", e.App, e.Kind)
		if e.Continues != 0 {
			s += fmt.Sprintf(" continues %d", e.Continues)
		}
		return s
	case menu.AppBound:
		return strings.TrimRight(fmt.Sprintf("app %d is %s %s %s", e.App, e.Kind, e.Action, e.Service), " ")
	case menu.AppClosed:
		s := fmt.Sprintf("app %d ends %s at %s", e.App, e.Result, place(e.At))
		if e.Tries != (menu.Tries{}) {
			s += fmt.Sprintf(" (no input %d, invalid %d, replays %d)", e.Tries.NoInput, e.Tries.Invalid, e.Tries.Replays)
		}
		return s
	case menu.AppLeft:
		return fmt.Sprintf("app %d left to the desk at %s", e.App, place(e.At))
	case menu.End:
		return "end " + string(e.Reason)
	}
	return fmt.Sprintf("%T", e)
}

// with writes what the caller typed, masked where it is private.
func with(w orders.With) string {
	s := ""
	for _, name := range slices.Sorted(maps.Keys(w)) {
		s += " " + name + "=" + w[name].String()
	}
	return s
}

func place(p menu.Position) string {
	if p.Prompt == "" {
		return p.Node
	}
	return fmt.Sprintf("%s %s %dms %d%%", p.Node, p.Prompt, p.MS, p.Percent)
}

// Run plays the caller's side of a transcript on the tree and gives the whole
// transcript with the hotline's side as it is now: equal to text where the menu
// still does what the transcript says. Comments (#) and empty lines stay.
func Run(tree *tree.Tree, text string) (string, error) {
	var b strings.Builder
	p := New(tree)
	for i, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "" || trimmed[0] == '#':
			b.WriteString(line + "\n")
		case trimmed[0] == '>':
			b.WriteString(trimmed + "\n")
			events, err := p.Events(trimmed[1:])
			if err != nil {
				return "", fmt.Errorf("line %d: %w", i+1, err)
			}
			for _, e := range events {
				for _, f := range p.Step(e) {
					b.WriteString(Line(f) + "\n")
				}
			}
		}
	}
	return b.String(), nil
}
