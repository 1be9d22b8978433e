package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hotline/internal/menu"
	"hotline/internal/prompts"
	"hotline/internal/prompts/promptstest"
)

// simulated loads the shipped menu for a sim that a test talks to.
func simulated(t *testing.T) (*sim, *strings.Builder) {
	t.Helper()
	catalog, err := loadPrompts("../../prompts")
	if err != nil {
		t.Fatal(err)
	}
	trees, err := loadMenus("../../menus/10086.yaml", catalog)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	return newSim(&out, trees[0], catalog), &out
}

// TestSimTalks: Enter lets happen what happens by itself.
func TestSimTalks(t *testing.T) {
	for name, c := range map[string]struct {
		typed string
		want  []string
	}{
		"balance":         {"1 1\n\n\n\nhangup\n", []string{"BOSS: answer success/confirmed balance=money:5850", "五十八元五角", "ends success/confirmed", "end hung_up"}},
		"poor subscriber": {"311\nanswer rejected/insufficient_balance\n1\n\n\nquit\n", []string{"ends rejected/insufficient_balance"}},
		"no agent":        {"0\n\n\nrefused\n2\nhangup\n", []string{"transfer desk", "agent.failed", "node main", "end hung_up"}},
		"agent":           {"0\n\n\n\n", []string{"transfer desk", "end transferred"}},
		"nonsense":        {"what\nanswer\nanswer fine\npress\nhangup\n", []string{`no such line "what"`, "which answer?", `"fine" is no answer that the menu knows`, "which key?", "end hung_up"}},
		"end of input":    {"3\n", []string{"end hung_up"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, out := simulated(t)
			if err := s.talk(t.Context(), strings.NewReader(c.typed)); err != nil {
				t.Fatal(err)
			}
			rest := out.String()
			for _, want := range c.want {
				_, after, found := strings.Cut(rest, want)
				if !found {
					t.Fatalf("%q is missing, or not in this order, in\n%s", want, out)
				}
				rest = after
			}
		})
	}
}

func TestSimPressesKeys(t *testing.T) {
	out, err := runCommand(t, "sim", "../../menus/10086.yaml", "--prompts", "../../prompts", "--keys", "3 1 1 1")
	if err != nil || !strings.Contains(out, "order open caller_id 6.00") || !strings.Contains(out, "app 1 ends success/confirmed") || !strings.HasSuffix(out, "end hung_up\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestSimShows: what is said in the call's language, the keys that mean something
// then, and no key of a secret.
func TestSimShows(t *testing.T) {
	for keys, want := range map[string][]string{
		"3 1": {"» 您好，欢迎致电10086。 For English", "  3 来电显示、彩铃、移动数据流量等业务办理  ", "│ # repeat · * back · ** main · 0 agent · #code#\n",
			"  ← 3\n", "  1 开通  2 关闭  3 业务介绍  4 状态查询  │ # repeat · * back · ** main · 0 agent\n"},
		"1 2 135790":      {"0-9 service password, # ends it", "  ← ••••••\n", "verify •••", "ask last_month_bill", "» 您上月的账单金额为 五十八元五角"},
		"1 3 135790 2610": {"0-9 month, 4 keys, # ends it", "  ← 2610\n", "ask bill_by_month month=2610", "二零二六年九月"},
		"4 2 1 1":         {"1 普通话服务  2 For English", "speak en from now on", "» All right.", "ask balance", "fifty-eight yuan"},
		"#3011# 1 2 5":    {"order open caller_id 6.00", "BOSS: answer success/confirmed", "1-5 rating", "rated 5 caller_id", "end finished"},
		"0":               {"BOSS: profile success/confirmed brand=word:全球通 star=count:3"},
		"2 6 13800000001": {"0-9 phone, 11 keys", "  ← •••••••••••\n"},
		"1 6 1 6*50":      {"0-9 amount, 1 to ", ", * is part of it", "  ← 6*50\n"},
	} {
		t.Run(keys, func(t *testing.T) {
			out, err := runCommand(t, "sim", "../../menus/10086.yaml", "--prompts", "../../prompts", "--keys", keys)
			if err != nil {
				t.Fatal(err)
			}
			rest := out
			for _, w := range want {
				_, after, found := strings.Cut(rest, w)
				if !found {
					t.Fatalf("%q is missing, or not in this order, in\n%s", w, out)
				}
				rest = after
			}
			if strings.Contains(out, "135790") || strings.Contains(out, "13800000001") {
				t.Errorf("shows what is private:\n%s", out)
			}
		})
	}
}

// TestSimOutside: what ops and the person beyond the transfer do.
func TestSimOutside(t *testing.T) {
	for typed, want := range map[string]string{
		"seen closed\n1 1\n\nhangup\n":                           "ends system_failed/platform",
		"profile system_failed/boss_error\n0\n\n\n":              "BOSS: profile system_failed/boss_error",
		"1 2\nanswer auth_failed/locked\n135790\n\n\n\n\nquit\n": "ends auth_failed/locked",
		"0\n\n\nreturned 301\nhangup\n":                          "node 301",
	} {
		s, out := simulated(t)
		if err := s.talk(t.Context(), strings.NewReader(typed)); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q: %q is missing in\n%s", typed, want, out)
		}
	}
}

// recordedSilence is an audio folder in which every prompt of the shipped texts takes one second.
func recordedSilence(t *testing.T, catalog *prompts.Catalog) string {
	t.Helper()
	dir := t.TempDir()
	folder, _ := promptstest.Silence(catalog, 1000)
	if err := os.CopyFS(dir, folder); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestSimIsHeard: the file holds the recordings of all that was said, in the language
// in which it was said.
func TestSimIsHeard(t *testing.T) {
	catalog, err := loadPrompts("../../prompts")
	if err != nil {
		t.Fatal(err)
	}
	file, audio := filepath.Join(t.TempDir(), "said.wav"), recordedSilence(t, catalog)
	out, err := runCommand(t, "sim", "../../menus/10086.yaml", "--prompts", "../../prompts", "--keys", "4 2 1 1", "--audio", audio, "--hear", file)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	language, fragments := "zh", 0
	for line := range strings.Lines(out) {
		words := strings.Fields(line)
		if words[0] == "speak" {
			language = words[1]
		}
		if words[0] != "play" {
			continue
		}
		for _, w := range words[1:] {
			r, err := prompts.ParseRef(w)
			if err != nil {
				t.Fatal(err)
			}
			said, err := catalog.Fragments(language, []prompts.Ref{r})
			if err != nil {
				t.Fatal(err)
			}
			fragments += len(said)
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const header, second = 44, 16000
	if language != "en" || fragments < 50 || len(data) != header+fragments*second {
		t.Errorf("%d bytes for %d fragments, the last in %s", len(data), fragments, language)
	}
}

// TestSimPlaysAFileAgain: a transcript that belongs to the menu comes out as it went in.
func TestSimPlaysAFileAgain(t *testing.T) {
	const file = "../../menus/transcripts/balance.txt"
	out, err := runCommand(t, "sim", "../../menus/10086.yaml", "--prompts", "../../prompts", "--transcript", file)
	if err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(string(written), out) || !strings.Contains(out, "play balance.is") {
		t.Errorf("got\n%s\nwant\n%s", out, written)
	}
}

func TestSimUsage(t *testing.T) {
	two := shippedMenus(t, func(s string) string { return s })
	data, err := os.ReadFile(filepath.Join(two, "10086.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	other := strings.NewReplacer(`menu: "10086"`, "menu: other", `dialled: ["10086"]`, `dialled: ["1"]`).Replace(string(data))
	if err := os.WriteFile(filepath.Join(two, "other.yaml"), []byte(other), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{}, {"a", "b"}, {two}, {"../../menus/10086.yaml", "--keys", "3 x"}, {"../../menus/10086.yaml", "--keys", "1", "--transcript"},
		{"../../menus/10086.yaml", "--hear=x.mp3"}, {"../../menus/10086.yaml", "--hear", "x.mp3"}, {"../../menus/10086.yaml", "--hear", "--transcript"},
	} {
		_, err := runCommand(t, append([]string{"sim", "--prompts", "../../prompts"}, args...)...)
		var usage usageError
		if !errors.As(err, &usage) {
			t.Errorf("%q: %v, want a usage error", args, err)
		}
	}
}

// TestSimAnswersEveryQuery: what the sim's BOSS says can be read aloud.
func TestSimAnswersEveryQuery(t *testing.T) {
	s, _ := simulated(t)
	for id, n := range s.tree.Nodes {
		if n.Query != nil {
			answer := succeeds + values(n.Query, s.tree)
			events, err := s.player.Events(answer)
			if err != nil {
				t.Fatal(id, err)
			}
			for _, p := range n.Query.Answer {
				if _, there := events[0].(menu.Answered).Answer.Values[p.Value]; p.Value != "" && !there {
					t.Errorf("%s: no value %q in %s", id, p.Value, answer)
				}
			}
		}
	}
}
