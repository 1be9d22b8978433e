package menu

import (
	"strconv"
	"strings"

	"hotline/internal/orders"
	"hotline/internal/orders/entry"
	"hotline/internal/prompts"
)

// form is what makes an entry of the present node.
type form struct {
	kind         entry.Kind
	fewest, most int
	terminator   string
	secret       bool
}

// form of an auth is a password's.
func (m *Machine) form() form {
	if c := m.node.Collect; c != nil {
		return form{c.Entry, c.Fewest, c.Most, c.Terminator, c.Secret || c.Entry.Secret()}
	}
	fewest, most := entry.Password.Length()
	return form{entry.Password, fewest, most, "#", true}
}

func (m *Machine) enterCollect() {
	if f := m.form(); f.secret {
		m.ahead = nil // what was typed before the question is not taken for a secret
	}
	m.choose(askEntry, m.notice...)
}

// enterAuth asks for the password, once a call. Who has no try left would have one at
// every coming back, if he were asked.
func (m *Machine) enterAuth() {
	switch {
	case m.caller.verified:
		m.do(toNode(m.node.Auth.Then))
	case m.caller.wrong >= passwords:
		m.refuse(orders.Result{Outcome: orders.AuthFailed, Detail: orders.WrongPassword}, m.tree.Phrases.PasswordGaveUp)
	default:
		m.enterCollect()
	}
}

// enters tells whether a key belongs to the entry. Before the first of them * and #
// mean what they mean everywhere.
func (m *Machine) enters(key string) bool {
	return m.typed != "" || m.partial == "" && (key != "*" && key != "#" || !m.isGlobal(key))
}

func (m *Machine) isGlobal(key string) bool {
	for k := range m.tree.Keys {
		if strings.HasPrefix(k, key) {
			return true
		}
	}
	return false
}

// enterKey takes one key of an entry. Too many are read to their end: the rest would
// be taken for the next attempt.
func (m *Machine) enterKey(key string) {
	f := m.form()
	switch {
	case key == f.terminator:
		m.entered()
		return
	case key == "*" && !f.kind.Star() && m.typed != "":
		m.typed = "" // begins again (ISO/IEC 13714: * clears an entry)
		m.setTimer(m.node.Limits.FirstDigit, FirstDigit)
		return
	case len(m.typed) < maxTyped:
		m.typed += key
	}
	if len(m.typed) >= f.most {
		m.setTimer(m.node.Limits.InterDigit, EntryDigit)
		return
	}
	m.setTimer(m.node.Limits.EntryDigit, EntryDigit)
}

// entered takes the entry as it was typed.
func (m *Machine) entered() {
	f := m.form()
	e, fault := f.kind.Parse(m.typed, f.fewest, f.most)
	m.typed = ""
	p := &m.tree.Phrases
	switch {
	case fault == entry.TooShort:
		m.wrong(p.TooShort)
		return
	case fault == entry.TooLong:
		m.wrong(p.TooLong)
		return
	case fault != entry.NoFault:
		if cause, known := p.Malformed[f.kind]; known {
			m.wrong(cause)
		} else {
			m.invalid()
		}
		return
	}
	if m.node.Auth != nil {
		m.verify(e)
		return
	}
	c := m.node.Collect
	if c.SameAs != "" && m.vars[c.SameAs] != e {
		m.wrong(p.Mismatch)
		return
	}
	m.vars = plus(m.vars, c.Into, e)
	if c.ReadBack {
		m.ahead = nil // an entry is not right before it has been heard
		m.choose(askReadBack)
		return
	}
	m.accept(e)
}

// accept goes on with what has been entered.
func (m *Machine) accept(e entry.Entry) {
	m.vars = plus(m.vars, m.node.Collect.Into, e)
	m.do(toNode(m.node.Collect.Then))
}

// spoken reads an entry back: an amount, a month, a telephone number, or figure by
// figure. What is secret is never read back.
func spoken(e entry.Entry) []prompts.Ref {
	text := e.Reveal()
	n, _ := strconv.ParseInt(strings.Replace(text, ".", "", 1), 10, 64) // of amounts and months, which it is always right for
	switch e.Kind() {
	case entry.Amount:
		return []prompts.Ref{{Read: prompts.Money, N: n}}
	case entry.Month:
		return []prompts.Ref{{Read: prompts.Month, N: 200000 + n}}
	case entry.Phone:
		return dialled(text, e.String())
	case entry.Digits:
		return prompts.Figures(prompts.Digits, text)
	}
	return nil
}

// dialled reads a telephone number, which is written masked wherever it is kept.
func dialled(number, masked string) []prompts.Ref {
	refs := prompts.Figures(prompts.Phone, number)
	for i := range refs {
		refs[i].As = masked
	}
	return refs
}
