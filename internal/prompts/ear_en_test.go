package prompts

import (
	"fmt"
	"strings"
)

var (
	enOnes   = strings.Fields("one two three four five six seven eight nine")
	enTeens  = strings.Fields("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen")
	enTens   = strings.Fields("twenty thirty forty fifty sixty seventy eighty ninety")
	enNths   = strings.Fields("first second third fourth fifth sixth seventh eighth ninth")
	enTenths = strings.Fields("tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth")
	enMonths = strings.Fields("January February March April May June July August September October November December")
	enFigure = append([]string{"zero"}, enOnes...)
)

// enTwo hears a number below 100, 0 for none.
func (e *ear) enTwo() int64 {
	if at := e.one(enTeens); at >= 0 {
		return 10 + at
	}
	tens := e.one(enTens) + 2
	if tens == 1 {
		tens = 0 // none of them
	}
	return 10*tens + e.one(enOnes) + 1
}

// enThree hears a number below 1000, 0 for none.
func (e *ear) enThree() int64 {
	n := e.enTwo()
	if n > 0 && n < 10 && e.take("hundred") {
		return 100*n + e.enTwo()
	}
	return n
}

func (e *ear) enNumber() (total int64, err error) {
	if e.take("zero") {
		return 0, nil
	}
	for last := int64(1e15); last > 1; {
		n, size := e.enThree(), int64(1)
		if n == 0 {
			break
		}
		for range e.one([]string{"thousand", "million", "billion", "trillion"}) + 1 {
			size *= 1000
		}
		if size >= last {
			return 0, e.lost("groups out of order")
		}
		total, last = total+n*size, size
	}
	if total == 0 {
		return 0, e.lost("no number")
	}
	return total, nil
}

// enMoney hears fen, yuan, or yuan and fen.
func (e *ear) enMoney() (int64, error) {
	n, err := e.enNumber()
	if err != nil {
		return 0, err
	}
	if n > 0 && n < 100 && e.take("fen") {
		return n, nil
	}
	if !e.take("yuan") {
		return 0, e.lost("no unit")
	}
	if !e.take("and") {
		return 100 * n, nil
	}
	fen := e.enTwo()
	if n == 0 || fen == 0 || !e.take("fen") {
		return 0, e.lost("no fen")
	}
	return 100*n + fen, nil
}

// enDate hears the month, the day as an ordinal, the year.
func (e *ear) enDate() (d day, err error) {
	if d.month = e.one(enMonths) + 1; d.month == 0 {
		return d, e.lost("no month")
	}
	if at := e.one(enTenths); at >= 0 {
		d.day = 10 + at
	} else if e.take("thirtieth") {
		d.day = 30
	} else {
		if e.take("twenty") {
			d.day = 20
		} else if e.take("thirty") {
			d.day = 30
		}
		at := e.one(enNths)
		if at < 0 {
			return d, e.lost("no day")
		}
		d.day += at + 1
	}
	d.year, err = e.enYear()
	return d, err
}

func (e *ear) enMonth() (d day, err error) {
	if d.month = e.one(enMonths) + 1; d.month == 0 {
		return d, e.lost("no month")
	}
	d.year, err = e.enYear()
	return d, err
}

// enYear hears two numbers (nineteen oh five, nineteen hundred), or thousands.
func (e *ear) enYear() (int64, error) {
	high := e.enTwo()
	switch {
	case high > 0 && high < 10 && e.take("thousand"):
		if low := e.one(enOnes) + 1; low < 10 {
			return 1000*high + low, nil
		}
	case high < 10:
	case high%10 > 0 && e.take("hundred"):
		return 100 * high, nil
	case high%10 > 0 && e.take("oh"):
		if low := e.one(enOnes) + 1; low > 0 {
			return 100*high + low, nil
		}
	default:
		if low := e.enTwo(); low > 9 {
			return 100*high + low, nil
		}
	}
	return 0, e.lost("no year")
}

// enTime hears a time by the twelve hours; twelve sharp has names.
func (e *ear) enTime() (string, error) {
	if e.take("midnight") {
		return "0000", nil
	}
	if e.take("noon") {
		return "1200", nil
	}
	hour, minute := e.enTwo(), int64(0)
	if e.take("oh") {
		if minute = e.one(enOnes) + 1; minute == 0 {
			return "", e.lost("no minute")
		}
	} else if minute = e.enTwo(); minute > 0 && minute < 10 || minute > 59 {
		return "", e.lost("%d minutes", minute)
	}
	if hour < 1 || hour > 12 || hour == 12 && minute == 0 {
		return "", e.lost("hour %d", hour)
	}
	hour %= 12
	if e.take("p.m.") {
		hour += 12
	} else if !e.take("a.m.") {
		return "", e.lost("neither a.m. nor p.m.")
	}
	return fmt.Sprintf("%02d%02d", hour, minute), nil
}

func (e *ear) enDigits() (string, error) { return e.figures(enFigure) }
func (e *ear) enPhone() (string, error)  { return e.phone(",", enFigure) }
