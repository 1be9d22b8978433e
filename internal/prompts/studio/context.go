package studio

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"

	"hotline/internal/menu/places"
	"hotline/internal/prompts"
)

const (
	maxContexts = 3  // places that are shown of a prompt
	neighbours  = 2  // parts on each side that are shown of one
	widest      = 28 // columns of a part beside it (a Chinese character has two): more would hide what is to be read
)

// contexts are the places of the prompts of one language, in its words.
type contexts struct {
	texts *prompts.Catalog
	lang  string
	words *wording
	found map[string][]place // by id, in the order of the menus
}

// place is one of a prompt.
type place struct {
	role  places.Role
	where string // keys and code
	said  string // "…【开通】请按 一…"
	near  string // what stands right before and after it, but for an error
}

func newContexts(texts *prompts.Catalog, lang string, all []places.Announcement) *contexts {
	c := &contexts{texts: texts, lang: lang, words: inLanguage(lang), found: map[string][]place{}}
	for _, a := range all {
		for i, part := range a.Parts {
			for _, ref := range part.Said {
				if ref.In == "" || ref.In == lang {
					c.found[ref.ID] = append(c.found[ref.ID], place{part.As, c.where(a), c.marked(a.Parts, i, ref), c.near(a.Parts, i)})
				}
			}
		}
	}
	return c
}

// of gives the places of a prompt that tell the most: one for each role first, then those
// with other words beside it. more is how many others there are.
func (c *contexts) of(id string) (shown []string, more int) {
	var picked []place
	pick := func(differs func(a, b place) bool) {
		for _, one := range c.found[id] {
			if len(picked) < maxContexts && !slices.ContainsFunc(picked, func(p place) bool { return !differs(p, one) }) {
				picked = append(picked, one)
			}
		}
	}
	pick(func(a, b place) bool { return a.role != b.role })
	pick(func(a, b place) bool { return a.near != b.near })
	for _, one := range picked {
		shown = append(shown, one.where+" · "+c.words.roles[one.role]+c.words.colon+one.said)
	}
	return shown, len(c.found[id]) - len(picked)
}

// where says how a caller comes to an announcement.
func (c *contexts) where(a places.Announcement) string {
	w := c.words
	where := w.start
	switch {
	case a.Node == "":
		return w.anywhere
	case a.Aside:
		where = w.aside
	case a.Keys != "":
		where = fmt.Sprintf(w.keys, a.Keys)
	}
	if a.Code != "" {
		where += fmt.Sprintf(w.code, a.Code)
	}
	return where
}

// marked writes an announcement around one of its parts.
func (c *contexts) marked(parts []places.Part, at int, ref prompts.Ref) string {
	from, to := max(0, at-neighbours), min(len(parts), at+neighbours+1)
	var words []string
	for i := from; i < to; i++ {
		switch {
		case i == at:
			words = append(words, bracket(c.texts.Text(c.lang, ref)))
		case i < at:
			words = append(words, c.part(parts[i], true))
		default:
			words = append(words, c.part(parts[i], false))
		}
	}
	if from > 0 {
		words = slices.Insert(words, 0, "…")
	}
	if to < len(parts) {
		words = append(words, "…")
	}
	return strings.Join(words, " ")
}

// near is the same for places that are to be spoken alike. Which error a question comes
// after makes no difference to its speaker.
func (c *contexts) near(parts []places.Part, at int) string {
	beside := ""
	if at > 0 && parts[at-1].As != places.Error {
		beside = c.part(parts[at-1], true)
	}
	beside += "|"
	if at+1 < len(parts) {
		beside += c.part(parts[at+1], false)
	}
	return beside
}

// part writes a neighbour: of a long one, the end that is next to the prompt.
func (c *contexts) part(p places.Part, before bool) string {
	if p.Read != prompts.Say {
		return "〈" + cmp.Or(c.words.values[p.Read], string(p.Read)) + "〉"
	}
	text := c.texts.Text(cmp.Or(p.Said[0].In, c.lang), p.Said[0])
	if wide := runewidth.StringWidth(text); wide > widest && before {
		text = runewidth.TruncateLeft(text, wide-widest, "…")
	} else if wide > widest {
		text = runewidth.Truncate(text, widest, "…")
	}
	if len(p.Said) > 1 { // one of several, as the call goes
		return "〈" + text + "…〉"
	}
	return text
}
