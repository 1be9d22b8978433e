// Package prompts knows what can be said: a Ref names a sentence or a value to
// read, a Catalog holds the texts of every language and the audio made from
// them, and Fragments turns Refs into the files that are played one after the other.
//
// It refuses to touch the machine: files come through fs.FS, and making audio is
// the work of prompts/voice.
package prompts

import (
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
)

// Ref is one thing to say: a prompt of the catalogue (ID), or N in some Reading.
// Refs are comparable and have no language; the same Ref is said in each.
type Ref struct {
	ID   string
	Read Reading
	N    int64
}

// Prompt is the Ref of the catalogue's prompt with this id.
func Prompt(id string) Ref { return Ref{ID: id} }

// String is the notation of transcripts and the journal: "main.welcome", "money(650)".
func (r Ref) String() string {
	if r.Read == Say {
		return r.ID
	}
	return string(r.Read) + "(" + strconv.FormatInt(r.N, 10) + ")"
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
