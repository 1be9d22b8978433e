package tree

import (
	"encoding/json"
	"maps"

	"hotline/internal/prompts"
)

// Schemas gives the JSON Schemas of the files of a menu, by the name of the schema's
// file: for editors, made of the tables that the loader itself reads by. They tell
// of keys and forms; what leads where only Load knows.
func Schemas() map[string][]byte {
	files := map[string][]byte{}
	for name, s := range map[string]schema{
		"menu.schema.json":      menuSchema(),
		"part.schema.json":      {"title": "A file of nodes and phrases that a menu includes", "$ref": "menu.schema.json#/definitions/part"},
		"services.schema.json":  {"title": "The service catalogue of a hotline", "$ref": "menu.schema.json#/definitions/catalogue"},
		"calendars.schema.json": {"title": "The calendars of a hotline", "$ref": "menu.schema.json#/definitions/calendars"},
	} {
		s["$schema"] = "http://json-schema.org/draft-07/schema#"
		text, err := json.MarshalIndent(s, "", "  ")
		if err != nil {
			panic(err) // texts, numbers and mappings of them: nothing that JSON does not have
		}
		files[name] = append(text, '\n')
	}
	return files
}

func menuSchema() schema {
	l := newLoader(nil, nil)
	s := l.head().schema()
	s["title"] = "A menu of the hotline"
	definitions := schema{
		"to":   described(scalar(), "the name of a node"),
		"key":  schema{"anyOf": []schema{{"type": "integer", "minimum": 0, "maximum": 9}, {"type": "string", "pattern": `^[0-9*#]$`}}},
		"file": described(schema{"type": "string", "pattern": `\.yaml$`}, "a file beside this one"),
		"prompt": schema{"anyOf": []schema{
			described(schema{"type": "string", "minLength": 1}, "the id of a prompt; its text stands in the prompts folder"),
			l.promptIn(&prompts.Ref{}).schema(),
		}},
		"prompts": schema{"anyOf": []schema{
			{"$ref": "#/definitions/prompt"},
			{"type": "array", "items": schema{"$ref": "#/definitions/prompt"}, "minItems": 1},
		}},
		"phrases":   l.sayings((&Phrases{}).causes(), nil).schema(),
		"part":      l.part(nil).schema(),
		"nodes":     schema{"type": "object", "additionalProperties": schema{"$ref": "#/definitions/node"}},
		"node":      l.nodeSchema(),
		"answer":    l.answerSchema(),
		"catalogue": schema{"type": "object", "propertyNames": schema{"pattern": name}, "additionalProperties": l.entry(&Service{}).schema()},
		"calendars": schema{"type": "object", "additionalProperties": calendarSchema()},
	}
	for typ, t := range nodeTypes() {
		definitions["node-"+typ] = described(l.keysOf(typ, &Node{}).schema(), t.doc)
	}
	s["definitions"] = definitions
	return s
}

// described is s with what an editor shows about it.
func described(s schema, doc string) schema {
	s = maps.Clone(s)
	s["description"] = doc
	return s
}

// nodeSchema is a node: its type says which keys it may have.
func (l *loader) nodeSchema() schema {
	var all []schema
	for _, typ := range sorted(nodeTypes()) {
		all = append(all, schema{
			"if":   schema{"required": []string{"type"}, "properties": schema{"type": schema{"const": typ}}},
			"then": schema{"$ref": "#/definitions/node-" + typ},
		})
	}
	return schema{"type": "object", "required": []string{"type"}, "allOf": all,
		"properties": schema{"type": described(schema{"enum": sorted(nodeTypes())}, "what the node is for")}}
}

// answerSchema is a piece of an answer: a prompt, or one value.
func (l *loader) answerSchema() schema {
	keys := l.value(&Part{})
	any := []schema{{"$ref": "#/definitions/prompt"}}
	for _, r := range readings {
		any = append(any, table{string(r): required(keys[string(r)])}.schema())
	}
	any = append(any,
		table{"word": required(keys["word"]), "is": required(keys["is"])}.schema(),
		table{"services": required(keys["services"]), "none": required(keys["none"])}.schema())
	return schema{"anyOf": any}
}

func required(f field) field {
	f.need = true
	return f
}
