package httpboss

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/speakeasy-api/jsonpath/pkg/jsonpath"

	"hotline/internal/orders"
)

// Description is a BOSS as its file describes it: whole and consistent, since Load gives
// no other. It holds no secret; Open reads them.
type Description struct {
	file         string
	url          origin
	speaks       string // xml or json: of replies, and of what is sent unless sends
	sends        string // xml, json or form
	capabilities orders.Capabilities
	secrets      map[string]*origin
	tables       map[string]table
	namespaces   map[string]string // of XPath, by prefix
	tls          certificates

	submit map[orders.Action]*operation
	lookup *operation
	verify *operation
	query  map[string]*operation
	prices *priceOperation
}

// Queries are the names of the queries that it describes.
func (d *Description) Queries() []string { return sorted(d.query) }

// operation is one thing that the BOSS is asked.
type operation struct {
	name     string // for errors: submit open
	kind     kind
	method   string
	path     *template
	headers  map[string]*template
	body     *body // nil for none
	deadline time.Duration
	parse    func([]byte) (document, error)

	statuses  map[string]verdict // by 404 or 4xx
	success   *condition
	code, ref *path
	outcomes  map[string]verdict
	otherwise verdict
	values    []value
}

// condition holds where a path leads to a text.
type condition struct {
	at path
	is string
}

// path is an XPath or a JSONPath, by what the BOSS speaks. A compiled XPath keeps its
// place in the document that it is followed in, so that two replies at once would get
// each other's answers: it is compiled for each, which takes some microseconds.
type path struct {
	text       string
	namespaces map[string]string // of an XPath
	json       *jsonpath.JSONPath
}

// status is what an HTTP status means: as described, or else 2xx that the reply tells
// and any other that the BOSS may have acted. No standard promises more: a gateway
// that gave up waiting answers 502 and 504, and some 503.
func (op *operation) status(code int) verdict {
	if v, ok := op.statuses[fmt.Sprint(code)]; ok {
		return v
	}
	if v, ok := op.statuses[fmt.Sprintf("%dxx", code/100)]; ok {
		return v
	}
	if code/100 == 2 {
		return verdict{word: readReply}
	}
	return verdict{word: lost}
}

// reads tells whether a reply has something to read besides what its status says.
func (op *operation) reads() bool { return op.ref != nil || len(op.values) > 0 || op.kind == prices }

// origin is where a text of the description comes from, when it is not written there. It
// is read once, when the BOSS is opened: a new token needs a restart.
type origin struct {
	text    string // as written
	env     string // the variable that has it
	file    string // the file that has it
	fileEnv string // the variable that names the file
	or      string // where env is not set
}

// maxSecret is the longest text that a file may have: more is another file.
const maxSecret = 64 << 10

// read gives the text. Of a file, a line end at its end does not count.
func (o *origin) read(getenv func(string) string) (string, error) {
	file := o.file
	switch {
	case o.text != "":
		return o.text, nil
	case o.env != "":
		if text := getenv(o.env); text != "" {
			return text, nil
		}
		if o.or == "" {
			return "", fmt.Errorf("%s is not set in the environment", o.env)
		}
		return o.or, nil
	case o.fileEnv != "":
		if file = getenv(o.fileEnv); file == "" {
			return "", fmt.Errorf("%s is not set in the environment: the name of the file that has it", o.fileEnv)
		}
	}
	content, err := os.ReadFile(filepath.Clean(file))
	text := strings.TrimRight(string(content), "\r\n")
	switch {
	case err != nil:
		return "", err
	case text == "":
		return "", fmt.Errorf("%s is empty", file)
	case len(content) > maxSecret:
		return "", errors.New(file + " is too large to be a secret")
	}
	return text, nil
}
