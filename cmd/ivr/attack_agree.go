package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jedib0t/go-pretty/v6/table"

	"hotline/internal/orders"
)

const (
	// resolvedWithin is how long after the recovery of the BOSS an order may be unknown.
	resolvedWithin = 5 * time.Minute
	// unknownLeast is the share of the orders, in percent, that must have been unknown for
	// the attack to say anything.
	unknownLeast = 1
)

// settled waits until nothing of a hotline is on its way any more, or time is up: what is
// left then is for who judges to tell.
func settled(ctx context.Context, pool *pgxpool.Pool, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		var waits int
		err := pool.QueryRow(ctx, `select (select count(*) from ivr.applications where outcome is null)
			+ (select count(*) from ivr.orders where state in ('pending', 'sent', 'unknown'))
			+ (select count(*) from ivr.calls where ended_at is null)`).Scan(&waits)
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("look at what was attacked: %w", err)
		}
		if err == nil && waits == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// ordersReport is what came of the attack.
type ordersReport struct {
	Seed     uint64         `json:"seed"`
	Orders   int            `json:"orders"` // in the journal
	Wishes   int            `json:"wishes"`
	Refused  int            `json:"refused_before_stored"` // wishes: the Desk left the BOSS alone
	Joined   int            `json:"joined"`                // wishes that another's order stands for
	Faults   map[string]int `json:"faults_met"`
	Deaths   int            `json:"boss_killed"`
	Effects  int            `json:"effects"` // in the ledger
	Outcomes map[string]int `json:"outcomes"`
	Unknown  int            `json:"unknown"` // orders that were, for a while
	Again    int            `json:"sent_again"`

	// The longest time that an order was unknown after the recovery of the BOSS, and at all.
	Oldest  time.Duration `json:"oldest_after_recovery_ns"`
	Longest time.Duration `json:"longest_unknown_ns"`

	Agree  int                 `json:"orders_that_agree"` // with the ledger
	Broken map[string][]string `json:"broken,omitempty"`
}

func (r *ordersReport) breaks(what, which string) {
	if r.Broken == nil {
		r.Broken = map[string][]string{}
	}
	r.Broken[what] = append(r.Broken[what], which)
}

// booked is an order as the journal has it, with the applications that wait for it.
type booked struct {
	ID, Key, State string
	Outcome        orders.Outcome
	Detail         orders.Detail
	Sends          int
	Applications   int
	Others         int // applications with another outcome, or none
	Unknown        bool
	ClosedAt       *time.Time
	ResolvedAt     *time.Time
}

// judge compares the journal, the ledger, and what callers were told.
func (a *ordersAttack) judge(ctx context.Context) (*ordersReport, error) {
	r := &ordersReport{
		Seed: a.seed, Wishes: len(a.wishes), Faults: map[string]int{}, Deaths: a.deaths, Outcomes: map[string]int{},
	}
	done, err := a.readLedger()
	if err != nil {
		return nil, err
	}
	effects := map[string]int{}
	for _, e := range done {
		effects[e.Key]++
	}
	r.Effects = len(done)
	rows, _ := a.pool.Query(ctx, `
		select o.order_id::text, o.idempotency_key, o.state, coalesce(o.result_outcome, ''), coalesce(o.result_detail, ''), o.sends,
		       count(*), count(*) filter (where p.outcome is distinct from o.result_outcome),
		       coalesce(bool_or(p.first_outcome = 'unknown'), false), min(p.closed_at), o.resolved_at
		from ivr.orders o join ivr.applications p using (order_id) group by o.order_id`)
	books, err := pgx.CollectRows(rows, pgx.RowToStructByPos[booked])
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	known := map[string]booked{}
	for _, b := range books {
		known[b.ID] = b
		r.order(b, effects[b.Key], a.recovered)
		delete(effects, b.Key)
	}
	for key := range effects {
		r.breaks("effects that no order stands for", key)
	}
	for _, w := range a.wishes {
		r.wish(w, known)
	}
	a.strength(r)
	return r, nil
}

// order holds one order against its effects in the ledger.
func (r *ordersReport) order(b booked, effects int, recovered time.Time) {
	result := orders.Result{Outcome: b.Outcome, Detail: b.Detail}
	case_ := fmt.Sprintf("%s %s %s, %d effects, sent %d times", b.Key, b.State, result, effects, b.Sends)
	r.Orders++
	r.Outcomes[result.String()]++
	if b.Sends > 1 {
		r.Again++
	}
	agrees := effects == 0
	if b.Outcome == orders.Success {
		agrees = effects == 1
	}
	switch {
	case b.ResolvedAt == nil:
		r.breaks("orders of which it is not known what came", case_)
	case effects > 1:
		r.breaks("duplicates: one order, several effects", case_)
	case !agrees && effects == 0:
		r.breaks("losses: a success without effect", case_)
	case !agrees:
		r.breaks("effects of an order that did not succeed", case_)
	default:
		r.Agree++
	}
	if b.Detail == orders.AlreadyOpen { // each number orders one thing, once
		r.breaks("orders made beside another's for the same, instead of joining it", case_)
	}
	if b.Others > 0 {
		r.breaks("applications whose outcome is not their order's", case_)
	}
	if !b.Unknown {
		return
	}
	r.Unknown++
	if b.ResolvedAt == nil || b.ClosedAt == nil {
		return
	}
	r.Longest = max(r.Longest, b.ResolvedAt.Sub(*b.ClosedAt))
	since := *b.ClosedAt
	if recovered.After(since) {
		since = recovered
	}
	late := b.ResolvedAt.Sub(since)
	r.Oldest = max(r.Oldest, late)
	if late > resolvedWithin {
		r.breaks(fmt.Sprintf("orders unknown for more than %v after the BOSS has recovered", resolvedWithin), case_)
	}
}

// wish holds what a caller was told against what came of his order. Unknown is
// always true: that it will be told later.
func (r *ordersReport) wish(w wished, known map[string]booked) {
	b, stored := known[w.order]
	case_ := fmt.Sprintf("%s told %s, is %s/%s", w.key, w.told, b.Outcome, b.Detail)
	switch {
	case w.order == "":
		r.Refused++
		if w.told.Outcome != orders.SystemFailed {
			r.breaks("callers told of an order that was never stored", case_)
		}
		return
	case !stored:
		r.breaks("orders that are not in the journal", case_)
		return
	case w.joined:
		r.Joined++
	}
	if w.told.Outcome != orders.Unknown && w.told.Outcome != b.Outcome {
		r.breaks("callers who were told wrong", case_)
	}
}

// strength tells what the attack was too weak in to prove anything.
func (a *ordersAttack) strength(r *ordersReport) {
	weak := func(is bool, format string, args ...any) {
		if is {
			r.breaks("too weak", fmt.Sprintf(format, args...))
		}
	}
	weak(r.Orders < a.orders, "%d orders in the journal instead of %d", r.Orders, a.orders)
	weak(100*r.Unknown < unknownLeast*r.Orders, "%d orders of %d were unknown", r.Unknown, r.Orders)
	for _, f := range append(slices.Clone(costly), harmless...) {
		n := a.met[f]
		r.Faults[f.String()] = n
		weak(n < max(1, a.orders/1000), "%q happened %d times", f, n)
	}
	weak(r.Deaths < 2, "the BOSS was killed %d times", r.Deaths)
	weak(r.Joined == 0, "no two callers wanted the same at once")
	weak(r.Outcomes["rejected/not_open"] == 0, "the BOSS has refused nothing")
	weak(r.Outcomes["success/reconciled"] == 0, "nothing had to be found out")
}

// show prints the report as tables, and what is broken below them.
func (r *ordersReport) show(out io.Writer) error {
	paint := painter(out)
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"what the BOSS did wrong", "times"})
	for _, f := range slices.Sorted(maps.Keys(r.Faults)) {
		t.AppendRow(table.Row{f, r.Faults[f]})
	}
	t.AppendRow(table.Row{"killed, and away", r.Deaths})
	fmt.Fprintln(out, t.Render())
	t = table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"orders by what came of them", r.Orders})
	for _, o := range slices.Sorted(maps.Keys(r.Outcomes)) {
		t.AppendRow(table.Row{o, r.Outcomes[o]})
	}
	fmt.Fprintln(out, t.Render())
	t = table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendRows([]table.Row{
		{"wishes", r.Wishes}, {"refused before anything was stored", r.Refused}, {"joined another's order", r.Joined},
		{"orders that were unknown", r.Unknown}, {"orders that were sent again by their key", r.Again},
		{"longest unknown", r.Longest.Round(100 * time.Millisecond)},
		{"longest unknown after the recovery", r.Oldest.Round(100 * time.Millisecond)},
		{"effects in the ledger", r.Effects},
		{"orders that agree with the ledger", fmt.Sprintf("%d of %d", r.Agree, r.Orders)},
	})
	fmt.Fprintln(out, t.Render())
	return showBroken(out, paint, r.Broken, r.Seed, "journal and ledger agree, nobody was told wrong")
}

// showBroken tells what must not be, with some cases each; or fine, where there is nothing.
func showBroken(out io.Writer, paint func(colour, string) string, broken map[string][]string, seed uint64, fine string) error {
	if len(broken) == 0 {
		_, err := fmt.Fprintln(out, paint(green, fine))
		return err
	}
	for _, what := range slices.Sorted(maps.Keys(broken)) {
		cases := broken[what]
		fmt.Fprintf(out, "%s: %d\n", paint(red, what), len(cases))
		for _, c := range cases[:min(shown, len(cases))] {
			fmt.Fprintf(out, "  %s\n", c)
		}
	}
	_, err := fmt.Fprintf(out, "seed %d\n", seed)
	return err
}
