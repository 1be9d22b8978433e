package tree_test

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"hotline/internal/menu/tree"
	"hotline/internal/source"
)

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// TestExamplesLoad reads every example of the documentation as a part of a menu: a
// whole "nodes:", nodes, or a service catalogue. Only the nodes that an example
// leads to, and does not show, may be missing.
func TestExamplesLoad(t *testing.T) {
	base, err := os.ReadFile("testdata/base.yaml")
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(base), "\nnodes:")
	head = strings.NewReplacer("agent: person\n", "", `, "0": agent`, "", "start: main", "start: begin").Replace(head)
	for _, file := range []string{"../../../docs/menu-language.md", "../../../README.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		examples := yamlBlock.FindAllStringSubmatch(string(text), -1)
		if len(examples) == 0 {
			t.Errorf("%s has no examples", file)
		}
		for _, e := range examples {
			catalogue, nodes := string(services), strings.TrimPrefix(e[1], "nodes:\n")
			if strings.Contains(nodes, "price:") {
				catalogue, nodes = nodes, ""
			}
			if !strings.HasPrefix(nodes, "  ") {
				nodes = "  " + strings.ReplaceAll(strings.TrimSpace(nodes), "\n", "\n  ")
			}
			whole := head + "\nnodes:\n  begin: {type: menu, options: [{key: 1, say: l, to: begin}]}\n" + nodes + "\n"
			_, err := tree.Load(fstest.MapFS{"m.yaml": {Data: []byte(whole)}, "services.yaml": {Data: []byte(catalogue)}}, "m.yaml", nil)
			var problems source.Problems
			if err != nil && !errors.As(err, &problems) {
				t.Fatal(err)
			}
			for _, p := range problems {
				if p.Rule != "dangling" || !strings.HasPrefix(p.Message, "no node") {
					t.Errorf("%s: %v in\n%s", file, p, e[1])
				}
			}
		}
	}
}

// TestDocsNameEveryKey: what the loader knows is what the documentation tells of.
func TestDocsNameEveryKey(t *testing.T) {
	doc, err := os.ReadFile("../../../docs/menu-language.md")
	if err != nil {
		t.Fatal(err)
	}
	nonsense := "nonsense: 1\nkeys: {\"9\": x}\ntimeouts: {x: 1}\nretries: {x: 1}\nnodes:\n"
	for _, typ := range []string{"menu", "say", "order", "query", "transfer", "hangup"} {
		nonsense += "  " + typ + ": {type: " + typ + ", x: 1}\n"
	}
	nonsense += "  m: {type: menu, options: [{x: 1}]}\n  q: {type: query, answer: [{x: 1}]}\n  o: {type: x}\n"
	_, err = tree.Load(fstest.MapFS{"m.yaml": {Data: []byte(nonsense)}}, "m.yaml", nil)
	known := regexp.MustCompile(`(?:known:|expected one of) ([a-z_, ]+)`).FindAllStringSubmatch(err.Error(), -1)
	if len(known) != 13 {
		t.Errorf("%d lists of what is known, in\n%v", len(known), err)
	}
	for _, list := range known {
		for _, word := range strings.Split(strings.TrimSpace(list[1]), ", ") {
			if !regexp.MustCompile(`\b` + word + `\b`).Match(doc) {
				t.Errorf("docs/menu-language.md does not tell of %q", word)
			}
		}
	}
}
