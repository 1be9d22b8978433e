package httpboss

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"hotline/internal/orders"
	"hotline/internal/source"
)

// draft is what the file says of an operation: for all of them, for one, or for one
// action or query of it. What the inner one leaves out, the outer one says.
type draft struct {
	method    string
	path      *template
	headers   map[string]*template
	body      *body
	deadline  time.Duration
	statuses  map[string]verdict
	success   *condition
	code, ref *path
	outcomes  map[string]verdict
	otherwise *verdict
	values    []value

	inner  map[string]*draft // actions or answers, by name
	prices priceOperation

	broken bool // a problem was found in it: what is missing may only seem to be
}

// within gives a draft with what it leaves out taken from the outer one. Tables are
// completed word by word.
func (d *draft) within(outer *draft) *draft {
	whole := *d
	whole.broken = d.broken || outer.broken
	if whole.method == "" {
		whole.method, whole.path = outer.method, outer.path
	}
	// An answer that is asked for by get has no use for the body of those by post.
	if whole.body == nil && whole.method == outer.method {
		whole.body = outer.body
	}
	if whole.deadline == 0 {
		whole.deadline = outer.deadline
	}
	if whole.success == nil {
		whole.success = outer.success
	}
	if whole.code == nil {
		whole.code = outer.code
	}
	if whole.ref == nil {
		whole.ref = outer.ref
	}
	if whole.otherwise == nil {
		whole.otherwise = outer.otherwise
	}
	whole.headers = over(outer.headers, d.headers)
	whole.statuses = over(outer.statuses, d.statuses)
	whole.outcomes = over(outer.outcomes, d.outcomes)
	return &whole
}

func over[V any](outer, inner map[string]V) map[string]V {
	all := map[string]V{}
	maps.Copy(all, outer)
	maps.Copy(all, inner)
	return all
}

// shared are the keys that may be said once for all operations. Outcomes are not among
// them: one code may mean a refusal of an order and a failure of a query, and each table
// has the words that its own operation can end with.
func (l *loader) shared(k kind, d *draft) keys {
	all := keys{
		"headers":  {func(n source.Node) { d.headers = l.headers(n, k) }, mapOf(isText), false, "by name; ${…} may be private, not what a caller types"},
		"deadline": {func(n source.Node) { d.deadline = n.Duration(shortest, longest) }, isTime, false, "for a request, from the connection to the end of the reply"},
		"statuses": {
			func(n source.Node) { d.statuses = l.statuses(n, k) },
			schema{"type": "object", "propertyNames": schema{"pattern": statusText.String()}, "additionalProperties": oneOf(sorted(verdictsOfStatus(k)))}, false,
			"what HTTP statuses mean (404, 5xx); 2xx are a reply and all others lost, unless told",
		},
		"success": {func(n source.Node) { d.success = l.condition(n) }, l.conditionKeys(&condition{}, &path{}).schema(), false, "a place in the reply that says success, before the code is asked"},
		"code":    {func(n source.Node) { d.code = l.path(n) }, isText, false, "where the code stands in the reply"},
		"ref":     {func(n source.Node) { d.ref = l.path(n) }, isText, false, "where the BOSS's own reference stands in the reply"},
	}
	for name, f := range all {
		read := f.read
		f.read = func(n source.Node) {
			before := l.errors()
			read(n)
			d.broken = d.broken || l.errors() > before
		}
		all[name] = f
	}
	return all
}

// errors counts the problems so far, without the warnings.
func (l *loader) errors() (n int) {
	for _, p := range *l.ps {
		if !p.Warning {
			n++
		}
	}
	return n
}

// operation are the keys of an operation, or of one action or answer of it.
func (l *loader) operation(k kind, d *draft, inner bool) keys {
	all := l.shared(k, d)
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch} {
		all[strings.ToLower(method)] = key{func(n source.Node) { l.address(n, k, method, d) }, isText, false, "its path behind url, with this method"}
	}
	all["body"] = key{func(n source.Node) { d.body = l.body(n, k) }, schema{"type": []string{"string", "object"}}, false, "a text with ${…}; of a form, a mapping of them"}
	all["outcomes"] = key{
		func(n source.Node) { l.outcomes(n, k, d) }, mapOf(oneOf(sorted(verdicts(k)))), false,
		"what each code means; default is for codes that are not listed",
	}
	switch {
	case k == submit && !inner:
		all["actions"] = l.inside(k, d, actions(), "for each action that can be ordered: what is not as above")
	case k == query && !inner:
		all["answers"] = l.inside(k, d, nil, "for each query: the values of its answer, and what is not as above")
	case k == query:
		all["values"] = key{func(n source.Node) { d.values = l.values(n) }, mapOf(ref("value")), true, "by name: where each value stands, and how it is read"}
	case k == prices:
		maps.Copy(all, l.priceKeys(&d.prices))
	}
	return all
}

// inside are the actions or the answers of an operation; known are their names, if those
// are a closed set.
func (l *loader) inside(k kind, d *draft, known []string, doc string) key {
	is := mapOf(l.operation(k, &draft{}, true).schema())
	if known != nil {
		is["propertyNames"] = oneOf(known)
	}
	d.inner = map[string]*draft{}
	return key{func(n source.Node) {
		n.Entries(func(name, value source.Node) {
			if known != nil && !slices.Contains(known, name.Scalar()) {
				name.OneOf(known...)
				return
			}
			inner := &draft{}
			l.operation(k, inner, true).read(value)
			d.inner[l.named(name)] = inner
		})
	}, is, true, doc}
}

// section reads one of the five operations.
func (l *loader) section(n source.Node, k kind, all *draft) {
	d := &draft{}
	before := l.errors()
	l.operation(k, d, false).read(n)
	d.broken = l.errors() > before
	// What is for all of them may stand behind it in the file.
	l.later = append(l.later, func() {
		whole := d.within(all)
		switch k {
		case submit:
			l.d.submit = map[orders.Action]*operation{}
			for _, name := range sorted(d.inner) {
				l.d.submit[orders.Action(name)] = l.finish(n, d.inner[name].within(whole), k, "submit "+name)
			}
			l.apart(n, d, l.d.submit)
		case query:
			l.d.query = map[string]*operation{}
			for _, name := range sorted(d.inner) {
				l.d.query[name] = l.finish(n, d.inner[name].within(whole), k, "query "+name)
			}
		case lookup:
			l.d.lookup = l.finish(n, whole, k, "look up an order")
		case verify:
			l.d.verify = l.finish(n, whole, k, "verify a password")
		case prices:
			p := d.prices
			p.operation = *l.finish(n, whole, k, "ask for the prices")
			l.d.prices = &p
		}
	})
}

// finish makes an operation of all that is told of it, and reports what is not: at n,
// and once for all that it is missing from. Where something is wrong with what is told,
// what seems to be missing may be just that, and is not reported.
func (l *loader) finish(n source.Node, d *draft, k kind, name string) *operation {
	op := &operation{
		name: name, kind: k, method: d.method, path: d.path, headers: d.headers, body: d.body, deadline: d.deadline,
		statuses: d.statuses, success: d.success, code: d.code, ref: d.ref, outcomes: d.outcomes, values: d.values,
		parse: parseJSON,
	}
	if l.d.speaks == "xml" {
		op.parse = parseXML
	}
	if d.otherwise != nil {
		op.otherwise = *d.otherwise
	}
	if d.broken {
		return op
	}
	switch {
	case d.method == "":
		l.once(n, "missing-key", "get, post, put or patch is missing: the path that it is sent to")
	case d.method == http.MethodGet && (k == submit || k == verify):
		l.once(n, "method", "a get may be repeated by whatever stands between, and this has effects; send it by post")
	case d.method == http.MethodGet && d.body != nil:
		l.once(n, "method", "a get has no body")
	}
	if d.deadline == 0 {
		l.once(n, "missing-key", "key \"deadline\" is missing, here and for all operations")
	}
	switch reads := op.status(http.StatusOK).word == readReply; {
	case reads && d.code == nil && d.success == nil:
		l.once(n, "missing-key", "key \"code\" is missing, here and for all operations: where in the reply the code stands (or success, or statuses with what 2xx means)")
	case reads && d.otherwise == nil:
		l.once(n, "default", "outcomes have no default: what does a code mean that is not listed?")
	case reads && d.code != nil && len(d.outcomes) == 0:
		l.once(n, "missing-key", "outcomes list no code")
	}
	l.says(n, op)
	return op
}

// says reports a request that leaves out what it is about. A BOSS that is told less than the
// caller said may well answer: for everybody the same, or letting anybody in.
func (l *loader) says(n source.Node, op *operation) {
	c := l.d.capabilities
	switch k := op.kind; {
	case (k == lookup || k == submit && (c.Idempotent || c.Queryable)) && !op.uses("key"):
		l.once(n, "key", "no ${key} is sent: it is by the key that the BOSS knows an order again (idempotent, queryable)")
	case (k == submit || k == verify) && !op.uses("number"):
		l.once(n, "number", "no ${number} is sent: whose order or password is it?")
	case k == verify && !op.uses("password"):
		l.once(n, "password", "no ${password} is sent: the BOSS cannot tell whether it is right")
	case k == query && !op.uses("number") && !op.uses("typed"):
		l.once(n, "number", op.name+": neither ${number} nor anything that was typed is sent: every caller would be told the same")
	}
}

// apart reports actions that are sent the same request: the BOSS could not tell opening
// from closing, and would do the one for the other.
func (l *loader) apart(n source.Node, d *draft, read map[orders.Action]*operation) {
	var alike []string
	for _, name := range sorted(d.inner) {
		inner, op := d.inner[name], read[orders.Action(name)]
		own := inner.path != nil || inner.body != nil || inner.method != "" || len(inner.headers) > 0
		if !own && !inner.broken && !d.broken && !op.uses("action") {
			alike = append(alike, name)
		}
	}
	if len(alike) > 1 {
		n.Report("action", "%s are sent the same request: say ${action} in it, or give each its own path or body", strings.Join(alike, ", "))
	}
}

// uses tells whether any part of a request has a hole of this name.
func (op *operation) uses(name string) bool {
	for _, t := range op.headers {
		if t.uses(name) {
			return true
		}
	}
	return op.path.uses(name) || op.body.uses(name)
}

// once reports what several operations within n have in common.
func (l *loader) once(n source.Node, rule, message string) {
	same := func(p source.Problem) bool { return p.Pos == n.Pos() && p.Message == message }
	if !slices.ContainsFunc(*l.ps, same) {
		n.Report(rule, "%s", message)
	}
}
