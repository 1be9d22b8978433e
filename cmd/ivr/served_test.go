package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"hotline/internal/prompts"
	"hotline/internal/prompts/build"
)

// TestASaveKeepsTheSoundsOfWhatIsLive, though the audio folder was emptied, or has the manifest
// of a build that was never live: a text that has not changed sounds as before.
func TestASaveKeepsTheSoundsOfWhatIsLive(t *testing.T) {
	x, kept := newExchange(t), make(chan string, 1)
	x.at.make = func(ctx context.Context, o build.Options) (prompts.Manifest, error) {
		data, err := os.ReadFile(filepath.Join(o.AudioDir, filepath.FromSlash(o.Keep["zh"]["p.press"].File)))
		if err != nil {
			data = []byte(err.Error())
		}
		select {
		case kept <- string(data):
		case <-ctx.Done():
		}
		return x.record(ctx, o)
	}
	go func() { <-kept }() // the first has nothing to keep
	keeper := x.open(t, newPool(t))
	stored := func(but string) {
		t.Helper()
		tick, late := time.NewTicker(5*time.Millisecond), time.After(time.Minute)
		defer tick.Stop()
		for live := keeper.Status().Live; live.Seq == 0 || live.Release == but; live = keeper.Status().Live {
			select {
			case <-tick.C:
			case <-late:
				t.Fatalf("stored is %+v", live)
			}
		}
	}
	stored("")
	want, err := os.ReadFile(filepath.Join(x.at.audio, filepath.FromSlash((*x.served.heard.Load())["zh"]["p.press"].File)))
	if err != nil {
		t.Fatal(err)
	}
	for text, harm := range map[string]func() error{
		"一版": func() error { return os.RemoveAll(x.at.audio) },
		"二版": func() error {
			return os.WriteFile(filepath.Join(x.at.audio, prompts.ManifestFile), []byte("{}"), 0o644)
		},
	} {
		before := keeper.Status().Live.Release
		if err := harm(); err != nil {
			t.Fatal(err)
		}
		x.edit(text, true)
		if got := <-kept; got != string(want) {
			t.Errorf("%s: kept is %q", text, got)
		}
		stored(before)
	}
}
