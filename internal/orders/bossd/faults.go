package bossd

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Operation is what the BOSS is asked to do, and so what a fault can meet.
type Operation string

// The operations; All is for faults alone.
const (
	Submit Operation = "submit"
	Lookup Operation = "lookup"
	Query  Operation = "query"
	Verify Operation = "verify"
	Prices Operation = "prices"
	All    Operation = "all"
)

// Mode is the way in which a fault goes wrong.
type Mode string

// The modes.
const (
	Delay   Mode = "delay"   // it is carried out and answered, later
	Drop    Mode = "drop"    // the connection is closed without an answer
	Reset   Mode = "reset"   // it is carried out, then the connection is reset (RST)
	Late    Mode = "late"    // the connection is closed at once, it is carried out later
	Fail    Mode = "500"     // the server says that it has failed
	Busy    Mode = "429"     // the server says that it is asked too much; nothing was done
	Garbage Mode = "garbage" // it is answered with what is no document
	Repeat  Mode = "repeat"  // it is carried out twice by its key, and answered twice
	Async   Mode = "async"   // an order is accepted, and carried out later
)

var (
	operations = []Operation{Submit, Lookup, Query, Verify, Prices, All}
	modes      = []Mode{Delay, Drop, Reset, Late, Fail, Busy, Garbage, Repeat, Async}
	afterwards = []Mode{Drop, Fail, Garbage} // that may come after the request was carried out
)

// Fault is one thing that the server was told to do wrong.
type Fault struct {
	Operation Operation `json:"operation"`
	Mode      Mode      `json:"mode"`
	DelayMS   int64     `json:"delay_ms,omitempty"` // before anything else; Late and Async: before it is carried out
	Times     int       `json:"times,omitempty"`    // how often in all; 0: until cleared
	Every     int       `json:"every,omitempty"`    // it meets each n-th request of its operation; 0 is 1
	After     bool      `json:"after,omitempty"`    // Drop, Fail and Garbage: it is carried out first
	Met       int       `json:"met"`                // how often so far
}

// Wait is how long the fault waits.
func (f Fault) Wait() time.Duration { return time.Duration(f.DelayMS) * time.Millisecond }

// Spent tells whether it has been met as often as it was to be.
func (f Fault) Spent() bool { return f.Times > 0 && f.Met >= f.Times }

// Check gives nil, or an error that says what is allowed.
func (f Fault) Check() error {
	switch {
	case !slices.Contains(operations, f.Operation):
		return fmt.Errorf("no operation %q (there are %s)", f.Operation, list(operations))
	case !slices.Contains(modes, f.Mode):
		return fmt.Errorf("no mode %q (there are %s)", f.Mode, list(modes))
	case f.DelayMS < 0:
		return fmt.Errorf("a delay of %v is in the past", f.Wait())
	case f.DelayMS == 0 && slices.Contains([]Mode{Delay, Late, Async}, f.Mode):
		return fmt.Errorf("mode %s needs a delay", f.Mode)
	case f.Times < 0:
		return fmt.Errorf("%d times is never", f.Times)
	case f.Every < 0:
		return fmt.Errorf("each %d-th request is none", f.Every)
	case f.Met != 0:
		return fmt.Errorf("met %d times already: it begins with none", f.Met)
	case f.Mode == Async && f.Operation != Submit:
		return fmt.Errorf("mode %s is about orders: its operation is %s", Async, Submit)
	case f.After && !slices.Contains(afterwards, f.Mode):
		return fmt.Errorf("mode %s has its place; only %s may come after the request was carried out", f.Mode, list(afterwards))
	}
	return nil
}

func list[T ~string](all []T) string {
	var words []string
	for _, w := range all {
		words = append(words, string(w))
	}
	return strings.Join(words, ", ")
}

// faults is the switch. It is in memory: a server that is started again does
// everything right.
type faults struct {
	mu     sync.Mutex
	all    []Fault
	passed []int // for each, how many requests of its operation there were
}

func (fs *faults) add(f Fault) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.all, fs.passed = append(fs.all, f), append(fs.passed, 0)
}

func (fs *faults) list() []Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return append([]Fault{}, fs.all...)
}

// clear gives how many there were.
func (fs *faults) clear() int {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	n := len(fs.all)
	fs.all, fs.passed = nil, nil
	return n
}

// meet gives the fault that meets a request, the one told first; the zero Fault is none.
// Each counts the requests by itself, whichever other met them.
func (fs *faults) meet(op Operation) (met Fault) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for i := range fs.all {
		f := &fs.all[i]
		if f.Spent() || f.Operation != op && f.Operation != All {
			continue
		}
		fs.passed[i]++
		if met.Mode == "" && (f.Every == 0 || fs.passed[i]%f.Every == 0) {
			f.Met++
			met = *f
		}
	}
	return met
}
