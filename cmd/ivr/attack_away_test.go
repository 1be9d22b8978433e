package main

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"hotline/internal/dialtest"
)

// awaySteps are those of a call that asks for its balance, as they should be.
func awaySteps(change func([]stepTold) []stepTold) []stepTold {
	began := time.Unix(1_700_000_000, 0)
	steps := []stepTold{
		{kind: "call_started"}, {kind: "play", refs: []string{"main.welcome", "en:lang.offer", "label.1"}}, {kind: "key", key: "1"},
		{kind: "play", refs: []string{"label.101"}}, {kind: "key", key: "1"}, {kind: "play", refs: []string{"wait.please"}},
		{kind: "play", refs: []string{"balance.is", "money(5000)"}}, {kind: "left"}, {kind: "call_ended"},
	}
	for i := range steps {
		steps[i].seq, steps[i].at = i+1, began.Add(time.Duration(i)*time.Second)
	}
	if change != nil {
		steps = change(steps)
	}
	return steps
}

func heardWhole(ids ...string) (line []dialtest.Heard) {
	for _, id := range ids {
		line = append(line, dialtest.Heard{Prompt: id, Lang: "zh", Whole: true})
	}
	return line
}

// TestAwayCount: a step that is missing, doubled or out of order is told, and nothing else.
func TestAwayCount(t *testing.T) {
	without := func(i int) func([]stepTold) []stepTold {
		return func(s []stepTold) []stepTold { return slices.Delete(s, i, i+1) }
	}
	call := &errandCall{ID: "c", Errand: errandBalance, Keys: "11", Heard: heardWhole("main.welcome", "wait.please", "balance.is", "d.5")}
	for name, c := range map[string]struct {
		change        func([]stepTold) []stepTold
		lost, doubled int
		broken        string // the begin of one thing that is told; "" for nothing
	}{
		"as it should be":    {nil, 0, 0, ""},
		"no step at all":     {func([]stepTold) []stepTold { return nil }, 8, 0, "keys that"}, // begin, left, end, two keys, three sentences
		"a gap":              {without(3), 1, 0, "steps lost"},
		"a key":              {without(4), 2, 0, "keys that"}, // and the gap
		"no begin":           {without(0), 2, 0, "steps lost"},
		"no end":             {without(8), 1, 0, "steps lost"},
		"a sentence":         {without(6), 2, 0, "steps lost"},
		"a key twice":        {func(s []stepTold) []stepTold { return slices.Insert(s, 3, s[2]) }, 0, 1, "steps doubled"},
		"a key of one time":  {func(s []stepTold) []stepTold { s[3] = s[2]; s[3].seq = 4; return s }, 0, 1, "steps doubled"},
		"a key heard twice":  {func(s []stepTold) []stepTold { s[3].kind, s[3].key, s[3].refs = "key", "1", nil; return s }, 0, 0, ""},
		"an end twice":       {func(s []stepTold) []stepTold { return append(s, stepTold{seq: 10, kind: "call_ended", at: s[8].at}) }, 0, 1, "steps doubled"},
		"an earlier time":    {func(s []stepTold) []stepTold { s[5].at = s[0].at; return s }, 0, 0, "steps out of order"},
		"another key":        {func(s []stepTold) []stepTold { s[4].key = "2"; return s }, 1, 0, "keys that"},
		"sentences reversed": {func(s []stepTold) []stepTold { s[5].refs, s[6].refs = s[6].refs, s[5].refs; return s }, 1, 0, "steps lost"},
	} {
		t.Run(name, func(t *testing.T) {
			var r awayReport
			r.count(call, awaySteps(c.change), func(_, id string) bool { return id != "d.5" })
			told := slices.Collect(maps.Keys(r.Broken))
			fits := c.broken == "" && len(told) == 0 || slices.ContainsFunc(told, func(s string) bool { return c.broken != "" && strings.HasPrefix(s, c.broken) })
			if r.Lost != c.lost || r.Doubled != c.doubled || !fits {
				t.Errorf("%d lost, %d doubled, told %q", r.Lost, r.Doubled, told)
			}
		})
	}
}

// TestAwayHold: what callers were told is held against the time, and against the ledger.
func TestAwayHold(t *testing.T) {
	gone := time.Unix(1_700_000_000, 0)
	a := &awayAttack{gone: gone, back: gone.Add(time.Minute)}
	at := func(s int) time.Time { return gone.Add(time.Duration(s) * time.Second) }
	for name, c := range map[string]struct {
		call    errandCall
		effects int
		broken  string
	}{
		"a balance while it is away":          {errandCall{Errand: errandBalance, Told: "balance.is", Asked: at(5), ToldAt: at(7)}, 0, ""},
		"a balance that is not told":          {errandCall{Errand: errandBalance, Told: "query.boss_error", Asked: at(5), ToldAt: at(7)}, 0, "balances"},
		"nothing is told":                     {errandCall{Errand: errandBalance, Asked: at(5)}, 0, "callers who"},
		"an order before":                     {errandCall{Errand: errandOrder, Told: "order.opened", Asked: at(-5), ToldAt: at(-3)}, 1, ""},
		"an order, while it goes":             {errandCall{Errand: errandOrder, Told: "order.opened", Asked: at(0), ToldAt: at(1)}, 1, ""},
		"an order that is refused":            {errandCall{Errand: errandOrder, Told: "order.platform", Asked: at(5), ToldAt: at(7)}, 0, ""},
		"an order that gets through":          {errandCall{Errand: errandOrder, Told: "order.opened", Asked: at(5), ToldAt: at(7)}, 1, "orders that were not refused"},
		"refused, and carried out":            {errandCall{Errand: errandOrder, Told: "order.platform", Asked: at(-5), ToldAt: at(-3)}, 1, "orders said to be refused"},
		"told to be done, and is not":         {errandCall{Errand: errandOrder, Told: "order.opened", Asked: at(70), ToldAt: at(72)}, 0, "orders said to be done"},
		"carried out twice":                   {errandCall{Errand: errandOrder, Told: "order.unknown", Asked: at(70), ToldAt: at(72)}, 2, "orders carried out twice"},
		"a password that is not tried":        {errandCall{Errand: errandBill, Told: "query.platform", Asked: at(5), ToldAt: at(7)}, 0, ""},
		"a password that gets through":        {errandCall{Errand: errandBill, Told: "bill.is", Asked: at(5), ToldAt: at(7)}, 0, "passwords"},
		"a password that is said to be wrong": {errandCall{Errand: errandBill, Told: "auth.wrong", Asked: at(5), ToldAt: at(7)}, 0, "passwords"},
		"an effect of who ordered nothing":    {errandCall{Errand: errandBrowse, Told: "verb.open"}, 1, "effects of a call"},
	} {
		t.Run(name, func(t *testing.T) {
			var r awayReport
			a.hold(&r, &c.call, c.effects)
			told := slices.Collect(maps.Keys(r.Broken))
			if c.broken == "" && len(told) == 0 || slices.ContainsFunc(told, func(s string) bool { return c.broken != "" && strings.HasPrefix(s, c.broken) }) {
				return
			}
			t.Errorf("told %q, want %q", told, c.broken)
		})
	}
}

// TestAwayJudgeSeesAWeakAttack: one in which too little happens proves nothing.
func TestAwayJudgeSeesAWeakAttack(t *testing.T) {
	strong := awayReport{Placed: 100, Calls: 97, Keys: 300, Stuttered: 9, Waiting: 500, Balances: 10, Refused: 5, Passwords: 2, Opened: 3}
	enough := strong
	if enough.weak(); len(enough.Broken) > 0 {
		t.Errorf("told %v", enough.Broken)
	}
	for name, weaken := range map[string]func(*awayReport){
		"calls": func(r *awayReport) { r.Calls = 90 }, "waiting": func(r *awayReport) { r.Waiting = 3 },
		"balances": func(r *awayReport) { r.Balances = 0 }, "orders": func(r *awayReport) { r.Refused = 0 },
		"passwords": func(r *awayReport) { r.Passwords = 0 }, "opened": func(r *awayReport) { r.Opened = 0 },
		"keys": func(r *awayReport) { r.Stuttered = 10 },
	} {
		r := strong
		weaken(&r)
		if r.weak(); len(r.Broken) != 1 {
			t.Errorf("%s: told %v", name, r.Broken)
		}
	}
}
