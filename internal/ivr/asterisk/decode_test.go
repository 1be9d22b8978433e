package asterisk

import (
	"bufio"
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"hotline/internal/ivr/asterisk/asterisktest"
)

// traces gives the recorded lines of testdata by name.
func traces(t testing.TB) map[string][]asterisktest.Line {
	t.Helper()
	files, err := filepath.Glob("testdata/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatalf("no traces: %v", err)
	}
	all := map[string][]asterisktest.Line{}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		scan := bufio.NewScanner(f)
		for scan.Scan() {
			var l asterisktest.Line
			if err := json.Unmarshal(scan.Bytes(), &l); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			all[strings.TrimSuffix(filepath.Base(name), ".jsonl")] = append(all[strings.TrimSuffix(filepath.Base(name), ".jsonl")], l)
		}
	}
	return all
}

// slow is decode as the library would do it.
func slow(b []byte) (f frame, ok bool) {
	var m map[string]any
	if json.Unmarshal(b, &m) != nil || m == nil {
		return frame{}, false
	}
	text := func(m map[string]any, key string) []byte {
		s, ok := m[key].(string)
		if !ok {
			return nil
		}
		return []byte(s)
	}
	f.kind = kindByName[string(text(m, "type"))]
	if d := text(m, "digit"); len(d) == 1 {
		f.digit = d[0]
	}
	f.request, _ = strconv.ParseUint(string(text(m, "request_id")), 10, 64)
	if n, ok := m["cause"].(float64); ok {
		f.cause = int(n)
	}
	if n, ok := m["status_code"].(float64); ok {
		f.status = int(n)
	}
	if ch, ok := m["channel"].(map[string]any); ok {
		f.channel = text(ch, "id")
	}
	if p, ok := m["playback"].(map[string]any); ok {
		f.playback, f.media, f.failed = text(p, "id"), text(p, "media_uri"), string(text(p, "state")) == "failed"
		if to := text(p, "target_uri"); to != nil {
			f.channel = bytes.TrimPrefix(to, []byte("channel:"))
		}
	}
	return f, true
}

func same(a, b frame) bool {
	return a.kind == b.kind && bytes.Equal(a.channel, b.channel) && bytes.Equal(a.playback, b.playback) &&
		bytes.Equal(a.media, b.media) && a.failed == b.failed && a.digit == b.digit && a.cause == b.cause &&
		a.request == b.request && a.status == b.status
}

// What Asterisk sends is read as encoding/json reads it.
func TestDecodeTraces(t *testing.T) {
	seen := map[kind]int{}
	for name, lines := range traces(t) {
		for _, l := range lines {
			if l.Dir != "in" {
				continue
			}
			var f frame
			if err := f.decode(l.Msg); err != nil {
				t.Errorf("%s: %v in %s", name, err, l.Msg)
			}
			if want, _ := slow(l.Msg); !same(f, want) {
				t.Errorf("%s: %s\nreads as %+v\nwant     %+v", name, l.Msg, f, want)
			}
			seen[f.kind]++
			if f.kind == kindUnknown {
				t.Errorf("%s: the filter lets pass what we do not know: %s", name, l.Msg)
			}
			if f.kind != kindResponse && len(f.channel) == 0 {
				t.Errorf("%s: no channel in %s", name, l.Msg)
			}
		}
	}
	for _, k := range wanted {
		if seen[k] == 0 && k != kindReplaced {
			t.Errorf("no %s in any trace", kindNames[k])
		}
	}
}

// FuzzDecode: no input makes decode crash or run on, and valid JSON reads as the
// library reads it.
func FuzzDecode(f *testing.F) {
	for _, lines := range traces(f) {
		for _, l := range lines {
			if l.Dir == "in" {
				f.Add([]byte(l.Msg))
			}
		}
	}
	for _, s := range []string{`{"type":"StasisEnd","channel":{"id":"a\"b\\c"}}`, `{"channel":[{"id":"x"}],"cause":1.5}`,
		`{"type":null,"digit":"","playback":"x"}`, `{"a":{"b":[1,{"c":"}"}]},"type":"RESTResponse","request_id":"-1"}`, `{"\u0074ype":"StasisEnd"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var got frame
		err := got.decode(b)
		want, ok := slow(b)
		if !ok || !utf8.Valid(b) || ambiguous(b) {
			return
		}
		if err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		if !same(got, want) {
			t.Fatalf("%q\nreads as %+v\nwant     %+v", b, got, want)
		}
	})
}

// ambiguous tells of JSON that two readers may well read differently: a key twice,
// or a number beyond an int's plain notation.
func ambiguous(b []byte) bool {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var m map[string]any
	if d.Decode(&m) != nil {
		return true
	}
	for _, key := range []string{"cause", "status_code"} {
		if n, ok := m[key].(json.Number); ok {
			if i, err := strconv.Atoi(string(n)); err != nil || i > 1<<50 || i < -1<<50 {
				return true
			}
		}
	}
	if m["channel"] != nil && m["playback"] != nil {
		return true // which of them names the channel is a matter of order
	}
	again, _ := json.Marshal(m)
	return countColons(again) != countColons(b)
}

// countColons counts the keys of a JSON text, those in nested objects too.
func countColons(b []byte) int {
	n, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] == '\\' && quoted:
			i++
		case b[i] == '"':
			quoted = !quoted
		case b[i] == ':' && !quoted:
			n++
		}
	}
	return n
}

// The Server of our tests sends what a real Asterisk sends: the same events in
// the same order for one call, and in each event every field that Asterisk has.
func TestServerIsHonest(t *testing.T) {
	srv := asterisktest.New(t, false)
	rec := asterisktest.NewRecorder(t, srv.URL)
	c, calls := run(t, options(rec.URL), nil)
	connected(t, c)
	play := func(scene func(ch *Channel, id string)) []asterisktest.Line {
		from := len(rec.Lines())
		srv.Enter("c", "call", "10086", "13800000001", "1")
		a := next(t, calls)
		scene(a.ch, a.Channel)
		gone(t, a.ch)
		until(t, "all answered", func() bool { return c.waiting() == 0 })
		return rec.Lines()[from:]
	}
	got := map[string][]asterisktest.Line{
		"barge-in": play(func(ch *Channel, id string) {
			ch.Play("1", []string{"sound:a", "sound:b"}, "")
			expect[PlayStarted](t, ch)
			srv.Finish(id, "done")
			expect[PlayStarted](t, ch)
			srv.Press(id, '1')
			expect[Digit](t, ch)
			ch.Play("2", []string{"sound:b"}, "1")
			expect[PlayStarted](t, ch)
			srv.Press(id, '#')
			expect[Digit](t, ch)
			ch.Play("3", []string{"sound:b"}, "2")
			expect[PlayStarted](t, ch)
			srv.HangUp(id)
		}),
		"goodbye": play(func(ch *Channel, id string) {
			ch.Play("1", []string{"sound:a", "sound:b"}, "")
			expect[PlayStarted](t, ch)
			srv.Finish(id, "done")
			srv.Finish(id, "done")
			expect[PlayFinished](t, ch)
			ch.Hangup("")
		}),
		"transfer": play(func(ch *Channel, id string) {
			ch.Continue("from-dialtest", "10086", nil)
			expect[Left](t, ch)
			srv.Enter(id, "call", "10086", "13800000001", "1")
			expect[Returned](t, ch)
			ch.Play("1", []string{"sound:a"}, "")
			expect[PlayStarted](t, ch)
			srv.Finish(id, "done")
			expect[PlayFinished](t, ch)
			ch.Continue("agents", "default", nil)
			expect[Left](t, ch)
			srv.HangUp(id)
		}),
	}
	want := traces(t)
	for name := range got {
		if g, w := sequence(got[name]), sequence(want[name]); !slices.Equal(g, w) {
			t.Errorf("%s: the server sends\n%q\nAsterisk\n%q", name, g, w)
		}
	}
	ours, theirs := shapes(got), shapes(want)
	for typ, fields := range theirs {
		for path := range fields {
			if !ours[typ][path] {
				t.Errorf("%s of a real Asterisk has %s, the server's has not", typ, path)
			}
		}
	}
}

// sequence gives the types of a call's events. Answers are left out: their place among
// the events is not fixed.
func sequence(lines []asterisktest.Line) []string {
	var types []string
	for _, l := range lines {
		var f frame
		if l.Dir == "in" && f.decode(l.Msg) == nil && f.kind != kindResponse {
			types = append(types, kindNames[f.kind])
		}
	}
	return types
}

// shapes gives every path that occurs in some event of a type.
func shapes(traces map[string][]asterisktest.Line) map[string]map[string]bool {
	all := map[string]map[string]bool{}
	for _, lines := range traces {
		for _, l := range lines {
			var m map[string]any
			if l.Dir != "in" || json.Unmarshal(l.Msg, &m) != nil {
				continue
			}
			typ, _ := m["type"].(string)
			if all[typ] == nil {
				all[typ] = map[string]bool{}
			}
			maps.Copy(all[typ], paths("", m))
		}
	}
	return all
}

func paths(prefix string, m map[string]any) map[string]bool {
	all := map[string]bool{}
	for k, v := range m {
		if sub, ok := v.(map[string]any); ok {
			maps.Copy(all, paths(prefix+k+".", sub))
			continue
		}
		all[prefix+k] = true
	}
	return all
}
