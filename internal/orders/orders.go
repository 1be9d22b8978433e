// Package orders is the vocabulary of the hotline's business: who asks
// (MSISDN), what they ask for (Order, Query), and how it can end (Outcome,
// Detail). Everything that talks about applications talks in these words.
//
// It refuses to do anything: no I/O, no clock, and it imports nothing of ours.
// The Desk that carries orders out is in orders/desk, the BOSS adapters are in
// orders/<name>.
package orders

import "fmt"

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
	Test        bool  // made by a dial test
}

// Query is one question about a caller, e.g. {Name: "balance"} or
// {Name: "status", Service: "caller_id"}.
type Query struct {
	Application string
	Call        string
	Caller      MSISDN
	Name        string
	Service     string
}

// Value is one value in an answer: an amount in fen, a count, or a word out of
// a closed set such as "open" (which the menu maps to a prompt).
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
)

// Answer is what came of an Order or a Query.
type Answer struct {
	Result
	BossRef string           // the BOSS's own reference, for people
	Values  map[string]Value // of a successful query
}

// ApplicationID names the n-th application of a call: "<call>.<n>".
func ApplicationID(call string, n int) string { return fmt.Sprintf("%s.%d", call, n) }
