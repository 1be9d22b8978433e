package releases

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"hotline/internal/prompts"
)

// hear waits until all servers serve a text in a voice, and hear the same bytes.
func hear(t *testing.T, voice, text string, servers ...*server) {
	t.Helper()
	comes(t, text, servers...)
	within(t, limit, text+" is heard alike", func() bool {
		for _, s := range servers {
			if s.hears.Load() != voice+" says "+text {
				return false
			}
		}
		return true
	})
}

// counted is the value of one of a server's counters.
func (s *server) counted(of *prometheus.CounterVec, label string) float64 {
	s.t.Helper()
	var m dto.Metric
	if err := of.WithLabelValues(label).Write(&m); err != nil {
		s.t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}

// staged waits until Postgres has what is live here.
func (s *server) staged(t *testing.T) {
	t.Helper()
	within(t, limit, "what is live is in Postgres with its sounds", func() bool {
		var m dto.Metric
		return s.standing.stored.Write(&m) == nil && m.GetGauge().GetValue() == 1
	})
}

// TestOneVersionIsHeardAlike on two servers whose voices differ: where one of them saves,
// where both save the same at once, after a rollback, and after a restart with another voice.
func TestOneVersionIsHeardAlike(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	one := newServerOf(t, store, newFolder(t, "a"), "one").run(t)
	stored(t, store, "a")
	two := newServerOf(t, store, newFolder(t, "a"), "two").run(t)
	hear(t, "one", "a", one, two)
	if two.made.Load() != 0 {
		t.Error("the second server has made audio of its own")
	}
	two.save("menus/10086.yaml", "b")
	hear(t, "two", "b", one, two)
	stored(t, store, "b")
	if _, err := store.TakeBack(t.Context(), "", "li", ""); err != nil {
		t.Fatal(err)
	}
	hear(t, "one", "a", one, two)

	for i := range 10 {
		text := fmt.Sprint("both ", i)
		one.save("menus/10086.yaml", text)
		two.save("menus/10086.yaml", text)
		p := stored(t, store, text)
		m, err := store.Manifest(t.Context(), p.Release)
		if err != nil || m == nil {
			t.Fatal(m, err)
		}
		winner := map[string]string{}
		for _, s := range []*server{one, two} {
			winner[prompts.Hash(s.voice+" says "+text)] = s.voice
		}
		hear(t, winner[m["zh"]["menu"].SHA256], text, one, two)
	}
	last := one.hears.Load()
	again := newServerOf(t, store, one.folder, "three").run(t)
	if again.hears.Load() != last {
		t.Errorf("after an upgrade of the voice callers hear %q, before it %q", again.hears.Load(), last)
	}
	again.staged(t)
	if n := again.counted(again.standing.copied, "postgres"); n != 0 {
		t.Errorf("a restart sends %v sounds", n)
	}
}

// TestARollbackBringsItsSounds to a server whose audio folder was emptied and whose voice
// is gone; what is damaged there is replaced.
func TestARollbackBringsItsSounds(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	s := newServer(t, store, newFolder(t, "a")).run(t)
	stored(t, store, "a")
	first := s.Status().Live.Release
	s.save("menus/10086.yaml", "b")
	stored(t, store, "b")
	s.mute.Store(true)
	if err := os.RemoveAll(s.opt.Sounds.dir); err != nil {
		t.Fatal(err)
	}
	if _, err := store.TakeBack(t.Context(), "", "li", ""); err != nil {
		t.Fatal(err)
	}
	hear(t, "voice", "a", s)

	held, err := store.Manifest(t.Context(), s.Status().Live.Release)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.opt.Sounds.dir, held["zh"]["menu"].File), []byte("VOICE SAYS A"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.Publish()
	hear(t, "voice", "b", s)
	stored(t, store, "b")
	if _, err := store.TakeBack(t.Context(), first, "li", ""); err != nil {
		t.Fatal(err)
	}
	hear(t, "voice", "a", s)
	if n := s.counted(s.standing.damaged, "disk"); n != 1 {
		t.Errorf("%v damaged sounds were found", n)
	}
}

// TestASaveThatCannotBeSpokenIsRefused, and says why.
func TestASaveThatCannotBeSpokenIsRefused(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	s := newServer(t, store, newFolder(t, "a")).run(t)
	stored(t, store, "a")
	s.mute.Store(true)
	s.save("menus/10086.yaml", "b")
	within(t, limit, "the refusal", func() bool {
		r := s.Status().Refused
		return len(r) == 1 && strings.Contains(r[0].Why, "espeak-ng is missing")
	})
	if s.serves.Load() != "a" || store.count(t, "releases") != 1 {
		t.Errorf("it serves %v; %d releases", s.serves.Load(), store.count(t, "releases"))
	}
}

// awayWholly makes Postgres fail whatever is asked about releases and sounds.
func awayWholly(t *testing.T, store *Store) (back func()) {
	t.Helper()
	rename := func(from, to string) {
		var all strings.Builder
		for _, table := range []string{"publications", "releases", "sounds"} {
			fmt.Fprintf(&all, "alter table ivr.%s rename to %s;", from+table, to+table)
		}
		if _, err := store.pool.Exec(context.Background(), all.String()); err != nil { // at once
			t.Fatal(err)
		}
	}
	rename("", "away_")
	return func() { rename("away_", "") }
}

// TestWhatWasHeardWithoutPostgresIsPublished: the very sounds that calls heard here are what
// another server, with another voice, hears afterwards.
func TestWhatWasHeardWithoutPostgresIsPublished(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	one := newServerOf(t, store, newFolder(t, "a"), "one").run(t)
	stored(t, store, "a")
	two := newServerOf(t, store, newFolder(t, "a"), "two").run(t)
	hear(t, "one", "a", one, two)
	back := awayWholly(t, store)
	one.save("menus/10086.yaml", "b")
	hear(t, "one", "b", one)
	if one.Status().Live.Seq != 0 {
		t.Errorf("%+v", one.Status())
	}
	back()
	stored(t, store, "b")
	hear(t, "one", "b", one, two)

	// Another server was faster with the same save: its sounds count, here too.
	back = awayWholly(t, store)
	two.save("menus/10086.yaml", "c")
	hear(t, "two", "c", two)
	audio, m := NewSounds(t.TempDir()), prompts.Manifest{"zh": {}}
	back()
	speak(t, audio, m, "menu", []byte("three says c"))
	if _, err := store.Stage(t.Context(), two.folder.take(), m, audio.Open); err != nil {
		t.Fatal(err)
	}
	within(t, 2*limit, "one of them wins", func() bool {
		held, err := store.Manifest(t.Context(), two.folder.take().Release)
		if err != nil {
			t.Fatal(err)
		}
		for _, voice := range []string{"two", "three"} {
			want := voice + " says c"
			if held["zh"]["menu"].SHA256 == prompts.Hash(want) && one.hears.Load() == want && two.hears.Load() == want {
				return true
			}
		}
		return false
	})
}

// TestKilledBetweenStagingAndPublishing: the next server, with another voice, publishes it
// with the sounds that were staged.
func TestKilledBetweenStagingAndPublishing(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	publish(t, store, "a")
	one := newServerOf(t, store, newFolder(t, "a"), "one")
	if err := one.begin(t); err != nil {
		t.Fatal(err)
	}
	one.save("menus/10086.yaml", "b")
	if o := one.saved(t.Context(), &version{snap: one.folder.take()}); o.err != nil || !o.staged {
		t.Fatalf("%+v", o)
	}
	// Nothing more happens on this server.
	two := newServerOf(t, store, one.folder, "two")
	if err := two.Start(t.Context()); err != nil || two.serves.Load() != "a" {
		t.Fatalf("staged is live: %v, %v", two.serves.Load(), err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); two.Run(ctx) }()
	hear(t, "one", "b", two)
	stored(t, store, "b")
	if all, err := store.List(t.Context(), 0); err != nil || len(all) != 2 {
		t.Errorf("%+v, %v", all, err)
	}
	stop()
	<-ended
}

// TestAnOlderVersionIsSpokenOnce: a program that kept no sounds has published it; the
// first server that serves it decides how it sounds.
func TestAnOlderVersionIsSpokenOnce(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	older := publish(t, store, "a")
	publish(t, store, "b")
	one := newServerOf(t, store, newFolder(t, "b"), "one").run(t)
	one.staged(t)
	if _, err := store.TakeBack(t.Context(), older, "li", ""); err != nil {
		t.Fatal(err)
	}
	hear(t, "one", "a", one)
	two := newServerOf(t, store, newFolder(t, "b"), "two").run(t)
	hear(t, "one", "a", one, two)
}

// TestDamagedInPostgresIsRefused and named; what was live stays. A server that has the
// sound brings it back when it is started, and the version goes live after all.
func TestDamagedInPostgresIsRefused(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	one := newServerOf(t, store, newFolder(t, "a"), "one").run(t)
	stored(t, store, "a")
	two := newServerOf(t, store, newFolder(t, "a"), "two")
	if err := two.begin(t); err != nil {
		t.Fatal(err)
	}
	one.save("menus/10086.yaml", "b")
	p := stored(t, store, "b")
	if _, err := store.pool.Exec(t.Context(), "update ivr.sounds set content = 'nonsense'"); err != nil {
		t.Fatal(err)
	}
	two.followed(t, p)
	held, err := store.Manifest(t.Context(), p.Release)
	if err != nil {
		t.Fatal(err)
	}
	refused := two.Status().Refused
	if len(refused) != 1 || !strings.Contains(refused[0].Why, "damaged in Postgres: "+held["zh"]["menu"].File) || two.hears.Load() != "one says a" {
		t.Fatalf("refused %+v, heard %v", refused, two.hears.Load())
	}
	if n := two.counted(two.standing.damaged, "postgres"); n != 1 {
		t.Errorf("%v damaged sounds were found", n)
	}
	again := newServerOf(t, store, one.folder, "three")
	again.opt.Sounds = one.opt.Sounds // the folder outlives a restart
	if err := again.begin(t); err != nil {
		t.Fatal(err)
	}
	two.retryAt.follow = time.Now()
	two.followed(t, p)
	if two.hears.Load() != "one says b" || !two.ok() {
		t.Errorf("it hears %v, %+v", two.hears.Load(), two.Status())
	}
}

// TestNoCallBeforeEveryAsteriskIsReady: a version waits for its sounds, a rollback waits for
// nobody, and what was refused for want of them comes when they are there.
func TestNoCallBeforeEveryAsteriskIsReady(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	publish(t, store, "a")
	s := newServer(t, store, newFolder(t, "a"))
	asked, answer := make(chan string, 8), make(chan error)
	s.opt.Ready = func(ctx context.Context, m prompts.Manifest) error {
		sound, err := s.opt.Sounds.Open(m["zh"]["menu"].File)
		if err != nil {
			return err
		}
		asked <- strings.TrimPrefix(string(sound), "voice says ")
		select {
		case err := <-answer:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.run(t)
	wants := func(text string) {
		t.Helper()
		select {
		case got := <-asked:
			if got != text {
				t.Fatalf("it waits for %q, not %q", got, text)
			}
		case <-time.After(limit):
			t.Fatalf("it does not wait for %q", text)
		}
	}
	s.save("menus/10086.yaml", "b")
	wants("b")
	if s.serves.Load() != "a" {
		t.Errorf("it serves %v", s.serves.Load())
	}
	answer <- nil
	comes(t, "b", s)
	stored(t, store, "b")

	s.save("menus/10086.yaml", "c")
	wants("c")
	answer <- errors.New("asterisk-2 has no zh/menu.alaw")
	within(t, limit, "the refusal", func() bool {
		r := s.Status().Refused
		return len(r) == 1 && strings.Contains(r[0].Why, "asterisk-2 has no zh/menu.alaw")
	})
	if known, err := store.Known(t.Context(), s.folder.take().Release); err != nil || known {
		t.Errorf("it is published: %v, %v", known, err)
	}

	publish(t, store, "d") // elsewhere; its Asterisk is slow
	wants("d")
	if next := s.Status().Next; next == "" {
		t.Error("it does not say what it makes ready")
	}
	if _, err := store.TakeBack(t.Context(), "", "li", ""); err != nil {
		t.Fatal(err)
	}
	within(t, limit, "the newer decision ends the waiting", func() bool {
		st := s.Status()
		return st.Live.BackTo > 0 && st.Next == ""
	})
	if s.serves.Load() != "b" {
		t.Errorf("it serves %v", s.serves.Load())
	}
}

// TestASaveIsTriedAgain once its sounds may have arrived, though nobody touches it.
func TestASaveIsTriedAgain(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	publish(t, store, "a")
	s := newServer(t, store, newFolder(t, "b"))
	if err := s.begin(t); err != nil {
		t.Fatal(err)
	}
	ready := errors.New("asterisk-1 lacks a sound")
	s.opt.Ready = func(context.Context, prompts.Manifest) error { return ready }
	s.changed(t.Context(), true)
	s.decide(t.Context(), <-s.judging.done)
	if s.serves.Load() != "a" || s.ok() || s.retryAt.save.IsZero() {
		t.Fatalf("it serves %v, %+v", s.serves.Load(), s.Status())
	}
	ready = nil
	s.look(t.Context(), time.Now())
	if s.judging.now != nil {
		t.Fatal("it is tried at every look")
	}
	s.look(t.Context(), s.retryAt.save.Add(time.Second))
	s.decide(t.Context(), <-s.judging.done)
	if s.serves.Load() != "b" || !s.ok() {
		t.Errorf("it serves %v, %+v", s.serves.Load(), s.Status())
	}
}

// TestANewerProgramSaysMore: what it adds to a version is kept with it; what was there stays.
func TestANewerProgramSaysMore(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	snap := newFolder(t, "a").take()
	audio, m := audioFolder(t, "one", 2, 80)
	if _, err := store.Stage(t.Context(), snap, m, audio.Open); err != nil {
		t.Fatal(err)
	}
	first := m["zh"]["p.0"]
	speak(t, audio, m, "p.0", []byte("otherwise now"))
	speak(t, audio, m, "n.new", []byte("a new part of numbers"))
	done, err := store.Stage(t.Context(), snap, m, audio.Open)
	if err != nil || len(done.Manifest["zh"]) != 3 || done.Manifest["zh"]["p.0"] != first || done.Manifest["zh"]["n.new"] != m["zh"]["n.new"] {
		t.Errorf("%+v, %v", done.Manifest, err)
	}
	if held, err := store.Manifest(t.Context(), snap.Release); err != nil || !sameSounds(held, done.Manifest) {
		t.Errorf("%+v, %v", held, err)
	}
}

// TestWhatPostgresHasLostComesBack from the first server that goes live with it, so that the
// others, who are refused it, can have it too.
func TestWhatPostgresHasLostComesBack(t *testing.T) {
	t.Parallel()
	for what, harm := range map[string]string{
		"gone":    "delete from ivr.sounds where sha256 = $1",
		"damaged": "update ivr.sounds set content = 'x' where sha256 = $1",
	} {
		store := newStore(t)
		s := newServer(t, store, newFolder(t, "a")).run(t)
		stored(t, store, "a")
		sound := s.hears.Load().(string)
		s.save("menus/10086.yaml", "b")
		stored(t, store, "b")
		if _, err := store.pool.Exec(t.Context(), harm, prompts.Hash([]byte(sound))); err != nil {
			t.Fatal(err)
		}
		if _, err := store.TakeBack(t.Context(), "", "li", ""); err != nil {
			t.Fatal(err)
		}
		hear(t, "voice", "a", s)
		within(t, limit, what+": Postgres has it again", func() bool {
			var is string
			err := store.pool.QueryRow(t.Context(), "select encode(content, 'escape') from ivr.sounds where sha256 = $1", prompts.Hash([]byte(sound))).Scan(&is)
			return err == nil && is == sound
		})
	}
}
