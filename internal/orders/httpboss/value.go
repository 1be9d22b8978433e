package httpboss

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"hotline/internal/orders"
)

// value says where one value of an answer stands, and how it is to be read.
type value struct {
	name     string
	at       path
	as       orders.ValueKind
	format   format
	words    map[string]string // the BOSS's to ours, of words and lists; nil: as they are
	unlisted string            // what a word that is none of words becomes; skip, of lists: nothing; "": an error
	optional bool
}

// skip leaves out what words do not list: of all that an operator sells, the hotline may
// know some twenty services.
const skip = "skip"

// readValues reads the values of an answer. An optional one may be missing; any other
// that cannot be read makes the whole answer none, since menus speak them in one sentence.
func readValues(values []value, r *request, doc document) (map[string]orders.Value, error) {
	got := map[string]orders.Value{}
	for _, v := range values {
		texts, err := doc.texts(v.at)
		if err != nil {
			return nil, fmt.Errorf("value %s: %w", v.name, err)
		}
		if v.as != orders.ValueList && len(texts) == 0 && v.optional {
			continue
		}
		read, err := v.read(texts)
		if err == nil && read.Word != "" && v.as != orders.ValuePhone && r.discreet(read.Word) != read.Word {
			err = errors.New("it repeats what is private of the request")
		}
		if err != nil {
			return nil, fmt.Errorf("value %s: %w", v.name, err)
		}
		got[v.name] = read
	}
	return got, nil
}

// read makes a typed value of what its path led to. Errors do not quote it.
func (v value) read(texts []string) (orders.Value, error) {
	read := orders.Value{Kind: v.as}
	if v.as == orders.ValueList {
		words, err := v.list(texts)
		read.Word = strings.Join(words, ",")
		return read, err
	}
	if len(texts) != 1 {
		return read, fmt.Errorf("%s leads to %d things, not to one", v.at.text, len(texts))
	}
	var err error
	switch text := texts[0]; v.as {
	case orders.ValueMoney:
		var m orders.Money
		m, err = v.format.money(text)
		read.Number = int64(m)
	case orders.ValueCount:
		if read.Number, err = strconv.ParseInt(text, 10, 64); err != nil {
			err = errors.New("it is no whole number")
		}
	case orders.ValueDate, orders.ValueMonth, orders.ValueTime:
		read.Number, err = v.moment(text)
	default:
		read.Word, err = v.word(text)
	}
	return read, err
}

// moment reads a day, a month or a time of day, as the BOSS's own clock shows it.
func (v value) moment(text string) (int64, error) {
	t, err := time.Parse(v.format.layout, text)
	if err != nil {
		return 0, fmt.Errorf("it is not of the pattern %s", v.format.pattern)
	}
	switch v.as {
	case orders.ValueMonth:
		return int64(t.Year()*100 + int(t.Month())), nil
	case orders.ValueTime:
		return int64(t.Hour()*100 + t.Minute()), nil
	}
	return int64(t.Year()*10000 + int(t.Month())*100 + t.Day()), nil
}

var (
	figures = regexp.MustCompile(`^[0-9]{1,32}$`)
	dialled = regexp.MustCompile(`^\+?[0-9]{3,15}$`)
)

// word is ours for a word of the BOSS. A comma would make two words of one, in a list.
func (v value) word(text string) (string, error) {
	switch v.as {
	case orders.ValueCode:
		if !figures.MatchString(text) {
			return "", errors.New("it is no code of figures")
		}
		return text, nil
	case orders.ValuePhone:
		if !dialled.MatchString(text) {
			return "", errors.New("it is no telephone number")
		}
		return strings.TrimPrefix(text, "+"), nil
	}
	if ours, listed := v.words[text]; listed {
		return ours, nil
	}
	switch {
	case v.unlisted != "":
		return v.unlisted, nil
	case v.words != nil:
		return "", errors.New("its word is in no table")
	case strings.ContainsRune(text, ','):
		return "", errors.New("there is a comma in a word")
	}
	return text, nil
}

// list is ours for each word of the BOSS, each once: two of its products may be one service.
func (v value) list(texts []string) (words []string, _ error) {
	for _, text := range texts {
		word, err := v.word(text)
		if err != nil {
			return nil, err
		}
		if _, listed := v.words[text]; v.unlisted == skip && !listed {
			continue
		}
		if !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return words, nil
}

// priceOperation asks for the prices of all services at once.
type priceOperation struct {
	operation
	each    path // one for each service
	service path // within each
	price   path // within each
	format  format
	words   map[string]string // the BOSS's names of services to ours; nil: they are ours
}

// read gives the prices by service. Of those that words do not list none is told.
func (p *priceOperation) read(doc document) (map[string]orders.Money, error) {
	parts, err := doc.parts(p.each)
	if err != nil {
		return nil, err
	}
	prices := map[string]orders.Money{}
	for i, part := range parts {
		service, err := one(part, p.service)
		if err == nil && service == "" {
			err = errors.New("it names no service")
		}
		var price string
		if err == nil {
			price, err = one(part, p.price)
		}
		var m orders.Money
		if err == nil {
			m, err = p.format.money(price)
		}
		if err != nil {
			return nil, fmt.Errorf("the %d. of %s: %w", i+1, p.each.text, err)
		}
		if p.words != nil {
			ours, listed := p.words[service]
			if !listed {
				continue
			}
			service = ours
		}
		if before, twice := prices[service]; twice && before != m {
			return nil, fmt.Errorf("two prices for one service, the second is the %d. of %s", i+1, p.each.text)
		}
		prices[service] = m
	}
	return prices, nil
}

// inverse has the BOSS's words first.
func (t table) inverse() map[string]string {
	words := make(map[string]string, len(t))
	for _, ours := range slices.Sorted(maps.Keys(t)) {
		words[t[ours]] = ours
	}
	return words
}
