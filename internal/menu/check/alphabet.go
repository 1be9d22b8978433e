package check

import (
	"slices"
	"strings"
	"time"

	"hotline/internal/menu"
	"hotline/internal/menu/tree"
	"hotline/internal/orders"
	"hotline/internal/orders/entry"
	"hotline/internal/prompts"
)

// happening is an event that is tried in a state. wanted: the caller did something
// that means something there; a call may go on for as long as callers want it to,
// and for no other reason.
type happening struct {
	event  menu.Event
	wanted bool
	leaves bool // the caller, the switch or the server ends the call: no merit of the menu
	waits  bool // the BOSS takes longer: ended by the Desk's deadline, not by the menu
}

// alphabet is what can happen on calls of a tree, by what is awaited. It is made of
// representatives: each class of events that a menu tells apart has one.
type alphabet struct {
	tree     *tree.Tree
	secret   string // figures for private entries
	codes    []string
	profiles []orders.Answer
	words    map[string][]string // entries by node
	times    map[string][]time.Time
	answers  map[string][]orders.Answer // by query node
	results  []orders.Answer            // of what has no values
}

func newAlphabet(t *tree.Tree) *alphabet {
	a := &alphabet{tree: t, secret: unusual(t), codes: codes(t), profiles: profiles(t),
		words: map[string][]string{}, times: map[string][]time.Time{}, answers: map[string][]orders.Answer{}}
	// Reconciled is known after the call only; Media and Switch are not of the BOSS.
	for _, r := range orders.Results() {
		switch r.Outcome {
		case orders.Success, orders.Rejected, orders.AuthFailed, orders.SystemFailed, orders.Unknown:
			if r.Detail != orders.Reconciled && r.Detail != orders.Media && r.Detail != orders.Switch {
				a.results = append(a.results, orders.Answer{Result: r})
			}
		}
	}
	for id, n := range t.Nodes {
		switch {
		case n.Collect != nil:
			with := plainFigures
			if n.Collect.Private() {
				with = a.secret
			}
			a.words[id] = words(n.Collect.Entry, n.Collect.Fewest, n.Collect.Most, with)
		case n.Auth != nil:
			fewest, most := entry.Password.Length()
			a.words[id] = words(entry.Password, fewest, most, a.secret)
		case n.Query != nil:
			a.answers[id] = slices.Concat(a.results[1:2], values(n.Query.Answer), a.results)
		}
	}
	for name, c := range t.Calendars {
		a.times[name] = times(c)
	}
	return a
}

// values are successful answers to a query: every word of each set once.
func values(parts []tree.Part) []orders.Answer {
	first := map[string]orders.Value{}
	others := map[string][]orders.Value{}
	for _, p := range parts {
		if p.Value == "" {
			continue
		}
		all := valuesOf(p)
		first[p.Value], others[p.Value] = all[0], all[1:]
	}
	answers := []orders.Answer{success(first)}
	for name, values := range others {
		for _, v := range values {
			changed := map[string]orders.Value{name: v}
			for other, value := range first {
				if other != name {
					changed[other] = value
				}
			}
			// One value differs at a time: parts of an answer do not look at each other.
			answers = append(answers, success(changed))
		}
	}
	return answers
}

// valuesOf is what the BOSS may say for a part. How large a number is makes no
// difference: what cannot be read aloud is refused by the reading, not by the menu.
func valuesOf(p tree.Part) []orders.Value {
	switch {
	case p.Services:
		return []orders.Value{{Kind: orders.ValueList}}
	case p.Words != nil:
		var words []orders.Value
		for _, w := range sortedKeys(p.Words) {
			words = append(words, orders.Value{Kind: orders.ValueWord, Word: w})
		}
		return words
	}
	switch p.Ref.Read {
	case prompts.Money:
		return []orders.Value{{Kind: orders.ValueMoney, Number: 12345}}
	case prompts.Date:
		return []orders.Value{{Kind: orders.ValueDate, Number: 20261012}}
	case prompts.Month:
		return []orders.Value{{Kind: orders.ValueMonth, Number: 202610}}
	case prompts.Time:
		return []orders.Value{{Kind: orders.ValueTime, Number: 1830}}
	case prompts.Phone:
		return []orders.Value{{Kind: orders.ValuePhone, Word: "13800000001"}}
	}
	return []orders.Value{{Kind: orders.ValueCount, Number: 123}}
}

func success(values map[string]orders.Value) orders.Answer {
	return orders.Answer{Result: orders.Result{Outcome: orders.Success, Detail: orders.Confirmed}, Values: values}
}

// profiles are the callers that the tree tells apart: by brand where a switch or a
// service does, by star level where a switch does, and one that the BOSS cannot tell.
func profiles(t *tree.Tree) []orders.Answer {
	brands, stars := map[string]string{}, map[string]bool{}
	tell := map[string]bool{}
	for _, n := range t.Nodes {
		if n.Switch == nil {
			continue
		}
		for value := range n.Switch.Cases {
			tell[value] = tell[value] || n.Switch.On == tree.ByBrand
			stars[value] = stars[value] || n.Switch.On == tree.ByStar
		}
	}
	for _, s := range t.Services {
		for _, brand := range s.Brands {
			tell[brand] = true
		}
	}
	for brand, told := range tell {
		if told {
			brands[treatment(t, brand)] = brand
		}
	}
	brands["as any other"] = "any" // a brand that no menu has heard of
	levels := []int64{3}
	for star, told := range stars {
		if told && len(star) == 1 && star[0] != '3' {
			levels = append(levels, int64(star[0]-'0'))
		}
	}
	slices.Sort(levels)
	var all []orders.Answer
	for _, key := range sortedKeys(brands) {
		for _, level := range levels {
			all = append(all, success(map[string]orders.Value{
				"brand": {Kind: orders.ValueWord, Word: brands[key]}, "star": {Kind: orders.ValueCount, Number: level}}))
		}
	}
	return append(all, orders.Answer{Result: orders.Result{Outcome: orders.SystemFailed, Detail: orders.BossTimeout}})
}

// treatment is all that the tree does for a brand: two with the same are one.
func treatment(t *tree.Tree, brand string) string {
	var b strings.Builder
	for _, n := range ordered(t) {
		if n.Switch != nil && n.Switch.On == tree.ByBrand {
			b.WriteString(n.ID + "=" + n.Switch.Cases[brand] + ";")
		}
	}
	for _, id := range sortedKeys(t.Services) {
		if slices.Contains(t.Services[id].Brands, brand) {
			b.WriteString(id + ";")
		}
	}
	return b.String()
}

// times finds a minute for each value that a calendar has.
func times(c *tree.Calendar) []time.Time {
	var found []time.Time
	known := map[string]bool{}
	try := func(day time.Time, minute int) {
		at := day.Add(time.Duration(minute) * time.Minute)
		if value := c.At(at); !known[value] {
			known[value] = true
			found = append(found, at)
		}
	}
	// Every minute counts in ten: hours begin and end at round times. The days that
	// differ come last, so that an ordinary day stands for what it can.
	days := []time.Time{}
	for i := range 7 {
		days = append(days, time.Date(2026, 10, 12+i, 0, 0, 0, 0, time.UTC))
	}
	for _, date := range sortedKeys(c.Days) {
		if day, err := time.Parse(time.DateOnly, date); err == nil {
			days = append(days, day)
		}
	}
	for _, day := range days {
		for minute := 0; minute < 24*60; minute += 10 {
			try(day, (minute+10*60)%(24*60)) // from ten o'clock on: most are open then
		}
	}
	return found
}

// in lists what can happen in a state.
func (a *alphabet) in(s *menu.State, w *watch) []happening {
	if w.look != 0 {
		return a.outside(s, w)
	}
	heard := menu.Heard{Play: w.play}
	// These may come at any moment, and mean something else at each: whether the Desk
	// has the order, whether a goodbye is being said.
	all := []happening{
		{event: menu.Left{Why: menu.ByCaller, Heard: heard}, leaves: true},
		{event: menu.Left{Why: menu.ByTimeout, Heard: heard}, leaves: true},
		{event: menu.Left{Why: menu.BySwitch, Heard: heard}, leaves: true},
		{event: menu.Closing{Heard: heard}, leaves: true},
	}
	// A timer that runs beside an announcement, as "please wait" has one, ends after
	// it: announcements are seconds long, waiting is told of every quarter of a minute.
	switch {
	case w.play != 0:
		whole := menu.Heard{Play: w.play, Ref: len(w.refs) - 1, Percent: 100}
		all = append(all, happening{event: menu.Played{ID: w.play, Heard: whole}}, happening{event: menu.Played{ID: w.play, Failed: true}, leaves: true})
	case w.timer != 0:
		all = append(all, happening{event: menu.Elapsed{ID: w.timer}, wanted: a.settles(s), waits: w.use == menu.StillThere})
	}
	if w.task != 0 {
		answers := a.results
		if s.Await == "task" && s.Job == 0 && a.answers[s.Node] != nil {
			answers = a.answers[s.Node]
		}
		for _, answer := range answers[:a.tried(s, w, len(answers))] {
			all = append(all, happening{event: menu.Answered{ID: w.task, Answer: answer}})
		}
	}
	// Committed decides nothing; a Machine that took it for an answer would be found.
	if w.task != 0 && w.order {
		all = append(all, happening{event: menu.Committed{ID: w.task, Order: "order"}, waits: true})
	}
	if w.profile != 0 {
		for _, p := range a.profiles {
			// The BOSS is asked once a call: where nobody waits for it, or for another answer, it changes nothing now.
			all = append(all, happening{event: menu.Answered{ID: w.profile, Answer: p}, waits: s.Await != "task" || w.task != 0})
		}
	}
	// A person may send the caller anywhere: the first menu leads on to everything.
	if w.moved != 0 {
		all = append(all,
			happening{event: menu.Left{Why: menu.ByTransfer}},
			happening{event: menu.Returned{ID: w.moved}},
			happening{event: menu.Returned{ID: w.moved, Reached: true}},
			happening{event: menu.Returned{ID: w.moved, Reached: true, Node: a.tree.Start}, wanted: true})
	}
	// An announcement that has failed once takes keys as any other does.
	if s.Broken == 0 {
		all = append(all, a.keys(s, w)...)
	}
	return all
}

// tried is how many of the answers are tried in a state. All of them where nothing
// else has happened; beside keys typed ahead, and after the caller was told to wait
// on, the first two, a success and a failure: neither decides what an answer means.
func (a *alphabet) tried(s *menu.State, w *watch, all int) int {
	if s.Ahead == "" && s.Waits == 0 {
		return all
	}
	if w.play != 0 {
		return 0
	}
	return min(2, all)
}

// outside are the ways in which things can stand where the Machine looks.
// They come at once, so nothing else can happen before.
func (a *alphabet) outside(s *menu.State, w *watch) []happening {
	open := menu.Seen{ID: w.look, At: workday}
	n := a.tree.Nodes[s.Node]
	calendar := ""
	if n != nil && n.Switch != nil {
		calendar = n.Switch.Name
	} else if n != nil && n.Transfer != nil {
		calendar = n.Transfer.Hours
	}
	if calendar == "" {
		closed, notice := open, open
		closed.Closed, notice.Notice = true, a.tree.Phrases.Wait.ID // any prompt that there is
		all := []happening{{event: open}, {event: closed}, {event: notice}}
		if n != nil && n.Serves != nil && n.Serves.Kind == orders.KindOrder && n.Serves.Action == orders.Open {
			other := open
			other.Price, other.Priced = a.tree.Services[n.Serves.Service].Price+1, true
			all = append(all, happening{event: other})
		}
		return all
	}
	var all []happening
	for _, at := range a.times[calendar] {
		seen := open
		seen.At = at
		all = append(all, happening{event: seen})
	}
	return all
}
