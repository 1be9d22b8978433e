package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The Debian release that the Asterisk comes from where the machine has none: the one
// that carries version 22. A name and not "testing", which will move on.
const release = "forky"

// minAsterisk is the first version with REST over WebSocket.
var minAsterisk = [2]int{22, 4}

// install is an Asterisk on the disk: its files under root, which is "/" for the
// machine's own. The other paths are as seen from within root.
type install struct {
	root, program, modules, data, version string
}

// bootstrapDir is where the bootstrapped one lives. It appears by a rename: if it is
// there it is whole.
func bootstrapDir(cache string) string { return filepath.Join(cache, "asterisk-"+release) }

func bootstrapped(cache string) bool {
	_, err := os.Stat(bootstrapDir(cache))
	return err == nil
}

// provide finds the machine's Asterisk, or that of the cache, or makes the latter. The
// cache is then locked against `make clean` for as long as the stack lives, from
// whichever checkout that comes.
func (s *Stack) provide(ctx context.Context, o Options, note func(string, ...any)) (install, error) {
	if pbx, err := systemAsterisk(ctx); err == nil {
		note("Asterisk %s of this machine", pbx.version)
		return pbx, nil
	}
	if !bootstrapped(o.Cache) {
		if err := s.bootstrap(ctx, o, note); err != nil {
			return install{}, err
		}
	}
	held, err := acquire(filepath.Join(o.Cache, "lock"), shared)
	if err != nil {
		return install{}, fmt.Errorf("%s is being changed by another process (%w): try again when it is done", o.Cache, err)
	}
	s.cached = held
	pbx, err := inspect(bootstrapDir(o.Cache), "/usr/sbin/asterisk")
	if err != nil {
		return pbx, fmt.Errorf("%w (`make clean` removes the cache)", err)
	}
	version, err := exec.CommandContext(ctx, "chroot", pbx.root, pbx.program, "-V").Output()
	if err != nil {
		return pbx, fmt.Errorf("run %s in %s: %w", pbx.program, pbx.root, err)
	}
	pbx.version, _, _ = parseVersion(string(version))
	note("Asterisk %s in %s", pbx.version, o.Cache)
	return pbx, nil
}

// systemAsterisk is the machine's own one, if it is new enough.
func systemAsterisk(ctx context.Context) (install, error) {
	program, err := exec.LookPath("asterisk")
	if err != nil {
		program = "/usr/sbin/asterisk" // not in the PATH of ordinary users
	}
	out, err := exec.CommandContext(ctx, program, "-V").Output()
	if err != nil {
		return install{}, err
	}
	version, enough, err := parseVersion(string(out))
	if err != nil {
		return install{}, err
	}
	if !enough {
		return install{}, fmt.Errorf("Asterisk %s is too old", version)
	}
	pbx, err := inspect("/", program)
	pbx.version = version
	return pbx, err
}

// parseVersion reads the output of `asterisk -V`, as "Asterisk 22.10.1+dfsg-1".
func parseVersion(out string) (version string, enough bool, err error) {
	m := regexp.MustCompile(`(\d+)\.(\d+)(\.\d+)*`).FindStringSubmatch(out)
	if m == nil {
		return "", false, fmt.Errorf("no version in %q", strings.TrimSpace(out))
	}
	major, _ := strconv.Atoi(m[1]) // digits, by the expression
	minor, _ := strconv.Atoi(m[2])
	enough = major > minAsterisk[0] || major == minAsterisk[0] && minor >= minAsterisk[1]
	return m[0], enough, nil
}

// inspect finds where an Asterisk keeps its modules and its documentation, without which
// it does not start (Stasis reads its own configuration's description).
func inspect(root, program string) (install, error) {
	pbx := install{root: root, program: program}
	for _, pattern := range []string{"usr/lib/*/asterisk/modules", "usr/lib/asterisk/modules", "usr/lib64/asterisk/modules", "usr/local/lib/asterisk/modules"} {
		found, _ := filepath.Glob(filepath.Join(root, pattern, "chan_pjsip.so")) // the pattern is good
		if len(found) > 0 {
			pbx.modules = "/" + strings.TrimPrefix(filepath.Dir(strings.TrimPrefix(found[0], root)), "/")
			break
		}
	}
	for _, dir := range []string{"/usr/share/asterisk", "/var/lib/asterisk", "/usr/local/share/asterisk"} {
		if _, err := os.Stat(filepath.Join(root, dir, "documentation/core-en_US.xml")); err == nil {
			pbx.data = dir
			break
		}
	}
	if pbx.modules == "" || pbx.data == "" {
		return pbx, fmt.Errorf("the Asterisk in %s has no chan_pjsip.so or no documentation", root)
	}
	return pbx, nil
}

// bootstrap makes a small Debian with an Asterisk in the cache.
func (s *Stack) bootstrap(ctx context.Context, o Options, note func(string, ...any)) error {
	held, err := acquire(filepath.Join(o.Cache, "lock"), exclusive)
	if errors.Is(err, errHeld) {
		return fmt.Errorf("another process (%s) is filling %s: try again when it is done", held.owner, o.Cache)
	}
	if err != nil {
		return err
	}
	defer held.release()
	if bootstrapped(o.Cache) { // by another one, between the look and the lock
		return nil
	}
	if err := needSpace(o.Cache, 1500, "getting Asterisk", "set IVR_CACHE to a folder on another disk"); err != nil {
		return err
	}
	partial := bootstrapDir(o.Cache) + ".partial"
	if err := removeTree(partial); err != nil {
		return err
	}
	if err := s.fill(ctx, o, partial, note); err != nil {
		return errors.Join(err, removeTree(partial))
	}
	return os.Rename(partial, bootstrapDir(o.Cache))
}

// fill makes the system in dir: the base from the first mirror that has it, and in it
// the package. With several failing mirrors the first, the machine's own, is blamed.
func (s *Stack) fill(ctx context.Context, o Options, dir string, note func(string, ...any)) error {
	proxy := aptProxy(ctx)
	var first error
	for _, mirror := range mirrors(ctx) {
		note("Debian %s from %s (half a minute)", release, mirror)
		err := s.debootstrap(ctx, o, dir, mirror, proxy)
		if err == nil {
			note("the asterisk package and what it needs")
			if err := s.installInside(ctx, o, dir, proxy); err != nil {
				return fmt.Errorf("cannot install Asterisk (is there a network?): %w", err)
			}
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
		if first == nil {
			first = fmt.Errorf("cannot get Debian %s from %s (is there a network?): %w", release, mirror, err)
		}
		if err := removeTree(dir); err != nil {
			return err
		}
	}
	return first
}

// debootstrap unpacks the base system. Older debootstraps do not know the release's
// name: the script that all releases share is named instead.
func (s *Stack) debootstrap(ctx context.Context, o Options, dir, mirror string, proxy []string) error {
	return s.spawner.run(ctx, process{
		name: "debootstrap",
		args: []string{"debootstrap", "--variant=minbase", release, dir, mirror, "/usr/share/debootstrap/scripts/sid"},
		env:  append(os.Environ(), proxy...),
		log:  filepath.Join(o.Run, "log", "debootstrap.log"),
		// It mounts /proc in the new system, and must not do so where the machine sees it.
		isolated: true,
		signal:   syscall.SIGKILL, // nothing to save: what is not whole is thrown away
		grace:    5 * time.Second,
	})
}

// installInside installs the package within the bootstrapped system.
func (s *Stack) installInside(ctx context.Context, o Options, dir string, proxy []string) error {
	resolv, err := os.ReadFile("/etc/resolv.conf")
	if err != nil {
		return fmt.Errorf("name servers for the installation: %w", err)
	}
	for path, content := range map[string]string{
		"etc/resolv.conf":       string(resolv),
		"etc/hosts":             "127.0.0.1 localhost\n",
		"usr/sbin/policy-rc.d":  "#!/bin/sh\nexit 101\n",
		"etc/apt/apt.conf.d/99": "Acquire::Check-Valid-Until \"false\";\n", // a mirror may be a snapshot; signatures are still checked
	} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(content), 0o755); err != nil {
			return err
		}
	}
	// unsafe-io: a folder that is not whole after a power cut is never used.
	script := `mount -t proc proc "$1/proc" && exec chroot "$1" sh -c '
		apt-get -q update &&
		apt-get -q -o Dpkg::Options::=--force-unsafe-io install --yes --no-install-recommends asterisk &&
		apt-get clean && rm -rf /var/lib/apt/lists/*'`
	return s.spawner.run(ctx, process{
		name: "apt-get in the new system",
		args: []string{"sh", "-c", script, "sh", dir},
		env: append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8",
			"DEBIAN_FRONTEND=noninteractive"}, proxy...),
		log:      filepath.Join(o.Run, "log", "asterisk-install.log"),
		isolated: true,
		signal:   syscall.SIGKILL, // nothing to save: what is not whole is thrown away
		grace:    5 * time.Second,
	})
}

// mirrors are those that the machine's own apt uses for Debian, then Debian's.
func mirrors(ctx context.Context) []string {
	const public = "http://deb.debian.org/debian"
	out, err := exec.CommandContext(ctx, "apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages").Output()
	if err != nil {
		return []string{public}
	}
	for line := range strings.Lines(string(out)) {
		if uri, ok := strings.CutPrefix(strings.TrimSpace(line), "Debian http"); ok {
			if own := "http" + strings.TrimSuffix(uri, "/"); own != public {
				return []string{own, public}
			}
		}
	}
	return []string{public}
}

// aptProxy is the proxy of the environment, or else of the machine's apt, as settings for
// wget (which debootstrap uses) and for the apt within: neither reads apt's configuration.
func aptProxy(ctx context.Context) []string {
	var env []string
	for _, name := range []string{"http_proxy", "https_proxy", "no_proxy"} {
		if value := os.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	if os.Getenv("http_proxy") != "" {
		return env
	}
	out, err := exec.CommandContext(ctx, "apt-config", "dump", "--format", "%v", "Acquire::http::Proxy").Output()
	if proxy := strings.TrimSpace(string(out)); err == nil && proxy != "" && proxy != "DIRECT" {
		env = append(env, "http_proxy="+proxy)
	}
	return env
}
