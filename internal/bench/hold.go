package bench

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// HoldNumber is dialled by calls that are only there.
const HoldNumber = "9990"

// Hold makes, of the text of a menu, one for calls that are only there: it says a
// few words, then waits as long as a menu may, and asks as often. Its nodes are
// still those of the menu, so that it is served like any other.
func Hold(text []byte) ([]byte, error) {
	var m map[string]any
	if err := yaml.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("read the menu to hold calls in: %w", err)
	}
	phrases, _ := m["phrases"].(map[string]any)
	nodes, _ := m["nodes"].(map[string]any)
	if phrases["press"] == nil || nodes == nil {
		return nil, fmt.Errorf("the menu to hold calls in has no phrases or no nodes")
	}
	nodes["bench-hold"] = map[string]any{"type": "menu", "options": []any{
		map[string]any{"key": 9, "say": phrases["press"], "to": m["start"]},
	}}
	m["menu"], m["dialled"], m["start"] = "bench-hold", []string{HoldNumber}, "bench-hold"
	m["timeouts"] = map[string]string{"first_digit": "60s"}
	m["retries"] = map[string]int{"no_input": 9, "invalid": 9, "total": 9}
	out, err := yaml.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("write the menu to hold calls in: %w", err)
	}
	return out, nil
}
