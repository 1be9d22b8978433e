package voice

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"hotline/internal/prompts/promptstest"
)

func TestWordsWithSeveralReadingsAreSpokenRight(t *testing.T) {
	promptstest.Need(t, "espeak-ng")
	for lang, words := range map[string]map[string]string{
		"zh": {
			"重新选择":  "ts.h'ong35", // chóng, not zhòng
			"重听":    "ts.h'ong35", //
			"余额为":   "w'ei35",     // wéi, not wèi
			"密码重置":  "ts.h'ong35",
			"归属地":   "t'i51", // dì, not de
			"正在处理":  "ts.h'u35_| l'i214",
			"您的积分为": "w'ei35", // before a value
			"为您服务":  "w'ei51", // and for a caller
			"了解":    "lj'Au",
			"歌曲":    "tS;h'y214",
			"听音乐":   "yE51",         // yuè, not lè
			"10086": "j'Au55_| l'i", // 幺零, not 一万
			"按1":    "j'i55",        //
		},
		"en": {
			"Welcome to 10086.": "w'0n z'i@roU z'i@roU 'eIt s'Iks", // not ten thousand
			"Fifty Yuan a year": "ju:'A:n",                         // the dictionary has none
			"Fetion":            "f'eIS@n",
			"your frequency":    "fr'i:kw@ns", // words of which a part is one of ours stay whole
		},
	} {
		for text, want := range words {
			cmd := exec.CommandContext(t.Context(), "espeak-ng", "-v", speakers[lang].voice, "-q", "-x", "--stdin")
			cmd.Stdin = strings.NewReader(Speakable(lang, text))
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(out), want) {
				t.Errorf("%s is spoken %s, want %s in it", text, bytes.TrimSpace(out), want)
			}
		}
	}
}
