package menu

import (
	"maps"
	"slices"
	"strings"

	"hotline/internal/menu/tree"
	"hotline/internal/orders"
	"hotline/internal/orders/entry"
	"hotline/internal/prompts"
)

// job is what the Desk does while the caller waits.
type job int

const (
	jobFunction job = iota // the present order or query
	jobVerify              // a password
	jobProfile             // who the caller is, for the present switch or order
)

// profile is the query that the Machine asks for itself.
const profile = "profile"

// submit hands the confirmed order to the Desk, which has its fate from here on.
func (m *Machine) submit() {
	o := m.node.Order
	if m.lacks(o.With) {
		return
	}
	price := m.price()
	m.app.submitted = true
	m.give(jobFunction, func(id ID) Effect {
		return Submit{
			ID: id, App: m.app.n, Service: o.Service, Action: o.Action, Price: price, With: m.with(o.With),
			BossPrice: m.app.asked, Priced: m.app.priced && o.Action == orders.Open,
		}
	})
}

func (m *Machine) ask() {
	q := m.node.Query
	if m.lacks(q.With) {
		return
	}
	m.give(jobFunction, func(id ID) Effect { return Ask{id, m.app.n, q.Name, q.Service, q.Anyone, m.with(q.With)} })
}

func (m *Machine) verify(password entry.Entry) {
	m.give(jobVerify, func(id ID) Effect { return Verify{id, m.app.n, password} })
}

// know finds out who the caller is, and then goes on with the present node.
func (m *Machine) know() {
	m.askProfile()
	m.waitFor(jobProfile, m.caller.asking)
}

// askProfile asks for brand and star level, without waiting for them.
func (m *Machine) askProfile() {
	if m.caller.asking == 0 && !m.caller.asked {
		m.caller.asking = m.newID()
		m.emit(Ask{ID: m.caller.asking, Query: profile})
	}
}

// lacks tells whether something has not been typed: a person has sent the caller past
// the question. Nothing can be done then, and the caller is told.
func (m *Machine) lacks(params map[string]string) bool {
	for _, variable := range params {
		if m.vars[variable].IsZero() {
			m.finish(orders.Result{Outcome: orders.SystemFailed, Detail: orders.Platform})
			return true
		}
	}
	return false
}

// with gathers what the caller has typed for an order or query. What was typed in secret
// is used once, and what repeats it goes with it.
func (m *Machine) with(params map[string]string) orders.With {
	if len(params) == 0 {
		return nil
	}
	with := orders.With{}
	for name, variable := range params {
		if e, there := m.vars[variable]; there {
			with[name] = e
		}
	}
	used := slices.Collect(maps.Values(with))
	m.vars = maps.Clone(m.vars)
	maps.DeleteFunc(m.vars, func(_ string, e entry.Entry) bool { return e.Kind().Secret() && slices.Contains(used, e) })
	return with
}

// give gives the Desk a task, which it names by its ID.
func (m *Machine) give(j job, task func(ID) Effect) {
	id := m.newID()
	m.emit(task(id))
	m.waitFor(j, id)
}

// waitFor says at once that the caller has to wait.
func (m *Machine) waitFor(j job, task ID) {
	m.await, m.job, m.task, m.waits, m.answer = awaitTask, j, task, 0, nil
	m.announce(append(slices.Clone(m.notice), m.tree.Phrases.Wait))
	m.notice = nil
	m.setTimer(stillThere, StillThere)
}

// answered takes the Desk's answer. "Please wait" is said to its end: cut to a
// syllable it would only be noise.
func (m *Machine) answered(e Answered) {
	if e.ID == 0 {
		return
	}
	if e.ID == m.caller.asking {
		m.caller.asking, m.caller.asked = 0, true
		if e.Answer.Outcome == orders.Success {
			m.caller.brand = e.Answer.Values["brand"].Word
			m.caller.star = int(e.Answer.Values["star"].Number)
		}
	}
	if e.ID != m.task || m.await != awaitTask {
		return
	}
	m.task, m.time = 0, 0
	if m.play.id != 0 {
		m.answer = &e.Answer
		return
	}
	m.result(e.Answer)
}

// result goes on with what the Desk has answered.
func (m *Machine) result(a orders.Answer) {
	m.answer = nil
	switch {
	case m.job == jobProfile:
		m.begin()
	case m.job == jobVerify:
		m.verified(told(a))
	default:
		m.resolved(a)
	}
}

// verified takes what the BOSS says of a password.
func (m *Machine) verified(r orders.Result) {
	switch {
	case r.Outcome == orders.Success:
		m.caller.verified = true
		m.do(toNode(m.node.Auth.Then))
	case r.Detail == orders.WrongPassword:
		m.caller.wrong++
		if m.caller.wrong >= passwords {
			m.refuse(r, m.tree.Phrases.PasswordGaveUp)
			return
		}
		m.await, m.asks, m.ahead = awaitKey, askEntry, nil
		m.announce(append([]prompts.Ref{m.tree.Phrases.Results[r]}, m.anew()...))
	default:
		m.refuse(r, m.outcome(r))
	}
}

// refuse ends the present function with a result that is not what the caller wanted,
// and says why. It is an error like others: the keys after it were meant for another course.
// Who still types what is private would otherwise walk the menus with it, for all to read.
func (m *Machine) refuse(r orders.Result, why prompts.Ref) {
	m.ahead, m.notice = nil, nil
	m.closeApp(r)
	n := m.after()
	n.deaf = private(m.node)
	m.say(n, why)
}

// resolved closes the application by the answer to its order or query, and says
// what came of it.
func (m *Machine) resolved(a orders.Answer) {
	q := m.node.Query
	if q == nil {
		m.finish(verdict(a))
		return
	}
	r := told(a)
	if r.Outcome == orders.Success {
		if refs, ok := m.compose(q.Answer, a.Values); ok {
			n := m.after()
			n.answer = true
			m.say(n, refs...)
			return
		}
		r = orders.Result{Outcome: orders.SystemFailed, Detail: orders.BossError}
	}
	m.finish(r)
}

// finish closes the application of the present order or query and says so.
func (m *Machine) finish(r orders.Result) {
	if r.Outcome != orders.Success {
		m.refuse(r, m.outcome(r))
		return
	}
	m.closeApp(r)
	if m.node.Order != nil {
		// Who pressed "confirm" ten times while he waited would cut short what came of it, and
		// walk the menus with the rest.
		m.ahead = nil
	}
	m.say(m.after(), m.outcome(r))
}

// outcome is the sentence for what came of the present node.
func (m *Machine) outcome(r orders.Result) prompts.Ref {
	p := &m.tree.Phrases
	query := m.node.Query != nil || m.node.Serves != nil && m.node.Serves.Kind == orders.KindQuery
	switch {
	case query && r.Outcome == orders.SystemFailed:
		return said(p.Failed, r.Detail, orders.Platform)
	case query && p.Failed[r.Detail] != (prompts.Ref{}):
		return p.Failed[r.Detail]
	case m.node.Order != nil && r.Outcome == orders.Success:
		return said(p.Done, m.node.Order.Action, m.node.Order.Action)
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

// told is the verdict on what only asks: nothing has been done that could be found
// out later, so that an answer which is not known now is none.
func told(a orders.Answer) orders.Result {
	r := verdict(a)
	if r.Outcome == orders.Unknown {
		return orders.Result{Outcome: orders.SystemFailed, Detail: orders.BossError}
	}
	return r
}

// compose puts an answer's values into its parts; !ok where one is missing, of
// another kind than the menu reads, or nothing that can be read (the 30th of February).
func (m *Machine) compose(parts []tree.Part, values map[string]orders.Value) (refs []prompts.Ref, ok bool) {
	for _, p := range parts {
		v, there := values[p.Value]
		switch {
		case p.Value == "":
			refs = append(refs, p.Ref)
			continue
		case !there:
			return nil, false
		case p.Services:
			names, ok := m.names(v, p.Ref)
			if !ok {
				return nil, false
			}
			refs = append(refs, names...)
		case p.Words != nil:
			ref, known := p.Words[v.Word]
			if !known || v.Kind != orders.ValueWord {
				return nil, false
			}
			refs = append(refs, ref)
		default:
			read := readValue(p.Ref.Read, v)
			if len(read) == 0 {
				return nil, false
			}
			refs = append(refs, read...)
		}
	}
	return refs, true
}

// readable is which values may be read how: a count read as an amount would be a
// hundredth of it.
var readable = map[prompts.Reading][]orders.ValueKind{
	prompts.Money:  {orders.ValueMoney},
	prompts.Number: {orders.ValueCount},
	prompts.Digits: {orders.ValueCount, orders.ValueCode},
	prompts.Phone:  {orders.ValuePhone},
	prompts.Date:   {orders.ValueDate},
	prompts.Month:  {orders.ValueMonth},
	prompts.Time:   {orders.ValueTime},
}

// readValue is what is said for a value in a reading; nothing where it is of another
// kind, or cannot be read aloud.
func readValue(how prompts.Reading, v orders.Value) []prompts.Ref {
	if !slices.Contains(readable[how], v.Kind) {
		return nil
	}
	var refs []prompts.Ref
	switch v.Kind {
	case orders.ValuePhone:
		if number, err := orders.ParseMSISDN(v.Word); err == nil {
			refs = dialled(v.Word, number.String())
		}
	case orders.ValueCode:
		refs = prompts.Figures(how, v.Word)
	default:
		refs = []prompts.Ref{{Read: how, N: v.Number}}
	}
	if slices.ContainsFunc(refs, func(r prompts.Ref) bool { return !r.Sayable() }) {
		return nil
	}
	return refs
}

// names says a list of services, or none where it is empty. The BOSS may know more
// services than the hotline: those have no name to be said.
func (m *Machine) names(v orders.Value, none prompts.Ref) (refs []prompts.Ref, ok bool) {
	if v.Kind != orders.ValueList {
		return nil, false
	}
	for _, id := range strings.Split(v.Word, ",") {
		if s := m.tree.Services[id]; s != nil {
			refs = append(refs, s.Say)
		}
	}
	if len(refs) == 0 {
		refs = append(refs, none)
	}
	return refs, true
}
