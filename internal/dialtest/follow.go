package dialtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Step is one exchange of a transcript: what must be heard, then what the caller does.
type Step struct {
	// Hear are the recordings that must be heard next, in this order and without
	// another between them. Where nothing is pressed upon them, or Walk.Patient is
	// set, each must be heard to its end; otherwise a key cuts them short, and as
	// much of them as there was must be right.
	Hear []string
	// Press are the keys pressed then; upon all but the last nothing need be heard.
	Press string
	// Hangup ends the call then.
	Hangup bool
}

// MismatchError is a Step at which something else was heard than it says.
type MismatchError struct {
	Step int // counted from 1
	Want []string
	Got  []Heard
}

// Error says what was to be heard, and all that was heard from there on.
func (e *MismatchError) Error() string {
	got := make([]string, len(e.Got))
	for i, h := range e.Got {
		got[i] = h.Prompt
	}
	return fmt.Sprintf("step %d: want to hear [%s], heard [%s]", e.Step, strings.Join(e.Want, " "), strings.Join(got, " "))
}

// Follow goes through the steps of a transcript. w says how keys are pressed; its
// Keys and callbacks are not used. What was heard otherwise is a *MismatchError.
func (s *Session) Follow(ctx context.Context, w Walk, steps []Step) error {
	w = w.withDefaults()
	f := follower{s: s, w: w}
	for i, step := range steps {
		if err := f.hear(ctx, i+1, step); err != nil {
			return err
		}
		at, err := s.Type(ctx, step.Press, w.Length)
		if err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
		f.typed = len(step.Press) > 1
		if step.Press != "" {
			f.since = func(line []Heard) int { return next(line, at) }
		}
		if step.Hangup {
			return s.Hangup(ctx)
		}
	}
	return nil
}

// follower remembers where in the line the current step begins.
type follower struct {
	s     *Session
	w     Walk
	since func(line []Heard) int // -1: not yet
	typed bool                   // several keys came before: what is said upon the first of them may still begin
}

// hear waits until step's recordings have been heard, or something else.
func (f *follower) hear(ctx context.Context, number int, step Step) error {
	if len(step.Hear) == 0 {
		return nil
	}
	since := f.since
	if since == nil {
		since = func([]Heard) int { return 0 }
	}
	whole := f.w.Patient || step.Press == "" && !step.Hangup
	var from, n int
	var wrong []Heard
	err := f.s.await(ctx, f.w.Patience, func(line []Heard) bool {
		if from = since(line); from < 0 || from >= len(line) {
			return false
		}
		for f.typed && from < len(line)-1 && !line[from].Whole && !line[from].Is(step.Hear[0]) {
			from++
		}
		var verdict fit
		n, verdict = judge(line[from:], step.Hear, whole)
		if verdict == misfit {
			wrong = append(wrong[:0], line[from:]...)
		}
		return verdict != pending
	})
	switch {
	case wrong != nil || err != nil && (errors.Is(err, errNothing) || errors.Is(err, ErrEnded)):
		if wrong == nil {
			wrong = f.s.Heard()
			wrong = wrong[min(max(since(wrong), 0), len(wrong)):]
		}
		return errors.Join(&MismatchError{number, step.Hear, wrong}, err)
	case err != nil:
		return fmt.Errorf("step %d: %w", number, err)
	}
	end := from + n
	f.since = func([]Heard) int { return end }
	if whole {
		return nil
	}
	return f.s.pause(ctx, f.w.Listen)
}

// fit is how a line of what was heard goes with what should be.
type fit int

const (
	pending fit = iota // so far so good
	fits               // heard as far as needed
	misfit             // something else was heard
)

// judge compares. Where whole is not asked for, the begin of the first recording
// is enough. n is how many entries of the line were used. An entry that is still
// open may yet turn out to be another recording that begins alike, so it cannot
// be a misfit.
func judge(line []Heard, want []string, whole bool) (n int, verdict fit) {
	for i, h := range line {
		if i == len(want) {
			break
		}
		switch {
		case !h.Is(want[i]) && h.Open:
			return i, pending
		case !h.Is(want[i]), whole && !h.Open && !h.Whole:
			return i, misfit
		case !whole:
			return i + 1, fits
		case h.Open:
			return i, pending
		}
	}
	if len(line) < len(want) {
		return len(line), pending
	}
	return len(want), fits
}
