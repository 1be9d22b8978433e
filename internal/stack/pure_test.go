package stack

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestChooseHonoursAWishAndNamesAnOccupiedPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	for _, c := range []struct{ setting, network, wish, problem string }{
		{"HTTP_ADDR", "tcp", taken, "HTTP_ADDR=" + taken + " (tcp) cannot be used: address already in use; free it, or unset HTTP_ADDR to get a free port"},
		{"HTTP_ADDR", "tcp", "localhost", `HTTP_ADDR="localhost": want an IP address and a port, as 127.0.0.1:5060`},
		{"SIP_ADDR", "udp", "0.0.0.0:5060", "SIP_ADDR=0.0.0.0:5060: this PBX lets in anybody who reaches it, so it stays on 127.0.0.1"},
		{"SIP_ADDR", "udp", taken, ""}, // taken for tcp only
	} {
		got, err := choose(c.setting, c.network, c.wish)
		if c.problem == "" && (err != nil || got != c.wish) {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
		if c.problem != "" && (err == nil || err.Error() != c.problem) {
			t.Errorf("got  %v\nwant %s", err, c.problem)
		}
	}
}

func TestFreePortsAreLowAndTheRTPRangeIsWhole(t *testing.T) {
	for range 50 {
		p, err := choosePorts(Options{})
		if err != nil {
			t.Fatal(err)
		}
		if p.rtpStart < lowRTP || p.rtpEnd >= highRTP || p.rtpEnd-p.rtpStart+1 != rtpPorts || p.rtpStart%2 != 0 {
			t.Fatalf("RTP %d-%d", p.rtpStart, p.rtpEnd)
		}
		if err := tryBind("udp", p.sip); err != nil {
			t.Fatal(err)
		}
	}
}

// The judge of a quoting for the shell is the shell.
func TestEnvIsReadByAShell(t *testing.T) {
	value := "a'b \"$HOME\" `id` \\ \n中"
	path := filepath.Join(t.TempDir(), "env")
	if err := writeEnv(path, []Var{{"ONE", value}, {"TWO", "2"}}); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("sh", "-c", `. "$1"; exec sh -c 'printf "%s|%s" "$ONE" "$TWO"'`, "sh", path).Output()
	if err != nil || string(out) != value+"|2" {
		t.Errorf("the shell reads %q, %v", out, err)
	}
}

func TestNumberKeyIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "number.key")
	var first []byte
	for range 2 {
		if _, err := secretFile(path); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil || len(strings.TrimSpace(string(data))) != 64 {
			t.Fatalf("%q, %v", data, err)
		}
		if first != nil && string(first) != string(data) {
			t.Error("another key the second time")
		}
		first = data
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	a, err := acquire(path, exclusive)
	if err != nil {
		t.Fatal(err)
	}
	b, err := acquire(path, shared)
	if err != errHeld || !strings.HasPrefix(b.owner, "pid ") {
		t.Errorf("second: %+v, %v", b, err)
	}
	a.release()
	for range 2 {
		c, err := acquire(path, shared)
		if err != nil {
			t.Errorf("shared: %v", err)
		}
		defer c.release()
	}
	if _, err := acquire(path, exclusive); err != errHeld {
		t.Errorf("exclusive beside shared: %v", err)
	}
}

func TestMountBelow(t *testing.T) {
	const table = "22 1 254:0 / / rw - ext4 /dev/vda rw\n" +
		"30 22 0:5 / /srv/a\\040b/proc rw,relatime - proc proc rw\n"
	for dir, want := range map[string]string{
		"/srv/a b":      "/srv/a b/proc",
		"/srv/a b/proc": "/srv/a b/proc",
		"/srv/a":        "",
		"/":             "/",
		"/tmp":          "",
	} {
		if got := mountBelow(table, dir); got != want {
			t.Errorf("below %s: %q, want %q", dir, got, want)
		}
	}
}

func TestRemoveTreeRefusesAMount(t *testing.T) {
	if err := removeTree("/proc"); err == nil || !strings.Contains(err.Error(), "mounted on /proc") {
		t.Errorf("remove /proc: %v", err)
	}
	if err := removeTree(filepath.Join(t.TempDir(), "missing")); err != nil {
		t.Error(err)
	}
}

func TestCleanTakesOnlyWhatIsOurs(t *testing.T) {
	dir := t.TempDir()
	run, cache := filepath.Join(dir, "run"), filepath.Join(dir, "cache")
	for _, path := range []string{run + "/lock", run + "/pg/data", run + "/test/lock", cache + "/lock", cache + "/sound/x", cache + "/photos/mine"} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	held, err := acquire(run+"/test/lock", exclusive)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Clean(run, cache); err == nil || !strings.Contains(err.Error(), "a running `ivr up` (pid ") {
		t.Errorf("clean under a running stack: %v", err)
	}
	held.release()
	removed, err := Clean(run, cache)
	if err != nil || !slices.Equal(removed, []string{run, cache}) {
		t.Errorf("removed %v, %v", removed, err)
	}
	if _, err := os.Stat(run); !os.IsNotExist(err) {
		t.Errorf("run is still there: %v", err)
	}
	left, err := filepath.Glob(cache + "/*")
	if err != nil || len(left) != 1 || left[0] != cache+"/photos" {
		t.Errorf("left in the cache: %v, %v", left, err)
	}
	other := t.TempDir() // of somebody else: no lock of ours in it
	if removed, err := Clean(other, other); err != nil || len(removed) > 0 {
		t.Errorf("removed %v, %v", removed, err)
	}
	if _, err := os.Stat(other); err != nil {
		t.Error("a folder that is not ours was removed")
	}
}

// A stack that serves holds two locks, and only one of them says whose it is.
func TestCleanNamesWhoIsRunning(t *testing.T) {
	run := t.TempDir()
	if err := os.Mkdir(filepath.Join(run, "spool"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"lock", "spool/lock"} {
		held, err := acquire(filepath.Join(run, path), exclusive)
		if err != nil {
			t.Fatal(err)
		}
		defer held.release()
		if path == "spool/lock" { // the server's own lock, empty
			if err := held.file.Truncate(0); err != nil {
				t.Fatal(err)
			}
		}
	}
	removed, err := Clean(run, filepath.Join(run, "no cache"))
	want := fmt.Sprintf("not removing %s: a running `ivr up` (pid %d) uses it; stop it first", run, os.Getpid())
	if err == nil || err.Error() != want || len(removed) > 0 {
		t.Errorf("removed %v, %v; want %s", removed, err, want)
	}
}

// The machine's own policy comes back, also after a kill in the middle; and not while
// another installation needs ours.
func TestInstallationKeepsDaemonsDownAndPutsBack(t *testing.T) {
	root := t.TempDir()
	policy := filepath.Join(root, policyFile)
	for _, dir := range []string{filepath.Dir(policy), filepath.Join(root, "run")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	now := func() string {
		text, _ := os.ReadFile(policy) // none is ""
		_, err := os.Stat(filepath.Join(root, clusterConf))
		return fmt.Sprintf("ours %v, cluster %v", strings.Contains(string(text), policyMark), err == nil)
	}
	for _, own := range []string{"", "#!/bin/sh\nexit 104\n"} {
		if own != "" {
			if err := os.WriteFile(policy, []byte(own), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 { // the second time over what a kill has left
			if _, err := keepDaemonsDown(root); err != nil {
				t.Fatal(err)
			}
			if got := now(); got != "ours true, cluster true" {
				t.Error(got)
			}
		}
		other, err := acquire(filepath.Join(root, installLock), exclusive)
		if err != nil {
			t.Fatal(err)
		}
		if err := restoreLeftover(root); err != nil || now() != "ours true, cluster true" {
			t.Errorf("while another one installs: %s, %v", now(), err)
		}
		other.release()
		for range 2 {
			if err := restoreLeftover(root); err != nil || now() != "ours false, cluster false" {
				t.Errorf("put back: %s, %v", now(), err)
			}
		}
		if text, _ := os.ReadFile(policy); string(text) != own {
			t.Errorf("the machine's own policy is %q, was %q", text, own)
		}
	}
}

func TestParseVersion(t *testing.T) {
	for out, want := range map[string]struct {
		version string
		enough  bool
	}{
		"Asterisk 22.10.1+dfsg+~cs6.17-1\n": {"22.10.1", true},
		"Asterisk 22.4.0":                   {"22.4.0", true},
		"Asterisk 22.3.0":                   {"22.3.0", false},
		"Asterisk 20.6.0~dfsg":              {"20.6.0", false},
		"Asterisk 23.0.0":                   {"23.0.0", true},
	} {
		version, enough, err := parseVersion(out)
		if version != want.version || enough != want.enough || err != nil {
			t.Errorf("%q: %s %v %v", out, version, enough, err)
		}
	}
	if _, _, err := parseVersion("GIT-master"); err == nil {
		t.Error("a version was found where none is")
	}
}

func TestComplaintIsTheFirstErrorOrTheLastLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	for text, want := range map[string]string{
		"":                                       "",
		"a\nE: no network\nE: more\nz\n":         "E: no network",
		"starting\nlistening\n\n":                "listening",
		"x\n2026 FATAL:  no\n":                   "2026 FATAL:  no",
		"I: Retrieving\nW: x\nE: Failed getting": "E: Failed getting",
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := complaint(path); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestTemplatesAreFilledInAndClosed(t *testing.T) {
	needRoot(t) // the files are given to Asterisk's group
	modules, etc := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(modules, "res_websocket_client.so"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	set := settings{Dir: "/r/asterisk", Prompts: "/r/prompts", SIPAddr: "127.0.0.1:5070", ARIPassword: "secret-a", DialtestToken: "secret-t", AppA: "ivr-a", AppB: "ivr-b"}
	if err := render("../../deploy/asterisk", etc, set, modules); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"pjsip.conf":      "match_header = X-Dialtest: secret-t",
		"ari.conf":        "password = secret-a",
		"extensions.conf": "APP_B = ivr-b",
		"asterisk.conf":   "astetcdir => /r/asterisk/etc",
		"modules.conf":    "load = res_websocket_client.so",
	} {
		data, err := os.ReadFile(filepath.Join(etc, file))
		if err != nil || !strings.Contains(string(data), want) {
			t.Errorf("%s lacks %q (%v)", file, want, err)
		}
		if strings.Contains(string(data), "{{") || strings.Contains(string(data), "<no value>") {
			t.Errorf("%s is not filled in", file)
		}
		if info, err := os.Stat(filepath.Join(etc, file)); err != nil || info.Mode() != 0o640 {
			t.Errorf("%s: %v, %v", file, info.Mode(), err)
		}
	}
	if data, _ := os.ReadFile(filepath.Join(etc, "modules.conf")); strings.Contains(string(data), "cdrel") {
		t.Error("a module is loaded that this Asterisk does not have")
	}
	if err := render(t.TempDir(), etc, set, modules); err == nil {
		t.Error("no templates, no complaint")
	}
}

func TestAFolderThatTheDialplanCannotNameIsRefused(t *testing.T) {
	for run, good := range map[string]bool{"/srv/hotline/.run": true, "/srv/my hotline/运行": true, "/srv/a,b": false, "/srv/$HOME": false} {
		if _, err := (Options{Run: run}).complete(); (err == nil) != good {
			t.Errorf("%s: %v", run, err)
		}
	}
}

// What Asterisk sees of a run is its own folder and the prompts, where they are outside.
func TestViewHidesTheRestOfTheRun(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "usr/bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("usr/bin", filepath.Join(root, "bin")); err != nil {
		t.Fatal(err)
	}
	list, err := view(install{root: root, data: "/var/lib/asterisk"}, "/r/asterisk", "/r/prompts")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]mount{}
	for _, m := range list {
		seen[m.at] = m
	}
	for at, want := range map[string]mount{
		"/usr":              {at: "/usr", from: root + "/usr"},
		"/bin":              {at: "/bin", link: "usr/bin"},
		"/var/lib/asterisk": {at: "/var/lib/asterisk", from: root + "/var/lib/asterisk"},
		"/r/asterisk":       {at: "/r/asterisk", from: "/r/asterisk"},
		"/r/prompts":        {at: "/r/prompts", from: "/r/prompts"},
	} {
		if seen[at] != want {
			t.Errorf("%s: %+v, want %+v", at, seen[at], want)
		}
	}
	for _, at := range []string{"/", "/r", "/home", "/root", "/var"} {
		if m, ok := seen[at]; ok {
			t.Errorf("Asterisk sees %s: %+v", at, m)
		}
	}
	script := enter("/r/it's", list, "/usr/sbin/asterisk", "/r/asterisk/etc/asterisk.conf")
	if !strings.Contains(script, `R='/r/it'\''s'`) || !strings.Contains(script, "exec chroot") {
		t.Errorf("script:\n%s", script)
	}
}
