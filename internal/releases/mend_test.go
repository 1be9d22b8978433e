package releases

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// mendNow has the audio folder looked at as Run does.
func (s *server) mendNow(t *testing.T) {
	t.Helper()
	s.mendAt = time.Time{}
	s.mend(t.Context(), time.Now())
	s.mended(t.Context(), <-s.mending.done)
}

// TestSoundsComeBackUnderARunningServer that were deleted, or written over, in its audio
// folder. Its voice is not asked: it might say them otherwise.
func TestSoundsComeBackUnderARunningServer(t *testing.T) {
	t.Parallel()
	s := newServer(t, newStore(t), newFolder(t, "a"))
	if err := s.begin(t); err != nil {
		t.Fatal(err)
	}
	s.mute.Store(true)
	file := filepath.Join(s.opt.Sounds.dir, s.serving.manifest["zh"]["menu"].File)
	for what, harm := range map[string]func() error{
		"the folder is gone": func() error { return os.RemoveAll(s.opt.Sounds.dir) },
		"other bytes":        func() error { return os.WriteFile(file, []byte("VOICE SAYS A"), 0o644) },
		"no bytes":           func() error { return os.Truncate(file, 0) },
	} {
		if err := harm(); err != nil {
			t.Fatal(err)
		}
		s.serves.Store("")
		s.mendNow(t)
		if is, err := os.ReadFile(file); err != nil || string(is) != "voice says a" {
			t.Errorf("%s: the file has %q, %v", what, is, err)
		}
		if s.serves.Load() != "a" {
			t.Errorf("%s: the plain names are not put back", what)
		}
	}
	s.serves.Store("")
	s.mendNow(t)
	if s.serves.Load() != "" {
		t.Error("it goes live once more though nothing was wrong")
	}

	back := awaySounds(t, s.opt.Store)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	s.mendNow(t)
	if s.unmended == "" {
		t.Error("nobody is told that calls hear silence")
	}
	back()
	s.mendNow(t)
	if is, err := os.ReadFile(file); err != nil || string(is) != "voice says a" || s.unmended != "" {
		t.Errorf("after Postgres is back the file has %q, %v, %q", is, err, s.unmended)
	}
}

// awaySounds makes Postgres fail every question about sounds until it is called again.
func awaySounds(t *testing.T, store *Store) (back func()) {
	t.Helper()
	rename := func(from, to string) {
		if _, err := store.pool.Exec(t.Context(), "alter table ivr."+from+" rename to "+to); err != nil {
			t.Fatal(err)
		}
	}
	rename("sounds", "away")
	return func() { rename("away", "sounds") }
}
