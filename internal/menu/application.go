package menu

import (
	"slices"

	"hotline/internal/menu/tree"
	"hotline/internal/orders"
)

// application is the one that is open; n is 0 where none is.
type application struct {
	n         App
	kind      orders.Kind
	function  tree.Function
	node      string       // where it was bound
	looked    bool         // whether callers may have it has been looked up
	asked     orders.Money // by the BOSS, when it was looked up, if priced
	priced    bool
	submitted bool // the Desk has its order
	tries     Tries
}

// hear remembers where in what the caller has got to. What was heard last stands
// until something else has been heard.
func (m *Machine) hear(h Heard) {
	if m.play.id == 0 || h.Play != m.play.id || len(m.play.refs) == 0 {
		return
	}
	i := min(max(h.Ref, 0), len(m.play.refs)-1)
	m.heard = Position{m.play.node, m.play.refs[i].String(), h.MS, h.Percent}
}

// handling tells whether the caller is inside a branch marked as business handling.
func (m *Machine) handling() bool {
	return slices.ContainsFunc(m.path, func(id string) bool { return m.tree.Nodes[id].Menu.Handling })
}

// reachMenu keeps the application of a caller who has not chosen a function: one
// opens at the call's first menu, and again where a caller without one goes from
// outside into business handling.
func (m *Machine) reachMenu(outside bool) {
	inside := m.handling()
	switch {
	case m.apps == 0 && inside, m.app.n == 0 && inside && outside:
		m.openApp(orders.KindHandling)
	case m.apps == 0:
		m.openApp(orders.KindUndecided)
	case m.app.kind == orders.KindUndecided && inside:
		m.app.kind = orders.KindHandling
		m.emit(AppBound{App: m.app.n, Kind: orders.KindHandling, Node: m.node.ID})
	}
}

func (m *Machine) openApp(k orders.Kind) {
	m.apps++
	m.app = application{n: m.apps, kind: k}
	m.emit(AppOpened{m.apps, k, m.node.ID, m.prior})
	m.prior = 0
}

// bind makes the open application one about this function. One that is about
// something else is closed: the caller has chosen another function.
func (m *Machine) bind(f tree.Function) {
	undecided := m.app.kind == orders.KindUndecided || m.app.kind == orders.KindHandling
	if m.app.n != 0 && !undecided {
		if m.app.function == f {
			return
		}
		m.closeApp(orders.Result{Outcome: orders.Switched})
	}
	if m.app.n == 0 {
		m.openApp(f.Kind)
	}
	m.app.kind, m.app.function, m.app.node, m.about = f.Kind, f, m.node.ID, f.Service
	m.emit(AppBound{m.app.n, f.Kind, f.Service, f.Action, m.node.ID})
}

// closeApp gives the open application its one outcome.
func (m *Machine) closeApp(r orders.Result) {
	if m.app.n == 0 {
		return
	}
	at := m.position()
	if r.Outcome == orders.Switched {
		at = Position{Node: m.app.node} // not where the caller went instead
	}
	m.closeAppAt(r, at)
}

// closeAppAt is closeApp for a caller who has gone on already: at is where it was
// decided, and which sentence led to it.
func (m *Machine) closeAppAt(r orders.Result, at Position) {
	if m.app.n == 0 {
		return
	}
	m.emit(AppClosed{m.app.n, r, at, m.app.tries})
	if r.Outcome == orders.Escalated {
		m.prior = m.app.n
	}
	m.app = application{}
}

// settleApp closes the open application as the call is cut short, or leaves it to
// the Desk where the Desk has its order.
func (m *Machine) settleApp(r orders.Result) {
	if m.app.submitted && m.await == awaitTask && m.job == jobFunction {
		if m.answer != nil {
			m.closeApp(verdict(*m.answer))
			return
		}
		m.emit(AppLeft{m.app.n, m.position()})
		m.app = application{}
		return
	}
	m.closeApp(r)
}

// position is where the caller is: the present node, and the sentence heard last
// in it.
func (m *Machine) position() Position {
	if m.node == nil {
		return Position{}
	}
	if m.heard.Node == m.node.ID {
		return m.heard
	}
	return Position{Node: m.node.ID}
}
