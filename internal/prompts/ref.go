// Package prompts knows what can be said: a Ref names a sentence or a value to
// read, a Catalog holds the texts of every language and the audio made from
// them, and Fragments turns Refs into the files that are played one after the other.
//
// It refuses to touch the machine: files come through fs.FS, and making audio is
// the work of prompts/build.
package prompts

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Reading says how a number is to be read aloud.
type Reading string

// The readings. Say is no number: the Ref names a prompt of the catalogue.
const (
	Say    Reading = ""
	Money  Reading = "money"  // fen: 6.50 yuan is 650
	Number Reading = "number" // a cardinal
	Digits Reading = "digits" // digit by digit, as keys and codes are
	Phone  Reading = "phone"  // a telephone number: digit by digit, in groups
	Date   Reading = "date"   // yyyymmdd
	Month  Reading = "month"  // yyyymm
	Time   Reading = "time"   // of day: hhmm, 0 to 2359
)

// figured tells whether a reading goes figure by figure, so that zeros at the begin count.
func (r Reading) figured() bool { return r == Digits || r == Phone }

// Ref is one thing to say: a prompt of the catalogue (ID), or N in some Reading.
// Refs are comparable. They are said in the language of the call, but for one that
// names a language itself (In): the offer to speak another.
type Ref struct {
	ID    string
	Read  Reading
	N     int64
	Zeros int    // before N, of Digits and Phone: the area code 0571 is 571 after one
	In    string // a language; "" is the call's
	As    string // how N is written where it may be said to the caller and kept nowhere; "" for N itself
}

// Prompt is the Ref of the catalogue's prompt with this id.
func Prompt(id string) Ref { return Ref{ID: id} }

// Figures are the Refs that read a code in Digits or a number in Phone: "0571". A code
// of more than 18 figures, which no Ref holds, is several: said one after the other
// they sound as one. It gives none for what is not figures only, or too long for a Phone.
func Figures(how Reading, code string) []Ref {
	const longest = maxFigures - 1 // any so many figures are an int64
	if !how.figured() || code == "" || strings.Trim(code, "0123456789") != "" || how == Phone && len(code) > longest {
		return nil
	}
	parts := (len(code) + longest - 1) / longest
	refs := make([]Ref, parts)
	for i := range refs {
		// Of one length, so that none is a single figure: that would be read as a key.
		part := code[len(code)*i/parts : len(code)*(i+1)/parts]
		n, err := strconv.ParseInt(part, 10, 64)
		if err != nil {
			return nil
		}
		refs[i] = Ref{Read: how, N: n, Zeros: zerosBefore(part)}
	}
	return refs
}

// zerosBefore counts the zeros of a code that its number does not have: one of "05", none of "0".
func zerosBefore(code string) int {
	return len(code) - max(len(strings.TrimLeft(code, "0")), 1)
}

// figures writes N as it is read: with a code's zeros, and a time of day as hhmm.
func (r Ref) figures() string {
	if r.Read == Time {
		return fmt.Sprintf("%04d", r.N)
	}
	return strings.Repeat("0", max(r.Zeros, 0)) + strconv.FormatInt(r.N, 10)
}

// String is the notation of transcripts and the journal: "main.welcome",
// "money(650)", "digits(0571)", "en:lang.choose".
func (r Ref) String() string {
	s := r.ID
	if r.Read != Say {
		s = string(r.Read) + "(" + cmp.Or(r.As, r.figures()) + ")"
	}
	if r.In != "" {
		return r.In + ":" + s
	}
	return s
}

// refNotation is String's.
var refNotation = regexp.MustCompile(`^(?:([a-z]{2,3}):)?(?:([a-z]+)\((-?[0-9]{1,19})\)|([a-z0-9_.]+))$`)

// ParseRef reads String's notation. Whether there is such a prompt only a catalogue knows.
func ParseRef(s string) (Ref, error) {
	m := refNotation.FindStringSubmatch(s)
	if m == nil {
		return Ref{}, fmt.Errorf("%q is neither a prompt such as main.welcome nor a value such as money(650)", s)
	}
	r := Ref{In: m[1], Read: Reading(m[2]), ID: m[4]}
	if r.Read == Say {
		return r, nil
	}
	var err error
	if r.Read.figured() {
		r.Zeros = zerosBefore(m[3])
	}
	if r.N, err = strconv.ParseInt(m[3], 10, 64); err != nil || m[3][0] == '-' && r.Read.figured() || !r.Sayable() {
		return Ref{}, fmt.Errorf("%q cannot be read aloud: known are money(650) in fen, number(7), digits(0571), phone(13800000001), "+
			"date(20261001), month(202610) and time(1830)", s)
	}
	return r, nil
}

// Join gives the notation of several Refs, blank between them.
func Join(refs []Ref) string {
	var b strings.Builder
	for i, r := range refs {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(r.String())
	}
	return b.String()
}

// MarshalText gives String's notation, for the journal.
func (r Ref) MarshalText() ([]byte, error) { return []byte(r.String()), nil }
