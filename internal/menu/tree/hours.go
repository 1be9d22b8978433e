package tree

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"hotline/internal/source"
)

// weekdays are the days as calendars name them, in their order.
var weekdays = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

const (
	oneDay  = `(mon|tue|wed|thu|fri|sat|sun)`
	days    = `^` + oneDay + `(-` + oneDay + `)?$`
	oneTime = `([01][0-9]|2[0-3]):[0-5][0-9]`
	span    = `^` + oneTime + `-(` + oneTime + `|24:00)$`
	date    = `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`
)

var (
	isDays = regexp.MustCompile(days)
	isSpan = regexp.MustCompile(span)
)

// calendars reads a mapping of calendars, or the name of the file with one.
func (l *loader) calendars() value {
	return value{func(n source.Node) {
		if n.IsObject() {
			l.parts.calendars = append(l.parts.calendars, n)
		} else if f, ok := l.beside(n); ok {
			l.parts.calendars = append(l.parts.calendars, f)
		}
	}, func() schema {
		return schema{"anyOf": []schema{{"$ref": "#/definitions/file"}, {"$ref": "#/definitions/calendars"}}}
	}}
}

// calendar reads one calendar.
func (l *loader) calendar(k, v source.Node) {
	name := k.Scalar()
	if name == "" {
		return
	}
	c, before := &Calendar{Days: map[string][]Span{}}, len(l.problems)
	l.tree.Calendars[name] = c
	named := [7]string{} // by weekday, the key that gave its hours
	v.Entries(func(k, v source.Node) {
		switch key := k.Scalar(); {
		case key == "days":
			v.Entries(func(k, v source.Node) {
				if day := k.Day(); day != "" {
					c.Days[day] = spans(v)
				}
			})
		case isDays.MatchString(key):
			hours := spans(v)
			for _, day := range within(key) {
				if named[day] != "" {
					k.Report("duplicate-key", "the hours of %s are named by %q already", weekdays[(day+6)%7], named[day])
					return
				}
				named[day], c.Week[day] = key, hours
			}
		case key != "":
			k.Report("unknown-key", "unknown key %q (known: days, mon, tue, wed, thu, fri, sat, sun, or from one to another: mon-fri)", key)
		}
	})
	if v.IsObject() && len(l.problems) == before && !slices.ContainsFunc(c.Week[:], func(s []Span) bool { return len(s) > 0 }) {
		v.Report("empty", "this calendar is open on no weekday; name hours, e.g. mon-fri: [\"08:00-22:00\"]")
	}
}

// within gives the weekdays of "mon" or "mon-fri".
func within(key string) []time.Weekday {
	first, last, several := strings.Cut(key, "-")
	if !several {
		last = first
	}
	var all []time.Weekday
	for i := slices.Index(weekdays, first); ; i = (i + 1) % 7 {
		all = append(all, time.Weekday((i+1)%7)) // time's week begins on Sunday
		if weekdays[i] == last {
			return all
		}
	}
}

// spans reads the hours of a day, from the earliest on; none is a day off.
func spans(n source.Node) []Span {
	all := []Span{}
	n.List(func(n source.Node) {
		text := n.Text()
		if text == "" {
			return
		}
		if !isSpan.MatchString(text) {
			n.Report("hours", "expected hours such as \"08:00-22:00\" (to \"24:00\" at most), found %q", text)
			return
		}
		var h1, m1, h2, m2 int
		_, _ = fmt.Sscanf(text, "%d:%d-%d:%d", &h1, &m1, &h2, &m2) // as just seen
		s := Span{h1*60 + m1, h2*60 + m2}
		switch {
		case s.From >= s.To:
			n.Report("hours", "%q ends before it begins; hours over midnight are two: to \"24:00\", and from \"00:00\" on the next day", text)
		case len(all) > 0 && s.From < all[len(all)-1].To:
			n.Report("hours", "%q begins before the hours before it have ended", text)
		default:
			all = append(all, s)
		}
	})
	return all
}

// calendarSchema is one calendar for editors.
func calendarSchema() schema {
	hours := schema{"type": "array", "items": schema{"type": "string", "pattern": span}}
	return schema{"type": "object", "additionalProperties": false,
		"patternProperties": schema{days: hours},
		"properties":        schema{"days": schema{"type": "object", "propertyNames": schema{"pattern": date}, "additionalProperties": hours, "description": "days that differ; [] is a holiday"}}}
}

// calendarName reads the name of a calendar.
func (l *loader) calendarName(to *string) value {
	return text(to).also(func(n source.Node) {
		if _, there := l.tree.Calendars[*to]; !there && !l.blind && *to != "" {
			n.Report("dangling", "no calendar %q%s", *to, didYouMean(*to, l.tree.Calendars, " (see 'calendars')"))
		}
	})
}
