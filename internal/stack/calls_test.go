package stack

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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

// The caller of the calls, and what the record may show of it.
const caller, masked = "13800001234", "138****1234"

// callCase is a way that a call can go through the dialplan, and its line in the record.
type callCase struct {
	name, from            string
	call                  func(t *testing.T, s *Stack, p *phone)
	masked, outcome, test string
}

// served calls the number and waits until the application has the call.
func served(t *testing.T, s *Stack, p *phone, name, number string, headers ...string) (*app, event) {
	t.Helper()
	a := newApp(t, s, name)
	p.invite(number, headers...)
	return a, a.await("StasisStart")
}

// transfer sends the channel into another context, as the server does.
func transfer(a *app, e event, context, extension string) {
	a.t.Helper()
	a.request("POST", "/channels/"+e.Channel.ID+"/continue?context="+context+"&extension="+extension+"&priority=1")
}

// The ways that need nobody but the server.
var servedCases = []callCase{
	{"hung up by the server", caller, func(t *testing.T, s *Stack, p *phone) {
		a, e := served(t, s, p, "ivr-a", "10086")
		if len(e.Args) != 5 || strings.Join(e.Args[1:], " ") != "10086 "+caller+" 0 1800" {
			t.Errorf("arguments %q, want a call id, the dialled number, the caller, 0 and the limit", e.Args)
		}
		a.request("DELETE", "/channels/"+e.Channel.ID)
		p.hungUp()
	}, masked, "served", "0"},
	{"hung up by the caller", caller, func(t *testing.T, s *Stack, p *phone) {
		a, _ := served(t, s, p, "ivr-a", "10086")
		p.hangUp()
		a.await("StasisEnd")
	}, masked, "served", "0"},
	{"the standby has it when the first is away", caller, func(t *testing.T, s *Stack, p *phone) {
		a, e := served(t, s, p, "ivr-b", "10086")
		a.request("DELETE", "/channels/"+e.Channel.ID)
		p.hungUp()
	}, masked, "served", "0"},
	{"test call to an application of its own", caller, func(t *testing.T, s *Stack, p *phone) {
		a, e := served(t, s, p, "of-a-test", "10086", "X-Dialtest: "+s.Get("DIALTEST_TOKEN"), "X-App: of-a-test")
		if e.Args[3] != "1" {
			t.Errorf("not marked as a test: %q", e.Args)
		}
		a.request("DELETE", "/channels/"+e.Channel.ID)
		p.hungUp()
	}, masked, "served", "1"},
	{"numbers that would shift the arguments", "138,evil,00001234", func(t *testing.T, s *Stack, p *phone) {
		a, e := served(t, s, p, "ivr-a", "100,86")
		if len(e.Args) != 5 || e.Args[1] != "10086" || e.Args[2] != caller {
			t.Errorf("arguments %q", e.Args)
		}
		a.request("DELETE", "/channels/"+e.Channel.ID)
		p.hungUp()
	}, masked, "served", "0"},
}

// The ways on which the dialplan answers for the server, or after it.
var dialplanCases = []callCase{
	{"no application", caller, func(_ *testing.T, _ *Stack, p *phone) {
		p.invite("10086")
		p.hungUp()
	}, masked, "fallback", "0"},
	{"a guessed token makes no test call", caller, func(t *testing.T, s *Stack, p *phone) {
		newApp(t, s, "of-a-test")
		p.invite("10086", "X-Dialtest: guessed", "X-App: of-a-test")
		p.hungUp()
	}, masked, "fallback", "0"},
	{"a name makes no test call", "dialtest", func(_ *testing.T, _ *Stack, p *phone) {
		p.invite("10086")
		p.hungUp()
	}, "****", "fallback", "0"},
	{"refused", caller, func(t *testing.T, s *Stack, p *phone) {
		a, e := served(t, s, p, "ivr-a", "10086")
		transfer(a, e, "refused", "s")
		p.hungUp()
	}, masked, "refused", "0"},
	{"to an agent, none there", caller, func(t *testing.T, s *Stack, p *phone) {
		a, e := served(t, s, p, "ivr-a", "10086")
		transfer(a, e, "agents", "desk")
		a.back(e, "0", "")
		p.hungUp()
	}, masked, "served", "0"},
	{"to a queue that there is not", caller, func(t *testing.T, s *Stack, p *phone) {
		a, e := served(t, s, p, "ivr-a", "10086")
		transfer(a, e, "agents", "no-such-queue")
		a.back(e, "0", "")
		p.hungUp()
	}, masked, "served", "0"},
	{"to an agent who answers", caller, func(t *testing.T, s *Stack, p *phone) {
		agent, _ := talking(t, s, p, "ivr-a")
		p.hangUp()
		agent.hungUp()
	}, masked, "transferred", "0"},
	{"to an agent who hangs up first", caller, func(t *testing.T, s *Stack, p *phone) {
		agent, a := talking(t, s, p, "ivr-b") // of the standby: it comes back to the one that served it
		agent.hangUp()
		a.back(a.first, "1", "")
		p.hungUp()
	}, masked, "transferred", "0"},
	{"to an agent who sends it to a node", caller, func(t *testing.T, s *Stack, p *phone) {
		agent, a := talking(t, s, p, "ivr-a")
		agent.refer("3011")
		a.back(a.first, "1", "3011")
		p.hungUp()
	}, masked, "transferred", "0"},
	{"a queue, and no server any more", caller, func(t *testing.T, s *Stack, p *phone) {
		agent, a := talking(t, s, p, "ivr-a")
		a.conn.CloseNow()
		agent.hangUp()
		p.hungUp() // after an apology
	}, masked, "transferred", "0"},
}

// talking has the call with an agent who has answered.
func talking(t *testing.T, s *Stack, p *phone, name string) (*phone, *app) {
	t.Helper()
	agent := newPhone(t, s.Get("SIP_ADDR"), "agent")
	agent.register(s.Get("AGENT_PASSWORD"))
	a, e := served(t, s, p, name, "10086")
	a.first = e
	a.request("POST", "/channels/"+e.Channel.ID+"/variable?variable=ARRAY(__HOTLINE_CALL,__HOTLINE_NODE)&value="+e.Args[0]+",3")
	transfer(a, e, "agents", "desk")
	m := agent.await("the call", func(m message) bool { return m.is("INVITE") })
	if call, node := m.headers.Get("X-Hotline-Call"), m.headers.Get("X-Hotline-Node"); call != e.Args[0] || node != "3" {
		t.Errorf("the agent is told of call %q and node %q", call, node)
	}
	agent.reply(m, agent.sdp())
	agent.await("the ACK", func(m message) bool { return m.is("ACK") })
	eventually(t, "the two to be connected", func() bool { return strings.Contains(a.get("/bridges"), e.Channel.ID) })
	// From here on the agent can speak first within the dialog.
	agent.call, agent.tag, agent.to = m.headers.Get("Call-Id"), "t2", "caller"
	agent.remote = regexp.MustCompile(`;tag=[^;>\s]+`).FindString(m.headers.Get("From"))
	return agent, a
}

// back waits for a call to come back from its transfer, as it should, and ends it.
func (a *app) back(first event, reached, node string) {
	a.t.Helper()
	e := a.await("StasisStart")
	if want := slices.Concat(first.Args, []string{reached, node}); e.Channel.ID != first.Channel.ID || !slices.Equal(e.Args, want) {
		a.t.Errorf("comes back as %s with %q, want %q", e.Channel.ID, e.Args, want)
	}
	a.request("DELETE", "/channels/"+e.Channel.ID)
}

func TestCallsAndTheirRecord(t *testing.T) {
	needRoot(t)
	t.Parallel()
	run := t.TempDir()
	s := start(t, run, "ivr-a", "ivr-b")
	defer stop(t, s)
	for i, c := range slices.Concat(servedCases, dialplanCases) {
		t.Run(c.name, func(t *testing.T) {
			c.call(t, s, newPhone(t, s.Get("SIP_ADDR"), c.from))
			eventually(t, "its line in the record", func() bool { return len(record(t, s)) > i })
			rows := record(t, s)
			if len(rows) != i+1 {
				t.Fatalf("%d lines after %d calls: %q", len(rows), i+1, rows[i:])
			}
			checkRow(t, rows[i], c)
		})
	}
	noNumberIn(t, run, caller)
}

// checkRow judges one line of the record.
func checkRow(t *testing.T, row []string, c callCase) {
	t.Helper()
	if !regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(row[0]) {
		t.Errorf("call id %q", row[0])
	}
	for _, seconds := range row[2:5] {
		if !regexp.MustCompile(`^1\d{9}\.\d{6}$`).MatchString(seconds) {
			t.Errorf("times %q", row[2:5])
		}
	}
	reason := "" // the dialplan's own, where the server gives none
	if c.outcome == "refused" {
		reason = "other"
	}
	if got := strings.Join(row[5:], " "); got != strings.Join([]string{c.masked, "10086", c.outcome, c.test, reason}, " ") {
		t.Errorf("record %q", row)
	}
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
