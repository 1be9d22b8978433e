package check

import (
	"fmt"

	"hotline/internal/menu"
	"hotline/internal/menu/tree"
)

// Call is a call as the checker explores it: a menu.Machine, or one with a fault
// planted in it.
type Call interface {
	// Step takes one event; the effects are good until the next Step.
	Step(menu.Event) []menu.Effect
	Clone() Call
	State() menu.State
	Secret() bool
	Ended() bool
}

// live makes the real Machine a Call.
type live struct{ *menu.Machine }

func (c live) Clone() Call { return live{c.Machine.Clone()} }

// begin is a call of the real Machine.
func begin(t *tree.Tree) Call { return live{menu.New(t)} }

// step gives an event to a call. A Machine that panics is a violation to be named
// with its transcript, and not the end of the checker.
func step(c Call, e menu.Event) (effects []menu.Effect, crash string) {
	defer func() {
		if r := recover(); r != nil {
			crash = fmt.Sprint(r)
		}
	}()
	return c.Step(e), ""
}
