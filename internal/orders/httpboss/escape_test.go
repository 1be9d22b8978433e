package httpboss

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"hotline/internal/orders"
	"hotline/internal/orders/entry"
)

const templates = `
url: http://127.0.0.1:1
speaks: SPEAKS
capabilities: {idempotent: true, queryable: false, prices: false}
headers: {X-Time: "${now|yyyy-MM-dd}"}
deadline: 1s
code: CODE
submit:
  post: /orders/${service}/of?key=${key}&x=1
  headers: {X-Key: "k ${key}", X-Number: "${number}"}
  body: BODY
  outcomes: {OK: success, default: unknown}
  actions: {open: {}}
`

// described is the order of templates, with a body of one kind.
func described(t testing.TB, speaks, body string) *operation {
	t.Helper()
	code := map[string]string{"json": "$.code", "xml": "/r/code", "form": "$.code"}[speaks]
	speaks = strings.ReplaceAll(speaks, "form", "json\nsends: form")
	text := strings.NewReplacer("SPEAKS", speaks, "CODE", code, "BODY", body).Replace(templates)
	d, ps := Load("t.yaml", []byte(text))
	if ps.Err() != nil {
		t.Fatal(ps)
	}
	return d.submit[orders.Open]
}

// filled is a request in which everything that can be said is text.
func filled(text string) *request {
	return &request{
		words: map[string]string{"key": text, "service": text, "number": text},
		typed: orders.With{"it": entry.New(entry.Digits, text)},
	}
}

// FuzzNothingBreaksOut: whatever a request is filled with, what is sent has the structure
// that the description gives it, and what was filled in is read back from there.
func FuzzNothingBreaksOut(f *testing.F) {
	for _, text := range []string{
		"13800000001", `","admin":true,"x":"`, `\`, `\"`, "</a><b>", "]]>", "<!--", "&amp;", "&", "'\"><x y='", "a\r\nX-Evil: 1", "a\nb", "\t", "\x00", "\ufffe", "\xff",
		"?a=b&c#d", "/../..", "..", "%2e%2e%2f", "+ %", "\u2028", "\ue5e5", "\U0001f600", "${key}", strings.Repeat("<", 300),
	} {
		f.Add(text)
	}
	all := map[string]*operation{
		"json": described(f, "json", `'{"a": ["${typed.it}", "-${key}-"], "n": ${price|fen}, "t": ${typed.none?|yuan}}'`),
		"xml":  described(f, "xml", `'<?xml version="1.0"?><r xmlns:n="urn:n" x="1 ${typed.it}"><n:a>${key}<!-- c --></n:a><b><![CDATA[<]]>${typed.it}</b></r>'`),
		"form": described(f, "form", `{a: "${typed.it}", b: "x${key}"}`),
	}
	f.Fuzz(func(t *testing.T, text string) {
		if text == "" {
			return // nothing was typed: that is an error, not a filling
		}
		bodies(t, all, text)
		addressed(t, all["json"], text)
	})
}

// TestNothingBreaksOut tries texts of the signs that structures are made of.
func TestNothingBreaksOut(t *testing.T) {
	all := map[string]*operation{
		"json": described(t, "json", `'{"a": ["${typed.it}", "-${key}-"], "n": ${price|fen}, "t": ${typed.none?|yuan}}'`),
		"xml":  described(t, "xml", `'<r xmlns:n="urn:n" x="1 ${typed.it}"><n:a>${key}</n:a><b><![CDATA[<]]>${typed.it}</b></r>'`),
		"form": described(t, "form", `{a: "${typed.it}", b: "x${key}"}`),
	}
	signs := []rune("<>&'\"\\/{}[]:,;%=+?#$!-. \t\r\n\x00\x1b0aé中\u2028\ufffe\ufffd😀")
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		text := make([]rune, 1+r.IntN(12))
		for i := range text {
			text[i] = signs[r.IntN(len(signs))]
		}
		bodies(t, all, string(text))
		addressed(t, all["json"], string(text))
	}
}

func bodies(t *testing.T, all map[string]*operation, text string) {
	t.Helper()
	written := map[string]string{}
	for kind, op := range all {
		body, err := op.body.write(filled(text))
		if err != nil {
			t.Fatalf("%s of %q: %v", kind, text, err)
		}
		written[kind] = body
	}
	valid := strings.ToValidUTF8(text, "\ufffd")
	var got any
	want := map[string]any{"a": []any{valid, "-" + valid + "-"}, "n": 0.0, "t": nil}
	if err := json.Unmarshal([]byte(written["json"]), &got); err != nil || !reflect.DeepEqual(got, want) && utf8.ValidString(text) {
		t.Fatalf("%q: JSON is %s (%v)", text, written["json"], err)
	}
	values, err := url.ParseQuery(written["form"])
	if err != nil || !maps.EqualFunc(values, url.Values{"a": {text}, "b": {"x" + text}}, func(a, b []string) bool { return reflect.DeepEqual(a, b) }) {
		t.Fatalf("%q: the form is %s (%v)", text, written["form"], err)
	}
	in := inXML(text)
	if shape := shapeOf(t, written["xml"]); !reflect.DeepEqual(shape, []string{"<r n=urn:n x=1 " + in + ">", "<a>", in, "</a>", "<b>", "<" + in, "</b>", "</r>"}) {
		t.Fatalf("%q: XML is %s: %q", text, written["xml"], shape)
	}
}

// inXML is a text with what XML cannot have as U+FFFD.
func inXML(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r == '\r' || r >= ' ' && r <= 0xd7ff || r >= 0xe000 && r <= 0xfffd || r >= 0x10000 {
			return r
		}
		return '\ufffd'
	}, text)
}

// shapeOf is what a parser makes of XML.
func shapeOf(t *testing.T, text string) (shape []string) {
	t.Helper()
	dec := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return shape
		}
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			s := "<" + token.Name.Local
			for _, a := range token.Attr {
				s += " " + a.Name.Local + "=" + a.Value
			}
			shape = append(shape, s+">")
		case xml.EndElement:
			shape = append(shape, "</"+token.Name.Local+">")
		case xml.CharData:
			shape = append(shape, string(bytes.Clone(token)))
		case xml.ProcInst:
		default:
			t.Fatalf("%s: a %T", text, token)
		}
	}
}

// addressed holds the URL and the headers to what they may become.
func addressed(t *testing.T, op *operation, text string) {
	t.Helper()
	r := filled(text)
	path, err := r.path(op.path)
	if err != nil {
		if strings.Trim(text, ".") != "" {
			t.Fatalf("%q: %v", text, err)
		}
	} else {
		u, err := url.Parse("http://boss" + path)
		if err != nil || u.Host != "boss" || u.Path != "/orders/"+text+"/of" || u.Fragment != "" ||
			strings.Count(u.EscapedPath(), "/") != 3 || !reflect.DeepEqual(u.Query(), url.Values{"key": {text}, "x": {"1"}}) {
			t.Fatalf("%q: the path is %s: %v", text, path, err)
		}
	}
	value, err := r.header(op.headers["X-Key"])
	if err == nil && (value != "k "+text || strings.ContainsAny(value, "\r\n\x00")) {
		t.Fatalf("%q: the header is %q", text, value)
	}
}

// TestNothingIsSentUnfilled: a hole that nothing fills is an error that quotes nothing, or
// what an optional one becomes.
func TestNothingIsSentUnfilled(t *testing.T) {
	for body, want := range map[string]string{
		`'{"a": "${typed.month}"}'`:                         "no month was typed for it",
		`'{"a": "${typed.it|yyyyMM}"}'`:                     "${typed.it}: what was typed is no month",
		`'{"a": ${typed.it|fen}}'`:                          "${typed.it}: what was typed is no amount",
		`'{"a": "${typed.month?}", "b": ${typed.it?|fen}}'`: "${typed.it}: what was typed is no amount",
		`'{"a": "${typed.month?}", "$${b": "${order?}"}'`:   "",
	} {
		got, err := described(t, "json", body).body.write(filled("9x8"))
		if want == "" && (err != nil || got != `{"a": "", "${b": ""}`) || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%s: %q, %v, want %q", body, got, err, want)
		}
	}
}
