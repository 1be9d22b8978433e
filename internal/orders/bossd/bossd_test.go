package bossd_test

import (
	"testing"
)

// What everybody relies on, on every face: opened once, refused twice, found by its key,
// closed again.
func TestOrdersOnEveryFace(t *testing.T) {
	p := newPeer(t)
	for _, f := range faces() {
		t.Run(f.name, func(t *testing.T) {
			opening, again, closing, pauper := newKey(), newKey(), newKey(), newKey()
			for _, step := range []struct{ key, number, action, service, price, want string }{
				{opening, rich, "open", "caller_id", "6.00", "success"},
				{opening, rich, "open", "caller_id", "6.00", "success"}, // the same key
				{again, rich, "open", "caller_id", "6.00", "refused"},
				{pauper, poor, "open", "caller_id", "6.00", "refused"},
				{closing, rich, "close", "caller_id", "0.00", "success"},
				{opening, rich, "open", "caller_id", "6.00", "success"}, // and it stays closed
				{newKey(), rich, "close", "caller_id", "0.00", "refused"},
			} {
				a, err := f.submit(p, step.key, step.number, step.action, step.service, step.price)
				if err != nil || f.read(a) != step.want {
					t.Errorf("%s %s: %v %d %s, want %s", step.action, step.service, err, a.status, a.body, step.want)
				}
			}
			for key, want := range map[string]string{opening: "success", again: "refused", closing: "success", newKey(): "not_found"} {
				a, err := f.find(p, key)
				if err != nil || f.read(a) != want {
					t.Errorf("look-up: %v %d %s, want %s", err, a.status, a.body, want)
				}
			}
			effects := p.effects()
			for key, want := range map[string]bool{opening: true, again: false, pauper: false, closing: true} {
				if _, there := effects[key]; there != want {
					t.Errorf("in the ledger: %v, want %v", there, want)
				}
			}
			if e := effects[opening]; e.MSISDN != "138****0001" || e.Service != "caller_id" || e.Action != "open" || e.Price != 600 || e.At.IsZero() || e.Ref == "" {
				t.Errorf("the effect is %+v", e)
			}
		})
	}
}
