package proof

import (
	"time"

	"hotline/internal/prompts"
	"hotline/internal/source"
)

// ruleNotice is about a notice of the house that callers hear of too late.
const ruleNotice = "late-notice"

var studioRules = []definition{
	{name: ruleNotice, severity: warning, about: "a notice of the house (`notice` of a prompt) that callers hear of too late ('ivr prompts notices')",
		limits: []limit{{"hours", 6, 0, 8760, "from the notice until its prompts are live"}}},
}

// Longest is how long a recording of a prompt may be before Sound finds fault with it:
// what a studio is told.
func (r *Rules) Longest(lang string, e prompts.Entry) time.Duration {
	most := time.Duration(r.limit(ruleLength, "longest") * float64(prompts.EstimateMS(e.Text)+slackMS) * float64(time.Millisecond))
	if _, waived := e.Waive[ruleTooLong]; waived || r.OffersKey(lang, e.Text) {
		return most
	}
	return min(most, time.Duration(r.limit(ruleTooLong, "seconds")*float64(time.Second)))
}

// Notice is within which time callers are to hear of a notice of the house.
func (r *Rules) Notice() time.Duration {
	return time.Duration(r.limit(ruleNotice, "hours") * float64(time.Hour))
}

// Late gives the finding on a notice of the house that callers have not heard of after
// waited, at a prompt that answers it; none where there is still time.
func (r *Rules) Late(e prompts.Entry, waited time.Duration) source.Problems {
	if waited <= r.Notice() {
		return nil
	}
	return r.about(e, e.Pos, ruleNotice, "callers have not heard of notice %s, which was given %.1f hours ago (at most %g): publish the menus", e.Notice.ID, waited.Hours(), r.Notice().Hours())
}
