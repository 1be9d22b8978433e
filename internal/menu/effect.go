package menu

import (
	"time"

	"hotline/internal/orders"
	"hotline/internal/orders/entry"
	"hotline/internal/prompts"
)

// Effect is something that the Machine wants done or recorded. Effects are
// carried out in their order; End is always the last of a call.
type Effect interface{ effect() }

type (
	// Entered records that the call came to a node.
	Entered struct{ Node string }

	// Play says Refs one after the other as announcement ID; Played answers it.
	// An announcement still running is over (the Machine has stopped it before). Asks
	// says that the caller is to answer it by keys.
	Play struct {
		ID   ID
		Node string
		Refs []prompts.Ref
		Asks bool
	}

	// StopPlay cuts announcement ID short. No Played need follow; one that does is stale.
	StopPlay struct{ ID ID }

	// SetTimer asks for Elapsed{ID} after a time. Timers are never cancelled: a
	// later SetTimer replaces the earlier one, and a stale Elapsed has no effect.
	SetTimer struct {
		ID    ID
		After time.Duration
		For   TimerUse
	}

	// Submit gives an order to the Desk: Committed, then Answered come back; or
	// Answered alone, where nothing could be stored and nothing was sent. BossPrice is
	// what the BOSS asked for it when that was seen last, if it was known (Priced).
	Submit struct {
		ID      ID
		App     App
		Service string
		Action  orders.Action
		Price   orders.Money
		With    orders.With

		BossPrice orders.Money
		Priced    bool
	}

	// Ask gives a query to the Desk; Answered comes back. App is 0 for what the
	// Machine itself wants to know: the query "profile" answers with the caller's
	// brand (word) and star (count). Anyone: the caller needs no number for it.
	Ask struct {
		ID      ID
		App     App
		Query   string
		Service string
		Anyone  bool
		With    orders.With
	}

	// Verify gives a service password to the Desk; Answered comes back.
	Verify struct {
		ID       ID
		App      App
		Password entry.Entry
	}

	// Look asks how things stand outside; Seen comes back at once, before any other
	// event. Service is the one that it is about, or what a query looks up; "" for
	// the time alone.
	Look struct {
		ID      ID
		Service string
	}

	// Transfer sends the channel to an extension of the dialplan's agents
	// context: Left{ByTransfer} or Returned come back.
	Transfer struct {
		ID       ID
		Queue    string
		Priority int               // in the queue: the caller's star level, 0 for none
		Facts    map[string]string // what the person is shown: node, language, service, verified
	}

	// Speak changes the language of all that is said from here on. Remember: it is
	// what the caller chose, and holds for his next calls too.
	Speak struct {
		Language string
		Remember bool
	}

	// Rated records how content a caller is (Score 1 to 5), with Service as what the
	// call was about last; "" for nothing.
	Rated struct {
		Service string
		Score   int
	}

	// CallBack records that the caller is to be called back by those of a queue.
	CallBack struct {
		Queue   string
		Service string
	}

	// Missed records that what the caller did was no answer to what was asked. What
	// follows is said because of it.
	Missed struct{ Why Miss }

	// Replayed records that the caller wants to hear something again: what is said
	// next. Each is one of Tries.Replays.
	Replayed struct{}

	// AppOpened begins an application. Continues is the earlier application of
	// this call that this one takes up again, 0 for none.
	AppOpened struct {
		App       App
		Kind      orders.Kind
		Node      string
		Continues App
	}

	// AppBound says what the application turned out to be about.
	AppBound struct {
		App     App
		Kind    orders.Kind
		Service string // or what a query looks up: "balance"
		Action  orders.Action
		Node    string
	}

	// AppClosed ends an application within the call: the one outcome it has.
	AppClosed struct {
		App    App
		Result orders.Result
		At     Position
		Tries  Tries
	}

	// AppLeft says that the call ends while the Desk has the application's order:
	// the Desk closes it.
	AppLeft struct {
		App App
		At  Position
	}

	// End hangs up, unless the channel is gone already, and ends the call.
	End struct{ Reason EndReason }
)

// App numbers the applications of a call: 1, 2, 3 …
type App int

// Position says where in the menu, and where in which sentence, something
// happened. Prompt is "" where no announcement was running or had been heard last.
type Position struct {
	Node    string
	Prompt  string
	MS      int // milliseconds of Prompt that had been heard
	Percent int // of the whole announcement that Prompt is part of
}

// Tries counts what went wrong on the way to an outcome; classification needs it.
type Tries struct {
	NoInput int // first-digit timeouts in this application
	Invalid int // keys that meant nothing
	Replays int // announcements asked for again, by key or by coming back
}

// Miss is why an answer was none.
type Miss string

// The misses.
const (
	NoInput Miss = "no_input" // no key came
	NoMatch Miss = "no_match" // keys that mean nothing there, or no such entry
)

// TimerUse says what a timer is for.
type TimerUse string

// The uses of a timer.
const (
	FirstDigit TimerUse = "first_digit" // the caller is to press something
	InterDigit TimerUse = "inter_digit" // the key pressed may be the first of two
	EntryDigit TimerUse = "entry_digit" // an entry may become longer
	StillThere TimerUse = "still_there" // tell a waiting caller that it goes on
	BeforeMove TimerUse = "before_move" // the pause between announcing a transfer and making it
)

// EndReason is why a call ended. The set is closed.
type EndReason string

// The end reasons. CallLost is given by the sweeper, never by a Machine.
const (
	Finished    EndReason = "finished"       // the menu said goodbye
	HungUp      EndReason = "hung_up"        // the caller did
	GaveUp      EndReason = "gave_up"        // too many errors; the menu said goodbye
	Transferred EndReason = "transferred"    // to an agent
	TimedOut    EndReason = "timed_out"      // the absolute limit of a call
	MediaLost   EndReason = "media_lost"     // nothing could be played
	SwitchLost  EndReason = "switch_lost"    // Asterisk or the way to it went away
	Drained     EndReason = "server_stopped" // apology, as the server had to stop
	CallLost    EndReason = "server_died"
)

func (Entered) effect()   {}
func (Play) effect()      {}
func (StopPlay) effect()  {}
func (SetTimer) effect()  {}
func (Submit) effect()    {}
func (Ask) effect()       {}
func (Verify) effect()    {}
func (Look) effect()      {}
func (Transfer) effect()  {}
func (Speak) effect()     {}
func (Rated) effect()     {}
func (CallBack) effect()  {}
func (Missed) effect()    {}
func (Replayed) effect()  {}
func (AppOpened) effect() {}
func (AppBound) effect()  {}
func (AppClosed) effect() {}
func (AppLeft) effect()   {}
func (End) effect()       {}
