package menu

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"hotline/internal/orders"
)

// State is what the further course of a call depends on, for those who explore what
// can happen: two calls on one tree in equal States do the same on the same events,
// but for the IDs and numbers that they give and for greetings already said. What has
// been typed of a private entry stands in it: it is nothing to print.
type State struct {
	Node, Path string // the menus of Path are joined by "/"
	Await      int    // 0 start, 1 key, 2 the end of an announcement, 3 the Desk, 4 a look outside, 5 a transfer, 6 ended
	Asks, Job  int
	Playing    bool
	Timing     bool
	Moving     bool // the transfer has been made
	Below      bool
	Keys       string // partial, typed ahead and typed, apart
	Vars       string
	Notice     string
	Next       string
	Answer     string // held until "please wait" has been said
	Waits      int    // 0 to 2
	NoInput    int
	Invalid    int
	Broken     int

	Language string
	Caller   string // hidden, profile, verified, wrong passwords

	Kind      orders.Kind // of the open application, "" for none
	Function  string
	Submitted bool
	About     string
}

// State tells where the call stands.
func (m *Machine) State() State {
	s := State{
		Node: m.Node(), Path: strings.Join(m.path, "/"), Await: int(m.await),
		Playing: m.play.id != 0, Timing: m.time != 0, Below: m.below,
		Broken: m.broken, NoInput: m.errors.noInput, Invalid: m.errors.invalid,
		Language: m.Language(), Kind: m.app.kind, Submitted: m.app.submitted, About: m.about,
	}
	c := m.caller
	s.Caller = fmt.Sprint(c.hidden, c.asking != 0, c.asked, c.brand, c.star, c.verified, c.wrong)
	if m.app.n != 0 {
		s.Function = fmt.Sprint(m.app.function)
	}
	for _, name := range slices.Sorted(maps.Keys(m.vars)) {
		s.Vars += name + "=" + m.vars[name].Reveal() + ";"
	}
	switch m.await { // what the others have left behind means nothing any more
	case awaitKey:
		s.Asks = int(m.asks)
		s.Keys = m.partial + "|" + string(m.ahead) + "|" + m.typed
		s.Notice = fmt.Sprint(m.notice)
	case awaitSaid:
		s.Keys = "|" + string(m.ahead) + "|"
		s.Next = fmt.Sprint(m.next)
	case awaitTask:
		s.Job, s.Waits = int(m.job), min(m.waits, 2)
		s.Keys = "|" + string(m.ahead) + "|"
		if m.answer != nil {
			s.Answer = fmt.Sprint(*m.answer)
		}
	case awaitMove:
		s.Moving = m.task != 0
		s.Keys = "|" + string(m.ahead) + "|"
	case awaitLook:
		s.Keys = "|" + string(m.ahead) + "|"
	}
	return s
}
