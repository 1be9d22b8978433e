package stack

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Clean removes what stacks made in the folders run and cache: all of run, and of the
// cache only what is ours, as its folder may be anybody's. It refuses while a stack uses
// either of them, and tells which of them it has removed.
func Clean(run, cache string) (removed []string, err error) {
	locks, err := filepath.Glob(filepath.Join(run, "*", "lock")) // runs within the run (the tests'), and the spool
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(run, "lock")); err == nil {
		// First: the spool's lock does not say whose it is.
		locks = append([]string{filepath.Join(run, "lock")}, locks...)
	}
	// A folder without a lock of ours was not made by us, whatever it is called.
	if len(locks) > 0 {
		if err := removeLocked(locks, run); err != nil {
			return nil, err
		}
		removed = append(removed, run)
	}
	lock := filepath.Join(cache, "lock")
	if _, err := os.Stat(lock); err != nil {
		return removed, nil
	}
	ours := []string{bootstrapDir(cache), bootstrapDir(cache) + ".partial", lock}
	for _, made := range []string{"sound", "audio", "heard", "proved", "go-build"} {
		ours = append(ours, filepath.Join(cache, made))
	}
	if err := removeLocked([]string{lock}, ours...); err != nil {
		return removed, err
	}
	if err := os.Remove(cache); err != nil && !errors.Is(err, syscall.ENOTEMPTY) {
		return removed, err
	}
	return append(removed, cache), nil
}

// removeLocked removes the trees while it holds the locks, or says who holds one.
func removeLocked(locks []string, trees ...string) error {
	for _, path := range locks {
		held, err := acquire(path, exclusive)
		if errors.Is(err, errHeld) {
			return fmt.Errorf("not removing %s: a running `ivr up` (%s) uses it; stop it first", filepath.Dir(path), held.owner)
		}
		if err != nil {
			return err
		}
		defer held.release()
	}
	for _, tree := range trees {
		if err := removeTree(tree); err != nil {
			return err
		}
	}
	return nil
}

// removeTree deletes a folder, after making sure that nothing is mounted in it: a
// deletion that walks through a mount destroys what is on the other side.
func removeTree(dir string) error {
	if _, err := os.Lstat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	if at := mountBelow(string(table), dir); at != "" {
		return fmt.Errorf("not removing %s: something is mounted on %s (umount it first)", dir, at)
	}
	out, err := exec.Command("rm", "-rf", "--one-file-system", "--", dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("remove %s: %w: %s", dir, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// mountBelow returns the first mount point of a mountinfo table at or below dir, or "".
func mountBelow(table, dir string) string {
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		at := unescape.Replace(fields[4])
		if at == dir || strings.HasPrefix(at, strings.TrimSuffix(dir, "/")+"/") {
			return at
		}
	}
	return ""
}
