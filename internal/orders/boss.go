package orders

import "errors"

// What a BOSS adapter says, by wrapping, when the BOSS or the way to it failed.
// An expected refusal is an Answer, not an error. An error that wraps neither
// ErrNotSent nor ErrNotFound leaves open whether the BOSS acted, as
// ErrAnswerLost does: that is the safe reading of a failure nobody foresaw.
var (
	// ErrNotSent: it is certain that the BOSS has not acted and never will on
	// this request. With context.DeadlineExceeded beside it, time ran out first.
	ErrNotSent = errors.New("the request did not reach the BOSS")

	// ErrAnswerLost: the request may have reached the BOSS, no answer came back.
	ErrAnswerLost = errors.New("the answer of the BOSS was lost")

	// ErrNotFound: the BOSS knows no order by this key (yet: a request may still
	// be on its way).
	ErrNotFound = errors.New("the BOSS knows no order by this key")
)

// Capabilities says what can be relied upon at a BOSS.
type Capabilities struct {
	Idempotent bool `json:"idempotent"` // an order that comes again by the same key is not carried out again
	Queryable  bool `json:"queryable"`  // Lookup tells what came of an order by its key
	Prices     bool `json:"prices"`     // the BOSS tells what its services cost
}
