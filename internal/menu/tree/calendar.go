package tree

import "time"

// Calendar is when somebody is there: hours by weekday, and days that differ.
// Times are local to the hotline.
type Calendar struct {
	Week [7][]Span         // by time.Weekday
	Days map[string][]Span // by date "2026-10-01"; none at all is a holiday
}

// Span is a part of a day, from the minute From up to but not including To.
type Span struct{ From, To int }

// The values of a calendar at a time.
const (
	OpenHours   = "open"
	ClosedHours = "closed"
	Holiday     = "holiday" // a day of its own without any hours
)

// At tells whether it is open at a local time.
func (c *Calendar) At(t time.Time) string {
	spans, special := c.Days[t.Format(time.DateOnly)]
	if !special {
		spans = c.Week[t.Weekday()]
	} else if len(spans) == 0 {
		return Holiday
	}
	minute := t.Hour()*60 + t.Minute()
	for _, s := range spans {
		if s.From <= minute && minute < s.To {
			return OpenHours
		}
	}
	return ClosedHours
}
