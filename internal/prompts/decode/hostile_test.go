package decode

import (
	"errors"
	"maps"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"hotline/internal/prompts"
	"hotline/internal/prompts/proof"
	"hotline/internal/prompts/recorded"
	"hotline/internal/prompts/sound"
	"hotline/internal/source"
)

// result is what became of an attack.
type result struct {
	attack
	d    Decoded
	err  error
	took time.Duration
}

// findings are what the rules of the shipped prompts say of it, when it is sent as the
// recording of the text that the good ones say.
func (r result) findings(rules *proof.Rules) source.Problems {
	rec := recorded.Recording{File: r.name}
	var refusal Refusal
	if errors.As(r.err, &refusal) {
		return rules.Refused(refusal.Rule, refusal.Why, rec)
	}
	var ps source.Problems
	for _, f := range r.d.Faults {
		ps = append(ps, rules.Refused(f.Rule, f.Why, rec)...)
	}
	e := prompts.Entry{ID: strings.TrimSuffix(r.name, filepath.Ext(r.name)), Text: spoken}
	return append(ps, rules.Sound(rec, e, "en", r.d.Container, sound.Measure(r.d.Channels), true)...)
}

// receive reads and decodes each file of a folder as a build would.
func receive(t *testing.T, dir string, set []attack) []result {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	results := make([]result, len(set))
	var work errgroup.Group
	work.SetLimit(runtime.NumCPU())
	for i, a := range set {
		work.Go(func() error {
			began := time.Now()
			r := result{attack: a}
			data, err := Read(root, a.name, Standard)
			if err == nil {
				r.d, err = Decode(t.Context(), a.name, data, Standard)
			}
			r.err, r.took = err, time.Since(began)
			results[i] = r
			return nil
		})
	}
	_ = work.Wait() // nothing of it fails
	return results
}

// quietServer counts who comes. Nobody may.
func quietServer(t *testing.T) (address string, visits func() int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	n, done := 0, make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
			mu.Lock()
			n++
			mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return l.Addr().String(), func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}

// watch tells whether a file has been opened since it was asked last.
func watch(t *testing.T, file string) (opened func() bool) {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if _, err := unix.InotifyAddWatch(fd, file, unix.IN_OPEN); err != nil {
		t.Fatal(err)
	}
	return func() bool {
		n, err := unix.Read(fd, make([]byte, 4096))
		if err != nil && !errors.Is(err, unix.EAGAIN) {
			t.Fatal(err)
		}
		return n > 0
	}
}

// unnamed are the classes that neither container, level nor length against the text
// reveal wholly, with the most that pass, and why they do. A class that is not here is named wholly.
var unnamed = map[string]struct {
	most int
	why  string
}{
	"cut":               {6, "the last tenth of vox, alaw or ulaw, which have no end that could be missing: people speak that much faster"},
	"bit in the header": {55, "without a header it is a bit of the sound; the others mean nothing for the sound"},
	"20 bits":           {29, "20 crackles; only ogg and flac have checksums"},
	"zeros within":      {4, "a pause at a wrong place, where zeros are silence"},
}

func TestFiveHundredHostileRecordings(t *testing.T) {
	set := hostile(t)
	if len(set) < 500 {
		t.Fatalf("the set has %d files", len(set))
	}
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside.wav")
	opened := watch(t, sox(t, outside, 8000, 1, "-b 16"))
	address, visits := quietServer(t)
	for i := range set {
		set[i] = set[i].at(outside, address)
	}
	write(t, dir, set)
	rules, err := proof.Load(os.DirFS("../../../prompts"))
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	all, silent, longest := map[string]int{}, map[string][]string{}, result{}
	for _, r := range receive(t, dir, set) {
		all[r.class]++
		found := r.findings(rules)
		var refusal Refusal
		switch {
		case r.err != nil && !errors.As(r.err, &refusal):
			t.Errorf("%s: %v is no refusal", r.name, r.err)
		case r.err == nil && (len(r.d.Channels) == 0 || len(r.d.Channels[0].Samples) == 0):
			t.Errorf("%s: neither sound nor a refusal", r.name)
		case len(found) == 0:
			silent[r.class] = append(silent[r.class], r.name)
		}
		if r.took > longest.took {
			longest = r
		}
	}
	if longest.took > Standard.Run+10*time.Second { // the rest is waiting for a processor
		t.Errorf("%s took %v", longest.name, longest.took)
	}
	if n := visits(); n > 0 {
		t.Errorf("%d connections to the server that the files name", n)
	}
	if opened() {
		t.Error("the file outside that the files name was opened")
	}
	if _ = read(t, outside); !opened() {
		t.Error("nobody would have noticed an opening")
	}
	for _, class := range slices.Sorted(maps.Keys(all)) {
		if most := unnamed[class].most; len(silent[class]) > most {
			t.Errorf("%s: %d of %d are not named, want at most %d: %s", class, len(silent[class]), all[class], most, strings.Join(silent[class], " "))
		}
		t.Logf("%-18s %3d files, %2d not named  %s", class, all[class], len(silent[class]), unnamed[class].why)
	}
	passed := 0
	for _, names := range silent {
		passed += len(names)
	}
	t.Logf("%d of %d files named in %v; the longest, %s, took %v", len(set)-passed, len(set), time.Since(began).Round(time.Millisecond), longest.name, longest.took.Round(time.Millisecond))
}
