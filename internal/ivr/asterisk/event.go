package asterisk

import (
	"time"

	"hotline/internal/orders"
)

// Arrival is a call that entered our application (ARI StasisStart).
type Arrival struct {
	Channel string        // Asterisk's unique id of the channel
	Name    string        // e.g. "PJSIP/trunk-00000007", for people
	Args    []string      // what the dialplan gave to Stasis() after the application's name
	At      time.Time     // when we read it
	Caller  orders.MSISDN // zero where the caller's number is withheld or is no number
}

// Event is something that happened to one Channel. At is always the time at
// which we read it from the socket.
type Event interface{ event() }

type (
	// Digit is one key, told when it is let go (ChannelDtmfReceived). Asterisk may tell
	// one twice that begins less than 45 ms after the last while nothing is played; and
	// every short one, where its mindtmfduration is not 0.
	Digit struct {
		Key byte // 0-9, *, #, A-D
		At  time.Time
	}

	// PlayStarted says that an item of a playlist can be heard. For an item whose file
	// is missing it comes too, and for the one after it at once.
	PlayStarted struct {
		ID   string // as given to Play
		Item int    // index into the media given to Play
		At   time.Time
	}

	// PlayFinished says that a whole playlist is over: played, stopped, or (Failed)
	// given up by Asterisk, because the caller hung up or the last file is missing.
	PlayFinished struct {
		ID     string
		Failed bool
		At     time.Time
	}

	// RequestFailed says that Asterisk refused a request. A Play that was refused has
	// no PlayFinished.
	RequestFailed struct {
		Request Request
		ID      string // of the Play; "" for others
		Status  int    // HTTP status, 0 where no answer came (HTTP only)
		At      time.Time
	}

	// HangupRequested says that the caller, or a time limit of the dialplan, ends the
	// channel: Left comes next. Asterisk does not tell of every one.
	HangupRequested struct {
		Cause int // Q.850 cause, 0 where Asterisk gives none
		At    time.Time
	}

	// Left says that the channel has left our application (StasisEnd). Continued:
	// it went where our Continue sent it, and we go on watching it. Otherwise Gone follows.
	Left struct {
		Continued bool
		At        time.Time
	}

	// Returned says that a channel which had Left is back in our application.
	Returned struct {
		Args []string // of Stasis(), as in Arrival
		At   time.Time
	}

	// Destroyed ends a channel that had Left to another place. Gone follows. It comes
	// at once where Asterisk cannot tell us of the end.
	Destroyed struct {
		Cause int // Q.850 cause, e.g. 16 normal clearing; 0 not known
		At    time.Time
	}

	// Lost says that the connection to Asterisk is cut. The channel itself goes on, and
	// plays what it was playing; its events are not told to us until Back. What was
	// asked of Asterisk and not answered may or may not have happened; Play and Stop
	// do nothing until Back, while the last Continue or Hangup is kept and sent then.
	Lost struct{ At time.Time }

	// Back says that the connection is up again and the channel is still there. Keys
	// pressed and prompts finished in between are not known: say the prompt again.
	Back struct{ At time.Time }

	// Vanished says that the connection is up again and the channel is not there any
	// more. Gone follows.
	Vanished struct{ At time.Time }
)

// Request names what a RequestFailed is about.
type Request string

// The requests that can fail. A Stop that finds nothing to stop is none: the
// playback ended a moment earlier.
const (
	RequestPlay     Request = "play"
	RequestContinue Request = "continue"
	RequestHangup   Request = "hangup"
)

func (Digit) event()           {}
func (PlayStarted) event()     {}
func (PlayFinished) event()    {}
func (RequestFailed) event()   {}
func (HangupRequested) event() {}
func (Left) event()            {}
func (Returned) event()        {}
func (Destroyed) event()       {}
func (Lost) event()            {}
func (Back) event()            {}
func (Vanished) event()        {}
