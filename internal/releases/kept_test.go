package releases

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/journal/journaltest"
)

// outage is a Postgres that can be away.
type outage struct {
	*Store
	away atomic.Bool
}

func newOutage(t *testing.T) *outage {
	config := journaltest.Pool(t).Config()
	o := &outage{}
	config.BeforeConnect = func(context.Context, *pgx.ConnConfig) error {
		if o.away.Load() {
			return errors.New("Postgres is away")
		}
		return nil
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	o.Store = NewStore(pool)
	return o
}

// goes takes Postgres away, with the connections that there are.
func (o *outage) goes(away bool) {
	o.away.Store(away)
	o.pool.Reset()
}

// machine is what outlives a server's process: its folder, its sounds, what it keeps.
type machine struct {
	folder
	kept, audio string
}

func newMachine(t *testing.T, content string) machine {
	dir := t.TempDir()
	return machine{newFolder(t, content), filepath.Join(dir, "spool", "live"), filepath.Join(dir, "audio")}
}

// lives runs a server on the machine until the subtest ends.
func (m machine) lives(t *testing.T, store *Store, what func(s *server)) {
	t.Helper()
	t.Run("a run", func(t *testing.T) {
		f := m.folder
		f.t = t
		s := newServer(t, store, f)
		s.opt.Kept, s.opt.Sounds = m.kept, NewSounds(m.audio)
		what(s.run(t))
	})
}

func (s *server) comes(t *testing.T, text string) {
	t.Helper()
	within(t, 3*limit, "serve "+text+", not "+s.serves.Load().(string), func() bool { return s.serves.Load() == text })
}

// published waits until Postgres has a text as what is live.
func published(t *testing.T, o *outage, text string) {
	t.Helper()
	within(t, 3*limit, text+" is published", func() bool {
		p, err := o.Live(t.Context())
		if err != nil {
			return false
		}
		snap, err := o.Open(t.Context(), p.Release)
		return err == nil && snap.files["menus/10086.yaml"] == text
	})
}

// TestStartWithoutPostgres: a server that is started while Postgres is away serves what it
// served last, and not what was taken back; the folder is judged when Postgres is there.
func TestStartWithoutPostgres(t *testing.T) {
	o, m := newOutage(t), newMachine(t, "first")
	m.lives(t, o.Store, func(s *server) {
		published(t, o, "first")
		s.save("menus/10086.yaml", "second")
		published(t, o, "second")
		if _, err := o.TakeBack(t.Context(), "", "li", ""); err != nil {
			t.Fatal(err)
		}
		s.comes(t, "first")
		within(t, limit, "the rollback is kept", func() bool {
			v, _, err := readKept(m.kept)
			return err == nil && v.pub.BackTo > 0
		})
	})
	o.goes(true)
	m.lives(t, o.Store, func(s *server) { // whose folder has what was taken back
		if got := s.serves.Load(); got != "first" || s.hears.Load() != "voice says first" {
			t.Errorf("serves %v, heard as %v", got, s.hears.Load())
		}
		o.goes(false)
		// What is published elsewhere comes after the folder was judged, in the same turn.
		if _, err := o.Publish(t.Context(), newFolder(t, "elsewhere").take(), "li", ""); err != nil {
			t.Fatal(err)
		}
		s.comes(t, "elsewhere")
		if all, err := o.List(t.Context(), 0); err != nil || len(all) != 4 || len(s.Status().Refused) > 0 {
			t.Errorf("published %d times, %v; refused %v", len(all), err, s.Status().Refused)
		}
	})
	o.goes(true)
	m.save("menus/10086.yaml", "third") // while no server was there
	m.lives(t, o.Store, func(s *server) {
		if got := s.serves.Load(); got != "elsewhere" {
			t.Errorf("serves %v, which nobody has checked", got)
		}
		o.goes(false)
		published(t, o, "third")
		s.comes(t, "third")
	})
}

// TestASaveWithoutPostgresOutlivesARestart, and is published when Postgres is back.
func TestASaveWithoutPostgresOutlivesARestart(t *testing.T) {
	o, m := newOutage(t), newMachine(t, "first")
	m.lives(t, o.Store, func(s *server) {
		published(t, o, "first")
		o.goes(true)
		s.save("menus/10086.yaml", "second")
		s.comes(t, "second")
		within(t, limit, "it is kept", func() bool {
			v, _, err := readKept(m.kept)
			return err == nil && v.unpublished
		})
	})
	m.lives(t, o.Store, func(s *server) {
		if got := s.serves.Load(); got != "second" {
			t.Errorf("serves %v", got)
		}
		o.goes(false)
		published(t, o, "second")
	})
}

// TestWhatIsKeptIsDamaged: then the folder is all that there is.
func TestWhatIsKeptIsDamaged(t *testing.T) {
	o, m := newOutage(t), newMachine(t, "first")
	m.lives(t, o.Store, func(s *server) { published(t, o, "first") })
	data, err := os.ReadFile(m.kept)
	if err != nil {
		t.Fatal(err)
	}
	o.goes(true)
	m.save("menus/10086.yaml", "second")
	for name, damage := range map[string]func([]byte) []byte{
		"cut": func(b []byte) []byte { return b[:len(b)/2] }, "empty": func([]byte) []byte { return nil },
		"another's": func(b []byte) []byte {
			return regexp.MustCompile(`"release":"[0-9a-f]+"`).ReplaceAll(b, []byte(`"release":"0123456789ab"`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(m.kept, damage(append([]byte(nil), data...)), 0o600); err != nil {
				t.Fatal(err)
			}
			m.lives(t, o.Store, func(s *server) {
				if got := s.serves.Load(); got != "second" {
					t.Errorf("serves %v", got)
				}
			})
		})
	}
}
