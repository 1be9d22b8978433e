package menu

import (
	"maps"
	"slices"
	"time"

	"hotline/internal/orders"
	"hotline/internal/prompts"
	"hotline/internal/source"
)

// Tree is one menu as loaded: complete, checked and never changed afterwards,
// so that every call on it may share it.
type Tree struct {
	Name      string   // e.g. "10086"
	Version   string   // hash of all its files, 12 hexadecimal digits
	Dialled   []string // the numbers that lead to it
	Languages []string // the first is the default
	Start     string
	Agent     string               // the node that the key "agent" leads to
	keys      map[string]globalKey // keys that mean the same everywhere
	phrases   map[phrase][]prompts.Ref
	services  map[string]service
	Nodes     map[string]*Node

	// Where they stand, for those who compare menus with each other and with the texts.
	DialledAt, LanguagesAt source.Pos
}

// Node is one place in the menu. Exactly one of the pointers is set, by Type.
type Node struct {
	ID      string
	Type    string
	Pos     source.Pos
	BargeIn bool // a key cuts its announcements short
	Limits  limits

	Menu     *Menu
	Say      *say
	Order    *Order
	Query    *Query
	Transfer *move
	Hangup   *Hangup
}

// limits bound how long a node waits and how often it asks.
type limits struct {
	FirstDigit time.Duration // after the announcement, before the first key
	InterDigit time.Duration // after a key that may be the first of two
	NoInput    int           // further attempts after a first-digit timeout
	Invalid    int           // further attempts after a key that means nothing
	Total      int           // further attempts in all, which alternating errors cannot dodge
	Then       string        // node when they are used up; "" says goodbye
}

// Menu offers options.
type Menu struct {
	Greeting []prompts.Ref // said on the first visit only
	Intro    []prompts.Ref
	Options  []Option
	Hint     []prompts.Ref // said after the options: which key leads back, which to a person
	Handling bool          // from here on the caller is held to be about business handling
}

// Option is a key with what it is for. Spoken as Label, "press", the key.
type Option struct {
	Key   string
	Label []prompts.Ref
	To    string
	Quiet bool // works, but is not announced
	Pos   source.Pos
}

// say announces something and goes on.
type say struct {
	Refs []prompts.Ref
	Then string // "" is the menu that the caller came from
}

// Order opens or closes a service.
type Order struct {
	Service string
	Action  orders.Action
	Confirm bool // ask a second time, with the price
	Then    string
}

// Query asks the BOSS something and says the answer.
type Query struct {
	Name    string
	Service string
	Answer  []Part
	Then    string
}

// Part is a piece of an answer: a fixed Ref, or a value of the answer by name,
// read in some way; a word is looked up in Words.
type Part struct {
	Ref   prompts.Ref
	Value string // "" for a fixed Ref
	Words map[string]prompts.Ref
}

// move hands the caller to a queue of the dialplan's agents context.
type move struct {
	Queue string
	Refs  []prompts.Ref // said before; "" is the phrase "transfer"
	Else  string        // node when it cannot be done; "" is the menu the caller came from
}

// Hangup says goodbye and ends the call.
type Hangup struct{ Refs []prompts.Ref }

// service is an entry of the service catalogue.
type service struct {
	ID    string
	Name  prompts.Ref
	Price orders.Money // a month
}

// globalKey is what a key does that means the same everywhere.
type globalKey string

// The meanings of global keys.
const (
	keyBack   globalKey = "back"   // the menu above
	keyMain   globalKey = "main"   // the first menu
	keyRepeat globalKey = "repeat" // the announcement again
	keyAgent  globalKey = "agent"  // a person
)

// phrase names a sentence that the engine itself says. Every cause of an error
// has one of its own.
type phrase string

// The phrases that the Machine names itself; those of results come from phraseFor.
const (
	phrasePress phrase = "press" // between an option's label and its key

	phraseNoInput phrase = "no_input"
	phraseInvalid phrase = "invalid"
	phraseGaveUp  phrase = "gave_up" // attempts used up, before the goodbye

	phraseWait      phrase = "wait"       // the BOSS has been asked
	phraseWaitStill phrase = "wait_still" // every 15 s of waiting
	phraseWaitSorry phrase = "wait_sorry" // after more than 30 s
	phraseStopping  phrase = "stopping"   // the server must stop

	phraseWillOpen  phrase = "will_open" // confirmation: action, service, price, keys
	phraseWillClose phrase = "will_close"
	phrasePrice     phrase = "price"
	phraseConfirm   phrase = "confirm"
	phraseDecline   phrase = "decline"

	phraseOpened    phrase = "opened" // results of an order
	phraseClosed    phrase = "closed"
	phraseCancelled phrase = "cancelled"
	phraseUnknown   phrase = "unknown"

	phraseTransfer phrase = "transfer"
	phraseNoAgent  phrase = "transfer_failed"
)

// phraseFor gives the phrase of a result that is not a success, by its detail:
// "already_open" … and "query_boss_timeout" … where a query failed.
func phraseFor(r orders.Result, query bool) phrase {
	switch {
	case r.Outcome == orders.Unknown:
		return phraseUnknown
	case r.Detail == orders.Other:
		return "rejected"
	case query && r.Outcome == orders.SystemFailed:
		return phrase("query_" + string(r.Detail))
	}
	return phrase(r.Detail)
}

// phraseNames lists every phrase that a tree has to define.
func phraseNames() []phrase {
	all := []phrase{
		phrasePress, phraseNoInput, phraseInvalid, phraseGaveUp, phraseWait, phraseWaitStill, phraseWaitSorry, phraseStopping,
		phraseWillOpen, phraseWillClose, phrasePrice, phraseConfirm, phraseDecline, phraseOpened, phraseClosed,
		phraseCancelled, phraseTransfer, phraseNoAgent,
	}
	boss := []orders.Detail{orders.BossTimeout, orders.BossError, orders.BossUnavailable, orders.Platform}
	for _, r := range orders.Results() {
		switch r.Outcome {
		case orders.Rejected, orders.Unknown:
			all = append(all, phraseFor(r, false))
		case orders.SystemFailed:
			for _, d := range boss {
				if r.Detail == d {
					all = append(all, phraseFor(r, false), phraseFor(r, true))
				}
			}
		}
	}
	return all
}

// KeysAt lists the keys that mean something in a node, sorted: the global ones,
// and those of its options.
func (t *Tree) KeysAt(node string) []string {
	keys := slices.Collect(maps.Keys(t.keys))
	if n := t.Nodes[node]; n != nil && n.Menu != nil {
		for _, o := range n.Menu.Options {
			keys = append(keys, o.Key)
		}
	}
	slices.Sort(keys)
	return keys
}
