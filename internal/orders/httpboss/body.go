package httpboss

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"hotline/internal/source"
)

// body is what is sent with a request. However it is filled, it has the structure that
// the description gives it: that is what each kind's escape is for.
type body struct {
	contentType string
	t           *template // of JSON and XML
	escape      func(h *hole, text string, none bool) (string, error)
	fields      []field // of a form
}

// field is one name and value of a form.
type field struct {
	name string
	t    *template
}

// write gives the body filled.
func (b *body) write(r *request) (string, error) {
	if b.t != nil {
		return r.write(b.t, b.escape)
	}
	values := url.Values{}
	for _, f := range b.fields {
		text, err := r.plain(f.t)
		if err != nil {
			return "", err
		}
		values.Add(f.name, text)
	}
	return values.Encode(), nil
}

// uses tells whether a hole of this name is in the body.
func (b *body) uses(name string) bool {
	if b == nil {
		return false
	}
	for _, f := range b.fields {
		if f.t.uses(name) {
			return true
		}
	}
	return b.t.uses(name)
}

// body reads a body of the kind that the BOSS is sent.
func (l *loader) body(n source.Node, k kind) *body {
	if l.d.sends == "form" {
		b := &body{contentType: "application/x-www-form-urlencoded"}
		n.Entries(func(key, value source.Node) {
			b.fields = append(b.fields, field{key.Scalar(), l.template(value, value.Text(), k, inBody)})
		})
		return b
	}
	if n.IsObject() || n.IsList() {
		n.Report("type", "a body of %s is one text: write it behind body: |", l.d.sends)
		return nil
	}
	before := len(*l.ps)
	t := l.template(n, n.Text(), k, inBody)
	if len(*l.ps) > before {
		return nil // its structure cannot be judged without its holes
	}
	if l.d.sends == "xml" {
		return xmlBody(n, t)
	}
	return jsonBody(n, t)
}

// mark stands for a hole while the structure around it is read. It is a character of
// the private use area (Unicode, chapter 23.5), which no description needs.
const mark = '\ue5e5'

// marked is a template with every hole as sample, one character, and where each character of that
// stands in the description.
func marked(t *template, sample func(*hole) string) (text string, at []int) {
	var b strings.Builder
	end := 0
	for _, p := range t.parts {
		if p.hole != nil {
			b.WriteString(sample(p.hole))
			at, end = append(at, p.at), p.at
			continue
		}
		b.WriteString(p.text)
		for i := range utf8.RuneCountInString(p.text) {
			at = append(at, p.at+i)
		}
		end = p.at + utf8.RuneCountInString(p.text)
	}
	return b.String(), append(at, end)
}

// runesTo is how many characters begin before a byte of a text.
func runesTo(text string, offset int64) int {
	return utf8.RuneCountInString(text[:min(max(offset, 0), int64(len(text)))])
}

// jsonBody takes a template for JSON, as the BOSS's papers show it: it stays the text that
// was written, blanks included. A hole within a string is filled as a part of
// that string; one outside must be a number, true or false for all that can fill it.
func jsonBody(n source.Node, t *template) *body {
	quoted, within, escaped := map[*hole]bool{}, false, false
	sound := true
	report := func(p part, format string, args ...any) {
		n.ReportAt(p.at, "body", format, args...)
		sound = false
	}
	for i, p := range t.parts {
		if p.hole != nil {
			quoted[p.hole] = within
			if !within && !p.hole.number() {
				report(p, "${%s} is no number for sure, so it stands in quotes: \"${%s}\"", p.hole.name, p.hole.name)
			}
			if !within && !alone(t.parts, i) {
				report(p, "${%s} outside of quotes is a value of its own: a comma, a colon or a bracket is on either side of it", p.hole.name)
			}
			continue
		}
		for _, c := range p.text {
			switch {
			case escaped:
				escaped = false
			case within && c == '\\':
				escaped = true
			case c == '"':
				within = !within
			}
		}
		if escaped && i+1 < len(t.parts) {
			report(t.parts[i+1], "the \\ before ${ would escape what the hole is filled with")
			escaped = false
		}
	}
	if sound {
		readsAsJSON(n, t, quoted)
	}
	return &body{contentType: "application/json", t: t, escape: func(h *hole, text string, none bool) (string, error) {
		switch {
		case quoted[h]:
			return inString(text), nil
		case none:
			return "null", nil
		}
		return text, nil
	}}
}

// readsAsJSON reports where a template is no JSON, whatever fills it.
func readsAsJSON(n source.Node, t *template, quoted map[*hole]bool) {
	text, at := marked(t, func(h *hole) string {
		if quoted[h] {
			return string(mark)
		}
		return "0"
	})
	var sample any
	dec := json.NewDecoder(strings.NewReader(text))
	err := dec.Decode(&sample)
	if err == nil {
		if _, more := dec.Token(); more != io.EOF {
			err = errors.New("something stands behind its end")
		}
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		n.ReportAt(at[runesTo(text, syntax.Offset-1)], "body", "the body is not JSON: %v", err)
	} else if err != nil {
		n.ReportAt(at[runesTo(text, dec.InputOffset())], "body", "the body is not JSON: %v", err)
	}
}

// alone tells whether a hole outside of strings is a whole value of JSON.
func alone(parts []part, i int) bool {
	before, after := "", ""
	if i > 0 {
		before = strings.TrimRightFunc(parts[i-1].text, unicode.IsSpace)
	}
	if i+1 < len(parts) {
		after = strings.TrimLeftFunc(parts[i+1].text, unicode.IsSpace)
	}
	return before != "" && strings.ContainsRune(":,[", rune(before[len(before)-1])) &&
		after != "" && strings.ContainsRune(",]}", rune(after[0]))
}

// inString writes a text as a part of a string of JSON (RFC 8259, 7).
func inString(text string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a text has no error
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSuffix(b.String(), "\n"), `"`), `"`)
}
