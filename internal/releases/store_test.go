package releases

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
)

// publish makes content live and gives its name.
func publish(t *testing.T, s *Store, content string) string {
	t.Helper()
	snap := newFolder(t, content).take()
	p, err := s.Publish(t.Context(), snap, "li", content)
	if err != nil || p.Release != snap.Release || !p.Live {
		t.Fatal(p, err)
	}
	return p.Release
}

func TestTakingBack(t *testing.T) {
	s := newStore(t)
	if _, err := s.Live(t.Context()); !errors.Is(err, ErrNone) {
		t.Errorf("before the first: %v", err)
	}
	if _, err := s.TakeBack(t.Context(), "", "li", ""); !errors.Is(err, ErrNone) {
		t.Errorf("nothing to take back: %v", err)
	}
	a := publish(t, s, "a")
	if _, err := s.TakeBack(t.Context(), "", "li", ""); err == nil || !strings.Contains(err.Error(), "nothing was published before "+a) {
		t.Errorf("nothing before the first: %v", err)
	}
	b, c := publish(t, s, "b"), publish(t, s, "c")
	for i, step := range []struct{ to, want string }{
		{"", b}, {"", a}, {c[:5], c}, {"", b}, {strings.ToUpper(a), a}, {a, a}, {c, c},
	} {
		p, err := s.TakeBack(t.Context(), step.to, "wang", "why")
		if err != nil || p.Release != step.want {
			t.Fatalf("step %d: back to %q gives %+v, %v; want %s", i, step.to, p, err, step.want)
		}
		if now, err := s.Live(t.Context()); err != nil || now != p || now.Author != "wang" {
			t.Errorf("step %d: live is %+v, %v", i, now, err)
		}
	}
	publish(t, s, "a") // by hand, not by a rollback: c was before it
	if p, err := s.TakeBack(t.Context(), "", "li", ""); err != nil || p.Release != c {
		t.Errorf("before the second a was %s: %+v, %v", c, p, err)
	}
	if _, err := s.TakeBack(t.Context(), "xyz", "li", ""); !errors.Is(err, ErrUnknown) {
		t.Errorf("an unknown version: %v", err)
	}
	all, err := s.List(t.Context(), 0)
	if err != nil || len(all) != 11 || !all[0].Live || all[1].Live || all[len(all)-1].Release != a {
		t.Errorf("%d publications, %v", len(all), err)
	}
	if some, err := s.List(t.Context(), 2); err != nil || len(some) != 2 || some[0] != all[0] {
		t.Errorf("the last two are %v, %v", some, err)
	}
}

func TestAVersionIsStoredWhole(t *testing.T) {
	s := newStore(t)
	name := publish(t, s, "menu: 您好")
	snap, err := s.Open(t.Context(), name[:4])
	if err != nil || snap.Release != name {
		t.Fatal(snap, err)
	}
	if text, err := fs.ReadFile(snap.Menus(), "10086.yaml"); err != nil || string(text) != "menu: 您好" {
		t.Errorf("%q, %v", text, err)
	}
	if known, err := s.Known(t.Context(), name); err != nil || !known {
		t.Error(known, err)
	}
	if known, err := s.Known(t.Context(), "000000000000"); err != nil || known {
		t.Error(known, err)
	}
	if _, err := s.pool.Exec(t.Context(), "update ivr.releases set content = $1", newFolder(t, "other").take().data); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(t.Context(), name); err == nil {
		t.Error("content that is not the version's is served")
	}
}

// TestPublishingAtOnce: two servers that see the same save add one publication, and
// an older save does not displace a newer decision.
func TestPublishingAtOnce(t *testing.T) {
	s := newStore(t)
	snap := newFolder(t, "a").take()
	var all errgroup.Group
	for range 8 {
		all.Go(func() error { _, err := s.publish(t.Context(), snap, "li", "", 0, false); return err })
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	list, err := s.List(t.Context(), 0)
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	publish(t, s, "b")
	if _, err := s.publish(t.Context(), newFolder(t, "c").take(), "li", "", list[0].Seq, false); !errors.Is(err, ErrOvertaken) {
		t.Errorf("a save from before b: %v", err)
	}
	if p, err := s.Publish(t.Context(), newFolder(t, "b").take(), "wang", "with a note now"); err != nil || p.Note != "with a note now" {
		t.Errorf("a note to what is live: %+v, %v", p, err)
	}
}
