// Package menu is the heart of the hotline: what happens on a call (Machine). What a
// menu is, and how one is read, is in menu/tree.
//
// A Machine is driven by one loop, which carries out what it decides:
//
//	m := menu.New(tree)
//	for e := range events { // the first is Started (or Resumed), the last Left
//		secret := m.Secret() // before the key is given: it is not to be recorded
//		for _, effect := range m.Step(e) {
//			… play, set the timer, ask the Desk, write the journal …
//		}
//		if m.Ended() { break }
//	}
//
// It refuses to do anything itself: no clock, no I/O, no goroutine, no context,
// no error. Step is total: any Event in any state is legal.
package menu

import (
	"maps"
	"slices"
	"time"

	"hotline/internal/menu/tree"
	"hotline/internal/orders"
	"hotline/internal/orders/entry"
	"hotline/internal/prompts"
)

// await is what a live call waits for: always exactly one thing (no dead air).
type await int

const (
	awaitStart await = iota
	awaitKey         // of the caller, while a question or a timer runs
	awaitSaid        // the end of an announcement
	awaitTask        // the Desk's answer, or the end of "please wait" when the answer is here
	awaitLook        // how things stand outside, which comes at once
	awaitMove        // the pause before a transfer, then the transfer
	awaitEnd
)

// deed is what to do next: after an announcement, or for a key.
type deed int

const (
	doMenu     deed = iota // back to the menu that the caller came from
	doNode                 // to a node
	doGlobal               // what a global key says
	doUnknown              // a speed-dial code that is none
	doSubmit               // confirmed: send the order
	doDecline              // declined
	doAccept               // the entry read back is right
	doRetype               // it is not
	doCallBack             // be called back
	doNoCall               // do not
	doRate                 // the rating in node
	doSpeak                // the language in node
	doMove                 // pause, then transfer
	doTell                 // what came of the present function, in told
	doEnd                  // hang up
)

// next is a deed with what it needs. Plain data, so that a Machine can be copied.
type next struct {
	do     deed
	node   string // or what a doRate or doSpeak is about
	global tree.Meaning
	reason EndReason
	told   orders.Result
	answer bool // the announcement before it is a query's answer: heard, it is a success
	deaf   bool // keys pressed during it are nothing: they may be more of a password
}

// toNode goes to id, or back to the caller's menu where id is "".
func toNode(id string) next {
	if id == "" {
		return next{do: doMenu}
	}
	return next{do: doNode, node: id}
}

const (
	stillThere = 15 * time.Second // inform again every 15 s (service standard)
	movePause  = 2 * time.Second  // between announcing a transfer and making it (service standard)
	maxAhead   = 32               // keys typed ahead that are kept
	maxTyped   = 64               // keys of one entry that are looked at
	passwords  = 3                // wrong ones in a call
)

// Machine is one call on a Tree. It is not safe for concurrent use.
type Machine struct {
	tree *tree.Tree
	out  []Effect

	last ID // the newest ID given
	play announcement
	time ID // the running timer, 0 none
	task ID // the Desk's, a look or the transfer; 0 none

	node    *tree.Node
	path    []string        // menus from the first to the present one
	visited map[string]bool // menus whose greeting has been said

	turn
	vars map[string]entry.Entry // what has been typed, by variable

	caller caller
	app    application
	apps   App
	prior  App    // the last application that went to a person
	about  string // the service that the call was about last
	heard  Position
	from   Position // where the caller was before the present node
}

// turn is where the talk with the caller stands: what is awaited, and what has come.
type turn struct {
	await   await
	asks    question      // what is asked for, while a key is awaited
	job     job           // what is done for the caller, while a task is awaited
	below   bool          // a key has cut a node below the menu short: "back" leads to the menu itself
	partial string        // keys that may still become a longer one
	ahead   []byte        // keys typed ahead
	typed   string        // keys of an entry so far
	notice  []prompts.Ref // about the service of the present node, said before anything else
	next    next          // after the announcement
	answer  *orders.Answer
	waits   int // times that the caller was told to wait on
	errors  tries
	broken  int  // announcements that failed one after the other
	forced  bool // sent to a person for want of a key, and none has come since
}

// caller is what the call has learnt of who calls.
type caller struct {
	language string
	hidden   bool // the number is not known
	asking   ID   // the profile has been asked for
	asked    bool // once a call
	brand    string
	star     int
	verified bool // by the service password
	wrong    int  // passwords
}

// announcement is what is being said; ID 0 is nothing.
type announcement struct {
	id   ID
	node string
	refs []prompts.Ref
}

// tries counts errors at one node.
type tries struct{ noInput, invalid int }

// New makes the Machine of a call on this tree. Its first event is Started or Resumed.
func New(t *tree.Tree) *Machine {
	return &Machine{tree: t, visited: map[string]bool{}, vars: map[string]entry.Entry{}}
}

// Ended tells whether End has been given; further events have no effect.
func (m *Machine) Ended() bool { return m.await == awaitEnd }

// Node is the id of the present node, "" before the first.
func (m *Machine) Node() string {
	if m.node == nil {
		return ""
	}
	return m.node.ID
}

// Language is what the caller is spoken to in.
func (m *Machine) Language() string {
	if m.caller.language == "" {
		return m.tree.Languages[0]
	}
	return m.caller.language
}

// Clone copies the call as it stands, for those who explore what could happen next.
// They are many: nothing that a call holds is changed in place, so that clones share it.
func (m *Machine) Clone() *Machine {
	c := *m
	c.out = nil
	return &c
}

// plus gives a copy of a map that has one more entry.
func plus[V any](all map[string]V, name string, v V) map[string]V {
	all = maps.Clone(all)
	all[name] = v
	return all
}

// Step takes one event and gives what is to be done about it, in order. The
// slice is good until the next Step.
func (m *Machine) Step(e Event) []Effect {
	m.out = m.out[:0]
	if m.await == awaitEnd {
		return nil
	}
	if left, ok := e.(Left); ok {
		m.left(left)
		return m.out
	}
	if m.await == awaitStart {
		switch e := e.(type) {
		case Started:
			m.started(e)
		case Resumed:
			m.resumed(e)
		}
		return m.out
	}
	switch e := e.(type) {
	case Pressed:
		m.hear(e.Heard)
		m.forced = false
		m.pressed(e.Key)
	case Played:
		m.played(e)
	case Elapsed:
		if e.ID != 0 && e.ID == m.time {
			m.time = 0
			m.elapsed()
		}
	case Committed:
		// Nothing to decide: from Submit on the Desk has the application's fate.
	case Answered:
		m.answered(e)
	case Seen:
		if e.ID != 0 && e.ID == m.task && m.await == awaitLook {
			m.task = 0
			m.seen(e)
		}
	case Returned:
		if e.ID != 0 && e.ID == m.task && m.await == awaitMove {
			m.task = 0
			m.returned(e)
		}
	case Closing:
		m.hear(e.Heard)
		m.closing()
	}
	return m.out
}

func (m *Machine) started(e Started) {
	m.caller.hidden = e.Anonymous
	if e.Language != m.Language() && slices.Contains(m.tree.Languages, e.Language) {
		m.speak(e.Language, false)
	}
	m.enter(m.tree.Start)
}

func (m *Machine) emit(e Effect) {
	if m.out == nil {
		m.out = make([]Effect, 0, 8)
	}
	m.out = append(m.out, e)
}

func (m *Machine) newID() ID {
	m.last++
	return m.last
}

// announce plays refs; what was running is over.
func (m *Machine) announce(refs []prompts.Ref) {
	m.stop()
	m.time, m.below = 0, false
	m.play = announcement{m.newID(), m.node.ID, refs}
	m.emit(Play{m.play.id, m.node.ID, refs, m.await == awaitKey})
}

func (m *Machine) stop() {
	if m.play.id != 0 {
		m.emit(StopPlay{m.play.id})
		m.play = announcement{}
	}
}

func (m *Machine) setTimer(d time.Duration, use TimerUse) {
	m.time = m.newID()
	m.emit(SetTimer{m.time, d, use})
}

// say announces refs and then does n.
func (m *Machine) say(n next, refs ...prompts.Ref) {
	m.await, m.next = awaitSaid, n
	m.announce(refs)
}

// speak changes the language.
func (m *Machine) speak(language string, remember bool) {
	m.caller.language = language
	m.emit(Speak{language, remember})
}

// look asks how things stand outside, for the present node.
func (m *Machine) look(service string) {
	m.await, m.task, m.time = awaitLook, m.newID(), 0
	m.emit(Look{m.task, service})
}

// proceed does what comes after an announcement.
func (m *Machine) proceed() {
	n := m.next
	if n.answer {
		m.closeApp(orders.Result{Outcome: orders.Success, Detail: orders.Confirmed})
	}
	m.do(n)
}

func (m *Machine) do(n next) {
	switch n.do {
	case doMenu:
		m.enter(m.path[len(m.path)-1])
	case doNode:
		m.enter(n.node)
	case doGlobal:
		m.global(n.global)
	case doUnknown:
		m.wrong(m.tree.Phrases.UnknownCode)
	case doSubmit:
		m.submit()
	case doDecline:
		m.closeApp(orders.Result{Outcome: orders.Cancelled})
		m.say(toNode(m.node.Order.Then), m.tree.Phrases.Cancelled)
	case doAccept:
		m.accept(m.vars[m.node.Collect.Into])
	case doRetype:
		m.enterCollect()
	case doCallBack:
		m.emit(CallBack{m.node.Transfer.Queue, m.about})
		m.say(toNode(m.node.Transfer.Else), m.tree.Phrases.CallbackDone)
	case doNoCall:
		m.do(toNode(m.node.Transfer.Else))
	case doRate:
		m.emit(Rated{m.about, int(n.node[0] - '0')})
		m.say(toNode(m.node.Survey.Then), m.tree.Phrases.Thanks)
	case doSpeak:
		m.speak(n.node, true)
		m.say(toNode(m.node.Language.Then), m.tree.Phrases.LanguageSet)
	case doMove:
		m.await = awaitMove
		m.setTimer(movePause, BeforeMove)
	case doTell:
		m.tell(n.told)
	case doEnd:
		m.end(n.reason)
	}
}

// end is the last effect of a call; an application still open is closed before.
func (m *Machine) end(reason EndReason) {
	m.stop()
	m.await = awaitEnd
	m.emit(End{reason})
}
