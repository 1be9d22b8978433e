package tree

import (
	"maps"
	"slices"
	"time"

	"hotline/internal/source"
)

// schema is a piece of JSON Schema, for editors: draft 7, as that is what
// yaml-language-server knows wholly.
type schema map[string]any

// value is one way to read a YAML value, with what an editor is told of it: the
// two stand together, so that they cannot tell different things.
type value struct {
	read func(source.Node)
	is   func() schema
}

// field is one key of a mapping: its value, whether it must be there, and what it is for.
type field struct {
	value
	need bool
	doc  string
}

// table is the keys that a mapping may have. It is made anew for each mapping that is
// read, around the variables that take the values: nothing is looked up by reflection,
// and the compiler holds every key to the field that it fills.
type table map[string]field

// read reads a mapping that has these keys, and gives those that are misspelt in it.
func (t table) read(n source.Node) (guessed []string) {
	fields := make(map[string]source.Field, len(t))
	for name, f := range t {
		fields[name] = source.Field{Read: f.read, Required: f.need}
	}
	return n.Object(fields)
}

// schema is the mapping for editors.
func (t table) schema() schema {
	properties := schema{}
	var required []string
	for _, name := range slices.Sorted(maps.Keys(t)) {
		s := t[name].is()
		if t[name].doc != "" {
			s["description"] = t[name].doc
		}
		properties[name] = s
		if t[name].need {
			required = append(required, name)
		}
	}
	s := schema{"type": "object", "properties": properties, "additionalProperties": false}
	if required != nil {
		s["required"] = required
	}
	return s
}

// object reads a mapping of the table that t gives.
func object(t func() table) value {
	return value{func(n source.Node) { t().read(n) }, func() schema { return t().schema() }}
}

// named is a value that the schema tells of once, under a name: prompts and nodes
// would fill it otherwise, and an editor shows the name.
func named(name string, read func(source.Node)) value {
	return value{read, func() schema { return schema{"$ref": "#/definitions/" + name} }}
}

// list reads a list that is not empty; example says what to put into it.
func list(item value, example string) value {
	return value{func(n source.Node) {
		n.List(item.read)
		if n.IsList() && n.Len() == 0 {
			n.Report("empty", "the list is empty; name at least %s", example)
		}
	}, func() schema { return schema{"type": "array", "items": item.is(), "minItems": 1} }}
}

// either reads one value or a list of such values.
func either(one, many value) value {
	return value{func(n source.Node) {
		if n.IsList() {
			many.read(n)
			return
		}
		one.read(n)
	}, func() schema { return schema{"anyOf": []schema{one.is(), many.is()}} }}
}

func text(to *string) value {
	return value{func(n source.Node) { *to = n.Text() }, func() schema { return schema{"type": "string", "minLength": 1} }}
}

// texts reads a list of texts.
func texts(to *[]string, example string) value {
	return list(value{func(n source.Node) { *to = append(*to, n.Text()) }, text(nil).is}, example)
}

func flag(to *bool) value {
	return value{func(n source.Node) { *to = n.Bool() }, func() schema { return schema{"type": "boolean"} }}
}

func whole(to *int, lowest, highest int) value {
	return value{func(n source.Node) { *to = n.Int(lowest, highest) },
		func() schema { return schema{"type": "integer", "minimum": lowest, "maximum": highest} }}
}

func duration(to *time.Duration, lowest, highest time.Duration) value {
	return value{func(n source.Node) { *to = n.Duration(lowest, highest) },
		func() schema { return schema{"type": "string", "pattern": `^([0-9.]+(ms|s|m))+$`} }}
}

// word reads one word of a closed set.
func word[S ~string](to *S, known ...S) value {
	words := make([]string, len(known))
	for i, k := range known {
		words[i] = string(k)
	}
	return value{func(n source.Node) { *to = S(n.OneOf(words...)) }, func() schema { return schema{"enum": words} }}
}

// scalar is a text or a number as it is written, in a schema: 3011 and "3011" name the
// same node, as YAML would otherwise make two of them.
func scalar() schema { return schema{"type": []string{"string", "integer"}} }

// also makes a value report more about what it has read.
func (v value) also(check func(source.Node)) value {
	return value{func(n source.Node) { v.read(n); check(n) }, v.is}
}

// instead gives a value another schema: a narrower one than its kind has.
func (v value) instead(s schema) value { return value{v.read, func() schema { return maps.Clone(s) }} }
