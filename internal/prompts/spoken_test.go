package prompts

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// heard fails the test where a listener does not understand a Ref as want. It hears the
// pieces of the reading, which TestRecordingsAreTheWordsWritten compares with what is played.
func heard(t testing.TB, lang string, r Ref, want string) {
	if got, words, err := hear(lang, r); err != nil || got != want {
		t.Helper()
		t.Fatalf("%s: %s is read %q, understood as %s, %v", lang, r, words, got, err)
	}
}

// hear gives what a listener makes of a Ref, and its words.
func hear(lang string, r Ref) (value string, words []string, err error) {
	pieces, ok := readers[lang].read(r)
	if !ok {
		return "", nil, cannotSay(lang, r)
	}
	words = make([]string, len(pieces))
	for i, p := range pieces {
		words[i] = readers[lang].pieces[p].Text
	}
	value, err = understand(lang, r.Read, words)
	return value, words, err
}

// everywhere runs a test for each language, at the same time.
func everywhere(t *testing.T, name string, test func(t *testing.T, lang string)) {
	for lang := range listeners {
		t.Run(name+" "+lang, func(t *testing.T) {
			t.Parallel()
			test(t, lang)
		})
	}
}

// few draws numbers of every length to limit, half of them with many zeros, where the
// rules are; and the limit. The seed is fixed: what fails once fails again.
func few(limit int64) iter.Seq[int64] {
	return func(yield func(int64) bool) {
		random := rand.New(rand.NewPCG(10086, uint64(limit)))
		for range 100_000 {
			n := random.Int64N(limit + 1)
			for shift := random.IntN(14); shift > 0; shift-- {
				n /= 10
			}
			if random.IntN(2) == 0 {
				size := int64(1)
				for range random.IntN(12) {
					size *= 10
				}
				n += random.Int64N(min(size, 100)) - n%size
			}
			if !yield(min(n, limit)) {
				return
			}
		}
		for size := limit; size > 0; size /= 10 { // and what is beside the powers of ten
			if !yield(size) || !yield(size-1) || !yield(size/2+1) {
				return
			}
		}
	}
}

// countsAll holds a reading to every value from 0 to all, and to few, above zero and below.
func countsAll(t *testing.T, how Reading, all, limit int64) {
	t.Parallel()
	const share = 250_000 // of the values, which several processors listen to
	for from := int64(0); from <= all; from += share {
		everywhere(t, fmt.Sprint(from), func(t *testing.T, lang string) {
			for n := from; n < min(from+share, all+1); n++ {
				heard(t, lang, Ref{Read: how, N: n}, strconv.FormatInt(n, 10))
			}
		})
	}
	everywhere(t, "random", func(t *testing.T, lang string) {
		for n := range few(limit) {
			heard(t, lang, Ref{Read: how, N: n}, strconv.FormatInt(n, 10))
			heard(t, lang, Ref{Read: how, N: -n}, strconv.FormatInt(-n, 10))
		}
	})
}

func TestSpokenNumbersAreUnderstood(t *testing.T) { countsAll(t, Number, 1e6, maxNumber) }
func TestSpokenAmountsAreUnderstood(t *testing.T) { countsAll(t, Money, 1e6, maxMoney) }

// Every day of two centuries is understood, and what is no day there cannot be said.
func TestSpokenDatesAreUnderstood(t *testing.T) {
	t.Parallel()
	everywhere(t, "days", func(t *testing.T, lang string) {
		years := []int64{minYear, 1582, maxYear}
		for y := int64(1900); y <= 2100; y++ {
			years = append(years, y)
		}
		for _, y := range years {
			for m := int64(0); m <= 13; m++ {
				month := Ref{Read: Month, N: y*100 + m}
				if real := 1 <= m && m <= 12; real != month.Sayable() {
					t.Errorf("%s can be said: %t", month, month.Sayable())
				} else if real {
					heard(t, lang, month, fmt.Sprint(month.N))
				}
				for d := int64(0); d <= 32; d++ {
					date := Ref{Read: Date, N: y*10000 + m*100 + d}
					if real := month.Sayable() && 1 <= d && d <= daysOf(y, m); real != date.Sayable() {
						t.Errorf("%s can be said: %t", date, date.Sayable())
					} else if real {
						heard(t, lang, date, fmt.Sprint(date.N))
					}
				}
			}
		}
	})
	for day, real := range map[int64]bool{20000229: true, 20240229: true, 19000229: false, 21000229: false, 20230229: false} {
		if (Ref{Read: Date, N: day}).Sayable() != real {
			t.Errorf("%d can be said: %t", day, !real)
		}
	}
}

// Every minute of the day is understood, and no other.
func TestSpokenTimesAreUnderstood(t *testing.T) {
	t.Parallel()
	everywhere(t, "minutes", func(t *testing.T, lang string) {
		for n := int64(-100); n < 10_000; n++ {
			at := Ref{Read: Time, N: n}
			if real := n >= 0 && n < 2400 && n%100 < 60; real != at.Sayable() {
				t.Errorf("%s can be said: %t", at, at.Sayable())
			} else if real {
				heard(t, lang, at, fmt.Sprintf("%04d", n))
			}
		}
	})
}

// codes draws codes of fewest to most figures, with many zeros and ones.
func codes(fewest, most int) iter.Seq[string] {
	return func(yield func(string) bool) {
		random := rand.New(rand.NewPCG(10086, uint64(most)))
		for range 20_000 {
			code := make([]byte, fewest+random.IntN(most-fewest+1))
			for i := range code {
				code[i] = "0123456789000111"[random.IntN(16)]
			}
			if !yield(string(code)) {
				return
			}
		}
	}
}

func TestSpokenCodesAreUnderstood(t *testing.T) {
	t.Parallel()
	everywhere(t, "codes", func(t *testing.T, lang string) {
		for code := range codes(1, maxFigures-1) {
			heard(t, lang, Figures(Digits, code)[0], code)
		}
		for n := range few(1<<63 - 2) {
			heard(t, lang, Ref{Read: Digits, N: n}, fmt.Sprint(n))
		}
	})
}

// shapes are how people cut the numbers that they know; the first that fits.
var shapes = []*regexp.Regexp{
	regexp.MustCompile(`^(\d{1,5})$`),                        // 110, 10086
	regexp.MustCompile(`^(1[3-9]\d)(\d{4})(\d{4})$`),         // a mobile number
	regexp.MustCompile(`^(010|02\d)(\d{4})(\d{4})$`),         // Beijing and other large cities
	regexp.MustCompile(`^(0[3-9]\d\d)(\d{4})(\d{4})$`),       // a city
	regexp.MustCompile(`^(0[3-9]\d\d)(\d{3})(\d{4})$`),       // a smaller one
	regexp.MustCompile(`^(0086)(1[3-9]\d)(\d{4})(\d{4})$`),   // a mobile number from abroad
	regexp.MustCompile(`^([1-9]\d{2})(\d{3})$`),              // 118114
	regexp.MustCompile(`^([1-9]\d{2})(\d{4})$`),              // without the area code
	regexp.MustCompile(`^([1-9]\d{3})(\d{4})$`),              //
	regexp.MustCompile(`^([48]00)(\d{3})(\d{4})$`),           // paid by who is called
	regexp.MustCompile(`^(01[3-9]\d)(\d{4})(\d{4})$`),        // a mobile number from another province
	regexp.MustCompile(`^(0086)(010|02\d)(\d{4})(\d{4})$`),   // a fixed one from abroad
	regexp.MustCompile(`^(0086)(0[3-9]\d\d)(\d{4})(\d{4})$`), //
}

func TestSpokenTelephoneNumbersAreUnderstood(t *testing.T) {
	t.Parallel()
	fits := make([]bool, len(shapes))
	grouped := func(number string) string {
		for i, s := range shapes {
			if m := s.FindStringSubmatch(number); m != nil {
				fits[i] = true
				return strings.Join(m[1:], "-")
			}
		}
		return ""
	}
	begins := []string{"", "13", "18", "010", "021", "0571", "0755", "400", "0086", "0086138", "0086010", "00860571", "013"}
	random := rand.New(rand.NewPCG(10086, 11))
	for code := range codes(minPhone, 15) {
		number := begins[random.IntN(len(begins))] + code
		number = number[:min(len(number), maxPhone)]
		for lang := range listeners {
			ref := Figures(Phone, number)[0]
			got, words, err := hear(lang, ref)
			if want := grouped(number); err != nil || strings.ReplaceAll(got, "-", "") != number || want != "" && got != want {
				t.Fatalf("%s: %s is read %q, understood as %s, %v; want %s", lang, number, words, got, err, want)
			}
			groups := strings.Split(got, "-")
			for i, g := range groups {
				// Of five is only 10086 and its like, behind a city's code too.
				short := i == len(groups)-1 && len(g) == 5 && (i == 0 || groups[i-1][0] == '0')
				if !short && (len(g) < 2 || len(g) > 4) && len(number) > 5 {
					t.Fatalf("%s has a group of %d figures: %s", number, len(g), got)
				}
			}
		}
	}
	for i, fit := range fits {
		if !fit {
			t.Errorf("no number was like %s: it is tested by nothing", shapes[i])
		}
	}
}

// A listener who took anything would prove nothing. Each of these is nearly right.
func TestWhatNobodySaysIsNotUnderstood(t *testing.T) {
	for _, wrong := range []struct {
		lang string
		how  Reading
		said string
	}{
		{"zh", Number, "一 十"}, {"zh", Number, "一 十 二"}, {"zh", Number, "二 千"}, {"zh", Number, "两"}, {"zh", Number, "两 百"}, {"zh", Number, "两 十"},
		{"zh", Number, "二 万"}, {"zh", Number, "二 亿"}, {"zh", Number, "十 两 万"}, {"zh", Number, "一 百 零 五 十"}, {"zh", Number, "一 百 十"}, {"zh", Number, "一 百 五"},
		{"zh", Number, "一 千 五"}, {"zh", Number, "一 千 零 零 五"}, {"zh", Number, "一 万 五"}, {"zh", Number, "一 万 零 五 千"}, {"zh", Number, "一 万 五 百"},
		{"zh", Number, "一 亿 五 千"}, {"zh", Number, "一 亿 五 百 万"}, {"zh", Number, "五 零"}, {"zh", Number, "一 百 零"}, {"zh", Number, "零 五"}, {"zh", Number, "一 二"},
		{"zh", Number, "五 十 百"}, {"zh", Number, "五 万 六 万"}, {"zh", Number, "五 万 六 亿"}, {"zh", Number, "百"}, {"zh", Number, "万"}, {"zh", Number, "负 零"}, {"zh", Number, "幺 百"}, {"zh", Number, ""},
		{"zh", Money, "二 元"}, {"zh", Money, "五"}, {"zh", Money, "五 元 三 分"}, {"zh", Money, "五 元 零 三 角"}, {"zh", Money, "五 角 零 三 分"}, {"zh", Money, "十 角"},
		{"zh", Money, "零 元 五 角"}, {"zh", Money, "零 角"}, {"zh", Money, "三 分 五 元"}, {"zh", Money, "五 角 五 角"}, {"zh", Money, "二 角"}, {"zh", Money, "十 两 元"}, {"zh", Money, "元"},
		{"zh", Date, "二 零 二 六 年 两 月 一 日"}, {"zh", Date, "二 零 二 六 年 十 三 月 一 日"}, {"zh", Date, "二 零 二 六 年 一 月 零 日"}, {"zh", Date, "二 零 二 六 年 二 月 二 十 九 日"},
		{"zh", Date, "二 千 零 二 六 年 一 月"}, {"zh", Date, "二 零 幺 六 年 一 月"}, {"zh", Month, "二 六 年 一 月"}, {"zh", Month, "二 零 二 六 年 一 十 月"},
		{"zh", Time, "二 点"}, {"zh", Time, "十 点 五 分"}, {"zh", Time, "十 点 零 十 分"}, {"zh", Time, "十 点 零 两 分"}, {"zh", Time, "二 十 四 点"}, {"zh", Time, "十 点 六 十 分"},
		{"zh", Time, "十 点 零 分"}, {"zh", Time, "十 点 零 零 分"}, {"zh", Time, "十 两 点"}, {"zh", Time, "十 点 三 十"},
		{"zh", Digits, "幺"}, {"zh", Digits, "一 零"}, {"zh", Digits, "十"}, {"zh", Digits, "两 零"}, {"zh", Phone, "一 零 零"}, {"zh", Phone, "幺 ，"}, {"zh", Phone, "， 幺"},
		{"en", Number, "zero five"}, {"en", Number, "twenty eleven"}, {"en", Number, "twenty zero"}, {"en", Number, "one hundred and five"}, {"en", Number, "ten hundred"},
		{"en", Number, "five thousand six thousand"}, {"en", Number, "five thousand two million"}, {"en", Number, "thousand"}, {"en", Number, "hundred five"}, {"en", Number, "one two"},
		{"en", Number, "minus zero"}, {"en", Number, "oh"}, {"en", Number, ""},
		{"en", Money, "five"}, {"en", Money, "zero fen"}, {"en", Money, "one hundred fen"}, {"en", Money, "five yuan five fen"}, {"en", Money, "zero yuan and five fen"},
		{"en", Money, "five yuan and"}, {"en", Money, "five yuan and zero fen"}, {"en", Money, "five fen and one yuan"}, {"en", Money, "five yuan and one hundred fen"},
		{"en", Date, "February twenty-nine twenty twenty-six"}, {"en", Date, "February twenty ninth twenty twenty six"}, {"en", Date, "June thirty first twenty twenty six"}, {"en", Date, "twentieth twenty six"},
		{"en", Month, "May nineteen five"}, {"en", Month, "May twenty hundred"}, {"en", Month, "May twenty oh six"}, {"en", Month, "May six"}, {"en", Month, "May nineteen oh ten"},
		{"en", Time, "twelve p.m."}, {"en", Time, "thirteen p.m."}, {"en", Time, "six five p.m."}, {"en", Time, "six oh ten p.m."}, {"en", Time, "six sixty p.m."}, {"en", Time, "six thirty"},
		{"en", Time, "noon p.m."}, {"en", Time, "zero thirty a.m."}, {"en", Time, "six oh p.m."},
		{"en", Digits, "oh five"}, {"en", Digits, "ten"}, {"en", Phone, "one , , one"}, {"en", Phone, "one ,"},
	} {
		if got, err := understand(wrong.lang, wrong.how, strings.Fields(wrong.said)); err == nil {
			t.Errorf("%s: %q is understood as %s(%s)", wrong.lang, wrong.said, wrong.how, got)
		}
	}
}

// What is played is what is read, and what is written.
func TestRecordingsAreTheWordsWritten(t *testing.T) {
	c, err := Load(fstest.MapFS{"zh.yaml": {Data: []byte("a: 您好\n")}, "en.yaml": {Data: []byte("a: Hello.\n")}})
	if err != nil {
		t.Fatal(err)
	}
	plain := strings.NewReplacer("-", " ", ",", "")
	for _, text := range []string{"number(-987654321)", "money(123456)", "date(20260921)", "month(190502)", "time(1805)", "phone(057188881234)", "digits(0571)"} {
		r, err := ParseRef(text)
		if err != nil {
			t.Fatal(err)
		}
		for lang := range listeners {
			said, err := c.Fragments(lang, []Ref{r})
			if err != nil {
				t.Fatal(err)
			}
			var played []string
			for _, f := range said {
				played = append(played, f.Text)
			}
			if _, words, _ := hear(lang, r); !slices.Equal(played, words) {
				t.Errorf("%s: %s plays %q and is read %q", lang, text, played, words)
			}
			got, want := strings.Join(played, ""), c.Text(lang, r)
			if lang == "en" {
				got = strings.Join(strings.Fields(plain.Replace(strings.Join(played, " "))), " ")
				want = plain.Replace(want)
			}
			if got != want {
				t.Errorf("%s: %s plays %q and is written %q", lang, text, got, want)
			}
		}
	}
}
