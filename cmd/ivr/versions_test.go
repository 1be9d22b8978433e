package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"hotline/internal/admin"
	"hotline/internal/outside"
	"hotline/internal/prompts"
	"hotline/internal/prompts/promptstest"
	"hotline/internal/releases"
)

// told runs a command as its user would, and gives what it prints and its exit code.
func told(t *testing.T, args ...string) (string, int) {
	t.Helper()
	var out bytes.Buffer
	root := rootCommand()
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&out)
	err := root.ExecuteContext(t.Context())
	var usage usageError
	var exit exitError
	switch {
	case err == nil:
		return out.String(), 0
	case errors.As(err, &exit):
		return out.String(), int(exit)
	case errors.As(err, &usage):
		return out.String() + err.Error(), 2
	}
	return out.String() + err.Error(), 1
}

// TestAnEveningOfAMaintainer: every command of publishing, with what it says and its
// exit code, beside a server that runs, and without one.
func TestAnEveningOfAMaintainer(t *testing.T) {
	promptstest.Need(t, "espeak-ng", "sox")
	pool := newPool(t)
	x := newExchange(t)
	keeper := x.open(t, pool)
	board := outside.NewBoard(outside.Options{Store: outside.NewStore(pool), Registerer: prometheus.NewRegistry()})
	asterisk := errors.New("")
	web := httptest.NewServer(admin.Handler(admin.Options{
		Metrics: prometheus.NewRegistry(), Notes: []admin.Check{menusNote(keeper)},
		Checks: []admin.Check{{Name: "asterisk-1", Err: func() error {
			if asterisk.Error() == "" {
				return nil
			}
			return asterisk
		}}},
		Status: func() any { return x.served.status("ivr-a-test", keeper, board) },
	}))
	t.Setenv("DATABASE_URL", pool.Config().ConnString())
	t.Setenv("HTTP_ADDR", strings.TrimPrefix(web.URL, "http://"))
	t.Setenv("MENUS", x.at.menus)
	t.Setenv("PROMPTS", x.at.texts)
	t.Setenv("AUDIO", x.at.audio)
	expect := func(code int, words string, args ...string) string {
		t.Helper()
		out, got := told(t, args...)
		for _, w := range strings.Split(words, "|") {
			if got != code || !strings.Contains(out, w) {
				t.Errorf("ivr %s: exit %d, want %d and %q in\n%s", strings.Join(args, " "), got, code, w, out)
			}
		}
		return out
	}
	first := keeper.Status().Live.Release
	expect(0, first+"|new at the start|asterisk-1  ok|ivr-a-test", "status")

	// Edited elsewhere, so that the server's watch has no part in it.
	draft := newExchange(t)
	draft.said = x.said
	draft.edit("一版", true)
	here := []string{"--menus", draft.at.menus, "--prompts", draft.at.texts}
	expect(0, "published |by li: 改价|serves it|folder has another version ("+first, append(here, "publish", "--author", "li", "--note", "改价")...)
	second := keeper.Status().Live.Release
	x.learn("一版")
	draft.edit("二版", false)
	expect(1, "what is live stays|10086.yaml:7:|nowhere", append(here, "publish")...)
	if out := expect(0, "改价|  0.7 │ alaw", "versions"); strings.Count(out, "live") < 1 || !aligned(out) {
		t.Errorf("the table is\n%s", out)
	}
	expect(0, "taken back to "+first+" by |: 难听|serves it", "rollback", "--note", "难听")
	expect(1, "nothing was published before "+first, "rollback")
	expect(0, "taken back to "+second, "rollback", second[:6])
	expect(0, "live already: "+second, "rollback", second)
	expect(2, `no such version "nonsense"`, "rollback", "nonsense")
	expect(2, "at most one VERSION", "rollback", "a", "b")

	older := filepath.Join(t.TempDir(), "older")
	expect(0, "2 files and 33 sounds of "+first, "versions", "export", first[:5], older)
	if text, err := os.ReadFile(filepath.Join(older, "prompts", "zh.yaml")); err != nil || !strings.Contains(string(text), "零版") {
		t.Errorf("exported is %q, %v", text, err)
	}
	sounds := os.DirFS(filepath.Join(older, "audio"))
	if m, err := prompts.ReadManifest(sounds); err != nil || len(m["zh"]) != 33 {
		t.Errorf("exported are %d sounds, %v", len(m["zh"]), err)
	} else if data, err := fs.ReadFile(sounds, m["zh"]["version"].File); err != nil || prompts.Hash(data) != m["zh"]["version"].SHA256 {
		t.Errorf("the exported sound has %d bytes, %v", len(data), err)
	}
	var list []heardVersion
	if out, _ := told(t, "versions", "--json"); json.Unmarshal([]byte(out), &list) != nil || len(list) != 4 || !list[0].Live || list[0].Release != second ||
		list[3].Heard == nil || *list[3].Heard != (releases.Heard{Prompts: 33, MS: 660, Codec: "alaw"}) {
		t.Errorf("as JSON: %s", out)
	}

	x.edit("三版", false)
	for len(keeper.Status().Refused) == 0 {
		x.until(t, "一版")
	}
	expect(1, "refused     "+x.at.menus+"|10086.yaml:7:|"+second, "status")
	asterisk = errors.New("not connected")
	expect(1, "asterisk-1  not connected", "status")
	web.Close()
	expect(1, "no server answers at", "status")
	expect(0, "no server answers at|those elsewhere serve it", "rollback")
}

// aligned tells whether all lines of a table are equally wide where they are shown,
// Chinese characters taking two columns.
func aligned(out string) bool {
	widths := map[int]bool{}
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		w := 0
		for _, r := range line {
			w++
			if r >= 0x2e80 {
				w++
			}
		}
		widths[w] = true
	}
	return len(widths) == 1
}
