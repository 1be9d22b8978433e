package prompts_test

import (
	"testing"

	"hotline/internal/prompts"
)

// TestEstimate is held to what was spoken once (seconds of espeak-ng).
func TestEstimate(t *testing.T) {
	for text, ms := range map[string]int{"三": 360, "您将开通": 1160, "您已经开通了这项业务，不需要重复办理。": 4500, "对不起，业务系统正在维护，暂时不能办理，请您稍后再试。": 6360} {
		if got := prompts.EstimateMS(text); max(got-ms, ms-got) > ms/6 {
			t.Errorf("%s: %d ms, spoken %d", text, got, ms)
		}
	}
}
