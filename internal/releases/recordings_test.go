package releases

import (
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"hotline/internal/prompts"
)

// TestARecordingMakesAVersion: added, replaced or taken away, though the snapshot has no
// byte of it. Notes and whatever is hidden or no plain file are no recordings.
func TestARecordingMakesAVersion(t *testing.T) {
	f := newFolder(t, "menu: 1")
	plain := f.take()
	if len(plain.Recordings()) != 0 || strings.Contains(strings.Join(plain.Changed(nil), " "), "recordings") {
		t.Errorf("without recordings: %v", plain.Changed(nil))
	}
	f.save("prompts/recordings/zh/a.wav", "RIFF")
	f.save("prompts/recordings/zh/odd\nname\\.wav", "RIFF2")
	one := f.take()
	f.save("prompts/recordings/zh/.a.wav.part", "hidden")
	f.save("prompts/recordings/.new/a.wav", "hidden")
	for name, make := range map[string]func(string) error{
		"b.wav": func(file string) error { return syscall.Mkfifo(file, 0o644) },
		"c.wav": func(file string) error { return os.Symlink("/etc/passwd", file) },
	} {
		if err := make(filepath.Join(f.texts, "recordings/zh", name)); err != nil {
			t.Fatal(err)
		}
	}
	if again := f.take(); again.Release != one.Release || one.Release == plain.Release {
		t.Errorf("%s, %s, then %s: %v", plain.Release, one.Release, again.Release, again.Changed(one))
	}
	want := map[string]string{"recordings/zh/a.wav": prompts.Hash([]byte("RIFF")), "recordings/zh/odd\nname\\.wav": prompts.Hash([]byte("RIFF2"))}
	if got := one.Recordings(); !maps.Equal(got, want) {
		t.Errorf("it has %q, want %q", got, want)
	}
	opened, err := unpack(one.data)
	if err != nil || opened.Release != one.Release || !maps.Equal(opened.Recordings(), want) {
		t.Errorf("unpacked: %v, %v", opened, err)
	}

	f.save("prompts/recordings/zh/a.wav", "RIFX")
	two := f.take()
	if got := strings.Join(two.Changed(one), " "); two.Release == one.Release || got != "prompts/recordings/zh/a.wav" {
		t.Errorf("replaced: %q", got)
	}
	f.save("prompts/recordings/zh/recorded.yaml", "a: {}")
	three := f.take()
	if got := strings.Join(three.Changed(two), " "); got != "prompts/recordings/zh/recorded.yaml" {
		t.Errorf("noted: %q", got)
	}
	if err := os.Remove(filepath.Join(f.texts, "recordings/zh/a.wav")); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(f.take().Changed(three), " "); got != "prompts/recordings/zh/a.wav" {
		t.Errorf("taken away: %q", got)
	}
}

// TestTheListOfRecordingsIsSha256sums, so that a version can be compared with a folder by hand.
func TestTheListOfRecordingsIsSha256sums(t *testing.T) {
	f := newFolder(t, "menu: 1")
	f.save("prompts/recordings/en/a.wav", "one")
	f.save("prompts/recordings/zh/b\\c.wav", "two")
	list, err := fs.ReadFile(f.take().Texts(), "recordings.sha256")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sha256sum", "--check", "--strict")
	cmd.Dir, cmd.Stdin = f.texts, strings.NewReader(string(list))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s\n%v: %s", list, err, out)
	}
}

// TestHashesAreRemembered for as long as a file is the same.
func TestHashesAreRemembered(t *testing.T) {
	f := newFolder(t, "menu: 1")
	f.save("prompts/recordings/zh/a.wav", "one")
	root, err := os.OpenRoot(f.texts)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	const name = "recordings/zh/a.wav"
	info, err := root.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	known := hashes{known: map[string]hashed{name: {identity(info), "remembered"}}}
	if got, err := known.of(root, name); err != nil || got != "remembered" {
		t.Errorf("the same file: %q, %v", got, err)
	}
	f.save("prompts/recordings/zh/a.wav", "two")
	if got, err := known.of(root, name); err != nil || got != prompts.Hash([]byte("two")) {
		t.Errorf("another: %q, %v", got, err)
	}
	if known.known[name].sha256 != "remembered" {
		t.Error("a file that is a moment old may change unseen, and was remembered")
	}
}

// TestRecordingsAreTakenWhenTheyRest: they are looked at once a second, and a copy that
// pauses is not taken half.
func TestRecordingsAreTakenWhenTheyRest(t *testing.T) {
	f := newFolder(t, "menu: 1")
	l := newLookout(f.menus, f.texts)
	l.begin()
	at := time.Now()
	look := func(after time.Duration, want bool) {
		t.Helper()
		if at = at.Add(after); l.settled(at) != want {
			t.Errorf("at rest: %v", !want)
		}
	}
	f.save("prompts/recordings/zh/a.wav", "RI")
	look(lookEvery, false) // not looked at yet
	look(listenEvery, false)
	look(lookEvery, false)
	f.save("prompts/recordings/zh/a.wav", "RIFF")
	look(lookEvery, false) // what moves is looked at each time
	look(listenRest-lookEvery, false)
	look(lookEvery, true)
	look(lookEvery, false) // once
	f.save("prompts/zh.yaml", "a: 您早")
	look(lookEvery, false)
	look(lookEvery, true) // a text need not wait
}
