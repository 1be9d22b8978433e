package studio

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"hotline/internal/menu/places"
	"hotline/internal/prompts"
)

const (
	maxContexts = 3  // places that are shown of a prompt
	neighbours  = 2  // parts on each side that are shown of one
	longest     = 14 // characters of a part beside it: more would hide what is to be read
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
}

func newContexts(texts *prompts.Catalog, lang string, all []places.Announcement) *contexts {
	c := &contexts{texts: texts, lang: lang, words: inLanguage(lang), found: map[string][]place{}}
	for _, a := range all {
		for i, part := range a.Parts {
			for _, ref := range part.Said {
				if ref.In == "" || ref.In == lang {
					c.found[ref.ID] = append(c.found[ref.ID], place{part.As, c.where(a), c.marked(a.Parts, i, ref)})
				}
			}
		}
	}
	return c
}

// of gives the places of a prompt that tell the most: one for each role first, no two
// that read alike. more is how many others there are.
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
	pick(func(a, b place) bool { return a.said != b.said })
	for _, one := range picked {
		shown = append(shown, fmt.Sprintf("%s · %s：%s", one.where, c.words.roles[one.role], one.said))
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

// part writes a neighbour: of a long one, the end that is next to the prompt.
func (c *contexts) part(p places.Part, before bool) string {
	if p.Read != prompts.Say {
		return "〈" + cmp.Or(c.words.values[p.Read], string(p.Read)) + "〉"
	}
	text := []rune(c.texts.Text(cmp.Or(p.Said[0].In, c.lang), p.Said[0]))
	switch {
	case len(text) > longest && before:
		text = append([]rune("…"), text[len(text)-longest:]...)
	case len(text) > longest:
		text = append(text[:longest:longest], '…')
	}
	if len(p.Said) > 1 { // one of several, as the call goes
		return "〈" + string(text) + "…〉"
	}
	return string(text)
}
