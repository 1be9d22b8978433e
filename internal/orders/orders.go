// Package orders is the vocabulary of the hotline's business: who asks
// (MSISDN), what they ask for (Order, Query), and how it can end (Outcome,
// Detail). Everything that talks about applications talks in these words.
//
// It refuses to do anything: no I/O, no clock, and it imports nothing of ours but
// orders/entry, the words for what a caller types. The Desk that carries orders out is in orders/desk, the BOSS adapters are in
// orders/<name>.
package orders

import (
	"fmt"

	"hotline/internal/orders/entry"
)

// Kind says what an application is for.
type Kind string

// The kinds of application. Handling and Undecided are for a caller who has not
// chosen a function yet: inside a branch marked as business handling, and anywhere else.
const (
	KindOrder     Kind = "order"
	KindPassword  Kind = "password"
	KindQuery     Kind = "query"
	KindHandling  Kind = "handling"
	KindUndecided Kind = "undecided"
)

// Action is what an application does with a service.
type Action string

// The actions: Open and Close of an order, Look and Status of a query (of
// something, or whether a service is open), the others of the service password.
const (
	Open   Action = "open"
	Close  Action = "close"
	Look   Action = "query"
	Status Action = "status"
	Apply  Action = "apply"
	Change Action = "change"
	Reset  Action = "reset"
)

// Money is an amount in fen (1/100 yuan).
type Money int64

// String gives yuan with two decimals: "6.00".
func (m Money) String() string {
	sign := ""
	if m < 0 {
		sign, m = "-", -m
	}
	return fmt.Sprintf("%s%d.%02d", sign, m/100, m%100)
}

// Order is one confirmed wish of a caller: one action on one service, at the
// price that was spoken. Key is the idempotency key: the BOSS may see an order
// more than once, it may act on a key only once.
type Order struct {
	ID          string // UUID
	Key         string // idempotency key, unique for ever
	Application string // the application that made it; others may join later
	Call        string
	Caller      MSISDN
	Service     string // id in the service catalogue, e.g. "caller_id"
	Action      Action
	Price       Money // what the caller was told
	BossPrice   Money // what the BOSS asked for it then, if Priced
	Priced      bool
	Test        bool // made by a dial test
	With        With // what the caller typed for it
}

// Query is one question about a caller, e.g. {Name: "balance"} or
// {Name: "status", Service: "caller_id"}. One that is for Anyone is not about the caller, e.g.
// {Name: "number_home"}, who may be nobody (zero) then.
type Query struct {
	Application string
	Call        string
	Caller      MSISDN
	Name        string
	Service     string
	Anyone      bool
	With        With // what the caller typed for it
}

// With is what a caller typed for an order or a query, by parameter: "month",
// "new_password". What is secret in it is in nobody's hands but the BOSS adapter's:
// it is never stored, so that an order which needs it cannot be sent again later.
type With map[string]entry.Entry

// Verification asks whether a caller knows the service password.
type Verification struct {
	Application string
	Call        string
	Caller      MSISDN
	Password    entry.Entry
}

// Value is one value in an answer: an amount in fen, a count, a day, a month or a time, a
// code, a telephone number, a word out of a closed set such as "open" (which the menu maps
// to a prompt), or a list of words.
type Value struct {
	Kind   ValueKind `json:"kind"`
	Number int64     `json:"number,omitempty"`
	Word   string    `json:"word,omitempty"`
}

// ValueKind says how a Value is to be read.
type ValueKind string

// The kinds of value.
const (
	ValueMoney ValueKind = "money" // Number in fen
	ValueCount ValueKind = "count" // Number
	ValueWord  ValueKind = "word"  // Word
	ValueDate  ValueKind = "date"  // Number as yyyymmdd
	ValueMonth ValueKind = "month" // Number as yyyymm
	ValueTime  ValueKind = "time"  // of day; Number as hhmm, 0 to 2359
	ValueCode  ValueKind = "code"  // Word: figures, of which zeros at the begin count, as in "0571"
	ValuePhone ValueKind = "phone" // Word: the figures as they are dialled; personal
	ValueList  ValueKind = "list"  // Word: words separated by commas; "" for none
)

// Worded tells whether values of the kind are in Word; the others are in Number.
func (k ValueKind) Worded() bool {
	return k == ValueWord || k == ValueCode || k == ValuePhone || k == ValueList
}

// Answer is what came of an Order or a Query.
type Answer struct {
	Result
	BossRef string           // the BOSS's own reference, for people
	Values  map[string]Value // of a successful query
}

// ApplicationID names the n-th application of a call: "<call>.<n>".
func ApplicationID(call string, n int) string { return fmt.Sprintf("%s.%d", call, n) }
