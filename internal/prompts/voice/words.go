package voice

import (
	"cmp"
	"regexp"
	"strings"
)

// Speakable writes a text as the synthesiser is to read it: figures one by one, and in
// phonemes the words that it would misread.
func Speakable(lang, text string) string {
	switch lang {
	case "zh":
		return mandarin.Replace(beforeValue.ReplaceAllString(mandarinFigures(text), " wei2 "))
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
	"重新", " chong2 xin1 ", "重听", " chong2 ting1 ", "重复", " chong2 fu4 ", "重置", " chong2 zhi4 ",
	"重试", " chong2 shi4 ", "重选", " chong2 xuan3 ", "重发", " chong2 fa1 ", "重启", " chong2 qi3 ",
	"变更", " bian4 geng1 ", "更改", " geng1 gai3 ", "更新", " geng1 xin1 ", "更换", " geng1 huan4 ", "更正", " geng1 zheng4 ",
	"对应", " dui4 ying4 ", "应用", " ying4 yong4 ", "应答", " ying4 da2 ", "应急", " ying4 ji2 ", "响应", " xiang3 ying4 ", "适应", " shi4 ying4 ", "供应", " gong1 ying4 ",
	"为准", " wei2 zhun3 ", "作为", " zuo4 wei2 ", "设为", " she4 wei2 ", "转为", " zhuan3 wei2 ", "额为", " e2 wei2 ", "量为", " liang4 wei2 ",
	"歌曲", " ge1 qu3 ", "曲目", " qu3 mu4 ", "音乐", " yin1 yue4 ",
	"了解", " liao3 jie3 ", "处理", " chu3 li3 ", "部分", " bu4 fen4 ", "识别", " shi2 bie2 ", "一切", " yi2 qie4 ",
	"累计", " lei3 ji4 ", "累积", " lei3 ji1 ", "尽快", " jin3 kuai4 ", "尽量", " jin3 liang4 ",
	"得到", " de2 dao4 ", "得分", " de2 fen1 ", "银行", " yin2 hang2 ", "长途", " chang2 tu2 ", "调整", " tiao2 zheng3 ",
	"假期", " jia4 qi1 ", "放假", " fang4 jia4 ", "差错", " cha1 cuo4 ", "角色", " jue2 se4 ", "空闲", " kong4 xian2 ",
	"便宜", " pian2 yi5 ", "模板", " mu2 ban3 ",
	"更好地", " geng4 hao3 de5 ", "地", " di4 ", // 归属地, 地区: as a particle it is rare in what a hotline says
)

// beforeValue is a 为 that ends a text: a value follows, and it is 等于, not 为了.
var beforeValue = regexp.MustCompile(`为$`)

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
