package sound

import (
	"math"
	"slices"
)

// A cut top is a corner: the sound rises steeply, stays where it is and falls steeply. The top of
// a wave is round: of a parabola's n samples, those outside the top fall by no more than three
// times of what those within it differ by, however flat it looks in a quiet recording.
const (
	cornerRatio = 8    // a step outside of the top, over the differences within it
	topFrom     = 0.97 // of the peak; all tops are cut at one height
	flatWithin  = 400  // a part of the height: rounding after the cut
	shortestTop = 3    // samples
	fullTop     = 2    // samples, where they are as high as samples can be
	leastPeak   = 200  // below, samples are too coarse to tell
)

// clipped counts the places where tops are cut flat, whether or not the sound was made
// softer afterwards.
func clipped(p PCM) int {
	above, below := p.Samples, make([]int16, len(p.Samples))
	for i, s := range above {
		below[i] = int16(-max(int(s), -maxSample))
	}
	step := func(int) int { return 1 }
	if companded(p.Samples) {
		step = func(height int) int { return height / 16 } // what differs is the same code
	}
	return cutTops(above, step) + cutTops(below, step) + stuck(p)
}

// Sound does not stand still away from where it rests; what was overwritten in a file does.
const (
	stillPerSecond = 50   // stretches of 20 ms are counted
	awayFromRest   = 1000 // samples: of -30 dBov
)

// stuck counts the stretches in which no sample moves. A recording with a constant offset rests at it.
func stuck(p PCM) (n int) {
	long := max(p.Rate/stillPerSecond, 1)
	var still []int16
	for i, end := 0, 0; i < len(p.Samples); i = end {
		for end = i + 1; end < len(p.Samples) && p.Samples[end] == p.Samples[i]; end++ {
		}
		if s := p.Samples[i]; s >= awayFromRest || s <= -awayFromRest {
			for range (end - i) / long {
				still = append(still, s)
			}
		}
	}
	if len(still) == 0 {
		return 0
	}
	rest := slices.Sorted(slices.Values(p.Samples))[len(p.Samples)/2]
	for _, s := range still {
		if away := int(s) - int(rest); max(away, -away) >= awayFromRest {
			n++
		}
	}
	return n
}

// cutTops counts those above 0. step is how far two samples of a height are apart that are
// next to each other in the recording's own resolution.
func cutTops(samples []int16, step func(height int) int) (n int) {
	peak := int16(0)
	for _, s := range samples {
		peak = max(peak, s)
	}
	if peak < leastPeak {
		return 0
	}
	from := int16(math.Ceil(topFrom * float64(peak)))
	for i := 1; i < len(samples); i++ {
		if samples[i] < from {
			continue
		}
		lowest, highest, end := samples[i], samples[i], i+1
		within := samples[i]/flatWithin + 1
		for end < len(samples) && max(highest, samples[end])-min(lowest, samples[end]) <= within {
			lowest, highest = min(lowest, samples[end]), max(highest, samples[end])
			end++
		}
		if end < len(samples) {
			differ := int(highest-lowest) + step(int(highest))
			rises, falls := int(samples[i])-int(samples[i-1]), int(samples[end-1])-int(samples[end])
			shortest := shortestTop
			if highest >= maxSample-1 {
				shortest = fullTop
			}
			if end-i >= shortest && min(rises, falls) >= cornerRatio*differ {
				n++
			}
		}
		i = end - 1
	}
	return n
}

// companded tells whether every sample is one that A-law or mu-law has a code for.
func companded(samples []int16) bool {
	isA, isU := true, true
	for _, s := range samples {
		isA = isA && alawLinear(alaw(s)) == s
		isU = isU && ulawLinear(ulaw(s)) == s
		if !isA && !isU {
			return false
		}
	}
	return true
}
