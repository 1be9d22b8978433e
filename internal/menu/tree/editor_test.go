package tree_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"hotline/internal/menu/tree"
)

// editor is the schemas as an editor has them, by file.
func editor(t *testing.T) map[string]*jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	texts := tree.Schemas()
	for name, text := range texts {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource("file:///menus/"+name, doc); err != nil {
			t.Fatal(err)
		}
	}
	schemas := map[string]*jsonschema.Schema{}
	for name := range maps.Keys(texts) {
		schema, err := c.Compile("file:///menus/" + name)
		if err != nil {
			t.Fatal(err)
		}
		schemas[name] = schema
	}
	return schemas
}

// plain is a YAML value as JSON has it; the names of keys are texts there.
func plain(n *yaml.Node) any {
	switch n.Kind {
	case yaml.DocumentNode:
		return plain(n.Content[0])
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = plain(n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := []any{}
		for _, c := range n.Content {
			list = append(list, plain(c))
		}
		return list
	case yaml.AliasNode:
		return plain(n.Alias)
	}
	var v any
	if n.Tag == "!!timestamp" || n.Decode(&v) != nil {
		return n.Value
	}
	if i, is := v.(int); is {
		return float64(i)
	}
	return v
}

// underlined is what an editor says of a file, nil for nothing.
func underlined(t *testing.T, schema *jsonschema.Schema, file string) error {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var n yaml.Node
	if err := yaml.Unmarshal(text, &n); err != nil || n.Kind == 0 {
		return err
	}
	return schema.Validate(plain(&n))
}

// TestEditorsLikeGoodFiles: nothing is underlined in what the loader reads.
func TestEditorsLikeGoodFiles(t *testing.T) {
	schemas := editor(t)
	kinds := map[string]string{"services.yaml": "services.schema.json", "calendars.yaml": "calendars.schema.json", "menu.yaml": "menu.schema.json", "10086.yaml": "menu.schema.json"}
	seen := 0
	for _, pattern := range []string{"testdata/whole/*.yaml", "testdata/whole/*/*.yaml", "../../../menus/*.yaml", "../../../menus/*/*.yaml"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			kind, is := kinds[filepath.Base(file)]
			if !is {
				kind = "part.schema.json"
			}
			if err := underlined(t, schemas[kind], file); err != nil {
				t.Errorf("%s: %v", file, err)
			}
			seen++
		}
	}
	if seen < 8 {
		t.Errorf("only %d files", seen)
	}
}

// TestEditorsUnderlineBadStructure: where the loader finds a key that is none, or a
// value of another kind, so does the schema.
func TestEditorsUnderlineBadStructure(t *testing.T) {
	menu := editor(t)["menu.schema.json"]
	structure := regexp.MustCompile(`(?m)^m\.yaml:.*\[(unknown-key|type|length|queue|name|options|waive)\]$`)
	files, _ := filepath.Glob("testdata/bad/*.txt")
	seen := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !structure.Match(text) {
			continue
		}
		seen++
		if underlined(t, menu, strings.TrimSuffix(file, ".txt")+".yaml") == nil {
			t.Errorf("%s: the editor says nothing, the loader\n%s", file, structure.Find(text))
		}
	}
	if seen < 10 {
		t.Errorf("only %d fixtures of structure", seen)
	}
}
