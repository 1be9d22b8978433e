package main

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
)

// purse gives out secrets, each only once. All have a mark in them that is in no text by
// chance, so that one search finds each of them, and parts of them: eleven digits at the head,
// and in passwords, which are long enough, eleven others at the end.
type purse struct {
	head, tail string
	given      atomic.Int64 // in all
	typed      atomic.Int64 // into calls, at least in part, none counted again
}

// markLength in digits. A hundred megabytes of digits would hold a mark by chance once
// in a thousand runs.
const markLength = 11

func newPurse(seed uint64) *purse {
	random := rand.New(rand.NewPCG(seed, 3))
	mark := func() string { return fmt.Sprintf("7%0*d", markLength-1, random.Int64N(1e10)) }
	return &purse{head: mark(), tail: mark()}
}

// password is as long as a menu can take one: 32 digits.
func (p *purse) password() string {
	n := p.given.Add(1)
	return fmt.Sprintf("%s%06d%04d%s", p.head, n%1e6, n*7919%1e4, p.tail)
}

// card is an identity number as it is typed, its X as *.
func (p *purse) card() string {
	text := fmt.Sprintf("%s%06d", p.head, p.given.Add(1)%1e6)
	sum := 0
	for i, weight := range [17]int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} { // GB 11643-1999
		sum += int(text[i]-'0') * weight
	}
	return text + "10*98765432"[sum%11:sum%11+1]
}

// in tells whether a text tells a secret: as it is typed, or as Postgres writes bytes.
func (p *purse) in(text string) bool {
	return slices.ContainsFunc([]string{p.head, p.tail}, func(mark string) bool {
		return strings.Contains(text, mark) || strings.Contains(text, hex.EncodeToString([]byte(mark)))
	})
}

// talker is a caller who has secrets to tell, by what he hears.
type talker struct {
	purse  *purse
	random *rand.Rand
	codes  []string // of the functions that he wants, one after the other
	old    string   // his service password; "" where he does not know it
	next   string   // the new one that he has just typed
	pause  int      // each so many-th secret he does not end: the hotline waits for more
	leaves int      // each so many-th he hangs up in the middle of
	keys   int      // of secrets, typed
	told   map[string]bool
}

// answer is what he types upon prompts, "" for nothing, and whether he hangs up then.
func (t *talker) answer(prompts ...string) (keys string, hangUp bool) {
	hears := func(any ...string) bool {
		return slices.ContainsFunc(any, func(p string) bool { return slices.Contains(prompts, p) })
	}
	switch {
	case hears("ask.id_card", "ask.id_card_again"):
		return t.tell(t.purse.card())
	case hears("ask.old_password", "auth.again"):
		if t.old != "" && t.random.IntN(2) == 0 {
			return t.tell(t.old)
		}
		return t.tell(t.purse.password())
	case hears("ask.new_password"):
		t.next = t.purse.password()
		return t.tell(t.next)
	case hears("ask.new_password_again"):
		if t.random.IntN(5) == 0 { // it is not the same
			return t.tell(t.purse.password())
		}
		return t.tell(t.next)
	case hears("auth.enter"): // longer than a password may be there
		return t.tell(t.purse.password())
	case hears("after.more"):
		return "1", false
	case hears("label.1") && len(t.codes) > 0:
		code := t.codes[0]
		t.codes = t.codes[1:]
		return "#" + code + "#", false
	case hears("label.1"):
		return "", true
	case hears("label.101", "label.201", "label.2031"):
		return "**", false
	}
	return "", false
}

// tell types a secret, as people do: to its end, or not.
func (t *talker) tell(secret string) (keys string, hangUp bool) {
	if !t.told[secret] {
		t.told[secret] = true
		t.purse.typed.Add(1)
	}
	switch {
	case t.leaves > 0 && t.random.IntN(t.leaves) == 0:
		keys, hangUp = secret[:markLength+t.random.IntN(4)], true
	case t.pause > 0 && t.random.IntN(t.pause) == 0:
		keys = secret
	default:
		keys = secret + "#"
	}
	t.keys += len(strings.TrimSuffix(keys, "#"))
	return keys, hangUp
}
