package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"hotline/internal/menu"
	"hotline/internal/menu/tree"
	"hotline/internal/orders"
)

// Interrupted is where the record of a call stands, for a server that takes it up.
type Interrupted struct {
	Menu    string
	Version string // of that menu
	Seq     int    // Resume goes on after it
	Began   time.Time
	At      time.Time    // of its last step
	Ended   bool         // by the call itself, not by a sweeper
	Playing menu.ID      // the newest announcement; 0 for none
	Resumed menu.Resumed // what a Machine goes on from

	// StepsWait: steps of this server are still on their way; ask again.
	StepsWait bool
	// Elsewhere: the call was another server's, whose last steps may still be in its spool.
	Elsewhere bool
}

// ErrNoCall says that no call with this id has been recorded.
var ErrNoCall = errors.New("no such call is recorded")

// What another server has not delivered gets the numbers between what is known and
// those that the call goes on with, so that nothing is numbered twice.
const (
	seqStride = 1000
	idStride  = 1000
	appStride = 10
)

// Interrupted finds out where the record of a call stands.
func (j *Journal) Interrupted(ctx context.Context, call uuid.UUID) (Interrupted, error) {
	i := Interrupted{StepsWait: j.delivered.Load() < j.left}
	err := pgx.BeginTxFunc(ctx, j.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `
			select coalesce(menu, ''), coalesce(menu_version, ''), started_at, server <> $2 from ivr.calls where call_id = $1`, call, j.server).
			Scan(&i.Menu, &i.Version, &i.Began, &i.Elsewhere)
		if err != nil {
			return err
		}
		told := trail{Interrupted: &i, here: j.server}
		if err := told.read(ctx, tx, call); err != nil {
			return err
		}
		return told.applications(ctx, tx, call)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNoCall
	}
	if i.Elsewhere || err != nil { // of a call that nobody here knows, another may
		i.Seq = (i.Seq/seqStride + 1) * seqStride
		i.Resumed.Last += idStride
		i.Resumed.Apps += appStride
	}
	if err != nil {
		return i, fmt.Errorf("look up call %s: %w", call, err)
	}
	return i, nil
}

// trail gathers from the steps of a call what Resumed wants to know.
type trail struct {
	*Interrupted
	here      string     // this server
	verifying menu.ID    // the question about a password that was asked last
	closed    appEnd     // how the call itself has closed the newest application
	open      menu.App   // that it has not closed; 0 for none
	tries     menu.Tries // of open
}

// appEnd is how, and at which node, the call has closed an application.
type appEnd struct {
	node   string
	result orders.Result
}

// stepDetail is what is read of a step's detail.
type stepDetail struct {
	ID       menu.ID        `json:"id"`
	App      menu.App       `json:"app"`
	Language string         `json:"language"`
	Outcome  orders.Outcome `json:"outcome"`
	Detail   orders.Detail  `json:"detail"`
	Why      string         `json:"why"`
	Server   string         `json:"server"`
}

// read goes through the steps. A day before the call is enough for clocks that differ.
func (t *trail) read(ctx context.Context, tx pgx.Tx, call uuid.UUID) error {
	rows, _ := tx.Query(ctx, `
		select seq, at, kind, node, detail from ivr.steps
		where call_id = $1 and at >= $2::timestamptz - interval '1 day' order by seq, at`, call, t.Began)
	var kind, node string
	var d stepDetail
	_, err := pgx.ForEachRow(rows, []any{&t.Seq, &t.At, &kind, &node, &d}, func() error {
		t.step(kind, node, d)
		d = stepDetail{} // the next one is decoded into it
		return nil
	})
	return err
}

func (t *trail) step(kind, node string, d stepDetail) {
	r := &t.Resumed
	r.Last = max(r.Last, d.ID)
	switch kind {
	case kindNames[kindCallResumed]: // whose record of it comes first does not matter
		t.Elsewhere = d.Server != t.here
	case kindNames[kindNode]:
		r.Nodes = append(r.Nodes, node)
	case kindNames[kindSpeak]:
		r.Language = d.Language
	case kindNames[kindPlay]:
		t.Playing = d.ID
	case kindNames[kindVerify]:
		t.verifying = d.ID
	case kindNames[kindAnswered]:
		if d.ID == t.verifying && d.ID != 0 {
			r.Verified = r.Verified || d.Outcome == orders.Success
			if d.Detail == orders.WrongPassword {
				r.Wrong++
			}
		}
	case kindNames[kindMissed]:
		if d.Why == string(menu.NoInput) {
			t.tries.NoInput++
		} else {
			t.tries.Invalid++
		}
	case kindNames[kindReplayed]:
		t.tries.Replays++
	case kindNames[kindAppOpened]:
		t.open, t.tries, t.closed = d.App, menu.Tries{}, appEnd{}
	case kindNames[kindAppClosed]:
		t.open, t.closed = 0, appEnd{t.standsAt(), orders.Result{Outcome: d.Outcome, Detail: d.Detail}}
	case kindNames[kindAppLeft]:
		t.open = 0
	case kindNames[kindCallEnded]:
		t.Ended = true
	}
}

func (t *trail) standsAt() string {
	if n := len(t.Resumed.Nodes); n > 0 {
		return t.Resumed.Nodes[n-1]
	}
	return ""
}

// applications takes from their rows what came of them outside the call: orders have
// their own way, and a sweeper may have been here.
func (t *trail) applications(ctx context.Context, tx pgx.Tx, call uuid.UUID) error {
	r := &t.Resumed
	rows, _ := tx.Query(ctx, `
		select split_part(application_id, '.', 2)::int as n, kind, service, action, coalesce(a.outcome, ''), coalesce(a.outcome_detail, ''), order_id is not null
		from ivr.applications a where call_id = $1 order by n`, call)
	var n menu.App
	var f tree.Function
	var stands orders.Result
	var ordered bool
	_, err := pgx.ForEachRow(rows, []any{&n, &f.Kind, &f.Service, &f.Action, &stands.Outcome, &stands.Detail, &ordered}, func() error {
		r.Apps, r.Told = n, orders.Result{}
		if n == t.open && (ordered || stands.Outcome == "") {
			r.Open = menu.Unfinished{App: n, Function: f, Tries: t.tries}
		}
		switch {
		case ordered && stands.Outcome == "": // the order is under way, or nobody knows
			r.Told = orders.Result{Outcome: orders.Unknown}
		case ordered:
			r.Told = stands
		case t.closed.result.Outcome != "":
			r.Told = t.closed.result
		}
		return nil
	})
	if t.open == 0 && t.closed.node != t.standsAt() {
		r.Told = orders.Result{} // that was told before the caller went on
	}
	return err
}
