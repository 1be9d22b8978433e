package menu_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestTheHeartIsPure fails where a package of this module that internal/menu is
// built on reaches for the world: it would make a call depend on more than its events.
func TestTheHeartIsPure(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f",
		`{{if .Module}}{{if .Module.Main}}{{.ImportPath}} {{.Dir}} {{join .Imports ","}} {{join .GoFiles ","}}{{end}}{{end}}`, ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	banned := []string{"net", "os", "log", "context", "ari", "pgx", "client_golang"}
	packages := strings.Fields(strings.TrimSpace(string(out)))
	if len(packages) < 4*4 {
		t.Fatalf("expected menu, orders, prompts and source, found %q", out)
	}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) != 4 {
			continue
		}
		for _, imported := range strings.Split(f[2], ",") {
			if i := slices.IndexFunc(strings.Split(imported, "/"), func(part string) bool { return slices.Contains(banned, part) }); i >= 0 && imported != "io/fs" {
				t.Errorf("%s imports %s", f[0], imported)
			}
		}
		for _, file := range strings.Split(f[3], ",") {
			readsNoClock(t, filepath.Join(f[1], file))
		}
	}
}

func readsNoClock(t *testing.T, file string) {
	t.Helper()
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "time" && slices.Contains([]string{"Now", "Since", "Sleep", "After", "Tick"}, sel.Sel.Name) {
				t.Errorf("%s: time.%s", fset.Position(n.Pos()), sel.Sel.Name)
			}
		}
		return true
	})
}
