package prompts

import (
	"os"
	"strings"
	"testing"
)

// forbidden are words that a service standard bans, and 你, which is not 您.
var forbidden = []string{"你", "喂", "不知道", "应该", "好像", "不可能", "没办法", "必须", "刚才"}

func TestTheShippedTextsKeepTheNorms(t *testing.T) {
	c, err := Load(os.DirFS("../../prompts"))
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range c.Languages() {
		says := map[string]string{}
		for _, e := range c.Entries(lang) {
			for _, word := range forbidden {
				if strings.Contains(e.Text, word) {
					t.Errorf("%s: %s says %q", e.Pos, e.ID, word)
				}
			}
			group, _, _ := strings.Cut(e.ID, ".")
			if !strings.Contains(" sys wait agent err order query status ", " "+group+" ") {
				continue
			}
			if first, twice := says[e.Text]; twice {
				t.Errorf("%s: %s says the same as %s: each cause has its own sentence", e.Pos, e.ID, first)
			}
			says[e.Text] = e.ID
		}
	}
}
