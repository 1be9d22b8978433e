package httpboss

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"hotline/internal/source"
)

// xmlBody takes a template for XML. It is read as XML once, with its holes marked, and
// written anew from what was read: a hole is in the text of an element or in the value
// of an attribute, or it is a problem, and its filling is escaped for both.
func xmlBody(n source.Node, t *template) *body {
	text, at := marked(t, func(*hole) string { return string(mark) })
	w := &xmlWriter{holes: holesIn(t)}
	if strings.Count(text, string(mark)) != len(w.holes) {
		n.Report("body", "the character U+%04X of the private use area cannot be in a body", mark)
		return nil
	}
	dec := xml.NewDecoder(strings.NewReader(text))
	for {
		from := dec.InputOffset()
		token, err := dec.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = w.token(token)
		}
		if err != nil {
			n.ReportAt(at[runesTo(text, max(from, dec.InputOffset()-1))], "body", "the body is not XML: %v", trimmed(err))
			return nil
		}
	}
	// RawToken does not hold ends to begins; the second reading does, and wants one element.
	if err := xml.Unmarshal([]byte(text), new(struct{ XMLName xml.Name })); err != nil {
		n.Report("body", "the body is not XML: %v", trimmed(err))
	}
	return &body{contentType: "application/xml; charset=utf-8", t: &w.out, escape: func(_ *hole, text string, _ bool) (string, error) {
		return escapeXML(text), nil
	}}
}

// trimmed is an error of encoding/xml without the line that it counts for itself.
func trimmed(err error) error {
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) {
		return errors.New(strings.ReplaceAll(syntax.Msg, string(mark), "${…}"))
	}
	return err
}

func holesIn(t *template) (holes []part) {
	for _, p := range t.parts {
		if p.hole != nil {
			holes = append(holes, p)
		}
	}
	return holes
}

// xmlWriter writes tokens as they came, and puts the holes back where their marks are.
type xmlWriter struct {
	out   template
	holes []part // those that have not come yet
}

func (w *xmlWriter) token(token xml.Token) error {
	switch token := token.(type) {
	case xml.StartElement:
		w.out.text("<"+name(token.Name), 0)
		for _, a := range token.Attr {
			if strings.ContainsRune(a.Value, mark) && (a.Name.Space == "xmlns" || a.Name.Local == "xmlns") {
				return errors.New("a namespace is no place for ${…}")
			}
			w.out.text(" "+name(a.Name)+`="`, 0)
			w.content(a.Value)
			w.out.text(`"`, 0)
		}
		w.out.text(">", 0)
	case xml.EndElement:
		w.out.text("</"+name(token.Name)+">", 0)
	case xml.CharData:
		w.content(string(token))
	case xml.ProcInst:
		if strings.ContainsRune(string(token.Inst), mark) {
			return errors.New("a processing instruction is no place for ${…}")
		}
		w.out.text(fmt.Sprintf("<?%s %s?>", token.Target, token.Inst), 0)
	case xml.Comment:
		if strings.ContainsRune(string(token), mark) {
			return errors.New("a comment is no place for ${…}")
		}
	case xml.Directive:
		return errors.New("a DTD is not used here")
	}
	return nil
}

// content writes what stands between tags or in quotes.
func (w *xmlWriter) content(text string) {
	for i, s := range strings.Split(text, string(mark)) {
		if i > 0 {
			w.out.parts = append(w.out.parts, w.holes[0])
			w.holes = w.holes[1:]
		}
		w.out.text(indented.Replace(escapeXML(s)), 0)
	}
}

// indented keeps the lines of the description readable on the wire.
var indented = strings.NewReplacer("&#10;", "\n", "&#9;", "\t")

// name gives a name as RawToken has taken it apart: a prefix is in Space.
func name(n xml.Name) string {
	if n.Space != "" {
		return n.Space + ":" + n.Local
	}
	return n.Local
}

// escapeXML writes a text so that it stays one, between tags and in quotes (XML 1.0,
// 2.4). What XML cannot have at all becomes U+FFFD.
func escapeXML(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '"':
			b.WriteString("&#34;")
		case r == '\'':
			b.WriteString("&#39;")
		case r == '\r', r == '\n', r == '\t': // a parser makes blanks of them in attributes
			fmt.Fprintf(&b, "&#%d;", r)
		case r >= ' ' && r <= 0xd7ff, r >= 0xe000 && r <= 0xfffd, r >= 0x10000:
			b.WriteRune(r)
		default:
			b.WriteRune('\ufffd')
		}
	}
	return b.String()
}
