package dialtest

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Walk presses keys as a caller does who knows what he wants: each word when the
// announcement that it answers has begun. Zero values give the defaults.
type Walk struct {
	Keys     []Word
	Listen   time.Duration // how long after an announcement's begin its word is typed; 600 ms
	Patient  bool          // hear every announcement to its end instead
	Length   time.Duration // of a key; 100 ms
	Patience time.Duration // how long a word may stay without a new announcement; 30 s
	// OnPress, if set, is told of each word when it has been typed (Next is ""),
	// and OnAnswer when the announcement upon it has begun.
	OnPress, OnAnswer func(Pressed)
}

// Pressed is one word of a Walk.
type Pressed struct {
	Key  string    `json:"key"`            // its keys; a secret one's are "•" each
	At   time.Time `json:"at"`             // the end of its last key was sent
	Next string    `json:"next,omitempty"` // prompt heard upon it; "" for nothing
	// Reaction is the time from At to the first packet of Next, pauses at its
	// begin included.
	Reaction time.Duration `json:"reaction_ns"`
}

// overAfter is the silence after which an announcement is over: longer than the
// pause between two recordings of a playlist, of which the switch makes none.
const overAfter = 400 * time.Millisecond

func (w Walk) withDefaults() Walk {
	if w.Listen == 0 {
		w.Listen = 600 * time.Millisecond
	}
	if w.Length == 0 {
		w.Length = 100 * time.Millisecond
	}
	if w.Patience == 0 {
		w.Patience = 30 * time.Second
	}
	return w
}

// Walk types all words and returns when the announcement upon the last of them
// has begun. The words that were typed are returned with any error, which wraps
// ErrEnded where the call ended before its last key.
func (s *Session) Walk(ctx context.Context, w Walk) ([]Pressed, error) {
	w = w.withDefaults()
	var pressed []Pressed
	// Announcements that begin alike are told apart later than they are noticed.
	defer func() {
		line := s.Heard()
		for i := range pressed {
			if n := next(line, pressed[i].At); pressed[i].Next != "" && n >= 0 {
				pressed[i].Next = line[n].Prompt
			}
		}
	}()
	var last time.Time
	for i, word := range w.Keys {
		if err := s.ready(ctx, w, last); err != nil {
			return pressed, fmt.Errorf("wait to press %v, which is number %d of %d: %w", word, i+1, len(w.Keys), err)
		}
		p, err := s.press(ctx, w, word)
		if p.Key != "" {
			pressed = append(pressed, p)
		}
		// Upon the last key a call may rightly end without another word.
		if err != nil && (i < len(w.Keys)-1 || p.Key == "" || !errors.Is(err, ErrEnded)) {
			return pressed, err
		}
		last = p.At
	}
	return pressed, nil
}

// press types one word and measures the reaction. Without a Key in the result it was
// not typed to its end.
func (s *Session) press(ctx context.Context, w Walk, word Word) (Pressed, error) {
	at, err := s.Type(ctx, word.keys, w.Length)
	if err != nil {
		return Pressed{}, err
	}
	p := Pressed{Key: word.String(), At: at}
	if w.OnPress != nil {
		w.OnPress(p)
	}
	if err := s.react(ctx, w.Patience, &p); err != nil {
		return p, err
	}
	if w.OnAnswer != nil {
		w.OnAnswer(p)
	}
	return p, nil
}

// errNothing: the switch is up, but nobody says anything.
var errNothing = errors.New("nothing new is heard")

// ready waits until the announcement that began after the key at last has been
// heard long enough for the next key.
func (s *Session) ready(ctx context.Context, w Walk, last time.Time) error {
	var began time.Time
	err := s.await(ctx, w.Patience, func(line []Heard) bool {
		i := next(line, last)
		if i >= 0 {
			began = line[i].Start
		}
		return i >= 0
	})
	switch {
	case err != nil:
		return err
	case w.Patient:
		return s.AwaitQuiet(ctx, overAfter)
	}
	return s.pause(ctx, time.Until(began.Add(w.Listen)))
}

// await is Await for no longer than patience.
func (s *Session) await(ctx context.Context, patience time.Duration, cond func(line []Heard) bool) error {
	bounded, cancel := context.WithTimeoutCause(ctx, patience, errNothing)
	defer cancel()
	err := s.Await(bounded, cond)
	if err != nil && errors.Is(err, bounded.Err()) {
		return context.Cause(bounded)
	}
	return err
}

// pause lets d pass, unless the call or ctx ends before.
func (s *Session) pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-s.ended:
		return ErrEnded
	case <-ctx.Done():
		return ctx.Err()
	}
}

// react waits for the first thing heard upon a key, and measures how long it took.
func (s *Session) react(ctx context.Context, patience time.Duration, p *Pressed) error {
	err := s.await(ctx, patience, func(line []Heard) bool {
		i := next(line, p.At)
		if i >= 0 {
			p.Next, p.Reaction = line[i].Prompt, line[i].Start.Sub(p.At)
		}
		return i >= 0
	})
	if err != nil {
		return fmt.Errorf("wait for the answer to %s: %w", p.Key, err)
	}
	return nil
}
