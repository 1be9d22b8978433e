//go:build crashpoints

package crash

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

const child = "CRASH_TEST_PASSES"

// TestMain: with child set this is the process that passes points.
func TestMain(m *testing.M) {
	n, err := strconv.Atoi(os.Getenv(child))
	if err != nil {
		os.Exit(m.Run())
	}
	for range n {
		At(OrderMarked)
		At(OrderReplied)
	}
	os.Exit(0)
}

// TestDiesAtTheNthPass: of that point, by SIGKILL, and not before.
func TestDiesAtTheNthPass(t *testing.T) {
	for _, c := range []struct {
		at     string
		passes string
		dies   bool
	}{
		{"order.replied:3", "3", true}, {"order.replied:3", "2", false}, {"order.marked:1", "1", true},
		{"call.decided:1", "5", false}, {"", "5", false},
	} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), child+"="+c.passes, setting+"="+c.at)
		out, _ := cmd.CombinedOutput()
		status := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if killed := status.Signaled() && status.Signal() == syscall.SIGKILL; killed != c.dies || !killed && status.ExitStatus() != 0 {
			t.Errorf("%s after %s passes: %v\n%s", c.at, c.passes, cmd.ProcessState, out)
		}
	}
}

func TestAMisspeltPointIsRefused(t *testing.T) {
	for _, at := range []string{"order.sent:1", "order.marked", "order.marked:0"} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), child+"=1", setting+"="+at)
		out, _ := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), "order.committed") {
			t.Errorf("%s: %v %s", at, cmd.ProcessState, out)
		}
	}
}
