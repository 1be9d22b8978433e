// Package menu is the heart of the hotline: what happens on a call (Machine). What a
// menu is, and how one is read, is in menu/tree.
//
// A Machine is driven by one loop, which carries out what it decides:
//
//	m := menu.New(tree)
//	for e := range events { // the first is Started, the last Left
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
	"hotline/internal/prompts"
)

// await is what a live call waits for: always exactly one thing (no dead air).
type await int

const (
	awaitStart  await = iota
	awaitChoice       // a key, while an announcement or a timer runs
	awaitSaid         // the end of an announcement
	awaitTask         // the Desk's answer, or the end of "please wait" when the answer is here
	awaitMove         // the pause before a transfer, then the transfer
	awaitEnd
)

// deed is what to do next: after an announcement, or for a key.
type deed int

const (
	doMenu    deed = iota // back to the menu that the caller came from
	doNode                // to a node
	doGlobal              // what a global key says
	doSubmit              // confirmed: send the order
	doDecline             // declined
	doMove                // pause, then transfer
	doEnd                 // hang up
)

// next is a deed with what it needs. Plain data, so that a Machine can be copied.
type next struct {
	do     deed
	node   string
	global tree.Meaning
	reason EndReason
	answer bool // the announcement before it is a query's answer: heard, it is a success
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

	confirmKey = "1" // of an order
	declineKey = "2"
)

// Machine is one call on a Tree. It is not safe for concurrent use.
type Machine struct {
	tree *tree.Tree
	out  []Effect

	last ID // the newest ID given
	play announcement
	time ID // the running timer, 0 none
	task ID // the Desk's, or the transfer; 0 none

	node    *tree.Node
	path    []string        // menus from the first to the present one
	visited map[string]bool // menus whose greeting has been said

	await   await
	confirm bool   // the choice is an order's confirmation, not a menu
	below   bool   // a key has cut a node below the menu short: "back" leads to the menu itself
	partial string // keys that may still become a longer one
	ahead   []byte // keys typed ahead
	next    next   // after the announcement
	answer  *orders.Answer
	waits   int // times that the caller was told to wait on
	errors  tries
	broken  int // announcements that failed one after the other

	app   application
	apps  App
	prior App // the last application that went to a person
	heard Position
}

// announcement is what is being said; ID 0 is nothing.
type announcement struct {
	id   ID
	node string
	refs []prompts.Ref
}

// tries counts errors at one node.
type tries struct{ noInput, invalid int }

// New makes the Machine of a call on this tree. Its first event is Started.
func New(t *tree.Tree) *Machine {
	return &Machine{tree: t, visited: map[string]bool{}}
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

// Clone copies the call as it stands, for those who explore what could happen next.
func (m *Machine) Clone() *Machine {
	c := *m
	c.out = nil
	c.path = slices.Clone(m.path)
	c.ahead = slices.Clone(m.ahead)
	c.visited = maps.Clone(m.visited)
	return &c
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
		if _, ok := e.(Started); ok {
			m.enter(m.tree.Start)
		}
		return m.out
	}
	switch e := e.(type) {
	case Pressed:
		m.hear(e.Heard)
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
		if e.ID != 0 && e.ID == m.task && m.await == awaitTask {
			m.answered(e.Answer)
		}
	case Returned:
		if e.ID != 0 && e.ID == m.task && m.await == awaitMove {
			m.task, m.ahead = 0, nil // keys pressed before it would only ask for the same again
			m.say([]prompts.Ref{m.tree.Phrases.NoAgent}, toNode(m.node.Transfer.Else))
		}
	case Closing:
		m.hear(e.Heard)
		m.closing()
	}
	return m.out
}

func (m *Machine) emit(e Effect) { m.out = append(m.out, e) }

func (m *Machine) newID() ID {
	m.last++
	return m.last
}

// announce plays refs; what was running is over.
func (m *Machine) announce(refs []prompts.Ref) {
	m.stop()
	m.time, m.below = 0, false
	m.play = announcement{m.newID(), m.node.ID, refs}
	m.emit(Play{m.play.id, m.node.ID, refs})
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
func (m *Machine) say(refs []prompts.Ref, n next) {
	m.await, m.next = awaitSaid, n
	m.announce(refs)
}

// attempt gives the sentence for the n-th time (from 1) that it is needed.
func (m *Machine) attempt(refs []prompts.Ref, n int) prompts.Ref {
	return refs[min(max(n, 1), len(refs))-1]
}

// enter comes to a node and begins what it is for.
func (m *Machine) enter(id string) {
	from := m.position()
	m.node = m.tree.Nodes[id]
	m.errors = tries{}
	m.emit(Entered{id})
	switch n := m.node; {
	case n.Menu != nil:
		m.enterMenu()
	case n.Say != nil:
		if len(m.ahead) > 0 && n.BargeIn {
			m.below = true
			m.do(toNode(n.Say.Then))
			return
		}
		m.say(n.Say.Refs, toNode(n.Say.Then))
	case n.Order != nil:
		m.bind(orders.KindOrder, n.Order.Service, n.Order.Action)
		if !n.Order.Confirm {
			m.submit()
			return
		}
		m.ahead = nil // a confirmation is not given before its price has been named
		m.confirm = true
		m.choose(m.confirmation())
	case n.Query != nil:
		m.bindQuery(n.Query)
		m.ask(n.Query)
	case n.Transfer != nil:
		m.closeAppAt(orders.Result{Outcome: orders.Escalated, Detail: orders.Requested}, from)
		refs := n.Transfer.Say
		if len(refs) == 0 {
			refs = []prompts.Ref{m.tree.Phrases.Transfer}
		}
		m.say(refs, next{do: doMove})
	default:
		m.closeAppAt(orders.Result{Outcome: orders.Abandoned, Detail: orders.AfterPrompt}, from)
		m.say(n.Hangup.Say, next{do: doEnd, reason: Finished})
	}
}

// enterMenu keeps the path and the application, then offers the options.
func (m *Machine) enterMenu() {
	outside := !m.handling()
	if i := slices.Index(m.path, m.node.ID); i >= 0 {
		m.path = m.path[:i+1]
	} else {
		m.path = append(m.path, m.node.ID)
	}
	m.reachMenu(outside)
	m.confirm = false
	var greeting []prompts.Ref
	if !m.visited[m.node.ID] {
		m.visited[m.node.ID] = true
		greeting = m.node.Menu.Greeting
	}
	m.choose(slices.Concat(greeting, m.options()))
}

// options is what a menu says: its introduction, then label, "press" and key of
// each option as recordings of their own.
func (m *Machine) options() []prompts.Ref {
	refs := slices.Clone(m.node.Menu.Intro)
	for _, o := range m.node.Menu.Options {
		if !o.Quiet {
			refs = append(refs, o.Label...)
			refs = append(refs, m.tree.Phrases.Press, tree.KeyRef(o.Key))
		}
	}
	return append(refs, m.node.Menu.Hint...)
}

// confirmation is what an order says before it is sent: action, service, price, keys.
func (m *Machine) confirmation() []prompts.Ref {
	o := m.node.Order
	will := m.tree.Phrases.WillOpen
	if o.Action == orders.Close {
		will = m.tree.Phrases.WillClose
	}
	refs := []prompts.Ref{will, m.tree.Services[o.Service].Say}
	if price := m.price(); price > 0 {
		refs = append(refs, m.tree.Phrases.Price, prompts.Ref{Read: prompts.Money, N: int64(price)})
	}
	return append(refs,
		m.tree.Phrases.Confirm, m.tree.Phrases.Press, tree.KeyRef(confirmKey),
		m.tree.Phrases.Decline, m.tree.Phrases.Press, tree.KeyRef(declineKey))
}

// price is what the present node's order costs: opening is paid for, closing is not.
func (m *Machine) price() orders.Money {
	if m.node.Order.Action != orders.Open {
		return 0
	}
	return m.tree.Services[m.node.Order.Service].Price
}

// submit hands the confirmed order to the Desk, which has its fate from here on.
func (m *Machine) submit() {
	o := m.node.Order
	price := m.price()
	m.app.submitted = true
	m.task = m.newID()
	m.emit(Submit{ID: m.task, App: m.app.n, Service: o.Service, Action: o.Action, Price: price})
	m.wait()
}

func (m *Machine) ask(q *tree.Query) {
	m.task = m.newID()
	m.emit(Ask{ID: m.task, App: m.app.n, Query: q.Name, Service: q.Service})
	m.wait()
}

// wait says at once that the caller has to wait.
func (m *Machine) wait() {
	m.await, m.waits, m.answer = awaitTask, 0, nil
	m.announce([]prompts.Ref{m.tree.Phrases.Wait})
	m.setTimer(stillThere, StillThere)
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
	case doSubmit:
		m.submit()
	case doDecline:
		m.closeApp(orders.Result{Outcome: orders.Cancelled})
		m.say([]prompts.Ref{m.tree.Phrases.Cancelled}, toNode(m.node.Order.Then))
	case doMove:
		m.await = awaitMove
		m.setTimer(movePause, BeforeMove)
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
