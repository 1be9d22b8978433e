package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/orders"
)

// journalReader looks up what the hotline recorded of one call. The first error
// is kept, and nothing is asked after it: the call goes on without.
type journalReader struct {
	db  *pgxpool.Pool
	err error
}

// applicationRow is one application as the journal has it.
type applicationRow struct {
	ID       string        `json:"id"`
	Kind     string        `json:"kind"`
	Service  string        `json:"service,omitempty"`
	Action   string        `json:"action,omitempty"`
	Result   orders.Result `json:"result"`
	Category string        `json:"category"`
	Rule     string        `json:"rule,omitempty"`
	Node     string        `json:"node"`
	Prompt   string        `json:"prompt,omitempty"`
	PromptMS int           `json:"prompt_ms"`
	Order    string        `json:"order_id,omitempty"`
	State    string        `json:"order_state,omitempty"`
	BossRef  string        `json:"boss_ref,omitempty"`
	Price    orders.Money  `json:"price_fen"`
	Menu     string        `json:"menu_version"`
	Test     bool          `json:"test"`
	ClosedBy string        `json:"closed_by,omitempty"`
	OpenedAt time.Time     `json:"opened_at"`
	ClosedAt *time.Time    `json:"closed_at,omitempty"`
}

func openJournal(ctx context.Context, url string) *journalReader {
	if url == "" {
		return &journalReader{err: errors.New("DATABASE_URL is not set")}
	}
	db, err := pgxpool.New(ctx, url)
	if err != nil {
		return &journalReader{err: fmt.Errorf("open the journal: %w", err)}
	}
	return &journalReader{db: db}
}

func (j *journalReader) close() {
	if j.db != nil {
		j.db.Close()
	}
}

// note keeps the first error, and tells whether there was one.
func (j *journalReader) note(err error) bool {
	if err != nil && j.err == nil {
		j.err = fmt.Errorf("read the journal: %w", err)
	}
	return j.err != nil
}

// findCall finds the id of a call without the test mark, which only the hotline
// knows: by its masked number and the time of its answer. "" if there is none.
func (j *journalReader) findCall(ctx context.Context, from orders.MSISDN, to string, answered time.Time) string {
	var id string
	j.until(ctx, func() (bool, error) {
		err := j.db.QueryRow(ctx, `select call_id::text from ivr.calls
			where caller_masked = $1 and dialled = $2 and not test and started_at between $3::timestamptz - interval '5 s' and $3::timestamptz + interval '5 s'
			order by abs(extract(epoch from started_at - $3::timestamptz)) limit 1`, from.String(), to, answered).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			return false, nil
		}
		return err == nil, err
	})
	return id
}

// rowsWait is how long a call's rows may take to get into the journal.
const rowsWait = 5 * time.Second

// until asks until done says so, for rowsWait at most.
func (j *journalReader) until(ctx context.Context, done func() (bool, error)) {
	if j.err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, rowsWait)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := done()
		if j.note(err) || ok {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// progress tells whether an application of the call waits for an answer (bound to
// an order or a query, not closed), and whether one has got its answer.
func (j *journalReader) progress(ctx context.Context, callID string) (busy, done bool) {
	if j.err != nil || callID == "" {
		return false, false
	}
	err := j.db.QueryRow(ctx, `select coalesce(bool_or(outcome is null), false), coalesce(bool_or(outcome is not null), false)
		from ivr.applications where call_id = $1 and kind in ('order', 'password', 'query')`, callID).Scan(&busy, &done)
	if ctx.Err() == nil && j.note(err) {
		return false, false
	}
	return busy, done
}

// finalRows reads the call's applications, once the call and all of them have ended.
func (j *journalReader) finalRows(ctx context.Context, callID string) []applicationRow {
	if callID == "" {
		return nil
	}
	var rows []applicationRow
	j.until(ctx, func() (bool, error) {
		var ended bool
		err := j.db.QueryRow(ctx, `select coalesce((select ended_at is not null from ivr.calls where call_id = $1), false)
			and not exists (select from ivr.applications where call_id = $1 and outcome is null)`, callID).Scan(&ended)
		if err == nil {
			rows, err = j.rows(ctx, callID)
		}
		return ended, err
	})
	return rows
}

func (j *journalReader) rows(ctx context.Context, callID string) ([]applicationRow, error) {
	rows, err := j.db.Query(ctx, `select a.application_id, a.kind, a.service, a.action, coalesce(a.outcome, ''), coalesce(a.outcome_detail, ''),
			a.category, a.rule, a.node, a.prompt, a.prompt_ms, coalesce(a.order_id::text, ''), coalesce(o.state, ''),
			coalesce(o.boss_ref, ''), coalesce(o.price, 0), a.menu_version, a.test, coalesce(a.closed_by, ''), a.opened_at, a.closed_at
		from ivr.applications a left join ivr.orders o using (order_id)
		where a.call_id = $1 order by split_part(a.application_id, '.', 2)::int`, callID)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (a applicationRow, err error) {
		err = row.Scan(&a.ID, &a.Kind, &a.Service, &a.Action, &a.Result.Outcome, &a.Result.Detail,
			&a.Category, &a.Rule, &a.Node, &a.Prompt, &a.PromptMS, &a.Order, &a.State,
			&a.BossRef, &a.Price, &a.Menu, &a.Test, &a.ClosedBy, &a.OpenedAt, &a.ClosedAt)
		return a, err
	})
}
