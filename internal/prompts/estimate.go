package prompts

import "unicode"

// EstimateMS is how many milliseconds a text takes to be said where there is no recording
// of it, from what espeak-ng made of the shipped ones (mean error 0.1 s a prompt): a
// Chinese character or a figure, a letter, and the pause of a mark.
func EstimateMS(text string) int {
	ms := 60
	for _, r := range text {
		switch {
		case unicode.Is(unicode.Han, r), unicode.IsDigit(r):
			ms += 245
		case unicode.IsPunct(r):
			ms += 140
		default:
			ms += 65
		}
	}
	return ms
}
