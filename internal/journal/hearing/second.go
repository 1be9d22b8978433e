package hearing

import "math"

// half is how fine a second is told to people: nobody hangs up more exactly.
const half = 500

// halfSeconds sums up counts by half seconds; those without any are left out.
func halfSeconds(counts []Count) []Count {
	halves := []Count{}
	for _, c := range counts {
		at := c.MS / half * half
		if n := len(halves); n == 0 || halves[n-1].MS != at {
			halves = append(halves, Count{MS: at})
		}
		halves[len(halves)-1].N += c.N
	}
	return halves
}

// densest finds the half second with the most failed answers, wherever it begins: callers who
// give up at one place would else be torn apart where two halves meet. nil for none.
func densest(counts []Count) *Second {
	var best *Second
	of := int64(0)
	for i, c := range counts {
		of += c.N
		n, end := int64(0), i
		for ; end < len(counts) && counts[end].MS < c.MS+half; end++ {
			n += counts[end].N
		}
		if best == nil || n > best.N {
			best = &Second{MS: middle(counts[i:end], n), N: n}
		}
	}
	if best != nil {
		best.Of = of
	}
	return best
}

// middle is where half of n have come.
func middle(counts []Count, n int64) int {
	sum := int64(0)
	for _, c := range counts {
		if sum += c.N; 2*sum >= n {
			return c.MS
		}
	}
	return 0
}

// Share is the valid part of answers, in percent, and what is known of it: with 95 %
// certainty the share among all callers is from Low to High (Wilson's score interval,
// JASA 22 (1927) 209: it holds for few answers and for shares near 100 % too). ok is
// false where there are no answers.
func (a Answers) Share() (percent, low, high float64, ok bool) {
	n := float64(a.All())
	if n == 0 {
		return 0, 0, 100, false
	}
	const z = 1.959964 // of the normal distribution, 2.5 % on each side
	p := float64(a.Valid) / n
	centre, spread := p+z*z/(2*n), z*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	whole := 1 + z*z/n
	return 100 * p, 100 * max(0, (centre-spread)/whole), 100 * min(1, (centre+spread)/whole), true
}
