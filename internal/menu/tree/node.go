package tree

import (
	"regexp"
	"slices"
	"strings"

	"hotline/internal/orders"
	"hotline/internal/prompts"
	"hotline/internal/source"
)

// nodeTypes are the types of node; each reads its own keys besides the common ones.
var nodeTypes = map[string]func(*loader, *Node, map[string]source.Field){
	"menu":     (*loader).menuFields,
	"say":      (*loader).sayFields,
	"order":    (*loader).orderFields,
	"query":    (*loader).queryFields,
	"transfer": (*loader).transferFields,
	"hangup":   (*loader).hangupFields,
}

// laterTypes belong to the language, but this version does not know them yet.
var laterTypes = []string{"collect", "auth", "switch", "survey", "language", "service"}

// node reads one node. Its type comes first, since the type says which keys it may have.
func (l *loader) node(k, v source.Node) {
	n := &Node{ID: k.Scalar(), Pos: k.Pos(), BargeIn: l.bargeIn, Limits: l.limits}
	if n.ID == "" || strings.ContainsAny(n.ID, " \t\n") {
		k.Report("node", "a node's name is not empty and has no blanks")
		return
	}
	l.tree.Nodes[n.ID] = n
	if !v.IsObject() {
		v.Report("type", "a node is a mapping that begins with 'type:'")
		return
	}
	n.Type = l.nodeType(v)
	fields := map[string]source.Field{
		"type":     {Required: true, Read: func(source.Node) {}},
		"barge_in": {Read: func(v source.Node) { n.BargeIn = v.Bool() }},
		"note":     {Read: func(v source.Node) { v.Text() }},
	}
	if read := nodeTypes[n.Type]; read != nil {
		read(l, n, fields)
		v.Object(fields)
	}
	if n.Order != nil && n.Order.Confirm {
		l.confirms = true
		l.spoken(v, "1")
		l.spoken(v, "2")
	}
}

func (l *loader) nodeType(v source.Node) string {
	known := []string{"menu", "say", "order", "query", "transfer", "hangup"}
	typ, found := "", false
	v.Peek("type", func(t source.Node) {
		found = true
		for _, later := range laterTypes {
			if t.Is(later) {
				t.Report("type", "nodes of type %q are not in this version (known: %s)", later, strings.Join(known, ", "))
				return
			}
		}
		typ = t.OneOf(known...)
	})
	if !found {
		v.Report("missing-key", "key \"type\" is missing (known types: %s)", strings.Join(known, ", "))
	}
	return typ
}

// askFields are the keys of nodes that ask the caller something.
func (l *loader) askFields(n *Node, f map[string]source.Field) {
	f["timeouts"] = source.Field{Read: func(v source.Node) { l.timeouts(v, &n.Limits) }}
	f["retries"] = source.Field{Read: func(v source.Node) { l.retries(v, &n.Limits) }}
}

func (l *loader) menuFields(n *Node, f map[string]source.Field) {
	m := &Menu{}
	n.Menu = m
	l.askFields(n, f)
	f["greeting"] = source.Field{Read: l.refs(&m.Greeting)}
	f["say"] = source.Field{Read: l.refs(&m.Intro)}
	f["hint"] = source.Field{Read: l.refs(&m.Hint)}
	f["handling"] = source.Field{Read: func(v source.Node) { m.Handling = v.Bool() }}
	f["options"] = source.Field{Required: true, Read: func(v source.Node) {
		lines := map[string]int{}
		v.List(func(v source.Node) {
			o := l.option(v)
			if line, taken := lines[o.Key]; taken && o.Key != "" {
				v.Report("duplicate-option", "key %q is taken by the option on line %d", o.Key, line)
				return
			}
			lines[o.Key] = v.Pos().Line
			m.Options = append(m.Options, o)
		})
		if !slices.ContainsFunc(m.Options, func(o Option) bool { return !o.Quiet }) {
			v.Report("options", "a menu announces at least one option")
		}
	}}
}

func (l *loader) option(v source.Node) Option {
	o := Option{Pos: v.Pos()}
	v.Object(map[string]source.Field{
		"key": {Required: true, Read: func(v source.Node) {
			o.Key = v.Scalar()
			switch {
			case len(o.Key) != 1 || !strings.Contains(dtmf, o.Key):
				v.Report("key", "an option's key is one of %s, found %q", dtmf, o.Key)
				o.Key = ""
			case l.tree.Keys[o.Key] != "":
				v.Report("reserved-key", "key %q means %q everywhere in this menu (see 'keys')", o.Key, l.tree.Keys[o.Key])
			default:
				l.spoken(v, o.Key)
			}
		}},
		"say":   {Required: true, Read: l.refs(&o.Label)},
		"to":    {Required: true, Read: l.to(&o.To)},
		"quiet": {Read: func(v source.Node) { o.Quiet = v.Bool() }},
	})
	return o
}

// spoken checks that a key's name can be said.
func (l *loader) spoken(v source.Node, key string) {
	if id := KeyRef(key).ID; l.hasPrompt != nil && !l.hasPrompt(id) {
		v.Report("missing-prompt", "no text for prompt %q, which says this key; write it into the prompts folder", id)
	}
}

func (l *loader) sayFields(n *Node, f map[string]source.Field) {
	n.Say = &Say{}
	f["say"] = source.Field{Required: true, Read: l.refs(&n.Say.Refs)}
	f["then"] = source.Field{Read: l.to(&n.Say.Then)}
}

func (l *loader) orderFields(n *Node, f map[string]source.Field) {
	o := &Order{Confirm: true}
	n.Order = o
	l.askFields(n, f)
	f["service"] = source.Field{Required: true, Read: l.serviceID(&o.Service)}
	f["action"] = source.Field{Required: true, Read: func(v source.Node) {
		o.Action = orders.Action(v.OneOf(string(orders.Open), string(orders.Close)))
	}}
	f["confirm"] = source.Field{Read: func(v source.Node) { o.Confirm = v.Bool() }}
	f["then"] = source.Field{Read: l.to(&o.Then)}
}

// serviceID reads the id of a service in the catalogue.
func (l *loader) serviceID(to *string) func(source.Node) {
	return func(v source.Node) {
		*to = v.Text()
		if _, there := l.tree.Services[*to]; !there && !l.blind {
			v.Report("dangling", "no service %q in the service catalogue (see 'services')", *to)
		}
	}
}

func (l *loader) queryFields(n *Node, f map[string]source.Field) {
	q := &Query{}
	n.Query = q
	f["query"] = source.Field{Required: true, Read: func(v source.Node) { q.Name = v.Text() }}
	f["service"] = source.Field{Read: l.serviceID(&q.Service)}
	f["answer"] = source.Field{Required: true, Read: func(v source.Node) {
		v.List(func(v source.Node) { q.Answer = append(q.Answer, l.part(v)) })
		if len(q.Answer) == 0 {
			v.Report("empty", "an answer says something; name at least one prompt or value")
		}
	}}
	f["then"] = source.Field{Read: l.to(&q.Then)}
}

// part reads a piece of an answer: a prompt, {money: value}, {number: value},
// {digits: value}, or {word: value, is: {word: prompt, …}}.
func (l *loader) part(v source.Node) Part {
	if !v.IsObject() {
		return Part{Ref: l.prompt(v)}
	}
	var p Part
	values := 0
	value := func(r prompts.Reading) source.Field {
		return source.Field{Read: func(v source.Node) {
			values++
			p.Value, p.Ref.Read = v.Text(), r
		}}
	}
	fields := map[string]source.Field{
		"word": value(prompts.Say),
		"is": {Read: func(v source.Node) {
			p.Words = map[string]prompts.Ref{}
			v.Entries(func(k, v source.Node) { p.Words[k.Scalar()] = l.prompt(v) })
		}},
	}
	for _, r := range []prompts.Reading{prompts.Money, prompts.Number, prompts.Digits} {
		fields[string(r)] = value(r)
	}
	v.Object(fields)
	if values != 1 || (len(p.Words) > 0) != (p.Ref.Read == prompts.Say) {
		v.Report("answer", "a value is {money: NAME}, {number: NAME}, {digits: NAME} or {word: NAME, is: {WORD: prompt}}")
	}
	return p
}

// queueName is what the dialplan's context for agents takes as an extension; any
// other name would end the call.
var queueName = regexp.MustCompile(`^[a-z][a-z0-9_-]+$`)

func (l *loader) transferFields(n *Node, f map[string]source.Field) {
	n.Transfer = &Transfer{}
	f["queue"] = source.Field{Required: true, Read: func(v source.Node) {
		if n.Transfer.Queue = v.Text(); !queueName.MatchString(n.Transfer.Queue) {
			v.Report("queue", "a queue is named by two or more of a-z, 0-9, _ and -, beginning with a letter, as in the dialplan; found %q", n.Transfer.Queue)
		}
	}}
	f["say"] = source.Field{Read: l.refs(&n.Transfer.Say)}
	f["else"] = source.Field{Read: l.to(&n.Transfer.Else)}
}

func (l *loader) hangupFields(n *Node, f map[string]source.Field) {
	n.Hangup = &Hangup{}
	f["say"] = source.Field{Required: true, Read: l.refs(&n.Hangup.Say)}
}
