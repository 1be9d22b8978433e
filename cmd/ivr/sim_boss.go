package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"hotline/internal/menu"
	"hotline/internal/menu/tree"
	"hotline/internal/prompts"
)

// boss answers in the simulator: as the person has said, else with success and a
// plausible value for everything that the menu reads aloud.
type boss struct {
	answer, profile string // lines that the person has typed; "" for none
	ordered         bool   // it is asked for an order, whose intent is stored first
	success         string // what it says else
}

// asked remembers what an effect asks of it.
func (b *boss) asked(e menu.Effect, t *tree.Tree, node string) {
	switch e := e.(type) {
	case menu.Submit:
		b.ordered, b.success = true, succeeds
	case menu.Verify:
		b.ordered, b.success = false, succeeds
	case menu.Ask:
		if n := t.Nodes[node]; e.App != 0 && n != nil && n.Query != nil {
			b.ordered, b.success = false, succeeds+values(n.Query, t)
		}
	}
}

const succeeds = "answer success/confirmed"

// next is what it answers now.
func (b *boss) next() string {
	answer := cmp.Or(b.answer, b.success, succeeds)
	b.answer = ""
	return answer
}

// who is what it says of the caller.
func (b *boss) who() string {
	return cmp.Or(b.profile, "profile success/confirmed brand=word:全球通 star=count:3")
}

// values are what a query's answer reads aloud.
func values(q *tree.Query, t *tree.Tree) string {
	var all string
	for _, p := range q.Answer {
		switch {
		case p.Value == "":
		case p.Services:
			ids := slices.Sorted(maps.Keys(t.Services))
			all += fmt.Sprintf(" %s=list:%s", p.Value, strings.Join(ids[:min(len(ids), 2)], ","))
		case p.Words != nil:
			all += fmt.Sprintf(" %s=word:%s", p.Value, slices.Min(slices.Collect(maps.Keys(p.Words))))
		default:
			all += fmt.Sprintf(" %s=%s", p.Value, map[prompts.Reading]string{
				prompts.Money: "money:5850", prompts.Date: "date:20261231", prompts.Month: "month:202609",
				prompts.Time: "time:1830", prompts.Phone: "phone:13800000001",
			}[p.Ref.Read])
			if strings.HasSuffix(all, "=") {
				all += "count:12"
			}
		}
	}
	return all
}
