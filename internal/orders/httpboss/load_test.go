package httpboss_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"hotline/internal/orders/httpboss"
)

var update = flag.Bool("update", false, "write the expected problems and the schema anew; read the difference")

// TestBadDescriptions: everything wrong is named at its place. Each file of testdata/bad
// has what Load says of it beside it.
func TestBadDescriptions(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no fixtures", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d, problems := httpboss.Load("boss.yaml", text)
		if d != nil || problems.Err() == nil {
			t.Errorf("%s: it is taken", file)
		}
		got := problems.Error() + "\n"
		beside := strings.TrimSuffix(file, ".yaml") + ".txt"
		if *update {
			if err := os.WriteFile(beside, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(beside); err != nil || string(want) != got {
			t.Errorf("%s: got\n%swant (%v)\n%s", file, got, err, want)
		}
	}
}

// TestDangersAreWarned: what works and is not safe is told, and loaded.
func TestDangersAreWarned(t *testing.T) {
	for text, want := range map[string]string{
		strings.Replace(small, "default: unknown", "default: rejected/other", 1):    "will end orders as rejected/other",
		strings.Replace(small, "queryable: true", "queryable: false", 1):            "lookup is described and not declared",
		strings.Replace(small, "{404: reply}", "{404: not_found}", 1):               "a gateway that leads nowhere answers 404, too",
		strings.Replace(small, "429: not_done", "5xx: not_done", 1):                 "5xx also comes from a gateway",
		strings.Replace(small, "submit:", "submit:\n  statuses: {2xx: success}", 1): "any page with status 2xx would be success",
		strings.Replace(small, "429: not_done", "200: not_done", 1):                 "any page with status 200 would be not_done",
		small[:strings.Index(small, "verify:")]:                                     "no verify is described",
	} {
		d, problems := httpboss.Load("boss.yaml", []byte(text))
		if d == nil || len(problems) == 0 || !strings.Contains(problems.Error(), want) {
			t.Errorf("%v, want %q", problems, want)
		}
	}
}

// TestSecretsThatAreMissing: all of them are named, and none is quoted.
func TestSecretsThatAreMissing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(small, "secrets: {token: {env: TOKEN}}",
		fmt.Sprintf("secrets: {token: {env: TOKEN}, a: {file: %s}, b: {file_env: NOWHERE}, c: {file: not-there}}\ntls: {ca: %s}", file, file), 1)
	d, problems := httpboss.Load("conf/boss.yaml", []byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	_, err := d.Open(httpboss.Options{Getenv: func(string) string { return "" }})
	for _, want := range []string{"TOKEN is not set", "BOSS_URL is not set", file + " is empty", "NOWHERE is not set", "conf/not-there", "tls.ca"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	env := map[string]string{"TOKEN": token, "BOSS_URL": "http://me:" + pin + "@boss/"}
	d, _ = httpboss.Load("boss.yaml", []byte(small))
	if _, err := d.Open(httpboss.Options{Getenv: func(name string) string { return env[name] }}); err == nil {
		t.Error("a password in the URL is taken")
	} else {
		quotesNothing(t, err.Error())
	}
}

const schemaFile = "../../../deploy/boss/boss.schema.json"

// TestSchemaIsTheLoaders: the file that editors read is what the loader knows now.
func TestSchemaIsTheLoaders(t *testing.T) {
	if *update {
		if err := os.WriteFile(schemaFile, httpboss.Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(schemaFile); err != nil || !bytes.Equal(got, httpboss.Schema()) {
		t.Errorf("%s is not what the loader reads (go test ./internal/orders/httpboss -update): %v", schemaFile, err)
	}
}

// TestEditorsSeeWhatTheLoaderSees: nothing is underlined in the examples, and something
// in each file whose keys or forms are wrong.
func TestEditorsSeeWhatTheLoaderSees(t *testing.T) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(httpboss.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("file:///boss.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("file:///boss.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for file, good := range map[string]bool{
		"../../../deploy/boss/json.yaml": true, "../../../deploy/boss/xml.yaml": true,
		"testdata/bad/head.yaml": false, "testdata/bad/outcomes.yaml": false, "testdata/bad/paths.yaml": false, "testdata/bad/missing.yaml": false,
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var n yaml.Node
		if err := yaml.Unmarshal(text, &n); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(plain(&n)); (err == nil) != good {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// plain is a YAML value as JSON has it.
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
	}
	var v any
	if n.Decode(&v) != nil {
		return n.Value
	}
	if i, is := v.(int); is {
		return float64(i)
	}
	return v
}

// FuzzLoad: whatever stands in a file, it is a description or has problems with places.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/bad/*.yaml", "../../../deploy/boss/*.yaml"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, problems := httpboss.Load("f", []byte(text))
		if (d == nil) != (problems.Err() != nil) {
			t.Fatalf("%v, %v", d, problems)
		}
		for _, p := range problems {
			if p.Pos.Line < 1 || p.Pos.Col < 1 || p.Rule == "" || p.Message == "" {
				t.Fatalf("%+v", p)
			}
		}
	})
}
