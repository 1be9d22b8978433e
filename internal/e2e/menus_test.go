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
// must be there.
func editedMenus(t *testing.T, old, replacement string) (setting string) {
	t.Helper()
	need(t)
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(os.Getenv("MENUS"))); err != nil {
		t.Fatal(err)
	}
	menu := filepath.Join(dir, "10086.yaml")
	text, err := os.ReadFile(menu)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("no %q in %s", old, menu)
	}
	if err := os.WriteFile(menu, []byte(strings.Replace(string(text), old, replacement, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	return "MENUS=" + dir
}
