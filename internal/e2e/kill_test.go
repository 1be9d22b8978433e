package e2e

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestKills is a short run of the attack that README shows for a thousand: the server is
// killed fifty times while callers order, and the callers' word, the BOSS's ledger and the
// journal agree in the end. It has the machine for itself: it measures silences, and its eight
// hotlines start again and again.
func TestKills(t *testing.T) {
	need(t)
	binary := filepath.Join(t.TempDir(), "ivr-crashpoints")
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "go", "build", "-tags", "crashpoints", "-o", binary, "hotline/cmd/ivr").CombinedOutput(); err != nil {
		t.Fatalf("build a server with crash points: %v\n%s", err, out)
	}
	cmd := exec.CommandContext(ctx, binary, "attack", "kill", "--kills", "50", "--lanes", "8", "--json")
	// What a killed server has sent is found out about after both: a minute and more is too long here.
	cmd.Env = append(os.Environ(), "ORDER_DEADLINE=6s", "ORDER_SETTLE=6s")
	out, err := cmd.Output()
	var report struct {
		Kills     int
		InFlight  int            `json:"in_flight_percent"`
		ByPoint   map[string]int `json:"by_point"`
		Confirmed int
		Effects   int
		Resumed   int
		Standby   int `json:"under_a_standby"`
		TakenOver int `json:"taken_over"`
		Broken    map[string][]string
	}
	if parse := json.Unmarshal(out, &report); parse != nil {
		said := ""
		if exit, ok := err.(*exec.ExitError); ok {
			said = string(exit.Stderr)
		}
		t.Fatalf("%v, %v\n%s\n%s", err, parse, out, said)
	}
	t.Logf("%+v", report)
	for what, cases := range report.Broken {
		t.Errorf("%s: %d\n%s", what, len(cases), cases[0])
	}
	// The judge's own word is not enough: an attack in which nothing happened breaks nothing.
	if err != nil || report.Kills != 50 || report.Confirmed < 25 || report.Effects == 0 ||
		report.Resumed == 0 || report.Standby == 0 || report.TakenOver == 0 {
		t.Errorf("%v", err)
	}
}
