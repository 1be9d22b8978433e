package bench

import (
	"fmt"
	"strings"

	"hotline/internal/menu"
	"hotline/internal/menu/tree"
	"hotline/internal/prompts"
)

// Script is one walk through a menu: what is said when the call begins, and upon
// each key. Both sides of the comparison are made from it.
type Script struct {
	Keys  string
	Says  []Announcement // one more than Keys
	Nodes []string       // every node that the walk enters, in turn, as the journal has them
}

// Announcement is what is said at one point of the walk.
type Announcement struct {
	Prompts []string // ids of the recordings, in turn
	Files   []string // theirs, absolute and without extension, as Asterisk plays them
	MS      int
	Keys    []string // what a caller may press there
}

// Write walks the tree in the mind, as the session does on a call: each key cuts the
// announcement before it. A key that does anything else than lead to another
// announcement at once (an order, a query, a transfer, a wait for a second key)
// is an error, because a native menu would have nothing to compare it with.
func Write(tree *tree.Tree, catalog *prompts.Catalog, keys string) (*Script, error) {
	s := &Script{Keys: strings.Join(strings.Fields(keys), "")}
	m := menu.New(tree)
	if err := s.step(tree, catalog, m, menu.Started{}); err != nil {
		return nil, fmt.Errorf("begin of menu %s: %w", tree.Name, err)
	}
	for i := range len(s.Keys) {
		if err := s.step(tree, catalog, m, menu.Pressed{Key: s.Keys[i]}); err != nil {
			return nil, fmt.Errorf("key %d (%c) of %q: %w", i+1, s.Keys[i], s.Keys, err)
		}
	}
	return s, nil
}

func (s *Script) step(tree *tree.Tree, catalog *prompts.Catalog, m *menu.Machine, e menu.Event) error {
	var said []Announcement
	for next := e; next != nil; {
		effects := m.Step(next)
		next = nil
		for _, f := range effects {
			switch f := f.(type) {
			case menu.Entered:
				s.Nodes = append(s.Nodes, f.Node)
			case menu.Play:
				fragments, err := catalog.Fragments(tree.Languages[0], f.Refs)
				if err != nil {
					return err
				}
				said = append(said, announce(fragments, tree.KeysAt(f.Node)))
			case menu.Look: // nothing is closed, and there is no notice
				next = menu.Seen{ID: f.ID}
			case menu.Speak, menu.Submit, menu.Ask, menu.Verify, menu.Transfer, menu.SetTimer, menu.End:
				return fmt.Errorf("does more than to lead to an announcement (%T)", f)
			}
		}
	}
	if len(said) != 1 {
		return fmt.Errorf("leads to %d announcements, not to one", len(said))
	}
	s.Says = append(s.Says, said[0])
	return nil
}

func announce(fragments []prompts.Fragment, keys []string) Announcement {
	a := Announcement{Keys: keys}
	for _, f := range fragments {
		a.Prompts = append(a.Prompts, f.ID)
		a.Files = append(a.Files, f.File)
		a.MS += f.MS
	}
	return a
}
