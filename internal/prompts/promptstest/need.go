package promptstest

import (
	"os"
	"os/exec"
	"testing"
)

// Need leaves a test out where the machine lacks a program that it speaks, or reads
// recordings, with. Where all parts are promised the test fails instead.
func Need(t testing.TB, programs ...string) {
	t.Helper()
	for _, name := range programs {
		_, err := exec.LookPath(name)
		switch {
		case err == nil:
		case os.Getenv("CI") != "" || os.Getenv("IVR_PARTS") == "required":
			t.Fatalf("the test needs %s: %v", name, err)
		default:
			t.Skipf("the test needs %s: %v", name, err)
		}
	}
}
