package bench

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// stored waits until the journal has the end of every call of the batch.
func (r *run) stored(ctx context.Context, b *batch) error {
	deadline := time.Now().Add(storedIn)
	for {
		var missing int
		err := r.DB.QueryRow(ctx, `select count(*) from unnest($1::uuid[]) w (id)
			where not exists (select from ivr.calls c where c.call_id = w.id and c.ended_at is not null)`, b.ids).Scan(&missing)
		if err != nil {
			return fmt.Errorf("look the calls up in the journal: %w", err)
		}
		if missing == 0 || time.Now().After(deadline) {
			return nil // verify says which
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// entry is a call as the journal has it.
type entry struct {
	id, reason, keys, nodes, last string
	test                          bool
	steps, first, highest         int
	applications, open            int
}

// verify compares what the journal has of each call with the script.
func (r *run) verify(ctx context.Context, b *batch) error {
	rows, err := r.DB.Query(ctx, `
		select w.id::text, coalesce(c.end_reason, ''), coalesce(c.test, false),
			coalesce(s.keys, ''), coalesce(s.nodes, ''), coalesce(s.last, ''), s.steps, coalesce(s.first, 0), coalesce(s.highest, 0),
			a.applications, a.open
		from unnest($1::uuid[]) w (id)
		left join ivr.calls c on c.call_id = w.id
		cross join lateral (
			select count(*) as steps, min(seq) as first, max(seq) as highest,
				string_agg(detail ->> 'key', '' order by seq) filter (where kind = 'key') as keys,
				string_agg(node, ' ' order by seq) filter (where kind = 'node') as nodes,
				(array_agg(kind order by seq desc))[1] as last
			from ivr.steps where call_id = w.id and at >= $2) s
		cross join lateral (
			select count(*) as applications, count(*) filter (where outcome is null) as open
			from ivr.applications where call_id = w.id) a`, b.ids, b.since.Add(-time.Minute))
	if err != nil {
		return fmt.Errorf("read the calls from the journal: %w", err)
	}
	entries, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e entry, err error) {
		err = row.Scan(&e.id, &e.reason, &e.test, &e.keys, &e.nodes, &e.last, &e.steps, &e.first, &e.highest, &e.applications, &e.open)
		return e, err
	})
	if err != nil {
		return fmt.Errorf("read the calls from the journal: %w", err)
	}
	for _, e := range entries {
		if why := e.wrong(r.Script); why != "" {
			b.bad[e.id] = append(b.bad[e.id], "the journal: "+why)
		}
	}
	return nil
}

// wrong says what of a call's record is not as the script says; "" for nothing.
func (e entry) wrong(s *Script) string {
	switch nodes := strings.Join(s.Nodes, " "); {
	case e.steps == 0:
		return "has no step of it"
	case e.first != 1 || e.highest != e.steps:
		return fmt.Sprintf("has %d steps numbered %d to %d", e.steps, e.first, e.highest)
	case e.keys != s.Keys:
		return fmt.Sprintf("has keys %q", e.keys)
	case e.nodes != nodes:
		return fmt.Sprintf("has nodes %q, not %q", e.nodes, nodes)
	case e.reason != "hung_up" || e.last != "call_ended":
		return fmt.Sprintf("has it ended by %q, with step %q", e.reason, e.last)
	case e.applications == 0 || e.open > 0:
		return fmt.Sprintf("has %d applications, %d of them open", e.applications, e.open)
	case !e.test:
		return "does not know that it was a test"
	}
	return ""
}
