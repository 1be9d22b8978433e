package prompts

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMandarinReadings(t *testing.T) {
	c := load(t, "a: 您好\n")
	for _, r := range []struct {
		how  Reading
		n    int64
		want string
	}{
		{Number, 0, "零"}, {Number, 2, "二"}, {Number, 10, "十"}, {Number, 12, "十二"}, {Number, 20, "二十"},
		{Number, 105, "一百零五"}, {Number, 110, "一百一十"}, {Number, 115, "一百一十五"}, {Number, 222, "二百二十二"},
		{Number, 1010, "一千零一十"}, {Number, 2002, "两千零二"}, {Number, 2222, "两千二百二十二"},
		{Number, 10000, "一万"}, {Number, 10086, "一万零八十六"}, {Number, 22000, "两万两千"},
		{Number, 100000, "十万"}, {Number, 105000, "十万五千"}, {Number, 100500, "十万零五百"}, {Number, 120000, "十二万"},
		{Number, 100_005_000, "一亿零五千"}, {Number, 100_500_000, "一亿零五十万"}, {Number, 200_020_000, "两亿零两万"},
		{Number, 1_010_000_010, "十亿一千万零一十"}, {Number, 1e12, "一万亿"}, {Number, -12, "负十二"},
		{Money, 0, "零元"}, {Money, 5, "五分"}, {Money, 50, "五角"}, {Money, 53, "五角三分"}, {Money, 200, "两元"},
		{Money, 5850, "五十八元五角"}, {Money, 10003, "一百元零三分"}, {Money, 10253, "一百零二元五角三分"},
		{Money, 22, "两角两分"}, {Money, 1000, "十元"}, {Money, -1250, "负十二元五角"}, {Money, 1e14, "一万亿元"},
		{Digits, 0, "零"}, {Digits, 1, "一"}, {Digits, 10086, "幺零零八六"}, {Digits, 9223372036854775807, "九二二三三七二零三六八五四七七五八零七"},
		{Date, 20261001, "二零二六年十月一日"}, {Date, 20110222, "二零一一年二月二十二日"}, {Date, 19991231, "一九九九年十二月三十一日"},
		{Month, 202610, "二零二六年十月"}, {Month, 200002, "二零零零年二月"}, {Date, 99991231, "九九九九年十二月三十一日"},
	} {
		if got := c.Text("zh", Ref{Read: r.how, N: r.n}); got != r.want {
			t.Errorf("%s(%d) is read %s, want %s", r.how, r.n, got, r.want)
		}
	}
}

// heard understands what a listener hears of a whole number. It works from the
// spoken parts back, the other way round than the reader, and is as strict as a
// listener: a figure after 百 without 零 is tens to it (一百五 is 150).
func heard(ids []string) (int64, error) {
	units := map[string]int64{"n.10": 10, "n.100": 100, "n.1000": 1000}
	figures := map[string]int64{"n.1": 1, "n.2": 2, "n.liang": 2, "n.3": 3, "n.4": 4, "n.5": 5, "n.6": 6, "n.7": 7, "n.8": 8, "n.9": 9}
	if slices.Equal(ids, []string{"n.0"}) {
		return 0, nil
	}
	var total, group, figure, lastUnit, zeros int64
	word := ""  // the figure that waits for its unit
	after := "" // the part before this one
	for i, id := range append(ids, "end") {
		d, isFigure := figures[id]
		unit, isUnit := units[id]
		switch {
		case isFigure:
			if figure != 0 {
				return 0, fmt.Errorf("two figures in a row at %d", i)
			}
			figure, word = d, id
		case id == "n.0":
			if figure != 0 || after == "n.0" || i == 0 {
				return 0, fmt.Errorf("零 out of place at %d", i)
			}
			zeros++
			lastUnit = 0
		case isUnit:
			if figure == 0 && (unit != 10 || i != 0) || word == "n.liang" && unit != 1000 || word == "n.2" && unit == 1000 {
				return 0, fmt.Errorf("%s before %s at %d", word, id, i)
			}
			group += max(figure, 1) * unit
			figure, word, lastUnit = 0, "", unit
		default: // 万, 亿 or the end: the group is complete
			if figure != 0 && lastUnit >= 100 {
				figure *= lastUnit / 10 // as a listener takes it
			}
			alone := group == 0 && figure == 2
			if id != "end" && alone != (word == "n.liang") || id == "end" && word == "n.liang" {
				return 0, fmt.Errorf("%s before %s at %d", word, id, i)
			}
			group += figure
			figure, word, lastUnit = 0, "", 0
			switch id {
			case "n.10000":
				total, group, lastUnit = total+group*1e4, 0, 1e4
			case "n.100000000":
				total, group, lastUnit = (total+group)*1e8, 0, 1e8
			case "end":
				total += group
			default:
				return 0, fmt.Errorf("%s at %d", id, i)
			}
		}
		after = id
	}
	if want := zerosOf(total); zeros != want || after == "n.0" {
		return 0, fmt.Errorf("%d is said with %d 零, want %d", total, zeros, want)
	}
	return total, nil
}

// zerosOf counts the 零 that convention wants in a number, from its figures: one
// before each figure that follows a 0 of its group of four, and one before a full
// group when the group above it is all zeros.
func zerosOf(n int64) (count int64) {
	var f [16]int64
	top := 0
	for i := range f {
		f[i] = n % 10
		n /= 10
		if f[i] != 0 {
			top = i
		}
	}
	for i := range top {
		if f[i] == 0 {
			continue
		}
		switch {
		case i%4 != 3 && f[i+1] == 0:
			count++
		case i%4 == 3 && i+4 < top && f[i+1] == 0 && f[i+2] == 0 && f[i+3] == 0 && f[i+4] == 0:
			count++
		}
	}
	return count
}

func ids(t *testing.T, c *Catalog, lang string, r Ref) []string {
	t.Helper()
	said, err := c.Fragments(lang, []Ref{r})
	if err != nil {
		t.Fatal(err)
	}
	all := make([]string, len(said))
	for i, f := range said {
		all[i] = f.ID
	}
	return all
}

// numbers gives every number to all, and random ones of every length to limit.
func numbers(all, limit int64, yield func(int64) bool) {
	const seed = 10086
	for n := range all + 1 {
		if !yield(n) {
			return
		}
	}
	random := rand.New(rand.NewPCG(seed, 0))
	for range 100_000 {
		n := random.Int64N(limit + 1)
		for shift := random.IntN(14); shift > 0; shift-- {
			n /= 10
		}
		if random.IntN(2) == 0 { // many zeros, where the rules are
			size := int64(1)
			for range random.IntN(12) {
				size *= 10
			}
			n -= n % size
			n += random.Int64N(min(size, 100))
		}
		if !yield(min(n, limit)) {
			return
		}
	}
	yield(limit)
}

func TestSpokenNumbersAreUnderstood(t *testing.T) {
	t.Parallel()
	c := load(t, "a: 您好\n")
	for n := range func(yield func(int64) bool) { numbers(1e6, maxNumber, yield) } {
		got, err := heard(ids(t, c, "zh", Ref{Read: Number, N: n}))
		if err != nil || got != n {
			t.Fatalf("%d is read %s, understood as %d, %v", n, c.Text("zh", Ref{Read: Number, N: n}), got, err)
		}
	}
}

func TestSpokenAmountsAreUnderstood(t *testing.T) {
	t.Parallel()
	c := load(t, "a: 您好\n")
	for n := range func(yield func(int64) bool) { numbers(1e5, maxMoney, yield) } {
		for _, sign := range []int64{1, -1} {
			got, err := heardMoney(ids(t, c, "zh", Ref{Read: Money, N: sign * n}))
			if err != nil || got != sign*n {
				t.Fatalf("%d fen are read %s, understood as %d, %v", sign*n, c.Text("zh", Ref{Read: Money, N: sign * n}), got, err)
			}
		}
	}
}

// heardMoney understands an amount: parts ended by 元, 角 and 分 in this order.
func heardMoney(ids []string) (fen int64, err error) {
	sign := int64(1)
	if ids[0] == "n.minus" {
		sign, ids = -1, ids[1:]
	}
	worth := []struct {
		unit string
		fen  int64
	}{{"u.yuan", 100}, {"u.jiao", 10}, {"u.fen", 1}}
	said := map[string]bool{}
	for _, w := range worth {
		end := slices.Index(ids, w.unit)
		if end < 0 {
			continue
		}
		part := slices.Clone(ids[:end])
		if gap := w.fen == 1 && said["u.yuan"] && !said["u.jiao"]; gap != (len(part) > 1 && part[0] == "n.0") {
			return 0, fmt.Errorf("零 before 分 is wrong")
		} else if gap {
			part = part[1:]
		}
		if len(part) == 1 && part[0] == "n.2" {
			return 0, fmt.Errorf("二 before %s", w.unit)
		}
		if len(part) == 1 && part[0] == "n.liang" {
			part[0] = "n.2"
		}
		n, err := heard(part)
		if err != nil || w.fen < 100 && (n < 1 || n > 9) {
			return 0, fmt.Errorf("%d before %s: %w", n, w.unit, err)
		}
		fen, ids, said[w.unit] = fen+n*w.fen, ids[end+1:], true
	}
	if len(ids) > 0 || len(said) == 0 {
		return 0, fmt.Errorf("%v is left over", ids)
	}
	return sign * fen, nil
}

// heardDate understands year, month and, of a date, day: 年, 月 and 日 end them.
func heardDate(ids []string) (n int64, err error) {
	for _, part := range []string{"u.year", "u.month", "u.day"} {
		end := slices.Index(ids, part)
		if end < 0 {
			break
		}
		var v int64
		if part == "u.year" {
			for _, id := range ids[:end] { // figure by figure
				d, ok := strings.CutPrefix(id, "n.")
				if !ok || len(d) != 1 {
					return 0, fmt.Errorf("%s in a year", id)
				}
				v = v*10 + int64(d[0]-'0')
			}
		} else if v, err = heardMeasure(ids[:end]); err != nil {
			return 0, err
		}
		n, ids = n*100+v, ids[end+1:]
	}
	if len(ids) > 0 {
		return 0, fmt.Errorf("%v is left over", ids)
	}
	return n, nil
}

// heardMeasure understands a number that is never 两, and never of three figures.
func heardMeasure(ids []string) (int64, error) {
	n, err := heard(ids)
	if err == nil && (n < 1 || n > 31) {
		err = fmt.Errorf("%d of a month", n)
	}
	return n, err
}

// days gives every day of some years as yyyymmdd.
func days(from, to int, yield func(int64) bool) {
	for d := time.Date(from, 1, 1, 0, 0, 0, 0, time.UTC); d.Year() <= to; d = d.AddDate(0, 0, 1) {
		if !yield(int64(d.Year()*1e4 + int(d.Month())*100 + d.Day())) {
			return
		}
	}
}

func TestSpokenDatesAreUnderstood(t *testing.T) {
	t.Parallel()
	c := load(t, "a: 您好\n")
	for _, years := range [][2]int{{1000, 1000}, {1896, 2112}, {9999, 9999}} {
		for n := range func(yield func(int64) bool) { days(years[0], years[1], yield) } {
			got, err := heardDate(ids(t, c, "zh", Ref{Read: Date, N: n}))
			if err != nil || got != n {
				t.Fatalf("%d is read %s, understood as %d, %v", n, c.Text("zh", Ref{Read: Date, N: n}), got, err)
			}
			got, err = heardDate(ids(t, c, "zh", Ref{Read: Month, N: n / 100}))
			if err != nil || got != n/100 {
				t.Fatalf("%d is read %s, understood as %d, %v", n/100, c.Text("zh", Ref{Read: Month, N: n / 100}), got, err)
			}
		}
	}
}

// Every number that is no day, among those that look like one, cannot be said in any language.
func TestDatesThatNoCalendarHasAreNotSaid(t *testing.T) {
	t.Parallel()
	real := map[int64]bool{}
	days(2023, 2024, func(n int64) bool { real[n] = true; return true })
	for lang, r := range readers {
		for n := int64(20230000); n < 20250000; n++ {
			if _, ok := r.read(Date, n); ok != real[n] {
				t.Errorf("%s: date %d is said: %t", lang, n, ok)
			}
		}
		for _, n := range []int64{0, -1, -20261001, 9991231, 100000101, 1<<63 - 1, -1 << 63} {
			if _, ok := r.read(Date, n); ok {
				t.Errorf("%s: date %d is said", lang, n)
			}
		}
		for _, n := range []int64{0, -202610, 202600, 202613, 99912, 1000001, 20261001, 1<<63 - 1, -1 << 63} {
			if _, ok := r.read(Month, n); ok {
				t.Errorf("%s: month %d is said", lang, n)
			}
		}
	}
}
