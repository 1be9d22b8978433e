package httpboss

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"hotline/internal/source"
)

// template is a text with holes, ${name}, that each request fills. What it is a part of
// decides how a filling is written there, so that it stays within its place.
type template struct{ parts []part }

// part is either text as it was written, or a hole. at is where it begins in the text
// of the description, in characters.
type part struct {
	text string
	hole *hole
	at   int
}

// hole is ${name}, ${name.of}, ${name?} or ${name|format}.
type hole struct {
	name, of string
	optional bool // "" or null where there is nothing to fill it with
	format   format
}

// number tells whether every filling of the hole is a number, true or false: it may
// stand outside of quotes.
func (h *hole) number() bool {
	return h.format.kind == inFen || h.format.kind == inYuan || h.name == "test" && h.format.kind == asItIs
}

// content is what fills a hole, by which formats it can have.
type content int

const (
	contentWord  content = iota // as it is, or in the words of a table
	contentMoney                // in fen or yuan
	contentTime                 // by a pattern
	contentTyped                // what a caller typed: any of the formats
)

// place is what a template is a part of. Each allows what the ones before it allow.
type place int

const (
	inURL    place = iota // nothing that is private: URLs are logged everywhere
	inHeader              // the caller's number and secrets besides
	inBody                // what callers type besides
)

// filler is one name that holes may have.
type filler struct {
	content content
	from    place // the first place where it may be written
	doc     string
}

var fillers = map[string]filler{
	"key":         {doc: "the idempotency key of the order"},
	"order":       {doc: "the order's id, a UUID"},
	"application": {doc: "the application's id"},
	"call":        {doc: "the call's id, a UUID"},
	"number":      {doc: "the caller's number", from: inHeader},
	"service":     {doc: "the service's id in the catalogue"},
	"action":      {doc: "open, close, apply, change or reset"},
	"price":       {doc: "what the caller was told that it costs, in fen or yuan", content: contentMoney},
	"test":        {doc: "true for the order of a dial test, else false"},
	"query":       {doc: "the query's name"},
	"password":    {doc: "the service password that is to be verified", from: inBody},
	"now":         {doc: "the time of the request, by a pattern", content: contentTime},
	"typed":       {doc: "what the caller typed, by parameter: ${typed.month|yyyy-MM}", content: contentTyped, from: inBody},
	"secret":      {doc: "one of the secrets: ${secret.token}", from: inHeader},
}

// part of the description that a template belongs to, by which holes it can fill and
// which outcomes it has.
type kind string

const (
	common kind = "what is for every operation"
	submit kind = "submit"
	lookup kind = "lookup"
	verify kind = "verify"
	query  kind = "query"
	prices kind = "prices"
)

// holesOf are the names that the templates of an operation may have.
var holesOf = map[kind][]string{
	common: {"now", "secret"},
	submit: {"action", "application", "call", "key", "now", "number", "order", "price", "secret", "service", "test", "typed"},
	lookup: {"key", "now", "secret"},
	verify: {"application", "call", "now", "number", "password", "secret"},
	query:  {"application", "call", "now", "number", "query", "secret", "service", "typed"},
	prices: {"now", "secret"},
}

// text adds what is written between holes; what stands beside text is one text with it.
func (t *template) text(s string, at int) {
	if last := len(t.parts) - 1; last >= 0 && t.parts[last].hole == nil {
		t.parts[last].text += s
	} else if s != "" {
		t.parts = append(t.parts, part{text: s, at: at})
	}
}

// template reads a text with holes. $${ is a ${ that is none.
func (l *loader) template(n source.Node, text string, k kind, in place) *template {
	t, at := &template{}, 0
	for rest := text; rest != ""; {
		before, inside, found := strings.Cut(rest, "${")
		if !found {
			t.text(rest, at)
			break
		}
		if escaped := strings.TrimSuffix(before, "$"); escaped != before {
			t.text(escaped+"${", at)
			at, rest = at+utf8.RuneCountInString(before)+2, inside
			continue
		}
		t.text(before, at)
		at += utf8.RuneCountInString(before)
		name, after, closed := strings.Cut(inside, "}")
		if !closed {
			n.ReportAt(at, "template", "${ has no } (a ${ that is none is written $${)")
			return t
		}
		if h := l.hole(n, at, name, k, in); h != nil {
			t.parts = append(t.parts, part{hole: h, at: at})
		}
		at, rest = at+utf8.RuneCountInString(name)+3, after
	}
	return t
}

var holeText = regexp.MustCompile(`^([A-Za-z_]+)(?:\.([A-Za-z0-9_]+))?(\?)?(?:\|(.+))?$`)

// hole reads what stands within ${}; nil where a problem has been reported.
func (l *loader) hole(n source.Node, at int, text string, k kind, in place) *hole {
	m := holeText.FindStringSubmatch(text)
	if m == nil {
		n.ReportAt(at, "template", "${%s} is no name: ${name}, ${name?} if it may be missing, ${name|format}", text)
		return nil
	}
	h := &hole{name: m[1], of: m[2], optional: m[3] != ""}
	f, known := fillers[h.name]
	switch {
	case !known:
		n.ReportAt(at, "template", "there is no ${%s}%s (there are %s)", h.name, didYouMean(h.name, holesOf[k]), listed(holesOf[k]))
	case !slices.Contains(holesOf[k], h.name):
		n.ReportAt(at, "template", "${%s} is not known in %s (there are %s)", h.name, k, listed(holesOf[k]))
	case (h.name == "typed" || h.name == "secret") != (h.of != ""):
		n.ReportAt(at, "template", "${%s}: ${typed.NAME} and ${secret.NAME} have a name behind the point, the others have none", text)
	case h.name == "secret" && l.d.secrets[h.of] == nil:
		known := slices.Sorted(maps.Keys(l.d.secrets))
		n.ReportAt(at, "template", "there is no secret %q%s (secrets has %s)", h.of, didYouMean(h.of, known), listed(known))
	case f.from > in && in == inURL:
		n.ReportAt(at, "private", "${%s} may not stand in a URL, which servers and proxies write to their logs; put it into the body", h.name)
	case f.from > in:
		n.ReportAt(at, "private", "${%s} may stand in a body only: headers are logged more easily", h.name)
	default:
		return l.formatOf(n, at, h, f, m[4])
	}
	return nil
}

// formatOf reads what stands behind the | of a hole.
func (l *loader) formatOf(n source.Node, at int, h *hole, f filler, text string) *hole {
	var err string
	h.format, err = l.format(text)
	if err != "" {
		n.ReportAt(at, "template", "${%s}: %s", h.name, err)
		return nil
	}
	kind := h.format.kind
	fits := map[content]bool{
		contentWord:  kind == asItIs || kind == byTable,
		contentMoney: kind == inFen || kind == inYuan,
		contentTime:  kind == byPattern,
		contentTyped: true,
	}[f.content]
	if !fits {
		what := map[content]string{
			contentWord:  "it has no format, or the name of a table",
			contentMoney: "write ${" + h.name + "|fen} or ${" + h.name + "|yuan}",
			contentTime:  "write its pattern, such as ${" + h.name + "|yyyyMMddHHmmss}",
		}[f.content]
		n.ReportAt(at, "template", "${%s}: %s", h.name, what)
		return nil
	}
	return h
}

// uses tells whether a template has a hole of this name.
func (t *template) uses(name string) bool {
	return t != nil && slices.ContainsFunc(t.parts, func(p part) bool { return p.hole != nil && p.hole.name == name })
}

func listed(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}

func didYouMean(name string, known []string) string {
	if best := source.Nearest(name, slices.Values(known)); best != "" {
		return " (did you mean " + best + "?)"
	}
	return ""
}
