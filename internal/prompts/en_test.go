package prompts

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

func loadEnglish(t *testing.T) *Catalog {
	t.Helper()
	c, err := Load(fstest.MapFS{"en.yaml": {Data: []byte("a: Hello.\n")}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEnglishReadings(t *testing.T) {
	c := loadEnglish(t)
	for _, r := range []struct {
		how  Reading
		n    int64
		want string
	}{
		{Number, 0, "zero"}, {Number, 2, "two"}, {Number, 10, "ten"}, {Number, 12, "twelve"}, {Number, 20, "twenty"}, {Number, 58, "fifty-eight"},
		{Number, 100, "one hundred"}, {Number, 105, "one hundred five"}, {Number, 115, "one hundred fifteen"}, {Number, 999, "nine hundred ninety-nine"},
		{Number, 1000, "one thousand"}, {Number, 10086, "ten thousand eighty-six"}, {Number, 100_005_000, "one hundred million five thousand"},
		{Number, 1_010_000_010, "one billion ten million ten"}, {Number, 1e12, "one trillion"}, {Number, -12, "minus twelve"},
		{Money, 0, "zero yuan"}, {Money, 5, "five fen"}, {Money, 50, "fifty fen"}, {Money, 200, "two yuan"}, {Money, 5850, "fifty-eight yuan and fifty fen"},
		{Money, 10003, "one hundred yuan and three fen"}, {Money, -1250, "minus twelve yuan and fifty fen"}, {Money, 1e14, "one trillion yuan"},
		{Digits, 0, "zero"}, {Digits, 10086, "one zero zero eight six"},
		{Digits, 9223372036854775807, "nine two two three three seven two zero three six eight five four seven seven five eight zero seven"},
		{Date, 20261001, "October first, twenty twenty-six"}, {Date, 20000229, "February twenty-ninth, two thousand"}, {Date, 20060530, "May thirtieth, two thousand six"},
		{Date, 19050831, "August thirty-first, nineteen oh five"}, {Date, 21000120, "January twentieth, twenty-one hundred"}, {Date, 99991231, "December thirty-first, ninety-nine ninety-nine"},
		{Month, 202610, "October twenty twenty-six"}, {Month, 201001, "January twenty ten"},
	} {
		if got := c.Text("en", Ref{Read: r.how, N: r.n}); got != r.want {
			t.Errorf("%s(%d) is read %q, want %q", r.how, r.n, got, r.want)
		}
	}
}

// listener understands spoken English from its words, the other way round than the
// reader, and refuses what nobody says: a word out of its place, a zero among others.
type listener struct{ words []string }

var written = strings.NewReplacer("-", " ", ",", " ")

func hearing(text string) *listener { return &listener{strings.Fields(written.Replace(text))} }

// index takes the next word if it is one of a list, and gives its place there.
func (l *listener) index(list string) (at int64, ok bool) {
	if len(l.words) == 0 {
		return -1, false
	}
	for word := range strings.FieldsSeq(list) {
		if word == l.words[0] {
			l.words = l.words[1:]
			return at, true
		}
		at++
	}
	return -1, false
}

const (
	ones   = "one two three four five six seven eight nine"
	teens  = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
	tens   = "twenty thirty forty fifty sixty seventy eighty ninety"
	nths   = "first second third fourth fifth sixth seventh eighth ninth"
	teenth = "tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
)

// two takes a number below 100, 0 for none.
func (l *listener) two() int64 {
	if n, ok := l.index(teens); ok {
		return 10 + n
	}
	sum := int64(0)
	if n, ok := l.index(tens); ok {
		sum = 10 * (n + 2)
	}
	if n, ok := l.index(ones); ok {
		sum += n + 1
	}
	return sum
}

// three takes a number below 1000, 0 for none.
func (l *listener) three() int64 {
	n := l.two()
	if n == 0 || n > 9 {
		return n
	}
	if _, ok := l.index("hundred"); ok {
		return 100*n + l.two()
	}
	return n
}

func (l *listener) number() (int64, error) {
	if _, ok := l.index("zero"); ok {
		return 0, nil
	}
	total, last := int64(0), int64(1e15)
	for {
		n := l.three()
		if n == 0 {
			break
		}
		size := int64(1)
		if power, ok := l.index("thousand million billion trillion"); ok {
			for range power + 1 {
				size *= 1000
			}
		}
		if size >= last {
			return 0, fmt.Errorf("groups out of order before %v", l.words)
		}
		total, last = total+n*size, size
	}
	if total == 0 {
		return 0, fmt.Errorf("no number at %v", l.words)
	}
	return total, nil
}

func (l *listener) signed(what func() (int64, error)) (int64, error) {
	_, minus := l.index("minus")
	n, err := what()
	if err == nil && len(l.words) > 0 {
		err = fmt.Errorf("%v is left over", l.words)
	}
	if minus {
		n = -n
	}
	return n, err
}

func (l *listener) money() (int64, error) {
	n, err := l.number()
	if err != nil {
		return 0, err
	}
	if _, ok := l.index("fen"); ok && n < 100 {
		return n, nil
	}
	if _, ok := l.index("yuan"); !ok {
		return 0, fmt.Errorf("no unit at %v", l.words)
	}
	if _, ok := l.index("and"); !ok {
		return 100 * n, nil
	}
	fen := l.two()
	if _, ok := l.index("fen"); !ok || n == 0 || fen == 0 {
		return 0, fmt.Errorf("no fen at %v", l.words)
	}
	return 100*n + fen, nil
}

// day is yyyymmdd, and yyyymm without a day.
func (l *listener) day(hasDay bool) (int64, error) {
	month, ok := l.index("January February March April May June July August September October November December")
	if !ok {
		return 0, fmt.Errorf("no month at %v", l.words)
	}
	day := int64(0)
	if hasDay {
		if n, ok := l.index(teenth); ok {
			day = 10 + n
		} else if _, ok := l.index("thirtieth"); ok {
			day = 30
		} else {
			n, _ := l.index("twenty thirty")
			one, ok := l.index(nths)
			if !ok {
				return 0, fmt.Errorf("no day at %v", l.words)
			}
			day = 10*max(0, n+2)*min(1, n+1) + one + 1
		}
	}
	year, err := l.year()
	if n := year*100 + month + 1; hasDay {
		return n*100 + day, err
	} else {
		return n, err
	}
}

func (l *listener) year() (int64, error) {
	high := l.two()
	if _, ok := l.index("thousand"); ok && high < 10 {
		return 1000*high + l.two(), nil
	}
	if _, ok := l.index("hundred"); ok && high > 9 {
		return 100 * high, nil
	}
	if _, ok := l.index("oh"); ok && high > 9 {
		n, ok := l.index(ones)
		if !ok {
			return 0, fmt.Errorf("no figure at %v", l.words)
		}
		return 100*high + n + 1, nil
	}
	low := l.two()
	if high < 10 || low < 10 {
		return 0, fmt.Errorf("%d and %d are no year", high, low)
	}
	return 100*high + low, nil
}

func TestSpokenEnglishNumbersAreUnderstood(t *testing.T) {
	t.Parallel()
	c := loadEnglish(t)
	check := func(how Reading, n int64, understand func(*listener) func() (int64, error)) {
		text := c.Text("en", Ref{Read: how, N: n})
		heard := hearing(text)
		if got, err := heard.signed(understand(heard)); err != nil || got != n {
			t.Fatalf("%s(%d) is read %q, understood as %d, %v", how, n, text, got, err)
		}
	}
	for n := range func(yield func(int64) bool) { numbers(1e5, maxNumber, yield) } {
		check(Number, n, func(l *listener) func() (int64, error) { return l.number })
		check(Number, -n, func(l *listener) func() (int64, error) { return l.number })
	}
	for n := range func(yield func(int64) bool) { numbers(1e5, maxMoney, yield) } {
		check(Money, n, func(l *listener) func() (int64, error) { return l.money })
		check(Money, -n, func(l *listener) func() (int64, error) { return l.money })
	}
	for _, years := range [][2]int{{1000, 1000}, {1896, 2112}, {9999, 9999}} {
		for n := range func(yield func(int64) bool) { days(years[0], years[1], yield) } {
			check(Date, n, func(l *listener) func() (int64, error) { return func() (int64, error) { return l.day(true) } })
			check(Month, n/100, func(l *listener) func() (int64, error) { return func() (int64, error) { return l.day(false) } })
		}
	}
}

func TestDigitsAreSaidOneByOneInEveryLanguage(t *testing.T) {
	t.Parallel()
	for lang, c := range map[string]*Catalog{"zh": load(t, "a: 您好\n"), "en": loadEnglish(t)} {
		for n := range func(yield func(int64) bool) { numbers(1e5, 1<<62, yield) } {
			var figures strings.Builder
			for _, id := range ids(t, c, lang, Ref{Read: Digits, N: n}) {
				figures.WriteString(strings.TrimPrefix(strings.Replace(id, "yao", "1", 1), "n."))
			}
			if want := fmt.Sprint(n); figures.String() != want {
				t.Fatalf("%s: %s is said %s", lang, want, figures.String())
			}
		}
	}
}

// What is spoken is what is written: the pieces that are played are the words of Text.
func TestEnglishPiecesAreTheWordsWritten(t *testing.T) {
	c := loadEnglish(t)
	for _, r := range []Ref{{Read: Number, N: -987654321}, {Read: Money, N: 123456}, {Read: Date, N: 20260921}, {Read: Month, N: 190502}} {
		said, err := c.Fragments("en", []Ref{r})
		if err != nil {
			t.Fatal(err)
		}
		var words []string
		for _, f := range said {
			words = append(words, f.Text)
		}
		if got, want := strings.Join(words, " "), strings.Join(hearing(c.Text("en", r)).words, " "); got != want {
			t.Errorf("%s plays %q and is written %q", r, got, want)
		}
	}
}
