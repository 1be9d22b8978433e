package studio

import (
	"math"
	"path"
	"slices"
	"time"

	"hotline/internal/menu/places"
	"hotline/internal/prompts"
)

// Options are what a sheet is drawn by. It asks for what has to be recorded and no sheet
// has asked for yet.
type Options struct {
	Open      bool     // also for what earlier sheets asked for in vain
	Every     bool     // for all prompts, the recorded ones too
	Languages []string // of the catalogue
	Places    []places.Announcement
	Longest   func(lang string, e prompts.Entry) time.Duration // that a recording may be; nil is any length
	Notice    time.Duration                                    // within which callers are to hear of a notice
	At        time.Time
}

// Sheet is what a studio is asked for.
type Sheet struct {
	Number int       `json:"sheet"`
	At     time.Time `json:"at"`
	Since  int       `json:"since"` // the sheet before it; 0 for none
	Every  bool      `json:"every"`
	Rows   []Row     `json:"rows"`

	Open    int `json:"open"`    // prompts that earlier sheets asked for and that are not among the rows
	Unnoted int `json:"unnoted"` // recordings put there by hand that no import has looked at
}

// Row is one prompt to record.
type Row struct {
	Lang    string     `json:"lang"`
	ID      string     `json:"id"`
	File    string     `json:"file"` // to deliver: "zh/main.welcome.wav"
	Text    string     `json:"text"`
	Note    string     `json:"note,omitempty"`
	Voice   string     `json:"voice,omitempty"`
	Joined  []string   `json:"joined,omitempty"`  // a fragment of spoken numbers, among its neighbours
	Context []string   `json:"context,omitempty"` // where it is said, in the words of its language
	More    int        `json:"more,omitempty"`    // further places like these
	Seconds float64    `json:"max_seconds"`       // 0 is any length
	State   State      `json:"state"`
	Why     string     `json:"why,omitempty"`
	Asked   int        `json:"asked,omitempty"`  // the last sheet that asked for this text
	Notice  string     `json:"notice,omitempty"` // of the house, that it answers
	Due     *time.Time `json:"due,omitempty"`    // when callers are to hear of that
}

// Draw makes the next sheet. It is not noted yet: see Note.
func (p *Prospect) Draw(o Options) *Sheet {
	s := &Sheet{Number: p.ledger.last() + 1, At: o.At, Since: p.ledger.last(), Every: o.Every, Rows: []Row{}}
	for _, lang := range o.Languages {
		said := newContexts(p.texts, lang, o.Places)
		fragments := joined(p.texts, lang)
		for _, one := range p.prompts {
			if one.Lang != lang {
				continue
			}
			if one.State == Unnoted {
				s.Unnoted++
			}
			if !one.wanted(o) {
				if one.open() {
					s.Open++
				}
				continue
			}
			row := one.row(o)
			row.Joined = fragments[one.ID]
			row.Context, row.More = said.of(one.ID)
			s.Rows = append(s.Rows, row)
		}
	}
	return s
}

// wanted tells whether a prompt belongs on a sheet.
func (p prompt) wanted(o Options) bool {
	return o.Every || p.toRecord() && (o.Open || !p.open())
}

func (p prompt) row(o Options) Row {
	row := Row{Lang: p.Lang, ID: p.ID, File: path.Join(p.Lang, p.ID+".wav"), Text: p.Text, Note: p.Note, Voice: p.Voice,
		State: p.State, Why: p.Why, Asked: p.sheet(), Notice: p.Notice.ID}
	if o.Longest != nil {
		row.Seconds = math.Ceil(o.Longest(p.Lang, p.Entry).Seconds()*10) / 10
	}
	if p.Notice.ID != "" {
		due := p.Notice.At.Add(o.Notice)
		row.Due = &due
	}
	return row
}

// Of are the rows of one language, which one speaker reads.
func (s *Sheet) Of(lang string) []Row {
	return slices.DeleteFunc(slices.Clone(s.Rows), func(r Row) bool { return r.Lang != lang })
}

// Note keeps in the prompts' folder that the sheet has asked for its texts, so that the
// next one does not ask for them again.
func (s *Sheet) Note(folder string) error {
	n := noted{Sheet: s.Number, At: s.At.Truncate(time.Millisecond), Prompts: map[string]map[string]string{}}
	for _, r := range s.Rows {
		if n.Prompts[r.Lang] == nil {
			n.Prompts[r.Lang] = map[string]string{}
		}
		n.Prompts[r.Lang][r.ID] = r.Text
	}
	return n.note(folder)
}
