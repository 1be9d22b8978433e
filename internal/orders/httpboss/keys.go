package httpboss

import (
	"encoding/json"
	"maps"
	"slices"

	"hotline/internal/source"
)

// schema is a JSON Schema (draft 7), of which editors complete and underline.
type schema map[string]any

// key is one key of a mapping: how it is read, and what an editor is told of it. The two
// stand together, so that they cannot tell different things.
type key struct {
	read func(source.Node)
	is   schema
	need bool
	doc  string
}

// keys are those that a mapping may have. They are made anew for each mapping that is
// read, around the variables that take the values: no reflection, and the compiler holds
// every key to the field that it fills.
type keys map[string]key

// read reads a mapping that has these keys.
func (k keys) read(n source.Node) {
	fields := make(map[string]source.Field, len(k))
	for name, f := range k {
		fields[name] = source.Field{Read: f.read, Required: f.need}
	}
	n.Object(fields)
}

// schema is the mapping for editors.
func (k keys) schema() schema {
	properties := schema{}
	var required []string
	for _, name := range sorted(k) {
		s := maps.Clone(k[name].is)
		s["description"] = k[name].doc
		properties[name] = s
		if k[name].need {
			required = append(required, name)
		}
	}
	s := schema{"type": "object", "properties": properties, "additionalProperties": false}
	if required != nil {
		s["required"] = required
	}
	return s
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// The kinds of values.
var (
	isText   = schema{"type": "string"}
	isScalar = schema{"type": []string{"string", "integer"}}
	isFlag   = schema{"type": "boolean"}
	isTime   = schema{"type": "string", "pattern": `^[0-9.]+(ms|s|m)$`}
)

func oneOf(words []string) schema { return schema{"enum": words} }

// mapOf is a mapping with free keys.
func mapOf(value schema) schema { return schema{"type": "object", "additionalProperties": value} }

func ref(name string) schema { return schema{"$ref": "#/definitions/" + name} }

// Schema is the JSON Schema of a description, for editors: made of the tables that Load
// itself reads by. It tells of keys and forms; paths and templates only Load knows.
func Schema() []byte {
	l := &loader{d: &Description{}}
	s := l.root().schema()
	s["$schema"] = "http://json-schema.org/draft-07/schema#"
	s["title"] = "A BOSS that is reached over HTTP"
	s["definitions"] = schema{
		"origin": l.origin(&origin{}, true).schema(),
		"secret": l.origin(&origin{}, false).schema(),
		"value":  l.value(&value{}).schema(),
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic(err) // texts and mappings of them: nothing that JSON does not have
	}
	return append(text, '\n')
}
