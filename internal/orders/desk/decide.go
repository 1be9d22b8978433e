package desk

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"hotline/internal/orders"
)

// What Decide and Hurry refuse, by wrapping.
var (
	ErrNoOrder    = errors.New("there is no such order")
	ErrNotUnknown = errors.New("the order is not unknown") // it has its result, or its Desk works on it
)

// Decide gives an unknown order the result that a person, who, has found out, and why
// that is so. It ends the order as a look-up would: its applications are closed and its
// caller is told; a worker that is asking the BOSS at this moment finds it decided. The result is
// success, rejected or system_failed. The caller's number and what was typed do not
// belong into why, which is stored open.
func (d *Desk) Decide(ctx context.Context, order string, r orders.Result, who, why string) error {
	switch r.Outcome {
	case orders.Success, orders.Rejected, orders.SystemFailed:
	default:
		return fmt.Errorf("decide order %s: an order is decided as success, rejected or system_failed, not %q", order, r)
	}
	who, why = strings.TrimSpace(who), strings.TrimSpace(why)
	if !r.Valid() || who == "" || why == "" {
		return fmt.Errorf("decide order %s as %s: needed are a result of the closed set, who decides and why", order, r)
	}
	if uuid.Validate(order) != nil {
		return fmt.Errorf("decide order %s: %w", order, ErrNoOrder)
	}
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	err := pgx.BeginFunc(ctx, d.store.db, func(tx pgx.Tx) error {
		var state string
		err := tx.QueryRow(ctx, "select state from ivr.orders where order_id = $1::uuid for update", order).Scan(&state)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return ErrNoOrder
		case err != nil:
			return err
		case state != stateUnknown:
			return fmt.Errorf("%w but %s", ErrNotUnknown, state)
		}
		if err := resolveIn(ctx, tx, order, orders.Answer{Result: r}); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			update ivr.orders set decided_by = $2, decided_at = now(), decided_why = $3, fence = fence + 1
			where order_id = $1::uuid`, order, who, why)
		return err
	})
	if err != nil {
		return fmt.Errorf("decide order %s: %w", order, err)
	}
	d.metrics.decided.Inc()
	d.log.Warn("order decided by a person", "order", order, "result", r.String(), "by", who)
	return nil
}

// Hurry has an unknown order be reconciled next, not when it would be its turn. It
// returns before that is done.
func (d *Desk) Hurry(ctx context.Context, order string) error {
	if uuid.Validate(order) != nil {
		return fmt.Errorf("hurry order %s: %w", order, ErrNoOrder)
	}
	err := d.store.hurry(ctx, order)
	if err == nil {
		d.rouse()
	}
	return err
}

// State is how a Desk stands, for people.
type State struct {
	BOSS        orders.Capabilities `json:"boss"`
	Calls       Gate                `json:"calls"`
	Reconciling Gate                `json:"reconciling"`
	Unresolved  map[string]int      `json:"unresolved"`   // orders of all processes, by state
	ForAPerson  int                 `json:"for_a_person"` // of them, those that a person has to decide
}

// Gate is one way to the BOSS: what it lets pass, and whether it is shut now.
type Gate struct {
	Breaker    string  `json:"breaker"`    // closed (all is well), half-open, open
	Requests   uint32  `json:"requests"`   // in the breaker's window
	Failures   uint32  `json:"failures"`   // of them
	Concurrent int     `json:"concurrent"` // limit
	Queue      int     `json:"queue"`      // limit
	Rate       float64 `json:"rate"`       // limit, requests a second
	PauseMS    int64   `json:"pause_ms"`   // how long the breaker stays open
}

// State tells how the Desk stands now. It asks Postgres for the orders, not the BOSS for anything.
func (d *Desk) State(ctx context.Context) (State, error) {
	left, err := d.store.unresolved(ctx)
	return State{
		BOSS:  d.boss.Capabilities(),
		Calls: d.calls.state(), Reconciling: d.reconciling.state(),
		Unresolved: left.counts, ForAPerson: left.forPerson,
	}, err
}

func (g *gate) state() Gate {
	counts := g.breaker.Counts()
	return Gate{
		Breaker:  g.breaker.State().String(),
		Requests: counts.TotalSuccesses + counts.TotalFailures, Failures: counts.TotalFailures,
		Concurrent: g.limits.Concurrent, Queue: g.limits.Queue, Rate: g.limits.Rate,
		PauseMS: g.limits.Breaker.Pause.Milliseconds(),
	}
}
