package sandbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"hotline/internal/orders"
)

// Operation is what the BOSS can be asked to do, and so what a fault can meet.
type Operation string

// The operations.
const (
	OpSubmit Operation = "submit"
	OpQuery  Operation = "query"
	OpLookup Operation = "lookup"
	OpVerify Operation = "verify"
)

// Mode is the way in which a fault goes wrong.
type Mode string

// The modes. With a Delay, each goes wrong only after it.
const (
	Slow        Mode = "delay"        // the request is carried out, later
	Fail        Mode = "error"        // the BOSS answers that it failed; nothing was done
	Unavailable Mode = "unavailable"  // the BOSS cannot be reached; nothing was done
	LoseAnswer  Mode = "lose_answer"  // the request is carried out, its answer is lost
	LoseRequest Mode = "lose_request" // to the asker the same, but nothing was done
)

// Fault is one thing that the sandbox was told to do wrong.
type Fault struct {
	Operation Operation
	Mode      Mode
	Delay     time.Duration // to the millisecond
	Times     int           // how often still; Always until cleared; 0 used up
	Caller    orders.MSISDN // zero: everybody
}

// Always is the Times of a fault that stays until it is cleared.
const Always = -1

// Check gives nil, or an error that names what is allowed.
func (f Fault) Check() error {
	ops := []Operation{OpSubmit, OpQuery, OpLookup, OpVerify}
	modes := []Mode{Slow, Fail, Unavailable, LoseAnswer, LoseRequest}
	switch {
	case !slices.Contains(ops, f.Operation):
		return fmt.Errorf("no operation %q (there are %s)", f.Operation, list(ops))
	case !slices.Contains(modes, f.Mode):
		return fmt.Errorf("no mode %q (there are %s)", f.Mode, list(modes))
	case f.Mode == Slow && f.Delay <= 0:
		return fmt.Errorf("mode %s needs a delay", Slow)
	case f.Delay < 0:
		return fmt.Errorf("a delay of %v is in the past", f.Delay)
	case f.Times < 1 && f.Times != Always:
		return fmt.Errorf("%d times is never", f.Times)
	}
	return nil
}

func list[T ~string](all []T) string {
	var words []string
	for _, w := range all {
		words = append(words, string(w))
	}
	return strings.Join(words, ", ")
}

// AddFault tells the sandbox to do something wrong from now on. Of several
// faults that could meet a request, the one added first does.
func (b *Boss) AddFault(ctx context.Context, f Fault) error {
	if err := f.Check(); err != nil {
		return err
	}
	var times *int
	if f.Times != Always {
		times = &f.Times
	}
	var caller *string
	if !f.Caller.IsZero() {
		digits := f.Caller.Reveal()
		caller = &digits
	}
	_, err := b.pool.Exec(ctx, `
		insert into sandbox.faults (operation, mode, delay_ms, remaining, msisdn)
		values ($1, $2, $3, $4, $5)`,
		f.Operation, f.Mode, f.Delay.Milliseconds(), times, caller)
	if err != nil {
		return fmt.Errorf("add a fault to the sandbox: %w", err)
	}
	return nil
}

// Faults lists what the sandbox was told to do wrong, in the order in which it
// was told, those used up included.
func (b *Boss) Faults(ctx context.Context) ([]Fault, error) {
	rows, _ := b.pool.Query(ctx, `
		select operation, mode, delay_ms, coalesce(remaining, $1), coalesce(msisdn, '')
		from sandbox.faults order by id`, Always)
	faults, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Fault, error) {
		var f Fault
		var ms int
		var caller string
		if err := row.Scan(&f.Operation, &f.Mode, &ms, &f.Times, &caller); err != nil {
			return f, err
		}
		f.Delay = time.Duration(ms) * time.Millisecond
		if caller == "" {
			return f, nil
		}
		var err error
		f.Caller, err = orders.ParseMSISDN(caller)
		return f, err
	})
	if err != nil {
		return nil, fmt.Errorf("list the faults of the sandbox: %w", err)
	}
	return faults, nil
}

// ClearFaults makes the sandbox do everything right again, and says how many
// faults there were, those used up included.
func (b *Boss) ClearFaults(ctx context.Context) (int, error) {
	tag, err := b.pool.Exec(ctx, "delete from sandbox.faults")
	if err != nil {
		return 0, fmt.Errorf("clear the faults of the sandbox: %w", err)
	}
	return int(tag.RowsAffected()), nil
}

// takeFault finds the fault that meets a request and counts it down; the zero
// Fault is none. It reads before it locks, as there mostly is none.
func (b *Boss) takeFault(ctx context.Context, op Operation, caller orders.MSISDN) (Fault, error) {
	ctx, cancel := context.WithTimeout(ctx, workLimit)
	defer cancel()
	type candidate struct {
		ID        int64
		Mode      Mode
		DelayMS   int
		Remaining *int
	}
	rows, _ := b.pool.Query(ctx, `
		select id, mode, delay_ms, remaining from sandbox.faults
		where operation = $1 and (msisdn is null or msisdn = $2) and (remaining is null or remaining > 0)
		order by id`, op, caller.Reveal())
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[candidate])
	if err != nil {
		return Fault{}, err
	}
	for _, c := range found {
		if c.Remaining != nil {
			// Another request may have used it up since: then the next one counts.
			tag, err := b.pool.Exec(ctx, `
				update sandbox.faults set remaining = remaining - 1 where id = $1 and remaining > 0`, c.ID)
			if err != nil {
				return Fault{}, err
			}
			if tag.RowsAffected() == 0 {
				continue
			}
		}
		return Fault{Operation: op, Mode: c.Mode, Delay: time.Duration(c.DelayMS) * time.Millisecond}, nil
	}
	return Fault{}, nil
}
