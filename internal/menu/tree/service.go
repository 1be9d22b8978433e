package tree

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"hotline/internal/orders"
	"hotline/internal/prompts"
	"hotline/internal/source"
)

// The verbs of a service, as its menu offers them.
const (
	verbOpen      = "open"
	verbClose     = "close"
	verbIntroduce = "introduce"
	verbStatus    = "status"
)

// service reads an entry of the service catalogue.
func (l *loader) service(k, v source.Node) {
	s := &Service{ID: k.Scalar(), Pos: k.Pos(), Names: map[string]string{}}
	if s.ID == "" {
		return
	}
	if !isName.MatchString(s.ID) {
		k.Report("name", "service %q is not made of a-z, 0-9 and _, beginning with a letter", s.ID)
	}
	l.entry(s).read(v)
	if s.Say.ID == "" && v.IsObject() {
		s.Say = prompts.Prompt("svc." + s.ID)
		l.defaults(k, s.Say, "say")
	}
	if len(s.Intro) == 0 && slices.Contains(s.Verbs, verbIntroduce) {
		s.Intro = []prompts.Ref{prompts.Prompt("intro." + s.ID)}
		l.defaults(k, s.Intro[0], "intro")
	}
	for _, id := range sorted(l.tree.Services) {
		if other := l.tree.Services[id]; s.Code != "" && other.Code == s.Code {
			v.Peek("code", func(n source.Node) {
				n.Report("duplicate-code", "code %q is that of service %q already (line %d)", s.Code, id, other.Pos.Line)
			})
			s.Code = "" // which node has it cannot be told
		}
	}
	l.tree.Services[s.ID] = s
}

// defaults checks that what a service says without being told to has a text.
func (l *loader) defaults(k source.Node, ref prompts.Ref, key string) {
	if l.hasPrompt != nil && !l.hasPrompt(ref.ID) {
		k.Report("missing-prompt", "no text for prompt %q; write it into the prompts folder, or name another with '%s'", ref.ID, key)
	}
}

var (
	isCode     = regexp.MustCompile(code)
	isLanguage = regexp.MustCompile(language)
	isKeyword  = regexp.MustCompile(keyword)
)

const (
	code     = `^[0-9]+$`
	language = `^[a-z]{2,3}$`
	keyword  = `^[A-Z0-9]+$`
)

// pattern is a text of a certain form.
func pattern(to *string, form string, is *regexp.Regexp, rule, meant string) value {
	return text(to).also(func(n source.Node) {
		if *to != "" && !is.MatchString(*to) {
			n.Report(rule, "expected %s, found %q", meant, *to)
			*to = ""
		}
	}).instead(schema{"type": "string", "pattern": form})
}

// entry is the keys of a service in the catalogue. Only its name and price are needed:
// many a service is sold, and has no menu of its own.
func (l *loader) entry(s *Service) table {
	return table{
		"name":    {need: true, doc: "as people write it, by language: {zh: 来电显示, en: Caller ID}; or in the first language", value: l.names(s)},
		"price":   {need: true, doc: "yuan a month, with two decimals, as a text: \"6.00\"", value: value{func(n source.Node) { s.Price = money(n) }, func() schema { return schema{"type": "string", "pattern": price} }}},
		"code":    {doc: "the code of its menu: \"301\"", value: pattern(&s.Code, code, isCode, "code", "a code of digits such as \"301\"")},
		"say":     {doc: "the prompt of its name (svc.ID)", value: l.one(&s.Say)},
		"intro":   {doc: "what \"introduce\" says (intro.ID)", value: l.prompts(&s.Intro)},
		"verbs":   {doc: "what its menu offers, in this order", value: l.verbs(s)},
		"keyword": {doc: "of text messages, after KT, QX, JS or CX", value: pattern(&s.Keyword, keyword, isKeyword, "keyword", "capital letters and digits such as \"LDXS\"")},
		"brands":  {doc: "that may have it; left out: all", value: texts(&s.Brands, "one brand, or leave the key out")},
	}
}

// names reads what people call a service: by language, or in the menu's first one.
func (l *loader) names(s *Service) value {
	return value{func(n source.Node) {
		if !n.IsObject() {
			if name := n.Text(); len(l.tree.Languages) > 0 {
				s.Names[l.tree.Languages[0]] = name
			}
			return
		}
		n.Entries(func(k, v source.Node) {
			in := k.Scalar()
			if in != "" && !isLanguage.MatchString(in) {
				k.Report("language", "%q is no language such as zh or en", in)
			}
			s.Names[in] = v.Text()
		})
		for _, in := range l.tree.Languages {
			if _, there := s.Names[in]; !there {
				n.Report("missing-key", "the name in language %q is missing", in)
			}
		}
	}, func() schema {
		return schema{"anyOf": []schema{text(nil).is(), {"type": "object", "propertyNames": schema{"pattern": language}, "additionalProperties": text(nil).is()}}}
	}}
}

func (l *loader) verbs(s *Service) value {
	known := []string{verbOpen, verbClose, verbIntroduce, verbStatus}
	return value{func(n source.Node) {
		n.List(func(n source.Node) {
			verb := n.OneOf(known...)
			switch {
			case verb == "": // a verb fewer, and the keys of the others would be wrong
				l.unspoken[s.ID] = true
				return
			case slices.Contains(s.Verbs, verb):
				n.Report("duplicate-option", "verb %q stands twice", verb)
				return
			}
			s.Verbs = append(s.Verbs, verb)
		})
	}, func() schema { return schema{"type": "array", "items": schema{"enum": known}, "uniqueItems": true} }}
}

// price is an amount of money: a float is none.
const price = `^[0-9]{1,6}\.[0-9]{2}$`

var isPrice = regexp.MustCompile(price)

// money reads yuan with two decimals, "6.00", as a text: YAML would make a float of 6.10.
func money(n source.Node) orders.Money {
	text := n.Text()
	if text == "" {
		return 0 // said already
	}
	if !isPrice.MatchString(text) {
		n.Report("money", "expected an amount in yuan with two decimals such as \"6.00\", found %q", text)
		return 0
	}
	fen, _ := strconv.ParseInt(strings.Replace(text, ".", "", 1), 10, 64) // digits only, as just seen
	return orders.Money(fen)
}

// serviceID reads the id of a service in the catalogue.
func (l *loader) serviceID(to *string) value {
	return text(to).also(func(v source.Node) {
		if _, there := l.tree.Services[*to]; !there && !l.blind && *to != "" {
			v.Report("dangling", "no service %q in the service catalogue%s", *to, didYouMean(*to, l.tree.Services, " (see 'services')"))
		}
	})
}

// template is a node of type service, which stands for a menu and what it offers.
type template struct {
	node    *Node
	service string
	then    string // after its orders: who has asked about a service is still choosing
	where   source.Node
}

func (l *loader) serviceMenu(n *Node) table {
	m := &Menu{}
	n.Menu = m
	spread := &template{node: n}
	l.spread = append(l.spread, spread)
	t := l.asking(n)
	t["service"] = field{l.serviceID(&spread.service).also(func(v source.Node) { spread.where = v }), true, "a service of the catalogue"}
	t["handling"] = field{flag(&m.Handling), false, "who comes here is about to do business, and is counted as such from here on"}
	t["then"] = field{l.to(&spread.then), false, "the next node after its orders; left out: its menu"}
	return t
}

// expand makes of each template the menu of its service and, where the file does
// not have them itself, the nodes that the menu leads to: the menu's name and the
// ordinal of the verb.
func (l *loader) expand() {
	for _, p := range l.spread {
		p.node.Type = "menu"
		s := l.tree.Services[p.service]
		switch {
		case s == nil: // said already
			l.torn = true
		case len(s.Verbs) == 0:
			p.where.Report("verbs", "service %q has no verbs in the catalogue, so its menu would be empty; add e.g. verbs: [open, close]", s.ID)
		case s.Code != "" && isCode.MatchString(p.node.ID) && s.Code != p.node.ID:
			p.where.Report("code", "the menu of service %q has code %q in the catalogue; this node is named %q", s.ID, s.Code, p.node.ID)
		case l.unspoken[s.ID]:
			l.torn = true
		default:
			l.spreadOut(p, s)
		}
	}
}

func (l *loader) spreadOut(p *template, s *Service) {
	n, at := p.node, p.where
	n.Menu.Intro = []prompts.Ref{s.Say}
	for i, verb := range s.Verbs {
		o := Option{Key: strconv.Itoa(i + 1), Label: l.fixed(at, "verb."+verb), To: n.ID + strconv.Itoa(i+1), Pos: n.Pos}
		if meaning := l.tree.Keys[o.Key]; meaning != "" {
			at.Report("reserved-key", "key %q means %q everywhere in this menu (see 'keys'), and this template needs it", o.Key, meaning)
		}
		l.spoken(at, o.Key)
		n.Menu.Options = append(n.Menu.Options, o)
		if l.tree.Nodes[o.To] == nil {
			l.tree.Nodes[o.To] = l.verbNode(p, o.To, verb, s)
		}
	}
	for _, key := range sorted(l.tree.Keys) {
		if l.tree.Keys[key] == Back && len(key) == 1 {
			l.spoken(at, key)
			n.Menu.Hint = append(l.fixed(at, "menu.back", "menu.press"), KeyRef(key))
			return
		}
	}
}

// verbNode is what a verb leads to; it asks and waits as the template does, and has
// its place, as there is no other line to correct.
func (l *loader) verbNode(p *template, id, verb string, s *Service) *Node {
	n := p.node
	c := &Node{ID: id, Pos: n.Pos, Waive: n.Waive, BargeIn: n.BargeIn, Limits: n.Limits, NoInput: n.NoInput, Invalid: n.Invalid}
	switch verb {
	case verbOpen, verbClose:
		c.Type, c.Order = "order", &Order{Service: s.ID, Action: orders.Action(verb), Confirm: true, Then: p.then}
	case verbIntroduce:
		c.Type, c.Say = "say", &Say{Refs: s.Intro}
	case verbStatus:
		states := l.fixed(p.where, "status.open", "status.closed")
		c.Type, c.Query = "query", &Query{Name: "status", Service: s.ID, Answer: []Part{
			{Ref: s.Say}, {Value: "state", Words: map[string]prompts.Ref{"open": states[0], "closed": states[1]}},
		}}
	}
	return c
}

// fixed are prompts that a template says by itself.
func (l *loader) fixed(at source.Node, ids ...string) []prompts.Ref {
	refs := make([]prompts.Ref, len(ids))
	for i, id := range ids {
		l.written(at, id)
		refs[i] = prompts.Prompt(id)
	}
	return refs
}
