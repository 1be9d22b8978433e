package tree

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"hotline/internal/source"
)

// dtmf is the keys of a telephone, as menus write them (RFC 4733 knows A to D besides,
// which no caller has).
const dtmf = "0123456789*#"

// globalKey is a key that may mean the same everywhere.
const globalKey = `^[0-9*#]{1,2}$`

var isGlobalKey = regexp.MustCompile(globalKey)

const (
	menuName = `^[^\s"'“”‘’：，]+$`
	number   = `^[+*#]?[0-9*#]+$`
)

var (
	isMenuName = regexp.MustCompile(menuName)
	isNumber   = regexp.MustCompile(number)
)

// each is a list of texts of a certain form. One of another form is not kept: whatever
// goes by the list would be called wrong as well.
func each(to *[]string, form string, is *regexp.Regexp, rule, meant, example string) value {
	one := ""
	item := pattern(&one, form, is, rule, meant)
	return list(item.also(func(source.Node) {
		if is.MatchString(one) {
			*to = append(*to, one)
		}
	}), example)
}

// presets are global keys in one word. iso13714 follows ISO/IEC 13714:1995: * steps
// back, 0 asks for a person, 9 ends the call (and 1 is yes, 2 no, as everywhere here).
var presets = map[string]map[string]Meaning{
	"default":  {"*": Back, "**": Main, "#": Repeat, "0": Agent},
	"iso13714": {"*": Back, "0": Agent, "9": Bye},
}

// head is the keys of a menu's own file.
func (l *loader) head() table {
	t := l.tree
	h := l.part(nil)
	h["menu"] = field{pattern(&t.Name, menuName, isMenuName, "name", "a name without blanks and quotes"), true, "the menu's name; it appears in the journal"}
	h["dialled"] = field{each(&t.Dialled, number, isNumber, "dialled", "a number as callers dial it", `a number that leads here, e.g. dialled: ["10086"]`).also(func(n source.Node) { t.DialledAt = n.Pos() }), true,
		"the numbers that lead here"}
	h["languages"] = field{each(&t.Languages, language, isLanguage, "language", "a language such as zh or en", "a language, e.g. languages: [zh]").also(func(n source.Node) { t.LanguagesAt = n.Pos() }), true,
		"the languages of its prompts; the first is the default"}
	h["start"] = field{l.to(&t.Start), true, "the first node, a menu"}
	h["agent"] = field{l.to(&t.Agent), false, "the node that the global key \"agent\" leads to, a transfer"}
	h["services"] = field{named("file", func(n source.Node) {
		if f, ok := l.beside(n); ok {
			l.parts.catalogue = append(l.parts.catalogue, f)
		}
	}), false, "the file of the service catalogue, beside this one"}
	h["calendars"] = field{l.calendars(), false, "hours by name: a file beside this one, or a mapping"}
	h["keys"] = field{l.keys(), false, "keys that mean the same everywhere, or the name of a usual set of them"}
	h["speed_dial"] = field{l.speedDial(), false, "the key before and after a code at the first menu"}
	h["timeouts"] = field{l.timeouts(&l.limits), false, "how long a caller may think"}
	h["retries"] = field{l.retries(&l.limits), false, "further attempts after an error"}
	h["barge_in"] = field{flag(&l.bargeIn), false, "whether a key cuts an announcement short (true)"}
	return h
}

// keys reads a mapping of keys to their meanings, or the name of a preset.
func (l *loader) keys() value {
	meaning := func(n source.Node) Meaning {
		return Meaning(n.OneOf(string(Back), string(Main), string(Repeat), string(Agent), string(Bye)))
	}
	one := func(k, v source.Node) {
		key := k.Scalar()
		if key == "" && !k.Is("") {
			return // said already
		}
		if !isGlobalKey.MatchString(key) {
			k.Report("key", "%q is not one or two of the keys %s", key, dtmf)
			l.torn = true
			return
		}
		if l.tree.Keys[key] = meaning(v); l.tree.Keys[key] == "" {
			l.torn = true
		}
		l.globals[key] = k
	}
	return value{func(n source.Node) {
		if n.IsObject() {
			n.Entries(one)
			return
		}
		preset := presets[n.OneOf(sorted(presets)...)]
		l.torn = l.torn || preset == nil
		for key, m := range preset {
			l.tree.Keys[key] = m
			l.globals[key] = n
		}
	}, func() schema {
		return schema{"anyOf": []schema{{"enum": sorted(presets)}, {
			"type": "object", "propertyNames": schema{"pattern": globalKey},
			"additionalProperties": schema{"enum": []Meaning{Back, Main, Repeat, Agent, Bye}}}}}
	}}
}

// speedDial reads the key of speed dial. No digit can be one: a code is made of them.
func (l *loader) speedDial() value {
	return word(&l.tree.SpeedDial, "#", "*").also(func(n source.Node) { l.speed = n })
}

func (l *loader) timeouts(to *Limits) value {
	return object(func() table {
		return table{
			"first_digit": {doc: "after an announcement, before the first key; 1s to 1m (6s)", value: duration(&to.FirstDigit, time.Second, time.Minute)},
			"inter_digit": {doc: "after a key that may be the first of two; 300ms to 20s (1500ms)", value: duration(&to.InterDigit, 300*time.Millisecond, 20*time.Second)},
			"entry_digit": {doc: "between the keys of an entry; 1s to 20s (4s)", value: duration(&to.EntryDigit, time.Second, 20*time.Second)},
		}
	})
}

func (l *loader) retries(to *Limits) value {
	return object(func() table {
		return table{
			"no_input": {doc: "further attempts after silence (2)", value: whole(&to.NoInput, 0, 9)},
			"invalid":  {doc: "further attempts after a key that means nothing (2)", value: whole(&to.Invalid, 0, 9)},
			"total":    {doc: "further attempts in all, however the errors are mixed (3)", value: whole(&to.Total, 0, 9)},
			"then": {doc: "the transfer that the caller goes to after the last attempt; left out: goodbye",
				value: l.to(&to.Then).also(func(n source.Node) { l.then = append(l.then, link{to.Then, n}) })},
		}
	})
}

// to reads the id of a node, which must exist at the end: it may stand further down, or
// in a file that has not been read yet.
func (l *loader) to(id *string) value {
	return named("to", func(n source.Node) {
		if *id = n.Scalar(); *id == "" {
			l.torn = true
			if n.Is("") && !n.IsNothing() {
				n.Report("dangling", "name a node here")
			}
			return
		}
		l.links = append(l.links, link{*id, n})
	})
}

// linkGlobals holds the global keys, and speed dial, to what is asked for elsewhere.
func (l *loader) linkGlobals() {
	t := l.tree
	asked := l.askedKeys()
	for _, key := range sorted(l.globals) {
		k := l.globals[key]
		if t.Keys[key] == Agent && t.Agent == "" {
			k.Report("agent", "key %s asks for a person, but the menu has no 'agent: NODE'", key)
			l.torn = true
		}
		if what := asked[key]; what != "" {
			k.Report("reserved-key", "key %s %s; it cannot mean something else everywhere", key, what)
		}
		if len(key) == 2 && t.SpeedDial != "" && strings.HasPrefix(key, t.SpeedDial) {
			k.Report("reserved-key", "key %s begins with %s, as codes do (see 'speed_dial')", key, t.SpeedDial)
		}
	}
	if t.SpeedDial == "" {
		return
	}
	if len(t.Codes) == 0 && len(t.Nodes) > 0 && !l.lost {
		l.speed.Report("speed-dial", "no node can be dialled: codes are the names of nodes that are made of digits only")
	}
	if start := t.Nodes[t.Start]; start != nil && start.Menu != nil {
		for _, o := range start.Menu.Options {
			if o.Key == t.SpeedDial {
				l.report(o.Pos, "reserved-key", "key %q begins a code at the first menu (see 'speed_dial')", o.Key)
			}
		}
	}
}

// askedKeys are the keys with a meaning of their own somewhere, other than an option's.
// A global key would win over them without a word, and an order could not be declined.
func (l *loader) askedKeys() map[string]string {
	asked := map[string]string{}
	for _, n := range l.tree.Nodes {
		switch {
		case n.Survey != nil:
			for _, key := range []string{"3", "4", "5"} {
				asked[key] = "is a rating in a survey"
			}
			fallthrough
		case n.Transfer != nil && n.Transfer.Callback, n.Collect != nil && n.Collect.ReadBack, n.Order != nil && n.Order.Confirm:
			for _, key := range []string{"1", "2"} {
				asked[key] = "answers a question with yes or no, or a survey"
			}
		}
	}
	return asked
}

func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
