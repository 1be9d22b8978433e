package tmf

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"

	"hotline/internal/orders"
)

// decode reads a document of the BOSS. Its errors quote nothing of it.
func decode(body []byte, into any) error {
	if err := unambiguous(body); err != nil {
		return err
	}
	if json.Unmarshal(body, into) != nil {
		return errors.New("the reply is not the document that was asked for")
	}
	return nil
}

// unambiguous refuses what is no JSON, and an object with a name twice: of such a one
// every reader may make something else (RFC 8259, 4), and nothing is certain that a BOSS
// says in two ways. encoding/json takes "State" for "state", so that is twice, too.
func unambiguous(body []byte) error {
	if !json.Valid(body) {
		return errors.New("the reply is no JSON")
	}
	type level struct {
		names map[string]bool // nil in an array
		value bool            // a name has been read, its value comes next
	}
	var open []level
	in := json.NewDecoder(bytes.NewReader(body))
	in.UseNumber()
	for {
		token, err := in.Token()
		if err != nil {
			return nil // the end: it is valid
		}
		if token == json.Delim('}') || token == json.Delim(']') {
			open = open[:len(open)-1]
			continue
		}
		if top := len(open) - 1; top >= 0 && open[top].names != nil {
			if !open[top].value {
				name := strings.ToLower(token.(string))
				if open[top].names[name] {
					return errors.New("the reply says the same thing twice in one object")
				}
				open[top].names[name] = true
			}
			open[top].value = !open[top].value
		}
		switch token {
		case json.Delim('{'):
			open = append(open, level{names: map[string]bool{}})
		case json.Delim('['):
			open = append(open, level{})
		}
	}
}

// yuan reads an amount of yuan as fen, exactly: a tenth of a fen is an error.
func yuan(text string) (orders.Money, error) {
	f, err := strconv.ParseFloat(text, 64)
	fen := math.Round(f * 100)
	// Up to here every fen has a float of its own, and an error is far below a tenth. NaN,
	// which can stand in a text, is not up to anything.
	if err != nil || !(math.Abs(f) <= 1e10) || math.Abs(f*100-fen) > 0.001 {
		return 0, errors.New("the reply has an amount that is none")
	}
	return orders.Money(fen), nil
}
