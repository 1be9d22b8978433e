package dialtest

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Word is what a caller types in one go: a key of a menu, or an entry such as a
// password and the key that ends it. A secret one is never shown: not printed, not
// formatted, not in an error.
type Word struct {
	keys   string
	secret bool
}

// secretMark begins a word of ParseKeys that nobody may read.
const secretMark = "secret:"

// telephone are the keys that there are.
const telephone = "0123456789*#ABCD"

// ParseKeys reads words with blanks between them: "1 2 secret:135791#". The error
// names the word by its place, and what is wrong with it unless it is secret.
func ParseKeys(text string) ([]Word, error) {
	var words []Word
	for i, field := range strings.Fields(text) {
		keys, secret := strings.CutPrefix(field, secretMark)
		bad := strings.Trim(keys, telephone)
		switch {
		case keys == "":
			return nil, fmt.Errorf("word %d: no keys after %s", i+1, secretMark)
		case bad != "" && secret:
			return nil, fmt.Errorf("word %d, a secret: a telephone has the keys 0-9, *, # and A-D", i+1)
		case bad != "":
			return nil, fmt.Errorf("word %d, %q: a telephone has the keys 0-9, *, # and A-D, not %q", i+1, field, bad)
		}
		words = append(words, Word{keys, secret})
	}
	return words, nil
}

// Each makes a word of every key: each is pressed when an announcement has been heard.
func Each(keys string) []Word {
	words := make([]Word, len(keys))
	for i := range len(keys) {
		words[i] = Word{keys: keys[i : i+1]}
	}
	return words
}

// String gives the keys, "•" for each of a secret.
func (w Word) String() string {
	if w.secret {
		return strings.Repeat("•", utf8.RuneCountInString(w.keys))
	}
	return w.keys
}

// GoString is String: %#v tells no secret either.
func (w Word) GoString() string { return w.String() }
