package source

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// wide are the signs that an input method for Chinese writes in the place of YAML's.
// On a screen they are hard to tell apart, and YAML takes them for letters.
var wide = map[rune]string{
	'：': ":", '，': ",", '、': ",", '“': `"`, '”': `"`, '‘': "'", '’': "'", '【': "[", '】': "]", '［': "[", '］': "]",
	'｛': "{", '｝': "}", '＃': "#", '＊': "*", '－': "-", '—': "-", '　': "blanks", '\u00a0': "blanks",
	'０': "0", '１': "1", '２': "2", '３': "3", '４': "4", '５': "5", '６': "6", '７': "7", '８': "8", '９': "9",
}

// misplaced are places where such a sign can only have been meant as YAML's own: behind a
// key, between the pairs within brackets, around a value. In a text
// that callers hear they are in their place.
var misplaced = []*regexp.Regexp{
	regexp.MustCompile(`^(\s*(?:- )?["']?[\w.-]+["']?)：`),
	regexp.MustCompile(`^(\s*(?:- )?["']?[\w.-]+["']?:)[` + "\u3000\u00a0" + `]`),
	regexp.MustCompile(`^(\s*(?:- ?)?)[｛【［－]`),
	regexp.MustCompile(`^(.*[{\[,]\s*["']?\w+["']?)：`),
	regexp.MustCompile(`^(.*[{\[][^}\]"']*)[，、：｝】］]`),
}

// widePlace finds the first sign of a line that was meant as YAML's own: its column,
// and what to say of it.
func widePlace(line string) (col int, said string, found bool) {
	for _, place := range misplaced {
		if m := place.FindStringSubmatch(line); m != nil {
			sign, _ := utf8.DecodeRuneInString(line[len(m[1]):])
			return utf8.RuneCountInString(m[1]) + 1, isWide(sign), true
		}
	}
	return 0, "", false
}

func isWide(sign rune) string {
	named := string(sign)
	if strings.TrimSpace(named) == "" {
		return fmt.Sprintf("the character U+%04X looks like a blank and is none to YAML; write %s", sign, wide[sign])
	}
	return fmt.Sprintf("%s is a full-width sign, a letter like any other to YAML; write %s", named, wide[sign])
}

// wideHint is for a problem with a value, or a key, that is written without quotes.
func wideHint(y *yaml.Node) string {
	if y.Kind != yaml.ScalarNode || y.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return ""
	}
	for _, r := range y.Value {
		if wide[r] != "" {
			return " (" + isWide(r) + ")"
		}
	}
	return ""
}

// unreadable finds the first place of a file that is no text: another encoding than
// UTF-8, or a control character. YAML's reader names no place for it.
func unreadable(data string) (line, col int, said string) {
	if strings.HasPrefix(data, "\xff\xfe") || strings.HasPrefix(data, "\xfe\xff") {
		return 1, 1, "the file is in UTF-16; save it as UTF-8"
	}
	line, col = 1, 1
	for i, r := range data {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(data[i:], "\ufffd"):
			return line, col, "not UTF-8 from here on; save the file as UTF-8 (GBK is another encoding)"
		case r < ' ' && r != '\t' && r != '\n' && r != '\r', r >= 0x7f && r < 0xa0 && r != 0x85, r == 0xfffe, r == 0xffff:
			return line, col, fmt.Sprintf("U+%04X is a control character, and no text; take it out", r)
		case r == '\n':
			line, col = line+1, 0
		}
		col++
	}
	return 0, 0, ""
}
