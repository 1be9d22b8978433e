package proof

import (
	"hotline/internal/prompts"
	"hotline/internal/source"
)

// ruleUnderstanding is about what callers make of a prompt, which only calls can tell.
const ruleUnderstanding = "understanding"

var callRules = []definition{
	{name: ruleUnderstanding, severity: warning, about: "a prompt that too few callers answer right at the first try ('ivr prompts report')",
		limits: []limit{{"percent", 95, 0, 100, "of them that do, at least"}}},
}

// Understanding is how many percent of callers are to answer a prompt right at the
// first try, at least.
func (r *Rules) Understanding() float64 { return r.limit(ruleUnderstanding, "percent") }

// Misunderstood gives the finding on a prompt that percent of callers answer right, where
// that is less than least: none where it may be chance, as it is if the true share
// may be high.
func (r *Rules) Misunderstood(e prompts.Entry, percent, high, least float64) source.Problems {
	if high >= least {
		return nil
	}
	return r.about(e, e.Pos, ruleUnderstanding, "%.1f %% of callers answer it right at the first try (at least %g %%): say it in plainer words, or ask for less at a time", percent, least)
}
