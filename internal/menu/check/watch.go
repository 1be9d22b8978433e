package check

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"hotline/internal/menu"
	"hotline/internal/prompts"
)

// fault is a promise of the Machine that has been broken.
type fault struct{ rule, message string }

// watch is what a call looks like from outside: it follows the effects alone, so
// that a Machine which forgets something cannot hide it. Plain data, copied at every fork.
type watch struct {
	last                       menu.ID // the newest ID seen
	play, timer                menu.ID // under way, 0 none
	task, profile, look, moved menu.ID
	order                      bool          // the task is an order
	lookAt                     string        // the service of the look
	refs                       []prompts.Ref // of the announcement
	after                      time.Duration // of the timer
	use                        menu.TimerUse
	app, apps                  menu.App // the open application, the newest one
	secret, personal           string   // keys of secret entries and of telephone numbers so far
	clear                      bool     // keys that are kept have been recorded as they are
	ended                      bool
}

// event takes what happened: what it completes is over.
func (w *watch) event(e menu.Event) {
	over := func(what *menu.ID, id menu.ID) {
		if *what == id {
			*what = 0
		}
	}
	switch e := e.(type) {
	case menu.Played:
		over(&w.play, e.ID)
	case menu.Elapsed:
		over(&w.timer, e.ID)
	case menu.Answered:
		over(&w.task, e.ID)
		over(&w.profile, e.ID)
	case menu.Seen:
		over(&w.look, e.ID)
	case menu.Returned:
		over(&w.moved, e.ID)
	case menu.Closing: // the answer is the Desk's affair from here on
		w.task, w.moved = 0, 0
	}
}

// effects holds what a Machine wants done to its promises; the first broken one counts.
func (w *watch) effects(effects []menu.Effect) *fault {
	for _, e := range effects {
		if w.ended {
			return &fault{"after-end", fmt.Sprintf("%T comes after the end of the call", e)}
		}
		if f := w.effect(e); f != nil {
			return f
		}
		if w.secret+w.personal != "" {
			if f := w.leak(e); f != nil {
				return f
			}
		}
	}
	return nil
}

func (w *watch) effect(e menu.Effect) *fault {
	switch e := e.(type) {
	case menu.Play:
		// The switch plays one after the other: the second would be heard late.
		if w.play != 0 {
			return &fault{"two-at-once", "an announcement begins while another one is being said"}
		}
		if len(e.Refs) == 0 {
			return &fault{"dead-air", "the announcement has no words: the caller hears nothing"}
		}
		w.play, w.refs, w.timer = e.ID, e.Refs, 0
		return w.fresh(e.ID)
	case menu.StopPlay:
		w.play = 0
	case menu.SetTimer:
		w.timer, w.after, w.use = e.ID, e.After, e.For
		return w.fresh(e.ID)
	case menu.Look:
		w.look, w.lookAt = e.ID, e.Service
		return w.fresh(e.ID)
	case menu.Transfer:
		w.moved = e.ID
		return w.fresh(e.ID)
	case menu.Submit:
		w.task, w.order = e.ID, true
		return w.asked(e.ID, e.App)
	case menu.Verify:
		w.task, w.order = e.ID, false
		return w.asked(e.ID, e.App)
	case menu.Ask:
		if e.App == 0 {
			w.profile = e.ID
			return w.fresh(e.ID)
		}
		w.task, w.order = e.ID, false
		return w.asked(e.ID, e.App)
	case menu.AppOpened, menu.AppBound, menu.AppClosed, menu.AppLeft:
		return w.application(e)
	case menu.End:
		w.ended = true
		if w.app != 0 {
			return &fault{"no-outcome", fmt.Sprintf("the call ends and application %d has no outcome", w.app)}
		}
	}
	return nil
}

// asked is a task for the Desk, which needs an application to belong to.
func (w *watch) asked(id menu.ID, app menu.App) *fault {
	if app != w.app || app == 0 {
		return &fault{"application", fmt.Sprintf("the BOSS is asked for application %d, which is not open", app)}
	}
	return w.fresh(id)
}

// fresh wants a new ID: a late completion could not be told from a present one.
func (w *watch) fresh(id menu.ID) *fault {
	if id <= w.last {
		return &fault{"id", fmt.Sprintf("ID %d is not new", id)}
	}
	w.last = id
	return nil
}

// application follows the life of applications: opened while none is, one outcome each.
func (w *watch) application(e menu.Effect) *fault {
	switch e := e.(type) {
	case menu.AppOpened:
		if w.app != 0 || e.App <= w.apps {
			return &fault{"application", fmt.Sprintf("application %d opens while %d is open", e.App, w.app)}
		}
		w.app, w.apps = e.App, e.App
	case menu.AppBound:
		if e.App != w.app {
			return &fault{"application", fmt.Sprintf("application %d is bound and is not open", e.App)}
		}
	case menu.AppClosed:
		if !e.Result.Valid() {
			return &fault{"application", fmt.Sprintf("%q is no outcome that is counted", e.Result)}
		}
		return w.close(e.App)
	case menu.AppLeft:
		return w.close(e.App)
	}
	return nil
}

func (w *watch) close(app menu.App) *fault {
	if app != w.app || app == 0 {
		return &fault{"two-outcomes", fmt.Sprintf("application %d gets an outcome and is not open: it is counted twice", app)}
	}
	w.app = 0
	return nil
}

// typed keeps a key of a private entry, to look for it in what follows.
func (w *watch) typed(key byte, secret bool) {
	const most = 20 // of the last ones: enough for an identity number
	to := &w.personal
	if secret {
		to = &w.secret
	}
	*to += string(key)
	*to = (*to)[max(0, len(*to)-most):]
}

// leak looks for the digits of private entries in all that could be written down of
// an effect. Of a secret three in a row are enough: the entries that the checker
// types share none with the names of the menu (see unusual). A telephone number may
// be shown by its ends.
func (w *watch) leak(e menu.Effect) *fault {
	switch e.(type) {
	case menu.SetTimer, menu.StopPlay:
		return nil // half of all effects, and they have no words
	}
	data, err := json.Marshal(e)
	if err != nil {
		return &fault{"secret-leak", fmt.Sprintf("%T cannot be written as JSON", e)}
	}
	text := fmt.Sprintf("%+v %s", e, data)
	if found(text, w.secret, 3) || found(text, w.personal, 5) {
		return &fault{"secret-leak", fmt.Sprintf("digits of a private entry are in %T, which is written into the journal", e)}
	}
	return nil
}

// found tells whether so many figures in a row are part of a text.
func found(text, figures string, row int) bool {
	for i := 0; i+row <= len(figures); i++ {
		if strings.Contains(text, figures[i:i+row]) {
			return true
		}
	}
	return false
}

// settled looks at what a call waits for once an event has been dealt with: no
// state may be silent for ever, and no timer run down while the caller listens.
func (w *watch) settled(s *menu.State) *fault {
	if !s.Timing {
		w.timer = 0 // one that still runs outside is stale
	}
	// The profile may be asked for beforehand; it is waited for where it is needed.
	waiting := w.task != 0 || w.profile != 0 && s.Await == "task"
	switch {
	case w.look != 0, w.moved != 0, waiting && (w.play != 0 || w.timer != 0):
	case waiting:
		return &fault{"dead-air", "the caller waits for the BOSS, and nothing tells him that it goes on"}
	case w.play == 0 && w.timer == 0:
		return &fault{"dead-air", "nothing is being said and no timer runs: the caller sits in silence for ever"}
	case w.play != 0 && w.timer != 0:
		return &fault{"two-at-once", fmt.Sprintf("the %s timer runs while the caller is still being told what to press", w.use)}
	}
	return nil
}
