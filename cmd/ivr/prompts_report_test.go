package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/mattn/go-runewidth"

	"hotline/internal/journal/hearing"
	"hotline/internal/prompts"
	"hotline/internal/prompts/proof"
)

// heardReport is what callers made of four prompts: one surely under the limit, one that may
// be by chance, one that is under it for what was said after, and one above it.
func heardReport() *hearing.Report {
	ms := func(n int) *int { return &n }
	return &hearing.Report{From: time.Unix(0, 0), To: time.Unix(86400, 0), Calls: 120, Prompts: []hearing.Prompt{
		{Language: "zh", ID: "ask.month", Heard: 130, Callers: 90, Replays: 7, First: hearing.Answers{Valid: 60, NoInput: 10, NoMatch: 20, HungUp: 10},
			Failed: hearing.Answers{NoInput: 12, NoMatch: 22, HungUp: 11}, Median: ms(3400), P90: ms(6200), Length: ms(6200),
			GaveUp: []hearing.Count{{MS: 3500, N: 40}, {MS: 6000, N: 5}}, At: &hearing.Second{MS: 3540, N: 40, Of: 45},
			Nodes: []hearing.Node{{Node: "1033", Heard: 100, Failed: 40}, {Node: "a", Heard: 9}, {Node: "b", Heard: 8}, {Node: "c", Heard: 7}, {Node: "d", Heard: 6}}},
		{Language: "en", ID: "ask.month", Heard: 4, Callers: 4, First: hearing.Answers{Valid: 3, NoMatch: 1}, Failed: hearing.Answers{NoMatch: 1},
			Median: ms(0), P90: ms(900), Length: ms(900), At: &hearing.Second{MS: 900, N: 1, Of: 1}, Nodes: []hearing.Node{{Node: "1033", Heard: 4, Failed: 1}}},
		{Language: "zh", ID: "main.welcome", Heard: 100, Callers: 90, First: hearing.Answers{Valid: 60, NoInput: 40}, Nodes: []hearing.Node{{Node: "main", Heard: 100}}},
		{Language: "zh", ID: "gone.prompt", Heard: 50, Callers: 50, First: hearing.Answers{Valid: 50}, Nodes: []hearing.Node{{Node: "x", Heard: 50}}},
	}}
}

func reportTexts(t *testing.T) *prompts.Catalog {
	t.Helper()
	texts, err := prompts.Load(fstest.MapFS{
		"zh.yaml": {Data: []byte("main.welcome: 您好，欢迎。\nask.month: 请输入要查询的月份，例如一月\n")},
		"en.yaml": {Data: []byte("main.welcome: Welcome.\nask.month: Which month?\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

func TestPromptsReportShowsWhereCallersGaveUp(t *testing.T) {
	var out bytes.Buffer
	s := newUnderstanding(heardReport(), reportTexts(t), "prompts", understandingFlags{least: 95})
	if err := s.show(&out, time.UTC, false); err != nil {
		t.Fatal(err)
	}
	width := 0
	for line := range strings.Lines(out.String()) {
		switch w := runewidth.StringWidth(strings.TrimSuffix(line, "\n")); {
		case !strings.ContainsAny(line, "│┌├└"):
			width = 0
		case width == 0:
			width = w
		case w != width:
			t.Errorf("the table is not straight, %d columns and not %d:\n%s", w, width, out.String())
		}
	}
	for _, want := range []string{
		"120 calls; limit: 95 %", "zh/ask.month", "60.0 %", "50–69 %", "45: 12 + 22 + 11", "3.4 / 6.2",
		"75.0 %", "30–95 % (not significant)",
		"zh/ask.month  prompts/zh.yaml:2", "请输入要查询的月|份，例如一月", "gave up at second 3.5 of 6.2 (40 of 45): after «请输入要查询的月»",
		"1033 (40 of 100), a (0 of 9), b (0 of 8), c (0 of 7), and 1 more",
		"gave up at second 0.9 of 0.9 (1 of 1): when all of it had been said",
		"1 more prompt is under the limit",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
	for _, other := range []string{"main.welcome", "gone.prompt", "\x1b"} {
		if strings.Contains(out.String(), other) {
			t.Errorf("%q is in\n%s", other, out.String())
		}
	}
	if strings.Index(out.String(), "zh/ask.month") > strings.Index(out.String(), "en/ask.month") {
		t.Error("the one that costs more does not come first")
	}
}

func TestPromptsReportOfEverythingAndOfNothing(t *testing.T) {
	texts := reportTexts(t)
	said := func(r *hearing.Report, u understandingFlags) string {
		var out bytes.Buffer
		if err := newUnderstanding(r, texts, "prompts", u).show(&out, time.UTC, false); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if all := said(heardReport(), understandingFlags{least: 95, all: true}); !strings.Contains(all, "main.welcome") || !strings.Contains(all, "the prompts do not have it any more") {
		t.Errorf("--all leaves something out:\n%s", all)
	}
	if en := said(heardReport(), understandingFlags{least: 95, language: "en"}); strings.Contains(en, "zh/") || !strings.Contains(en, "en/ask.month") {
		t.Errorf("--language en shows\n%s", en)
	}
	if none := said(heardReport(), understandingFlags{least: 10}); !strings.Contains(none, "No prompt is under the limit.") {
		t.Errorf("--least 10 shows\n%s", none)
	}
	empty := &hearing.Report{Prompts: []hearing.Prompt{}}
	if none := said(empty, understandingFlags{least: 95}); !strings.Contains(none, "There was no call in this time.") {
		t.Errorf("without a call it says\n%s", none)
	}
	empty.Calls = 1
	if none := said(empty, understandingFlags{least: 95}); !strings.Contains(none, "1 call, and none of them heard anything") {
		t.Errorf("without an announcement it says\n%s", none)
	}
}

func TestPromptsReportForPrograms(t *testing.T) {
	var out bytes.Buffer
	if err := newUnderstanding(heardReport(), reportTexts(t), "prompts", understandingFlags{least: 95}).show(&out, time.UTC, true); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Calls, Others int
		Prompts       []struct {
			ID, Place, Text string
			Percent         float64
			Chance          bool
			GaveUp          *hearing.Second `json:"gave_up_at"`
			Before          string          `json:"said_before"`
		}
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Prompts) != 2 || got.Calls != 120 || got.Others != 1 || got.Prompts[0].Percent != 60 || got.Prompts[0].Before != "请输入要查询的月" ||
		got.Prompts[0].GaveUp.MS != 3540 || got.Prompts[0].Chance || !got.Prompts[1].Chance {
		t.Errorf("%s", out.Bytes())
	}
}

// What is surely under the limit is an error where the rules say so, and unless it is waived.
func TestPromptsReportJudges(t *testing.T) {
	for name, test := range map[string]struct {
		rules, waive, want string
	}{
		"a warning": {rules: "understanding: {severity: warning, percent: 95}\n"},
		"a problem": {rules: "understanding: {severity: problem, percent: 95}\n", want: "zh.yaml:2:1: prompt \"ask.month\": 60.0 % of callers"},
		"waived":    {rules: "understanding: {severity: problem, percent: 95}\n", waive: "waive: {understanding: 试验}"},
	} {
		dir := t.TempDir()
		for file, text := range map[string]string{
			"zh.yaml":          "main.welcome: 您好，欢迎。\nask.month: {text: 请输入要查询的月份，例如一月, " + test.waive + "}\n",
			"style/rules.yaml": test.rules,
		} {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		texts, err := loadPrompts(dir)
		if err != nil {
			t.Fatal(err)
		}
		rules, err := proof.Load(os.DirFS(dir))
		if err != nil {
			t.Fatal(err)
		}
		var said bytes.Buffer
		err = newUnderstanding(heardReport(), texts, dir, understandingFlags{least: rules.Understanding()}).judge(&said, rules)
		if (err != nil) != (test.want != "") || !strings.Contains(said.String(), test.want) || strings.Contains(said.String(), "en/") {
			t.Errorf("%s: %v, %s", name, err, said.String())
		}
	}
}

func TestPromptsReportPeriod(t *testing.T) {
	now := time.Date(2026, 11, 2, 17, 30, 0, 0, time.UTC)
	for flags, want := range map[understandingFlags]string{
		{}:                                "2026-10-26 17:30 2026-11-02 17:30",
		{since: "36h"}:                    "2026-11-01 05:30 2026-11-02 17:30",
		{since: "2d"}:                     "2026-10-31 17:30 2026-11-02 17:30",
		{from: "2026-11-01"}:              "2026-11-01 00:00 2026-11-03 00:00",
		{since: "2d", from: "2026-11-01"}: "--since does not go with --from or --to",
		{since: "-1h"}:                    `--since takes a time such as 24h or 7d, not "-1h"`,
		{since: "0d"}:                     `--since takes a time such as 24h or 7d, not "0d"`,
		{since: "a week"}:                 `--since takes a time such as 24h or 7d, not "a week"`,
	} {
		p, err := flags.period(now, time.UTC)
		got := p.From.Format("2006-01-02 15:04 ") + p.To.Format("2006-01-02 15:04")
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%+v: %s, want %s", flags, got, want)
		}
	}
}

func TestPromptsReportCommand(t *testing.T) {
	texts, menus := filepath.Join("..", "..", "prompts"), filepath.Join("..", "..", "menus")
	t.Setenv("DATABASE_URL", "")
	for args, want := range map[string]int{
		"":                 2, // no database
		"--least 101":      2,
		"--language fr":    2,
		"--since tomorrow": 2,
		"--menus nowhere":  1,
	} {
		all := append([]string{"prompts", "report", "--prompts", texts, "--menus", menus}, strings.Fields(args)...)
		if code := run(t.Context(), all); code != want {
			t.Errorf("ivr prompts report %s ends with %d, want %d", args, code, want)
		}
	}
}
