package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jedib0t/go-pretty/v6/table"

	"hotline/internal/dialtest"
)

// awayReport is what came of the attack.
type awayReport struct {
	Away      time.Duration `json:"away_ns"`
	Rate      float64       `json:"rate"`
	Placed    int           `json:"placed"`
	Calls     int           `json:"calls"`        // that a server had
	During    int           `json:"calls_during"` // of them, up while Postgres was away
	Keys      int           `json:"keys"`         // pressed by their callers
	Sentences int           `json:"sentences"`    // heard by them
	Steps     int           `json:"steps"`        // in Postgres
	Waiting   int           `json:"waiting"`      // in the spool just before Postgres was back
	Delivered time.Duration `json:"delivered_ns"` // from then on, until they were in Postgres

	Lost    int `json:"lost"`    // keys, sentences, begins and ends that are not in Postgres, and gaps in the numbers
	Doubled int `json:"doubled"` // such that are there more than once

	// Keys that the switch took for two, as their packets came late: each has a time of its own.
	Stuttered int `json:"keys_heard_twice_by_the_switch"`

	// While Postgres was away, by what came of it.
	Balances  int `json:"balances_told"`
	Refused   int `json:"orders_refused"`
	Passwords int `json:"passwords_refused"`

	Opened  int `json:"orders_told_opened"` // before and after
	Effects int `json:"effects"`            // in the ledger

	Broken map[string][]string `json:"broken,omitempty"` // what must not be, by kind, with what shows it
}

func (r *awayReport) breaks(what, shows string) {
	if r.Broken == nil {
		r.Broken = map[string][]string{}
	}
	r.Broken[what] = append(r.Broken[what], shows)
}

// stepTold is one step of a call as Postgres has it.
type stepTold struct {
	seq  int
	at   time.Time
	kind string
	key  string
	refs []string
}

// judge compares the callers' word, the ledger and the journal.
func (a *awayAttack) judge(ctx context.Context) (*awayReport, error) {
	r := &awayReport{Away: a.away, Rate: a.rate, Placed: a.awayFlags.calls(), Waiting: a.waiting, Delivered: a.delivered}
	steps, err := a.steps(ctx)
	if err != nil {
		return nil, err
	}
	done, err := a.readLedger()
	if err != nil {
		return nil, err
	}
	r.Effects = len(done)
	effects := map[string]int{}
	for _, e := range done {
		call, _, _ := strings.Cut(e.Key, ".")
		effects[call]++
	}
	for _, c := range a.calls {
		if !c.served() {
			continue
		}
		r.Calls++
		if c.Ended.After(a.gone) && c.Answered.Before(a.back) {
			r.During++
		}
		r.count(c, steps[c.ID], a.texts.Has)
		a.hold(r, c, effects[c.ID])
		delete(steps, c.ID)
		delete(effects, c.ID)
	}
	for call, all := range steps {
		r.Doubled += len(all)
		r.breaks("steps of a call that nobody placed", call)
	}
	for call := range effects {
		r.breaks("effects of a call that nobody placed", call)
	}
	if a.delivered > deliveredWithin {
		r.breaks(fmt.Sprintf("what had waited was in Postgres later than %v", deliveredWithin), a.delivered.String())
	}
	r.weak()
	return r, nil
}

// steps reads all of them, call by call.
func (a *awayAttack) steps(ctx context.Context) (map[string][]stepTold, error) {
	conn, err := pgx.Connect(ctx, a.hotel.URL)
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	all := map[string][]stepTold{}
	rows, _ := conn.Query(ctx, `select call_id::text, seq, at, kind, coalesce(detail ->> 'key', ''),
		coalesce((select array_agg(r #>> '{}') from jsonb_array_elements(detail -> 'refs') r), '{}')
		from ivr.steps order by call_id, seq, at`)
	var call string
	var s stepTold
	_, err = pgx.ForEachRow(rows, []any{&call, &s.seq, &s.at, &s.kind, &s.key, &s.refs}, func() error {
		all[call] = append(all[call], s)
		s.refs = nil
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	return all, nil
}

// count holds the steps of a call against what its caller pressed and heard. has tells a
// sentence from a part of a value that is read aloud.
func (r *awayReport) count(c *errandCall, steps []stepTold, has func(lang, id string) bool) {
	lost, doubled := 0, 0
	keys, kinds, refs := "", map[string]int{}, []string{}
	for i, s := range steps {
		switch gap := s.seq - i - 1; {
		case i > 0 && (s.seq == steps[i-1].seq || s.kind == "key" && s.at.Equal(steps[i-1].at)):
			doubled++
		case i == 0 && gap > 0:
			lost += gap
		case i > 0 && s.seq > steps[i-1].seq+1:
			lost += s.seq - steps[i-1].seq - 1
		}
		if i > 0 && s.at.Before(steps[i-1].at) {
			r.breaks("steps out of order", c.ID)
		}
		keys += s.key
		kinds[s.kind]++
		refs = append(refs, s.refs...)
	}
	for _, once := range []string{"call_started", "left", "call_ended"} {
		lost += max(0, 1-kinds[once])
		doubled += max(0, kinds[once]-1)
	}
	r.Steps += len(steps)
	r.Keys += len([]rune(c.Keys))
	missing, more := missed(c.Keys, keys)
	lost += missing
	if r.Stuttered += more; missing > 0 {
		r.breaks("keys that were pressed and are not recorded", fmt.Sprintf("%s pressed %s, recorded %s", c.ID, c.Keys, keys))
	}
	for _, h := range c.Heard {
		if !h.Whole || !has(h.Lang, h.Prompt) || strings.HasPrefix(h.Prompt, "unit.") {
			continue
		}
		r.Sentences++
		said := slices.IndexFunc(refs, func(ref string) bool { return h.Is(ref) })
		if said < 0 {
			lost++
			continue
		}
		refs = refs[said+1:]
	}
	if r.Lost += lost; lost > 0 {
		r.breaks("steps lost", fmt.Sprintf("%s: %d; heard %s", c.ID, lost, heardIDs(c.Heard)))
	}
	if r.Doubled += doubled; doubled > 0 {
		r.breaks("steps doubled", fmt.Sprintf("%s: %d", c.ID, doubled))
	}
}

// missed tells how many of the keys pressed are not recorded in their order, and how many are
// recorded beyond them.
func missed(pressed, recorded string) (missing, more int) {
	rest := []rune(recorded)
	for _, key := range pressed {
		at := slices.Index(rest, key)
		if at < 0 {
			missing++
			continue
		}
		more += at
		rest = rest[at+1:]
	}
	return missing, more + len(rest)
}

func heardIDs(line []dialtest.Heard) string {
	var ids []string
	for _, h := range line {
		ids = append(ids, h.Prompt)
	}
	return strings.Join(ids, " ")
}

// edge is how near to the going and coming of Postgres something may have either outcome.
const edge = time.Second

// hold holds what a caller was told against the time, and against the ledger.
func (a *awayAttack) hold(r *awayReport, c *errandCall, effects int) {
	is := func(broken bool, what string) {
		if broken {
			r.breaks(what, fmt.Sprintf("%s, %s, told %q, %d effects, %v; heard %s", c.ID, c.Errand, c.Told, effects, c.Err, heardIDs(c.Heard)))
		}
	}
	away := c.Asked.After(a.gone.Add(edge)) && !c.ToldAt.IsZero() && c.ToldAt.Before(a.back.Add(-edge))
	is(c.Told == "", "callers who were told nothing of what they wanted")
	switch c.Errand {
	case errandBalance:
		is(c.Told != "balance.is" && c.Told != "", "balances that were not told")
		if away && c.Told == "balance.is" {
			r.Balances++
		}
	case errandOrder:
		if away {
			r.Refused++
			is(c.Told != "order.platform", "orders that were not refused while Postgres was away")
			is(effects > 0, "orders carried out while Postgres was away")
		}
		is(effects > 1, "orders carried out twice")
		is(c.Told == "order.opened" && effects != 1, "orders said to be done that are not")
		is(c.Told == "order.platform" && effects > 0, "orders said to be refused that were carried out")
		if c.Told == "order.opened" {
			r.Opened++
		}
	case errandBill:
		if away {
			r.Passwords++
			is(judged[c.Told], "passwords that got through while Postgres was away")
		}
	}
	is(effects > 0 && c.Errand != errandOrder, "effects of a call that ordered nothing")
}

// weak tells where too little was attacked to prove anything.
func (r *awayReport) weak() {
	for what, least := range map[string][2]int{
		"calls that a server had":             {r.Calls, r.Placed * 95 / 100},
		"steps that waited in the spool":      {r.Waiting, 10},
		"balances told while it was away":     {r.Balances, 1},
		"orders refused while it was away":    {r.Refused, 1},
		"passwords refused while it was away": {r.Passwords, 1},
		"orders carried out before or after":  {r.Opened, 1},
		"keys that the switch heard once":     {r.Keys - r.Stuttered, r.Keys * 97 / 100},
	} {
		if least[0] < least[1] {
			r.breaks("too weak: "+what, fmt.Sprintf("%d, at least %d", least[0], least[1]))
		}
	}
}

// show prints the report as a table, and what is broken below it.
func (r *awayReport) show(out io.Writer) error {
	paint := painter(out)
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{fmt.Sprintf("Postgres away for %v, %v calls/s", r.Away, r.Rate), ""})
	t.AppendRows([]table.Row{
		{"calls, of them while it was away", fmt.Sprintf("%d, %d", r.Calls, r.During)},
		{"keys pressed, sentences heard", fmt.Sprintf("%d, %d", r.Keys, r.Sentences)},
		{"steps in Postgres, of them through the spool", fmt.Sprintf("%d, %d", r.Steps, r.Waiting)},
		{"in Postgres after it was back", r.Delivered.Round(100 * time.Millisecond)},
		{"steps lost", r.Lost}, {"steps doubled", r.Doubled}, {"keys that the switch has heard twice", r.Stuttered},
		{"while away: balances told", r.Balances}, {"while away: orders refused by voice", r.Refused}, {"while away: passwords refused", r.Passwords},
		{"orders told to be done, effects in the ledger", fmt.Sprintf("%d, %d", r.Opened, r.Effects)},
	})
	fmt.Fprintln(out, t.Render())
	if len(r.Broken) == 0 {
		_, err := fmt.Fprintln(out, paint(green, "no step lost or doubled, no order and no password let through, nobody left without an answer"))
		return err
	}
	for _, what := range slices.Sorted(maps.Keys(r.Broken)) {
		cases := r.Broken[what]
		fmt.Fprintf(out, "%s: %d\n", paint(red, what), len(cases))
		for _, c := range cases[:min(shown, len(cases))] {
			fmt.Fprintf(out, "  %s\n", c)
		}
	}
	return nil
}
