package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// badStart is a situation in which `ivr serve` cannot start, and what it says.
type badStart struct {
	name    string
	setting func(t *testing.T) string // one that is wrong; "" takes NAME away
	code    int
	says    string // a pattern for all that is on stderr
}

func constant(s string) func(*testing.T) string { return func(*testing.T) string { return s } }

var badStarts = []badStart{
	{"no Postgres there", constant("DATABASE_URL=postgres://x:secret@127.0.0.1:1/x"), 1,
		`^ivr: postgres at 127\.0\.0\.1:1/x \(DATABASE_URL\): .*refused.*$`},
	{"wrong password of Postgres", func(t *testing.T) string {
		return "DATABASE_URL=" + regexp.MustCompile(`:[^:@/]+@`).ReplaceAllString(os.Getenv("DATABASE_URL"), ":secret@")
	}, 1, `^ivr: postgres at \S+ \(DATABASE_URL\): .*password authentication failed.*$`},
	{"DATABASE_URL is none", constant("DATABASE_URL=postgres://x:secret@[/"), 2, `^ivr: DATABASE_URL is not of the form \S+$`},
	{"HTTP_ADDR in use", func(t *testing.T) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		return "HTTP_ADDR=" + l.Addr().String()
	}, 1, `^ivr: HTTP_ADDR 127\.0\.0\.1:\d+ cannot be used: .*address already in use; choose another or stop what uses it$`},
	{"a menu that is no YAML", func(t *testing.T) string { return editedMenus(t, "start: main", "start: [main") }, 1,
		`^ivr: \S+/10086\.yaml:\d+:\d+: .*$`},
	{"a menu with an unknown node", func(t *testing.T) string { return editedMenus(t, "start: main", "start: mian") }, 1,
		`^ivr: \S+/10086\.yaml:\d+:8: .*mian.*$`},
	{"a menu with a prompt that is none", func(t *testing.T) string { return editedMenus(t, "say: label.101,", "say: label.999,") }, 1,
		`^ivr: \S+/10086/1\.yaml:\d+:\d+: .*label\.999.*$`},
	{"no menus", constant("MENUS=/nowhere"), 1, `^ivr: no menus at /nowhere: .*$`},
	{"a setting missing", constant("AUDIO="), 2, `^ivr: the settings are in the environment:\n  AUDIO is not set: .*$`},
	{"MAX_CALLS is none", constant("MAX_CALLS=many"), 2, `^ivr: the settings are in the environment:\n  MAX_CALLS is not a number of calls, e\.g\. 400$`},
	{"no key for numbers", constant("NUMBER_KEY_FILE=/nowhere/key"), 1, `^ivr: .*/nowhere/key.*$`},
	{"a spool that cannot be", constant("SPOOL=/proc/spool"), 1, `^ivr: .*/proc/spool.*$`},
}

// TestBadStarts: what is wrong is said in one line that names it, with the right
// exit code, and no secret in it.
func TestBadStarts(t *testing.T) {
	t.Parallel()
	for _, b := range badStarts {
		t.Run(b.name, func(t *testing.T) {
			h := prepare(t, b.setting(t))
			p := h.run(t, "serve")
			if code := p.wait(t); code != b.code {
				t.Errorf("exit code %d, want %d", code, b.code)
			}
			var lines []string
			for _, line := range strings.Split(p.log.String(), "\n") {
				if line != "" && !strings.HasPrefix(line, "{") { // what was logged before is no message
					lines = append(lines, line)
				}
			}
			if said := strings.Join(lines, "\n"); !regexp.MustCompile(b.says).MatchString(said) {
				t.Errorf("says\n%s\nwant %s", said, b.says)
			}
			if strings.Contains(p.log.String(), "secret") {
				t.Errorf("a password is said:\n%s", p.log.String())
			}
		})
	}
}

// TestARecordingLost: what the folder does not say any more is spoken again.
func TestARecordingLost(t *testing.T) {
	t.Parallel()
	dir := audioWithout(t, "main.welcome")
	h := prepareCold(t, "AUDIO="+dir) // else Postgres would still have it
	h.live(t)
	files, err := filepath.Glob(filepath.Join(dir, "zh", "main.welcome*"))
	if err != nil || len(files) != 2 {
		t.Errorf("there are %q, %v", files, err)
	}
}

// audioWithout copies the audio folder without one recording.
func audioWithout(t *testing.T, prompt string) string {
	t.Helper()
	need(t)
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(os.Getenv("AUDIO"))); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "zh", prompt+"*")) // the recording and its plain name
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestAsteriskNotThere: a server without its Asterisk stays, says why, and tries on.
func TestAsteriskNotThere(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]struct{ setting, says string }{
		"wrong password":  {"ARI_PASSWORD=wrong", "password"},
		"nothing listens": {"ARI_URL=http://127.0.0.1:1/ari", "127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := prepare(t, wrong.setting)
			h.proc = h.run(t, "serve")
			var body string
			eventually(t, patience, func() string {
				var code int
				code, body = h.proc.get("/readyz")
				if code != 503 || !strings.Contains(body, wrong.says) || !strings.Contains(body, `"postgres":"ok"`) {
					return fmt.Sprintf("/readyz: %d %s", code, body)
				}
				return ""
			})
			if strings.Contains(body, os.Getenv("ARI_PASSWORD")) {
				t.Errorf("/readyz says %s", body)
			}
			t.Logf("/readyz says %s", body)
			if code, _ := h.proc.get("/healthz"); code != 200 {
				t.Errorf("/healthz: %d", code)
			}
			h.stop(t)
		})
	}
}
