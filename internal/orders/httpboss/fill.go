package httpboss

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"hotline/internal/orders"
)

// request is what the holes of one request are filled with.
type request struct {
	words   map[string]string
	price   orders.Money
	typed   orders.With
	secrets map[string]string
	now     time.Time
	private []string // what no error and no answer may quote
}

// fill gives what a hole is filled with, before it is escaped for its place; none says
// that there is nothing. Errors do not quote it.
func (r *request) fill(h *hole) (text string, none bool, err error) {
	switch h.name {
	case "price":
		return h.format.write(r.price), false, nil
	case "now":
		return r.now.Format(h.format.layout), false, nil
	case "secret":
		return r.secrets[h.of], false, nil
	case "typed":
		e := r.typed[h.of]
		switch {
		case e.IsZero() && h.optional:
			return "", true, nil
		case e.IsZero():
			return "", true, fmt.Errorf("no %s was typed for it", h.of)
		}
		if text, err = h.format.typed(e.Reveal()); err != nil {
			return "", false, fmt.Errorf("${typed.%s}: %w", h.of, err)
		}
		return text, false, nil
	}
	word := r.words[h.name]
	if word == "" {
		if h.optional {
			return "", true, nil
		}
		return "", true, fmt.Errorf("there is no %s to it", h.name)
	}
	if h.format.kind != byTable {
		return word, false, nil
	}
	their, ok := h.format.table[word]
	if !ok {
		return "", false, fmt.Errorf("the table for ${%s} has no word for %s", h.name, r.discreet(word))
	}
	return their, false, nil
}

// write gives the template filled, each filling passed through escape; none is what an
// optional hole becomes.
func (r *request) write(t *template, escape func(h *hole, text string, none bool) (string, error)) (string, error) {
	var b strings.Builder
	for _, p := range t.parts {
		if p.hole == nil {
			b.WriteString(p.text)
			continue
		}
		text, none, err := r.fill(p.hole)
		if err == nil {
			text, err = escape(p.hole, text, none)
		}
		if err != nil {
			return "", err
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

// plain writes a template that is escaped as a whole afterwards.
func (r *request) plain(t *template) (string, error) {
	return r.write(t, func(_ *hole, text string, _ bool) (string, error) { return text, nil })
}

// path writes a template as a part of a URL: a filling is one segment of it, or one
// value of its query, whatever is in it. All but letters, figures and -_.~ is escaped
// (RFC 3986, 2.3), so that no server decodes a separator out of it.
func (r *request) path(t *template) (string, error) {
	return r.write(t, func(h *hole, text string, none bool) (string, error) {
		if !none && strings.Trim(text, ".") == "" { // . and .. lead elsewhere, escaped or not
			return "", fmt.Errorf("${%s} is no part of a URL", h.name)
		}
		return strings.ReplaceAll(url.QueryEscape(text), "+", "%20"), nil
	})
}

// header writes a template as the value of a header. Nothing escapes a line end there, so
// it is refused, and so is what is not ASCII, which servers read in different ways (RFC
// 9110, 5.5).
func (r *request) header(t *template) (string, error) {
	text, err := r.plain(t)
	if err != nil {
		return "", err
	}
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return "", fmt.Errorf("character %d of it is none that a header can have", i+1)
		}
	}
	return text, nil
}

// discreet is a text without what may not be quoted of the request. A BOSS may repeat in a
// code or a reference what it was sent; that a reference has the digits of a password by
// chance costs no more than the reference.
func (r *request) discreet(text string) string {
	for _, p := range r.private {
		if p != "" && strings.Contains(text, p) {
			return "(not shown: it has something private in it)"
		}
	}
	return text
}
