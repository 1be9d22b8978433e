package tree_test

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"hotline/internal/menu/tree"
	"hotline/internal/source"
)

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// TestExamplesLoad reads every example of the documentation as a part of a menu: its
// head, nodes, a service catalogue or calendars. Only what an example leads to, and
// does not show, may be missing.
func TestExamplesLoad(t *testing.T) {
	for _, file := range []string{docFile, "../../../README.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		examples := yamlBlock.FindAllStringSubmatch(string(text), -1)
		if len(examples) == 0 {
			t.Errorf("%s has no examples", file)
		}
		for _, e := range examples {
			_, err := tree.Load(example(e[1]), "m.yaml", nil)
			var problems source.Problems
			if err != nil && !errors.As(err, &problems) {
				t.Fatal(err)
			}
			for _, p := range problems {
				if !p.Warning && !elsewhere(p) {
					t.Errorf("%s: %v in\n%s", file, p, e[1])
				}
			}
		}
	}
}

// elsewhere tells whether a problem is that something is not in the example itself.
func elsewhere(p source.Problem) bool {
	switch p.Rule {
	case "dangling":
		return strings.HasPrefix(p.Message, "no node")
	case "missing-phrase", "unreachable":
		return true
	}
	return false
}

// example makes the files of a menu of an example.
func example(text string) fstest.MapFS {
	files := fstest.MapFS{
		"services.yaml":  {Data: []byte("caller_id: {name: 来电显示, price: \"6.00\", verbs: [open, close, introduce, status]}\nservice_password: {name: 服务密码, price: \"0.00\"}\n")},
		"calendars.yaml": {Data: []byte("agents: {mon-fri: [\"08:00-22:00\"]}\n")},
		"10086/1.yaml":   {Data: []byte("nodes: {\"1\": {type: hangup, say: x}}\n")},
	}
	head := "menu: m\ndialled: [\"1\"]\nlanguages: [zh, en]\nstart: begin\nservices: services.yaml\ncalendars: calendars.yaml\n"
	nodes := strings.TrimPrefix(text, "nodes:\n")
	switch {
	case strings.Contains(text, "price:"):
		files["services.yaml"], nodes = &fstest.MapFile{Data: []byte(text)}, ""
	case strings.Contains(text, "mon-fri:"):
		files["calendars.yaml"], nodes = &fstest.MapFile{Data: []byte(text)}, ""
	case strings.HasPrefix(text, "menu:"):
		head, nodes = text, ""
	}
	if nodes != "" && !strings.HasPrefix(nodes, "  ") {
		nodes = "  " + strings.ReplaceAll(strings.TrimSpace(nodes), "\n", "\n  ")
	}
	files["m.yaml"] = &fstest.MapFile{Data: []byte(head + "nodes:\n  begin: {type: menu, options: [{key: 1, say: l, to: begin}]}\n  ask: {type: collect, say: x, entry: month, into: month, then: begin}\n" + nodes + "\n")}
	return files
}

// TestDocsNameEveryKey: what the loader knows is what the documentation tells of.
func TestDocsNameEveryKey(t *testing.T) {
	doc, err := os.ReadFile("../../../docs/menu-language.md")
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, text := range tree.Schemas() {
		var s map[string]any
		if err := json.Unmarshal(text, &s); err != nil {
			t.Fatal(err)
		}
		words = append(words, told(s)...)
	}
	slices.Sort(words)
	if words = slices.Compact(words); len(words) < 100 {
		t.Errorf("only %d words: %s", len(words), words)
	}
	for _, word := range words {
		if !regexp.MustCompile(`(^|[^a-z_0-9])` + regexp.QuoteMeta(word) + `($|[^a-z_0-9])`).Match(doc) {
			t.Errorf("docs/menu-language.md does not tell of %q", word)
		}
	}
}

// told is the keys and the words of closed sets that a schema tells of.
func told(s map[string]any) []string {
	var words []string
	for key, v := range s {
		switch v := v.(type) {
		case map[string]any:
			if key == "properties" {
				words = slices.AppendSeq(words, maps.Keys(v))
			}
			words = append(words, told(v)...)
		case []any:
			for _, v := range v {
				if of, is := v.(map[string]any); is {
					words = append(words, told(of)...)
				} else if word, is := v.(string); is && key == "enum" {
					words = append(words, word)
				}
			}
		}
	}
	return words
}
