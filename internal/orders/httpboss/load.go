package httpboss

import (
	"path/filepath"
	"regexp"
	"time"

	"hotline/internal/orders"
	"hotline/internal/source"
)

// loader reads one description. What is wrong goes to ps, through the nodes.
type loader struct {
	d     *Description
	ps    *source.Problems
	later []func() // what can be done once all of the file has been read
}

// Load reads a description. Everything wrong with it is in the problems, with its place
// in the file; they may be warnings only, and the description is nil where they are not.
// Files that it names are relative to its own folder.
func Load(file string, text []byte) (*Description, source.Problems) {
	var ps source.Problems
	l := &loader{d: &Description{file: file, secrets: map[string]*origin{}, tables: map[string]table{}, namespaces: map[string]string{}}, ps: &ps}
	root, ok := source.Parse(file, text, &ps)
	if ok {
		l.first(root)
		l.root().read(root)
		for _, do := range l.later {
			do()
		}
		l.consistent(root)
	}
	ps.Sort()
	if ps.Err() != nil {
		return nil, ps
	}
	return l.d, ps
}

// warn reports what works and is not good.
func (l *loader) warn(n source.Node, rule, format string, args ...any) {
	n.Report(rule, format, args...)
	(*l.ps)[len(*l.ps)-1].Warning = true
}

// first reads what the rest is read by, wherever it stands in the file: a template is
// held to the secrets and tables that there are, a path is XPath or JSONPath. A file that
// had to be in a certain order would be one more thing to know.
func (l *loader) first(root source.Node) {
	l.d.speaks = "json"
	root.Peek("speaks", func(n source.Node) {
		if s := n.OneOf("json", "xml"); s != "" {
			l.d.speaks = s
		}
	})
	l.d.sends = l.d.speaks
	root.Peek("sends", func(n source.Node) {
		if s := n.OneOf("form", "json", "xml"); s != "" {
			l.d.sends = s
		}
	})
	root.Peek("secrets", func(n source.Node) {
		n.Entries(func(key, value source.Node) {
			o := &origin{}
			l.named(key)
			l.origin(o, false).read(value)
			l.oneOrigin(value, o)
			l.d.secrets[key.Scalar()] = o
		})
	})
	root.Peek("tables", func(n source.Node) {
		n.Entries(func(key, value source.Node) {
			if name := l.named(key); name == "fen" || name == "yuan" || name == skip {
				key.Report("name", "%q is a format already", name)
			}
			l.d.tables[key.Scalar()] = l.table(value)
		})
	})
	root.Peek("namespaces", func(n source.Node) {
		n.Entries(func(key, value source.Node) { l.d.namespaces[key.Scalar()] = value.Text() })
	})
}

var nameText = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

// named reads a name of the description's own. Holes name it, so it has what they can spell.
func (l *loader) named(key source.Node) string {
	name := key.Scalar()
	if name != "" && !nameText.MatchString(name) {
		key.Report("name", "a name has letters of ASCII, figures and _, and begins with a letter")
	}
	return name
}

// root are the keys of a description. What first has read is passed over.
func (l *loader) root() keys {
	all := &draft{}
	k := l.shared(common, all)
	read := func(source.Node) {}
	k["speaks"] = key{read, oneOf([]string{"json", "xml"}), true, "what the BOSS answers in, and is sent unless sends is told"}
	k["sends"] = key{read, oneOf([]string{"form", "json", "xml"}), false, "what the BOSS is sent, where it is not what it speaks"}
	k["secrets"] = key{read, mapOf(ref("secret")), false, "by name, for ${secret.NAME}: where each is read from"}
	k["tables"] = key{read, mapOf(mapOf(isScalar)), false, "by name, for ${service|NAME} and words: our word, then the BOSS's for it"}
	k["namespaces"] = key{read, mapOf(isText), false, "of XPath, by prefix"}
	k["url"] = key{l.url, schema{"anyOf": []schema{isText, ref("origin")}}, true, "what every address begins with"}
	k["tls"] = key{l.trust().read, l.trust().schema(), false, "certificates, where the system's are not those of the BOSS"}
	k["capabilities"] = key{l.can().read, l.can().schema(), true, "what can be relied upon"}
	for _, s := range []struct {
		kind kind
		doc  string
	}{
		{submit, "carries out an order"}, {lookup, "tells what came of the order of a key"}, {verify, "tells whether a service password is right"},
		{query, "answers a question"}, {prices, "tells what services cost"},
	} {
		k[string(s.kind)] = key{
			func(n source.Node) { l.section(n, s.kind, all) }, l.operation(s.kind, &draft{}, false).schema(),
			s.kind == submit, s.doc,
		}
	}
	return k
}

// can are the capabilities; each is said, so that none is a default.
func (l *loader) can() keys {
	flag := func(to *bool, doc string) key {
		return key{func(n source.Node) { *to = n.Bool() }, isFlag, true, doc}
	}
	c := &l.d.capabilities
	return keys{
		"idempotent": flag(&c.Idempotent, "an order that comes again by the same key is not carried out again"),
		"queryable":  flag(&c.Queryable, "lookup tells what came of an order by its key"),
		"prices":     flag(&c.Prices, "prices tells what services cost"),
	}
}

// trust are the certificates. There is no way to trust anybody: a BOSS with a certificate
// of its own making is trusted by naming that one.
func (l *loader) trust() keys {
	file := func(to *string, doc string) key {
		return key{func(n source.Node) { *to = l.beside(n.Text()) }, isText, false, doc}
	}
	return keys{
		"ca":   file(&l.d.tls.ca, "file of certificates (PEM) to trust, instead of the system's"),
		"cert": file(&l.d.tls.cert, "file of our own certificate (PEM)"),
		"key":  file(&l.d.tls.key, "file of its key (PEM)"),
	}
}

// beside is a file as the description names it.
func (l *loader) beside(file string) string {
	if filepath.IsAbs(file) || file == "" {
		return file
	}
	return filepath.Join(filepath.Dir(l.d.file), file)
}

// origin are the keys of where a text comes from. What is no secret may be written out,
// where its variable is not set; a secret that stands in a file under version control is none.
func (l *loader) origin(o *origin, open bool) keys {
	k := keys{
		"env":      {func(n source.Node) { o.env = n.Text() }, isText, false, "the environment variable that has it"},
		"file":     {func(n source.Node) { o.file = l.beside(n.Text()) }, isText, false, "the file that has it"},
		"file_env": {func(n source.Node) { o.fileEnv = n.Text() }, isText, false, "the environment variable that names the file which has it"},
	}
	if open {
		k["or"] = key{func(n source.Node) { o.or = n.Text() }, isText, false, "what it is where env is not set"}
	}
	return k
}

// oneOrigin reports what is not exactly one place.
func (l *loader) oneOrigin(n source.Node, o *origin) {
	told := 0
	for _, s := range []string{o.env, o.file, o.fileEnv} {
		if s != "" {
			told++
		}
	}
	switch {
	case told != 1 && n.IsObject():
		n.Report("origin", "it is read from one of env, file and file_env")
	case o.or != "" && o.env == "":
		n.Report("origin", "or is for env")
	}
}

// url reads where the BOSS is. What stands in the file is judged now, what the
// environment has when it is opened.
func (l *loader) url(n source.Node) {
	o := &l.d.url
	if n.IsObject() {
		l.origin(o, true).read(n)
		l.oneOrigin(n, o)
	} else {
		o.text = n.Text()
	}
	for _, text := range []string{o.text, o.or} {
		if text == "" {
			continue
		}
		if _, err := baseURL(text); err != nil {
			n.Report("url", "%v", err)
		}
	}
}

// table reads our words and the BOSS's. Two of ours for one of the BOSS's could not be
// told apart in a reply.
func (l *loader) table(n source.Node) table {
	t, ours := table{}, map[string]string{}
	n.Entries(func(key, value source.Node) {
		our, their := key.Scalar(), value.Scalar()
		if other, twice := ours[their]; twice && their != "" {
			value.Report("table", "%s means %s already", their, other)
		}
		t[our], ours[their] = their, our
	})
	return t
}

// consistent holds what is declared against what is described.
func (l *loader) consistent(root source.Node) {
	d := l.d
	root.Peek("tls", func(n source.Node) {
		if (d.tls.cert == "") != (d.tls.key == "") {
			n.Report("tls", "cert and key belong together")
		}
	})
	root.Peek("capabilities", func(n source.Node) {
		for _, c := range []struct {
			declared, described bool
			capability, op      string
		}{
			{d.capabilities.Queryable, d.lookup != nil, "queryable", "lookup"},
			{d.capabilities.Prices, d.prices != nil, "prices", "prices"},
		} {
			place := n
			n.Peek(c.capability, func(at source.Node) { place = at })
			switch {
			case c.declared && !c.described && !told(root, c.op):
				place.Report("capability", "%s is declared, and no %s is described", c.capability, c.op)
			case !c.declared && c.described:
				l.warn(place, "capability", "%s is described and not declared: it is never used", c.op)
			}
		}
	})
	l.accepted(root)
	if d.verify == nil && !told(root, "verify") {
		l.warn(root, "capability", "no verify is described: every service password will be refused as a failure of the BOSS")
	}
}

// told tells whether a mapping has a key, be its value right or wrong.
func told(n source.Node, name string) (is bool) {
	n.Peek(name, func(source.Node) { is = true })
	return is
}

// accepted reports orders that may be carried out later where nobody can ask whether
// they were.
func (l *loader) accepted(root source.Node) {
	if l.d.capabilities.Queryable {
		return
	}
	for _, op := range l.d.submit {
		if op.accepts() {
			root.Peek("submit", func(n source.Node) {
				l.warn(n, "capability", "orders are accepted (unknown) by a code, and there is no look-up: nobody will ever know what came of them")
			})
			return
		}
	}
}

// accepts tells whether a listed code says that an order is carried out later.
func (op *operation) accepts() bool {
	for _, v := range op.outcomes {
		if v.result.Outcome == orders.Unknown {
			return true
		}
	}
	return false
}

// actions are what orders do, for submit.
func actions() []string {
	return []string{string(orders.Open), string(orders.Close), string(orders.Apply), string(orders.Change), string(orders.Reset)}
}

// The shortest and the longest deadline of an operation. A caller who waits longer has
// hung up, and the Desk's own deadline is shorter.
const (
	shortest = 100 * time.Millisecond
	longest  = 5 * time.Minute
)

// statusText is an HTTP status, or all of its class.
var statusText = regexp.MustCompile(`^[2-5]([0-9]{2}|xx)$`)
