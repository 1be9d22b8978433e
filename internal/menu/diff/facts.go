package diff

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"hotline/internal/menu/graph"
	"hotline/internal/menu/tree"
	"hotline/internal/orders"
	"hotline/internal/prompts"
	"hotline/internal/source"
)

// fact is one property of a node, a service or a calendar: compared by same, shown
// as show. A fact of the zero value is none.
type fact struct {
	path string // "Limits.NoInput", "Switch.Cases[全球通]"
	same string // what it is, apart from how it is worded
	show string
}

// flat lists the facts of a struct, whatever fields it has: a property that the
// language gets later is compared from its first day.
// under goes before their paths, where they might be taken for others.
func (s *side) flat(under string, of any) []fact {
	v := reflect.ValueOf(of)
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return nil
	}
	var facts []fact
	s.flatten(reflect.Indirect(v), under, &facts)
	return facts
}

const yes = "yes" // a bool that is set

// apart are fields that are compared in a way of their own, or that no caller notices.
var apart = []string{"ID", "Waive", "Serves", "Menu.Options", "Type", "Service.ID", "Service.Price", "Service.Code"}

func (s *side) flatten(v reflect.Value, path string, to *[]fact) {
	if v.IsZero() || slices.Contains(apart, path) {
		return
	}
	add := func(same, show string) { *to = append(*to, fact{path, same, show}) }
	switch x := v.Interface().(type) {
	case source.Pos:
		return
	case prompts.Ref:
		s.use(x)
		add(x.String(), s.words([]prompts.Ref{x}))
		return
	case []prompts.Ref:
		s.use(x...)
		add(prompts.Join(x), s.words(x))
		return
	case []tree.Part:
		add(s.parts(x, prompts.Join), s.parts(x, s.words))
		return
	case []tree.Span:
		text := spans(x)
		add(text, text)
		return
	case time.Duration, orders.Money:
		add(fmt.Sprint(x), fmt.Sprint(x))
		return
	case []tree.Choice:
		for _, choice := range x {
			s.flatten(reflect.ValueOf(choice.Language), path+"["+choice.Key+"]", to)
			s.flatten(reflect.ValueOf(choice.Say), path+"["+choice.Key+"].Say", to)
		}
		return
	}
	s.flattenKind(v, path, to)
}

func (s *side) flattenKind(v reflect.Value, path string, to *[]fact) {
	switch v.Kind() {
	case reflect.Pointer:
		s.flatten(v.Elem(), path, to)
	case reflect.Struct:
		for i := range v.NumField() {
			if !v.Type().Field(i).IsExported() {
				continue // what a type keeps to itself, callers do not notice
			}
			s.flatten(v.Field(i), strings.TrimPrefix(path+"."+v.Type().Field(i).Name, "."), to)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			at := fmt.Sprintf("%s[%v]", path, key)
			if value := v.MapIndex(key); value.Kind() == reflect.Slice && value.Len() == 0 {
				*to = append(*to, fact{at, "none", "none"}) // a holiday: no hours at all
				continue
			}
			s.flatten(v.MapIndex(key), at, to)
		}
	case reflect.Array:
		for i := range v.Len() {
			s.flatten(v.Index(i), fmt.Sprintf("%s[%v]", path, time.Weekday(i)), to)
		}
	case reflect.Slice:
		texts := make([]string, v.Len())
		for i := range texts {
			texts[i] = fmt.Sprint(v.Index(i))
		}
		*to = append(*to, fact{path, join(texts), join(texts)})
	default:
		text := fmt.Sprint(v)
		if v.Kind() == reflect.Bool {
			text = yes
		}
		*to = append(*to, fact{path, text, text})
	}
}

// use notes the prompts that the menu can say.
func (s *side) use(refs ...prompts.Ref) {
	for _, r := range refs {
		if r.Read == prompts.Say {
			s.used[r.ID] = true
		}
	}
}

func (s *side) parts(parts []tree.Part, write func([]prompts.Ref) string) string {
	texts := make([]string, len(parts))
	for i, p := range parts {
		switch {
		case p.Value == "":
			s.use(p.Ref)
			texts[i] = write([]prompts.Ref{p.Ref})
		case p.Services:
			s.use(p.Ref)
			texts[i] = "{services " + p.Value + ", or " + write([]prompts.Ref{p.Ref}) + "}"
		case p.Words != nil:
			var words []string
			for _, w := range keysOf(p.Words, nil) {
				s.use(p.Words[w])
				words = append(words, w+": "+write([]prompts.Ref{p.Words[w]}))
			}
			texts[i] = "{" + p.Value + " as " + join(words) + "}"
		default:
			texts[i] = "{" + p.Value + " as " + strings.TrimSpace(string(p.Ref.Read)+" "+p.Ref.In) + "}"
		}
	}
	return strings.Join(texts, " ")
}

func spans(all []tree.Span) string {
	texts := make([]string, len(all))
	for i, s := range all {
		texts[i] = fmt.Sprintf("%02d:%02d-%02d:%02d", s.From/60, s.From%60, s.To/60, s.To%60)
	}
	return join(texts)
}

func join(texts []string) string { return strings.Join(texts, ", ") }

// facts compares the facts of one thing.
func (c *comparison) facts(g Group, where string, old, new []fact) {
	was, is := map[string]fact{}, map[string]fact{}
	for _, f := range old {
		was[f.path] = f
	}
	for _, f := range new {
		is[f.path] = f
	}
	for _, path := range keysOf(was, is) {
		a, b := was[path], is[path]
		if leadsToNode(path) {
			a.same = c.now(a.same)
		}
		// The same words under another id are no change, and other words under the
		// same id are told once, among the prompts.
		if a.same == b.same || a.show == b.show {
			continue
		}
		c.add(groupOf(path, g), where, aspect(path), orNo(a.show, b.show), orNo(b.show, a.show))
	}
}

// orNo is what stands against a yes.
func orNo(show, other string) string {
	if show == "" && other == yes {
		return "no"
	}
	return show
}

// node compares two nodes that are the same to callers.
func (c *comparison) node(was, is *tree.Node) {
	where := c.new.name(is.ID)
	if was.Menu != nil && is.Menu != nil {
		c.options(where, was.Menu.Options, is.Menu.Options)
	}
	old, new := c.old.flat("", was), c.new.flat("", is)
	if !graph.Asks(was) || !graph.Asks(is) { // then it had or has no use for limits, though it has them
		limit := func(f fact) bool { return strings.HasPrefix(f.path, "Limits.") }
		old, new = slices.DeleteFunc(old, limit), slices.DeleteFunc(new, limit)
	}
	c.facts(Course, where, old, new)
}

// options compares what can be chosen, by where it leads.
func (c *comparison) options(where string, old, new []tree.Option) {
	for _, o := range old {
		c.old.use(o.Label...)
		c.old.use(tree.KeyRef(o.Key))
	}
	left := slices.Clone(old)
	for _, o := range new {
		c.new.use(o.Label...)
		c.new.use(tree.KeyRef(o.Key))
		label := c.new.words(o.Label)
		i := c.sameOption(left, o)
		if i < 0 {
			c.add(Keys, where, fmt.Sprintf("key %s is new", o.Key), "", label)
			continue
		}
		was := left[i]
		left = slices.Delete(left, i, i+1)
		if was.Key != o.Key {
			c.add(Keys, where, fmt.Sprintf("%q is on key", label), was.Key, o.Key)
		}
		if before := c.old.words(was.Label); prompts.Join(was.Label) != prompts.Join(o.Label) && before != label {
			c.add(Spoken, where, fmt.Sprintf("key %s is offered as", o.Key), before, label)
		}
		if was.Quiet != o.Quiet {
			c.add(Keys, where, fmt.Sprintf("key %s (%s)", o.Key, label), announced(was), announced(o))
		}
	}
	for _, o := range left {
		c.add(Keys, where, fmt.Sprintf("key %s is gone", o.Key), c.old.words(o.Label), "")
	}
	if a, b := c.spokenOrder(old, true), c.spokenOrder(new, false); a != b && sorted(a) == sorted(b) {
		c.add(Spoken, where, "order of what is offered", a, b)
	}
}

func announced(o tree.Option) string {
	if o.Quiet {
		return "not announced"
	}
	return "announced"
}

// sameOption finds the option that leads where o does, rather with the same key.
func (c *comparison) sameOption(among []tree.Option, o tree.Option) int {
	best := -1
	for i, a := range among {
		if c.now(a.To) != o.To {
			continue
		}
		if a.Key == o.Key {
			return i
		}
		if best < 0 {
			best = i
		}
	}
	return best
}

// spokenOrder are the nodes of the announced options, as they are called now.
func (c *comparison) spokenOrder(options []tree.Option, old bool) string {
	var to []string
	for _, o := range options {
		switch {
		case o.Quiet:
		case old:
			to = append(to, c.now(o.To))
		default:
			to = append(to, o.To)
		}
	}
	return join(to)
}

func sorted(list string) string {
	return join(slices.Sorted(slices.Values(strings.Split(list, ", "))))
}
