package tree

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"hotline/internal/prompts"
	"hotline/internal/source"
)

// nodeType is a type of node: its own keys besides the common ones, and what it is for.
type nodeType struct {
	doc  string
	keys func(*loader, *Node) table
}

// nodeTypes are the types of node.
func nodeTypes() map[string]nodeType {
	return map[string]nodeType{
		"menu":     {"offers options", (*loader).menu},
		"say":      {"announces something and goes on", (*loader).say},
		"collect":  {"asks for an entry", (*loader).collect},
		"auth":     {"asks for the service password", (*loader).auth},
		"order":    {"opens or closes a service, or does something with the service password", (*loader).order},
		"query":    {"asks the BOSS something and says the answer", (*loader).query},
		"switch":   {"goes where the facts lead", (*loader).switches},
		"transfer": {"hands the caller to a person", (*loader).transfer},
		"survey":   {"asks for a rating from 1 to 5", (*loader).survey},
		"language": {"asks for a language, or sets one", (*loader).language},
		"service":  {"stands for the menu of a service with its verbs, from the catalogue", (*loader).serviceMenu},
		"hangup":   {"says goodbye and ends the call", (*loader).hangup},
	}
}

// node reads one node. Its type comes first, since the type says which keys it may have.
// One that is broken stays in the tree all the same, or whatever leads to it would be
// said to lead nowhere.
func (l *loader) node(k, v source.Node) {
	n := &Node{ID: k.Scalar(), Pos: k.Pos(), BargeIn: l.bargeIn, Limits: l.limits}
	switch {
	case n.ID == "" && !k.Is(""): // said already
		l.torn = true
		return
	case n.ID == "" || strings.ContainsAny(n.ID, " \t\n"):
		k.Report("node", "a node's name is not empty and has no blanks")
		return
	}
	if other := l.tree.Nodes[n.ID]; other != nil {
		k.Report("duplicate-node", "node %q stands in another file already (%s)", n.ID, other.Pos)
		return
	}
	l.tree.Nodes[n.ID] = n
	if !v.IsObject() {
		v.Report("type", "a node is a mapping that begins with 'type:'")
		return
	}
	known := nodeTypes()
	typ, found := "", false
	v.Peek("type", func(t source.Node) { typ, found = t.OneOf(sorted(known)...), true })
	if !found {
		v.Report("missing-key", "key \"type\" is missing (known types: %s)", strings.Join(sorted(known), ", "))
	}
	if n.Type = typ; typ == "" {
		return
	}
	l.after = nil
	l.keysOf(typ, n).read(v)
	for _, check := range l.after {
		check(v)
	}
	l.keysSaid(n, v)
	if n.asks() {
		return
	}
	for _, key := range sorted(l.asking(n)) { // an order without a confirmation, a language that is set
		v.Peek(key, func(source.Node) {
			v.Report("unasked", "this node asks nothing, so %q would have no effect; leave it out", key)
		})
	}
}

// keysOf is all the keys of a node of a type.
func (l *loader) keysOf(typ string, n *Node) table {
	t := nodeTypes()[typ].keys(l, n)
	maps.Copy(t, l.common(n))
	return t
}

// later checks, once a node has been read, what depends on several of its keys.
func (l *loader) later(check func(source.Node)) { l.after = append(l.after, check) }

// rule is how a rule is named.
const rule = `^[a-z]+(-[a-z]+)*$`

var isRule = regexp.MustCompile(rule)

// common is the keys that every node may have.
func (l *loader) common(n *Node) table {
	return table{
		"type":     {need: true, value: value{func(source.Node) {}, func() schema { return schema{"enum": sorted(nodeTypes())} }}},
		"barge_in": {doc: "whether a key cuts its announcements short", value: flag(&n.BargeIn)},
		"note":     {doc: "for its readers", value: text(new(string))},
		"waive": {doc: "rules of guidance that do not hold here, each with the reason", value: value{func(v source.Node) {
			n.Waive = map[string]string{}
			v.Entries(func(k, v source.Node) {
				if name := k.Scalar(); name != "" && !isRule.MatchString(name) {
					k.Report("waive", "%q is no name of a rule; it stands in brackets after each message", name)
				} else {
					n.Waive[name] = v.Text()
				}
			})
		}, func() schema {
			return schema{"type": "object", "propertyNames": schema{"pattern": rule}, "additionalProperties": text(nil).is()}
		}}},
	}
}

// asking is the keys of nodes that ask the caller something.
func (l *loader) asking(n *Node) table {
	return table{
		"timeouts": {doc: "other than the file's", value: l.timeouts(&n.Limits)},
		"retries":  {doc: "other than the file's", value: l.retries(&n.Limits)},
		"again":    {doc: "said instead of the whole question at a further attempt", value: l.prompts(&n.Again)},
		"no_input": {doc: "said after silence instead of the phrase; a list goes by attempt", value: l.prompts(&n.NoInput)},
		"invalid":  {doc: "said after a key that means nothing instead of the phrase; a list goes by attempt", value: l.prompts(&n.Invalid)},
	}
}

// asks tells whether a node waits for the caller's keys, and so may give up.
func (n *Node) asks() bool {
	return n.Menu != nil || n.Collect != nil || n.Auth != nil || n.Survey != nil ||
		n.Order != nil && n.Order.Confirm || n.Language != nil && n.Language.Set == ""
}

func (l *loader) menu(n *Node) table {
	m := &Menu{}
	n.Menu = m
	t := l.asking(n)
	t["greeting"] = field{l.prompts(&m.Greeting), false, "said on the first visit of a call only"}
	t["say"] = field{l.prompts(&m.Intro), false, "said before the options, every time"}
	t["hint"] = field{l.prompts(&m.Hint), false, "said after the options"}
	t["handling"] = field{flag(&m.Handling), false, "who comes here is about to do business, and is counted as such from here on"}
	options := func(v source.Node) {
		lines := map[string]int{}
		v.List(func(v source.Node) {
			o := Option{Pos: v.Pos()}
			l.option(&o).read(v)
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
	}
	t["options"] = field{value{options, func() schema {
		return schema{"type": "array", "items": l.option(&Option{}).schema(), "minItems": 1}
	}}, true, "in the order in which they are said"}
	return t
}

func (l *loader) option(o *Option) table {
	return table{
		"key":   {need: true, doc: "one of 0-9 * #", value: l.key(&o.Key)},
		"say":   {need: true, doc: "what it is for; spoken as this, \"press\", the key", value: l.prompts(&o.Label)},
		"to":    {need: true, doc: "the node that it leads to", value: l.to(&o.To)},
		"quiet": {doc: "works without being said", value: flag(&o.Quiet)},
	}
}

// key reads one key that does not mean something else everywhere.
func (l *loader) key(to *string) value {
	return named("key", func(v source.Node) {
		*to = v.Scalar()
		switch {
		case *to == "": // said already
		case len(*to) != 1 || !strings.Contains(dtmf, *to):
			v.Report("key", "an option's key is one of %s, found %q", dtmf, *to)
			*to = ""
		case l.tree.Keys[*to] != "":
			v.Report("reserved-key", "key %q means %q everywhere in this menu (see 'keys')", *to, l.tree.Keys[*to])
			*to = ""
		default:
			l.spoken(v, *to)
		}
	})
}

// spoken checks that a key's name can be said.
func (l *loader) spoken(v source.Node, key string) {
	if id := KeyRef(key).ID; l.hasPrompt != nil && !l.hasPrompt(id) {
		v.Report("missing-prompt", "no text for prompt %q, which says this key; write it into the prompts folder", id)
	}
}

// keysSaid checks that the keys of a question with yes and no can be said: no option
// names them.
func (l *loader) keysSaid(n *Node, v source.Node) {
	if n.Order != nil && n.Order.Confirm || n.Collect != nil && n.Collect.ReadBack || n.Transfer != nil && n.Transfer.Callback {
		l.spoken(v, "1")
		l.spoken(v, "2")
	}
}

func (l *loader) say(n *Node) table {
	n.Say = &Say{}
	return table{
		"say":  {need: true, doc: "what is said", value: l.prompts(&n.Say.Refs)},
		"then": {doc: "the next node; left out: the menu that the caller came from", value: l.to(&n.Say.Then)},
	}
}

// queueName is what the dialplan's context for agents takes as an extension; any
// other name would end the call.
const queueName = `^[a-z][a-z0-9_-]+$`

var isQueueName = regexp.MustCompile(queueName)

func (l *loader) transfer(n *Node) table {
	t := &Transfer{}
	n.Transfer = t
	var by string
	return table{
		"queue": {need: true, doc: "the extension of the dialplan's context for agents", value: text(&t.Queue).also(func(v source.Node) {
			t.QueueAt = v.Pos()
			if (t.Queue != "" || v.Is("")) && !isQueueName.MatchString(t.Queue) {
				v.Report("queue", "a queue is named by two or more of a-z, 0-9, _ and -, beginning with a letter, as in the dialplan; found %q", t.Queue)
			}
		}).instead(schema{"type": "string", "pattern": queueName})},
		"say":      {doc: "said before, instead of the phrase \"transfer\"", value: l.prompts(&t.Say)},
		"priority": {doc: "star: callers with more stars are served first", value: word(&by, "star").also(func(source.Node) { t.Priority = by != "" })},
		"hours":    {doc: "the calendar of those who answer; left out: always", value: l.calendarName(&t.Hours)},
		"callback": {doc: "where nobody answers, offer to call back", value: flag(&t.Callback)},
		"then":     {doc: "the next node after the person; left out: the menu that the caller came from", value: l.to(&t.Then)},
		"else":     {doc: "the next node where nobody answers; left out: the menu that the caller came from", value: l.to(&t.Else)},
	}
}

func (l *loader) hangup(n *Node) table {
	n.Hangup = &Hangup{}
	return table{"say": {need: true, doc: "the goodbye", value: l.prompts(&n.Hangup.Say)}}
}

// prompt reads a prompt: its id, or {say: ID, in: LANGUAGE}, said in that language
// whatever the call's is. It must exist.
func (l *loader) prompt(n source.Node) prompts.Ref {
	if n.IsObject() {
		var ref prompts.Ref
		l.promptIn(&ref).read(n)
		return ref
	}
	id := n.Text()
	l.written(n, id)
	return prompts.Prompt(id)
}

func (l *loader) promptIn(to *prompts.Ref) table {
	return table{
		"say": {need: true, doc: "the prompt", value: text(&to.ID).also(func(n source.Node) { l.written(n, to.ID) })},
		"in":  {need: true, doc: "the language that it is said in, whatever the call's is", value: l.lang(&to.In)},
	}
}

// written checks that a prompt has a text.
func (l *loader) written(n source.Node, id string) {
	if id != "" && l.hasPrompt != nil && !l.hasPrompt(id) {
		n.Report("missing-prompt", "no text for prompt %q; write it into the prompts folder", id)
	}
}

// lang reads one of the file's languages.
func (l *loader) lang(to *string) value {
	return text(to).also(func(n source.Node) {
		if *to != "" && len(l.tree.Languages) > 0 && !slices.Contains(l.tree.Languages, *to) {
			n.Report("language", "%q is none of this menu's languages (%s)", *to, strings.Join(l.tree.Languages, ", "))
		}
	})
}

func (l *loader) one(to *prompts.Ref) value {
	return named("prompt", func(n source.Node) { *to = l.prompt(n) })
}

// prompts reads one prompt or a list of them.
func (l *loader) prompts(to *[]prompts.Ref) value {
	item := named("prompt", func(n source.Node) { *to = append(*to, l.prompt(n)) })
	v := either(item, list(item, "one prompt, or leave the key out"))
	v.is = func() schema { return schema{"$ref": "#/definitions/prompts"} }
	return v
}
