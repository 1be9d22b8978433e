package asterisk

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hotline/internal/ivr/asterisk/asterisktest"
)

// put writes a sound below dir, and gives it as it has to be.
func put(t testing.TB, dir, name string, content []byte) Sound {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	return Sound{Name: name, SHA256: hex.EncodeToString(sum[:])}
}

// voiced gives a Server whose folder prompts has three sounds, the way to it, and the
// list that its connection asks for.
func voiced(t *testing.T) (srv *asterisktest.Server, o Options, dir string, list *atomic.Pointer[[]Sound]) {
	t.Helper()
	srv = asterisktest.New(t, false)
	dir = filepath.Join(srv.Recordings(), "prompts")
	sounds := []Sound{put(t, dir, "zh/a-1.alaw", []byte("one")), put(t, dir, "zh/b.2-1.alaw", []byte("two")), put(t, dir, "en/a-1.alaw", []byte("three"))}
	list = &atomic.Pointer[[]Sound]{}
	list.Store(&sounds)
	o = options(srv.URL)
	o.Folder, o.Audio, o.Sounds = "prompts", "/srv/audio", func() []Sound { return *list.Load() }
	return srv, o, dir, list
}

func refused(t *testing.T, c *Conn, want string) {
	t.Helper()
	until(t, "State to say "+want, func() bool { up, why := c.State(); return !up && strings.Contains(why, want) })
}

// An Asterisk gets calls once it has all sounds, whatever it lacked before.
func TestNoCallsWithoutTheSounds(t *testing.T) {
	for want, spoil := range map[string]func(file string) error{
		"zh/b.2-1.alaw is missing":                        os.Remove,
		"zh/b.2-1.alaw has other content":                 func(f string) error { return os.WriteFile(f, []byte("twO"), 0o644) },
		"zh/b.2-1.alaw cannot be read by Asterisk's user": func(f string) error { return os.Chmod(f, 0) },
		"1 of 3 sounds are not as they have to be":        func(f string) error { return os.WriteFile(f, nil, 0o644) },
		"is that folder, or a bind mount of it, there?":   func(f string) error { return os.RemoveAll(filepath.Dir(filepath.Dir(f))) },
	} {
		t.Run(want, func(t *testing.T) {
			srv, o, dir, _ := voiced(t)
			if err := spoil(filepath.Join(dir, "zh/b.2-1.alaw")); err != nil {
				t.Fatal(err)
			}
			c, _ := run(t, o, quick)
			refused(t, c, want)
			if n := srv.Sockets(); n != 0 || value(t, c.metrics.verified) != 0 {
				t.Errorf("%d sockets were opened, verified is %v", n, value(t, c.metrics.verified))
			}
			for name, content := range map[string]string{"zh/a-1.alaw": "one", "zh/b.2-1.alaw": "two", "en/a-1.alaw": "three"} {
				_ = os.Remove(filepath.Join(dir, name))
				put(t, dir, name, []byte(content))
			}
			connected(t, c)
			if value(t, c.metrics.verified) != 1 {
				t.Error("verified is 0")
			}
		})
	}
}

// reads is how many files were read.
func reads(srv *asterisktest.Server) (n int) {
	for _, r := range srv.Requests() {
		if strings.HasPrefix(r, "GET recordings/stored/") {
			n++
		}
	}
	return n
}

// What was found right is not read again while the connection lives, and is when another begins.
func TestVerifyRemembersForOneConnection(t *testing.T) {
	srv, o, dir, list := voiced(t)
	c, _ := run(t, o, quick)
	connected(t, c)
	reads := func() int { return reads(srv) }
	if n := reads(); n != 3 {
		t.Errorf("%d files were read for 3 sounds", n)
	}
	next := append(slices.Clone(*list.Load()), Sound{"zh/c-1.alaw", "f00"})
	err := c.Verify(t.Context(), next)
	if err == nil || !strings.Contains(err.Error(), "1 of 4 sounds") || !strings.Contains(err.Error(), "zh/c-1.alaw is missing") ||
		!strings.Contains(err.Error(), dir) {
		t.Errorf("a version with a sound that is not there: %v", err)
	}
	if n := reads(); n != 5 {
		t.Errorf("%d files were read, of which the last one twice", n)
	}
	if err := c.Verify(t.Context(), next); err == nil || reads() != 7 {
		t.Errorf("what was wrong a moment ago: %v, %d files read", err, reads())
	}
	if up, why := c.State(); !up {
		t.Errorf("what is not live yet has ended the connection: %s", why)
	}
	next[3] = put(t, dir, "zh/c-1.alaw", []byte("four"))
	if err := c.Verify(t.Context(), next); err != nil || reads() != 8 {
		t.Errorf("once it is there: %v, %d files read", err, reads())
	}
	if err := os.WriteFile(filepath.Join(dir, "zh/c-1.alaw"), []byte("fouR"), 0o644); err != nil {
		t.Fatal(err)
	}
	srv.Drop()
	until(t, "the three sounds read for the second connection, too", func() bool { return srv.Sockets() == 2 && reads() == 11 })
	if err := c.Verify(t.Context(), next); err == nil || !strings.Contains(err.Error(), "zh/c-1.alaw has other content") {
		t.Errorf("what the first connection had found right has changed: %v", err)
	}
}

// Callers whose connection broke get it back at once where it is to the same process as before,
// however long it takes to read its sounds; what has changed of them meanwhile is found beside.
func TestTheSameProcessIsNotKeptFromItsCallers(t *testing.T) {
	srv, o, dir, _ := voiced(t)
	c, calls := run(t, o, quick)
	connected(t, c)
	srv.Enter("1")
	ch := next(t, calls).ch
	release := sync.OnceFunc(srv.HoldReads())
	defer release()
	put(t, dir, "zh/b.2-1.alaw", []byte("twO"))
	srv.Drop()
	expect[Lost](t, ch)
	expect[Back](t, ch)
	ch.Play("p1", []string{"sound:/srv/audio/zh/a-1"}, "")
	expect[PlayStarted](t, ch)
	if n := value(t, c.metrics.verified); n != 1 {
		t.Errorf("verified is %v of an Asterisk that gets calls", n)
	}
	release()
	expect[Lost](t, ch)
	refused(t, c, "it gets no calls: 1 of 3 sounds")
	put(t, dir, "zh/b.2-1.alaw", []byte("two"))
	expect[Back](t, ch)
	until(t, "all sounds read once more for the last connection", func() bool {
		return len(c.known().without(c.sounds())) == 0
	})
}

// Another process may have been given another folder: its sounds are read before it gets calls, also
// where it is restarted meanwhile, or does not say which one it is.
func TestAnotherProcessIsReadFirst(t *testing.T) {
	srv, o, _, _ := voiced(t)
	c, calls := run(t, o, quick)
	connected(t, c)
	srv.Enter("1")
	ch := next(t, calls).ch
	again := func(what string, more int, meanwhile func()) {
		t.Helper()
		before := reads(srv)
		release := sync.OnceFunc(srv.HoldReads())
		defer release()
		srv.Drop()
		expect[Lost](t, ch)
		until(t, what+": a sound asked for", func() bool { return reads(srv) > before })
		if up, _ := c.State(); up {
			t.Errorf("%s: it gets calls before its sounds are read", what)
		}
		meanwhile()
		release()
		expect[Back](t, ch)
		if n := reads(srv) - before; n != more {
			t.Errorf("%s: %d sounds were read, want %d", what, n, more)
		}
	}
	srv.Restart()
	again("restarted", 3, func() {})
	srv.Restart()
	again("restarted twice", 6, srv.Restart)
	srv.Refuse("GET asterisk/info", http.StatusNotFound)
	again("does not say", 6, func() {}) // it says so at the second question, and is another one
}

// A server that was killed while callers were on the line leaves word of what it had found right:
// the next one speaks with them at once, and reads beside. Where nobody waits it reads first.
func TestTheNextServerIsNotKeptFromCallers(t *testing.T) {
	srv, o, dir, _ := voiced(t)
	o.Memory = filepath.Join(t.TempDir(), "memory")
	// serves runs one server until stop; early tells whether it was let in before it has read anything.
	serves := func() (early bool, c *Conn, stop func()) {
		t.Helper()
		before, sockets := reads(srv), srv.Sockets()
		release := sync.OnceFunc(srv.HoldReads())
		defer release()
		c, _, stop = start(t, o, quick)
		until(t, "something asked for", func() bool { return srv.Sockets() > sockets || reads(srv) > before })
		early = srv.Sockets() > sockets
		release()
		connected(t, c)
		return early, c, stop
	}
	written := func(there bool) {
		t.Helper()
		until(t, fmt.Sprint("the memory is there: ", there), func() bool { _, err := os.Stat(o.Memory); return (err == nil) == there })
	}
	early, _, stop := serves()
	written(true)
	stop()
	if early {
		t.Error("the first server did not read first")
	}
	if early, _, stop = serves(); early {
		t.Error("it did not read first, though nobody waits")
	}
	stop()
	srv.Enter("1")
	early, c, stop := serves()
	if !early {
		t.Error("it has kept a caller waiting")
	}
	until(t, "all sounds read beside", func() bool { return len(c.known().without(c.sounds())) == 0 })
	stop()
	put(t, dir, "zh/b.2-1.alaw", []byte("twO")) // while no server is there
	c, _, stop = start(t, o, quick)
	refused(t, c, "it gets no calls: 1 of 3 sounds")
	written(false)
	stop()
	put(t, dir, "zh/b.2-1.alaw", []byte("two"))
	if early, _, stop = serves(); early {
		t.Error("it did not read first, though something was wrong")
	}
	written(true)
	stop()
	srv.Restart()
	if early, _, stop = serves(); early {
		t.Error("it did not read first, though this is another process")
	}
	stop()
}

// A version that went live while it was out of reach is read first, and nothing but that.
func TestWhatIsNewIsReadFirst(t *testing.T) {
	srv, o, dir, list := voiced(t)
	gate := newProxy(t, o.URL)
	o.URL = gate.url
	c, calls := run(t, o, quick)
	connected(t, c)
	srv.Enter("1")
	ch := next(t, calls).ch
	gate.shut(true)
	expect[Lost](t, ch)
	live := append(slices.Clone(*list.Load()), Sound{"zh/c-1.alaw", put(t, t.TempDir(), "x", []byte("four")).SHA256})
	list.Store(&live)
	gate.shut(false)
	refused(t, c, "it gets no calls: 1 of 4 sounds are not as they have to be in "+dir+": zh/c-1.alaw is missing")
	if n := srv.Sockets(); n != 1 {
		t.Errorf("%d sockets were opened", n)
	}
	put(t, dir, "zh/c-1.alaw", []byte("four"))
	expect[Back](t, ch)
}

// A version that went live while an Asterisk was on its way back may name what that one
// has not: it gets no more calls, and its callers are let go when their sessions give up.
func TestAsteriskThatMissedAVersion(t *testing.T) {
	srv, o, dir, list := voiced(t)
	c, calls := run(t, o, quick)
	connected(t, c)
	srv.Enter("1")
	srv.Enter("2")
	stays, leaves := next(t, calls).ch, next(t, calls).ch
	old := *list.Load()
	live := append(slices.Clone(old), Sound{"zh/c-1.alaw", put(t, t.TempDir(), "x", []byte("four")).SHA256})
	list.Store(&live)
	expect[Lost](t, stays)
	refused(t, c, "it gets no calls: 1 of 4 sounds")
	expect[Lost](t, leaves)
	leaves.Hangup("")
	expect[Vanished](t, leaves)
	gone(t, leaves)
	if !slices.Contains(srv.Requests(), "DELETE channels/2") {
		t.Error("nobody has hung up the caller of a session that gave up")
	}
	put(t, dir, "zh/c-1.alaw", []byte("four"))
	expect[Back](t, stays)
}

// Heard is the very file that was verified, wherever Asterisk has it.
func TestPlayedIsWhatWasVerified(t *testing.T) {
	srv, o, dir, _ := voiced(t)
	c, calls := run(t, o, quick)
	connected(t, c)
	srv.Enter("1")
	ch := next(t, calls).ch
	ch.Play("p1", []string{"sound:/srv/audio/zh/a-1", "sound:/srv/audiobook/x", "sound:/srv/audio/en/a-1"}, "")
	for want := range 3 {
		if e := expect[PlayStarted](t, ch); e.Item != want {
			t.Errorf("item %d: got %+v", want, e)
		}
		if want == 0 {
			ch.mu.Lock()
			media := slices.Clone(ch.plays[0].media)
			ch.mu.Unlock()
			if w := []string{"sound:" + dir + "/zh/a-1", "sound:/srv/audiobook/x", "sound:" + dir + "/en/a-1"}; !slices.Equal(media, w) {
				t.Errorf("played %q, want %q", media, w)
			}
		}
		srv.Finish("1", "done")
	}
}

// A half-open connection is noticed in its time also while sounds are read back over it.
func TestHalfOpenIsNoticedWhileVerifying(t *testing.T) {
	_, o, _, list := voiced(t)
	gate := newProxy(t, o.URL)
	o.URL = gate.url
	c, _ := run(t, o, quick)
	connected(t, c)
	gate.freeze()
	live := append(slices.Clone(*list.Load()), Sound{"zh/c-1.alaw", "f00"})
	list.Store(&live)
	begun := time.Now()
	refused(t, c, "1 of 4 sounds")
	if took := time.Since(begun); took > requestTimeout/2 {
		t.Errorf("noticed after %v", took)
	}
}

func TestVerifyOfWhatCannotBeAsked(t *testing.T) {
	srv, o, _, list := voiced(t)
	sounds := *list.Load()
	srv.Refuse("GET recordings/stored/prompts/zh/a-1/file", http.StatusInternalServerError)
	o.Sounds = nil
	c, _ := run(t, o, quick)
	if err := c.Verify(t.Context(), sounds); err == nil || !strings.Contains(err.Error(), "answered 500") {
		t.Errorf("an Asterisk that fails: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Verify(ctx, sounds); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	srv.Refuse("GET recordings/stored/prompts/zh/a-1/file", http.StatusNotFound) // no module, no "Recording not found"
	if err := c.Verify(t.Context(), sounds); err == nil || !strings.Contains(err.Error(), "res_ari_recordings.so") {
		t.Errorf("an Asterisk that serves no recordings: %v", err)
	}
}

// An Asterisk that cannot be asked gets no calls either.
func TestNoCallsWhereNothingCanBeAsked(t *testing.T) {
	for request, want := range map[string]string{
		"GET asterisk/variable":                     "(404)",
		"GET recordings/stored/prompts/zh/a-1/file": "res_ari_recordings.so",
	} {
		srv, o, _, _ := voiced(t)
		srv.Refuse(request, http.StatusNotFound)
		c, _ := run(t, o, func(c *Conn) { quick(c); c.times.firstTry, c.times.lastTry = time.Hour, time.Hour })
		refused(t, c, want)
		if n := srv.Sockets(); n != 0 {
			t.Errorf("%s: %d sockets were opened", request, n)
		}
	}
}

// stored asks for a recording as compare does, and gives all that it goes by.
func stored(t *testing.T, o Options, name string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, o.URL+"/recordings/stored/"+url.PathEscape(name)+"/file", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(o.User, o.Password)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d %s %q", resp.StatusCode, resp.Header.Get("Content-Type"), bytes.TrimSpace(body))
}

// The Server of our tests serves recordings as a real Asterisk does, oddities included.
func TestRecordingsAreServedAsByAsterisk(t *testing.T) {
	o := parts(t)
	r, err := newRest(o)
	if err != nil {
		t.Fatal(err)
	}
	spool, err := r.variable(t.Context(), "ASTSPOOLDIR")
	if err != nil {
		t.Fatal(err)
	}
	srv, folder := asterisktest.New(t, false), "test-"+strings.ToLower(rand.Text()[:6])
	real := filepath.Join(spool, "recording", folder)
	t.Cleanup(func() { os.RemoveAll(real) })
	outside := t.TempDir()
	put(t, outside, "far-1.alaw", []byte("far"))
	for _, dir := range []string{real, filepath.Join(srv.Recordings(), folder)} {
		put(t, dir, "zh/n.10-fc7edd399a5c.alaw", []byte("ten"))
		put(t, dir, "zh/n.1.alaw", []byte("one"))
		put(t, dir, "zh/u-1.ulaw", []byte("mu"))
		put(t, dir, "zh/s-1.sln16", bytes.Repeat([]byte{1, 2}, 100_000))
		put(t, dir, "zh/empty-1.alaw", nil)
		put(t, dir, "zh/closed-1.alaw", []byte("closed"))
		put(t, dir, "zh/text-1.txt", []byte("no sound"))
		put(t, dir, "dangling/b-1.alaw", []byte("beyond"))
		for _, err := range []error{
			os.Chmod(filepath.Join(dir, "zh/closed-1.alaw"), 0o600), os.Mkdir(filepath.Join(dir, "zh/folder-1.alaw"), 0o755),
			os.Symlink("n.10-fc7edd399a5c.alaw", filepath.Join(dir, "zh/link-1.alaw")), os.Symlink(outside, filepath.Join(dir, "away")),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	fake := options(srv.URL)
	for _, name := range []string{"zh/n.10-fc7edd399a5c", "zh/n.10-fc7edd399a5", "zh/n.10-000000000000", "zh/n.1", "zh/u-1", "zh/s-1",
		"zh/empty-1", "zh/closed-1", "zh/text-1", "zh/folder-1", "zh/link-1", "away/far-1", "no/such", "../../log/errors", "zh"} {
		if got, want := stored(t, fake, folder+"/"+name), stored(t, o, folder+"/"+name); got != want {
			t.Errorf("%s: the server answers %.120s, Asterisk %.120s", name, got, want)
		}
	}
	// One that is alone with a link to nowhere: in which order a folder is read is not ours to say.
	for _, dir := range []string{real, filepath.Join(srv.Recordings(), folder)} {
		if err := errors.Join(os.Remove(filepath.Join(dir, "dangling/b-1.alaw")), os.Symlink("nowhere", filepath.Join(dir, "dangling/a.alaw"))); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := stored(t, fake, folder+"/dangling/a"), stored(t, o, folder+"/dangling/a"); got != want {
		t.Errorf("a link to nowhere: the server answers %s, Asterisk %s", got, want)
	}
}

// filled gives a real Asterisk and a folder of n sounds below the prompts that it plays,
// of the length of our own.
func filled(t testing.TB, n int) (o Options, dir string, sounds []Sound) {
	t.Helper()
	o = parts(t)
	name := "test-" + strings.ToLower(rand.Text()[:6])
	o.Audio, o.Folder = filepath.Join(os.Getenv("AUDIO"), name), os.Getenv("ARI_SOUNDS")+"/"+name
	t.Cleanup(func() { os.RemoveAll(o.Audio) })
	for i := range n {
		content := make([]byte, 17_600) // 2.2 s
		if _, err := rand.Read(content); err != nil {
			t.Fatal(err)
		}
		sounds = append(sounds, put(t, o.Audio, fmt.Sprintf("zh/p.%d-fc7edd399a5c.alaw", i), content))
		// The dialplan's plain name beside it, as in a real folder: links cost Asterisk most.
		if err := os.Symlink(fmt.Sprintf("p.%d-fc7edd399a5c.alaw", i), filepath.Join(o.Audio, fmt.Sprintf("zh/p.%d.alaw", i))); err != nil {
			t.Fatal(err)
		}
	}
	o.Sounds = func() []Sound { return sounds }
	return o, o.Audio, sounds
}

// A real Asterisk with one changed byte among its sounds gets no call: whoever dials hears
// what the dialplan has for that, and is let go. Once the right file is there it gets calls,
// and plays it.
func TestRealAsteriskWithAWrongSound(t *testing.T) {
	o, dir, sounds := filled(t, 10)
	o.App = "wrong-" + rand.Text()[:6]
	file := filepath.Join(dir, sounds[7].Name)
	right, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	wrong := slices.Clone(right)
	wrong[len(wrong)/2] ^= 1
	if err := os.WriteFile(file, wrong, 0o644); err != nil {
		t.Fatal(err)
	}
	c, calls := run(t, o, nil)
	refused(t, c, sounds[7].Name+" has other content")
	<-dialUp(t, o.App).hungUp // by the dialplan: there is no application
	select {
	case a := <-calls:
		t.Errorf("a call came in: %+v", a.Arrival)
	default:
	}
	if err := os.WriteFile(file, right, 0o644); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	connected(t, c)
	t.Logf("gets calls %v after the right file is there", time.Since(begun).Round(time.Millisecond))
	call := dialUp(t, o.App)
	ch := next(t, calls).ch
	ch.Play(ch.ID()+"-1", []string{"sound:" + strings.TrimSuffix(file, ".alaw")}, "")
	started := expect[PlayStarted](t, ch)
	if e := expect[PlayFinished](t, ch); e.Failed || e.At.Sub(started.At) < 2*time.Second {
		t.Errorf("2.2 s were played as %+v within %v", e, e.At.Sub(started.At))
	}
	call.hangUp()
	gone(t, ch)
}

// A real Asterisk says which process it is, and stays that.
func TestRealAsteriskIsOneProcess(t *testing.T) {
	r, err := newRest(parts(t))
	if err != nil {
		t.Fatal(err)
	}
	first, err := r.process(t.Context())
	if err != nil || len(strings.Fields(first)) != 2 {
		t.Fatalf("it says %q, %v", first, err)
	}
	if again, err := r.process(t.Context()); again != first {
		t.Errorf("it says %q and %q, %v", first, again, err)
	}
}

// BenchmarkRealVerify reads 550 sounds back from a real Asterisk: -benchtime 20x.
func BenchmarkRealVerify(b *testing.B) {
	o, _, sounds := filled(b, 550)
	o.App, o.Sounds = "bench-verify", nil
	c, _ := run(b, o, nil)
	connected(b, c)
	before := cpu(b)
	for b.Loop() {
		c.forgetSounds()
		if err := c.Verify(b.Context(), sounds); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((cpu(b)-before).Milliseconds())/float64(b.N), "own-cpu-ms")
}
