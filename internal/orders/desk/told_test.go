package desk_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hotline/internal/orders"
	"hotline/internal/orders/desk"
	"hotline/internal/orders/sandbox"
)

// diesUnheard has a Desk die with what it has not stored, and another carry on: its BOSS acts
// on a key only once, so an order that it does not know is sent again.
func (h hotline) diesUnheard(t *testing.T, d *desk.Desk) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_ = d.Close(ctx) // says that it was cut off, or that there was nothing
	update(t, h, "locked_until = now(), next_try_at = now(), settles_at = now()")
	run(t, h.another(t, connect(t, h.cfg), prometheus.NewRegistry(), repeating, nil))
}

// The BOSS is not reached, and neither is Postgres: that the order has failed is stored
// nowhere, and whoever finds it carries it out. Its caller must not have heard that it failed.
func TestAnotherCarriesOutWhatWasNotStored(t *testing.T) {
	t.Parallel()
	var way between
	h := open(t, nil, nil)
	cfg, line := throughWire(t, h.cfg)
	way.after = func() { line.set(true) }
	d := h.another(t, connect(t, cfg), prometheus.NewRegistry(), nil, way.around)
	h.fault(t, sandbox.OpSubmit, sandbox.Unavailable, 1, 0)
	o := order(t, rich, "open caller_id 600")
	if a := d.Submit(t.Context(), o, nil); a.Outcome != orders.Unknown {
		t.Errorf("told %v of an order that goes on", a.Result)
	}
	h.diesUnheard(t, d)
	h.becomes(t, o, "success/reconciled order done")
	if n := h.effects(t, rich); n != 1 {
		t.Errorf("%d effects", n)
	}
}

// The mark is stored, but the connection breaks before that is known, and the order cannot be
// withdrawn: whoever finds it takes it for sent, and sends it again.
func TestMarkOfWhichNothingIsHeard(t *testing.T) {
	t.Parallel()
	var way between
	h := open(t, nil, nil)
	cfg, line := throughWire(t, h.cfg)
	d := h.another(t, connect(t, cfg), prometheus.NewRegistry(), nil, way.around)
	o := order(t, rich, "open caller_id 600")
	var breaking sync.WaitGroup
	a := d.Submit(t.Context(), o, func(id string) {
		tx, err := h.db.Begin(t.Context())
		if err == nil {
			_, err = tx.Exec(t.Context(), "select from ivr.orders where order_id = $1::uuid for update", id)
		}
		if err != nil {
			t.Fatal(err)
		}
		breaking.Go(func() {
			eventually(t, func() string {
				var marking bool
				err := h.db.QueryRow(context.Background(), `
					select exists (select from pg_stat_activity where datname = current_database()
						and wait_event_type = 'Lock' and query like '%set state = ''sent''%')`).Scan(&marking)
				if err != nil || !marking {
					return fmt.Sprint("no Desk marks its order: ", err)
				}
				return ""
			})
			line.set(true)
			if err := tx.Rollback(context.Background()); err != nil {
				t.Error(err)
			}
		})
	})
	breaking.Wait()
	h.standsAs(t, "sent 1")
	if way.submits.Load() != 0 {
		t.Error("sent with a mark of which nothing was heard")
	}
	if a.Outcome != orders.Unknown {
		t.Errorf("told %v of an order that goes on", a.Result)
	}
	h.diesUnheard(t, d)
	h.becomes(t, o, "success/reconciled order done")
	if n := h.effects(t, rich); n != 1 {
		t.Errorf("%d effects", n)
	}
}
