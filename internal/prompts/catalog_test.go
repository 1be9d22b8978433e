package prompts

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"hotline/internal/source"
)

func load(t testing.TB, yaml string) *Catalog {
	t.Helper()
	c, err := Load(fstest.MapFS{"zh.yaml": {Data: []byte(yaml)}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Each kind of mistake has a file with it, one without it, and what is said of it.
func TestMistakesInPromptFilesAreReportedAtTheirPlace(t *testing.T) {
	bad, err := filepath.Glob("testdata/*.bad.yaml")
	if err != nil || len(bad) == 0 {
		t.Fatal(bad, err)
	}
	for _, file := range bad {
		name := strings.TrimSuffix(file, ".bad.yaml")
		read := func(file string) []byte {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
		_, err := Load(fstest.MapFS{"zh.yaml": {Data: read(file)}})
		var ps source.Problems
		if want := strings.TrimSpace(string(read(name + ".problems"))); !errors.As(err, &ps) || ps.Error() != want {
			t.Errorf("%s:\ngot\n%v\nwant\n%s", file, err, want)
		}
		if _, err := Load(fstest.MapFS{"zh.yaml": {Data: read(name + ".good.yaml")}}); err != nil {
			t.Errorf("%s.good.yaml: %v", name, err)
		}
	}
}

func TestProblemsOfAllFilesComeTogether(t *testing.T) {
	for want, fsys := range map[string]fstest.MapFS{
		"zh.yaml:1:1: no prompt file <language>.yaml in the folder [prompt-file]": {"README": {}},
		"tlh.yaml:1:1: numbers cannot be read aloud in language \"tlh\" (known: en, zh) [prompt-file]\n" +
			"zh.yaml:1:1: the file is empty [yaml]": {"tlh.yaml": {Data: []byte("a: b")}, "zh.yaml": {}},
	} {
		if _, err := Load(fsys); err == nil || err.Error() != want {
			t.Errorf("got\n%v\nwant\n%s", err, want)
		}
	}
}

func TestFragmentsSayRefsInOrder(t *testing.T) {
	c := load(t, "order.will_open: 您将开通\nsvc.caller_id: 来电显示\norder.per_month: 每月\nmenu.press: 请按\nkey.1: 一\n")
	refs := []Ref{Prompt("order.will_open"), Prompt("svc.caller_id"), Prompt("order.per_month"), {Read: Money, N: 650}, Prompt("menu.press"), Prompt("key.1")}
	said, err := c.Fragments("zh", refs)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range said {
		got = append(got, f.ID+"="+f.Text+"@"+string(rune('0'+f.Ref)))
	}
	const want = "order.will_open=您将开通@0 svc.caller_id=来电显示@1 order.per_month=每月@2 " +
		"n.6=六@3 u.yuan=元@3 n.5=五@3 u.jiao=角@3 menu.press=请按@4 key.1=一@5"
	if strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
	if text := c.Text("zh", refs[3]); text != "六元五角" {
		t.Errorf("written as %q", text)
	}
}

func TestWhatCannotBeSaidIsAnError(t *testing.T) {
	c := load(t, "a.one: 您好\n")
	for want, ask := range map[string]struct {
		lang string
		ref  Ref
	}{
		`prompt "a.two" in language "zh": cannot be said`:        {"zh", Prompt("a.two")},
		`prompts in language "en": cannot be said`:               {"en", Prompt("a.one")},
		`prompts in language "tlh": cannot be said`:              {"zh", Ref{ID: "a.one", In: "tlh"}},
		`number(1000000000001) in language "zh": cannot be said`: {"zh", Ref{Read: Number, N: 1e12 + 1}},
		`money(-100000000000001) in language "zh": cannot be said`: {
			"zh", Ref{Read: Money, N: -1e14 - 1}},
		`number(-9223372036854775808) in language "zh": cannot be said`: {"zh", Ref{Read: Number, N: -1 << 63}},
		`digits(-1) in language "zh": cannot be said`:                   {"zh", Ref{Read: Digits, N: -1}},
		`date(1) in language "zh": cannot be said`:                      {"zh", Ref{Read: Date, N: 1}},
		`weight(1) in language "zh": cannot be said`:                    {"zh", Ref{Read: "weight", N: 1, In: "zh"}},
		`time(2400) in language "zh": cannot be said`:                   {"zh", Ref{Read: Time, N: 2400}},
		`phone(12) in language "zh": cannot be said`:                    {"zh", Ref{Read: Phone, N: 12}},
		`money(05) in language "zh": cannot be said`:                    {"zh", Ref{Read: Money, N: 5, Zeros: 1}},
	} {
		_, err := c.Fragments(ask.lang, []Ref{Prompt("a.one"), ask.ref})
		if !errors.Is(err, ErrCannotSay) || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		if text := c.Text(ask.lang, ask.ref); text != "" {
			t.Errorf("%v is written %q", ask.ref, text)
		}
	}
	if c.Has("zh", "a.two") || c.Has("en", "a.one") || !c.Has("zh", "a.one") || !c.Has("zh", "n.liang") {
		t.Error("Has is wrong about a.one, a.two or n.liang")
	}
}

func TestARefThatNamesALanguageIsSaidInIt(t *testing.T) {
	c, err := Load(fstest.MapFS{"zh.yaml": {Data: []byte("a: 您好\nonly.zh: 再见\n")}, "en.yaml": {Data: []byte("a: Hello.\n")}})
	if err != nil {
		t.Fatal(err)
	}
	refs := []Ref{{ID: "a"}, {ID: "a", In: "en"}, {Read: Money, N: 250, In: "en"}, {Read: Money, N: 250}, {ID: "a", In: "zh"}}
	for lang, want := range map[string]string{
		"zh": "您好 0/Hello. 1/two 2/yuan 2/and 2/fifty 2/fen 2/两 3/元 3/五 3/角 3/您好 4/",
		"en": "Hello. 0/Hello. 1/two 2/yuan 2/and 2/fifty 2/fen 2/two 3/yuan 3/and 3/fifty 3/fen 3/您好 4/",
	} {
		said, err := c.Fragments(lang, refs)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for _, f := range said {
			fmt.Fprintf(&got, "%s %d/", f.Text, f.Ref)
		}
		if got.String() != want {
			t.Errorf("in a call of %s:\ngot  %s\nwant %s", lang, got.String(), want)
		}
	}
	if got := c.Text("zh", refs[2]); got != "two yuan and fifty fen" {
		t.Errorf("%s is written %q", refs[2], got)
	}
	if _, err := c.Fragments("zh", []Ref{{ID: "only.zh", In: "en"}}); !errors.Is(err, ErrCannotSay) || err.Error() != `prompt "only.zh" in language "en": cannot be said` {
		t.Errorf("got %v", err)
	}
}

func TestTheNotationOfRefsIsReadBack(t *testing.T) {
	for _, r := range []Ref{
		{ID: "main.welcome"}, {ID: "label.301", In: "en"}, {Read: Money, N: -650}, {Read: Number, N: 7, In: "zh"},
		{Read: Digits, N: 1<<63 - 1}, {Read: Date, N: 20261001}, {Read: Month, N: 202610}, {Read: Digits, N: 571, Zeros: 1},
		{Read: Digits}, {Read: Digits, Zeros: 18}, {Read: Phone, N: 13800000001, In: "en"}, {Read: Phone, N: 57188881234, Zeros: 1},
		{Read: Time, N: 5}, {Read: Time, N: 2359},
	} {
		if got, err := ParseRef(r.String()); err != nil || got != r {
			t.Errorf("%s is read back as %#v, %v", r, got, err)
		}
	}
	for _, bad := range []string{"", "money(6.50)", "money()", "weight(3)", "date(20260230)", "digits(9999999999999999999)", "digits(-0)", "phone(-110)", "phone(012345678901234567)", "time(-1)", "time(1260)", "Main", "en:", "a b", "money(1)x"} {
		if r, err := ParseRef(bad); err == nil || !strings.Contains(err.Error(), strconv.Quote(bad)) {
			t.Errorf("%q is read as %#v, %v", bad, r, err)
		}
	}
}

func TestTheNotationOfCodesHasEveryFigure(t *testing.T) {
	for text, want := range map[string]Ref{
		"digits(0571)":     {Read: Digits, N: 571, Zeros: 1},
		"digits(000)":      {Read: Digits, Zeros: 2},
		"time(0005)":       {Read: Time, N: 5},
		"en:phone(010110)": {Read: Phone, N: 10110, Zeros: 1, In: "en"},
	} {
		if got, err := ParseRef(text); err != nil || got != want || got.String() != text {
			t.Errorf("%s is read as %#v (%s), %v", text, got, got, err)
		}
	}
	masked := Ref{Read: Phone, N: 57188881234, Zeros: 1, As: "057****1234"}
	if got := masked.String(); got != "phone(057****1234)" {
		t.Errorf("what is kept nowhere is written %s", got)
	}
}

func TestCodesOfAnyLengthAreRefs(t *testing.T) {
	for code, want := range map[string]string{
		"0571":                             "digits(0571)",
		"0":                                "digits(0)",
		"00":                               "digits(00)",
		"012345678901234567":               "digits(012345678901234567)",
		"0123456789012345678":              "digits(012345678) digits(9012345678)",
		"01234567890123456789012345678901": "digits(0123456789012345) digits(6789012345678901)",
		"":                                 "", "6*50": "", "12 3": "", "-1": "", "１": "",
	} {
		if got := Join(Figures(Digits, code)); got != want {
			t.Errorf("code %q is %s, want %s", code, got, want)
		}
	}
	if got := Join(Figures(Phone, "057188881234")); got != "phone(057188881234)" {
		t.Errorf("got %s", got)
	}
	if got := append(Figures(Phone, "0123456789012345678"), Figures(Money, "12")...); got != nil {
		t.Errorf("%s is no telephone number and no code", Join(got))
	}
}

// A catalogue is read by every call at once: nobody may change it through what it gives.
func TestACatalogueCannotBeChangedFromOutside(t *testing.T) {
	c := load(t, "a.one: 您好\n")
	c.Entries("zh")[0].Text = "changed"
	said, err := c.Fragments("zh", []Ref{Prompt("a.one")})
	if err != nil {
		t.Fatal(err)
	}
	said[0].Text = "changed"
	if got := c.Text("zh", Prompt("a.one")) + c.Entries("zh")[0].Text; got != "您好您好" {
		t.Errorf("it says %q now", got)
	}
}

func TestKnownPromptsCostOneAllocation(t *testing.T) {
	c := load(t, "a.one: 您好\nmenu.press: 请按\nkey.1: 一\n")
	refs := []Ref{Prompt("a.one"), Prompt("menu.press"), Prompt("key.1")}
	if n := testing.AllocsPerRun(100, func() {
		if _, err := c.Fragments("zh", refs); err != nil {
			t.Fatal(err)
		}
	}); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkFragments(b *testing.B) {
	c := load(b, "a.one: 您好\nmenu.press: 请按\nkey.1: 一\n")
	refs := []Ref{Prompt("a.one"), Prompt("menu.press"), Prompt("key.1"), Prompt("a.one"), Prompt("menu.press"), Prompt("key.1")}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Fragments("zh", refs); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("a.one: 您好\na.two: {text: 再见, note: x}")
	f.Add("n.1: x\n? [a]\n: b")
	f.Fuzz(func(t *testing.T, yaml string) {
		c, err := Load(fstest.MapFS{"zh.yaml": {Data: []byte(yaml)}})
		if err != nil {
			var ps source.Problems
			if !errors.As(err, &ps) || len(ps) == 0 {
				t.Fatalf("no Problems but %v", err)
			}
			return
		}
		for _, e := range c.Entries("zh") {
			if c.Text("zh", Prompt(e.ID)) == "" {
				t.Errorf("%q was read and cannot be said", e.ID)
			}
		}
	})
}
