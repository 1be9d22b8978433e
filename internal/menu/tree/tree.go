// Package tree is the menu as its maintainers write it: what a node, an option, a
// service is (Tree), and how they are read from YAML (Load), with every mistake
// named at its place. docs/menu-language.md is its reference.
//
// It refuses to run anything: what happens on a call is decided by menu.Machine,
// whether the guidance is good by menu/check.
package tree

import (
	"maps"
	"slices"
	"time"

	"hotline/internal/orders"
	"hotline/internal/orders/entry"
	"hotline/internal/prompts"
	"hotline/internal/source"
)

// Tree is one menu as loaded: complete, checked and never changed afterwards,
// so that every call on it may share it.
type Tree struct {
	Name      string   // e.g. "10086"
	Version   string   // hash of all its files, 12 hexadecimal digits
	Files     []string // that it was read from, in this order
	Dialled   []string // the numbers that lead to it
	Languages []string // the first is the default
	Start     string
	Agent     string              // the node that the key "agent" leads to
	Keys      map[string]Meaning  // keys that mean the same everywhere
	SpeedDial string              // the key before and after a code at the first menu; "" for none
	Codes     map[string]string   // speed-dial code to node
	Phrases   Phrases             // what the engine itself says
	Services  map[string]*Service // by id
	Calendars map[string]*Calendar
	Nodes     map[string]*Node

	// Where they stand, for those who compare menus with each other and with the texts.
	DialledAt, LanguagesAt source.Pos

	Warnings source.Problems // what is not good and works all the same, in the order of the files
}

// Node is one place in the menu. Exactly one of the pointers is set, by Type.
type Node struct {
	ID      string
	Type    string
	Pos     source.Pos
	Waive   map[string]string // rule that does not hold here, with the reason, which is never ""
	BargeIn bool              // a key cuts its announcements short
	Limits  Limits
	Again   []prompts.Ref // said instead of the question at a further attempt; none: the question
	NoInput []prompts.Ref // other than Phrases.NoInput, by attempt; none: Phrases
	Invalid []prompts.Ref
	Serves  *Function // what an application that comes here is about; nil for nothing of its own
	Anyone  bool      // that is not about the caller, so that he needs no number

	Menu     *Menu
	Say      *Say
	Collect  *Collect
	Auth     *Auth
	Order    *Order
	Query    *Query
	Switch   *Switch
	Transfer *Transfer
	Survey   *Survey
	Language *Language
	Hangup   *Hangup
}

// Function is what an application is about. An order or a query is one; a collect
// or an auth that leads to one without a choice between is part of it, so that a
// caller who fails there has failed at that function.
type Function struct {
	Kind    orders.Kind
	Service string // or what a query looks up: "balance"
	Action  orders.Action
}

// Limits bound how long a node waits and how often it asks.
type Limits struct {
	FirstDigit time.Duration // after the announcement, before the first key
	InterDigit time.Duration // after a key that may be the first of two
	EntryDigit time.Duration // between the keys of an entry that may still become longer
	NoInput    int           // further attempts after a first-digit timeout
	Invalid    int           // further attempts after a key that means nothing
	Total      int           // further attempts in all, which alternating errors cannot dodge
	Then       string        // node when they are used up; "" says goodbye
}

// Meaning is what a key does that means the same everywhere.
type Meaning string

// The meanings of global keys.
const (
	Back   Meaning = "back"   // the menu above
	Main   Meaning = "main"   // the first menu
	Repeat Meaning = "repeat" // the announcement again
	Agent  Meaning = "agent"  // a person
	Bye    Meaning = "end"    // goodbye
)

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

// Say announces something and goes on.
type Say struct {
	Refs []prompts.Ref
	Then string // "" is the menu that the caller came from
}

// Collect asks for an entry and keeps it under a name for what follows. Digits that
// are secret have the kind of a password, so that they are masked wherever they go.
type Collect struct {
	Say          []prompts.Ref
	Entry        entry.Kind
	Fewest, Most int    // keys
	Terminator   string // ends it before the time does; "" for none
	Into         string // the variable
	Secret       bool   // kept out of every record, whatever it is
	SameAs       string // a variable that it must be equal to; "" for none
	ReadBack     bool   // say it, and ask whether it is right (1) or to be typed again (2)
	Then         string
}

// Private tells whether its keys may not be recorded.
func (c *Collect) Private() bool { return c.Secret || c.Entry.Private() }

// Auth asks for the service password and has the BOSS verify it, once a call.
type Auth struct {
	Say  []prompts.Ref
	Then string
}

// Order opens or closes a service, or does something with the service password.
type Order struct {
	Service string
	Action  orders.Action
	Confirm bool              // ask a second time, with the price
	With    map[string]string // parameter to variable
	Then    string
}

// Query asks the BOSS something and says the answer.
type Query struct {
	Name    string
	Service string
	Anyone  bool              // is not about the caller, so that he needs no number
	With    map[string]string // parameter to variable
	Answer  []Part
	Then    string
}

// Part is a piece of an answer: a fixed Ref; a value of the answer by name, read in
// some way; a word that is looked up in Words; or (Services) a list of services
// that is said by their names.
type Part struct {
	Ref      prompts.Ref
	Value    string // "" for a fixed Ref
	Words    map[string]prompts.Ref
	Services bool
}

// Switch goes where the facts lead.
type Switch struct {
	On    Fact
	Name  string            // of the variable or calendar
	Cases map[string]string // value to node
	Else  string            // for every other value, and where the fact cannot be known
}

// Fact is what a Switch decides by. The set is closed.
type Fact string

// The facts. A calendar's value is "open", "closed" or "holiday".
const (
	ByBrand    Fact = "brand" // of the caller, from the BOSS
	ByStar     Fact = "star"  // 1 to 5, from the BOSS
	ByLanguage Fact = "language"
	ByVariable Fact = "variable" // what was collected; "" for nothing
	ByCalendar Fact = "calendar"
)

// Transfer hands the caller to a queue of the dialplan's agents context.
type Transfer struct {
	Queue    string
	QueueAt  source.Pos
	Say      []prompts.Ref // said before; none: Phrases.Transfer
	Priority bool          // in the queue by star level
	Hours    string        // calendar of those who answer; "" for always
	Callback bool          // offer one where nobody answers
	Then     string        // after the person; "" is the caller's menu
	Else     string        // where nobody answers; "" is the caller's menu
}

// Survey asks for a rating from 1 to 5.
type Survey struct {
	Say  []prompts.Ref
	Then string
}

// Language asks for a language, or sets one (Set).
type Language struct {
	Choices []Choice
	Set     string // "" asks
	Then    string
}

// Choice is a language with its key. Say names that language itself (Ref.In); "press"
// and the key are to be said in it too.
type Choice struct {
	Key      string
	Language string
	Say      []prompts.Ref
	Pos      source.Pos
}

// Hangup says goodbye and ends the call.
type Hangup struct{ Say []prompts.Ref }

// Service is an entry of the service catalogue.
type Service struct {
	ID      string
	Code    string            // of its menu, e.g. "301"; "" for none
	Names   map[string]string // by language, as people write it
	Say     prompts.Ref       // its spoken name
	Intro   []prompts.Ref     // what "introduce" says
	Price   orders.Money      // a month
	Verbs   []string          // of open, close, introduce, status: what its menu offers, in this order
	Keyword string            // of text messages, after KT, QX, JS or CX
	Brands  []string          // that may have it; none for all
	Pos     source.Pos
}

// KeysAt lists the keys that mean something in a node, sorted: the global ones,
// and those of its options.
func (t *Tree) KeysAt(node string) []string {
	keys := slices.Collect(maps.Keys(t.Keys))
	if n := t.Nodes[node]; n != nil && n.Menu != nil {
		for _, o := range n.Menu.Options {
			keys = append(keys, o.Key)
		}
	}
	slices.Sort(keys)
	return keys
}

// KeyRef names the recording of a key: key.0 … key.9, key.star, key.hash.
func KeyRef(key string) prompts.Ref {
	switch key {
	case "*":
		return prompts.Prompt("key.star")
	case "#":
		return prompts.Prompt("key.hash")
	}
	return prompts.Prompt("key." + key)
}
