package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jedib0t/go-pretty/v6/table"

	"hotline/internal/crash"
	"hotline/internal/orders"
)

const (
	// outcomeWithin is how long after its call an application may be without an outcome.
	outcomeWithin = time.Minute
	// settledWithin is how long the orders of the dead may take until what came of them is
	// known: their senders' deadline, and the time after which "not found" counts.
	settledWithin = 5 * time.Minute
	// silentAtMost is the longest that a caller may hear nothing.
	silentAtMost = 10 * time.Second
	// inFlightLeast is the share of the kills with an order in flight, in percent.
	inFlightLeast = 90
	// shown is how many cases of one kind are shown.
	shown = 5
)

// settle waits until nothing of what was attacked is on its way any more.
func (l *killLane) settle(ctx context.Context) error {
	pool, err := pgxpool.New(ctx, l.hotel)
	if err != nil {
		return fmt.Errorf("look at what was attacked: %w", err)
	}
	defer pool.Close()
	return settled(ctx, pool, settledWithin)
}

// killReport is what came of the attack.
type killReport struct {
	Seed     uint64         `json:"seed"`
	Kills    int            `json:"kills"`
	ByPoint  map[string]int `json:"by_point"` // "random" for no point
	Watched  int            `json:"under_a_standby"`
	InFlight int            `json:"in_flight_percent"`

	Calls     int `json:"calls"` // answered
	Unserved  int `json:"unserved"`
	Confirmed int `json:"confirmed"`  // calls with a confirming key
	Resumed   int `json:"resumed"`    // calls that went on after an interruption
	TakenOver int `json:"taken_over"` // of them where there was a standby
	Goodbye   int `json:"goodbye"`    // served, then given up with an apology
	Strayed   int `json:"strayed"`
	Effects   int `json:"effects"` // in the ledger
	Unknown   int `json:"unknown"` // callers who were told that they would be told
	Failed    int `json:"failed"`  // callers who were told that nothing came of it

	// The longest that a caller heard nothing, where the server itself came back, and where a
	// standby took over.
	Silence        time.Duration `json:"longest_silence_ns"`
	SilenceWatched time.Duration `json:"longest_silence_under_a_standby_ns"`

	// What must not be, by kind, with the calls that show it.
	Broken map[string][]string `json:"broken,omitempty"`
}

func (r *killReport) breaks(what, call string) {
	if r.Broken == nil {
		r.Broken = map[string][]string{}
	}
	r.Broken[what] = append(r.Broken[what], call)
}

// stands is how a call stands in the journal.
type stands struct {
	recorded     bool
	applications int
	open         int // without an outcome
	successes    int // orders
	abandoned    int // orders of which it says that the caller hung up
	late         bool
}

// judge compares the callers' word, the ledgers and the journals.
func (a *killAttack) judge(ctx context.Context) (*killReport, error) {
	r := &killReport{Seed: a.seed, ByPoint: map[string]int{}}
	for _, l := range a.lanes {
		if err := l.judge(ctx, r); err != nil {
			return nil, fmt.Errorf("lane %d: %w", l.number+1, err)
		}
	}
	a.judgeKills(r)
	return r, nil
}

func (l *killLane) judge(ctx context.Context, r *killReport) error {
	effects, err := l.effects(r)
	if err != nil {
		return err
	}
	journal, err := l.journal(ctx, r)
	if err != nil {
		return err
	}
	for _, c := range l.calls {
		c.count(r, l)
		c.judge(r, effects[c.ID], journal[c.ID])
		if l.standby != "" && !c.Served && c.Resumed == 0 {
			r.breaks("callers whom nobody served although there was a standby", c.tells())
		}
		delete(effects, c.ID)
	}
	for call := range effects {
		r.breaks("effects of a call that nobody placed", call)
	}
	return nil
}

// judgeKills tells of an attack that is too weak to show anything.
func (a *killAttack) judgeKills(r *killReport) {
	flying := 0
	for _, l := range a.lanes {
		for _, k := range l.deaths {
			r.Kills++
			if l.standby != "" {
				r.Watched++
			}
			if k.InFlight > 0 {
				flying++
			}
			if !k.Missed {
				r.ByPoint[cmp.Or(string(k.Point), "random")]++
			}
		}
	}
	weak := func(is bool, what, found string) {
		if is {
			r.breaks("too weak: "+what, found)
		}
	}
	r.InFlight = 100 * flying / max(1, r.Kills)
	weak(r.InFlight < inFlightLeast, fmt.Sprintf("an order was in flight in less than %d %% of the kills", inFlightLeast), fmt.Sprintf("%d %%", r.InFlight))
	weak(a.standbys > 0 && (r.Watched < a.least || r.TakenOver < a.least),
		fmt.Sprintf("fewer than %d kills under a standby, or callers that it took over", a.least), fmt.Sprintf("%d kills, %d callers", r.Watched, r.TakenOver))
	for _, p := range crash.Points() {
		n := r.ByPoint[string(p)]
		weak(n < a.least, fmt.Sprintf("a point was hit less than %d times", a.least), fmt.Sprintf("%s %d times", p, n))
	}
}

func (c *orderCall) count(r *killReport, l *killLane) {
	r.Calls++
	if l.standby != "" {
		r.SilenceWatched = max(r.SilenceWatched, c.Silence)
	} else {
		r.Silence = max(r.Silence, c.Silence)
	}
	for n, is := range map[*int]bool{
		&r.Unserved: !c.Served, &r.Confirmed: c.Confirmed > 0, &r.Resumed: c.Resumed > 0, &r.Goodbye: c.Served && c.Goodbye,
		&r.Strayed: c.Strayed, &r.Unknown: c.Told == "order.unknown",
		&r.Failed: strings.HasPrefix(c.Told, "order.boss_") || c.Told == "order.platform", &r.TakenOver: l.standby != "" && c.Resumed > 0,
	} {
		if is {
			*n++
		}
	}
}

// tells is the call in a line, for people.
func (c *orderCall) tells() string {
	return fmt.Sprintf("%s at %s confirmed %d, told %q, silent %v, heard …%s", c.ID, c.Answered.UTC().Format(time.TimeOnly),
		c.Confirmed, c.Told, c.Silence.Round(time.Millisecond), strings.Join(c.Heard, " "))
}

// judge holds one call against the ledger and the journal. A number is used for one call.
func (c *orderCall) judge(r *killReport, effects int, j stands) {
	is := func(broken bool, what string) {
		if broken {
			r.breaks(what, fmt.Sprintf("%s, %d effects, %+v", c.tells(), effects, j))
		}
	}
	is(effects > 1, "duplicates: one order, several effects")
	is(effects > 0 && c.Confirmed == 0, "effects without a confirming key")
	is(c.Told == "order.opened" && effects == 0, "losses: told that it is open, and it is not")
	is(strings.HasPrefix(c.Told, "order.boss_") && effects > 0 || c.Told == "order.platform" && effects > 0, "told that it failed, and it is open")
	is(c.Told == "order.already_open", "told that it was open already")
	is(effects != j.successes, "the journal's successes are not the ledger's effects")
	is(c.Told != "" && j.abandoned > 0, "told what came of an order, and in the journal they had hung up before")
	is(c.Served && !j.recorded, "answered calls that are not in the journal")
	is(c.Served && j.recorded && j.applications == 0, "callers who heard a menu, and have no application")
	is(j.open > 0, "applications without an outcome")
	is(j.late, fmt.Sprintf("outcomes later than %v after the call", outcomeWithin))
	is(c.Silence > silentAtMost, fmt.Sprintf("callers in silence for more than %v", silentAtMost))
}

// effects reads the BOSS's ledger: how often each call's orders were carried out.
func (l *killLane) effects(r *killReport) (map[string]int, error) {
	done, err := l.readLedger()
	if err != nil {
		return nil, err
	}
	byCall, keys := map[string]int{}, map[string]bool{}
	for _, e := range done {
		if keys[e.Key] {
			r.breaks("duplicates: one key, several effects", e.Key)
		}
		keys[e.Key] = true
		call, _, _ := strings.Cut(e.Key, ".")
		byCall[call]++
		r.Effects++
	}
	return byCall, nil
}

// journal reads how each call stands.
func (l *killLane) journal(ctx context.Context, r *killReport) (map[string]stands, error) {
	conn, err := pgx.Connect(ctx, l.hotel)
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	ended := map[string]time.Time{}
	for _, c := range l.calls {
		ended[c.ID] = c.Ended
	}
	all := map[string]stands{}
	rows, _ := conn.Query(ctx, `
		select c.call_id::text, coalesce(a.kind, ''), coalesce(a.outcome, ''), coalesce(a.closed_at, 'infinity'::timestamptz) <> 'infinity', coalesce(a.closed_at, c.started_at), a.order_id is not null
		from ivr.calls c left join ivr.applications a using (call_id)`)
	var call string
	var kind orders.Kind
	var outcome orders.Outcome
	var closed, ordered bool
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&call, &kind, &outcome, &closed, &at, &ordered}, func() error {
		s := all[call]
		s.recorded = true
		if kind != "" {
			s.applications++
		}
		switch {
		case kind == "": // gone before the first menu
		case outcome == "":
			s.open++
		case outcome == orders.Success && ordered:
			s.successes++
		case outcome == orders.Abandoned && kind == orders.KindOrder:
			s.abandoned++
		}
		s.late = s.late || closed && at.Sub(ended[call]) > outcomeWithin
		all[call] = s
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	var difference, overdue int
	err = conn.QueryRow(ctx, "select difference, overdue from ivr.conservation('-infinity', 'infinity')").Scan(&difference, &overdue)
	if err != nil {
		return nil, fmt.Errorf("read the conservation of applications: %w", err)
	}
	if difference != 0 || overdue != 0 {
		r.breaks("applications opened are not those closed and open", fmt.Sprintf("difference %d, overdue %d", difference, overdue))
	}
	return all, nil
}

// show prints the report as a table, and what is broken below it.
func (r *killReport) show(out io.Writer) error {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"kill -9", "times"})
	for _, p := range append(crash.Points(), "random") {
		t.AppendRow(table.Row{p, r.ByPoint[string(p)]})
	}
	t.AppendFooter(table.Row{"all", fmt.Sprintf("%d, an order in flight in %d %%", r.Kills, r.InFlight)})
	fmt.Fprintln(out, t.Render())
	t = table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendRows([]table.Row{
		{"calls answered", r.Calls}, {"of them by the dialplan alone, no server was there", r.Unserved},
		{"kills under a standby", r.Watched},
		{"went on after an interruption", r.Resumed}, {"of them where a standby took over", r.TakenOver}, {"were given up with an apology", r.Goodbye}, {"callers who lost their way", r.Strayed},
		{"callers who confirmed an order", r.Confirmed}, {"told that they will be told", r.Unknown}, {"told that nothing came of it", r.Failed}, {"effects in the ledger", r.Effects},
		{"longest silence, the server coming back", r.Silence.Round(100 * time.Millisecond)},
		{"longest silence, with a standby", r.SilenceWatched.Round(100 * time.Millisecond)},
	})
	fmt.Fprintln(out, t.Render())
	return showBroken(out, painter(out), r.Broken, r.Seed,
		"no application without an outcome, no duplicate, no loss, nobody told wrong or left in silence")
}
