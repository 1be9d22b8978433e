package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hastyMenus copies the shipped menus with a caller who is asked again after
// less time: the waiting is what differs, not what is said.
func hastyMenus(t *testing.T) (setting string) {
	t.Helper()
	return editedMenus(t, "first_digit: 6s", "first_digit: 2s")
}

// editedMenus copies the shipped menus with one text in place of another, which
// must be in one of their files.
func editedMenus(t *testing.T, old, replacement string) (setting string) {
	t.Helper()
	need(t)
	dir := t.TempDir()
	fatal(t, os.CopyFS(dir, os.DirFS(os.Getenv("MENUS"))))
	found := false
	fatal(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || found || filepath.Ext(path) != ".yaml" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), old) {
			return err
		}
		found = true
		return os.WriteFile(path, []byte(strings.Replace(string(text), old, replacement, 1)), 0o644)
	}))
	if !found {
		t.Fatalf("no %q in the menus", old)
	}
	return "MENUS=" + dir
}
