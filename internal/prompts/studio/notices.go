package studio

import (
	"cmp"
	"slices"
	"time"

	"hotline/internal/prompts"
)

// Notice is an order of the house, with how long it took until callers heard of it.
type Notice struct {
	ID      string          `json:"notice"`
	At      time.Time       `json:"at"`
	Prompts []noticedPrompt `json:"prompts"`
	Live    *time.Time      `json:"live,omitempty"` // since when all its prompts are heard; nil: it waits
	Took    time.Duration   `json:"-"`              // until Live, or until now
	Within  bool            `json:"within"`         // the standard, so far
	Back    bool            `json:"taken_back"`     // it was live, and what is live now does not say it
	Times   bool            `json:"several_times"`  // its prompts do not agree when it was given: the earliest counts
	Entry   prompts.Entry   `json:"-"`              // the first of its prompts
}

// Waits tells whether callers do not hear of it now.
func (n Notice) Waits() bool { return n.Live == nil || n.Back }

// noticedPrompt is one prompt that answers a notice.
type noticedPrompt struct {
	Lang  string     `json:"lang"`
	ID    string     `json:"id"`
	Text  string     `json:"text"`
	Live  *time.Time `json:"live,omitempty"`  // since when it is heard as it reads now
	First *time.Time `json:"first,omitempty"` // when it was first heard for this notice, where that was in other words
}

// Answers are what a catalogue says for notices.
type Answers map[answer]string

// answer is a prompt that says something for a notice.
type answer struct{ lang, id, notice string }

// AnswersOf takes them from a catalogue, which is large where they are few.
func AnswersOf(texts *prompts.Catalog) Answers {
	all := Answers{}
	for _, lang := range texts.Languages() {
		for _, e := range texts.Entries(lang) {
			if e.Notice.ID != "" {
				all[answer{lang, e.ID, e.Notice.ID}] = e.Text
			}
		}
	}
	return all
}

// History is what was ever published for notices. Its zero value is of nothing.
type History struct {
	live  map[answer]map[string]time.Time // by text: the first time
	first map[answer]time.Time            // whatever the text was
	now   Answers
}

// Publish adds the next publication, whether of something new or of something older.
func (h *History) Publish(at time.Time, said Answers) {
	if h.live == nil {
		h.live, h.first = map[answer]map[string]time.Time{}, map[answer]time.Time{}
	}
	for a, text := range said {
		if h.live[a] == nil {
			h.live[a], h.first[a] = map[string]time.Time{}, at
		}
		if _, before := h.live[a][text]; !before {
			h.live[a][text] = at
		}
	}
	h.now = said
}

// Notices tells of every notice in the catalogue when callers heard of it: at the first
// publication in which each of its prompts has the notice and the text of today. The
// oldest come first.
func (h *History) Notices(texts *prompts.Catalog, standard time.Duration, now time.Time) []Notice {
	found := map[string]*Notice{}
	for _, lang := range texts.Languages() {
		for _, e := range texts.Entries(lang) {
			if e.Notice.ID == "" {
				continue
			}
			n := found[e.Notice.ID]
			if n == nil {
				n = &Notice{ID: e.Notice.ID, At: e.Notice.At, Entry: e}
				found[n.ID] = n
			}
			n.Times = n.Times || !n.At.Equal(e.Notice.At)
			if e.Notice.At.Before(n.At) {
				n.At = e.Notice.At
			}
			p, back := h.prompt(lang, e)
			n.Prompts, n.Back = append(n.Prompts, p), n.Back || back
		}
	}
	all := make([]Notice, 0, len(found))
	for _, n := range found {
		n.settle(standard, now)
		all = append(all, *n)
	}
	slices.SortFunc(all, func(a, b Notice) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	return all
}

// prompt tells when one was heard. back tells that it was live and is not now.
func (h *History) prompt(lang string, e prompts.Entry) (p noticedPrompt, back bool) {
	a := answer{lang, e.ID, e.Notice.ID}
	p = noticedPrompt{Lang: lang, ID: e.ID, Text: e.Text}
	if at, live := h.live[a][e.Text]; live {
		p.Live = &at
		back = h.now[a] != e.Text
	}
	if at, ever := h.first[a]; ever && (p.Live == nil || at.Before(*p.Live)) {
		p.First = &at
	}
	return p, back
}

// settle tells when the last prompt of a notice was live.
func (n *Notice) settle(standard time.Duration, now time.Time) {
	var last time.Time
	for _, p := range n.Prompts {
		switch {
		case p.Live == nil:
			n.Took = now.Sub(n.At)
			n.Within = n.Took <= standard
			return
		case p.Live.After(last):
			last = *p.Live
		}
	}
	n.Live = &last
	n.Took = max(0, last.Sub(n.At)) // what was prepared before the notice came took no time
	n.Within = n.Took <= standard
}

// Share is how many notices were live within the standard, of those of which that is
// known: all but those that still have time.
func Share(all []Notice) (within, of int) {
	for _, n := range all {
		switch {
		case n.Live == nil && n.Within:
			continue
		case n.Within:
			within++
		}
		of++
	}
	return within, of
}
