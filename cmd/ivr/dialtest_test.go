package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hotline/internal/dialtest"
	"hotline/internal/orders"
)

func TestDialtestRefusesBadUsageBeforeItCalls(t *testing.T) {
	for _, args := range [][]string{
		{"--expect", "fine"}, {"--expect", "success/already_open"}, {"--keys", "1x"}, {"--from", "nobody"}, {"10086"},
	} {
		_, err := runCommand(t, append([]string{"dialtest", "call"}, args...)...)
		var usage usageError
		if !errors.As(err, &usage) {
			t.Errorf("%q: %v, want a usage error", args, err)
		}
	}
}

func TestDialtestSaysWhatIsMissing(t *testing.T) {
	for _, name := range []string{"SIP_ADDR", "DIALTEST_TOKEN", "AUDIO", "DATABASE_URL"} {
		t.Setenv(name, "")
	}
	env := filepath.Join(t.TempDir(), "env")
	call := []string{"dialtest", "call", "--env-file", env}
	for _, c := range []struct{ settings, want string }{
		{"", "no hotline to call: SIP_ADDR is not set"},
		{"export SIP_ADDR='127.0.0.1:9'\n", "needs DIALTEST_TOKEN"},
		{"export SIP_ADDR='127.0.0.1:9'\nexport DIALTEST_TOKEN='x'\n", "AUDIO is not set"},
		{"SIP_ADDR=127.0.0.1:9\nDIALTEST_TOKEN=x\nAUDIO=/nowhere\n", "no recordings in /nowhere"},
	} {
		if err := os.WriteFile(env, []byte(c.settings), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := runCommand(t, call...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("settings %q: %v, want %q", c.settings, err, c.want)
		}
	}
	t.Setenv("SIP_ADDR", "192.0.2.1:5060")
	if s, err := readDialtestSettings(env, true); err != nil || s.sipAddr != "192.0.2.1:5060" || s.token != "x" {
		t.Errorf("the environment comes first: %+v, %v", s, err)
	}
	if _, err := readDialtestSettings(env+".none", true); err == nil {
		t.Error("a named settings file that is not there was passed over")
	}
}

func TestDialtestJudgesTheLastApplication(t *testing.T) {
	row := func(outcome orders.Outcome, detail orders.Detail) applicationRow {
		return applicationRow{Kind: "order", Result: orders.Result{Outcome: outcome, Detail: detail}}
	}
	switched, opened, already := row(orders.Switched, ""), row(orders.Success, orders.Confirmed), row(orders.Rejected, orders.AlreadyOpen)
	for _, c := range []struct {
		expect string
		rows   []applicationRow
		want   string // in the problem; "" for none
	}{
		{"success", []applicationRow{switched, opened}, ""},
		{"success/confirmed", []applicationRow{opened}, ""},
		{"success/reconciled", []applicationRow{opened}, "expected success/reconciled, got success/confirmed"},
		{"rejected", []applicationRow{already}, ""},
		{"success", []applicationRow{opened, already}, "expected success, got rejected/already_open"},
		{"success", []applicationRow{{}}, "got an application that is still open"},
		{"success", nil, "no application of this call"},
		{"any", nil, ""},
	} {
		want, err := parseExpected(c.expect)
		if err != nil {
			t.Fatal(err)
		}
		r := dialtestReport{Expected: c.expect, Applications: c.rows}
		problem := judge(&r, &journalReader{}, want, c.expect == "any")
		switch {
		case (problem == nil) != (c.want == ""), problem != nil && !strings.Contains(problem.Error(), c.want), r.AsExpected != (problem == nil):
			t.Errorf("--expect %s of %v: %v, want %q", c.expect, c.rows, problem, c.want)
		}
	}
	r := dialtestReport{Expected: "success", Applications: []applicationRow{opened}, Problem: "the call broke off"}
	if judge(&r, &journalReader{}, orders.Result{Outcome: orders.Success}, false) == nil || r.AsExpected {
		t.Error("a call that broke off was as expected")
	}
}

func TestTheMenuAsksAgain(t *testing.T) {
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	heard := func(second int, prompt string) dialtest.Heard {
		return dialtest.Heard{Prompt: prompt, Start: noon.Add(time.Duration(second) * time.Second)}
	}
	line := []dialtest.Heard{heard(0, "menu"), heard(1, dialtest.Unknown), heard(3, "wait"), heard(4, dialtest.Unknown), heard(5, "done")}
	keys := []dialtest.Pressed{{Key: "1", At: noon.Add(2 * time.Second)}}
	if asksAgain(line, keys) {
		t.Error("nothing was said again")
	}
	if !asksAgain(append(line, heard(6, "menu")), keys) {
		t.Error("the menu was said again")
	}
	if asksAgain(append(line, heard(6, "menu")), nil) {
		t.Error("without a key there is no again")
	}
}

// One wrong byte in a file, without a lost packet, parts a recording in two: what is heard of it is not "as far as
// the manifest says". A caller that begins in the middle because packets are missing proves nothing.
func TestOtherBytesThanTheManifests(t *testing.T) {
	whole := dialtest.Heard{Prompt: "main.welcome", Whole: true, SHA256: "1f38"}
	begin := dialtest.Heard{Prompt: "main.welcome", To: 1500 * time.Millisecond}
	rest := dialtest.Heard{Prompt: "main.welcome", From: 1500 * time.Millisecond, To: 3 * time.Second, Whole: true}
	sound := dialtest.Heard{Prompt: dialtest.Unknown}
	for want, r := range map[string]dialtestReport{
		"1 whole, bit for bit as the manifest says; 1 in part, as far; 0 otherwise than it says; 0 sounds": {Heard: []dialtest.Heard{whole, begin}},
		"1 whole, bit for bit as the manifest says; 1 in part, as far; 1 otherwise than it says; 1 sounds": {Heard: []dialtest.Heard{whole, begin, rest, sound}},
		"0 whole, bit for bit as the manifest says; 2 in part, as far; 0 otherwise than it says; 0 sounds": {Heard: []dialtest.Heard{begin, rest}, Missing: 1},
	} {
		var out strings.Builder
		newTimeline(&out).ended(&r)
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	journal := openJournal(t.Context(), "")
	defer journal.close()
	r := dialtestReport{Heard: []dialtest.Heard{whole, begin, rest}}
	if err := judge(&r, journal, orders.Result{}, true); err == nil || !strings.Contains(err.Error(), "main.welcome is heard otherwise than the manifest says before 1500 ms") {
		t.Errorf("a call with other bytes is judged %v", err)
	}
}

func TestTimelineReadsAsTheCallWent(t *testing.T) {
	var out strings.Builder
	show := newTimeline(&out)
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	at := func(ms int) time.Time { return noon.Add(time.Duration(ms) * time.Millisecond) }
	from, err := orders.ParseMSISDN("13800000001")
	if err != nil {
		t.Fatal(err)
	}
	show.dialling(from, "10086")
	show.answered(noon, 12*time.Millisecond)
	show.heard(dialtest.Heard{Prompt: "main.welcome", Text: "您好", Start: at(20)})
	show.pressed(dialtest.Pressed{Key: "3", At: at(700)})
	show.closed(dialtest.Heard{Prompt: "main.welcome", To: 700 * time.Millisecond, End: at(705), Lost: 2})
	show.heard(dialtest.Heard{Prompt: "order.opened", Text: "已开通", Start: at(730)})
	show.closed(dialtest.Heard{Prompt: "order.opened", Whole: true, End: at(900)})
	opened := time.Date(2026, 1, 1, 12, 0, 0, 0, time.Local)
	closed := opened.Add(3400 * time.Millisecond)
	show.rows(dialtestReport{CallID: "id", Applications: []applicationRow{
		{ID: "id.1", Kind: "order", Action: "open", Service: "caller_id", Node: "3011", Category: "operation", Rule: "already-open",
			Prompt: "wait.please", PromptMS: 880, Order: "o", State: "rejected", Price: 600, BossRef: "SB1", Menu: "v", Test: true,
			ClosedBy: "desk", OpenedAt: opened, ClosedAt: &closed,
			Result: orders.Result{Outcome: orders.Rejected, Detail: orders.AlreadyOpen}},
	}})
	want := `138****0001 calls 10086
   0.00  answered after 12 ms
   0.02  main.welcome           您好
   0.70  press 3
   0.70  2 packets of main.welcome were lost
   0.70  main.welcome cut after 700 ms
   0.73  order.opened           已开通  30 ms after key 3

call id
  order open caller_id          rejected/already_open  at 3011  (operation, rule already-open)
    application id.1  test true  menu v
    opened 12:00:00.000  closed 12:00:03.400 by the desk  after 880 ms of wait.please
    order o  rejected  6.00 yuan  SB1
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	show.width = 40
	if got := show.fit("您好，欢迎致电一零零八六自助服务热线", 20); len([]rune(got)) > 11 {
		t.Errorf("a text is cut to %q", got)
	}
}
