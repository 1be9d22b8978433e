package journal

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The quality circle's targets for the failure rate, in percent: above the limit
// the hotline is out of order, the goal is what it works towards.
const (
	LimitPercent = 1.0
	GoalPercent  = 0.86
)

// Period is what a report is about: applications opened, and calls begun, in
// [From, To). Hours and days are those of Zone.
type Period struct {
	From time.Time
	To   time.Time
	Zone *time.Location
	Test bool // dial tests instead of live calls; never both
}

// Rate is failures among the applications that a policy counts.
type Rate struct {
	Policy   string   `json:"policy"`
	Failures int64    `json:"failures"`
	Counted  int64    `json:"counted"`
	Percent  *float64 `json:"percent"` // null where nothing was counted
}

// Rates are the two policies that are always shown side by side.
type Rates struct {
	Standard Rate `json:"standard"`
	Circle   Rate `json:"circle"`
}

// Group is the rates of the applications that have Name and Detail in common:
// service and action, node and prompt, day, or hour. Of causes (category and
// rule) Counted is everything that the policy counts, so that the percents of
// all causes add up to the rate.
type Group struct {
	Name   string `json:"name"`
	Detail string `json:"detail,omitempty"`
	Rates
}

// Ending is how many applications of a kind ended alike; Outcome "" are those still open.
type Ending struct {
	Kind    string `json:"kind"`
	Outcome string `json:"outcome"`
	Detail  string `json:"detail,omitempty"`
	Count   int64  `json:"count"`
}

// Share is a part of a whole.
type Share struct {
	Count int64 `json:"count"`
	Of    int64 `json:"of"`
}

// Conservation shows that no application is lost: Opened is counted from the
// steps, Closed and Open from the applications; Lost is the difference, and must be 0.
type Conservation struct {
	Opened int64 `json:"opened"`
	Closed int64 `json:"closed"`
	Open   int64 `json:"open"`
	Lost   int64 `json:"lost"`
	// Unproven are those of Opened from days whose steps have been dropped: they are
	// counted from the applications, and would not show a loss.
	Unproven int64 `json:"unproven"`
}

// LeftOut is what the standard rate does not count, of its closed applications.
// Unknown are those within their 24 hours.
type LeftOut struct {
	Cancelled Share `json:"cancelled"`
	Switched  Share `json:"switched"`
	Unknown   Share `json:"unknown"`
}

// Satisfaction is how content callers were with a service; Name "" is of calls that
// were about nothing.
type Satisfaction struct {
	Name      string  `json:"name"`
	Ratings   int64   `json:"ratings"`
	Mean      float64 `json:"mean"`      // 1 to 5
	Satisfied Share   `json:"satisfied"` // 4 and 5
}

// Report is what happened in a period. All of it is of one moment.
type Report struct {
	From         time.Time        `json:"from"`
	To           time.Time        `json:"to"`
	Zone         string           `json:"zone"`
	Test         bool             `json:"test"`
	Calls        int64            `json:"calls"`
	Applications Conservation     `json:"applications"`
	Undecided    Share            `json:"undecided"` // calls that never chose, of those that reached a menu
	Unserved     map[string]int64 `json:"unserved"`  // by what the PBX did: fallback, refused
	Refused      map[string]int64 `json:"refused"`   // of them, by the server's reason; "" where none is on record
	LimitPercent float64          `json:"limit_percent"`
	GoalPercent  float64          `json:"goal_percent"`
	Policies     []Rate           `json:"policies"`
	LeftOut      LeftOut          `json:"left_out"`
	Endings      []Ending         `json:"endings"`
	Services     []Group          `json:"services"`
	Nodes        []Group          `json:"nodes"` // those where something failed
	Causes       []Group          `json:"causes"`
	Days         []Group          `json:"days"`
	Hours        []Group          `json:"hours"`
	Satisfaction []Satisfaction   `json:"satisfaction"`
	// Callbacks are the wishes to be called back of the period; Count of them wait.
	Callbacks Share `json:"callbacks_waiting"`
}

// ReadReport reads a period's figures, in one snapshot of the database.
func ReadReport(ctx context.Context, pool *pgxpool.Pool, p Period) (*Report, error) {
	r := &Report{From: p.From, To: p.To, Zone: p.Zone.String(), Test: p.Test, LimitPercent: LimitPercent, GoalPercent: GoalPercent}
	snapshot := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, pool, snapshot, func(tx pgx.Tx) error {
		for _, read := range []func(context.Context, pgx.Tx, Period) error{
			r.readTotals, r.readUnserved, r.readPolicies, r.readEndings, r.readGroups, r.readWishes,
		} {
			if err := read(ctx, tx, p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	return r, nil
}

func (r *Report) readTotals(ctx context.Context, tx pgx.Tx, p Period) error {
	a, left := &r.Applications, &r.LeftOut
	err := tx.QueryRow(ctx, `
		select (select count(*) from ivr.calls where started_at >= $1 and started_at < $2 and test = $3),
			(select count(*) from ivr.steps
			 where kind = 'app_opened' and at >= $1 and at < $2 and (detail -> 'test')::boolean = $3),
			count(*) filter (where opened_seq is not null and opened_at < ivr.steps_since()),
			-- Those whose opening step has not arrived are not opened yet, in this sum.
			count(*) filter (where outcome is not null and opened_seq is not null),
			count(*) filter (where outcome is null and opened_seq is not null),
			count(distinct call_id) filter (where kind = 'undecided' and outcome is not null),
			count(distinct call_id),
			count(*) filter (where outcome = 'cancelled' and kind in ('order', 'password', 'handling')),
			count(*) filter (where outcome = 'switched' and kind in ('order', 'password', 'handling')),
			count(*) filter (where outcome = 'unknown' and kind in ('order', 'password', 'handling')
				and closed_at >= now() - interval '24 hours'),
			count(*) filter (where outcome is not null and kind in ('order', 'password', 'handling'))
		from ivr.applications where opened_at >= $1 and opened_at < $2 and test = $3`, p.From, p.To, p.Test).
		Scan(&r.Calls, &a.Opened, &a.Unproven, &a.Closed, &a.Open, &r.Undecided.Count, &r.Undecided.Of,
			&left.Cancelled.Count, &left.Switched.Count, &left.Unknown.Count, &left.Cancelled.Of)
	a.Opened += a.Unproven
	a.Lost = a.Opened - a.Closed - a.Open
	left.Switched.Of, left.Unknown.Of = left.Cancelled.Of, left.Cancelled.Of
	return err
}

func (r *Report) readUnserved(ctx context.Context, tx pgx.Tx, p Period) error {
	r.Unserved, r.Refused = map[string]int64{"fallback": 0, "refused": 0}, map[string]int64{}
	rows, err := tx.Query(ctx, `select disposition, reason, count(*) from ivr.unserved
		where at >= $1 and at < $2 and test = $3 group by 1, 2`, p.From, p.To, p.Test)
	if err != nil {
		return err
	}
	var disposition, reason string
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&disposition, &reason, &n}, func() error {
		r.Unserved[disposition] += n
		if disposition == "refused" {
			r.Refused[reason] = n
		}
		return nil
	})
	return err
}

// policies are those of ivr.measured, in the order in which they are shown.
var policies = []string{"standard", "circle", "all-applications", "strict", "system", "guidance"}

func (r *Report) readPolicies(ctx context.Context, tx pgx.Tx, p Period) error {
	rows, err := tx.Query(ctx, `
		select n.policy, count(*) filter (where m.failed), count(*) filter (where m.counted)
		from unnest($4::text[]) with ordinality n (policy, ord)
		left join ivr.measured m on m.policy = n.policy and m.opened_at >= $1 and m.opened_at < $2 and m.test = $3
		group by n.policy, n.ord order by n.ord`, p.From, p.To, p.Test, policies)
	if err != nil {
		return err
	}
	r.Policies, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Rate, error) {
		var rate Rate
		err := row.Scan(&rate.Policy, &rate.Failures, &rate.Counted)
		return rate.measured(), err
	})
	return err
}

func (rate Rate) measured() Rate {
	if rate.Counted > 0 {
		percent := 100 * float64(rate.Failures) / float64(rate.Counted)
		rate.Percent = &percent
	}
	return rate
}

func (r *Report) readEndings(ctx context.Context, tx pgx.Tx, p Period) error {
	rows, err := tx.Query(ctx, `
		select kind, coalesce(outcome, ''), coalesce(outcome_detail, ''), count(*)
		from ivr.applications where opened_at >= $1 and opened_at < $2 and test = $3
		group by 1, 2, 3 order by 1, 4 desc, 2, 3`, p.From, p.To, p.Test)
	if err != nil {
		return err
	}
	r.Endings, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Ending])
	return err
}

func (r *Report) readGroups(ctx context.Context, tx pgx.Tx, p Period) (err error) {
	const all, failed = "", "having bool_or(failed)"
	zone := p.Zone.String()
	for _, g := range []struct {
		into            *[]Group
		name, detail    string // SQL
		having, orderBy string
	}{
		{&r.Services, "service", "action", all, "1, 2"},
		{&r.Nodes, "node", "prompt", failed, "count(*) filter (where failed) desc, 1, 2"},
		{&r.Causes, "category", "rule", failed, "count(*) filter (where failed) desc, 1, 2"},
		{&r.Days, "to_char(opened_at at time zone $4, 'YYYY-MM-DD')", "''", all, "1"},
		{&r.Hours, "to_char(opened_at at time zone $4, 'HH24')", "''", all, "1"},
	} {
		rows, err := tx.Query(ctx, `
			select `+g.name+`, `+g.detail+`,
				count(*) filter (where failed and policy = 'standard'), count(*) filter (where counted and policy = 'standard'),
				count(*) filter (where failed and policy = 'circle'), count(*) filter (where counted and policy = 'circle')
			from ivr.measured
			where policy in ('standard', 'circle') and opened_at >= $1 and opened_at < $2 and test = $3 and $4 <> ''
			group by 1, 2 `+g.having+` order by `+g.orderBy, p.From, p.To, p.Test, zone)
		if err != nil {
			return err
		}
		*g.into, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Group, error) {
			group := Group{Rates: Rates{Rate{Policy: "standard"}, Rate{Policy: "circle"}}}
			err := row.Scan(&group.Name, &group.Detail, &group.Standard.Failures, &group.Standard.Counted,
				&group.Circle.Failures, &group.Circle.Counted)
			group.Standard, group.Circle = group.Standard.measured(), group.Circle.measured()
			return group, err
		})
		if err != nil {
			return err
		}
	}
	for i := range r.Causes {
		c := &r.Causes[i]
		c.Standard.Counted, c.Circle.Counted = r.Policies[0].Counted, r.Policies[1].Counted
		c.Standard, c.Circle = c.Standard.measured(), c.Circle.measured()
	}
	return nil
}

// readWishes reads what callers have left behind for afterwards.
func (r *Report) readWishes(ctx context.Context, tx pgx.Tx, p Period) error {
	err := tx.QueryRow(ctx, `select count(*) filter (where done_at is null), count(*) from ivr.callbacks
		where at >= $1 and at < $2 and test = $3`, p.From, p.To, p.Test).Scan(&r.Callbacks.Count, &r.Callbacks.Of)
	if err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `select service, count(*), avg(score)::float8, count(*) filter (where score >= 4) from ivr.ratings
		where at >= $1 and at < $2 and test = $3 group by 1 order by 1`, p.From, p.To, p.Test)
	if err != nil {
		return err
	}
	r.Satisfaction, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Satisfaction, error) {
		var s Satisfaction
		err := row.Scan(&s.Name, &s.Ratings, &s.Mean, &s.Satisfied.Count)
		s.Satisfied.Of = s.Ratings
		return s, err
	})
	return err
}
