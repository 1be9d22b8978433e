package hearing

import (
	"fmt"
	"testing"
)

// The bounds are those of Wilson's paper's formula, worked out by other programs.
func TestShareSaysHowSureItIs(t *testing.T) {
	for a, want := range map[Answers]string{
		{}:                                     "0.0 (0.0 to 100.0) false",
		{Valid: 8, NoInput: 1, NoMatch: 1}:     "80.0 (49.0 to 94.3) true",
		{Valid: 950, HungUp: 50}:               "95.0 (93.5 to 96.2) true",
		{Valid: 1}:                             "100.0 (20.7 to 100.0) true",
		{NoMatch: 4}:                           "0.0 (0.0 to 49.0) true",
		{Valid: 90, NoInput: 5, NoMatch: 5}:    "90.0 (82.6 to 94.5) true",
		{Valid: 9000, NoInput: 999, HungUp: 1}: "90.0 (89.4 to 90.6) true",
	} {
		percent, low, high, ok := a.Share()
		if got := fmt.Sprintf("%.1f (%.1f to %.1f) %v", percent, low, high, ok); got != want {
			t.Errorf("%+v: %s, want %s", a, got, want)
		}
	}
}

func TestTheDensestHalfSecond(t *testing.T) {
	for name, test := range map[string]struct {
		counts []Count
		halves string
		second string
	}{
		"nobody":                   {nil, "[]", "nowhere"},
		"one":                      {[]Count{{1240, 1}}, "[{1000 1}]", "1240: 1 of 1"},
		"where two halves meet":    {[]Count{{200, 2}, {1480, 3}, {1520, 3}}, "[{0 2} {1000 3} {1500 3}]", "1480: 6 of 8"},
		"the earlier of two alike": {[]Count{{0, 2}, {3000, 2}}, "[{0 2} {3000 2}]", "0: 2 of 4"},
		"half a second has an end": {[]Count{{0, 1}, {480, 1}, {500, 1}, {960, 2}}, "[{0 2} {500 3}]", "500: 4 of 5"},
	} {
		second := "nowhere"
		if at := densest(test.counts); at != nil {
			second = fmt.Sprintf("%d: %d of %d", at.MS, at.N, at.Of)
		}
		if halves := fmt.Sprint(halfSeconds(test.counts)); halves != test.halves || second != test.second {
			t.Errorf("%s: %s %s, want %s %s", name, halves, second, test.halves, test.second)
		}
	}
}
