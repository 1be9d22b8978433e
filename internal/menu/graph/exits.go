package graph

import (
	"maps"
	"slices"

	"hotline/internal/menu/tree"
	"hotline/internal/prompts"
)

// Exit is one way out of a node.
type Exit struct {
	To    string        // a node
	Key   string        // that leads there; "" where none is needed
	When  string        // the case of a switch, or Nobody, GaveUp, Otherwise; "" where it is what follows
	Label []prompts.Ref // what is said of it, before its key
	Quiet bool          // works, but is not announced
}

// When an exit without a key is taken, besides the cases of a switch.
const (
	Otherwise = "else"
	Nobody    = "nobody there" // of a transfer
	GaveUp    = "gave up"      // the attempts are used up
)

// Exits lists the ways out of a node that its author wrote, in the order of the
// file, cases sorted. The global keys, and the way back to the menu that a caller
// came from, are none of them.
func Exits(n *tree.Node) []Exit {
	var exits []Exit
	add := func(to, when string) {
		if to != "" {
			exits = append(exits, Exit{To: to, When: when})
		}
	}
	switch {
	case n.Menu != nil:
		for _, o := range n.Menu.Options {
			exits = append(exits, Exit{To: o.To, Key: o.Key, Label: o.Label, Quiet: o.Quiet})
		}
	case n.Say != nil:
		add(n.Say.Then, "")
	case n.Collect != nil:
		add(n.Collect.Then, "")
	case n.Auth != nil:
		add(n.Auth.Then, "")
	case n.Order != nil:
		add(n.Order.Then, "")
	case n.Query != nil:
		add(n.Query.Then, "")
	case n.Switch != nil:
		for _, value := range slices.Sorted(maps.Keys(n.Switch.Cases)) {
			add(n.Switch.Cases[value], value)
		}
		add(n.Switch.Else, Otherwise)
	case n.Transfer != nil:
		add(n.Transfer.Then, "")
		add(n.Transfer.Else, Nobody)
	case n.Survey != nil:
		add(n.Survey.Then, "")
	case n.Language != nil:
		exits = languageExits(n.Language)
	}
	if Asks(n) {
		add(n.Limits.Then, GaveUp)
	}
	return exits
}

// languageExits: each choice has its key, and all of them go on at one node.
func languageExits(l *tree.Language) []Exit {
	switch {
	case l.Then == "":
		return nil
	case l.Set != "":
		return []Exit{{To: l.Then}}
	}
	var exits []Exit
	for _, c := range l.Choices {
		exits = append(exits, Exit{To: l.Then, Key: c.Key, Label: c.Say})
	}
	return exits
}

// Asks tells whether a node waits for the caller's keys, so that attempts can be used up.
func Asks(n *tree.Node) bool {
	return n.Menu != nil || n.Collect != nil || n.Auth != nil || n.Order != nil && n.Order.Confirm ||
		n.Survey != nil || n.Language != nil && n.Language.Set == ""
}
