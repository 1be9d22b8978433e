package httpboss

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/antchfx/xpath"
	"github.com/speakeasy-api/jsonpath/pkg/jsonpath"

	"hotline/internal/source"
)

// address reads a path behind the url.
func (l *loader) address(n source.Node, k kind, method string, d *draft) {
	if d.method != "" {
		n.Report("method", "it has one method; %s was told already", strings.ToLower(d.method))
	}
	text := n.Text()
	d.method, d.path = method, l.template(n, text, k, inURL)
	sample, _ := marked(d.path, func(*hole) string { return "x" })
	u, err := url.Parse("http://boss" + sample)
	switch {
	case text != "" && !strings.HasPrefix(text, "/") && !strings.HasPrefix(text, "?"):
		n.Report("url", "a path begins with / (or ? for a query); url stands before it")
	case err != nil || u.Host != "boss" || u.Fragment != "" || strings.ContainsAny(text, "# \t\n"):
		n.Report("url", "it is no path of a URL")
	}
}

var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

func (l *loader) headers(n source.Node, k kind) map[string]*template {
	all := map[string]*template{}
	n.Entries(func(key, value source.Node) {
		name := key.Scalar()
		if !headerName.MatchString(name) || forbidden(name) {
			key.Report("header", "%q is no header that a description can set", name)
		}
		all[http.CanonicalHeaderKey(name)] = l.template(value, value.Text(), k, inHeader)
	})
	return all
}

func (l *loader) conditionKeys(c *condition, at *path) keys {
	return keys{
		"at": {func(n source.Node) {
			if p := l.path(n); p != nil {
				*at = *p
			}
		}, isText, true, "where it stands in the reply"},
		"is": {func(n source.Node) { c.is = n.Scalar() }, isScalar, true, "what stands there"},
	}
}

func (l *loader) condition(n source.Node) *condition {
	c := &condition{}
	l.conditionKeys(c, &c.at).read(n)
	return c
}

// path reads an XPath or a JSONPath.
func (l *loader) path(n source.Node) *path {
	text := n.Text()
	if text == "" {
		return nil
	}
	p, at, err := l.compile(text)
	if err != nil {
		n.ReportAt(at, "path", "%q is no %s: %v", text, map[string]string{"xml": "XPath", "json": "JSONPath (RFC 9535)"}[l.d.speaks], err)
		return nil
	}
	return p
}

// columnText is where the library of JSONPath says that a path is wrong.
var columnText = regexp.MustCompile(`^Error at line \d+, column (\d+): ([^\n]*)`)

// compile gives a path, or what is wrong with it and at which character. The libraries
// panic at some paths that are none.
func (l *loader) compile(text string) (p *path, at int, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("it cannot be read")
		}
	}()
	if l.d.speaks == "xml" {
		_, err := xpath.CompileWithNS(text, l.d.namespaces)
		return &path{text: text, namespaces: l.d.namespaces}, 0, err
	}
	expr, err := jsonpath.NewPath(text)
	if err != nil {
		if m := columnText.FindStringSubmatch(err.Error()); m != nil {
			at, _ = strconv.Atoi(m[1])
			err = errors.New(m[2])
		}
		return nil, at, err
	}
	return &path{text: text, json: expr}, 0, nil
}
