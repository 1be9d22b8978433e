package proof

import (
	"time"

	"hotline/internal/prompts"
)

// ruleNotice is about a notice of the house that callers hear of too late.
const ruleNotice = "late-notice"

var studioRules = []definition{
	{name: ruleNotice, severity: warning, about: "a notice of the house (`notice` of a prompt) that callers hear of too late ('ivr prompts notices')",
		limits: []limit{{"hours", 6, 0, 8760, "from the notice until its prompts are live"}}},
}

// Longest is how long a recording of a text may be before Sound finds fault with it: what
// a studio is told.
func (r *Rules) Longest(e prompts.Entry, offersKey bool) time.Duration {
	most := time.Duration(r.limit(ruleLength, "longest") * float64(prompts.EstimateMS(e.Text)) * float64(time.Millisecond))
	if _, waived := e.Waive[ruleTooLong]; waived || offersKey {
		return most
	}
	return min(most, time.Duration(r.limit(ruleTooLong, "seconds")*float64(time.Second)))
}

// Notice is within which time callers are to hear of a notice of the house.
func (r *Rules) Notice() time.Duration {
	return time.Duration(r.limit(ruleNotice, "hours") * float64(time.Hour))
}
