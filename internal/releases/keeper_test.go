package releases

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"hotline/internal/prompts"
	"hotline/internal/source"
)

// limit is what is promised from a save or a rollback to the next call.
const limit = 2 * time.Second

// server is a Keeper with a folder of its own and a voice of its own. What it serves is the
// text of its menu, and its calls hear what its voice, or another's, has made of that; "bad" in
// it does not load, "panic" is a fault of the program.
type server struct {
	folder
	*Keeper
	voice  string
	mute   atomic.Bool
	serves atomic.Value
	hears  atomic.Value // the bytes of the one sound
	loads  atomic.Bool  // every version loads, the bad ones too
	made   atomic.Int64 // sounds that its voice was asked for
}

func newServer(t *testing.T, store *Store, f folder) *server {
	return newServerOf(t, store, f, "voice")
}

func newServerOf(t *testing.T, store *Store, f folder, voice string) *server {
	s := &server{folder: f, voice: voice}
	s.serves.Store("")
	s.hears.Store("")
	s.Keeper = NewKeeper(Options{
		Store: store, Menus: f.menus, Texts: f.texts, Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
		Sounds: NewSounds(filepath.Join(t.TempDir(), "audio")),
		Check:  func(ctx context.Context, snap *Snapshot) error { _, err := s.read(ctx, snap); return err },
		Prove: func(ctx context.Context, snap *Snapshot) error {
			text, err := s.read(ctx, snap)
			if err == nil && strings.Contains(text, "subtle") {
				err = source.Problems{{Pos: source.Pos{File: "menus/10086.yaml", Line: 7, Col: 1}, Message: "subtle", Rule: "test"}}
			}
			return err
		},
		Load: s.load,
	})
	return s
}

// read gives the text of the menu, or what is wrong with it.
func (s *server) read(_ context.Context, snap *Snapshot) (string, error) {
	data, err := fs.ReadFile(snap.Menus(), "10086.yaml")
	text := string(data)
	switch {
	case strings.Contains(text, "panic"):
		panic("planted")
	case strings.Contains(text, "bad") && !s.loads.Load():
		err = source.Problems{{Pos: source.Pos{File: "menus/10086.yaml", Line: 3, Col: 1}, Message: "bad", Rule: "test"}}
	}
	return text, err
}

// load speaks what there is no manifest for.
func (s *server) load(ctx context.Context, snap *Snapshot, m prompts.Manifest) (Loaded, error) {
	text, err := s.read(ctx, snap)
	if err != nil {
		return Loaded{}, err
	}
	if m == nil {
		s.made.Add(1)
		if s.mute.Load() {
			return Loaded{}, errors.New("espeak-ng is missing")
		}
		m = prompts.Manifest{"zh": {}}
		speak(s.t, s.opt.Sounds, m, "menu", []byte(s.voice+" says "+text))
	}
	sound, err := s.opt.Sounds.Open(m["zh"]["menu"].File)
	return Loaded{Manifest: m, GoLive: func() { s.serves.Store(text); s.hears.Store(string(sound)) }}, err
}

// run starts the server and has it follow until the test ends.
func (s *server) run(t *testing.T) *server {
	t.Helper()
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { s.Run(ctx) })
	t.Cleanup(func() { cancel(); work.Wait() })
	return s
}

// begin starts the server, and has it bring what it serves into Postgres, as Run does.
func (s *server) begin(t *testing.T) error {
	t.Helper()
	err := s.Start(t.Context())
	if err == nil {
		s.bring(t.Context())
		s.stagedNow(t)
	}
	return err
}

// stagedNow waits for what bring has begun.
func (s *server) stagedNow(t *testing.T) {
	if s.staging.now != nil {
		s.brought(t.Context(), <-s.staging.done)
	}
}

// followed has a publication followed to its end.
func (s *server) followed(t *testing.T, p Publication) {
	s.follow(t.Context(), p)
	if s.following.now == nil {
		return
	}
	if o := <-s.following.done; s.following.ended(t.Context()) {
		s.adopt(o.of, o.equipped, o.err)
	}
}

func (s *server) ok() bool {
	var m dto.Metric
	if err := s.standing.ok.Write(&m); err != nil {
		s.t.Fatal(err)
	}
	return m.GetGauge().GetValue() == 1
}

// comes waits until every server serves a text, and tells how long that took.
func comes(t *testing.T, text string, servers ...*server) {
	t.Helper()
	took := within(t, limit, text+" is served", func() bool {
		for _, s := range servers {
			if s.serves.Load() != text {
				return false
			}
		}
		return true
	})
	t.Logf("%q is live after %v", text, took.Round(time.Millisecond))
}

// stored waits until what Postgres says is live is a version with this text.
func stored(t *testing.T, store *Store, text string) Publication {
	t.Helper()
	var p Publication
	within(t, limit, text+" is stored", func() bool {
		var err error
		if p, err = store.Live(t.Context()); err != nil {
			return false
		}
		snap, err := store.Open(t.Context(), p.Release)
		if err != nil {
			t.Fatal(err)
		}
		data, _ := fs.ReadFile(snap.Menus(), "10086.yaml")
		return string(data) == text
	})
	return p
}

func TestWhatAServerStartsWith(t *testing.T) {
	for name, c := range map[string]struct {
		before []string // published, in this order; the last is live
		folder string
		serves string // "": it cannot start
		ok     bool
		adds   bool // the folder becomes a publication
	}{
		"the first":                     {nil, "a", "a", true, true},
		"nothing new":                   {[]string{"a"}, "a", "a", true, false},
		"a new folder":                  {[]string{"a"}, "b", "b", true, true},
		"taken back before the restart": {[]string{"b", "a"}, "b", "a", true, false},
		"a bad folder":                  {[]string{"a"}, "bad", "a", false, false},
		"a fault of the program":        {[]string{"a"}, "panic", "a", false, false},
		"a bad folder at first":         {nil, "bad", "", false, false},
		"a live version that this program cannot read":   {[]string{"a", "bad"}, "a", "a", false, false},
		"a live version and a folder that it cannot":     {[]string{"bad b"}, "bad", "", false, false},
		"a live version and the same folder, unreadable": {[]string{"bad"}, "bad", "", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := newStore(t)
			for _, text := range c.before {
				publish(t, store, text)
			}
			s := newServer(t, store, newFolder(t, c.folder))
			err := s.begin(t)
			if err == nil && s.Keeper.folder.settled(time.Now()) { // as Run sees at once
				s.changed(t.Context(), false)
				s.decide(t.Context(), <-s.judging.done)
			}
			if got := s.serves.Load(); got != c.serves || (err != nil) != (c.serves == "") || s.ok() != c.ok {
				t.Errorf("it serves %q, ok %v, %v", got, s.ok(), err)
			}
			if err != nil && !strings.Contains(err.Error(), "menus/10086.yaml:3:1: bad [test]") {
				t.Errorf("it does not say where: %v", err)
			}
			if refused := s.Status().Refused; (len(refused) == 0) != c.ok {
				t.Errorf("refused are %+v", refused)
			}
			all, err := store.List(t.Context(), 0)
			if want := len(c.before); err != nil || len(all) != want && !c.adds || len(all) != want+1 && c.adds {
				t.Errorf("%d publications, %v", len(all), err)
			}
		})
	}
}

// TestFromASaveToTheNextCall, on both servers: what is good comes within the limit,
// what is bad never, and a rollback holds for both.
func TestFromASaveToTheNextCall(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	one := newServer(t, store, newFolder(t, "a")).run(t)
	two := newServer(t, store, newFolder(t, "a")).run(t)
	one.save("menus/10086.yaml", "b")
	comes(t, "b", one, two)
	if p := stored(t, store, "b"); p.Note != "menus/10086.yaml" || p.Author == "" {
		t.Errorf("published as %+v", p)
	}
	one.save("menus/10086.yaml", "bad")
	within(t, limit, "the bad one is refused", func() bool { return !one.ok() })
	refused := one.Status().Refused
	if len(refused) != 1 || refused[0].What != one.menus || len(refused[0].Problems) != 1 || refused[0].Problems[0].Rule != "test" {
		t.Errorf("refused are %+v", refused)
	}
	one.save("prompts/zh.yaml", "a: 您早")
	if one.serves.Load() != "b" || two.serves.Load() != "b" || !two.ok() {
		t.Error("a bad save has an effect")
	}
	one.save("menus/10086.yaml", "c")
	comes(t, "c", one, two)
	within(t, limit, "all is well", func() bool { return one.ok() && len(one.Status().Refused) == 0 })
	stored(t, store, "c")
	if _, err := store.TakeBack(t.Context(), "", "wang", "sounds wrong"); err != nil {
		t.Fatal(err)
	}
	comes(t, "b", one, two)
	within(t, limit, "the rollback is told of", func() bool {
		s := two.Status()
		return s.Live.Note == "sounds wrong" && s.Live.BackTo > 0 && s.Folder != s.Live.Release
	})
	one.Publish() // the folder as it stands, which was taken back
	comes(t, "c", one, two)
	one.save("menus/10086.yaml", "panic")
	within(t, limit, "a fault is a refusal", func() bool { return !one.ok() })
	one.save("menus/10086.yaml", "c")
	within(t, limit, "what is live already is no refusal", one.ok)
}

// TestARollbackDoesNotWaitForACheck, and the save that was being checked, which is
// older, does not come after it. Of two more saves meanwhile only the last counts.
func TestARollbackDoesNotWaitForACheck(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	publish(t, store, "a")
	s := newServer(t, store, newFolder(t, "b"))
	began, goOn := make(chan string, 8), make(chan struct{})
	s.opt.Check = func(_ context.Context, snap *Snapshot) error {
		data, err := fs.ReadFile(snap.Menus(), "10086.yaml")
		began <- string(data)
		<-goOn
		return err
	}
	s.run(t)
	if got := <-began; got != "b" { // which is new at the start
		t.Fatalf("checked is %q", got)
	}
	goOn <- struct{}{}
	comes(t, "b", s)
	stored(t, store, "b")

	s.save("menus/10086.yaml", "c")
	<-began
	if _, err := store.TakeBack(t.Context(), "", "wang", ""); err != nil {
		t.Fatal(err)
	}
	comes(t, "a", s)
	goOn <- struct{}{}
	within(t, limit, "the older save is refused", func() bool {
		r := s.Status().Refused
		return len(r) == 1 && strings.Contains(r[0].Why, ErrOvertaken.Error())
	})
	if s.serves.Load() != "a" {
		t.Errorf("it serves %v", s.serves.Load())
	}

	s.save("menus/10086.yaml", "d")
	<-began
	for _, text := range []string{"e", "f"} {
		s.save("menus/10086.yaml", text)
		release := s.folder.take().Release
		within(t, limit, text+" is seen", func() bool { return s.Status().Folder == release })
	}
	goOn <- struct{}{}
	if got := <-began; got != "f" {
		t.Errorf("after d, %q is checked", got)
	}
	if s.serves.Load() != "a" {
		t.Errorf("d, which the folder does not hold any more, is served: %v", s.serves.Load())
	}
	goOn <- struct{}{}
	comes(t, "f", s)
}

// away makes Postgres fail every question about releases until it is called again.
func away(t *testing.T, store *Store) (back func()) {
	t.Helper()
	rename := func(from, to string) {
		if _, err := store.pool.Exec(context.Background(), "alter table ivr."+from+" rename to "+to); err != nil {
			t.Fatal(err)
		}
	}
	rename("publications", "away")
	return func() { rename("away", "publications") }
}

func TestPostgresAway(t *testing.T) {
	t.Run("at the start, with something new", func(t *testing.T) {
		t.Parallel()
		store := newStore(t)
		publish(t, store, "a")
		back := away(t, store)
		s := newServer(t, store, newFolder(t, "b")).run(t)
		if s.serves.Load() != "b" || s.Status().Live.Seq != 0 {
			t.Errorf("it serves %v, %+v", s.serves.Load(), s.Status())
		}
		back()
		stored(t, store, "b")
		within(t, limit, "it knows that", func() bool { return s.Status().Live.Seq > 0 })
	})
	t.Run("at the start, after a rollback", func(t *testing.T) {
		t.Parallel()
		store := newStore(t)
		publish(t, store, "b")
		publish(t, store, "a")
		back := away(t, store)
		s := newServer(t, store, newFolder(t, "b")).run(t)
		if s.serves.Load() != "b" {
			t.Errorf("it serves %v", s.serves.Load())
		}
		back()
		comes(t, "a", s)
		if all, err := store.List(t.Context(), 0); err != nil || len(all) != 2 {
			t.Errorf("%v, %v", all, err)
		}
	})
	t.Run("at a save", func(t *testing.T) {
		t.Parallel()
		store := newStore(t)
		s := newServer(t, store, newFolder(t, "a")).run(t)
		back := away(t, store)
		s.save("menus/10086.yaml", "b")
		comes(t, "b", s)
		back()
		stored(t, store, "b")
	})
	t.Run("at a save, and somebody decides meanwhile", func(t *testing.T) {
		t.Parallel()
		store := newStore(t)
		s := newServer(t, store, newFolder(t, "a")).run(t)
		back := away(t, store)
		s.save("menus/10086.yaml", "b")
		comes(t, "b", s)
		// What this server cannot see, another has stored in the meantime.
		if _, err := store.pool.Exec(t.Context(), `with r as (insert into ivr.releases (release, content) values ($1, $2) returning release)
			insert into ivr.away (release, author) select release, 'wang' from r`, newFolder(t, "c").take().Release, newFolder(t, "c").take().data); err != nil {
			t.Fatal(err)
		}
		back()
		comes(t, "c", s)
		if r := s.Status().Refused; len(r) != 1 || !strings.Contains(r[0].Why, ErrOvertaken.Error()) {
			t.Errorf("refused are %+v", r)
		}
	})
}

// TestAVersionThatCannotBeLoadedIsTriedAgain: its audio may be on the way.
func TestAVersionThatCannotBeLoadedIsTriedAgain(t *testing.T) {
	store := newStore(t)
	s := newServer(t, store, newFolder(t, "a"))
	if err := s.begin(t); err != nil {
		t.Fatal(err)
	}
	publish(t, store, "bad b")
	p, err := store.Live(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.followed(t, p)
	if s.serves.Load() != "a" || s.ok() || s.Status().Refused[0].What != "version "+p.Release {
		t.Errorf("it serves %v, %+v", s.serves.Load(), s.Status())
	}
	s.loads.Store(true)
	s.followed(t, p)
	if s.serves.Load() != "a" {
		t.Error("it is tried again at every look")
	}
	s.retryAt.follow = time.Now()
	s.followed(t, p)
	if s.serves.Load() != "bad b" || !s.ok() {
		t.Errorf("it serves %v, %+v", s.serves.Load(), s.Status())
	}
}

// TestAFolderThatIsGone: what is live stays.
func TestAFolderThatIsGone(t *testing.T) {
	store := newStore(t)
	s := newServer(t, store, newFolder(t, "a"))
	if err := s.begin(t); err != nil {
		t.Fatal(err)
	}
	s.opt.Menus = filepath.Join(t.TempDir(), "gone")
	s.Keeper.folder.menus = s.opt.Menus
	s.changed(t.Context(), false)
	if s.serves.Load() != "a" || s.ok() || s.Status().Folder != "" {
		t.Errorf("it serves %v, %+v", s.serves.Load(), s.Status())
	}
	again := newServer(t, store, s.folder)
	again.opt.Menus, again.Keeper.folder.menus = s.opt.Menus, s.opt.Menus
	if err := again.Start(t.Context()); err != nil || again.serves.Load() != "a" {
		t.Errorf("after a restart it serves %v, %v", again.serves.Load(), err)
	}
	if err := newServer(t, newStore(t), folder{t, s.opt.Menus, s.texts}).Start(t.Context()); err == nil || errors.Is(err, ErrNone) {
		t.Errorf("without any menus: %v", err)
	}
}

// TestWhatTurnsOutToBeWrongIsTakenBack: a save that a glance lets pass, and a harder
// look does not, is live for as long as that takes; then what was before it is again.
func TestWhatTurnsOutToBeWrongIsTakenBack(t *testing.T) {
	store := newStore(t)
	s := newServer(t, store, newFolder(t, "menu: one")).run(t)
	other := newServer(t, store, newFolder(t, "menu: one")).run(t)
	comes(t, "menu: one", s, other)
	s.save("menus/10086.yaml", "menu: subtle")
	within(t, 10*time.Second, "the refusal", func() bool { return len(s.Status().Refused) == 1 })
	comes(t, "menu: one", s, other)
	if refused := s.Status().Refused[0]; s.ok() || len(refused.Problems) != 1 || refused.Problems[0].Message != "subtle" {
		t.Errorf("ok %v, refused %+v", s.ok(), refused)
	}
	all, err := store.List(t.Context(), 0)
	if err != nil || len(all) != 3 || all[0].Author != program {
		t.Errorf("%v, %+v", err, all)
	}
	s.save("menus/10086.yaml", "menu: two")
	comes(t, "menu: two", s, other)
	if !s.ok() || len(s.Status().Refused) > 0 {
		t.Errorf("ok %v, refused %+v", s.ok(), s.Status().Refused)
	}
}

// TestAMendedSaveIsNotOvertakenByTheTakingBack of what it mends: whoever saw the mistake
// first has saved again while it was still being looked for.
func TestAMendedSaveIsNotOvertakenByTheTakingBack(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	s := newServer(t, store, newFolder(t, "menu: one"))
	check, prove := s.opt.Check, s.opt.Prove
	looking, checking, goOn := make(chan struct{}, 8), make(chan struct{}), make(chan struct{})
	s.opt.Prove = func(ctx context.Context, snap *Snapshot) error { <-looking; return prove(ctx, snap) }
	s.opt.Check = func(ctx context.Context, snap *Snapshot) error {
		if text, _ := s.read(ctx, snap); text == "menu: mended" {
			close(checking)
			<-goOn
		}
		return check(ctx, snap)
	}
	s.run(t)
	s.save("menus/10086.yaml", "menu: subtle")
	stored(t, store, "menu: subtle")
	s.save("menus/10086.yaml", "menu: mended")
	<-checking
	looking <- struct{}{}
	within(t, limit, "the taking back", func() bool { return len(s.Status().Refused) == 1 })
	stored(t, store, "menu: one")
	looking <- struct{}{}
	close(goOn)
	comes(t, "menu: mended", s)
	stored(t, store, "menu: mended")
	within(t, limit, "all is well", s.ok)
}

// TestOnlyWhatIsWrongIsTakenBack: what another server has published since is not, though
// this one has not heard of it yet; what is wrong would be live again.
func TestOnlyWhatIsWrongIsTakenBack(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	s := newServer(t, store, newFolder(t, "menu: one"))
	publish(t, store, "menu: zero")
	publish(t, store, "menu: one")
	if err := s.begin(t); err != nil {
		t.Fatal(err)
	}
	publish(t, store, "menu: two")
	s.opt.Prove = func(context.Context, *Snapshot) error { return errors.New("subtle") }
	s.proving.begin(t.Context(), s.serving)
	s.doubt(t.Context(), <-s.proving.done)
	stored(t, store, "menu: two")
	if s.ok() {
		t.Error("nobody is told")
	}
}

// TestWhatAKilledServerHasNotProvedIsProved: between a save's going live and the end of the
// full check a server may die; the next one looks at what it finds live.
func TestWhatAKilledServerHasNotProvedIsProved(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	publish(t, store, "menu: one")
	publish(t, store, "menu: subtle")
	s := newServer(t, store, newFolder(t, "menu: subtle")).run(t)
	comes(t, "menu: one", s)
	stored(t, store, "menu: one")
	if s.ok() {
		t.Error("nobody is told")
	}
}
