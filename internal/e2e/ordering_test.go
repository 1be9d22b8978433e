package e2e

import (
	"context"
	"encoding/json"
	"os/exec"
	"testing"
	"time"
)

// TestFaultyBoss is a short run of the attack that README shows for ten thousand orders:
// the journal agrees with the ledger of a BOSS that goes wrong in every way and dies.
// All times are a twentieth of the server's.
func TestFaultyBoss(t *testing.T) {
	t.Parallel()
	p := need(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.binary, "attack", "orders", "--orders", "500", "--pace", "20", "--away", "2s", "--json")
	var report struct {
		Orders, Unknown, Effects int
		Agree                    int `json:"orders_that_agree"`
		Faults                   map[string]int
		Broken                   map[string][]string
	}
	attacked(t, cmd, &report)
	t.Logf("%+v", report)
	// The judge's own word is not enough: an attack in which nothing happened breaks nothing.
	if report.Agree != report.Orders || report.Orders < 500 || report.Unknown < 5 || report.Effects < 250 {
		t.Errorf("%+v", report)
	}
}

// attacked runs an attack and decodes what it reports. One that has found something
// broken fails the test by its exit code.
func attacked(t *testing.T, cmd *exec.Cmd, report any) {
	t.Helper()
	out, err := cmd.Output()
	said := ""
	if exit, ok := err.(*exec.ExitError); ok {
		said = string(exit.Stderr)
	}
	if parse := json.Unmarshal(out, report); parse != nil || err != nil {
		t.Fatalf("%v, %v\n%s\n%s", err, parse, out, said)
	}
}

// TestTypedSecrets is a short run of the attack that types thousands of marked secrets: none is
// anywhere where something is written, and the search finds one that is put there.
func TestTypedSecrets(t *testing.T) {
	t.Parallel()
	p := need(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.binary, "attack", "secrets", "--secrets", "300", "--calls", "6", "--json")
	var report struct {
		Secrets, Masked int
		Real            int `json:"real_calls"`
		Places          []struct {
			Place string
			Hits  int
			Found bool `json:"planted_found"`
		}
		Broken map[string][]string
	}
	attacked(t, cmd, &report)
	t.Logf("%+v", report)
	if report.Secrets < 300 || report.Masked < 5000 || report.Real < 5 || len(report.Places) != 9 {
		t.Errorf("%+v", report)
	}
	for _, place := range report.Places {
		if place.Hits > 0 || !place.Found {
			t.Errorf("%+v", place)
		}
	}
}
