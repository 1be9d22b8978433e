package menu

import (
	"slices"
	"strconv"

	"hotline/internal/menu/tree"
	"hotline/internal/orders"
	"hotline/internal/prompts"
)

// enter comes to a node. Where it belongs to a function, whether callers may have
// that now is looked up before they are asked for anything.
func (m *Machine) enter(id string) {
	if m.node == nil || m.node.Switch == nil { // where no caller decides anything
		m.from = m.position()
	}
	m.node = m.tree.Nodes[id]
	m.errors, m.typed = tries{}, ""
	m.emit(Entered{id})
	switch n := m.node; {
	case n.Serves != nil:
		m.bind(*n.Serves)
		if m.caller.hidden && !n.Anyone {
			m.stranger()
			return
		}
		if !m.app.looked {
			m.look(n.Serves.Service)
			return
		}
	case n.Transfer != nil:
		m.closeAppAt(orders.Result{Outcome: orders.Escalated, Detail: orders.Requested}, m.from)
	case n.Hangup != nil:
		m.closeAppAt(orders.Result{Outcome: orders.Abandoned, Detail: orders.AfterPrompt}, m.from)
	}
	m.begin()
}

// stranger refuses, before anything is asked, what is about a caller of whom nobody knows
// who he is: the number that would be charged, or told of, might be another's.
func (m *Machine) stranger() {
	r := orders.Result{Outcome: orders.Rejected, Detail: orders.Ineligible}
	why := m.tree.Phrases.NoNumber
	if why == (prompts.Ref{}) { // a version from before there was the phrase
		why = m.outcome(r)
	}
	m.refuse(r, why)
}

// begin does what the present node is for.
func (m *Machine) begin() {
	switch n := m.node; {
	case n.Menu != nil:
		m.enterMenu()
	case n.Say != nil:
		m.enterSay()
	case n.Collect != nil:
		m.enterCollect()
	case n.Auth != nil && m.caller.hidden:
		m.stranger()
	case n.Auth != nil:
		m.enterAuth()
	case n.Order != nil:
		m.enterOrder()
	case n.Query != nil:
		m.ask()
	case n.Switch != nil:
		m.enterSwitch()
	case n.Transfer != nil:
		m.enterTransfer()
	case n.Survey != nil:
		m.ahead = nil // a rating is of what has been asked
		m.choose(askRating)
	case n.Language != nil:
		m.enterLanguage()
	default:
		m.say(next{do: doEnd, reason: Finished}, n.Hangup.Say...)
	}
}

// enterMenu keeps the path and the application, then offers the options.
func (m *Machine) enterMenu() {
	outside := !m.handling()
	if i := slices.Index(m.path, m.node.ID); i >= 0 {
		m.path = m.path[:i+1]
	} else {
		m.path = append(slices.Clip(m.path), m.node.ID)
	}
	m.reachMenu(outside)
	m.app.looked = false // who comes again is told how it stands then
	var greeting []prompts.Ref
	if !m.visited[m.node.ID] {
		m.visited = plus(m.visited, m.node.ID, true)
		greeting = m.node.Menu.Greeting
	}
	m.choose(askMenu, greeting...)
}

func (m *Machine) enterSay() {
	n := m.node
	if len(m.ahead) > 0 && n.BargeIn {
		m.below = true
		m.do(toNode(n.Say.Then))
		return
	}
	m.say(toNode(n.Say.Then), n.Say.Refs...)
}

// enterSwitch goes where the facts lead; some of them have to be asked for first.
func (m *Machine) enterSwitch() {
	switch s := m.node.Switch; s.On {
	case tree.ByBrand, tree.ByStar:
		if !m.caller.asked {
			m.know()
			return
		}
		value := m.caller.brand
		if s.On == tree.ByStar {
			value = strconv.Itoa(m.caller.star)
		}
		m.branch(value)
	case tree.ByCalendar:
		m.look("")
	case tree.ByLanguage:
		m.branch(m.Language())
	default:
		value := ""
		if e := m.vars[s.Name]; !e.Kind().Private() {
			value = e.Reveal()
		}
		m.branch(value)
	}
}

// branch goes where the present switch leads for a value.
func (m *Machine) branch(value string) {
	s := m.node.Switch
	if to, known := s.Cases[value]; known {
		m.do(toNode(to))
		return
	}
	m.do(toNode(s.Else))
}

func (m *Machine) enterLanguage() {
	if l := m.node.Language; l.Set != "" {
		m.do(next{do: doSpeak, node: l.Set})
		return
	}
	m.choose(askLanguage)
}

// seen takes how things stand outside.
func (m *Machine) seen(e Seen) {
	switch n := m.node; {
	case n.Switch != nil:
		m.branch(m.tree.Calendars[n.Switch.Name].At(e.At))
	case n.Transfer != nil && m.tree.Calendars[n.Transfer.Hours].At(e.At) != tree.OpenHours:
		m.nobody(m.tree.Phrases.OutsideHours)
	case n.Transfer != nil:
		m.announceTransfer()
	case e.Closed:
		m.refuse(orders.Result{Outcome: orders.SystemFailed, Detail: orders.Platform}, m.tree.Phrases.ServiceClosed)
	case m.misled(e):
		m.refuse(orders.Result{Outcome: orders.SystemFailed, Detail: orders.BossError}, m.otherPrice())
	default:
		m.app.looked, m.app.asked, m.app.priced, m.notice = true, e.Price, e.Priced, nil
		if e.Notice != "" {
			m.notice = []prompts.Ref{prompts.Prompt(e.Notice)}
		}
		m.begin()
	}
}

// misled tells whether the caller would be told another price than the BOSS asks. Then
// nothing is sent: which of the two is right is not for callers to find out.
func (m *Machine) misled(e Seen) bool {
	f := m.node.Serves
	return e.Priced && f.Kind == orders.KindOrder && f.Action == orders.Open && e.Price != m.tree.Services[f.Service].Price
}

// otherPrice is what the caller is told then. Versions from before there was a
// sentence of its own say that the service is not to be had for now.
func (m *Machine) otherPrice() prompts.Ref {
	if own := m.tree.Phrases.PriceDiffers; own != (prompts.Ref{}) {
		return own
	}
	return m.tree.Phrases.ServiceClosed
}

// enterOrder asks for the confirmation, unless the service is not for this caller.
func (m *Machine) enterOrder() {
	o := m.node.Order
	if brands := m.tree.Services[o.Service].Brands; len(brands) > 0 {
		if !m.caller.asked {
			m.know()
			return
		}
		// A brand that could not be found out is for the BOSS to judge.
		if m.caller.brand != "" && !slices.Contains(brands, m.caller.brand) {
			m.finish(orders.Result{Outcome: orders.Rejected, Detail: orders.Ineligible})
			return
		}
	}
	if !o.Confirm {
		m.submit()
		return
	}
	m.ahead = nil // a confirmation is not given before its price has been named
	m.choose(askConfirm, m.notice...)
}

// after is where the present function leads when it is done; one that was not come
// to leads back.
func (m *Machine) after() next {
	switch n := m.node; {
	case n.Query != nil:
		return toNode(n.Query.Then)
	case n.Order != nil:
		return toNode(n.Order.Then)
	}
	return next{do: doMenu}
}
