package httpboss

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

const (
	docFile  = "../../../docs/boss-adapter.md"
	docBegin = "<!-- begin: made of the loader's tables by go test ./internal/orders/httpboss -update -->\n"
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
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(docFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if string(text) != want {
		t.Error(docFile, "tells of other keys than the loader knows (go test ./internal/orders/httpboss -update)")
	}
}

// tables has one for each mapping of a description, and one for the holes.
func tables(t *testing.T) string {
	type object struct {
		Description          string
		Properties           map[string]object
		Required             []string
		AdditionalProperties json.RawMessage
		Definitions          map[string]object
	}
	var root object
	if err := json.Unmarshal(Schema(), &root); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	put := func(title string, o object, without ...string) {
		fmt.Fprintf(&b, "\n%s\n\n| key | needed | what it says |\n|---|---|---|\n", title)
		for _, name := range sorted(o.Properties) {
			if slices.Contains(without, name) {
				continue
			}
			needed := ""
			if slices.Contains(o.Required, name) {
				needed = "yes"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, needed, strings.ReplaceAll(o.Properties[name].Description, "|", "\\|"))
		}
	}
	operation := root.Properties["verify"]
	shared := slices.DeleteFunc(sorted(operation.Properties), func(name string) bool { _, is := root.Properties[name]; return !is })
	put("The file.", root, shared...)
	put("For all operations at once, and for each.", object{Properties: operation.Properties, Required: operation.Required}, slices.DeleteFunc(sorted(operation.Properties), func(name string) bool { return slices.Contains(shared, name) })...)
	put("Every operation besides.", operation, shared...)
	for _, name := range []string{"submit", "query", "prices"} {
		put("`"+name+"` besides.", root.Properties[name], sorted(operation.Properties)...)
	}
	put("Capabilities.", root.Properties["capabilities"])
	put("Where a secret is read from: one of these.", root.Definitions["secret"])
	put("A value of an answer.", root.Definitions["value"])
	put("Certificates.", root.Properties["tls"])

	b.WriteString("\nHoles.\n\n| `${…}` | where it is known | where it may stand | what it is |\n|---|---|---|---|\n")
	for _, name := range sorted(fillers) {
		var known []string
		for _, k := range []kind{submit, lookup, verify, query, prices} {
			if slices.Contains(holesOf[k], name) {
				known = append(known, string(k))
			}
		}
		where := map[place]string{inURL: "anywhere", inHeader: "headers, bodies", inBody: "bodies"}[fillers[name].from]
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, strings.Join(known, ", "), where, strings.ReplaceAll(fillers[name].doc, "|", "\\|"))
	}
	return b.String() + "\n"
}
