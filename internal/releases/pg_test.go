package releases

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hotline/internal/journal/journaltest"
)

// newStore has a database of its own, dropped after the test.
func newStore(t *testing.T) *Store {
	t.Helper()
	return NewStore(journaltest.Pool(t))
}

// folder is a folder of menus and texts on the disk.
type folder struct {
	t            *testing.T
	menus, texts string
}

func newFolder(t *testing.T, content string) folder {
	f := folder{t, filepath.Join(t.TempDir(), "menus"), filepath.Join(t.TempDir(), "prompts")}
	f.save("menus/10086.yaml", content)
	f.save("prompts/zh.yaml", "a: 您好")
	return f
}

// save writes a file as editors do: beside it, then over it.
func (f folder) save(name, content string) {
	f.t.Helper()
	top, rest, _ := strings.Cut(name, "/")
	file := filepath.Join(map[string]string{"menus": f.menus, "prompts": f.texts}[top], rest)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(file+"~", []byte(content), 0o644); err != nil {
		f.t.Fatal(err)
	}
	if err := os.Rename(file+"~", file); err != nil {
		f.t.Fatal(err)
	}
}

func (f folder) take() *Snapshot {
	f.t.Helper()
	s, err := Take(f.menus, f.texts)
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

// within waits until check is content, and gives how long that took.
func within(t *testing.T, limit time.Duration, what string, check func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !check() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
	return time.Since(began)
}
