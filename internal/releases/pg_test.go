package releases

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/journal"
)

// newStore has a database of its own, dropped after the test.
func newStore(t *testing.T) *Store {
	t.Helper()
	address := os.Getenv("DATABASE_URL")
	if address == "" {
		if os.Getenv("CI") != "" || os.Getenv("IVR_PARTS") == "required" {
			t.Fatal("DATABASE_URL is not set, and this run must not skip")
		}
		t.Skip("DATABASE_URL is not set")
	}
	ctx := context.Background()
	admin, err := pgx.Connect(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	name := "releases_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if _, err := admin.Exec(ctx, "create database "+name); err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	at.Path = "/" + name
	own := at.String()
	if _, err := journal.Migrate(ctx, own); err != nil {
		t.Fatal(err)
	}
	pool, err := pgxpool.New(ctx, own)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		pool.Close()
		if _, err := admin.Exec(ctx, "drop database "+name+" with (force)"); err != nil {
			t.Error(err)
		}
		_ = admin.Close(ctx)
	})
	return NewStore(pool)
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
