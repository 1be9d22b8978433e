package prompts

import (
	"maps"
	"slices"
	"time"
)

// The limits of what is read aloud. A balance beyond them is a mistake of the
// BOSS, not something to say to a caller. Years are of four figures, which leaves
// in the 9999-12-31 that means "for ever" to many a BOSS.
const (
	maxNumber = 1_000_000_000_000 // 10^12
	maxMoney  = 100 * maxNumber   // fen
	minYear   = 1000
	maxYear   = 9999

	maxFigures = 19 // of a code: what an int64 can hold
	minPhone   = 3  // 110
	maxPhone   = 17 // 15 of ITU-T E.164 after 00
)

// pauseMS is the silence between the groups of a telephone number. Fragments follow each
// other without one, so this much is heard as the comma that is written there, and the
// number is not yet over.
const pauseMS = 200

// pauseID is its fragment, in every language.
const pauseID = "u.pause"

// piece is one part of spoken numbers, an index into its reader's pieces.
type piece uint8

// reader reads numbers aloud in one language. Each piece is a recording of its own,
// so its functions give the order in which the recordings are played. They are
// called within the limits only: money gets fen, code figures (more than one), and
// month, date and time what is in the calendar and on the clock.
//
// Another language is another file like zh.go and a line in readers.
type reader struct {
	pieces  []Entry                          // by piece; no Pos
	between func(before, after piece) string // where pieces are written; nil for nothing between them
	number  func(n int64) []piece
	money   func(fen int64) []piece
	code    func(to []piece, figures string) []piece
	pause   piece // between the groups of a telephone number
	time    func(hour, minute int64) []piece
	month   func(year, month int64) []piece
	date    func(year, month, day int64) []piece
}

var readers = map[string]*reader{"zh": &mandarin, "en": &english}

// Readable are the languages that numbers can be read aloud in, sorted: those that a
// catalogue can have.
func Readable() []string { return slices.Sorted(maps.Keys(readers)) }

// read gives ok=false for what is not Sayable, and for a prompt.
func (r *reader) read(v Ref) (said []piece, ok bool) {
	if v.Read == Say || !v.Sayable() {
		return nil, false
	}
	switch n := v.N; v.Read {
	case Number:
		return r.number(n), true
	case Money:
		return r.money(n), true
	case Digits:
		return r.digits(v.figures()), true
	case Phone:
		return r.phone(v.figures()), true
	case Time:
		return r.time(n/100, n%100), true
	case Month:
		return r.month(n/100, n%100), true
	default:
		return r.date(n/1e4, n/100%100, n%100), true
	}
}

// Sayable tells whether a value is within what is read aloud, in any language: a
// Number to ±10^12, Money to ±10^14 fen, Digits of up to 19 figures, a Phone of 3 to
// 17, a Time of the 24 hours, and a Date or Month that is in the calendar (years 1000
// to 9999). Of a prompt it cannot know: that depends on the catalogue.
func (r Ref) Sayable() bool {
	n := r.N
	if r.Zeros < 0 || r.Zeros >= maxFigures || r.Zeros > 0 && !r.Read.figured() {
		return false
	}
	switch r.Read {
	case Say:
		return true
	case Number:
		return -maxNumber <= n && n <= maxNumber
	case Money:
		return -maxMoney <= n && n <= maxMoney
	case Digits:
		return n >= 0 && len(r.figures()) <= maxFigures
	case Phone:
		length := len(r.figures())
		return n >= 0 && minPhone <= length && length <= maxPhone
	case Time:
		return n >= 0 && n/100 < 24 && n%100 < 60
	case Month:
		return isDate(n/100, n%100, 1)
	case Date:
		return isDate(n/1e4, n/100%100, n%100)
	}
	return false
}

// isDate tells whether there is such a day. time.Date takes any and carries over,
// so that 30 February comes back as another.
func isDate(year, month, day int64) bool {
	if year < minYear || year > maxYear || month < 1 || month > 12 || day < 1 {
		return false
	}
	return time.Date(int(year), time.Month(month), int(day), 0, 0, 0, 0, time.UTC).Day() == int(day)
}

// write gives the words of pieces, as a person would write them.
func (r *reader) write(said []piece) string {
	var text []byte
	for i, p := range said {
		if i > 0 && r.between != nil {
			text = append(text, r.between(said[i-1], p)...)
		}
		text = append(text, r.pieces[p].Text...)
	}
	return string(text)
}

// digits reads figure by figure. A single one is a key, and said as a number is.
func (r *reader) digits(figures string) []piece {
	if len(figures) == 1 {
		return spell(nil, figures)
	}
	return r.code(nil, figures)
}

// phone reads a telephone number with a pause between its groups.
func (r *reader) phone(number string) (said []piece) {
	for i, group := range phoneGroups(number) {
		if i > 0 {
			said = append(said, r.pause)
		}
		said = r.code(said, group)
	}
	return said
}

// spell gives the pieces of figures, one by one: a figure's piece is the figure itself.
func spell(to []piece, code string) []piece {
	for i := range len(code) {
		to = append(to, piece(code[i]-'0'))
	}
	return to
}

// owns tells whether an id is one of the pieces.
func (r *reader) owns(id string) bool {
	for _, e := range r.pieces {
		if e.ID == id {
			return true
		}
	}
	return false
}
