package check

import (
	"slices"
	"strings"

	"hotline/internal/menu"
	"hotline/internal/menu/tree"
	"hotline/internal/orders/entry"
)

const figures = "1234567890"

// keys are the keys that are tried in a state: each that means something, one that
// means nothing, those that make a longer one or an entry.
func (a *alphabet) keys(s *menu.State, w *watch) []happening {
	n := a.tree.Nodes[s.Node]
	var try string
	kept := s.Await != "key" || w.play != 0 && n != nil && !n.BargeIn
	switch {
	case s.Ends:
		return nil // a goodbye takes no keys
	case kept && (s.Ahead != "" || s.Answer != "" || s.Waits > 0 || w.play == 0):
		// Kept keys are taken one after the other by the question that comes, as if
		// pressed there: one of them shows all that can come of it, whenever it came.
		return nil
	case kept:
		try = a.global() + a.some(s)
	case s.Asks == "entry" && (s.Typed != "" || w.play != 0 || w.timer != 0):
		words := a.words[s.Node]
		if s.NoInput+s.Invalid > 0 && len(words) > 0 { // who errs again does so in the shortest way
			words = words[:1] // right ones lead on from the first attempt already
		}
		try = continuations(words, s.Typed) + "#"
		if slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, s.Typed) }) {
			try += "*" // else it has been pressed already
		}
	// Every code that there is, one that is none, and the key that gives the code up.
	case s.Asks == "menu" && a.dials(s, s.Partial):
		try = continuations(a.codes, s.Partial[1:]) + a.tree.SpeedDial + "*"
	case s.Partial != "":
		try = a.longer(s.Partial) + a.some(s)
	default:
		try = a.own(s) + a.global() + a.meaningless(s)
	}
	var all []happening
	heard := menu.Heard{Play: w.play}
	for i := range len(try) {
		if strings.IndexByte(try, try[i]) == i {
			all = append(all, happening{event: menu.Pressed{Key: try[i], Heard: heard}, wanted: a.wanted(s, try[i], kept)})
		}
	}
	return all
}

// own are the keys of the question that is asked.
func (a *alphabet) own(s *menu.State) string {
	n := a.tree.Nodes[s.Node]
	switch {
	case s.Await != "key" || n == nil:
		return ""
	case s.Asks == "menu" && n.Menu != nil:
		return optionKeys(n.Menu)
	case s.Asks == "confirm", s.Asks == "read_back", s.Asks == "callback":
		return "12"
	case s.Asks == "rating":
		return "12345"
	case s.Asks == "language" && n.Language != nil:
		keys := ""
		for _, c := range n.Language.Choices {
			keys += c.Key
		}
		return keys
	}
	return ""
}

func optionKeys(m *tree.Menu) string {
	keys := ""
	for _, o := range m.Options {
		keys += o.Key
	}
	return keys
}

// global are the first keys of those that mean the same everywhere.
func (a *alphabet) global() string {
	keys := ""
	for _, k := range sortedKeys(a.tree.Keys) {
		keys += k[:1]
	}
	return keys + a.tree.SpeedDial
}

// longer are the keys that go on from partial.
func (a *alphabet) longer(partial string) string {
	keys := ""
	for _, k := range sortedKeys(a.tree.Keys) {
		if len(k) > len(partial) && strings.HasPrefix(k, partial) {
			keys += k[len(partial) : len(partial)+1]
		}
	}
	return keys
}

// some are a key that is an option where the caller goes on, and one that is none.
func (a *alphabet) some(s *menu.State) string {
	m := a.ahead(s)
	if m == nil || m.Menu == nil {
		return "1"
	}
	return optionKeys(m.Menu)[:1] + unused(optionKeys(m.Menu)+a.global())
}

// ahead is the menu that takes the keys which are kept now: the next node, if it is
// one, or the last menu on the way.
func (a *alphabet) ahead(s *menu.State) *tree.Node {
	if n := a.tree.Nodes[s.Node]; n != nil && n.Menu == nil {
		if leads := n.Leads(); len(leads) > 0 {
			if to := a.tree.Nodes[leads[0]]; to != nil && to.Menu != nil {
				return to
			}
		}
	}
	return a.tree.Nodes[s.Path[strings.LastIndexByte(s.Path, '/')+1:]]
}

// meaningless is a key that means nothing in the question that is asked.
func (a *alphabet) meaningless(s *menu.State) string { return unused(a.own(s) + a.global()) }

// unused is a figure that is not among those taken, from the last one on: menus use
// the first.
func unused(taken string) string {
	for i := len(figures) - 1; i >= 0; i-- {
		if !strings.Contains(taken, figures[i:i+1]) {
			return figures[i : i+1]
		}
	}
	return ""
}

// dials tells whether keys begin a speed-dial code.
func (a *alphabet) dials(s *menu.State, keys string) bool {
	return a.tree.SpeedDial != "" && s.Node == a.tree.Start && strings.HasPrefix(keys, a.tree.SpeedDial)
}

// means tells whether keys mean something in the question that is asked, and
// whether more of them could: by the tree, and not by what the Machine makes of them.
func (a *alphabet) means(s *menu.State, keys string) (known, longer bool) {
	if a.dials(s, keys) && s.Asks == "menu" && len(keys) > 1 {
		code, closed := strings.CutSuffix(keys[1:], a.tree.SpeedDial)
		return a.tree.Codes[code] != "" || code == "" && closed, !closed && strings.Trim(code, figures) == ""
	}
	_, known = a.tree.Keys[keys]
	known = known || len(keys) == 1 && strings.Contains(a.own(s), keys)
	longer = a.longer(keys) != "" || s.Asks == "menu" && a.dials(s, keys)
	return known, longer
}

// wanted tells whether a key is something that the caller wants and the menu offers.
func (a *alphabet) wanted(s *menu.State, key byte, kept bool) bool {
	k := string(key)
	// What a kept key means is only known when it is taken; it is wanted where the
	// menu that will take it offers it.
	if kept {
		m := a.ahead(s)
		_, global := a.tree.Keys[k]
		return global || m != nil && m.Menu != nil && strings.Contains(optionKeys(m.Menu), k)
	}
	if s.Asks == "entry" {
		if s.Typed != "" {
			return key == '#' && a.right(s) || key == '*' // a caller may clear what he types as often as he likes
		}
		if s.Partial == "" && key != '*' && key != '#' {
			return false
		}
	}
	known, longer := a.means(s, s.Partial+k)
	if longer && s.Ahead == "" { // else the key kept tells at once that no longer one comes
		return false
	}
	if !known && s.Partial != "" { // then each counts by itself
		before, _ := a.means(s, s.Partial)
		return before
	}
	return known
}

// settles tells whether the end of a timer takes something that the caller wants.
func (a *alphabet) settles(s *menu.State) bool {
	switch {
	case s.Await != "key":
		return false
	case s.Typed != "":
		return a.right(s)
	case s.Partial != "":
		known, _ := a.means(s, s.Partial)
		return known
	}
	return false
}

// right tells whether what has been typed is an entry of its kind. A right password
// that is refused, or a second number unlike the first, is none that leads on: where
// they were asked for without end it would show, since callers type wrong ones too.
func (a *alphabet) right(s *menu.State) bool {
	kind, fewest, most := entry.Password, 6, 6
	if n := a.tree.Nodes[s.Node]; n != nil && n.Collect != nil {
		kind, fewest, most = n.Collect.Entry, n.Collect.Fewest, n.Collect.Most
		if n.Collect.SameAs != "" {
			return false
		}
	} else {
		return false
	}
	_, fault := kind.Parse(s.Typed, fewest, most)
	return fault == entry.NoFault
}
