package check

import (
	"os"
	"testing"

	"hotline/internal/menu/tree"
	"hotline/internal/prompts"
)

// shipped is the hotline as it is shipped.
func shipped(t testing.TB) (*tree.Tree, *prompts.Catalog) {
	t.Helper()
	c, err := prompts.Load(os.DirFS("../../../prompts"))
	if err != nil {
		t.Fatal(err)
	}
	tr, err := tree.Load(os.DirFS("../../../menus"), "10086.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	return tr, c
}

func BenchmarkCheck(b *testing.B) {
	tr, c := shipped(b)
	for name, quick := range map[string]bool{"all": false, "quick": true} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				r := Check(tr, c, Options{Quick: quick})
				b.ReportMetric(float64(r.States), "states")
				b.ReportMetric(float64(r.Steps), "events")
			}
		})
	}
}
