package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hotline/internal/menu"
)

// simulated loads the shipped menu for a sim that a test talks to.
func simulated(t *testing.T) (*sim, *strings.Builder) {
	t.Helper()
	catalog, err := loadPrompts("../../prompts")
	if err != nil {
		t.Fatal(err)
	}
	trees, err := loadMenus("../../menus/10086.yaml", catalog)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	return newSim(&out, trees[0], catalog), &out
}

// TestSimTalks: Enter lets happen what happens by itself.
func TestSimTalks(t *testing.T) {
	for name, c := range map[string]struct {
		typed string
		want  []string
	}{
		"balance":         {"1 1\n\n\n\nhangup\n", []string{"BOSS: answer success/confirmed balance=money:5850", "五十八元五角", "ends success/confirmed", "end hung_up"}},
		"poor subscriber": {"311\nanswer rejected/insufficient_balance\n1\n\n\nquit\n", []string{"ends rejected/insufficient_balance"}},
		"no agent":        {"0\n\n\nrefused\n2\nhangup\n", []string{"transfer desk", "agent.failed", "node main", "end hung_up"}},
		"agent":           {"0\n\n\n\n", []string{"transfer desk", "end transferred"}},
		"nonsense":        {"what\nanswer\nanswer fine\npress\nhangup\n", []string{`no such line "what"`, "which answer?", `"fine" is no answer that the menu knows`, "which key?", "end hung_up"}},
		"end of input":    {"3\n", []string{"end hung_up"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, out := simulated(t)
			if err := s.talk(t.Context(), strings.NewReader(c.typed)); err != nil {
				t.Fatal(err)
			}
			rest := out.String()
			for _, want := range c.want {
				_, after, found := strings.Cut(rest, want)
				if !found {
					t.Fatalf("%q is missing, or not in this order, in\n%s", want, out)
				}
				rest = after
			}
		})
	}
}

func TestSimPressesKeys(t *testing.T) {
	out, err := runCommand(t, "sim", "../../menus/10086.yaml", "--prompts", "../../prompts", "--keys", "3 1 1 1")
	if err != nil || !strings.Contains(out, "order open caller_id 6.00") || !strings.Contains(out, "app 1 ends success/confirmed") || !strings.HasSuffix(out, "end hung_up\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestSimUsage(t *testing.T) {
	two := shippedMenus(t, func(s string) string { return s })
	data, err := os.ReadFile(filepath.Join(two, "10086.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	other := strings.NewReplacer(`menu: "10086"`, "menu: other", `dialled: ["10086"]`, `dialled: ["1"]`).Replace(string(data))
	if err := os.WriteFile(filepath.Join(two, "other.yaml"), []byte(other), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{}, {"a", "b"}, {two}, {"../../menus/10086.yaml", "--keys", "3 x"}, {"../../menus/10086.yaml", "--keys", "1", "--transcript"},
	} {
		_, err := runCommand(t, append([]string{"sim", "--prompts", "../../prompts"}, args...)...)
		var usage usageError
		if !errors.As(err, &usage) {
			t.Errorf("%q: %v, want a usage error", args, err)
		}
	}
}

// TestSimAnswersEveryQuery: what the sim's BOSS says can be read aloud.
func TestSimAnswersEveryQuery(t *testing.T) {
	s, _ := simulated(t)
	for id, n := range s.tree.Nodes {
		if n.Query != nil {
			answer := succeeds + values(n.Query, s.tree)
			events, err := s.player.Events(answer)
			if err != nil {
				t.Fatal(id, err)
			}
			for _, p := range n.Query.Answer {
				if _, there := events[0].(menu.Answered).Answer.Values[p.Value]; p.Value != "" && !there {
					t.Errorf("%s: no value %q in %s", id, p.Value, answer)
				}
			}
		}
	}
}
