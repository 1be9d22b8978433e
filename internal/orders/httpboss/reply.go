package httpboss

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"hotline/internal/orders"
)

// reply is what came of a request: an answer, and the document for more to be read from.
type reply struct {
	answer orders.Answer
	doc    document
}

// document is a reply that can be read, or a part of one.
type document interface {
	// texts gives what a path leads to, as texts; a null and nothing are no text.
	texts(path) ([]string, error)

	// parts gives what a path leads to, for paths that begin there.
	parts(path) ([]document, error)
}

// verdict is what a code or a status means for an operation.
type verdict struct {
	word   string        // one of those below, or "" for a result
	result orders.Result // of the closed set
}

// The words beside the closed set of results.
const (
	readReply = "reply"     // of a status: what it means stands in the reply
	notDone   = "not_done"  // the BOSS has not acted and never will on this request
	lost      = "lost"      // of a status: it may have acted
	notFound  = "not_found" // of a look-up: no order has this key
)

// ask carries out an operation: it sends, reads what came back and says what it means.
// Only its success has values. The deadline is the operation's own, within that of ctx:
// one that runs out says context.DeadlineExceeded, whoever's it was.
func (b *Boss) ask(ctx context.Context, op *operation, r request) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, op.deadline)
	defer cancel()
	status, content, err := b.exchange(ctx, op, &r)
	if err != nil {
		return reply{}, fmt.Errorf("%s: %w", op.name, err)
	}
	got, err := b.judge(op, &r, status, content)
	if err != nil {
		return reply{}, fmt.Errorf("%s: HTTP status %d: %w", op.name, status, err)
	}
	return got, nil
}

// judge says what a reply means.
func (b *Boss) judge(op *operation, r *request, status int, content []byte) (reply, error) {
	v := op.status(status)
	if err := v.err(); err != nil {
		return reply{}, err
	}
	got := reply{answer: orders.Answer{Result: v.result}}
	if v.word != readReply && !op.reads() {
		return got, nil // the status says it all
	}
	doc, err := op.parse(content)
	if err != nil && v.word != readReply && v.result.Outcome != orders.Success {
		return got, nil // a refusal by its status; its page for people is not needed
	}
	if err != nil {
		return reply{}, fmt.Errorf("%w: %w", orders.ErrAnswerLost, err)
	}
	got.doc = doc
	if v.word == readReply {
		if v, err = b.code(op, r, doc); err == nil {
			err = v.err()
		}
		if err != nil {
			return reply{}, err
		}
		got.answer.Result = v.result
	}
	got.answer.BossRef = reference(op, r, doc)
	if got.answer.Outcome == orders.Success && len(op.values) > 0 {
		if got.answer.Values, err = readValues(op.values, r, doc); err != nil {
			return reply{}, fmt.Errorf("%w: %w", orders.ErrAnswerLost, err)
		}
	}
	return got, nil
}

// err is the error of a verdict that is no answer, nil for others.
func (v verdict) err() error {
	switch v.word {
	case notDone:
		return fmt.Errorf("%w: it was turned away", orders.ErrNotSent)
	case lost:
		return fmt.Errorf("%w: it does not tell", orders.ErrAnswerLost)
	case notFound:
		return orders.ErrNotFound
	}
	return nil
}

// code reads the condition of success and the code, and looks the code up.
func (b *Boss) code(op *operation, r *request, doc document) (verdict, error) {
	if op.success != nil {
		text, err := one(doc, op.success.at)
		if err != nil {
			return verdict{}, fmt.Errorf("%w: %w", orders.ErrAnswerLost, err)
		}
		if text == op.success.is {
			return verdict{result: confirmed}, nil
		}
	}
	if op.code == nil {
		if op.otherwise == (verdict{}) { // a status of 2xx that nobody has thought of
			return verdict{word: lost}, nil
		}
		return op.otherwise, nil
	}
	code, err := one(doc, *op.code)
	if err == nil && code == "" && op.success == nil {
		err = fmt.Errorf("it has no code at %s", op.code.text)
	}
	if err != nil {
		return verdict{}, fmt.Errorf("%w: %w", orders.ErrAnswerLost, err)
	}
	v, listed := op.outcomes[code]
	if !listed {
		b.log.Warn("BOSS gave a code that no table lists", "operation", op.name, "code", readable(r.discreet(code), 32), "taken_as", op.otherwise.String())
		return op.otherwise, nil
	}
	return v, nil
}

// one is the text that a path leads to, "" for none.
func one(doc document, p path) (string, error) {
	texts, err := doc.texts(p)
	switch {
	case err != nil:
		return "", err
	case len(texts) > 1:
		return "", fmt.Errorf("%s leads to %d things, not to one", p.text, len(texts))
	case len(texts) == 0:
		return "", nil
	}
	return texts[0], nil
}

// reference is the BOSS's own, for people: where it quotes what is private, or is no
// word, there is none.
func reference(op *operation, r *request, doc document) string {
	if op.ref == nil {
		return ""
	}
	ref, err := one(doc, *op.ref)
	if err != nil || r.discreet(ref) != ref || readable(ref, 64) != ref {
		return ""
	}
	return ref
}

// readable is a text as it may stand in a log: printable, and no longer than most.
func readable(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
	if utf8.RuneCountInString(text) > most {
		return string([]rune(text)[:most]) + "…"
	}
	return text
}

// Why no path can be followed in a reply. The libraries' own errors say more, and quote
// the reply for it, which may repeat what was sent: they are not passed on.
var (
	errNotXML  = errors.New("the reply is not XML")
	errNotJSON = errors.New("the reply is not JSON")
	errDeep    = fmt.Errorf("the reply is nested more than %d deep", maxDepth)
	errLarge   = fmt.Errorf("the reply has more than %d elements", maxElements)
)

// The limits of a reply's structure. Trees cost some hundred bytes an element, whatever
// its text, and a path with // or .. goes through all of them, so that the size of the
// reply alone bounds neither memory nor time.
const (
	maxDepth    = 64
	maxElements = 100_000
)
