package httpboss

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"gopkg.in/yaml.v3"
)

// jsonDocument is a reply in JSON, or a value of one. The library of JSONPath works on
// the nodes of yaml.v3, which keep numbers as they were written.
type jsonDocument struct{ node *yaml.Node }

// parseJSON reads a reply: one value, with no name twice in an object (RFC 8259, 4,
// leaves open what that would mean).
func parseJSON(content []byte) (document, error) {
	dec := json.NewDecoder(bytes.NewReader(content))
	dec.UseNumber()
	r := &jsonReader{dec: dec}
	node, err := r.value(0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errNotJSON
	}
	return jsonDocument{node}, nil
}

type jsonReader struct {
	dec      *json.Decoder
	elements int
}

func (r *jsonReader) value(depth int) (*yaml.Node, error) {
	token, err := r.dec.Token()
	if err != nil {
		return nil, errNotJSON // its own error would quote the reply
	}
	return r.from(token, depth)
}

// from makes a node of the value that begins with a token.
func (r *jsonReader) from(token json.Token, depth int) (*yaml.Node, error) {
	if r.elements++; r.elements > maxElements {
		return nil, errLarge
	}
	if depth > maxDepth {
		return nil, errDeep
	}
	scalar := func(tag, value string) (*yaml.Node, error) {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value}, nil
	}
	switch v := token.(type) {
	case nil:
		return scalar("!!null", "null")
	case bool:
		return scalar("!!bool", fmt.Sprint(v))
	case string:
		return scalar("!!str", v)
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return scalar("!!float", v.String())
		}
		return scalar("!!int", v.String())
	case json.Delim:
		if v == '[' {
			return r.list(depth)
		}
		return r.object(depth)
	}
	return nil, errNotJSON
}

func (r *jsonReader) list(depth int) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	for r.dec.More() {
		item, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		n.Content = append(n.Content, item)
	}
	if _, err := r.dec.Token(); err != nil {
		return nil, errNotJSON
	}
	return n, nil
}

func (r *jsonReader) object(depth int) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	seen := map[string]bool{}
	for r.dec.More() {
		token, err := r.dec.Token()
		name, is := token.(string)
		if err != nil || !is {
			return nil, errNotJSON
		}
		if seen[name] {
			return nil, errors.New("the reply has a name twice in one object")
		}
		seen[name] = true
		value, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name}, value)
	}
	if _, err := r.dec.Token(); err != nil {
		return nil, errNotJSON
	}
	return n, nil
}

func (d jsonDocument) texts(p path) (texts []string, err error) {
	nodes, err := d.evaluate(p)
	for _, n := range nodes {
		switch {
		case n.Kind != yaml.ScalarNode:
			return nil, fmt.Errorf("%s leads to an object or a list, not to a value", p.text)
		case n.Tag == "!!null" || strings.TrimSpace(n.Value) == "":
			continue
		}
		texts = append(texts, strings.TrimSpace(n.Value))
	}
	return texts, err
}

func (d jsonDocument) parts(p path) (parts []document, err error) {
	nodes, err := d.evaluate(p)
	for _, n := range nodes {
		parts = append(parts, jsonDocument{n})
	}
	return parts, err
}

func (d jsonDocument) evaluate(p path) (nodes []*yaml.Node, err error) {
	defer recovered(p, &err)
	return p.json.Query(d.node), nil
}
