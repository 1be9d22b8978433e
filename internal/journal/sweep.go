package journal

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// quiet is how long a call that nobody has must have been without a step before
// the sweeper ends it. With a sweep every 15 s that is done within 60 s or so of
// its server's end.
const quiet = 40 * time.Second

// catchUp is how long a sweep waits for the writer, which is some 200 ms behind.
const catchUp = 2 * time.Second

// Sweep says that this server is there, and closes what nobody will close any
// more: open applications, and calls without an end, of this server where the
// call is not live, and of servers that have not been heard of for a minute.
// Call it every 15 s, for the first time when the calls that a crash left on the
// switch have been adopted or ended: what is not live then, and older than this
// process, is closed at once.
func (j *Journal) Sweep(ctx context.Context) error {
	live := j.live()
	if live == nil {
		live = []uuid.UUID{} // null would match no call
	}
	backlog := !j.caughtUp(ctx)
	err := pgx.BeginFunc(ctx, j.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "select ivr.beat($1)", j.server); err != nil {
			return err
		}
		if backlog {
			return nil
		}
		rows, err := tx.Query(ctx, "select kind, outcome, detail, test, n from ivr.sweep($1, $2, $3, $4)",
			j.server, live, quiet, j.booted)
		if err != nil {
			return err
		}
		calls, closings, err := collect(rows)
		if err != nil {
			return err
		}
		if calls > 0 || len(closings) > 0 {
			j.log.Warn("swept what a lost call left", "calls", calls, "applications", len(closings))
		}
		j.count(closings)
		return nil
	})
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	return j.conserve(ctx)
}

// caughtUp waits until the steps appended so far are in Postgres; false: they are
// not yet. Ask it after live: a call leaves that list when its last steps are in the
// spool. Without them one that was silent for long, and ended just now, would look lost.
func (j *Journal) caughtUp(ctx context.Context) bool {
	written, _ := j.spool.counts()
	ctx, cancel := context.WithTimeout(ctx, catchUp)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for j.delivered.Load() < j.left+written {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

// conserve sets the gauges that must read 0.
func (j *Journal) conserve(ctx context.Context) error {
	var difference, overdue int64
	err := j.pool.QueryRow(ctx, `
		select difference, (
			select count(*) from ivr.applications a join ivr.calls c using (call_id)
			where a.outcome is null and a.order_id is null and c.ended_at < now() - interval '2 minutes')
		from ivr.conservation(now() - interval '15 minutes', now())`).Scan(&difference, &overdue)
	if err != nil {
		return fmt.Errorf("check the conservation of applications: %w", err)
	}
	j.metrics.conservation.Set(float64(difference))
	j.metrics.overdue.Set(float64(overdue))
	return nil
}
