package sound

import (
	"math"
	"slices"
)

const (
	pauseBlocks = 12 // 60 ms: the shortest pause that is listened to
	quietest    = 5  // percent of the time that are pauses at least
	alike       = 3  // dB by which pauses differ
	notSpeech   = 17 // dB below loud vowels; a recording that is nowhere so quiet has no pause
)

// pauses measures what is heard where the recording is quietest: its power, the part of it above
// 2 kHz, and the part that is mains hum. They are Quiet where it has no pause.
func (s *spectrum) pauses() (floor, hiss, hum float64) {
	// A studio that puts digital silence around a noisy recording does not make it quiet.
	first := slices.IndexFunc(s.all, func(x float64) bool { return x > inaudible })
	last := len(s.all)
	for last > first && s.all[last-1] <= inaudible {
		last--
	}
	if first < 0 || last-first < pauseBlocks {
		return Quiet, Quiet, Quiet
	}
	windows := smooth(s.all[first:last], pauseBlocks)
	quiet := percentile(windows, quietest)
	if quiet <= inaudible || quiet > loudest(s.all)*ratio(-notSpeech) {
		return Quiet, Quiet, Quiet
	}
	var all, high float64
	var runs [][2]int // samples: where pauses begin and end
	n := 0
	for i, w := range windows {
		if w > quiet*ratio(alike) {
			continue
		}
		from, to := (first+i)*s.block, (first+i+pauseBlocks)*s.block
		if r := len(runs) - 1; r >= 0 && runs[r][1] >= from {
			runs[r][1] = to
		} else {
			runs = append(runs, [2]int{from, to})
		}
		all, n = all+w, n+1
		for _, h := range s.high[first+i : first+i+pauseBlocks] {
			high += h / pauseBlocks
		}
	}
	return decibels(all / float64(n)), decibels(high / float64(n)), s.hum(runs)
}

// Mains hum is looked for below 1 kHz, which a rate of 2 kHz has room for.
const (
	humRate   = 2000
	harmonics = 9
	humShare  = 0.5 // of all that is so low: less is rumble and breath
)

// hum is the level of 50 or 60 Hz and their multiples in the pauses.
func (s *spectrum) hum(runs [][2]int) float64 {
	every := max(s.p.Rate/humRate, 1)
	rate := float64(s.p.Rate) / float64(every)
	var low, lines50, lines60, total float64
	for _, r := range runs {
		x := s.decimate(r[0], r[1], every)
		weight := float64(len(x))
		total += weight
		for _, v := range x {
			low += v * v
		}
		lines50 += weight * lines(x, 50/rate)
		lines60 += weight * lines(x, 60/rate)
	}
	power := max(lines50, lines60) / total
	if power < humShare*low/total {
		return Quiet
	}
	return decibels(power)
}

// decimate takes the means of some samples each. They let through little enough of what
// does not fit into the lower rate for hum to stand out.
func (s *spectrum) decimate(from, to, every int) []float64 {
	out := make([]float64, (to-from)/every)
	for i := range out {
		for _, v := range s.p.Samples[from+i*every : from+(i+1)*every] {
			out[i] += (float64(v) - s.offset) / float64(every)
		}
	}
	return out
}

// lines is the power of a frequency (as a part of the rate) and its multiples over what there is
// half way between them.
func lines(x []float64, frequency float64) (power float64) {
	between := at(x, frequency/2)
	for k := 1.0; k <= harmonics; k++ {
		next := at(x, (k+0.5)*frequency)
		power += max(0, at(x, k*frequency)-(between+next)/2)
		between = next
	}
	return power
}

// at is the mean square of a frequency, by Goertzel's algorithm.
func at(x []float64, frequency float64) float64 {
	c := 2 * math.Cos(2*math.Pi*frequency)
	var s1, s2 float64
	for _, v := range x {
		s1, s2 = v+c*s1-s2, s1
	}
	n := float64(len(x))
	return 2 * (s1*s1 + s2*s2 - c*s1*s2) / (n * n)
}
