package menu

import (
	"slices"

	"hotline/internal/menu/tree"
	"hotline/internal/orders"
	"hotline/internal/prompts"
)

// question is what the caller is asked for.
type question int

const (
	askMenu     question = iota
	askEntry             // of a collect or an auth
	askReadBack          // is the entry right?
	askConfirm           // of an order
	askCallback          // shall we call back?
	askRating
	askLanguage
)

const (
	yesKey = "1"
	noKey  = "2"
)

// words is what the present question says.
func (m *Machine) words() []prompts.Ref {
	p, n := &m.tree.Phrases, m.node
	switch m.asks {
	case askEntry:
		if n.Auth != nil && len(n.Auth.Say) == 0 {
			return []prompts.Ref{p.EnterPassword}
		} else if n.Auth != nil {
			return n.Auth.Say
		}
		return n.Collect.Say
	case askReadBack:
		refs := append([]prompts.Ref{p.EntryIs}, spoken(m.vars[n.Collect.Into])...)
		return m.yesNo(refs, p.Right, p.Retype)
	case askConfirm:
		return m.confirmation()
	case askCallback:
		return m.yesNo([]prompts.Ref{p.CallbackOffer}, p.CallbackYes, p.CallbackNo)
	case askRating:
		return n.Survey.Say
	case askLanguage:
		return m.languages()
	}
	return m.options()
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
	p, o := &m.tree.Phrases, m.node.Order
	will := p.WillOpen
	if o.Action == orders.Close {
		will = p.WillClose
	}
	refs := []prompts.Ref{will, m.tree.Services[o.Service].Say}
	if price := m.price(); price > 0 {
		refs = append(refs, p.Price, prompts.Ref{Read: prompts.Money, N: int64(price)})
	}
	return m.yesNo(refs, p.Confirm, p.Decline)
}

func (m *Machine) yesNo(refs []prompts.Ref, yes, no prompts.Ref) []prompts.Ref {
	press := m.tree.Phrases.Press
	return append(refs, yes, press, tree.KeyRef(yesKey), no, press, tree.KeyRef(noKey))
}

// languages offers each language in itself.
func (m *Machine) languages() []prompts.Ref {
	var refs []prompts.Ref
	for _, c := range m.node.Language.Choices {
		for _, r := range append(slices.Clone(c.Say), m.tree.Phrases.Press, tree.KeyRef(c.Key)) {
			r.In = c.Language
			refs = append(refs, r)
		}
	}
	return refs
}

// price is what the present node's order costs: opening is paid for, closing is not.
func (m *Machine) price() orders.Money {
	if m.node.Order.Action != orders.Open {
		return 0
	}
	return m.tree.Services[m.node.Order.Service].Price
}

// choose asks, or takes the answer from the keys typed ahead without a word.
func (m *Machine) choose(q question, before ...prompts.Ref) {
	m.await, m.asks, m.partial, m.typed = awaitKey, q, "", ""
	m.notice = nil // it is part of what is said before, if at all
	if len(m.ahead) == 0 || !m.node.BargeIn {
		m.announce(slices.Concat(before, m.words()))
		return
	}
	m.drain()
}

// own tells what keys mean in the present question, besides the global ones: each
// pair of keys and deed.
func (m *Machine) own(match func(keys string, n next)) {
	yesNo := func(yes, no deed) {
		match(yesKey, next{do: yes})
		match(noKey, next{do: no})
	}
	switch m.asks {
	case askMenu:
		for _, o := range m.node.Menu.Options {
			match(o.Key, toNode(o.To))
		}
	case askConfirm:
		yesNo(doSubmit, doDecline)
	case askReadBack:
		yesNo(doAccept, doRetype)
	case askCallback:
		yesNo(doCallBack, doNoCall)
	case askRating:
		for _, k := range []string{"1", "2", "3", "4", "5"} {
			match(k, next{do: doRate, node: k})
		}
	case askLanguage:
		for _, c := range m.node.Language.Choices {
			match(c.Key, next{do: doSpeak, node: c.Language})
		}
	}
}

// giveUp ends the attempts: to a person where the node says so, else goodbye. Who
// does not care to rate, to choose a language or to be called back just goes on.
func (m *Machine) giveUp() {
	switch m.asks {
	case askRating:
		m.do(toNode(m.node.Survey.Then))
		return
	case askLanguage:
		m.do(toNode(m.node.Language.Then))
		return
	case askCallback:
		m.do(next{do: doNoCall})
		return
	}
	// Nobody on the line: no person would find anybody there the second time either.
	if then := m.node.Limits.Then; then != "" && !m.forced {
		m.forced = true
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
	m.say(next{do: doEnd, reason: GaveUp}, m.tree.Phrases.GaveUp)
}
