// Package prompts knows what can be said: a Ref names a sentence or a value to
// read, a Catalog holds the texts of every language and the audio made from
// them, and Fragments turns Refs into the files that are played one after the other.
//
// It refuses to touch the machine: files come through fs.FS, and making audio is
// the work of prompts/voice.
package prompts

import (
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
	Date   Reading = "date"   // yyyymmdd
	Month  Reading = "month"  // yyyymm
)

// Ref is one thing to say: a prompt of the catalogue (ID), or N in some Reading.
// Refs are comparable. They are said in the language of the call, but for one that
// names a language itself (In): the offer to speak another.
type Ref struct {
	ID   string
	Read Reading
	N    int64
	In   string // a language; "" is the call's
	As   string // how N is written where it may be said to the caller and kept nowhere; "" for N itself
}

// Prompt is the Ref of the catalogue's prompt with this id.
func Prompt(id string) Ref { return Ref{ID: id} }

// String is the notation of transcripts and the journal: "main.welcome",
// "money(650)", "en:lang.choose".
func (r Ref) String() string {
	s := r.ID
	switch {
	case r.Read != Say && r.As != "":
		s = string(r.Read) + "(" + r.As + ")"
	case r.Read != Say:
		s = string(r.Read) + "(" + strconv.FormatInt(r.N, 10) + ")"
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
	if r.N, err = strconv.ParseInt(m[3], 10, 64); err != nil || !r.Sayable() {
		return Ref{}, fmt.Errorf("%q cannot be read aloud: known are money(650) in fen, number(7), digits(10086), date(20261001) and month(202610)", s)
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
