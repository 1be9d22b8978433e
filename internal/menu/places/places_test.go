package places_test

import (
	"os"
	"slices"
	"testing"

	"hotline/internal/menu/places"
	"hotline/internal/menu/tree"
	"hotline/internal/prompts"
)

func load(t *testing.T, dir, file string) *tree.Tree {
	t.Helper()
	loaded, err := tree.Load(os.DirFS(dir), file, nil)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

// TestWhereAPromptIsSaid shows one option of the shipped hotline as its speaker needs it.
func TestWhereAPromptIsSaid(t *testing.T) {
	var found []places.Announcement
	for _, a := range places.In(load(t, "../../../menus", "10086.yaml")) {
		if slices.ContainsFunc(a.Parts, func(p places.Part) bool { return slices.Contains(p.Said, prompts.Prompt("label.1041")) }) {
			found = append(found, a)
		}
	}
	if len(found) < 2 || found[0].Node != "104" || found[0].Keys != "1 4" || found[0].Code != "104" || found[0].Parts[0].As != places.Option {
		t.Fatalf("got %+v", found)
	}
	if next := found[0].Parts[1:3]; next[0].As != places.Press || next[1].As != places.Key || next[1].Said[0].ID != "key.1" {
		t.Errorf("after the label: %+v", next)
	}
	if again := found[1].Parts; again[0].As != places.Error || again[0].Said[0].ID != "err.no_input" || again[1].As != places.Option {
		t.Errorf("after silence: %+v", again)
	}
}

// TestEntriesOnTheWay: what is typed before a node is part of the way to it.
func TestEntriesOnTheWay(t *testing.T) {
	ways := map[string]string{}
	for _, a := range places.In(load(t, "../../../menus", "10086.yaml")) {
		ways[a.Node] = a.Keys
	}
	for node, keys := range map[string]string{"main": "", "3011": "3 1 1", "person.zh": "0", "103.query": "1 3 <password> <month>", "after": "1 6 2 1"} {
		if got, there := ways[node]; !there || got != keys {
			t.Errorf("node %q: keys %q, want %q", node, got, keys)
		}
	}
}
