package prompts

// The pieces of spoken Mandarin numbers. A digit's piece is the digit itself.
const (
	zhZero piece = iota
	zhOne
	zhTwo
	zhLiang piece = iota + 7 // 两, which stands for 二 before a measure word
	zhYao                    // 幺, which stands for 一 within a code, where 一 is misheard as 七
	zhTen
	zhHundred
	zhThousand
	zhWan
	zhYi
	zhMinus
	zhYuan
	zhJiao
	zhFen
	zhYear
	zhMonth
	zhDay
	zhHour
	zhPause
)

var mandarin = reader{
	pieces: []Entry{
		{ID: "n.0", Text: "零"}, {ID: "n.1", Text: "一"}, {ID: "n.2", Text: "二"}, {ID: "n.3", Text: "三"},
		{ID: "n.4", Text: "四"}, {ID: "n.5", Text: "五"}, {ID: "n.6", Text: "六"}, {ID: "n.7", Text: "七"},
		{ID: "n.8", Text: "八"}, {ID: "n.9", Text: "九"}, {ID: "n.liang", Text: "两"}, {ID: "n.yao", Text: "幺"},
		{ID: "n.10", Text: "十"}, {ID: "n.100", Text: "百"}, {ID: "n.1000", Text: "千"},
		{ID: "n.10000", Text: "万"}, {ID: "n.100000000", Text: "亿"}, {ID: "n.minus", Text: "负"},
		{ID: "u.yuan", Text: "元"}, {ID: "u.jiao", Text: "角"}, {ID: "u.fen", Text: "分"},
		{ID: "u.year", Text: "年"}, {ID: "u.month", Text: "月"}, {ID: "u.day", Text: "日"},
		{ID: "u.hour", Text: "点"}, {ID: pauseID, Text: "，", Silence: pauseMS},
	},
	number: func(n int64) []piece { return zhCount(zhSign(nil, &n), n) },
	money:  zhMoney,
	code:   zhCode,
	pause:  zhPause,
	time:   zhTime,
	month:  zhMonths,
	date: func(year, month, day int64) []piece {
		return append(zhCount(zhMonths(year, month), day), zhDay)
	},
}

// zhSign says 负 and makes n positive.
func zhSign(to []piece, n *int64) []piece {
	if *n >= 0 {
		return to
	}
	*n = -*n
	return append(to, zhMinus)
}

// zhCount reads a cardinal. Mandarin counts in groups of four figures: so many 亿,
// so many 万, and the rest. What is left out before a group is said as one 零.
func zhCount(to []piece, n int64) []piece {
	if n == 0 {
		return append(to, zhZero)
	}
	start := len(to)
	if n >= 1e8 {
		to = zhHigh(to, n/1e8, zhYi)
	}
	wan, rest := n/1e4%1e4, n%1e4
	if wan > 0 {
		if len(to) > start && wan < 1000 {
			to = append(to, zhZero)
		}
		to = zhHigh(to, wan, zhWan)
	}
	if rest > 0 {
		if len(to) > start && (wan == 0 || rest < 1000) {
			to = append(to, zhZero)
		}
		to = zhGroup(to, rest, len(to) == start)
	}
	return to
}

// zhHigh says how many 万 or 亿. Exactly two of them are 两; twelve stay 十二.
func zhHigh(to []piece, n int64, unit piece) []piece {
	switch {
	case n == 2:
		to = append(to, zhLiang)
	case n >= 1e4: // 10^12 is 一万亿
		to = zhCount(to, n)
	default:
		to = zhGroup(to, n, len(to) == 0 || to[len(to)-1] == zhMinus)
	}
	return append(to, unit)
}

// zhGroup reads 1 to 9999. At the start of a number ten is 十; inside it is 一十.
func zhGroup(to []piece, n int64, first bool) []piece {
	gap, began := false, false
	for _, u := range [...]struct {
		size int64
		name piece
	}{{1000, zhThousand}, {100, zhHundred}, {10, zhTen}, {1, 0}} {
		d := piece(n / u.size % 10)
		if d == 0 {
			gap = began
			continue
		}
		if gap {
			to = append(to, zhZero)
		}
		switch {
		case u.size == 1:
			to = append(to, d)
		case u.size == 10 && d == 1 && first && !began:
			to = append(to, zhTen)
		case u.size == 1000 && d == 2:
			to = append(to, zhLiang, u.name)
		default:
			to = append(to, d, u.name)
		}
		gap, began = false, true
	}
	return to
}

// zhMoney reads fen as 元, 角 and 分, leaving out what is zero. 元 followed by 分
// alone needs the 零 that tells 三分 from 三角.
func zhMoney(fen int64) []piece {
	to := zhSign(nil, &fen)
	yuan, jiao, rest := fen/100, piece(fen/10%10), piece(fen%10)
	if yuan > 0 || fen == 0 {
		if yuan == 2 {
			to = append(to, zhLiang, zhYuan)
		} else {
			to = append(zhCount(to, yuan), zhYuan)
		}
	}
	if jiao > 0 {
		to = append(to, zhMeasured(jiao), zhJiao)
	}
	if rest > 0 {
		if yuan > 0 && jiao == 0 {
			to = append(to, zhZero)
		}
		to = append(to, zhMeasured(rest), zhFen)
	}
	return to
}

// zhMeasured is a digit before a measure word.
func zhMeasured(d piece) piece {
	if d == zhTwo {
		return zhLiang
	}
	return d
}

// zhCode reads a code or a telephone number figure by figure, its 1 as 幺: 10086 is
// 幺零零八六.
func zhCode(to []piece, code string) []piece {
	start := len(to)
	to = spell(to, code)
	for i, p := range to[start:] {
		if p == zhOne {
			to[start+i] = zhYao
		}
	}
	return to
}

// zhTime reads a time of day by the 24 hours, which needs no word for its part of the
// day: 零点, 两点零五分, 十八点三十分. A full hour is said without 整, which says more than
// the BOSS may mean. 分 is the fragment that amounts have.
func zhTime(hour, minute int64) []piece {
	var to []piece
	if hour == 2 {
		to = append(to, zhLiang, zhHour)
	} else {
		to = append(zhCount(to, hour), zhHour)
	}
	if minute == 0 {
		return to
	}
	if minute < 10 {
		to = append(to, zhZero)
	}
	return append(zhCount(to, minute), zhFen)
}

// zhMonths reads a year figure by figure, its 1 as 一, and a month as a number: 二月, not 两月.
func zhMonths(year, month int64) []piece {
	to := []piece{piece(year / 1000), piece(year / 100 % 10), piece(year / 10 % 10), piece(year % 10), zhYear}
	return append(zhCount(to, month), zhMonth)
}
