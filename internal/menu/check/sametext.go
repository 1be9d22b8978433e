package check

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"hotline/internal/menu/tree"
	"hotline/internal/orders"
	"hotline/internal/orders/entry"
	"hotline/internal/prompts"
	"hotline/internal/source"
)

// cause is a reason why a caller did not get what he wanted, with what he is told.
type cause struct {
	name string
	ref  prompts.Ref
}

// causes lists what this tree says when something goes wrong. A Ref that the menu
// need not have, and has not, is left out.
func causes(t *tree.Tree) []cause {
	p := &t.Phrases
	var all []cause
	add := func(name string, refs ...prompts.Ref) {
		for _, r := range refs {
			if r.ID != "" {
				all = append(all, cause{name, r})
			}
		}
	}
	// Attempts of one cause, and the same cause at several nodes, may share words.
	add("no_input", p.NoInput...)
	add("invalid", p.Invalid...)
	for _, n := range ordered(t) {
		add("no_input", n.NoInput...)
		add("invalid", n.Invalid...)
	}
	add("gave_up", p.GaveUp)
	add("unknown_code", p.UnknownCode)
	add("wait", p.Wait)
	add("wait_still", p.WaitStill)
	add("wait_sorry", p.WaitSorry)
	add("stopping", p.Stopping)
	add("resumed", p.Resumed)
	add("cancelled", p.Cancelled)
	add("too_short", p.TooShort)
	add("too_long", p.TooLong)
	for _, kind := range []entry.Kind{entry.Amount, entry.Month, entry.Phone, entry.IDCard} {
		add("bad_"+string(kind), p.Malformed[kind])
	}
	add("mismatch", p.Mismatch)
	add("password_gave_up", p.PasswordGaveUp)
	for _, r := range orders.Results() {
		name := string(r.Outcome)
		if r.Detail != orders.NoDetail {
			name += "/" + string(r.Detail)
		}
		add(name, p.Results[r])
		if r.Outcome == orders.SystemFailed {
			add("query "+name, p.Failed[r.Detail])
		}
	}
	add("service_closed", p.ServiceClosed)
	add("price_differs", p.PriceDiffers)
	add("no_number", p.NoNumber)
	add("outside_hours", p.OutsideHours)
	add("transfer_failed", p.NoAgent)
	return all
}

// sameText finds two causes that a caller cannot tell apart: other prompts perhaps,
// but the same words.
func sameText(t *tree.Tree, c *prompts.Catalog) (ps source.Problems) {
	for _, lang := range t.Languages {
		said := map[string]cause{}
		places := map[string]source.Pos{}
		for _, e := range c.Entries(lang) {
			places[e.ID] = e.Pos
		}
		for _, now := range causes(t) {
			// Prompts of two names are told apart by ids, callers by what they hear.
			text := plain(c.Text(lang, now.ref))
			first, taken := said[text]
			switch {
			case text == "" || taken && first.name == now.name:
			case !taken:
				said[text] = now
			default:
				ps = append(ps, source.Problem{Pos: places[now.ref.ID], Rule: "same-text", Message: fmt.Sprintf(
					"callers hear the same for %q as for %q (prompt %q): say what happened and what can be done", now.name, first.name, first.ref.ID)})
			}
		}
	}
	return ps
}

// plain is a text as it sounds: without punctuation, blanks and capitals.
func plain(text string) string {
	return string(slices.DeleteFunc([]rune(strings.ToLower(text)), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}))
}
