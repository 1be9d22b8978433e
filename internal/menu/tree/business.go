package tree

import (
	"regexp"
	"slices"
	"strings"

	"hotline/internal/orders"
	"hotline/internal/orders/entry"
	"hotline/internal/prompts"
	"hotline/internal/source"
)

// name is how variables, parameters, queries and the values of answers are named.
const name = `^[a-z][a-z0-9_]*$`

var isName = regexp.MustCompile(name)

// identifier is a text that programs read.
func identifier(to *string) value {
	return text(to).also(func(n source.Node) {
		if *to != "" && !isName.MatchString(*to) {
			n.Report("name", "%q is not made of a-z, 0-9 and _, beginning with a letter", *to)
		}
	}).instead(schema{"type": "string", "pattern": name})
}

// use is a place that needs what a collect node has asked for. Whether anything has
// asked for it shows only in the whole (see unset).
type use struct {
	name  string
	where source.Node
	node  *Node
	as    entry.Kind // that it has to be; "" for any
	unset bool       // it may also have nothing in it
}

// variable reads the name of a variable that some collect node keeps.
func (l *loader) variable(to *string, n *Node) value {
	return identifier(to).also(func(v source.Node) {
		if *to != "" {
			l.used = append(l.used, use{name: *to, where: v, node: n, unset: n.Switch != nil})
		}
	})
}

// mostDigits is how many an entry may have (entry.Kind.Length).
const mostDigits = 32

// collect reads the question and the form of the answer. What depends on several keys
// is settled once all are read: 'secret' may stand before or behind 'entry'.
func (l *loader) collect(n *Node) table {
	c := &Collect{Terminator: "#", Entry: entry.Digits}
	n.Collect = c
	kinds := []entry.Kind{entry.Amount, entry.Digits, entry.IDCard, entry.Month, entry.Password, entry.Phone}
	terminator := ""
	var lengthAt source.Node
	t := l.asking(n)
	t["say"] = field{l.prompts(&c.Say), true, "the question"}
	t["entry"] = field{word(&c.Entry, kinds...), true, "what is typed"}
	t["into"] = field{identifier(&c.Into), true, "the variable that it is kept in"}
	t["length"] = field{l.length(c, &lengthAt), false, "how many digits: a number, or [FEWEST, MOST]; only with entry: digits"}
	t["terminator"] = field{word(&terminator, "#", "none").also(func(source.Node) {
		if terminator == "none" {
			c.Terminator = ""
		}
	}), false, "the key that ends it before the time does: # or none (#)"}
	t["same_as"] = field{l.variable(&c.SameAs, n), false, "a variable that it must be equal to"}
	t["read_back"] = field{flag(&c.ReadBack), false, "say it, and ask whether it is right"}
	t["secret"] = field{flag(&c.Secret), false, "nobody but the BOSS may see it; only with entry: digits"}
	t["then"] = field{l.to(&c.Then), true, "the node that uses it"}
	l.later(func(v source.Node) {
		if lengthAt != (source.Node{}) && c.Entry != entry.Digits && c.Entry != "" {
			lengthAt.Report("length", "the length of an entry of kind %s is fixed; leave 'length' out", c.Entry)
		}
		if c.Secret && c.Entry != entry.Digits {
			v.Peek("secret", func(at source.Node) {
				at.Report("secret", "'secret' goes with entry: digits; the other kinds are secret or not by themselves")
			})
		}
		if c.Most == 0 || c.Entry != entry.Digits {
			c.Fewest, c.Most = c.Entry.Length()
		}
		if c.Secret && c.Entry == entry.Digits {
			c.Entry = entry.Password // of its own length: secret wherever it goes
		}
		if c.ReadBack && (c.Secret || c.Entry.Secret()) {
			v.Peek("read_back", func(at source.Node) { at.Report("read-back", "what is secret is not read back; leave 'read_back' out") })
		}
		if c.Into != "" {
			l.kept[c.Into] = append(l.kept[c.Into], c)
		}
	})
	return t
}

// length reads how many keys an entry has: one number, or the fewest and the most.
func (l *loader) length(c *Collect, at *source.Node) value {
	return value{func(v source.Node) {
		*at = v
		if !v.IsList() {
			c.Fewest = v.Int(1, mostDigits)
			c.Most = c.Fewest
			return
		}
		var both []int
		v.List(func(v source.Node) { both = append(both, v.Int(1, mostDigits)) })
		if len(both) != 2 || both[0] > both[1] {
			v.Report("length", "a length is one number, or [FEWEST, MOST] such as [4, 8]")
			return
		}
		c.Fewest, c.Most = both[0], both[1]
	}, func() schema {
		number := schema{"type": "integer", "minimum": 1, "maximum": mostDigits}
		return schema{"anyOf": []schema{number, {"type": "array", "items": number, "minItems": 2, "maxItems": 2}}}
	}}
}

func (l *loader) auth(n *Node) table {
	n.Auth = &Auth{}
	t := l.asking(n)
	t["say"] = field{l.prompts(&n.Auth.Say), false, "the question, instead of the phrase \"enter_password\""}
	t["then"] = field{l.to(&n.Auth.Then), true, "the node that only its owner may come to"}
	return t
}

// passwordActions are those on the service password: there is no price to confirm.
var passwordActions = []orders.Action{orders.Apply, orders.Change, orders.Reset}

func (o *Order) aboutPassword() bool { return slices.Contains(passwordActions, o.Action) }

func (l *loader) order(n *Node) table {
	o := &Order{}
	n.Order = o
	var confirmAt source.Node
	t := l.asking(n)
	t["service"] = field{l.serviceID(&o.Service), true, "a service of the catalogue"}
	t["action"] = field{word(&o.Action, append([]orders.Action{orders.Open, orders.Close}, passwordActions...)...), true,
		"what is done with the service, or with the service password"}
	t["confirm"] = field{flag(&o.Confirm).also(func(v source.Node) { confirmAt = v }), false,
		"ask a second time, with the price (true for open and close)"}
	t["with"] = field{l.with(&o.With, n), false, "what the caller typed, by parameter: the names of variables"}
	t["then"] = field{l.to(&o.Then), false, "the next node; left out: the menu that the caller came from"}
	l.later(func(source.Node) {
		switch asked := confirmAt != (source.Node{}); {
		case !asked:
			o.Confirm = !o.aboutPassword()
		case o.Confirm && o.aboutPassword():
			confirmAt.Report("confirm", "an order to %s the service password has no price to confirm; leave 'confirm' out", o.Action)
		}
	})
	return t
}

// with reads parameters with the variables that they come from.
func (l *loader) with(to *map[string]string, n *Node) value {
	return value{func(v source.Node) {
		*to = map[string]string{}
		v.Entries(func(k, v source.Node) {
			var from string
			l.variable(&from, n).read(v)
			if parameter := k.Scalar(); parameter != "" && !isName.MatchString(parameter) {
				k.Report("name", "%q is not made of a-z, 0-9 and _, beginning with a letter", parameter)
			} else {
				(*to)[parameter] = from
			}
		})
	}, func() schema {
		return schema{"type": "object", "propertyNames": schema{"pattern": name}, "additionalProperties": identifier(nil).is()}
	}}
}

// query reads a question to the BOSS. Its name is not held to a list: what can be asked
// is known to the BOSS's adapter, which a menu is written beside.
func (l *loader) query(n *Node) table {
	q := &Query{}
	n.Query = q
	return table{
		"query":   {need: true, doc: "what is asked: balance, status …", value: identifier(&q.Name)},
		"service": {doc: "the service that it is about, of the catalogue", value: l.serviceID(&q.Service)},
		"with":    {doc: "what the caller typed, by parameter: the names of variables", value: l.with(&q.With, n)},
		"anyone":  {doc: "who has no number, or one that is not to be trusted, may ask it too: it is not about the caller", value: flag(&q.Anyone)},
		"answer": {need: true, doc: "what is said: prompts and values", value: list(named("answer", func(v source.Node) {
			q.Answer = append(q.Answer, l.answer(v))
		}), "one prompt or value: an answer says something")},
		"then": {doc: "the next node; left out: the menu that the caller came from", value: l.to(&q.Then)},
	}
}

// readings are those of a value in an answer.
var readings = []prompts.Reading{prompts.Money, prompts.Number, prompts.Digits, prompts.Phone, prompts.Date, prompts.Month, prompts.Time}

// answer reads a piece of an answer: a prompt, a value in a reading ({money: VALUE} …),
// {word: VALUE, is: {WORD: prompt, …}} or {services: VALUE, none: prompt}.
func (l *loader) answer(v source.Node) Part {
	said := false
	v.Peek("say", func(source.Node) { said = true })
	if said || !v.IsObject() {
		return Part{Ref: l.prompt(v)}
	}
	var p Part
	values, before := l.value(&p), len(l.problems)
	values.read(v)
	if len(l.problems) > before {
		return p // one of its keys is none
	}
	count, words, none := 0, false, false
	for key := range values {
		v.Peek(key, func(source.Node) {
			switch key {
			case "is":
				words = true
			case "none":
				none = true
			default:
				count++
			}
		})
	}
	// Each reading would do on its own; two of them, or half of one, would be a guess.
	isWord := p.Value != "" && p.Ref.Read == prompts.Say && !p.Services
	if count != 1 || words != isWord || none != p.Services || words && len(p.Words) == 0 {
		v.Report("answer", "a value is one of {%s: NAME}, {word: NAME, is: {WORD: prompt}} or {services: NAME, none: prompt}", joined(readings, ": NAME}, {"))
	}
	return p
}

// value is the keys of a value in an answer.
func (l *loader) value(p *Part) table {
	t := table{
		"word": {doc: "a word out of a closed set, said by 'is'", value: identifier(&p.Value)},
		"is": {doc: "what is said for each word", value: value{func(v source.Node) {
			p.Words = map[string]prompts.Ref{}
			v.Entries(func(k, v source.Node) { p.Words[k.Scalar()] = l.prompt(v) })
		}, func() schema {
			return schema{"type": "object", "minProperties": 1, "additionalProperties": l.one(nil).is()}
		}}},
		"services": {doc: "a list of services, each said by its name", value: identifier(&p.Value).also(func(source.Node) { p.Services = true })},
		"none":     {doc: "said where the list is empty", value: l.one(&p.Ref)},
	}
	for _, r := range readings {
		t[string(r)] = field{identifier(&p.Value).also(func(source.Node) { p.Ref.Read = r }), false, "a value read as " + string(r)}
	}
	return t
}

func joined[S ~string](words []S, between string) string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = string(w)
	}
	return strings.Join(texts, between)
}
