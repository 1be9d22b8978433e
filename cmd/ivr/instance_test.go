package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestInstance: the same after a restart, and another for another spool.
func TestInstance(t *testing.T) {
	dir := t.TempDir()
	var names []string
	for _, spool := range []string{"one", "one", "two"} {
		name, err := instance(filepath.Join(dir, spool), "ivr-a")
		if err != nil || !strings.HasPrefix(name, "ivr-a-") || len(name) != len("ivr-a-12345678") {
			t.Fatalf("%q, %v", name, err)
		}
		names = append(names, name)
	}
	if names[0] != names[1] || names[0] == names[2] {
		t.Errorf("names %v", names)
	}
	if _, err := instance("/proc/version", "ivr-a"); err == nil {
		t.Error("a spool that cannot be was marked")
	}
}
