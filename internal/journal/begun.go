package journal

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// BegunCall is a call of a caller whose number is known, when it began, on whichever server.
type BegunCall struct {
	Call uuid.UUID
	Hash []byte // of the number, as Sealer.Hash
	At   time.Time
}

// begunWait bounds the question: the first of a process is about a whole hour.
const begunWait = 10 * time.Second

// Begun lists the calls that began after a time.
func Begun(ctx context.Context, pool *pgxpool.Pool, after time.Time) ([]BegunCall, error) {
	ctx, cancel := context.WithTimeout(ctx, begunWait)
	defer cancel()
	rows, _ := pool.Query(ctx, "select call_id, caller_hash, started_at from ivr.calls where started_at > $1 and caller_hash is not null", after)
	calls, err := pgx.CollectRows(rows, pgx.RowToStructByPos[BegunCall])
	if err != nil {
		return nil, fmt.Errorf("list the calls that began: %w", err)
	}
	return calls, nil
}
