package source

import (
	"fmt"
	"iter"
	"slices"
)

// Nearest is the known name that a misspelt one was most likely meant to be, "" for none.
func Nearest(name string, known iter.Seq[string]) string {
	written := []rune(name)
	best, at := "", min(3, len(written)/2+1)
	for id := range known {
		candidate := []rune(id)
		if d := len(written) - len(candidate); d > at || -d > at {
			continue // the distance is no less
		}
		if d := distance(written, candidate); d < at || d == at && best != "" && id < best {
			best, at = id, d
		}
	}
	return best
}

// didYouMean asks about the nearest name; "" where there is none.
func didYouMean(name string, known []string) string {
	if best := Nearest(name, slices.Values(known)); best != "" {
		return fmt.Sprintf(" (did you mean %q?)", best)
	}
	return ""
}

// distance is Levenshtein's.
func distance(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diagonal, row[j] = row[j], min(row[j]+1, row[j-1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
