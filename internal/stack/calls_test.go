package stack

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// record reads the PBX's own record: one line a call, and all its fields.
func record(t *testing.T, s *Stack) [][]string {
	t.Helper()
	data, err := os.ReadFile(s.Get("CDR_FILE"))
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(data))).ReadAll()
	if err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	return rows
}

// The ways a call can go through the dialplan, each with its one line in the record.
func TestCallsAndTheirRecord(t *testing.T) {
	needRoot(t)
	t.Parallel()
	run := t.TempDir()
	s := start(t, run)
	defer stop(t, s)
	const caller, masked = "13800001234", "138****1234"
	const standard = "ivr-a"

	cases := []struct {
		name, caller    string
		call            func(t *testing.T, p *phone)
		masked, outcome string
		test, dialled   string
	}{
		{"no application", caller, func(_ *testing.T, p *phone) {
			p.invite("10086")
			p.hungUp()
		}, masked, "fallback", "0", "10086"},
		{"served and hung up by the server", caller, func(t *testing.T, p *phone) {
			a := newApp(t, s, standard)
			p.invite("10086")
			e := a.await("StasisStart")
			if want := []string{"", "10086", caller, "0"}; len(e.Args) != 4 || strings.Join(e.Args[1:], " ") != strings.Join(want[1:], " ") {
				t.Errorf("arguments %q, want a call id and %q", e.Args, want[1:])
			}
			a.request("DELETE", "/channels/"+e.Channel.ID)
			p.hungUp()
		}, masked, "served", "0", "10086"},
		{"caller hangs up in the menu", caller, func(t *testing.T, p *phone) {
			a := newApp(t, s, standard)
			p.invite("10086")
			a.await("StasisStart")
			p.hangUp()
			a.await("StasisEnd")
		}, masked, "served", "0", "10086"},
		{"test call to an application of its own", caller, func(t *testing.T, p *phone) {
			a := newApp(t, s, "of-a-test")
			p.invite("10086", "X-Dialtest: "+s.Get("DIALTEST_TOKEN"), "X-App: of-a-test")
			e := a.await("StasisStart")
			if e.Args[3] != "1" {
				t.Errorf("not marked as a test: %q", e.Args)
			}
			a.request("DELETE", "/channels/"+e.Channel.ID)
			p.hungUp()
		}, masked, "served", "1", "10086"},
		{"a wrong token is an ordinary call", caller, func(_ *testing.T, p *phone) {
			p.invite("10086", "X-Dialtest: guessed", "X-App: of-a-test")
			p.hungUp()
		}, masked, "fallback", "0", "10086"},
		{"calling oneself dialtest is an ordinary call", "dialtest", func(_ *testing.T, p *phone) {
			p.invite("10086")
			p.hungUp()
		}, "****", "fallback", "0", "10086"},
		{"a number that would break the arguments", "138,evil,00001234", func(t *testing.T, p *phone) {
			a := newApp(t, s, standard)
			p.invite("100,86")
			e := a.await("StasisStart")
			if len(e.Args) != 4 || e.Args[1] != "10086" || e.Args[2] != caller {
				t.Errorf("arguments %q", e.Args)
			}
			a.request("DELETE", "/channels/"+e.Channel.ID)
			p.hungUp()
		}, masked, "served", "0", "10086"},
		{"refused", caller, func(t *testing.T, p *phone) {
			a := newApp(t, s, standard)
			p.invite("10086")
			a.request("POST", "/channels/"+a.await("StasisStart").Channel.ID+"/continue?context=refused&extension=s&priority=1")
			p.hungUp()
		}, masked, "refused", "0", "10086"},
		{"to an agent, none there", caller, func(t *testing.T, p *phone) {
			a := newApp(t, s, standard)
			p.invite("10086")
			a.request("POST", "/channels/"+a.await("StasisStart").Channel.ID+"/continue?context=agents&extension=desk&priority=1")
			p.hungUp()
		}, masked, "transferred", "0", "10086"},
		{"to an agent who answers", caller, func(t *testing.T, p *phone) {
			agent := newPhone(t, s.Get("SIP_ADDR"), "agent")
			agent.register(s.Get("AGENT_PASSWORD"))
			a := newApp(t, s, standard)
			p.invite("10086")
			a.request("POST", "/channels/"+a.await("StasisStart").Channel.ID+"/continue?context=agents&extension=desk&priority=1")
			agent.reply(agent.await("the call", func(m message) bool { return m.is("INVITE") }), agent.sdp())
			agent.await("the ACK", func(m message) bool { return m.is("ACK") })
			p.hangUp()
			agent.hungUp()
		}, masked, "transferred", "0", "10086"},
	}
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.call(t, newPhone(t, s.Get("SIP_ADDR"), c.caller))
			eventually(t, "its line in the record", func() bool { return len(record(t, s)) > i })
			rows := record(t, s)
			if len(rows) != i+1 {
				t.Fatalf("%d lines after %d calls: %q", len(rows), i+1, rows[i:])
			}
			row := rows[i]
			if !regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(row[0]) {
				t.Errorf("call id %q", row[0])
			}
			for _, seconds := range row[2:5] {
				if !regexp.MustCompile(`^1\d{9}\.\d{6}$`).MatchString(seconds) {
					t.Errorf("times %q", row[2:5])
				}
			}
			if got := strings.Join(row[5:], " "); got != strings.Join([]string{c.masked, c.dialled, c.outcome, c.test}, " ") {
				t.Errorf("record %q", row)
			}
		})
	}
	noNumberIn(t, run, caller)
}

// noNumberIn searches every file of the run: a caller's number must be in none.
func noNumberIn(t *testing.T, run, number string) {
	t.Helper()
	for _, dir := range []string{"asterisk", "log"} {
		err := filepath.WalkDir(filepath.Join(run, dir), func(path string, d os.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			data, err := os.ReadFile(path)
			if strings.Contains(string(data), number) {
				t.Errorf("%s holds the caller's number", path)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}
