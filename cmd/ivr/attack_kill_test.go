package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"hotline/internal/crash"
)

// TestKillJudge: each thing that must not be is told, and nothing else.
func TestKillJudge(t *testing.T) {
	opened := func(change func(*orderCall)) *orderCall {
		c := &orderCall{ID: "c", Confirmed: 1, Told: "order.opened", Served: true}
		if change != nil {
			change(c)
		}
		return c
	}
	fine := stands{recorded: true, applications: 1, successes: 1}
	for name, c := range map[string]struct {
		call    *orderCall
		effects int
		journal stands
		broken  string // the begin of what is told; "" for nothing
	}{
		"as it should be":                    {opened(nil), 1, fine, ""},
		"told later, and nothing came of it": {opened(func(c *orderCall) { c.Told = "order.unknown" }), 0, stands{recorded: true, applications: 1}, ""},
		"asked twice, as the server died":    {opened(func(c *orderCall) { c.Confirmed = 2 }), 1, fine, ""},
		"no server was there":                {&orderCall{ID: "c"}, 0, stands{}, ""},
		"done twice":                         {opened(nil), 2, stands{recorded: true, applications: 1, successes: 2}, "duplicates"},
		"not done":                           {opened(nil), 0, stands{recorded: true, applications: 1}, "losses"},
		"not asked for":                      {opened(func(c *orderCall) { c.Confirmed, c.Told = 0, "" }), 1, fine, "effects without"},
		"said to have failed":                {opened(func(c *orderCall) { c.Told = "order.boss_error" }), 1, fine, "told that it failed"},
		"the journal does not know":          {opened(nil), 1, stands{recorded: true, applications: 1}, "the journal's successes"},
		"the journal knows better":           {opened(func(c *orderCall) { c.Told = "order.unknown" }), 0, fine, "the journal's successes"},
		"not in the journal":                 {&orderCall{ID: "c", Served: true}, 0, stands{}, "answered calls"},
		"gone before the first menu":         {&orderCall{ID: "c", Resumed: 1}, 0, stands{recorded: true}, ""},
		"said to have hung up":               {opened(nil), 1, stands{recorded: true, applications: 2, successes: 1, abandoned: 1}, "told what came"},
		"without an application":             {&orderCall{ID: "c", Served: true}, 0, stands{recorded: true}, "callers who heard a menu"},
		"without an outcome":                 {opened(nil), 1, stands{recorded: true, applications: 1, successes: 1, open: 1}, "applications without"},
		"with one too late":                  {opened(nil), 1, stands{recorded: true, applications: 1, successes: 1, late: true}, "outcomes later"},
		"left alone":                         {opened(func(c *orderCall) { c.Silence = 11 * time.Second }), 1, fine, "callers in silence"},
	} {
		t.Run(name, func(t *testing.T) {
			var r killReport
			c.call.judge(&r, c.effects, c.journal)
			told := slices.Collect(maps.Keys(r.Broken))
			if c.broken == "" && len(told) == 0 || len(told) == 1 && c.broken != "" && strings.HasPrefix(told[0], c.broken) {
				return
			}
			t.Errorf("told %q, want %q", told, c.broken)
		})
	}
}

// TestKillJudgeSeesAWeakAttack: one that hits too little proves nothing.
func TestKillJudgeSeesAWeakAttack(t *testing.T) {
	l := &killLane{standby: "b"}
	a := &killAttack{killFlags: killFlags{least: 1, standbys: 1}, lanes: []*killLane{l}}
	for _, p := range append(crash.Points(), "") {
		l.deaths = append(l.deaths, kill{Point: p, InFlight: 1})
	}
	r := killReport{ByPoint: map[string]int{}, TakenOver: 1}
	a.judgeKills(&r)
	if len(r.Broken) > 0 || r.InFlight != 100 {
		t.Errorf("%+v", r)
	}
	l.deaths[0].Missed, l.deaths[1].InFlight, l.deaths[2].InFlight = true, 0, 0
	r = killReport{ByPoint: map[string]int{}}
	a.judgeKills(&r)
	if len(r.Broken) != 3 {
		t.Errorf("a point that was missed, kills with no order in flight, and nobody taken over: told %q", r.Broken)
	}
	var out bytes.Buffer
	if err := r.show(&out); err != nil || !strings.Contains(out.String(), "order.confirmed 0 times") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestKillPlan(t *testing.T) {
	a := &killAttack{killFlags: killFlags{kills: 100, least: 3, seed: 1}, errOut: io.Discard}
	a.left = a.plan()
	if again := a.plan(); !slices.Equal(a.left, again) {
		t.Errorf("one seed, two plans: %q, %q", a.left, again)
	}
	hits, all, missed := map[crash.Point]int{}, 0, false
	for p, more := a.next(); more; p, more = a.next() {
		k := kill{Point: p, Missed: p == crash.OrderReplied && !missed}
		missed = missed || k.Missed
		a.done(k)
		if all++; !k.Missed {
			hits[p]++
		}
	}
	for _, p := range crash.Points() {
		if hits[p] != 3 { // the one that was missed was tried once more
			t.Errorf("%s was hit %d times", p, hits[p])
		}
	}
	if all != 100 || hits[""] != 99-3*len(crash.Points()) {
		t.Errorf("%d kills, %d at random", all, hits[""])
	}
}

// TestKillWantsABinaryWithPoints: without them half of the attack would be left out.
func TestKillWantsABinaryWithPoints(t *testing.T) {
	if crash.Enabled {
		t.Skip("this binary has them")
	}
	var usage usageError
	err := runKillAttack(context.Background(), &bytes.Buffer{}, &bytes.Buffer{}, killFlags{kills: 50, lanes: 1, callers: 1, bossTakes: time.Second})
	if !errors.As(err, &usage) || !strings.Contains(err.Error(), "crashpoints") {
		t.Error(err)
	}
}
