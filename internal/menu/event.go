package menu

import (
	"time"

	"hotline/internal/menu/tree"
	"hotline/internal/orders"
)

// ID names one announcement, timer or task of a call. A Machine never uses an ID
// twice, so a completion that comes late is stale by its ID and needs no flag.
type ID uint32

// Event is something that happened to a call. Completions carry the ID of what
// they complete. Any Event is legal in any state; a stale one has no effect.
type Event interface{ event() }

type (
	// Started begins the call: it has been answered and can be spoken to. Language is
	// the one that this caller chose before, "" where none is remembered; Anonymous
	// says that the caller's number is not known.
	Started struct {
		Language  string
		Anonymous bool
	}

	// Resumed begins, in place of Started, a call that another process had and left when
	// it died: what is on record of it. What was typed is on none.
	Resumed struct {
		Language  string
		Anonymous bool
		Nodes     []string // that the call had come to, in their order; it stood at the last
		Last      ID       // no ID up to this one is given again
		Apps      App      // nor a number of an application
		Open      Unfinished
		Told      orders.Result // what came of the function at the last of Nodes, which the caller may not have heard; zero: nothing has. Unknown while an order is under way
		Verified  bool          // by the service password
		Wrong     int           // passwords in this call
		Back      *Returned     // he was with a person, and comes back; its ID does not matter
	}

	// Pressed is one DTMF key: 0-9, *, #, A-D (RFC 4733 events 0-15).
	Pressed struct {
		Key   byte
		Heard Heard
	}

	// Played says that announcement ID came to its end, or (Failed) could not be played.
	Played struct {
		ID     ID
		Failed bool
		Heard  Heard
	}

	// Elapsed says that timer ID has run down.
	Elapsed struct{ ID ID }

	// Committed says that the intent of order task ID is stored durably: from
	// here on the order's fate no longer depends on the call.
	Committed struct {
		ID    ID
		Order string // the order's id; an older one where this application joined it
	}

	// Answered brings what came of order, query or verification task ID.
	Answered struct {
		ID     ID
		Answer orders.Answer
	}

	// Seen answers Look: the local time, whether ops have closed the service for
	// callers, the prompt of a notice about it that stands now ("" for none), and what
	// the BOSS asks for it a month, if that is known (Priced).
	Seen struct {
		ID     ID
		At     time.Time
		Closed bool
		Notice string
		Price  orders.Money
		Priced bool
	}

	// Returned says that the caller of transfer ID is back: nobody answered, or
	// (Reached) the person is done, and may have named the Node to go on at.
	Returned struct {
		ID      ID
		Reached bool
		Node    string
	}

	// Left says that the channel is gone. It is the last event of a call.
	Left struct {
		Why   Leaving
		Heard Heard
	}

	// Closing says that the server will stop before this call has ended: it
	// apologises and ends the call.
	Closing struct{ Heard Heard }
)

// Unfinished is the application that a call had open when its server died; App 0 is none.
type Unfinished struct {
	App      App
	Function tree.Function // of kind handling or undecided without more
	Tries    Tries
}

// Heard is how much of the running announcement the caller had heard when
// something happened. The zero Heard means: no announcement was running.
type Heard struct {
	Play    ID  // the announcement
	Ref     int // which of its Refs was being said
	MS      int // milliseconds of that Ref
	Percent int // of the whole announcement
}

// Leaving is why a channel went away.
type Leaving string

// The reasons of Left.
const (
	ByCaller   Leaving = "caller"   // hung up
	ByTimeout  Leaving = "timeout"  // the dialplan's TIMEOUT(absolute)
	BySwitch   Leaving = "switch"   // Asterisk or the way to it is gone
	ByTransfer Leaving = "transfer" // went where Transfer sent it
)

func (Started) event()   {}
func (Resumed) event()   {}
func (Pressed) event()   {}
func (Played) event()    {}
func (Elapsed) event()   {}
func (Committed) event() {}
func (Answered) event()  {}
func (Seen) event()      {}
func (Returned) event()  {}
func (Left) event()      {}
func (Closing) event()   {}
