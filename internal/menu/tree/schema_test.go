package tree_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hotline/internal/menu/tree"
)

// TestSchemasAreTheLoaders: the files that editors read are what the loader knows now.
func TestSchemasAreTheLoaders(t *testing.T) {
	for name, want := range tree.Schemas() {
		file := filepath.Join("../../../menus", name)
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != string(want) {
			t.Errorf("%s is not what the loader reads (go test ./internal/menu/tree -update): %v", file, err)
		}
	}
}

const (
	docFile  = "../../../docs/menu-language.md"
	docBegin = "<!-- begin: made of the loader's tables by go test ./internal/menu/tree -update -->\n"
	docEnd   = "<!-- end -->\n"
)

// TestDocsHaveEveryKey: the tables at the end of the reference are the loader's.
func TestDocsHaveEveryKey(t *testing.T) {
	text, err := os.ReadFile(docFile)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, begun := strings.Cut(string(text), docBegin)
	_, tail, ended := strings.Cut(rest, docEnd)
	if !begun || !ended {
		t.Fatal("the places where the tables begin and end are gone")
	}
	want := head + docBegin + tables(t) + docEnd + tail
	if *update {
		if err := os.WriteFile(docFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if string(text) != want {
		t.Error("docs/menu-language.md tells of other keys than the loader knows (go test ./internal/menu/tree -update)")
	}
}

// tables has a table for each mapping of the language.
func tables(t *testing.T) string {
	var menu map[string]any
	if err := json.Unmarshal(tree.Schemas()["menu.schema.json"], &menu); err != nil {
		t.Fatal(err)
	}
	definitions := menu["definitions"].(map[string]any)
	of := func(name string) map[string]any { return definitions[name].(map[string]any) }
	var b strings.Builder
	put := func(title, about string, s map[string]any, without ...string) {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n| key | needed | what it says |\n|---|---|---|\n", title, about)
		rows(&b, "", s, without)
	}
	put("A menu's file", "And an included file, which has `include`, `nodes` and `phrases` only.", menu)
	common := []string{"barge_in", "note", "type", "waive"}
	put("Every node", "Whatever its type.", map[string]any{"properties": only(of("node-say"), common), "required": []any{"type"}})
	asking := []string{"again", "invalid", "no_input", "retries", "timeouts"}
	put("Nodes that ask", "`menu`, `service`, `collect`, `auth`, `order`, `survey` and `language` may have these too.",
		map[string]any{"properties": only(of("node-menu"), asking)})
	for _, name := range slices.Sorted(maps.Keys(definitions)) {
		if typ, is := strings.CutPrefix(name, "node-"); is {
			put("`"+typ+"`", "It "+of(name)["description"].(string)+".", of(name), append(common, asking...)...)
		}
	}
	put("A service of the catalogue", "By its id.", of("catalogue")["additionalProperties"].(map[string]any))
	put("Phrases", "Each takes a prompt; needed are those that this menu can come to say.", of("phrases"))
	return b.String() + "\n"
}

func only(s map[string]any, names []string) map[string]any {
	some := map[string]any{}
	for name, v := range s["properties"].(map[string]any) {
		if slices.Contains(names, name) {
			some[name] = v
		}
	}
	return some
}

// rows has a line for each key; those of a mapping within are named after it.
func rows(b *strings.Builder, within string, s map[string]any, without []string) {
	properties := s["properties"].(map[string]any)
	needed, _ := s["required"].([]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if within == "" && slices.Contains(without, name) {
			continue
		}
		p := properties[name].(map[string]any)
		yes := ""
		if slices.Contains(needed, any(name)) {
			yes = "yes"
		}
		what, _ := p["description"].(string)
		if words, closed := p["enum"].([]any); closed {
			what = strings.TrimPrefix(what+"; ", "; ") + oneOf(words)
		}
		fmt.Fprintf(b, "| `%s%s` | %s | %s |\n", within, name, yes, strings.ReplaceAll(what, "|", "\\|"))
		if items, list := p["items"].(map[string]any); list && items["properties"] != nil {
			rows(b, within+name+"[].", items, nil)
		} else if p["properties"] != nil {
			rows(b, within+name+".", p, nil)
		}
	}
}

func oneOf(words []any) string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = fmt.Sprintf("`%s`", w)
	}
	if len(all) == 1 {
		return all[0]
	}
	return "one of " + strings.Join(all, ", ")
}
