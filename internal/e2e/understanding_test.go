package e2e

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"testing"
	"time"
)

// misunderstood is a prompt as `ivr prompts report --json` lists it.
type misunderstood struct {
	Language string `json:"language"`
	ID       string `json:"id"`
	First    struct {
		Valid   int `json:"valid"`
		NoInput int `json:"no_input"`
		NoMatch int `json:"no_match"`
		HungUp  int `json:"hung_up"`
	} `json:"first_try"`
	Length int `json:"length_ms"`
	GaveUp struct {
		MS int `json:"ms"`
		N  int `json:"n"`
		Of int `json:"of"`
	} `json:"gave_up_at"`
	Nodes []struct {
		Node   string `json:"node"`
		Failed int    `json:"failed"`
	} `json:"nodes"`
}

// TestUnderstanding: callers who fail at one prompt, at one second of it, are found in the
// report at that prompt and that second; those who answer right are not.
func TestUnderstanding(t *testing.T) {
	t.Parallel()
	h := open(t)
	const wrong, left = 1400 * time.Millisecond, 2100 * time.Millisecond // into the prompt
	const held = 60 * time.Millisecond                                   // a key acts when it is let go (see talk.press)
	right := func(k *talk) {                                             // hears the balance, and the menu again: he is done
		k.keys("11")
		k.hear("wait.please", "balance.is")
		k.begins("label.101")
		k.hangup()
	}
	errs := func(k *talk) {
		k.into("main.welcome", wrong)
		k.press('9')
		k.begins("err.invalid")
		right(k)
	}
	leaves := func(k *talk) {
		k.keys("12")
		k.into("auth.enter", left)
		k.hangup()
	}
	t.Run("calls", func(t *testing.T) {
		for i, call := range []func(*talk){right, right, errs, errs, errs, leaves, leaves} {
			t.Run(fmt.Sprint("caller ", i), func(t *testing.T) {
				t.Parallel()
				k := h.dial(t, fmt.Sprintf("1395000%04d", i))
				call(k)
				eventually(t, patience, func() string {
					if end := h.value(t, "select coalesce((select end_reason from ivr.calls where call_id = $1::uuid), 'not ended')", k.CallID()); end != "hung_up" {
						return end
					}
					return ""
				})
			})
		}
	})

	found := h.misunderstood(t)
	if len(found) != 2 {
		t.Fatalf("%d prompts are listed: %+v", len(found), found)
	}
	welcome, password := found[0], found[1]
	if f := welcome.First; welcome.ID != "main.welcome" || welcome.Language != "zh" || f.Valid != 4 || f.NoMatch != 3 || f.NoInput+f.HungUp != 0 {
		t.Errorf("those who pressed what means nothing are found as %+v", welcome)
	}
	if f := password.First; password.ID != "auth.enter" || f.HungUp != 2 || f.Valid+f.NoInput+f.NoMatch != 0 {
		t.Errorf("those who left are found as %+v", password)
	}
	for _, p := range []struct {
		misunderstood
		at   time.Duration
		n    int
		node string
	}{{welcome, wrong + held, 3, "main"}, {password, left, 2, "102"}} {
		off := time.Duration(p.GaveUp.MS)*time.Millisecond - p.at
		t.Logf("%s: gave up at %d of %d ms, %v off", p.ID, p.GaveUp.MS, p.Length, off)
		if off.Abs() > 100*time.Millisecond || p.GaveUp.N != p.n || p.GaveUp.Of != p.n {
			t.Errorf("%s: all of them gave up at %v, the report says %+v", p.ID, p.at, p.GaveUp)
		}
		if len(p.Nodes) == 0 || p.Nodes[0].Node != p.node || p.Nodes[0].Failed != p.n {
			t.Errorf("%s: at node %s, the report says %+v", p.ID, p.node, p.Nodes)
		}
	}
}

// into waits until a recording has been heard for a time, by the clock of the caller.
func (k *talk) into(id string, long time.Duration) {
	k.t.Helper()
	begun := k.begins(id)
	select {
	case <-time.After(time.Until(begun.Start.Add(long))):
	case <-k.Ended():
		k.t.Errorf("the call has ended within %s", id)
	}
}

// misunderstood runs the report on the callers of this test.
func (h *hotline) misunderstood(t *testing.T) []misunderstood {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), h.binary, "prompts", "report", "--test", "--since", "1h", "--json")
	cmd.Env = append(cmd.Environ(), "DATABASE_URL="+h.address)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ivr prompts report: %v\n%s", err, out)
	}
	var report struct {
		Prompts []misunderstood `json:"prompts"`
	}
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatal(err)
	}
	return report.Prompts
}
