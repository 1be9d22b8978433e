package httpboss

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"hotline/internal/orders"
)

// at compiles a path.
func at(t testing.TB, speaks, text string) path {
	t.Helper()
	l := &loader{d: &Description{speaks: speaks, namespaces: map[string]string{"s": "urn:soap"}}}
	p, _, err := l.compile(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return *p
}

// TestRepliesThatAreRefused: a reply that is no document, or one made to exhaust its
// reader, is an error that quotes none of it.
func TestRepliesThatAreRefused(t *testing.T) {
	bomb := `<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "secret">` + strings.Repeat(`<!ENTITY b "&a;&a;&a;">`, 20) + `]><l>&b;</l>`
	for name, tt := range map[string]struct{ speaks, text, want string }{
		"entities":            {"xml", bomb, "the reply has a DTD, which is refused"},
		"external entity":     {"xml", `<!DOCTYPE r SYSTEM "file:///etc/passwd"><r/>`, "the reply has a DTD, which is refused"},
		"an unknown entity":   {"xml", `<r>&secret;</r>`, "the reply is not XML"},
		"deep XML":            {"xml", strings.Repeat("<a>", 1000), "the reply is nested more than 64 deep"},
		"many elements":       {"xml", "<r>" + strings.Repeat("<a/>", maxElements) + "</r>", "the reply has more than 100000 elements"},
		"many attributes":     {"xml", "<r" + attributes(maxElements) + "/>", "the reply has more than 100000 elements"},
		"two roots":           {"xml", "<r/><secret/>", "the reply is not XML"},
		"no end":              {"xml", "<r><secret>", "the reply is not XML"},
		"nothing":             {"xml", "", "the reply is not XML"},
		"text":                {"xml", "secret", "the reply is not XML"},
		"an unknown encoding": {"xml", `<?xml version="1.0" encoding="secret"?><r/>`, "the reply is not XML"},
		"deep JSON":           {"json", strings.Repeat(`{"a":`, 1000), "the reply is nested more than 64 deep"},
		"many values":         {"json", "[" + strings.Repeat("1,", maxElements) + "1]", "the reply has more than 100000 elements"},
		"empty":               {"json", "", "the reply is not JSON"},
		"half":                {"json", `{"secret"`, "the reply is not JSON"},
		"two values":          {"json", `{} {"secret":1}`, "the reply is not JSON"},
		"a name twice":        {"json", `{"secret":1,"secret":2}`, "the reply has a name twice in one object"},
		"a page":              {"json", `<html>secret`, "the reply is not JSON"},
	} {
		_, err := parser(tt.speaks)([]byte(tt.text))
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
}

func attributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ` a%d="x"`, i)
	}
	return b.String()
}

// TestPathsLeadToTexts: what the libraries find is given as the BOSS wrote it.
func TestPathsLeadToTexts(t *testing.T) {
	for _, tt := range []struct {
		speaks, reply, path string
		want                []string
	}{
		{"xml", `<r><a> 1 </a><a/><b c="2"><!-- x -->3<d>4</d></b></r>`, "/r/a", []string{"1"}},
		{"xml", `<r><a> 1 </a><a/><b c="2"><!-- x -->3<d>4</d></b></r>`, "/r/b/@c", []string{"2"}},
		{"xml", `<r><a> 1 </a><a/><b c="2">3<d>4</d></b></r>`, "//d/text()", []string{"4"}},
		{"xml", `<r><a>1</a><a>2</a></r>`, "count(/r/a)", []string{"2"}},
		{"xml", `<r><a>1</a><a>2</a></r>`, "/r/a = '2'", []string{"true"}},
		{"xml", `<r><a>1</a></r>`, "1 = 1", []string{"true"}},
		{"xml", `<r><a>1</a></r>`, "/r/a or /r/b", []string{"true"}},
		{"xml", `<r><a>0.50</a></r>`, "string(/r/a)", []string{"0.50"}},
		{"xml", `<r><a>0.50</a></r>`, "string(/r/x)", nil},
		{"xml", `<r><a><![CDATA[<&]]></a></r>`, "/r/a", []string{"<&"}},
		{"xml", `<x:r xmlns:x="urn:soap"><x:a>1</x:a></x:r>`, "/s:r/s:a", []string{"1"}},
		{"xml", `<r xmlns="urn:soap"><a>1</a></r>`, "/*[local-name()='r']/*[local-name()='a']", []string{"1"}},
		{"xml", "<?xml version=\"1.0\" encoding=\"GBK\"?><r><a>\xd6\xd0</a></r>", "/r/a", []string{"中"}},
		{"json", `{"a":[{"b":"x"},{"b":" y "},{"c":1},{"b":null},{"b":""}]}`, "$.a[*].b", []string{"x", "y"}},
		{"json", `{"a":12345678901234567890,"b":0.10,"c":true,"d":1e3}`, "$['a','b','c','d']", []string{"12345678901234567890", "0.10", "true", "1e3"}},
		{"json", `[{"id":1,"v":"no"},{"id":2,"v":"yes"}]`, "$[?@.id == 2].v", []string{"yes"}},
		{"json", `{"a":{"中":"1"}}`, "$.a.中", []string{"1"}},
		{"json", `{"a":1}`, "$.b", nil},
		{"json", `"x"`, "$", []string{"x"}},
	} {
		doc, err := parser(tt.speaks)([]byte(tt.reply))
		if err != nil {
			t.Errorf("%s: %v", tt.reply, err)
			continue
		}
		if got, err := doc.texts(at(t, tt.speaks, tt.path)); err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s of %s: %q, %v, want %q", tt.path, tt.reply, got, err, tt.want)
		}
	}
}

// TestPathsAreFollowedByMany: one description serves all calls at once.
func TestPathsAreFollowedByMany(t *testing.T) {
	for speaks, p := range map[string]path{"xml": at(t, "xml", "/r/a[@n = count(/r/a)]/b"), "json": at(t, "json", "$.a[?@.n == 2].b")} {
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				want := fmt.Sprint(i)
				text := map[string]string{
					"xml":  "<r><a n='1'/><a n='2'><b>" + want + "</b></a></r>",
					"json": `{"a":[{"n":1},{"n":2,"b":"` + want + `"}]}`,
				}[speaks]
				for range 200 {
					doc, err := parser(speaks)([]byte(text))
					if err != nil {
						t.Error(err)
						return
					}
					if got, err := one(doc, p); err != nil || got != want {
						t.Errorf("%s: %q, %v, want %s", speaks, got, err, want)
						return
					}
				}
			})
		}
		all.Wait()
	}
}

// TestValuesAreTyped: what the BOSS writes becomes a value of its kind, or an error that
// does not quote it.
func TestValuesAreTyped(t *testing.T) {
	l := &loader{d: &Description{tables: map[string]table{}}}
	in := func(text string) format {
		f, wrong := l.format(text)
		if wrong != "" {
			t.Fatal(wrong)
		}
		return f
	}
	number := func(n int64) orders.Value { return orders.Value{Number: n} }
	word := func(w string) orders.Value { return orders.Value{Word: w} }
	state := value{as: orders.ValueWord, words: map[string]string{"1": "open", "0": "closed"}}
	other := state
	other.unlisted = "other"
	skipping := value{as: orders.ValueList, words: map[string]string{"301": "caller_id", "302": "ringback_tone"}, unlisted: skip}
	for _, tt := range []struct {
		v     value
		texts string
		want  orders.Value
		wrong bool
	}{
		{v: value{as: orders.ValueMoney, format: in("fen")}, texts: "650", want: number(650)},
		{v: value{as: orders.ValueMoney, format: in("fen")}, texts: "-7", want: number(-7)},
		{v: value{as: orders.ValueMoney, format: in("fen")}, texts: "6.50", wrong: true},
		{v: value{as: orders.ValueMoney, format: in("fen")}, texts: "1e3", wrong: true},
		{v: value{as: orders.ValueMoney, format: in("yuan")}, texts: "6.5", want: number(650)},
		{v: value{as: orders.ValueMoney, format: in("yuan")}, texts: "6", want: number(600)},
		{v: value{as: orders.ValueMoney, format: in("yuan")}, texts: "-0.05", want: number(-5)},
		{v: value{as: orders.ValueMoney, format: in("yuan")}, texts: "6.5000", want: number(650)},
		{v: value{as: orders.ValueMoney, format: in("yuan")}, texts: "6.505", wrong: true},
		{v: value{as: orders.ValueMoney, format: in("yuan")}, texts: ".5", wrong: true},
		{v: value{as: orders.ValueMoney, format: in("yuan")}, texts: "1,000", wrong: true},
		{v: value{as: orders.ValueCount}, texts: "12", want: number(12)},
		{v: value{as: orders.ValueCount}, texts: "12.5", wrong: true},
		{v: value{as: orders.ValueCount}, wrong: true},
		{v: value{as: orders.ValueCount}, texts: "1 2", wrong: true},
		{v: value{as: orders.ValueDate, format: in("yyyy-MM-dd")}, texts: "2026-10-31", want: number(20261031)},
		{v: value{as: orders.ValueDate, format: in("yyyyMMddHHmmss")}, texts: "20261031235959", want: number(20261031)},
		{v: value{as: orders.ValueDate, format: in("yyyy-MM-ddTHH:mm:ssXXX")}, texts: "2026-10-31T23:00:00+08:00", want: number(20261031)},
		{v: value{as: orders.ValueDate, format: in("yyyy-MM-dd")}, texts: "2026-02-30", wrong: true},
		{v: value{as: orders.ValueMonth, format: in("yyyyMM")}, texts: "202610", want: number(202610)},
		{v: value{as: orders.ValueTime, format: in("HH:mm")}, texts: "07:05", want: number(705)},
		{v: value{as: orders.ValueCode}, texts: "0571", want: word("0571")},
		{v: value{as: orders.ValueCode}, texts: "A1", wrong: true},
		{v: value{as: orders.ValuePhone}, texts: "+8613800000001", want: word("8613800000001")},
		{v: value{as: orders.ValuePhone}, texts: "call-me", wrong: true},
		{v: state, texts: "1", want: word("open")},
		{v: state, texts: "2", wrong: true},
		{v: other, texts: "2", want: word("other")},
		{v: value{as: orders.ValueWord}, texts: "a,b", wrong: true},
		{v: skipping, texts: "302 999 301 302", want: word("ringback_tone,caller_id")},
		{v: skipping, want: word("")},
		{v: value{as: orders.ValueList, words: skipping.words}, texts: "999", wrong: true},
	} {
		got, err := tt.v.read(strings.Fields(tt.texts))
		tt.want.Kind = tt.v.as
		if (err != nil) != tt.wrong || err == nil && got != tt.want {
			t.Errorf("%s of %q: %+v, %v, want %+v", tt.v.as, tt.texts, got, err, tt.want)
		}
		if err != nil && len(tt.texts) > 2 && strings.Contains(err.Error(), tt.texts) {
			t.Errorf("%v quotes the reply", err)
		}
	}
}

// FuzzReply: no reply makes a path panic or hang.
func FuzzReply(f *testing.F) {
	for _, text := range []string{`{"a":[1,{"b":"x"}]}`, `<r><a>1</a></r>`, `<a xmlns:x="y"><x:b/></a>`, "[[]]", `<?xml?><?a?><r/>`, "<a/><!-- --><b/>"} {
		f.Add(text)
	}
	paths := map[string][]path{
		"xml":  {at(f, "xml", "//a"), at(f, "xml", "/r/a | /a/@*"), at(f, "xml", "count(//a) > 1"), at(f, "xml", "//s:b")},
		"json": {at(f, "json", "$..b"), at(f, "json", "$.a[?@.b != 'x' && @.c < 3]"), at(f, "json", "$[-1:0:-1]"), at(f, "json", "$.a[?length(@.b) > 1]")},
	}
	f.Fuzz(func(t *testing.T, text string) {
		for speaks, all := range paths {
			doc, err := parser(speaks)([]byte(text))
			if err != nil {
				continue
			}
			for _, p := range all {
				if parts, err := doc.parts(p); err == nil {
					for _, part := range parts {
						_, _ = part.texts(p)
					}
				}
				_, _ = doc.texts(p)
			}
		}
	})
}

func parser(speaks string) func([]byte) (document, error) {
	if speaks == "xml" {
		return parseXML
	}
	return parseJSON
}
