package menu

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"hotline/internal/menu/tree"
	"hotline/internal/orders"
	"hotline/internal/prompts"
)

// State is what the further course of a call depends on, for those who explore what
// can happen: two calls on one tree in equal States do the same on the same events,
// but for the IDs and numbers that they give and for greetings already said. What has
// been typed of a private entry stands in it: it is nothing to print.
type State struct {
	Node, Path string // the menus of Path are joined by "/"
	Await      string // start, key, said (the end of an announcement), task (the Desk), look, move (a transfer), end
	Asks       string // where a key is awaited: menu, entry, read_back, confirm, callback, rating, language
	Job        int
	Playing    bool
	Timing     bool
	Moving     bool // the transfer has been made
	Below      bool
	Partial    string // keys that may become a longer one
	Ahead      string // keys typed ahead
	Typed      string // keys of an entry so far
	Vars       string // name=text; of each variable
	Notice     string
	Next       string // what follows the announcement
	Ends       bool   // the end of the call follows it
	Forced     bool   // sent to a person for want of a key, and none has come since
	Answer     string // held until "please wait" has been said
	Waits      int    // 0 to 2
	NoInput    int
	Invalid    int
	Broken     int

	Language      string
	Hidden        bool // the caller's number is not known
	Asking, Asked bool // for who the caller is
	Brand         string
	Star          int
	Verified      bool
	Wrong         int // passwords, 0 to 3

	Kind      orders.Kind   // of the open application, "" for none
	Function  tree.Function // that it is about
	Looked    bool          // whether callers may have it
	Submitted bool
	About     string
}

var (
	awaits = [...]string{awaitStart: "start", awaitKey: "key", awaitSaid: "said", awaitTask: "task", awaitLook: "look", awaitMove: "move", awaitEnd: "end"}
	asked  = [...]string{askMenu: "menu", askEntry: "entry", askReadBack: "read_back", askConfirm: "confirm", askCallback: "callback", askRating: "rating", askLanguage: "language"}
)

// State tells where the call stands.
func (m *Machine) State() State {
	c := &m.caller
	s := State{
		Node: m.Node(), Path: strings.Join(m.path, "/"), Await: awaits[m.await],
		Playing: m.play.id != 0, Timing: m.time != 0, Below: m.below,
		Broken: m.broken, Forced: m.forced, NoInput: m.errors.noInput, Invalid: m.errors.invalid,
		Language: m.Language(), Hidden: c.hidden, Asking: c.asking != 0, Asked: c.asked,
		Brand: c.brand, Star: c.star, Verified: c.verified, Wrong: min(c.wrong, passwords),
		Kind: m.app.kind, Function: m.app.function, Looked: m.app.looked, Submitted: m.app.submitted, About: m.about,
		Ahead: string(m.ahead), Notice: prompts.Join(m.notice),
	}
	for _, name := range slices.Sorted(maps.Keys(m.vars)) {
		s.Vars += name + "=" + m.vars[name].Reveal() + ";"
	}
	switch m.await { // what the others have left behind means nothing any more
	case awaitKey:
		s.Asks, s.Partial, s.Typed = asked[m.asks], m.partial, m.typed
	case awaitSaid:
		s.Next, s.Ends = fmt.Sprint(m.next), m.next.do == doEnd
	case awaitTask:
		s.Job, s.Waits = int(m.job), min(m.waits, 2)
		if m.answer != nil {
			s.Answer = fmt.Sprint(*m.answer)
		}
	case awaitMove:
		s.Moving = m.task != 0
	}
	return s
}
