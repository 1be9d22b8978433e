package prompts

import "strings"

// shortPhone is how many figures are said in one go: 110, 95588.
const shortPhone = 5

// phoneGroups cuts a telephone number where people pause when they say it: 138 0000
// 0001, 0571 8888 1234, 400 810 0860, 0086 138 0000 0001. The plan of numbers is
// China's: callers hear it in either language, and know their own numbers by it. Codes
// of other countries are of any length, and not looked up.
func phoneGroups(number string) (groups []string) {
	const country = "0086"
	if abroad, cut := strings.CutPrefix(number, country); cut && len(abroad) >= shortPhone {
		groups, number = append(groups, country), abroad
	}
	if code := areaCode(number); code > 0 && len(number)-code >= shortPhone {
		groups, number = append(groups, number[:code]), number[code:]
	}
	if len(number) <= shortPhone {
		return append(groups, number)
	}
	// As even as can be, no group of more than four, and the longer ones last.
	count := (len(number) + 3) / 4
	for i := range count {
		groups = append(groups, number[len(number)*i/count:len(number)*(i+1)/count])
	}
	return groups
}

// areaCode gives the length of a city's code, 0 where a number begins with none: three
// figures for Beijing (010) and the other large ones (02x), else four. 01 and another
// figure is a mobile number that is dialled from another province.
func areaCode(number string) int {
	switch {
	case !strings.HasPrefix(number, "0"), strings.HasPrefix(number, "00"):
		return 0
	case strings.HasPrefix(number, "010"), strings.HasPrefix(number, "02"):
		return 3
	case strings.HasPrefix(number, "01"):
		return 0
	}
	return 4
}
