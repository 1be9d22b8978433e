package tree

import (
	"slices"
	"strings"

	"hotline/internal/source"
)

// switches reads what decides, and the nodes by value. Brands are not held to a list:
// they are the BOSS's, and one that no case names has the else.
func (l *loader) switches(n *Node) table {
	s := &Switch{Cases: map[string]string{}}
	n.Switch = s
	var by []string
	fact := func(f Fact, v value) value {
		return v.also(func(n source.Node) {
			by = append(by, string(f))
			if f != "" {
				s.On = f
			}
		})
	}
	cases := map[string]source.Node{}
	t := table{
		"on":       {doc: "the fact that decides", value: fact("", word(&s.On, ByBrand, ByStar, ByLanguage))},
		"variable": {doc: "a variable that a collect node has kept; the value is what was typed", value: fact(ByVariable, l.variable(&s.Name, n))},
		"calendar": {doc: "a calendar; the value is open, closed or holiday", value: fact(ByCalendar, l.calendarName(&s.Name))},
		"cases": {need: true, doc: "the node for each value", value: value{func(v source.Node) {
			v.Entries(func(k, v source.Node) {
				var to string
				l.to(&to).read(v)
				if name := k.Scalar(); name != "" {
					s.Cases[name], cases[name] = to, k
				}
			})
			if v.IsObject() && v.Len() == 0 {
				v.Report("empty", "a switch without cases; name at least one value with its node")
			}
		}, func() schema {
			return schema{"type": "object", "minProperties": 1, "additionalProperties": l.to(nil).is()}
		}}},
		"else": {doc: "the node for every other value, and where it cannot be known", value: l.to(&s.Else)},
	}
	l.later(func(v source.Node) {
		if len(by) != 1 {
			v.Report("switch", "a switch decides by exactly one of on, variable and calendar")
			return
		}
		l.switchCases(s, cases, v)
	})
	return t
}

// switchCases holds the cases to the values that there are. Brand and star may be
// unknown, a variable may be anything: these need an else.
func (l *loader) switchCases(s *Switch, cases map[string]source.Node, v source.Node) {
	var values []string
	complete := false
	switch s.On {
	case ByStar:
		values = []string{"1", "2", "3", "4", "5"}
	case ByLanguage:
		values, complete = l.tree.Languages, true
	case ByCalendar:
		values, complete = []string{OpenHours, ClosedHours, Holiday}, true
	}
	for _, name := range sorted(cases) {
		if values != nil && !slices.Contains(values, name) {
			cases[name].Report("case", "%q is no value of %s (known: %s)", name, s.On, strings.Join(values, ", "))
		}
	}
	if s.Else != "" {
		return
	}
	for _, name := range values {
		if _, there := cases[name]; !there {
			complete = false
		}
	}
	if !complete {
		elseThere := false
		v.Peek("else", func(source.Node) { elseThere = true })
		if !elseThere {
			v.Report("missing-key", "key \"else\" is missing: a caller with another value, or with none, has to go somewhere")
			l.torn = true
		}
	}
}

// survey reads a question with fixed keys. A caller owes no answer: whoever says
// nothing goes on as well, so a circle through a survey is one without a word.
func (l *loader) survey(n *Node) table {
	n.Survey = &Survey{}
	t := l.asking(n)
	t["say"] = field{l.prompts(&n.Survey.Say), true, "the question, with its keys 1 to 5"}
	t["then"] = field{l.to(&n.Survey.Then), false, "the next node, also for who gives no rating; left out: the menu that the caller came from"}
	return t
}

// language reads the choices, each with prompts in its own language: whoever needs it
// may not understand the call's.
func (l *loader) language(n *Node) table {
	g := &Language{}
	n.Language = g
	asked, set := false, false
	t := l.asking(n)
	t["choices"] = field{value{func(v source.Node) {
		asked = true
		lines := map[string]int{}
		v.List(func(v source.Node) {
			c := Choice{Pos: v.Pos()}
			l.choice(&c).read(v)
			for i := range c.Say {
				if c.Say[i].In == "" {
					c.Say[i].In = c.Language
				}
			}
			for _, taken := range []string{"key " + c.Key, "language " + c.Language} {
				if line, again := lines[taken]; again && !strings.HasSuffix(taken, " ") {
					v.Report("duplicate-option", "%s is taken by the choice on line %d", taken, line)
				}
				lines[taken] = v.Pos().Line
			}
			g.Choices = append(g.Choices, c)
		})
		if v.IsList() && v.Len() == 0 {
			v.Report("empty", "the list is empty; name at least one language")
		}
	}, func() schema {
		return schema{"type": "array", "items": l.choice(&Choice{}).schema(), "minItems": 1}
	}}, false, "the languages to choose from, each said in itself"}
	t["set"] = field{l.lang(&g.Set).also(func(source.Node) { set = true }), false, "the language, without asking"}
	t["then"] = field{l.to(&g.Then), false, "the next node; left out: the menu that the caller came from"}
	l.later(func(v source.Node) {
		if asked == set {
			v.Report("language", "a language is asked for ('choices') or set ('set'); one of the two is needed")
		}
	})
	return t
}

func (l *loader) choice(c *Choice) table {
	return table{
		"key":      {need: true, doc: "one of 0-9 * #", value: l.key(&c.Key)},
		"language": {need: true, doc: "one of the menu's languages", value: l.lang(&c.Language)},
		"say":      {need: true, doc: "the offer, said in that language", value: l.prompts(&c.Say)},
	}
}
