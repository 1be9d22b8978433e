// Package entry is what callers type with their keys, apart from choosing from a
// menu: an amount, a month, a telephone number, an identity number, a password.
// It says which keys make one, whether it is right, and keeps what is private
// out of every text.
//
// It refuses to know why something is asked for, and it imports nothing of ours.
package entry

import (
	"fmt"
	"strings"
)

// Kind says what is typed. The set is closed.
type Kind string

// The kinds of entry.
const (
	Digits   Kind = "digits"   // any digits
	Amount   Kind = "amount"   // yuan with up to two decimals, * as the point: 6*50
	Month    Kind = "month"    // yymm
	Phone    Kind = "phone"    // a mobile number of 11 digits; personal, shown masked
	IDCard   Kind = "id_card"  // 18 characters, the final X typed as * (GB 11643-1999); secret
	Password Kind = "password" // the service password, 6 digits, or whatever else a menu calls secret; secret
)

// Kinds lists them, for messages.
func Kinds() []string {
	return []string{string(Amount), string(Digits), string(IDCard), string(Month), string(Password), string(Phone)}
}

// Fault is why keys are no entry of a kind: each has an announcement of its own.
type Fault string

// The faults. Malformed is of the right length and still none: a thirteenth
// month, a wrong check digit.
const (
	NoFault   Fault = ""
	TooShort  Fault = "too_short"
	TooLong   Fault = "too_long"
	Malformed Fault = "malformed"
)

// Entry is one thing that a caller typed. Like a caller's number it prints, logs
// and marshals masked where it is private; Reveal is the one way to the text.
type Entry struct {
	kind Kind
	text string
}

// New makes an entry of text in its canonical form, as Parse gives it.
func New(k Kind, text string) Entry { return Entry{k, text} }

// Kind tells what it is.
func (e Entry) Kind() Kind { return e.kind }

// IsZero tells whether nothing was typed.
func (e Entry) IsZero() bool { return e.text == "" }

// Reveal gives the text: an amount as "6.50", a month as "2610", an identity number
// with its final X. Only BOSS adapters and the reading back to the caller may ask.
func (e Entry) Reveal() string { return e.text }

// String masks what is private: a password and an identity number wholly, a
// telephone number but for its ends.
func (e Entry) String() string {
	switch {
	case e.text == "":
		return ""
	case e.kind.Secret():
		return "•••"
	case e.kind == Phone && len(e.text) < 9:
		return "****"
	case e.kind == Phone:
		return e.text[:3] + "****" + e.text[len(e.text)-4:]
	}
	return e.text
}

// MarshalText masks as String does, so that no encoder leaks it.
func (e Entry) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// Format masks under every verb: %d of a struct would print its fields otherwise.
func (e Entry) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(e.String())) }

// Secret tells whether nobody but the BOSS may ever see it.
func (k Kind) Secret() bool { return k == IDCard || k == Password }

// Private tells whether its keys may not be recorded: secrets, and telephone numbers.
func (k Kind) Private() bool { return k.Secret() || k == Phone }

// Star tells whether the key * is part of it.
func (k Kind) Star() bool { return k == Amount || k == IDCard }

// Length is how many keys make one, from the fewest to the most.
func (k Kind) Length() (fewest, most int) {
	switch k {
	case Amount:
		return 1, 9
	case Month:
		return 4, 4
	case Phone:
		return 11, 11
	case IDCard:
		return 18, 18
	case Password:
		return 6, 6
	}
	return 1, 32
}

// Parse reads keys (0-9 and *) as an entry of between fewest and most of them.
func (k Kind) Parse(keys string, fewest, most int) (Entry, Fault) {
	switch {
	case len(keys) < fewest:
		return Entry{}, TooShort
	case len(keys) > most:
		return Entry{}, TooLong
	}
	text, ok := keys, strings.Trim(keys, "0123456789") == ""
	switch k {
	case Amount:
		text, ok = amount(keys)
	case Month:
		ok = ok && len(keys) == 4 && keys[2:] >= "01" && keys[2:] <= "12"
	case Phone:
		ok = ok && len(keys) == 11 && keys[0] == '1' && keys[1] >= '3' // 13 to 19 are mobile
	case IDCard:
		text, ok = idCard(keys)
	}
	if !ok {
		return Entry{}, Malformed
	}
	return Entry{k, text}, NoFault
}

// amount gives yuan with two decimals: "6*5" is "6.50".
func amount(keys string) (string, bool) {
	yuan, fen, _ := strings.Cut(keys, "*")
	if strings.Trim(yuan+fen, "0123456789") != "" || len(fen) > 2 || len(yuan) > 6 || yuan+fen == "" {
		return "", false
	}
	yuan = strings.TrimLeft(yuan, "0")
	if yuan == "" {
		yuan = "0"
	}
	return yuan + "." + (fen + "00")[:2], true
}

// idCard checks an identity number by its check character (ISO 7064, MOD 11-2).
func idCard(keys string) (string, bool) {
	if len(keys) != 18 || strings.Trim(keys[:17], "0123456789") != "" {
		return "", false
	}
	text := keys
	if keys[17] == '*' {
		text = keys[:17] + "X"
	}
	sum := 0
	for i, weight := range [17]int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		sum += int(text[i]-'0') * weight
	}
	return text, text[17] == "10X98765432"[sum%11]
}
