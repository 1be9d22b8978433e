package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hotline/internal/bench"
)

func TestBenchUsage(t *testing.T) {
	t.Setenv("DATABASE_URL", "")
	for _, args := range [][]string{{"--rate", "0"}, {"--calls", "0"}, {"--live", "501"}, {"more"}, {"--calls", "1"}} {
		_, err := runCommand(t, append([]string{"bench"}, args...)...)
		var usage usageError
		if !errors.As(err, &usage) {
			t.Errorf("ivr bench %v: %v", args, err)
		}
	}
}

// TestBench places real calls of one key to all three, at the pace of two a second.
func TestBench(t *testing.T) {
	sandboxDatabase(t)
	binary := filepath.Join(t.TempDir(), "ivr")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(binary, "bench", "--calls", "2", "--batch", "2", "--rate", "2", "--keys", "3", "--json")
	var told strings.Builder
	cmd.Stderr = &told
	out, err := cmd.Output()
	var r bench.Result
	if err != nil || json.Unmarshal(out, &r) != nil {
		t.Fatalf("%v\n%s\n%s", err, out, told.String())
	}
	if r.Placed != 12 || r.AsScript != 12 || len(r.Faults) > 0 {
		t.Errorf("%+v", r)
	}
	for _, arm := range []bench.Arm{bench.Native, bench.Hotline, bench.Media} {
		s := r.Quiet.Arms[arm]
		if s == nil || s.Calls != 2 || s.CPU.Asterisk <= 0 || s.Audio < 1 || arm == bench.Hotline && s.CPU.Server <= 0 {
			t.Errorf("%s: %+v", arm, s)
		}
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(os.Getenv("AUDIO")), "asterisk/etc/extensions.d/bench*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// A call that went otherwise than written is said, and is the exit code.
func TestBenchFault(t *testing.T) {
	r := &bench.Result{Placed: 3, AsScript: 2, Faults: []string{"native, 1: the switch hung up"}}
	var told strings.Builder
	err := benchVerdict(&told, r)
	var exit exitError
	if !errors.As(err, &exit) || !strings.Contains(told.String(), "1 of 3") || !strings.Contains(told.String(), r.Faults[0]) {
		t.Errorf("%v, %q", err, told.String())
	}
	if err := benchVerdict(io.Discard, &bench.Result{Placed: 3, AsScript: 3}); err != nil {
		t.Error(err)
	}
}
