package httpboss

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/antchfx/xmlquery"
	"github.com/antchfx/xpath"
	"golang.org/x/net/html/charset"
)

// xmlDocument is a reply in XML, or an element of one.
type xmlDocument struct{ node *xmlquery.Node }

// parseXML reads a reply. It is read twice: first to find what is refused, which costs
// no memory, then into a tree. Entities but the five of XML are no XML for encoding/xml,
// and a DTD could declare some: it is refused.
func parseXML(content []byte) (document, error) {
	dec := xml.NewDecoder(bytes.NewReader(content))
	dec.CharsetReader = charset.NewReaderLabel // GBK is common
	depth, elements, roots := 0, 0, 0
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, errNotXML // its own error would quote the reply
		}
		switch token := token.(type) {
		case xml.Directive:
			return nil, errors.New("the reply has a DTD, which is refused")
		case xml.StartElement:
			if depth == 0 {
				roots++
			}
			depth, elements = depth+1, elements+1+len(token.Attr)
		case xml.EndElement:
			depth--
		}
		switch {
		case depth > maxDepth:
			return nil, errDeep
		case elements > maxElements:
			return nil, errLarge
		case roots > 1: // two replies, one behind the other: which of them holds?
			return nil, errNotXML
		}
	}
	node, err := xmlquery.Parse(bytes.NewReader(content))
	if err != nil {
		return nil, errNotXML
	}
	return xmlDocument{node}, nil
}

func (d xmlDocument) texts(p path) (texts []string, err error) {
	found, err := d.evaluate(p)
	for _, f := range found {
		if f.text != "" {
			texts = append(texts, f.text)
		}
	}
	return texts, err
}

func (d xmlDocument) parts(p path) (parts []document, err error) {
	found, err := d.evaluate(p)
	for _, f := range found {
		if f.node == nil {
			return nil, fmt.Errorf("%s leads to no elements", p.text)
		}
		parts = append(parts, xmlDocument{f.node})
	}
	return parts, err
}

// found is one thing that an XPath leads to: a node with its text, or a text alone.
type found struct {
	node *xmlquery.Node
	text string
}

// evaluate follows an XPath. One that computes (count, string, =) has one text.
func (d xmlDocument) evaluate(p path) (all []found, err error) {
	defer recovered(p, &err)
	expr, err := xpath.CompileWithNS(p.text, p.namespaces)
	if err != nil {
		return nil, fmt.Errorf("%s is no XPath", p.text) // it was one when it was loaded
	}
	switch v := expr.Evaluate(xmlquery.CreateXPathNavigator(d.node)).(type) {
	case string:
		return []found{{text: strings.TrimSpace(v)}}, nil
	case float64:
		return []found{{text: strconv.FormatFloat(v, 'f', -1, 64)}}, nil
	case bool:
		return []found{{text: strconv.FormatBool(v)}}, nil
	case *xpath.NodeIterator:
		for v.MoveNext() {
			if len(all) == maxElements {
				return nil, errLarge
			}
			at, is := v.Current().(*xmlquery.NodeNavigator)
			if !is {
				return nil, fmt.Errorf("%s leads to no nodes", p.text)
			}
			f := found{text: strings.TrimSpace(at.Value())}
			if at.NodeType() == xpath.ElementNode {
				f.node = at.Current()
			}
			all = append(all, f)
		}
	}
	return all, nil
}

// recovered makes an error of a panic within a library of paths: a strange reply must
// not end all calls.
func recovered(p path, err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%s cannot be followed in the reply", p.text)
	}
}
