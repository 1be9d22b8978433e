package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hotline/internal/prompts"
	"hotline/internal/prompts/promptstest"
	"hotline/internal/releases"
)

// voiced is a version whose sentence is said with some bytes.
func voiced(t *testing.T, text string, data []byte) (*releases.Snapshot, prompts.Manifest, func(string) ([]byte, error)) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"menus/10086.yaml": smallMenu, "prompts/zh.yaml": fmt.Sprintf(smallTexts, text)} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	snap, err := releases.Take(filepath.Join(dir, "menus"), filepath.Join(dir, "prompts"))
	if err != nil {
		t.Fatal(err)
	}
	a := promptstest.Audio("zh", "version", text, data)
	return snap, prompts.Manifest{"zh": {"version": a}}, func(file string) ([]byte, error) {
		if file != a.File {
			return nil, os.ErrNotExist
		}
		return data, nil
	}
}

// soon polls until a file has this content.
func soon(t *testing.T, file string, want []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		got, err := os.ReadFile(file)
		if err == nil && bytes.Equal(got, want) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s has %d bytes (%v), want %d others", file, len(got), err, len(want))
		}
	}
}

// A folder elsewhere gets a version's sounds before it is live, its plain names when it is,
// and back what is damaged there.
func TestFollow(t *testing.T) {
	pool := newPool(t)
	store, audio := releases.NewStore(pool), filepath.Join(t.TempDir(), "prompts")
	one, two := bytes.Repeat([]byte{0xD5}, 1600), bytes.Repeat([]byte{0x55}, 3200)
	first, m1, open1 := voiced(t, "零版", one)
	second, m2, open2 := voiced(t, "一版", two)
	if _, err := store.Stage(t.Context(), first, m1, open1); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Publish(t.Context(), first, "test", ""); err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		newFollower(store, audio).run(ctx, slog.New(slog.NewTextHandler(t.Output(), nil)))
	}()
	defer func() { cancel(); <-ended }()
	plain := filepath.Join(audio, "zh/version.alaw")
	soon(t, plain, one)

	if _, err := store.Stage(t.Context(), second, m2, open2); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	soon(t, filepath.Join(audio, m2["zh"]["version"].File), two)
	t.Logf("copied %v after it was staged", time.Since(began).Round(time.Millisecond))
	soon(t, plain, one) // not live yet
	if _, err := store.Publish(t.Context(), second, "test", ""); err != nil {
		t.Fatal(err)
	}
	soon(t, plain, two)
	for name, spoil := range map[string]func(string) error{
		"a byte": func(f string) error { return os.WriteFile(f, bytes.Replace(two, []byte{0x55}, []byte{0x54}, 1), 0o644) }, "all of it": os.Remove,
	} {
		if err := spoil(filepath.Join(audio, m2["zh"]["version"].File)); err != nil {
			t.Fatal(name, err)
		}
		soon(t, plain, two)
	}
	if _, err := store.TakeBack(t.Context(), "", "test", ""); err != nil {
		t.Fatal(err)
	}
	soon(t, plain, one)
}

func TestFollowOnce(t *testing.T) {
	pool := newPool(t)
	store, audio := releases.NewStore(pool), filepath.Join(t.TempDir(), "prompts")
	t.Setenv("DATABASE_URL", pool.Config().ConnString())
	follow := func(args ...string) (string, error) {
		var out bytes.Buffer
		cmd := rootCommand()
		cmd.SetOut(&out)
		cmd.SetErr(&out)
		cmd.SetArgs(append([]string{"prompts", "follow", "--audio", audio, "--once"}, args...))
		err := cmd.ExecuteContext(t.Context())
		return out.String(), err
	}
	if out, err := follow(); err != nil || !strings.Contains(out, "0 sounds") || !strings.Contains(out, "nothing is live yet") {
		t.Errorf("before anything is there: %q, %v", out, err)
	}
	data := bytes.Repeat([]byte{0xD5}, 1600)
	snap, m, open := voiced(t, "零版", data)
	if _, err := store.Stage(t.Context(), snap, m, open); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Publish(t.Context(), snap, "test", ""); err != nil {
		t.Fatal(err)
	}
	out, err := follow("--json")
	var all followed
	if e := json.Unmarshal([]byte(out), &all); err != nil || e != nil {
		t.Fatal(out, err, e)
	}
	if want := (followed{Audio: audio, Live: snap.Release, Versions: 1, Sounds: 1, Bytes: 1600}); all != want {
		t.Errorf("%+v, want %+v", all, want)
	}
	listed, err := prompts.ReadManifest(os.DirFS(audio))
	if err != nil || listed["zh"]["version"] != m["zh"]["version"] {
		t.Errorf("the folder says %+v, %v", listed, err)
	}
	if out, err := follow(); err != nil || !strings.HasPrefix(out, "0 sounds (0.0 MB, 0 in place of damaged ones) copied") {
		t.Errorf("once more: %q, %v", out, err)
	}
	if _, err := pool.Exec(t.Context(), `update ivr.sounds set content = '\x00'`); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(audio, m["zh"]["version"].File)); err != nil {
		t.Fatal(err)
	}
	if out, err := follow(); err == nil || !strings.Contains(err.Error(), "zh/version-") || !strings.Contains(err.Error(), "damaged in Postgres") {
		t.Errorf("a sound that Postgres has damaged: %q, %v", out, err)
	}
}
