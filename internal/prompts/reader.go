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
)

// piece is one part of spoken numbers, an index into its reader's pieces.
type piece uint8

// reader reads numbers aloud in one language. Each piece is a recording of its own,
// so its functions give the order in which the recordings are played. They are
// called within the limits only: money gets fen, digits is never negative, month
// and date get what is in the calendar.
//
// Another language is another file like zh.go and a line in readers.
type reader struct {
	pieces  []Entry                          // by piece; no Pos
	between func(before, after piece) string // where pieces are written; nil for nothing between them
	number  func(n int64) []piece
	money   func(fen int64) []piece
	digits  func(n int64) []piece
	month   func(year, month int64) []piece
	date    func(year, month, day int64) []piece
}

var readers = map[string]*reader{"zh": &mandarin, "en": &english}

// Readable are the languages that numbers can be read aloud in, sorted: those that a
// catalogue can have.
func Readable() []string { return slices.Sorted(maps.Keys(readers)) }

// read gives ok=false for what is not Sayable.
func (r *reader) read(how Reading, n int64) (said []piece, ok bool) {
	if how == Say || !(Ref{Read: how, N: n}).Sayable() {
		return nil, false
	}
	switch how {
	case Number:
		return r.number(n), true
	case Money:
		return r.money(n), true
	case Digits:
		return r.digits(n), true
	case Month:
		return r.month(n/100, n%100), true
	}
	return r.date(n/1e4, n/100%100, n%100), true
}

// Sayable tells whether a value is within what is read aloud, in any language: a
// Number to ±10^12, Money to ±10^14 fen, Digits from 0, and a Date or Month that is
// in the calendar (years 1000 to 9999). Of a prompt it cannot know: that depends on
// the catalogue.
func (r Ref) Sayable() bool {
	n := r.N
	switch r.Read {
	case Say:
		return true
	case Number:
		return -maxNumber <= n && n <= maxNumber
	case Money:
		return -maxMoney <= n && n <= maxMoney
	case Digits:
		return n >= 0
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

// owns tells whether an id is one of the pieces.
func (r *reader) owns(id string) bool {
	for _, e := range r.pieces {
		if e.ID == id {
			return true
		}
	}
	return false
}
