package prompts

import "strings"

// The pieces of spoken English numbers. Up to nineteen a number's piece is the
// number itself.
const (
	enOne      piece = 1
	enTwenty   piece = 20 // then thirty … ninety
	enHundred  piece = 28
	enThousand piece = iota + 26
	enMillion
	enBillion
	enTrillion
	enMinus
	enOh // the 0 in "nineteen oh five"
	enAnd
	enYuan
	enFen
	enJanuary                  // then the other months
	enFirst   = enJanuary + 12 // then second … twentieth, thirtieth
)

// What follows the ordinals.
const (
	enAM piece = iota + enFirst + 21
	enPM
	enNoon
	enMidnight
	enPause
)

// English says yuan and fen, as "dollars and cents" are said: a caller who does not
// know the jiao of Chinese prices is told fifty fen, and as fen is said every time,
// an amount that is cut short is not taken for another. Cardinals are said without
// an "and" of their own, so that the one before fen is the only one.
var english = reader{
	pieces: enPieces(),
	between: func(before, after piece) string {
		switch {
		case after == enPause:
			return ""
		case enTwenty <= before && before < enHundred && (after < 10 || enFirst <= after && after < enFirst+9):
			return "-"
		case enFirst <= before && before < enAM:
			return ", "
		}
		return " "
	},
	number: func(n int64) []piece { return enCount(enSign(nil, &n), n) },
	money:  enMoney,
	code:   spell, // 0 is always zero, which no letter is mistaken for
	pause:  enPause,
	time:   enTime,
	month: func(year, month int64) []piece {
		return enYear([]piece{enJanuary + piece(month-1)}, year)
	},
	date: func(year, month, day int64) []piece {
		return enYear(enOrdinal([]piece{enJanuary + piece(month-1)}, day), year)
	},
}

// enPieces lays the words out in the order of the pieces.
func enPieces() []Entry {
	var all []Entry
	add := func(group, names, words string) {
		ids := strings.Fields(names)
		for i, word := range strings.Fields(words) {
			all = append(all, Entry{ID: group + ids[i], Text: word})
		}
	}
	add("n.", "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19",
		"zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen")
	add("n.", "20 30 40 50 60 70 80 90", "twenty thirty forty fifty sixty seventy eighty ninety")
	add("n.", "100 1000 1000000 1000000000 1000000000000 minus oh and", "hundred thousand million billion trillion minus oh and")
	add("u.", "yuan fen", "yuan fen")
	months := "January February March April May June July August September October November December"
	add("u.", strings.ToLower(months), months)
	add("n.", "1st 2nd 3rd 4th 5th 6th 7th 8th 9th 10th 11th 12th 13th 14th 15th 16th 17th 18th 19th 20th 30th",
		"first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth "+
			"seventeenth eighteenth nineteenth twentieth thirtieth")
	add("u.", "am pm noon midnight", "a.m. p.m. noon midnight")
	return append(all, Entry{ID: pauseID, Text: ",", Silence: pauseMS})
}

// enSign says minus and makes n positive.
func enSign(to []piece, n *int64) []piece {
	if *n >= 0 {
		return to
	}
	*n = -*n
	return append(to, enMinus)
}

// enCount reads a cardinal in groups of three figures.
func enCount(to []piece, n int64) []piece {
	if n == 0 {
		return append(to, 0)
	}
	for _, group := range [...]struct {
		size int64
		name piece
	}{{1e12, enTrillion}, {1e9, enBillion}, {1e6, enMillion}, {1e3, enThousand}} {
		if n >= group.size {
			to = append(enGroup(to, n/group.size), group.name)
			n %= group.size
		}
	}
	return enGroup(to, n)
}

// enGroup reads 1 to 999, and nothing for 0.
func enGroup(to []piece, n int64) []piece {
	if n >= 100 {
		to = append(to, piece(n/100), enHundred)
		n %= 100
	}
	if n >= 20 {
		to = append(to, enTwenty+piece(n/10-2))
		n %= 10
	}
	if n > 0 {
		to = append(to, piece(n))
	}
	return to
}

// enMoney leaves out what is zero: three fen, two yuan, two yuan and three fen.
func enMoney(fen int64) []piece {
	to := enSign(nil, &fen)
	yuan, rest := fen/100, fen%100
	if yuan > 0 || rest == 0 {
		to = append(enCount(to, yuan), enYuan)
	}
	if rest == 0 {
		return to
	}
	if yuan > 0 {
		to = append(to, enAnd)
	}
	return append(enGroup(to, rest), enFen)
}

// enTime reads a time of day by the twelve hours, as people say it: six p.m., six oh
// five a.m., twelve thirty p.m. Noon and midnight, which both are twelve, have names.
func enTime(hour, minute int64) []piece {
	half := enAM
	if hour >= 12 {
		half = enPM
	}
	switch {
	case minute > 0:
	case hour == 0:
		return []piece{enMidnight}
	case hour == 12:
		return []piece{enNoon}
	}
	to := []piece{piece((hour+11)%12 + 1)}
	if 0 < minute && minute < 10 {
		to = append(to, enOh)
	}
	return append(enGroup(to, minute), half)
}

// enOrdinal reads the day of a month.
func enOrdinal(to []piece, n int64) []piece {
	switch {
	case n <= 20:
		return append(to, enFirst+piece(n-1))
	case n == 30:
		return append(to, enFirst+20)
	}
	return append(to, enTwenty+piece(n/10-2), enFirst+piece(n%10-1))
}

// enYear reads a year as two numbers: twenty twenty-six, nineteen oh five, nineteen
// hundred. The first ten of a millennium are said as a number: two thousand six.
func enYear(to []piece, year int64) []piece {
	century, rest := year/100, year%100
	switch {
	case century%10 == 0 && rest < 10:
		return enCount(to, year)
	case rest == 0:
		return append(enGroup(to, century), enHundred)
	case rest < 10:
		return append(enGroup(to, century), enOh, piece(rest))
	}
	return enGroup(enGroup(to, century), rest)
}
