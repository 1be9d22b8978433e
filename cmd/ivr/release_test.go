package main

import (
	"context"
	"strings"
	"testing"

	"hotline/internal/prompts"
	"hotline/internal/prompts/build"
	"hotline/internal/releases"
)

// TestAVersionIsHeardWithItsManifest: nothing is made where that has everything. What a
// newer program says more is made and added, and the rest stays what it was.
func TestAVersionIsHeardWithItsManifest(t *testing.T) {
	x := newExchange(t)
	snap, err := releases.Take(x.at.menus, x.at.texts)
	if err != nil {
		t.Fatal(err)
	}
	_, first, err := x.at.content(t.Context(), snap, nil)
	if err != nil {
		t.Fatal(err)
	}
	mute := x.at
	mute.make = nil
	t.Setenv("PATH", "") // no synthesiser
	heard, m, err := mute.content(t.Context(), snap, first)
	if err != nil || len(m["zh"]) != len(first["zh"]) {
		t.Fatalf("%d prompts, %v", len(m["zh"]), err)
	}
	said, err := heard.Prompts.Fragments("zh", []prompts.Ref{prompts.Prompt("version")})
	if err != nil || said[0].File != x.at.audio+"/"+strings.TrimSuffix(first["zh"]["version"].File, ".alaw") {
		t.Errorf("%+v, %v", said, err)
	}

	delete(first["zh"], "n.7")
	if _, _, err := mute.content(t.Context(), snap, first); err == nil || !strings.Contains(err.Error(), "cannot be made here") {
		t.Errorf("without a voice: %v", err)
	}
	before := first["zh"]["version"]
	other := x.at
	other.make = func(_ context.Context, o build.Options) (prompts.Manifest, error) {
		m, err := x.record(t.Context(), o)
		a := m["zh"]["version"]
		a.SHA256, a.File = strings.Repeat("0", 64), "zh/version-000000000000.alaw" // it sounds otherwise today
		m["zh"]["version"] = a
		return m, err
	}
	_, m, err = other.content(t.Context(), snap, first)
	if err != nil || m["zh"]["version"] != before || m["zh"]["n.7"].File == "" {
		t.Errorf("%+v, %+v, %v", m["zh"]["version"], m["zh"]["n.7"], err)
	}
}

// TestRecordingsMeanwhileAreOfTheNextVersion: audio is made of the recordings that the
// snapshot names, by their hashes, and of no others.
func TestRecordingsMeanwhileAreOfTheNextVersion(t *testing.T) {
	x := newExchange(t)
	var asked build.Options
	x.at.make = func(_ context.Context, o build.Options) (prompts.Manifest, error) {
		asked = o
		return x.record(t.Context(), o)
	}
	content := func() *releases.Snapshot {
		t.Helper()
		snap, err := releases.Take(x.at.menus, x.at.texts)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := x.at.content(t.Context(), snap, nil); err != nil {
			t.Fatal(err)
		}
		return snap
	}
	plain := content()
	if asked.Folder != "" {
		t.Error("recordings are looked for that the snapshot does not have")
	}
	x.save(x.at.texts+"/recordings/zh/version.wav", "RIFF")
	if again := content(); again.Release == plain.Release || asked.Folder != x.at.texts || asked.Hashes["recordings/zh/version.wav"] != prompts.Hash("RIFF") {
		t.Errorf("asked for %+v", asked.Hashes)
	}
}
