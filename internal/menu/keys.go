package menu

import (
	"slices"
	"strings"
	"time"

	"hotline/internal/menu/tree"
	"hotline/internal/orders"
	"hotline/internal/prompts"
)

// pressed takes one key in whatever state the call is.
func (m *Machine) pressed(key byte) {
	switch m.await {
	case awaitKey:
		if m.play.id != 0 && !m.node.BargeIn {
			m.keep(key)
			return
		}
		m.stop()
		m.keep(key) // behind those that came before it
		m.drain()
	case awaitSaid:
		if m.next.deaf {
			return
		}
		if m.next.do == doEnd || m.next.do == doMove || !m.node.BargeIn {
			if m.next.do != doEnd {
				m.keep(key)
			}
			return
		}
		refs := m.play.refs
		if m.tree.Keys[string(key)] == tree.Repeat {
			m.replay()
			m.announce(refs)
			return
		}
		m.stop()
		m.keep(key)
		m.below = true
		m.proceed()
	default:
		m.keep(key)
	}
}

// Secret tells whether a key pressed now may not be recorded: it is part of a private
// entry, or may become one because it is typed ahead. Where a private entry has just been
// given up or refused its caller may still be typing.
func (m *Machine) Secret() bool {
	switch m.await {
	case awaitStart, awaitEnd:
		return false
	case awaitKey:
		return m.asks == askEntry && private(m.node) || m.play.id != 0 && !m.node.BargeIn
	case awaitSaid:
		return m.next.deaf || private(m.node) || !m.node.BargeIn || len(m.ahead) > 0 || !m.takes(m.next)
	}
	return true
}

// takes tells whether a key that cuts an announcement short acts right after it, or is
// forgotten, and is no part of anything private: else it is kept for what nobody knows yet.
func (m *Machine) takes(after next) bool {
	if after.do != doNode {
		return after.do != doMove // a menu, or nothing
	}
	n := m.tree.Nodes[after.node]
	switch {
	case !n.BargeIn || private(n):
		return false
	case n.Say != nil:
		return m.takes(toNode(n.Say.Then))
	}
	return n.Menu != nil || n.Collect != nil || n.Survey != nil || n.Order != nil && n.Order.Confirm ||
		n.Language != nil && n.Language.Set == ""
}

// private tells whether a node asks for what may not be recorded.
func private(n *tree.Node) bool {
	return n.Auth != nil || n.Collect != nil && n.Collect.Private()
}

// keep remembers a key that was typed ahead.
func (m *Machine) keep(key byte) {
	if len(m.ahead) < maxAhead {
		m.ahead = append(slices.Clip(m.ahead), key)
	}
}

// drain feeds the keys typed ahead for as long as there is a silent question for them.
func (m *Machine) drain() {
	for len(m.ahead) > 0 && m.await == awaitKey && m.play.id == 0 {
		key := m.ahead[0]
		m.ahead = m.ahead[1:]
		m.key(string(key))
	}
}

// key adds a key to the answer: it acts at once, unless it may be the first of a
// longer one. Keys that together mean nothing are tried one after the other.
func (m *Machine) key(key string) {
	m.time = 0
	if m.asks == askEntry && m.enters(key) {
		m.enterKey(key)
		return
	}
	all := m.partial + key
	n, exact, longer := m.meaning(all)
	switch {
	case longer:
		m.partial = all
		m.setTimer(m.patience(), InterDigit)
	case exact:
		m.act(n)
	case m.partial != "":
		m.ahead = append([]byte(key), m.ahead...)
		m.settle()
	default:
		m.invalid()
	}
}

// patience is how long the next key of a longer one may take: a speed-dial code is
// typed like an entry.
func (m *Machine) patience() time.Duration {
	if len(m.partial) > 1 && m.dials(m.partial) {
		return m.node.Limits.EntryDigit
	}
	return m.node.Limits.InterDigit
}

// settle acts on the keys so far, as no longer one came of them.
func (m *Machine) settle() {
	if n, exact, _ := m.meaning(m.partial); exact {
		m.act(n)
		return
	}
	m.invalid()
}

// act does what the keys pressed mean.
func (m *Machine) act(n next) {
	m.partial = ""
	if n.do != doGlobal { // which asks where the caller is
		m.below = false
	}
	if n.do == doNode && slices.Contains(m.path, n.node) { // an option may lead back, too
		m.replay()
	}
	m.do(n)
}

// meaning tells what keys mean in the present question, and whether more keys
// could make them mean something else.
func (m *Machine) meaning(keys string) (n next, exact, longer bool) {
	match := func(k string, what next) {
		switch {
		case k == keys:
			n, exact = what, true
		case strings.HasPrefix(k, keys):
			longer = true
		}
	}
	for k, g := range m.tree.Keys {
		match(k, next{do: doGlobal, global: g})
	}
	m.own(match)
	if m.dials(keys) {
		return m.code(keys, n, exact)
	}
	return n, exact, longer
}

// dials tells whether keys are, or begin, a speed-dial code.
func (m *Machine) dials(keys string) bool {
	return m.tree.SpeedDial != "" && m.asks == askMenu && m.node.ID == m.tree.Start && strings.HasPrefix(keys, m.tree.SpeedDial)
}

// code tells what "#", "#30" or "#3011#" means. The key alone, also twice, keeps the
// meaning that it has elsewhere.
func (m *Machine) code(keys string, alone next, exact bool) (_ next, _, longer bool) {
	mark := m.tree.SpeedDial
	code, closed := strings.CutSuffix(keys[len(mark):], mark)
	switch {
	case code == "" && closed:
		return m.meaningOf(mark)
	case code == "":
		return alone, exact, true
	case strings.Trim(code, "0123456789") != "":
		return next{}, false, false
	}
	to, known := m.tree.Codes[code]
	if !known {
		return next{do: doUnknown}, true, !closed && len(code) < maxAhead
	}
	return toNode(to), true, !closed
}

// meaningOf is what a key means everywhere.
func (m *Machine) meaningOf(key string) (n next, exact, longer bool) {
	g, known := m.tree.Keys[key]
	return next{do: doGlobal, global: g}, known, false
}

// global does what a global key says.
func (m *Machine) global(g tree.Meaning) {
	below := m.below || m.asks != askMenu
	m.below = false
	switch g {
	case tree.Back:
		// The path ends with the present menu, unless the caller is in a node below it.
		if n := len(m.path); !below && n > 1 {
			m.path = m.path[:n-1]
		}
		m.replay()
		m.enter(m.path[len(m.path)-1])
	case tree.Main:
		m.replay()
		m.enter(m.tree.Start)
	case tree.Repeat:
		m.replay()
		m.choose(m.asks)
	case tree.Agent:
		m.enter(m.tree.Agent)
	case tree.Bye:
		m.bye()
	}
}

// invalid says that a key means nothing here.
func (m *Machine) invalid() {
	m.wrong(sentence(m.node.Invalid, m.tree.Phrases.Invalid, m.errors.invalid))
}

// silent says that no key came.
func (m *Machine) silent() {
	cause := sentence(m.node.NoInput, m.tree.Phrases.NoInput, m.errors.noInput)
	m.errors.noInput++
	m.app.tries.NoInput++
	m.emit(Missed{NoInput})
	m.again(cause)
}

// wrong counts a wrong entry or key, and asks again.
func (m *Machine) wrong(cause prompts.Ref) {
	m.errors.invalid++
	m.app.tries.Invalid++
	m.emit(Missed{NoMatch})
	m.again(cause)
}

// replay counts that the caller wants to hear something again.
func (m *Machine) replay() {
	m.app.tries.Replays++
	m.emit(Replayed{})
}

// sentence is what a node says for the n-th error (from 0): its own words, or the
// tree's; the last of them holds for all further ones.
func sentence(own, tree []prompts.Ref, n int) prompts.Ref {
	if len(own) > 0 {
		tree = own
	}
	return tree[min(n, len(tree)-1)]
}

// again asks once more after an error, or gives up.
func (m *Machine) again(cause prompts.Ref) {
	m.ahead, m.partial, m.typed = nil, "", ""
	l := m.node.Limits
	if m.errors.noInput > l.NoInput || m.errors.invalid > l.Invalid || m.errors.noInput+m.errors.invalid > l.Total {
		m.giveUp()
		return
	}
	m.announce(append([]prompts.Ref{cause}, m.anew()...))
}

// anew is what a further attempt hears of the question.
func (m *Machine) anew() []prompts.Ref {
	if len(m.node.Again) == 0 || m.asks == askReadBack {
		return m.words()
	}
	return m.node.Again
}

// played takes the end of an announcement. One that failed is played once more;
// when that fails too the caller sits in silence and the call is ended.
func (m *Machine) played(e Played) {
	if e.ID != m.play.id || e.ID == 0 {
		return
	}
	m.hear(e.Heard)
	was := m.play
	m.play = announcement{}
	if e.Failed && m.await != awaitTask {
		m.broken++
		if m.broken > 1 {
			m.fail(orders.Media, MediaLost)
			return
		}
		m.announce(was.refs)
		return
	}
	m.broken = 0
	switch m.await {
	case awaitKey:
		if len(m.ahead) > 0 {
			m.drain()
			return
		}
		m.setTimer(m.node.Limits.FirstDigit, FirstDigit)
	case awaitSaid:
		m.proceed()
	case awaitTask:
		if m.answer != nil {
			m.result(*m.answer)
		}
	}
}

// elapsed takes the end of the running timer.
func (m *Machine) elapsed() {
	switch m.await {
	case awaitKey:
		switch {
		case m.typed != "":
			m.entered()
		case m.partial != "":
			m.settle()
			m.drain()
		default:
			m.silent()
		}
	case awaitTask:
		m.waits++
		p := m.tree.Phrases.WaitStill
		if m.waits == 2 { // 30 s
			p = m.tree.Phrases.WaitSorry
		}
		m.announce([]prompts.Ref{p})
		m.setTimer(stillThere, StillThere)
	case awaitMove:
		m.move()
	}
}
