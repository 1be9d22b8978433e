package check

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"hotline/internal/menu/tree"
	"hotline/internal/orders/entry"
)

// plainFigures are typed where an entry is nobody's secret.
const plainFigures = "246801357"

// words are the entries that are tried at a node: one of each fault, the shortest
// first, and right ones. Which figures are typed makes no difference to a call, only what becomes of them.
func words(kind entry.Kind, fewest, most int, secret string) []string {
	var all []string
	// Two right ones of each kind, so that a second entry can be unlike the first.
	switch kind {
	case entry.Amount:
		all = []string{"50", "6*5", "1*2*3"}
	case entry.Month:
		all = []string{"2610", "2609", "2613"}
	case entry.Phone:
		all = []string{"1" + spread(secret, 10), "1" + spread(secret[1:], 10), "2" + spread(secret, 10)}
	case entry.IDCard:
		all = []string{checked(spread(secret, 17)), checked(spread(secret[1:], 17)), wrongly(checked(spread(secret, 17)))}
	default:
		all = []string{spread(secret, fewest), spread(secret, most), spread(secret[1:], most)}
	}
	if fewest > 1 {
		all = append(all, secret[:1])
	}
	all = append(all, spread(secret, most+1))
	wrongFirst := func(a, b string) int {
		return cmp.Or(cmp.Compare(valid(kind, a, fewest, most), valid(kind, b, fewest, most)), cmp.Compare(len(a), len(b)), strings.Compare(a, b))
	}
	slices.SortFunc(all, wrongFirst)
	return slices.Compact(all)
}

// valid is 1 for a right entry and 0 for a wrong one.
func valid(kind entry.Kind, keys string, fewest, most int) int {
	if _, fault := kind.Parse(keys, fewest, most); fault != entry.NoFault {
		return 0
	}
	return 1
}

// spread repeats figures to a length.
func spread(figures string, length int) string {
	return strings.Repeat(figures, length/len(figures)+1)[:length]
}

// checked adds the check character that makes 17 figures an identity number.
func checked(figures string) string {
	for _, last := range "0123456789*" {
		if _, fault := entry.IDCard.Parse(figures+string(last), 18, 18); fault == entry.NoFault {
			return figures + string(last)
		}
	}
	return figures
}

func wrongly(number string) string {
	if number[17] == '1' {
		return number[:17] + "2"
	}
	return number[:17] + "1"
}

// unusual gives figures of which no three in a row are part of a name in the menu,
// so that finding them in an effect means that they have leaked.
func unusual(t *tree.Tree) string {
	var names strings.Builder
	for id, n := range t.Nodes {
		names.WriteString(id + " ") // codes are figures, and stand in many effects
		if n.Transfer != nil {
			names.WriteString(n.Transfer.Queue + " ")
		}
	}
	for id := range t.Services {
		names.WriteString(id + " ")
	}
	known := names.String() + plainFigures + plainFigures
	for _, figures := range []string{"975318642", "864297531", "753918246", "918273645", "538174629", "684719352"} {
		twice := figures + figures[:2]
		if !slices.ContainsFunc(slices.Collect(triples(twice)), func(three string) bool { return strings.Contains(known, three) }) {
			return figures
		}
	}
	return "975318642"
}

func triples(s string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for i := 0; i+3 <= len(s); i++ {
			if !yield(s[i : i+3]) {
				return
			}
		}
	}
}

// continuations are the characters with which one of the words goes on after typed.
func continuations(words []string, typed string) string {
	next := map[byte]bool{}
	for _, w := range words {
		if len(w) > len(typed) && strings.HasPrefix(w, typed) {
			next[w[len(typed)]] = true
		}
	}
	return string(slices.Sorted(maps.Keys(next)))
}

// codes are the speed-dial codes that are tried: all there are, and one that is none.
func codes(t *tree.Tree) []string {
	all := slices.Sorted(maps.Keys(t.Codes))
	for _, none := range []string{"99", "98", "9", "0", "00000"} {
		if !slices.ContainsFunc(all, func(code string) bool { return strings.HasPrefix(code, none) }) {
			return append(all, none)
		}
	}
	return all
}
