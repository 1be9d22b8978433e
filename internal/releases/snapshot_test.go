package releases

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestASnapshotHasAllThatMenusAreMadeOf(t *testing.T) {
	f := newFolder(t, "menu: 1")
	f.save("menus/10086/3.yaml", "nodes: {}")
	f.save("menus/transcripts/a.txt", "> press 1")
	f.save("menus/.#10086.yaml", "an editor's own")
	f.save("menus/.git/x.yaml", "hidden")
	f.save("prompts/style/zh.yaml", "words: []")
	s := f.take()
	want := []string{"menus/10086.yaml", "menus/10086/3.yaml", "prompts/style/zh.yaml", "prompts/zh.yaml"}
	if got := s.Changed(nil); !slices.Equal(got, want) {
		t.Errorf("it has %q, want %q", got, want)
	}
	for name, fsys := range map[string]fs.FS{"10086/3.yaml": s.Menus(), "style/zh.yaml": s.Texts(), "menus/10086.yaml": s.Files()} {
		if data, err := fs.ReadFile(fsys, name); err != nil || len(data) == 0 {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
	again, err := unpack(s.data)
	if err != nil || again.Release != s.Release || len(again.Changed(s)) != 0 {
		t.Errorf("unpacked it is %v, %v", again, err)
	}
	f.save("menus/transcripts/a.txt", "> press 2")
	if f.take().Release != s.Release {
		t.Error("a transcript is no part of what callers hear")
	}
	f.save("menus/10086/3.yaml", "nodes: {a: b}")
	f.save("menus/10086/4.yaml", "nodes: {}")
	if err := os.Remove(filepath.Join(f.texts, "style/zh.yaml")); err != nil {
		t.Fatal(err)
	}
	now := f.take()
	if got := now.Changed(s); now.Release == s.Release || strings.Join(got, " ") != "menus/10086/3.yaml menus/10086/4.yaml prompts/style/zh.yaml" {
		t.Errorf("changed are %q", got)
	}
}

func TestTheNameOfASnapshotHasEverythingInIt(t *testing.T) {
	seen := map[string]string{}
	for what, make := range map[string]func(folder) (menus string){
		"plain":             func(f folder) string { return f.menus },
		"one file of it":    func(f folder) string { return filepath.Join(f.menus, "10086.yaml") },
		"a file moved":      func(f folder) string { f.save("menus/a.yaml", "menu: 1"); return f.menus },
		"a file elsewhere":  func(f folder) string { f.save("prompts/a.yaml", "menu: 1"); return f.menus },
		"the border moved":  func(f folder) string { f.save("menus/a.yaml", "menu: 1b"); f.save("menus/b.yaml", ""); return f.menus },
		"the border back":   func(f folder) string { f.save("menus/a.yaml", "menu: 1"); f.save("menus/b.yaml", "b"); return f.menus },
		"nothing but texts": func(f folder) string { f.save("menus/10086.yaml", ""); return f.menus },
	} {
		f := newFolder(t, "menu: 1")
		s, err := Take(make(f), f.texts)
		if err != nil {
			t.Fatal(what, err)
		}
		if other := seen[s.Release]; other != "" || len(s.Release) != 12 {
			t.Errorf("%q and %q are both %s", what, other, s.Release)
		}
		seen[s.Release] = what
	}
}

func TestTheWrongFolderIsSaid(t *testing.T) {
	f := newFolder(t, "menu: 1")
	if _, err := Take("/nowhere", f.texts); err == nil || !strings.Contains(err.Error(), "no menus at /nowhere") {
		t.Error(err)
	}
	if _, err := Take(f.menus, "/nowhere"); err == nil || !strings.Contains(err.Error(), "/nowhere") {
		t.Error(err)
	}
	f.save("menus/big.yaml", strings.Repeat("x", tooLarge))
	if _, err := Take(f.menus, f.texts); err == nil || !strings.Contains(err.Error(), "right folder") {
		t.Error(err)
	}
}

// TestEveryKindOfSaveIsSeen: also one that keeps size and time, as rsync -t can.
func TestEveryKindOfSaveIsSeen(t *testing.T) {
	for what, change := range map[string]func(t *testing.T, f folder){
		"replaced": func(_ *testing.T, f folder) { f.save("menus/10086.yaml", "menu: 2") },
		"written in place": func(t *testing.T, f folder) {
			if err := os.WriteFile(filepath.Join(f.menus, "10086.yaml"), []byte("menu: 2"), 0o644); err != nil {
				t.Fatal(err)
			}
		},
		"with the old time": func(t *testing.T, f folder) {
			file := filepath.Join(f.menus, "10086.yaml")
			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			f.save("menus/10086.yaml", "menu: 2")
			if err := os.Chtimes(file, info.ModTime(), info.ModTime()); err != nil {
				t.Fatal(err)
			}
		},
		"a new file below": func(_ *testing.T, f folder) { f.save("menus/a/b.yaml", "x") },
		"a text":           func(_ *testing.T, f folder) { f.save("prompts/zh.yaml", "a: 您早") },
		"another folder by a link": func(t *testing.T, f folder) {
			other := newFolder(t, "menu: 1")
			if err := os.Rename(f.menus, f.menus+".old"); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(other.menus, f.menus); err != nil {
				t.Fatal(err)
			}
		},
		"gone": func(t *testing.T, f folder) {
			if err := os.RemoveAll(f.menus); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			f := newFolder(t, "menu: 1")
			before := signature(f.menus, f.texts)
			if signature(f.menus, f.texts) != before {
				t.Fatal("it changes by itself")
			}
			change(t, f)
			if signature(f.menus, f.texts) == before {
				t.Error("not seen")
			}
		})
	}
}
