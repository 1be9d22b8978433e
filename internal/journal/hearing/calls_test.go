package hearing_test

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"

	"hotline/internal/journal"
	"hotline/internal/menu"
	"hotline/internal/menu/tree"
	"hotline/internal/orders"
	"hotline/internal/prompts"
)

// shipped loads the shipped hotline.
func shipped(t testing.TB) (*tree.Tree, *prompts.Catalog) {
	t.Helper()
	texts, err := prompts.Load(os.DirFS("../../../prompts"))
	if err != nil {
		t.Fatal(err)
	}
	hotline, err := tree.Load(os.DirFS("../../../menus"), "10086.yaml", func(id string) bool { return texts.Has("zh", id) })
	if err != nil {
		t.Fatal(err)
	}
	return hotline, texts
}

// caller is somebody who does anything that can be done on a call, at random: he drives
// a Machine, and journals it as a session does. witness sees the same, if there is one.
type caller struct {
	*rand.Rand
	machine *menu.Machine
	record  *journal.Call
	witness *witness
	length  func(lang string, at time.Time, r prompts.Ref) int // milliseconds; 0 is unknown
	begun   time.Time
	now     time.Time

	play                   menu.Play // ID 0: nothing is said
	timer, task, move, who menu.ID
	look                   menu.ID
	language               string
	tired                  int // of 100: how likely he hangs up
	speaks                 func(menu.Event, []menu.Effect)
}

// call goes through one call from its begin to its end.
func (c *caller) call(first menu.Started) {
	c.now = c.begun
	c.give(first)
	for steps := 0; !c.machine.Ended(); steps++ {
		if steps > 60 {
			c.tired = 100
		}
		c.give(c.next())
	}
}

// give hands an event to the Machine, and both sides to the journal.
func (c *caller) give(e menu.Event) {
	c.now = c.now.Add(time.Duration(1+c.IntN(3000)) * time.Millisecond)
	c.record.Event(c.now, e, c.machine.Secret())
	if c.witness != nil {
		c.witness.event(e)
	}
	for _, f := range c.machine.Step(e) {
		c.record.Effect(c.now, f)
		if c.witness != nil {
			c.witness.effect(c.machine.Language(), f)
		}
		c.follow(f)
	}
}

func (c *caller) follow(f menu.Effect) {
	switch f := f.(type) {
	case menu.Play:
		c.play, c.timer = f, 0
	case menu.StopPlay:
		c.play = menu.Play{}
	case menu.SetTimer:
		c.timer = f.ID
	case menu.Look:
		c.look = f.ID
	case menu.Submit:
		c.task = f.ID
	case menu.Verify:
		c.task = f.ID
	case menu.Transfer:
		c.move = f.ID
	case menu.Ask:
		if c.task = f.ID; f.App == 0 {
			c.task, c.who = 0, f.ID
		}
	}
}

// take gives what is under way, once.
func take(id *menu.ID) menu.ID {
	taken := *id
	*id = 0
	return taken
}

// next is what happens now.
func (c *caller) next() menu.Event {
	chance := c.IntN(100)
	switch {
	case c.look != 0:
		return menu.Seen{ID: take(&c.look), At: time.Date(2026, 10, 12, 10, 0, 0, 0, time.UTC), Closed: chance < 3}
	case chance < c.tired:
		return menu.Left{Why: menu.ByCaller, Heard: c.heard()}
	case chance == 99, chance > 92 && c.play.ID == 0 && c.timer != 0: // he may be typing
		return []menu.Event{menu.Closing{Heard: c.heard()}, menu.Left{Why: menu.BySwitch, Heard: c.heard()}, menu.Left{Why: menu.ByTimeout, Heard: c.heard()}}[c.IntN(3)]
	case chance == 98:
		return menu.Played{ID: menu.ID(c.IntN(9)), Heard: menu.Heard{Play: menu.ID(c.IntN(9)), Ref: c.IntN(3), MS: c.IntN(900)}} // too late, most times
	case c.play.ID != 0 && chance < 55:
		return c.played(chance < 10)
	case c.task != 0 && chance < 75:
		return menu.Answered{ID: take(&c.task), Answer: c.answer()}
	case c.who != 0 && chance < 75:
		brand := orders.Value{Kind: orders.ValueWord, Word: "全球通"}
		return menu.Answered{ID: take(&c.who), Answer: orders.Answer{Result: orders.Result{Outcome: orders.Success, Detail: orders.Confirmed}, Values: map[string]orders.Value{"brand": brand}}}
	case c.move != 0 && chance < 75:
		return menu.Returned{ID: take(&c.move), Reached: chance%2 == 0}
	case c.timer != 0 && chance < 50:
		return menu.Elapsed{ID: take(&c.timer)}
	}
	return menu.Pressed{Key: "1112233445670#*8"[c.IntN(16)], Heard: c.heard()}
}

// played is the end of what is being said.
func (c *caller) played(fails bool) menu.Event {
	e := menu.Played{ID: c.play.ID, Failed: fails, Heard: c.heard()}
	if !fails {
		last := len(c.play.Refs) - 1
		e.Heard = menu.Heard{Play: e.ID, Ref: last, MS: c.length(c.machine.Language(), c.begun, c.play.Refs[last]), Percent: 100}
	}
	c.play = menu.Play{}
	return e
}

// heard is some place in what is being said.
func (c *caller) heard() menu.Heard {
	if c.play.ID == 0 {
		return menu.Heard{}
	}
	h := menu.Heard{Play: c.play.ID, Ref: c.IntN(len(c.play.Refs))}
	h.MS = c.IntN(1 + c.length(c.machine.Language(), c.begun, c.play.Refs[h.Ref]))
	return h
}

// answer is what the BOSS says: most times what was hoped for.
func (c *caller) answer() orders.Answer {
	a := orders.Answer{Result: orders.Result{Outcome: orders.Success, Detail: orders.Confirmed}}
	if results := orders.Results(); c.IntN(3) == 0 {
		a.Result = results[c.IntN(len(results))]
	}
	a.Values = map[string]orders.Value{"balance": {Kind: orders.ValueMoney, Number: 5850}, "amount": {Kind: orders.ValueMoney, Number: 100}, "state": {Kind: orders.ValueWord, Word: "open"}}
	return a
}

// head begins the record of a call.
func head(r *rand.Rand, at time.Time, version string, test bool) journal.Head {
	h := journal.Head{ID: uuid.New(), At: at, Dialled: "10086", Menu: "10086", MenuVersion: version, Test: test}
	if r.IntN(8) > 0 {
		h.Caller, _ = orders.ParseMSISDN("1380013800" + string(rune('0'+r.IntN(10))))
	}
	return h
}
