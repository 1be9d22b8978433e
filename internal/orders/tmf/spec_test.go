package tmf_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// specification is one of TM Forum's, as in testdata.
type specification struct {
	base string
	doc  map[string]any
	url  string
}

// specifications check what goes over the wire. Beyond what the documents ask for, no name
// may be there that they do not have: a field that is misspelt would be valid otherwise.
type specifications struct {
	all      []specification
	compiler *jsonschema.Compiler
	mu       sync.Mutex // a compiler is for one at a time
}

// theSpecifications are read once: compiling them takes longer than most tests.
var theSpecifications = sync.OnceValues(readSpecifications)

func readSpecifications() (*specifications, error) {
	s := &specifications{compiler: jsonschema.NewCompiler()}
	s.compiler.DefaultDraft(jsonschema.Draft4) // that of Swagger 2.0, but for what is not used here
	s.compiler.AssertFormat()
	files, err := filepath.Glob("testdata/*.trimmed.json")
	if err != nil || len(files) != 3 {
		return nil, fmt.Errorf("%d specifications, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		doc := parsed.(map[string]any)
		for _, definition := range doc["definitions"].(map[string]any) {
			if d := definition.(map[string]any); d["properties"] != nil {
				d["additionalProperties"] = false
			}
		}
		spec := specification{strings.TrimSuffix(doc["basePath"].(string), "/"), doc, "file:///" + filepath.Base(file)}
		if err := s.compiler.AddResource(spec.url, doc); err != nil {
			return nil, err
		}
		s.all = append(s.all, spec)
	}
	return s, nil
}

// of finds the specification of a path, and what it says of the method there.
func (s *specifications) of(method, path string) (specification, map[string]any, error) {
	for _, spec := range s.all {
		rest, ours := strings.CutPrefix(path, spec.base)
		if !ours {
			continue
		}
		methods, _ := spec.doc["paths"].(map[string]any)[rest].(map[string]any)
		if operation, there := methods[strings.ToLower(method)].(map[string]any); there {
			return spec, operation, nil
		}
		return spec, nil, fmt.Errorf("%s %s is not in the specification", method, path)
	}
	return specification{}, nil, errNoSpecification
}

var errNoSpecification = errors.New("of no specification")

// check validates a body against a schema of a specification, which is nil where there is to be no body.
func (s *specifications) check(spec specification, schema map[string]any, body []byte) error {
	if schema == nil {
		if len(body) > 0 {
			return errors.New("a body where there is to be none")
		}
		return nil
	}
	ref, list := "", false
	if schema["type"] == "array" {
		schema, list = schema["items"].(map[string]any), true
	}
	ref, _ = schema["$ref"].(string)
	s.mu.Lock()
	compiled, err := s.compiler.Compile(spec.url + ref)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	values := []any{value}
	if list {
		var is bool
		if values, is = value.([]any); !is {
			return errors.New("no list")
		}
	}
	for _, v := range values {
		if err := compiled.Validate(v); err != nil {
			return err
		}
	}
	return nil
}

func (s *specifications) request(method, path string, body []byte) error {
	spec, operation, err := s.of(method, path)
	if err != nil {
		return err
	}
	var schema map[string]any
	parameters, _ := operation["parameters"].([]any)
	for _, p := range parameters {
		if p := p.(map[string]any); p["in"] == "body" {
			schema = p["schema"].(map[string]any)
		}
	}
	return s.check(spec, schema, body)
}

func (s *specifications) reply(method, path string, status int, body []byte) error {
	spec, operation, err := s.of(method, path)
	if err != nil {
		return err
	}
	response, there := operation["responses"].(map[string]any)[fmt.Sprint(status)].(map[string]any)
	if !there {
		// 413, 429, 503 are HTTP's: their body is the error of the specification all the same.
		if status < 400 {
			return fmt.Errorf("status %d is not in the specification", status)
		}
		response = map[string]any{"schema": map[string]any{"$ref": "#/definitions/Error"}}
	}
	return s.check(spec, response["schema"].(map[string]any), body)
}

// The checks themselves: what they would let pass nobody would see.
func TestSpecificationsRefuse(t *testing.T) {
	s, err := theSpecifications()
	if err != nil {
		t.Fatal(err)
	}
	const orders, products = "/tmf-api/productOrderingManagement/v4/productOrder", "/tmf-api/productInventory/v4/product"
	for _, tt := range []struct {
		name, method, path string
		status             int // 0: a request
		body               string
		ok                 bool
	}{
		{"an order", http.MethodPost, orders, 0, `{"productOrderItem":[{"id":"1","action":"add"}]}`, true},
		{"no item", http.MethodPost, orders, 0, `{"externalId":"k"}`, false},
		{"no such action", http.MethodPost, orders, 0, `{"productOrderItem":[{"id":"1","action":"open"}]}`, false},
		{"no such field", http.MethodPost, orders, 0, `{"externalID":"k","productOrderItem":[{"id":"1","action":"add"}]}`, false},
		{"a price that is a text", http.MethodPost, orders, 0,
			`{"productOrderItem":[{"id":"1","action":"add","itemPrice":[{"price":{"taxIncludedAmount":{"unit":"CNY","value":"6"}}}]}]}`, false},
		{"a body of a GET", http.MethodGet, orders, 0, `{}`, false},
		{"no such path", http.MethodGet, orders + "s", 0, ``, false},
		{"a list", http.MethodGet, products, 200, `[{"status":"active"}]`, true},
		{"no such status", http.MethodGet, products, 200, `[{"status":"open"}]`, false},
		{"no list", http.MethodGet, products, 200, `{}`, false},
		{"no error", http.MethodGet, products, 500, `{"code":"x"}`, false},
		{"an error", http.MethodGet, products, 503, `{"code":"x","reason":"y"}`, true},
		{"no time", http.MethodPost, orders, 201, `{"orderDate":"today","productOrderItem":[{"id":"1","action":"add"}]}`, false},
	} {
		var got error
		if tt.status == 0 {
			got = s.request(tt.method, tt.path, []byte(tt.body))
		} else {
			got = s.reply(tt.method, tt.path, tt.status, []byte(tt.body))
		}
		if (got == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
