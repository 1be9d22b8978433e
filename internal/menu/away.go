package menu

import (
	"hotline/internal/orders"
	"hotline/internal/prompts"
)

// enterTransfer sends the caller to a person, within their hours.
func (m *Machine) enterTransfer() {
	if m.node.Transfer.Hours != "" {
		m.look("")
		return
	}
	m.announceTransfer()
}

func (m *Machine) announceTransfer() {
	t := m.node.Transfer
	if t.Priority {
		m.askProfile() // there is time for the answer until the transfer is made
	}
	refs := t.Say
	if len(refs) == 0 {
		refs = []prompts.Ref{m.tree.Phrases.Transfer}
	}
	m.say(next{do: doMove}, refs...)
}

// move makes the transfer, with what the person should know.
func (m *Machine) move() {
	t := m.node.Transfer
	m.task = m.newID()
	e := Transfer{ID: m.task, Queue: t.Queue, Facts: map[string]string{"language": m.Language(), "node": m.path[len(m.path)-1]}}
	if m.about != "" {
		e.Facts["service"] = m.about
	}
	if m.caller.verified {
		e.Facts["verified"] = "yes"
	}
	if t.Priority {
		e.Priority = m.caller.star
	}
	m.emit(e)
}

// returned goes on with a caller who is back: where the person has sent him, or
// where the menu says.
func (m *Machine) returned(e Returned) {
	m.ahead = nil // keys pressed before it would only ask for the same again
	t := m.node.Transfer
	if !e.Reached {
		m.nobody(m.tree.Phrases.NoAgent)
		return
	}
	if m.tree.Nodes[e.Node] != nil {
		m.enter(e.Node)
		return
	}
	m.do(toNode(t.Then))
}

// nobody says why nobody answers, and offers to call back.
func (m *Machine) nobody(why prompts.Ref) {
	t := m.node.Transfer
	m.ahead = nil
	if t.Callback && !m.caller.hidden {
		m.choose(askCallback, why)
		return
	}
	m.say(toNode(t.Else), why)
}

// bye ends the call as the caller wishes, by a key.
func (m *Machine) bye() {
	m.closeApp(orders.Result{Outcome: orders.Abandoned, Detail: orders.AfterPrompt})
	m.say(next{do: doEnd, reason: Finished}, m.tree.Phrases.Goodbye)
}

// left takes the end of the channel: the caller cannot be spoken to any more.
func (m *Machine) left(e Left) {
	m.hear(e.Heard)
	saidGoodbye := m.await == awaitSaid && m.next.do == doEnd
	atWork := m.await == awaitTask && m.answer == nil
	listening := m.play.id != 0
	m.play = announcement{}
	switch {
	case e.Why == BySwitch:
		m.fail(orders.Switch, SwitchLost)
	case e.Why == ByTimeout:
		m.fail(orders.Platform, TimedOut)
	case saidGoodbye:
		m.end(m.next.reason)
	case m.await == awaitMove && e.Why == ByTransfer:
		m.end(Transferred)
	default:
		d := orders.AfterPrompt
		if atWork {
			d = orders.DuringWait
		} else if listening {
			d = orders.DuringPrompt
		}
		m.abandon(orders.Result{Outcome: orders.Abandoned, Detail: d}, HungUp)
	}
}

// closing apologises, as the server must stop before the call has ended.
func (m *Machine) closing() {
	if m.await == awaitSaid && m.next.do == doEnd {
		return
	}
	if m.await == awaitMove && m.task != 0 { // with a person, who needs no server
		m.end(Transferred)
		return
	}
	m.settleApp(orders.Result{Outcome: orders.SystemFailed, Detail: orders.Platform})
	m.task = 0
	m.say(next{do: doEnd, reason: Drained}, m.tree.Phrases.Stopping)
}

// fail ends a call that the platform cannot go on with.
func (m *Machine) fail(d orders.Detail, reason EndReason) {
	m.abandon(orders.Result{Outcome: orders.SystemFailed, Detail: d}, reason)
}

func (m *Machine) abandon(r orders.Result, reason EndReason) {
	m.settleApp(r)
	m.end(reason)
}
