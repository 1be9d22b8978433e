package httpboss

import (
	"strings"

	"hotline/internal/orders"
	"hotline/internal/source"
)

// kindsOfValue are the words for as, with the units that the pattern of each needs.
var kindsOfValue = map[string][]string{
	string(orders.ValueMoney): nil, string(orders.ValueCount): nil, string(orders.ValueWord): nil, string(orders.ValueList): nil,
	string(orders.ValueCode): nil, string(orders.ValuePhone): nil,
	string(orders.ValueDate): {"yy", "MM", "dd"}, string(orders.ValueMonth): {"yy", "MM"}, string(orders.ValueTime): {"HH", "mm"},
}

// values reads the values of an answer, in the order of their names.
func (l *loader) values(n source.Node) []value {
	all := map[string]value{}
	n.Entries(func(key, node source.Node) {
		v := value{name: key.Scalar()}
		before := len(*l.ps)
		l.value(&v).read(node)
		if len(*l.ps) == before {
			l.fitting(node, v)
		}
		all[v.name] = v
	})
	var values []value
	for _, name := range sorted(all) {
		values = append(values, all[name])
	}
	return values
}

// value are the keys of one value.
func (l *loader) value(v *value) keys {
	return keys{
		"at": {func(n source.Node) {
			if p := l.path(n); p != nil {
				v.at = *p
			}
		}, isText, true, "where it stands in the reply; of a list, each of its words"},
		"as":       {func(n source.Node) { v.as = orders.ValueKind(n.OneOf(sorted(kindsOfValue)...)) }, oneOf(sorted(kindsOfValue)), true, "what it is: " + listed(sorted(kindsOfValue))},
		"in":       {func(n source.Node) { v.format = l.written(n) }, isText, false, "of money: fen or yuan; of a date, a month, a time: its pattern (yyyy-MM-dd)"},
		"words":    {func(n source.Node) { v.words = l.words(n) }, schema{"type": []string{"string", "object"}}, false, "of a word or a list: the BOSS's word, then ours for it; or the name of a table"},
		"unlisted": {func(n source.Node) { v.unlisted = n.Text() }, isText, false, "our word for one that words do not list; skip, in a list"},
		"optional": {func(n source.Node) { v.optional = n.Bool() }, isFlag, false, "it may be missing from the reply"},
	}
}

// written reads a format that is no table.
func (l *loader) written(n source.Node) format {
	text := n.Text()
	f, wrong := l.format(text)
	if wrong == "" && f.kind == byTable {
		wrong = text + " is a table: it goes into words"
	}
	if wrong != "" {
		n.Report("format", "%s", wrong)
	}
	return f
}

// words reads the BOSS's words and ours for them.
func (l *loader) words(n source.Node) map[string]string {
	if n.IsObject() {
		words := map[string]string{}
		n.Entries(func(theirs, ours source.Node) { words[theirs.Scalar()] = ours.Text() })
		return words
	}
	name := n.Text()
	t, known := l.d.tables[name]
	if !known && name != "" {
		n.Report("table", "there is no table %q%s (tables has %s)", name, didYouMean(name, sorted(l.d.tables)), listed(sorted(l.d.tables)))
	}
	return t.inverse()
}

// fitting reports what does not belong to the kind of value.
func (l *loader) fitting(n source.Node, v value) {
	worded := v.as == orders.ValueWord || v.as == orders.ValueList
	units := kindsOfValue[string(v.as)]
	switch {
	case v.as == orders.ValueMoney && v.format.kind != inFen && v.format.kind != inYuan:
		n.Report("format", "money is in fen or in yuan: say which (in: fen)")
	case units != nil && v.format.kind != byPattern:
		n.Report("format", "a %s needs its pattern (in: yyyyMMdd)", v.as)
	case v.as != orders.ValueMoney && units == nil && v.format.kind != asItIs:
		n.Report("format", "in is for money, dates, months and times")
	case v.words != nil && !worded, v.unlisted != "" && !worded:
		n.Report("format", "words and unlisted are for a word or a list")
	case v.unlisted != "" && v.words == nil:
		n.Report("format", "unlisted needs words")
	case v.unlisted == skip && v.as != orders.ValueList:
		n.Report("format", "skip is for a list; write our word for it, or optional")
	}
	for _, unit := range units {
		if v.format.kind == byPattern && !strings.Contains(v.format.pattern, unit) {
			n.Report("format", "the pattern of a %s has %s in it", v.as, unit)
		}
	}
}

// priceKeys are the keys of prices beside those of an operation.
func (l *loader) priceKeys(p *priceOperation) keys {
	at := func(to *path, doc string) key {
		return key{func(n source.Node) {
			if read := l.path(n); read != nil {
				*to = *read
			}
		}, isText, true, doc}
	}
	price := keys{
		"at": at(&p.price, "where it stands, from each on"),
		"in": {func(n source.Node) {
			if p.format = l.written(n); p.format.kind != inFen && p.format.kind != inYuan {
				n.Report("format", "money is in fen or in yuan")
			}
		}, oneOf([]string{"fen", "yuan"}), true, "fen or yuan"},
	}
	return keys{
		"each":    at(&p.each, "leads to one thing for each service"),
		"service": at(&p.service, "where its name stands, from each on"),
		"price":   {price.read, price.schema(), true, "what it costs a month"},
		"words":   {func(n source.Node) { p.words = l.words(n) }, schema{"type": []string{"string", "object"}}, false, "the BOSS's names of services, then ours; or the name of a table. Others are left out"},
	}
}
