package voice

import (
	"cmp"
	"regexp"
	"strings"
)

// speakable writes a text as the synthesiser is to read it.
func speakable(lang, text string) string {
	switch lang {
	case "zh":
		return mandarin.Replace(mandarinFigures(text))
	case "en":
		return englishWords.ReplaceAllStringFunc(englishFigures(text), func(word string) string {
			return cmp.Or(english[strings.ToLower(word)], word)
		})
	}
	return text
}

// mandarin gives words whose characters have several readings in pinyin, because
// the synthesiser looks characters up one by one and takes the most frequent
// reading. A new prompt with such a word needs a line here.
var mandarin = strings.NewReplacer(
	"重新", " chong2 xin1 ",
	"重听", " chong2 ting1 ",
	"重复", " chong2 fu4 ",
	"重置", " chong2 zhi4 ",
	"变更", " bian4 geng1 ",
	"更改", " geng1 gai3 ",
	"了解", " liao3 jie3 ",
	"歌曲", " ge1 qu3 ",
	"应用", " ying4 yong4 ",
	"应答", " ying4 da2 ",
	"累计", " lei3 ji4 ",
	"尽快", " jin3 kuai4 ",
	"为准", " wei2 zhun3 ",
	"额为", " e2 wei2 ",
	"音乐", " yin1 yue4 ",
	"得到", " de2 dao4 ",
	"银行", " yin2 hang2 ",
	"长途", " chang2 tu2 ",
	"调整", " tiao2 zheng3 ",
)

// english gives words that the synthesiser does not know, in its own phonemes
// (espeak-ng: Kirshenbaum's, between double brackets).
var english = map[string]string{
	"yuan":   "[[ju:'A:n]]",
	"jiao":   "[[dZj'aU]]",
	"fetion": "[[f'eIS@n]]",
}

var englishWords = regexp.MustCompile(`[A-Za-z]+`)

// englishFigures reads figures one by one, as the catalogue reads Digits: "10086"
// would be ten thousand and eighty-six.
func englishFigures(text string) string {
	return strings.NewReplacer("0", " zero ", "1", " one ", "2", " two ", "3", " three ", "4", " four ",
		"5", " five ", "6", " six ", "7", " seven ", "8", " eight ", "9", " nine ").Replace(text)
}

// mandarinFigures reads figures as the catalogue reads Digits: one by one, and 1
// as 幺 among others.
func mandarinFigures(text string) string {
	const figures = "零一二三四五六七八九"
	digit := func(b byte) bool { return b >= '0' && b <= '9' }
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case !digit(text[i]):
			out.WriteByte(text[i])
		case text[i] == '1' && (i > 0 && digit(text[i-1]) || i+1 < len(text) && digit(text[i+1])):
			out.WriteString("幺")
		default:
			at := int(text[i]-'0') * len("零")
			out.WriteString(figures[at : at+len("零")])
		}
	}
	return out.String()
}
