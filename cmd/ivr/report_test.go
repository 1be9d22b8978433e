package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"

	"hotline/internal/journal"
)

func TestReportPeriod(t *testing.T) {
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	// In Shanghai it is the 3rd already.
	now := time.Date(2026, 11, 2, 17, 30, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		flags reportFlags
		want  string // from, to, or the error
	}{
		"today":        {reportFlags{}, "2026-11-03T00:00:00+08:00 2026-11-04T00:00:00+08:00"},
		"a month":      {reportFlags{from: "2026-10-01", to: "2026-10-31"}, "2026-10-01T00:00:00+08:00 2026-11-01T00:00:00+08:00"},
		"from a day":   {reportFlags{from: "2026-11-01"}, "2026-11-01T00:00:00+08:00 2026-11-04T00:00:00+08:00"},
		"one day":      {reportFlags{to: "2026-11-01"}, "2026-11-01T00:00:00+08:00 2026-11-02T00:00:00+08:00"},
		"hours":        {reportFlags{since: time.Hour}, "2026-11-02T16:30:00Z 2026-11-02T17:30:00Z"},
		"backwards":    {reportFlags{from: "2026-11-02", to: "2026-11-01"}, "--to is before --from"},
		"both":         {reportFlags{from: "2026-11-02", since: time.Hour}, "--since does not go with --from or --to"},
		"into the sky": {reportFlags{since: -time.Hour}, "--since takes a time such as 24h"},
		"no day":       {reportFlags{from: "yesterday"}, `--from takes a day such as 2026-11-01, not "yesterday"`},
	} {
		p, err := test.flags.period(now, zone)
		got := p.From.Format(time.RFC3339) + " " + p.To.Format(time.RFC3339)
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestReportTablesAreStraight(t *testing.T) {
	rate := func(failures, counted int64, percent float64) journal.Rate {
		return journal.Rate{Policy: "standard", Failures: failures, Counted: counted, Percent: &percent}
	}
	report := &journal.Report{
		Policies: []journal.Rate{rate(1, 80, 1.25), rate(9, 1000, 0.9), rate(1, 1000, 0.1), {Policy: "strict"}},
		Services: []journal.Group{
			{Name: "来电显示", Detail: "open", Rates: journal.Rates{Standard: rate(1, 9, 11.1), Circle: rate(1, 9, 11.1)}},
			{Name: "ringback", Detail: "close", Rates: journal.Rates{Standard: rate(10, 900, 1.1), Circle: journal.Rate{}}},
		},
		Days:         []journal.Group{{Name: "2026-11-01", Rates: journal.Rates{Standard: rate(0, 9, 0)}}},
		Satisfaction: []journal.Satisfaction{{Name: "来电显示", Ratings: 10, Mean: 4.5, Satisfied: journal.Share{Count: 9, Of: 10}}, {Ratings: 1, Mean: 1}},
		Callbacks:    journal.Share{Count: 2, Of: 7},
		Applications: journal.Conservation{Opened: 3, Closed: 1, Open: 1, Lost: 1},
	}
	var out bytes.Buffer
	printReport(&out, report, time.UTC)
	width := 0
	for line := range strings.Lines(out.String()) {
		switch w := runewidth.StringWidth(strings.TrimSuffix(line, "\n")); {
		case !strings.ContainsAny(line, "│┌├└"):
			width = 0
		case width == 0:
			width = w
		case w != width:
			t.Errorf("a table is not straight, %d columns and not %d:\n%s", w, width, out.String())
		}
	}
	for _, want := range []string{"来电显示", "above the limit", "within the limit, above the goal", "meets the goal", "nothing counted", "1 LOST", "live calls", "9 (90.00 %)", "To be called back: 7, and 2 of them wait"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}

func TestReportNeedsADatabase(t *testing.T) {
	t.Setenv("DATABASE_URL", "")
	for _, command := range []string{"report", "migrate"} {
		if code := run(t.Context(), []string{command}); code != 2 {
			t.Errorf("ivr %s without DATABASE_URL ends with %d, want 2", command, code)
		}
	}
	t.Setenv("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")
	for _, command := range []string{"report", "migrate"} {
		if code := run(t.Context(), []string{command}); code != 1 {
			t.Errorf("ivr %s without Postgres ends with %d, want 1", command, code)
		}
	}
	if code := run(t.Context(), []string{"report", "--from", "x"}); code != 2 {
		t.Errorf("ivr report --from x ends with %d, want 2", code)
	}
}
