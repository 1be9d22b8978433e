package source

import (
	"fmt"
	"iter"
	"slices"
)

// Nearest is the known name that a misspelt one was most likely meant to be, "" for
// none: one slip of the pen away, or two in a long name.
func Nearest(name string, known iter.Seq[string]) string {
	written := []rune(name)
	best, at := "", 2
	if len(written) > 5 {
		at = 3
	}
	for id := range known {
		candidate := []rune(id)
		if d := len(written) - len(candidate); d > at || -d > at || len(written) < 2 {
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

// distance is Levenshtein's, with two letters that have changed places as one slip.
func distance(a, b []rune) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
