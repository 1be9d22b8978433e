package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Package is one of the distribution's packages, installed when its program is missing.
type Package struct {
	Name    string // as apt knows it
	Program string // found in PATH when the package is there
	Why     string // told before it is installed
}

// policyMark tells our policy-rc.d from the machine's own one.
const policyMark = "# written by the hotline's `ivr up` while it installs packages"

// The places where an installation is kept from starting daemons on the machine.
const (
	policyFile  = "/usr/sbin/policy-rc.d"
	policySaved = "/usr/sbin/policy-rc.d.before-hotline"
	clusterConf = "/etc/postgresql-common/createcluster.d/hotline.conf"
)

// installLock is held while packages are installed, by one process of the machine.
const installLock = "/run/hotline-install.lock"

// packages installs what is missing, after a line each that says what for.
func (s *Stack) packages(ctx context.Context, o Options, note func(string, ...any)) error {
	if err := restoreLeftover("/"); err != nil {
		return fmt.Errorf("let daemons start again after an installation that was killed: %w", err)
	}
	var missing []Package
	if (o.DatabaseURL == "" || o.Boss != "") && findPostgres() == "" {
		missing = append(missing, Package{Name: "postgresql", Why: "the journal's database (or set DATABASE_URL to one of your own)"})
	}
	if _, err := systemAsterisk(ctx); err != nil && !bootstrapped(o.Cache) {
		if _, err := exec.LookPath("debootstrap"); err != nil {
			missing = append(missing, Package{Name: "debootstrap", Why: "to get an Asterisk 22 from a newer Debian, as this one has none"})
		}
	}
	for _, p := range o.Packages {
		if _, err := exec.LookPath(p.Program); err != nil {
			missing = append(missing, p)
		}
	}
	if len(missing) == 0 {
		note("all there")
		return nil
	}
	names := make([]string, len(missing))
	for i, p := range missing {
		names[i] = p.Name
		s.steps.line("    %s is missing: %s", p.Name, p.Why)
	}
	wanted := strings.Join(names, " ")
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("install %s by hand: there is no apt-get here", wanted)
	}
	note("apt-get install %s", wanted)
	return s.aptInstall(ctx, o.Run, names)
}

// aptInstall updates the lists and installs, with every daemon kept down.
func (s *Stack) aptInstall(ctx context.Context, run string, names []string) (err error) {
	held, err := acquire(installLock, exclusive)
	if errors.Is(err, errHeld) {
		return fmt.Errorf("another `ivr up` (%s) is installing packages: try again when it is done", held.owner)
	}
	if err != nil {
		return err
	}
	defer held.release()
	restore, err := keepDaemonsDown("/")
	if err != nil {
		return fmt.Errorf("keep new daemons from starting: %w", err)
	}
	defer func() { err = errors.Join(err, restore()) }()
	// The lists may fail to update for a source that has nothing of ours: that alone is
	// no reason to give up, but it is the likely one when the installation fails.
	updated := s.apt(ctx, run, "update")
	if err := s.apt(ctx, run, append([]string{"install", "--yes", "--no-install-recommends"}, names...)...); err != nil {
		if updated != nil && ctx.Err() == nil {
			err = updated
		}
		return fmt.Errorf("cannot install %s (is there a network?): %w", strings.Join(names, " "), err)
	}
	return nil
}

// apt runs one of its commands without questions.
func (s *Stack) apt(ctx context.Context, run string, args ...string) error {
	return s.spawner.run(ctx, process{
		name:  "apt-get " + args[0],
		args:  append([]string{"apt-get", "-q", "-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=1", "-o", "APT::Update::Error-Mode=any"}, args...),
		env:   append(os.Environ(), "DEBIAN_FRONTEND=noninteractive"),
		log:   filepath.Join(run, "log", "apt-"+args[0]+".log"),
		grace: 20 * time.Second, // a killed dpkg leaves the machine half configured
	})
}

// keepDaemonsDown makes packages install without starting anything, and returns how to
// put everything back. root is the machine's, "/" but for tests.
func keepDaemonsDown(root string) (restore func() error, err error) {
	policy, conf := filepath.Join(root, policyFile), filepath.Join(root, clusterConf)
	old, err := os.ReadFile(policy)
	switch {
	case err == nil && !strings.Contains(string(old), policyMark):
		if err := os.Rename(policy, filepath.Join(root, policySaved)); err != nil {
			return nil, err
		}
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return nil, err
	}
	restore = func() error { return letDaemonsStart(root) }
	if err := os.WriteFile(policy, []byte("#!/bin/sh\n"+policyMark+"\nexit 101\n"), 0o755); err != nil {
		return nil, errors.Join(err, restore())
	}
	if err := os.MkdirAll(filepath.Dir(conf), 0o755); err != nil {
		return nil, errors.Join(err, restore())
	}
	if err := os.WriteFile(conf, []byte(policyMark+"\ncreate_main_cluster = false\n"), 0o644); err != nil {
		return nil, errors.Join(err, restore())
	}
	return restore, nil
}

// letDaemonsStart takes away what keepDaemonsDown made, and puts back what was there.
func letDaemonsStart(root string) error {
	err := os.Remove(filepath.Join(root, clusterConf))
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	// The policy last: it is by this one that a leftover is known.
	back := os.Rename(filepath.Join(root, policySaved), filepath.Join(root, policyFile))
	if errors.Is(back, os.ErrNotExist) {
		back = os.Remove(filepath.Join(root, policyFile))
	}
	return errors.Join(err, back)
}

// restoreLeftover does what an `ivr up` that was killed in the middle of an installation
// could not do any more: the machine would never start a service of a package again.
func restoreLeftover(root string) error {
	policy, err := os.ReadFile(filepath.Join(root, policyFile))
	if err != nil || !strings.Contains(string(policy), policyMark) {
		return nil // none, or the machine's own
	}
	held, err := acquire(filepath.Join(root, installLock), exclusive)
	if errors.Is(err, errHeld) {
		return nil // another one is installing now
	}
	if err != nil {
		return err
	}
	defer held.release()
	return letDaemonsStart(root)
}

// needSpace fails when the file system of dir has less than so many megabytes left.
func needSpace(dir string, megabytes int64, what, remedy string) error {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return fmt.Errorf("look at the space in %s: %w", dir, err)
	}
	if free := int64(fs.Bavail) * fs.Bsize >> 20; free < megabytes {
		return fmt.Errorf("%s has %d MB free and %s needs %d: make room, or %s", dir, free, what, megabytes, remedy)
	}
	return nil
}
