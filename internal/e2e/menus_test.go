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
	for _, name := range []string{"10086.yaml", "services.yaml"} {
		text, err := os.ReadFile(filepath.Join(os.Getenv("MENUS"), name))
		if err != nil {
			t.Fatal(err)
		}
		edited := string(text)
		if name == "10086.yaml" {
			if !strings.Contains(edited, old) {
				t.Fatalf("no %q in %s", old, name)
			}
			edited = strings.Replace(edited, old, replacement, 1)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(edited), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return "MENUS=" + dir
}
