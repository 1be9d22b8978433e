package menu

import (
	"strings"

	"hotline/internal/menu/tree"
	"hotline/internal/orders"
	"hotline/internal/prompts"
)

// pressed takes one key in whatever state the call is.
func (m *Machine) pressed(key byte) {
	switch m.await {
	case awaitChoice:
		if m.play.id != 0 && !m.node.BargeIn {
			m.keep(key)
			return
		}
		m.stop()
		m.key(string(key))
		m.drain()
	case awaitSaid:
		if m.next.do == doEnd || m.next.do == doMove || !m.node.BargeIn {
			if m.next.do != doEnd {
				m.keep(key)
			}
			return
		}
		refs := m.play.refs
		if m.tree.Keys[string(key)] == tree.Repeat {
			m.app.tries.Replays++
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

// keep remembers a key that was typed ahead.
func (m *Machine) keep(key byte) {
	if len(m.ahead) < maxAhead {
		m.ahead = append(m.ahead, key)
	}
}

// choose offers a choice, or takes it from the keys typed ahead without a word.
func (m *Machine) choose(refs []prompts.Ref) {
	m.await, m.partial = awaitChoice, ""
	if len(m.ahead) == 0 || !m.node.BargeIn {
		m.announce(refs)
		return
	}
	m.drain()
}

// drain feeds the keys typed ahead for as long as there is a silent choice for them.
func (m *Machine) drain() {
	for len(m.ahead) > 0 && m.await == awaitChoice && m.play.id == 0 {
		key := m.ahead[0]
		m.ahead = m.ahead[1:]
		m.key(string(key))
	}
}

// key adds a key to the choice: it acts at once, unless it may be the first of a
// longer one. Keys that together mean nothing are tried one after the other.
func (m *Machine) key(key string) {
	m.time = 0
	all := m.partial + key
	n, exact, longer := m.meaning(all)
	switch {
	case longer:
		m.partial = all
		m.setTimer(m.node.Limits.InterDigit, InterDigit)
	case exact:
		m.act(n)
	case m.partial != "":
		m.ahead = append([]byte(key), m.ahead...)
		m.settle()
	default:
		m.wrong(false)
	}
}

// settle acts on the keys so far, as no longer one came of them.
func (m *Machine) settle() {
	if n, exact, _ := m.meaning(m.partial); exact {
		m.act(n)
		return
	}
	m.wrong(false)
}

// act does what the keys pressed mean.
func (m *Machine) act(n next) {
	m.partial = ""
	if n.do != doGlobal { // which asks where the caller is
		m.below = false
	}
	m.do(n)
}

// meaning tells what keys mean in the present choice, and whether more keys
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
	if m.confirm {
		match(confirmKey, next{do: doSubmit})
		match(declineKey, next{do: doDecline})
		return n, exact, longer
	}
	for _, o := range m.node.Menu.Options {
		match(o.Key, toNode(o.To))
	}
	return n, exact, longer
}

// global does what a global key says.
func (m *Machine) global(g tree.Meaning) {
	below := m.below || m.confirm
	m.below = false
	switch g {
	case tree.Back:
		// The path ends with the present menu, unless the caller is in a node below it.
		if n := len(m.path); !below && n > 1 {
			m.path = m.path[:n-1]
		}
		m.app.tries.Replays++
		m.enter(m.path[len(m.path)-1])
	case tree.Main:
		m.app.tries.Replays++
		m.enter(m.tree.Start)
	case tree.Repeat:
		m.app.tries.Replays++
		m.await = awaitChoice
		m.announce(m.question())
	case tree.Agent:
		m.enter(m.tree.Agent)
	}
}

// question is what the present choice asks.
func (m *Machine) question() []prompts.Ref {
	if m.confirm {
		return m.confirmation()
	}
	return m.options()
}

// wrong counts an error of the caller and asks again, or gives up.
func (m *Machine) wrong(silent bool) {
	m.ahead, m.partial = nil, ""
	attempt := 0
	refs := m.tree.Phrases.Invalid
	if silent {
		refs = m.tree.Phrases.NoInput
		m.errors.noInput++
		m.app.tries.NoInput++
		attempt = m.errors.noInput
	} else {
		m.errors.invalid++
		m.app.tries.Invalid++
		attempt = m.errors.invalid
	}
	l := m.node.Limits
	if m.errors.noInput > l.NoInput || m.errors.invalid > l.Invalid || m.errors.noInput+m.errors.invalid > l.Total {
		m.giveUp()
		return
	}
	m.announce(append([]prompts.Ref{m.attempt(refs, attempt)}, m.question()...))
}

// giveUp ends the attempts: to a person where the node says so, else goodbye.
func (m *Machine) giveUp() {
	then := m.node.Limits.Then
	if then != "" {
		m.closeApp(orders.Result{Outcome: orders.Escalated, Detail: orders.Forced})
		m.enter(then)
		return
	}
	detail := orders.Mixed
	if m.errors.invalid == 0 {
		detail = orders.NoInput
	} else if m.errors.noInput == 0 {
		detail = orders.Invalid
	}
	m.closeApp(orders.Result{Outcome: orders.InputFailed, Detail: detail})
	m.say([]prompts.Ref{m.tree.Phrases.GaveUp}, next{do: doEnd, reason: GaveUp})
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
	case awaitChoice:
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
	case awaitChoice:
		if m.partial != "" {
			m.settle()
			m.drain()
			return
		}
		m.wrong(true)
	case awaitTask:
		m.waits++
		p := m.tree.Phrases.WaitStill
		if m.waits == 2 { // 30 s
			p = m.tree.Phrases.WaitSorry
		}
		m.announce([]prompts.Ref{p})
		m.setTimer(stillThere, StillThere)
	case awaitMove:
		m.task = m.newID()
		m.emit(Transfer{ID: m.task, Queue: m.node.Transfer.Queue})
	}
}

// answered takes the Desk's answer. "Please wait" is said to its end: cut to a
// syllable it would only be noise.
func (m *Machine) answered(a orders.Answer) {
	m.task, m.time = 0, 0
	if m.play.id != 0 {
		m.answer = &a
		return
	}
	m.result(a)
}

// result closes the application by the Desk's answer and says what came of it.
func (m *Machine) result(a orders.Answer) {
	m.answer = nil
	r := verdict(a)
	query := m.node.Query
	if query != nil && r.Outcome == orders.Success {
		if refs, ok := compose(query.Answer, a.Values); ok {
			n := toNode(query.Then)
			n.answer = true
			m.say(refs, n)
			return
		}
		r = orders.Result{Outcome: orders.SystemFailed, Detail: orders.BossError}
	}
	m.closeApp(r)
	then := ""
	if query != nil {
		then = query.Then
	} else {
		then = m.node.Order.Then
	}
	m.say([]prompts.Ref{m.outcome(r)}, toNode(then))
}

// outcome is the sentence for what came of the present node's order or query.
func (m *Machine) outcome(r orders.Result) prompts.Ref {
	p := &m.tree.Phrases
	switch {
	case m.node.Query != nil && r.Outcome == orders.SystemFailed:
		return said(p.Failed, r.Detail, orders.Platform)
	case m.node.Order != nil && r.Outcome == orders.Success:
		return p.Done[m.node.Order.Action]
	}
	return said(p.Results, r, orders.Result{Outcome: orders.SystemFailed, Detail: orders.Platform})
}

// said looks a sentence up; what has none, as nobody should hear it, is said as otherwise.
func said[K comparable](refs map[K]prompts.Ref, key, otherwise K) prompts.Ref {
	if ref, known := refs[key]; known {
		return ref
	}
	return refs[otherwise]
}

// verdict is the answer's result; one outside the closed set is the BOSS's error.
func verdict(a orders.Answer) orders.Result {
	if !a.Valid() {
		return orders.Result{Outcome: orders.SystemFailed, Detail: orders.BossError}
	}
	return a.Result
}

// compose puts an answer's values into its parts; !ok where one is missing or of
// another kind than the menu reads.
func compose(parts []tree.Part, values map[string]orders.Value) (refs []prompts.Ref, ok bool) {
	for _, p := range parts {
		if p.Value == "" {
			refs = append(refs, p.Ref)
			continue
		}
		v, there := values[p.Value]
		if p.Words != nil {
			ref, known := p.Words[v.Word]
			if !there || !known {
				return nil, false
			}
			refs = append(refs, ref)
			continue
		}
		// A count read as an amount would be a hundredth of it.
		if amount := p.Ref.Read == prompts.Money; !there || v.Kind == orders.ValueWord || amount != (v.Kind == orders.ValueMoney) {
			return nil, false
		}
		refs = append(refs, prompts.Ref{Read: p.Ref.Read, N: v.Number})
	}
	return refs, true
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
	m.say([]prompts.Ref{m.tree.Phrases.Stopping}, next{do: doEnd, reason: Drained})
}

// fail ends a call that the platform cannot go on with.
func (m *Machine) fail(d orders.Detail, reason EndReason) {
	m.abandon(orders.Result{Outcome: orders.SystemFailed, Detail: d}, reason)
}

func (m *Machine) abandon(r orders.Result, reason EndReason) {
	m.settleApp(r)
	m.end(reason)
}
