package decode

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"hotline/internal/prompts/promptstest"
)

// What is in a folder and is no plain file is refused without being opened, at once.
func TestReadOpensPlainFilesOnly(t *testing.T) {
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside.wav")
	for _, file := range []string{outside, filepath.Join(dir, "in.wav")} {
		if err := os.WriteFile(file, []byte("sound"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	opened := watch(t, outside)
	at := func(name string) string { return filepath.Join(dir, name) }
	l, err := net.Listen("unix", at("socket.wav"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	sparse, err := os.Create(at("sparse.wav"))
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		os.Symlink(outside, at("out.wav")), os.Symlink("in.wav", at("within.wav")), os.Symlink("nothing", at("dangling.wav")),
		os.Symlink("loop.wav", at("loop.wav")), os.Symlink(filepath.Dir(outside), at("folder")), os.Mkdir(at("folder.wav"), 0o755),
		os.Mkdir(at("real"), 0o755), os.Symlink("real", at("alias")), os.WriteFile(at("real/in.wav"), []byte("sound"), 0o644),
		syscall.Mkfifo(at("pipe.wav"), 0o644), sparse.Truncate(10 << 30), sparse.Close(),
		os.Link(at("in.wav"), at("hard.wav")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]string{
		"out.wav": "a link", "within.wav": "a link", "dangling.wav": "a link", "loop.wav": "a link", "folder/outside.wav": "folder is a link",
		"alias/in.wav": "alias is a link", "folder.wav": "a folder", "pipe.wav": "a pipe", "socket.wav": "a socket", "../outside.wav": "no path within",
		outside: "no path within", "in.wav/in.wav": "no plain file", "sparse.wav": "10737418240 bytes",
	}
	if err := syscall.Mknod(at("device.wav"), syscall.S_IFCHR|0o644, 1<<8|5); err == nil { // as root: /dev/zero
		want["device.wav"] = "a device"
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	for name, part := range want {
		if _, err := Read(root, name, Standard); !strings.Contains(refused(t, err).Why, part) {
			t.Errorf("%s: %v, want %q", name, err, part)
		}
	}
	if opened() {
		t.Error("the file outside was opened")
	}
	for _, name := range []string{"in.wav", "real/in.wav", "hard.wav"} {
		if data, err := Read(root, name, Standard); err != nil || string(data) != "sound" {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
	if _, err := Read(root, "none.wav", Standard); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// A name is nothing but a name: no program gets it, and there is no shell.
func TestNamesDoNothing(t *testing.T) {
	t.Parallel()
	promptstest.Need(t, "sox", "ffmpeg", "prlimit")
	dir := t.TempDir()
	data := read(t, sox(t, filepath.Join(dir, "x.wav"), 8000, 1, "-b 16"))
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	before := len(files(t, dir))
	names := []string{
		"with blanks.wav", "-i.wav", "--help.wav", "new\nline.wav", `"quotes".wav`, "'quotes'.wav", "$(touch canary).wav", "`touch canary`.wav",
		"; touch canary;.wav", "| touch canary.wav", "%s%n%d.wav", "pipe:0.wav", "http:x.wav", "concat:a|b.wav", "查询余额.wav", "\xff\xfe.wav", "*.wav",
		strings.Repeat("x", 251) + ".wav",
	}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
		data, err := Read(root, name, Standard)
		if err != nil && strings.HasPrefix(name, "\xff") {
			continue // fs.ValidPath wants UTF-8
		} else if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		d, err := Decode(t.Context(), name, data, Standard)
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		isTone(t, d, "wav", 8000, 1)
	}
	if after := len(files(t, dir)); after != before+len(names) {
		t.Errorf("%d files, there were %d", after, before+len(names))
	}
}

func files(t *testing.T, dir string) []os.DirEntry {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Each limit holds, and none is taken for the machine's fault.
func TestLimitsHold(t *testing.T) {
	promptstest.Need(t, "sox", "ffmpeg", "prlimit")
	dir := t.TempDir()
	data := read(t, sox(t, filepath.Join(dir, "x.wav"), 8000, 1, "-b 16"))
	for rule, change := range map[string]func(*Limits){
		TooLarge:       func(l *Limits) { l.Bytes = int64(len(data)) - 1 },
		TooLong:        func(l *Limits) { l.Audio = 900 * time.Millisecond },
		DecoderTimeout: func(l *Limits) { l.Run = time.Millisecond },
	} {
		l := Standard
		change(&l)
		if _, err := Decode(t.Context(), "x.wav", data, l); refused(t, err).Rule != rule {
			t.Errorf("%v, want %s", err, rule)
		}
	}
	l := Standard
	l.Audio = time.Second
	if _, err := Decode(t.Context(), "x.wav", data, l); err != nil {
		t.Errorf("a second of a second at most: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Decode(ctx, "x.wav", data, Standard); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's end", err)
	}
	l = Standard
	l.Memory = 1 << 20 // not enough to load ffmpeg: no word on the recording
	if _, err := Decode(t.Context(), "x.wav", data, l); err == nil || errors.As(err, new(Refusal)) || !strings.Contains(err.Error(), "start ffmpeg") {
		t.Errorf("got %v, want the machine's error", err)
	}
	t.Setenv("PATH", dir)
	if _, err := Decode(t.Context(), "x.wav", data, Standard); !errors.Is(err, exec.ErrNotFound) || !strings.Contains(err.Error(), "apt-get install ffmpeg") {
		t.Errorf("got %v, want what to install", err)
	}
}

// A program that waits, works, writes or starts others without an end is ended.
func TestPipeEndsWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	promptstest.Need(t, "prlimit")
	l := Limits{Audio: time.Second, Run: 300 * time.Millisecond, Memory: 1 << 30}
	for name, args := range map[string][]string{
		"sleep": {"600"}, "cat": {"/dev/zero"}, "tail": {"-f", "/dev/null"},
		"sh": {"-c", "sleep 600 & while :; do :; done"},
		"dd": {"if=/dev/zero", "of=" + filepath.Join(t.TempDir(), "file"), "bs=1", "count=1"},
	} {
		began := time.Now()
		_, err := pipe(t.Context(), l, nil, name, args...)
		took := time.Since(began)
		if err == nil || took > 10*time.Second || !strings.Contains(err.Error(), name+": ") {
			t.Errorf("%s: %v after %v", name, err, took)
		}
	}

	if got, err := run(t.Context(), l, nil, "sh", []string{"-c", "kill -XCPU $$"}); !errors.Is(err, errLimit) {
		t.Errorf("%v, %v", got, err)
	}
	if out, err := pipe(t.Context(), Standard, []byte("sound"), "cat"); err != nil || string(out) != "sound" {
		t.Errorf("%q, %v", out, err)
	}
	_, err := pipe(t.Context(), Standard, nil, "sh", "-c", "printf 'first\\n\\033[31mlast\\n' >&2; exit 3")
	if err == nil || err.Error() != "sh: exit status 3: [31mlast" {
		t.Errorf("got %v", err)
	}
}

// Would a stranger come past recognise, ffmpeg still could open nothing. This test is
// also what the next one looks at from outside.
func TestStrangersMeetASecondBarrier(t *testing.T) {
	t.Parallel()
	promptstest.Need(t, "sox", "ffmpeg", "prlimit")
	set := strangers(t)
	dir := t.TempDir()
	outside := filepath.Join(dir, "outside.wav")
	opened := watch(t, sox(t, outside, 8000, 1, "-b 16"))
	address, visits := "127.0.0.1:9", func() int { return 0 }
	if os.Getenv(traced) == "" {
		address, visits = quietServer(t)
	}
	tried := 0
	for i, a := range set {
		if !strings.HasSuffix(a.name, ".wav") {
			continue
		}
		demuxer := []string{"wav", "asf", "mp3", "ogg", "flac"}[i%5]
		f := form{container: "wav", demuxer: demuxer, codecs: "pcm_s16le,wmav2,mp3float,vorbis,flac", data: a.at(outside, address).data}
		channels, _, err := f.decode(t.Context(), Standard)
		if err == nil && channels[0].MS() > 900 {
			t.Errorf("%s as %s: %d ms of sound", a.name, demuxer, channels[0].MS())
		}
		tried++
	}
	if opened() || visits() > 0 || tried < 20 {
		t.Errorf("of %d strangers: file outside opened, or %d connections", tried, visits())
	}
}

// traced is set for the test that strace looks at.
const traced = "DECODE_TRACED"

var (
	traceOpen = regexp.MustCompile(`(?:open|openat|openat2|creat)\((?:AT_FDCWD, |\d+, )?"([^"]*)", ([^)]*)\)? += (-?\d+)`)
	traceFork = regexp.MustCompile(`clone3?\(.* = (\d+)`)
	traceWeb  = regexp.MustCompile(`socket\(AF_INET|connect\(\d+, \{sa_family=AF_INET`)
)

// Seen from the kernel: decoders read their libraries, nothing else, and talk to nobody.
func TestTheKernelSeesNothingElseOpened(t *testing.T) {
	t.Parallel()
	promptstest.Need(t, "strace", "sox", "ffmpeg", "prlimit")
	if out, err := exec.Command("strace", "-qq", "-e", "trace=none", "true").CombinedOutput(); err != nil {
		t.Skipf("this machine lets no process be traced: %v: %s", err, out) // as containers may; what the decoders are kept from, the test before this one shows
	}
	dir := t.TempDir()
	trace := filepath.Join(dir, "trace")
	cmd := exec.CommandContext(t.Context(), "strace", "-f", "-qq", "-o", trace, "-e", "trace=open,openat,openat2,creat,socket,connect,execve,clone,clone3",
		os.Args[0], "-test.run=^TestStrangersMeetASecondBarrier$", "-test.count=1")
	cmd.Env = append(os.Environ(), traced+"=1", "TMPDIR="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	runs, opens := 0, 0
	decoder := map[string]bool{} // by process
	for line := range strings.Lines(string(read(t, trace))) {
		pid, call, _ := strings.Cut(line, " ")
		if strings.Contains(call, "execve(") && strings.Contains(call, "/prlimit\"") && strings.Contains(call, "pipe:0") {
			decoder[pid] = true
			runs++
		}
		if traceWeb.MatchString(call) {
			t.Errorf("talks to somebody: %s", line)
		}
		if m := traceFork.FindStringSubmatch(call); m != nil && decoder[pid] {
			decoder[m[1]] = true
		}
		m := traceOpen.FindStringSubmatch(call)
		if m == nil || !decoder[pid] {
			continue
		}
		opens++
		file, flags := m[1], m[2]
		if !regexp.MustCompile(`^/(usr|lib|proc|sys|etc/ld\.so|etc/gcrypt/)`).MatchString(file) || strings.Contains(flags, "WR") {
			t.Errorf("a decoder opens %s (%s)", file, flags)
		}
	}
	if runs < 20 || opens < runs {
		t.Errorf("%d runs and %d opened files were seen", runs, opens)
	}
	t.Logf("%d runs, %d files opened, all of them the system's", runs, opens)
}
