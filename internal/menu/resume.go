package menu

import (
	"slices"

	"hotline/internal/orders"
	"hotline/internal/prompts"
)

// resumed goes on with a call whose server has died: an apology, then the node at which
// the call stood, or what came of its order. Keys that come meanwhile are nothing: they
// may be the rest of a password that was being typed.
func (m *Machine) resumed(e Resumed) {
	m.last, m.apps = e.Last, e.Apps
	m.caller.hidden, m.caller.verified, m.caller.wrong = e.Anonymous, e.Verified, e.Wrong
	if e.Language != m.Language() && slices.Contains(m.tree.Languages, e.Language) {
		m.speak(e.Language, false)
	}
	if o := e.Open; o.App != 0 {
		m.app = application{n: o.App, kind: o.Function.Kind, function: o.Function, tries: o.Tries}
	}
	way, whole := m.retrace(e.Nodes)
	m.node = m.tree.Nodes[way[len(way)-1]]
	m.app.node = m.node.ID
	switch {
	case e.Back != nil:
		m.backAgain(*e.Back)
	case whole && m.tells(e.Told):
		m.tellAgain(e.Told)
	default:
		m.apologise(next{do: doNode, node: m.fromWhere(way)})
	}
}

// retrace goes the way of a call once more, without a word, as far as this tree has its
// nodes; it never gives none. whole tells that the last of them is the node at which the
// call stood: else the menu has changed, and the call goes on at the menu nearest to it.
func (m *Machine) retrace(nodes []string) (way []string, whole bool) {
	for _, id := range nodes {
		n := m.tree.Nodes[id]
		if whole = n != nil; !whole {
			continue
		}
		way = append(way, id)
		if n.Serves != nil {
			m.about = n.Serves.Service
		}
		if n.Menu == nil {
			continue
		}
		m.visited = plus(m.visited, id, true)
		if i := slices.Index(m.path, id); i >= 0 {
			m.path = m.path[:i+1]
		} else {
			m.path = append(slices.Clip(m.path), id)
		}
	}
	switch {
	case len(m.path) == 0: // it had reached none, so nothing is lost by beginning anew
		return []string{m.tree.Start}, false
	case !whole:
		return m.path, false
	}
	return way, true
}

// fromWhere is the node to go on at: the last one, but the first at which something was
// typed since the last menu. What was typed is on no record, and is typed anew.
func (m *Machine) fromWhere(way []string) string {
	from := way[len(way)-1]
	for _, id := range slices.Backward(way) {
		n := m.tree.Nodes[id]
		if n.Menu != nil {
			break
		}
		if n.Collect != nil || n.Auth != nil {
			from = id
		}
	}
	return from
}

// tells tells whether a result is one that the present node has a sentence for.
func (m *Machine) tells(r orders.Result) bool {
	switch r.Outcome {
	case orders.Success, orders.Cancelled:
		return m.node.Order != nil // the answer to a query has gone: it is asked again
	case orders.Rejected, orders.AuthFailed, orders.SystemFailed, orders.Unknown:
		return m.node.Order != nil || m.node.Query != nil
	}
	return false
}

// tellAgain closes the application by what came of it, which is told after the apology.
func (m *Machine) tellAgain(r orders.Result) {
	m.emit(Entered{m.node.ID}) // nothing else says where the call is
	m.closeApp(r)
	m.apologise(next{do: doTell, told: r})
}

// tell says what came of the present function, and goes on behind it.
func (m *Machine) tell(r orders.Result) {
	said := m.tree.Phrases.Cancelled
	if r.Outcome != orders.Cancelled {
		said = m.outcome(r)
	}
	if said == (prompts.Ref{}) { // this version of the menu has no word for it
		m.do(m.after())
		return
	}
	m.say(m.after(), said)
}

// backAgain is for a caller who was with a person while the server died: he has noticed
// nothing, and hears no apology.
func (m *Machine) backAgain(e Returned) {
	switch {
	case len(m.path) == 0: // every call goes by a menu, which others lead back to
		m.enter(m.tree.Start)
	case m.node.Transfer != nil:
		m.returned(e)
	case m.tree.Nodes[e.Node] != nil:
		m.enter(e.Node)
	default:
		m.do(toNode(""))
	}
}

// apologise says that the call was interrupted.
func (m *Machine) apologise(n next) {
	if m.tree.Phrases.Resumed == (prompts.Ref{}) {
		m.do(n)
		return
	}
	n.deaf = true
	m.say(n, m.tree.Phrases.Resumed)
}
