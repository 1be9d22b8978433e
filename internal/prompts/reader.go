package prompts

// The limits of what is read aloud. A balance beyond them is a mistake of the
// BOSS, not something to say to a caller.
const (
	maxNumber = 1_000_000_000_000 // 10^12
	maxMoney  = 100 * maxNumber   // fen
)

// piece is one part of spoken numbers, an index into its reader's pieces.
type piece uint8

// reader reads numbers aloud in one language. Each piece is a recording of its own,
// so its functions give the order in which the recordings are played. They are
// called within the limits only: money gets fen, digits is never negative.
//
// Another language is another file like zh.go and a line in readers.
type reader struct {
	pieces []Entry // by piece; no Pos
	space  string  // between the pieces, where they are written
	number func(n int64) []piece
	money  func(fen int64) []piece
	digits func(n int64) []piece
}

var readers = map[string]*reader{"zh": &mandarin}

// read gives ok=false for a reading that does not exist or a number beyond the limits.
func (r *reader) read(how Reading, n int64) (said []piece, ok bool) {
	switch {
	case how == Number && -maxNumber <= n && n <= maxNumber:
		return r.number(n), true
	case how == Money && -maxMoney <= n && n <= maxMoney:
		return r.money(n), true
	case how == Digits && n >= 0:
		return r.digits(n), true
	}
	return nil, false
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
