package prompts

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ear understands what is played, word by word, as a caller does: from what is heard to
// the value, by a grammar of its own, and strictly. What nobody says is refused, so that a
// reading which could still be guessed is found as well as one that is wrong.
type ear struct{ words []string }

// listeners understand a reading: figures as they are written, "-650", "0571", "20261001".
var listeners = map[string]map[Reading]func(*ear) (string, error){
	"zh": {
		Number: counted((*ear).zhNumber, "负"), Money: counted((*ear).zhMoney, "负"),
		Digits: (*ear).zhDigits, Phone: (*ear).zhPhone,
		Date: dated((*ear).zhDate), Month: dated((*ear).zhDate), Time: (*ear).zhTime,
	},
	"en": {
		Number: counted((*ear).enNumber, "minus"), Money: counted((*ear).enMoney, "minus"),
		Digits: (*ear).enDigits, Phone: (*ear).enPhone,
		Date: dated((*ear).enDate), Month: dated((*ear).enMonth), Time: (*ear).enTime,
	},
}

// understand gives what a listener makes of words in a reading.
func understand(lang string, how Reading, words []string) (string, error) {
	e := &ear{words}
	value, err := listeners[lang][how](e)
	if err == nil && len(e.words) > 0 {
		err = e.lost("%s, and then", value)
	}
	return value, err
}

// counted listens to what may be below zero.
func counted(listen func(*ear) (int64, error), minus string) func(*ear) (string, error) {
	return func(e *ear) (string, error) {
		below := e.take(minus)
		n, err := listen(e)
		if below {
			if n = -n; n == 0 && err == nil {
				err = e.lost("%s nothing", minus)
			}
		}
		return strconv.FormatInt(n, 10), err
	}
}

// dated listens to a day or a month that is in the calendar.
func dated(listen func(*ear) (day, error)) func(*ear) (string, error) {
	return func(e *ear) (string, error) {
		d, err := listen(e)
		if err == nil && (d.month < 1 || d.month > 12 || d.day < 0 || d.day > daysOf(d.year, d.month)) {
			err = e.lost("no calendar has %v", d)
		}
		if d.day == 0 {
			return fmt.Sprintf("%04d%02d", d.year, d.month), err
		}
		return fmt.Sprintf("%04d%02d%02d", d.year, d.month, d.day), err
	}
}

// day is one of the calendar; day 0 is the month.
type day struct{ year, month, day int64 }

// daysOf is how many days a month has, by the rule of 1582 and not by package time.
func daysOf(year, month int64) int64 {
	days := [...]int64{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[month-1]
	if month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		days++
	}
	return days
}

// lost is an error that says where the listener stands.
func (e *ear) lost(format string, args ...any) error {
	return fmt.Errorf("%s at %q", fmt.Sprintf(format, args...), e.words)
}

// next is the word that comes; "" at the end.
func (e *ear) next() string {
	if len(e.words) == 0 {
		return ""
	}
	return e.words[0]
}

// take hears a word if it is the next.
func (e *ear) take(word string) bool {
	if e.next() != word {
		return false
	}
	e.words = e.words[1:]
	return true
}

// one hears a word out of a list and gives its place there, -1 for another.
func (e *ear) one(list []string) int64 {
	at := slices.Index(list, e.next())
	if at >= 0 {
		e.words = e.words[1:]
	}
	return int64(at)
}

var zhFigures = strings.Split("零一二三四五六七八九", "")

// zhUnits are the places of a group of four figures.
var zhUnits = map[string]int64{"十": 10, "百": 100, "千": 1000}

// zhGroup hears 1 to 9999; first tells that nothing of the number came before. liang: its
// last word is 两.
func (e *ear) zhGroup(first bool) (n int64, liang bool, err error) {
	low := int64(10_000) // the place of the figure before
	for low > 1 {
		gap := e.take("零")
		unit, word := int64(10), e.next()
		if first && n == 0 && !gap && e.take("十") {
			n, low = 10, 10
			continue
		}
		figure := e.one(zhFigures[1:]) + 1
		if e.take("两") {
			figure = 2
		}
		if figure == 0 && (gap || n == 0) {
			return 0, false, e.lost("no figure")
		} else if figure == 0 {
			return n, false, nil
		}
		if unit = zhUnits[e.next()]; unit > 0 {
			e.words = e.words[1:]
		} else {
			unit, liang = 1, word == "两"
		}
		switch {
		case unit >= low:
			return 0, false, e.lost("%s of %d after one of %d", word, unit, low)
		case gap != (n > 0 && unit*10 < low):
			return 0, false, e.lost("零 before %s of %d: %t", word, unit, gap)
		case unit == 10 && figure == 1 && first && n == 0:
			return 0, false, e.lost("一十 begins")
		case figure == 2 && unit > 1 && (word == "两") != (unit == 1000), liang && n > 0:
			return 0, false, e.lost("%s of %d", word, unit)
		}
		n, low = n+figure*unit, unit
	}
	return n, liang, nil
}

func (e *ear) zhNumber() (int64, error) { return e.zhCount(false) }

// zhCount hears a cardinal. Before a measure word (measured) exactly two is 两.
func (e *ear) zhCount(measured bool) (total int64, err error) {
	if e.take("零") {
		return 0, nil
	}
	last := int64(0) // what the group before counts; 0 for none
	for {
		gap := last > 0 && e.take("零")
		n, liang, err := e.zhGroup(last == 0)
		if err != nil {
			return 0, err
		}
		unit := int64(1)
		if e.take("万") {
			unit = 10_000
		}
		if e.take("亿") {
			unit *= 100_000_000
		}
		switch {
		case last > 0 && unit >= last:
			return 0, e.lost("a group of %d after one of %d", unit, last)
		case gap != (last > 0 && (n < 1000 || unit*10_000 < last)):
			return 0, e.lost("零 before a group of %d: %t", unit, gap)
		case liang != (n == 2 && (unit > 1 || last == 0 && measured)):
			return 0, e.lost("两 of %d: %t", unit, liang)
		}
		total, last = total+n*unit, unit
		if next := e.next(); unit == 1 || next != "两" && !slices.Contains(zhFigures, next) {
			return total, nil
		}
	}
}

// zhMoney hears parts ended by 元, 角 and 分, in this order.
func (e *ear) zhMoney() (fen int64, err error) {
	worth := map[string]int64{"元": 100, "角": 10, "分": 1}
	last := int64(1000)
	for {
		gap := last == 100 && e.take("零")
		n, err := e.zhCount(true)
		if err != nil {
			return 0, err
		}
		unit := worth[e.next()]
		switch {
		case unit == 0 || unit >= last, unit < 100 && (n < 1 || n > 9), n == 0 && len(e.words) > 1:
			return 0, e.lost("an amount of %d", n)
		case gap != (last == 100 && unit == 1):
			return 0, e.lost("零: %t", gap)
		}
		e.words = e.words[1:]
		if fen, last = fen+n*unit, unit; len(e.words) == 0 {
			return fen, nil
		}
	}
}

// zhDate hears the year figure by figure, 年, and numbers before 月 and 日.
func (e *ear) zhDate() (d day, err error) {
	for range 4 {
		figure := e.one(zhFigures)
		if figure < 0 {
			return d, e.lost("no figure of a year")
		}
		d.year = 10*d.year + figure
	}
	if !e.take("年") {
		return d, e.lost("no 年")
	}
	if d.month, err = e.zhCount(false); err != nil || !e.take("月") || d.month == 0 {
		return d, e.lost("no 月 (%v)", err)
	}
	if len(e.words) == 0 {
		return d, nil
	}
	if d.day, err = e.zhCount(false); err != nil || !e.take("日") || d.day == 0 {
		return d, e.lost("no 日 (%v)", err)
	}
	return d, nil
}

// zhTime hears the hour before 点, and the minutes before 分: 零 and one figure, or two.
func (e *ear) zhTime() (string, error) {
	hour, err := e.zhCount(true)
	if err != nil || !e.take("点") || hour > 23 {
		return "", e.lost("no 点 (%v)", err)
	}
	if len(e.words) == 0 {
		return fmt.Sprintf("%02d00", hour), nil
	}
	gap := e.take("零")
	minute, err := e.zhCount(false)
	if err != nil || !e.take("分") || minute < 1 || minute > 59 || gap != (minute < 10) {
		return "", e.lost("no 分 (%v)", err)
	}
	return fmt.Sprintf("%02d%02d", hour, minute), nil
}

// zhDigits hears a key, whose 1 is 一, or a code, whose 1 is 幺.
func (e *ear) zhDigits() (string, error) {
	if len(e.words) == 1 {
		return e.figures(zhFigures)
	}
	return e.figures(zhCodes)
}

var zhCodes = strings.Split("零幺二三四五六七八九", "")

func (e *ear) zhPhone() (string, error) { return e.phone("，", zhCodes) }

// figures hears one figure after the other.
func (e *ear) figures(names []string) (string, error) {
	var code strings.Builder
	for at := e.one(names); at >= 0; at = e.one(names) {
		code.WriteByte(byte('0' + at))
	}
	if code.Len() == 0 {
		return "", e.lost("no figure")
	}
	return code.String(), nil
}

// phone hears figures in groups, with pauses between them. The groups are separated by a
// hyphen in what it gives: how they are cut belongs to what is understood.
func (e *ear) phone(pause string, names []string) (string, error) {
	var groups []string
	for {
		g, err := e.figures(names)
		if err != nil {
			return "", err
		}
		if groups = append(groups, g); !e.take(pause) {
			return strings.Join(groups, "-"), nil
		}
	}
}
