package sound

import (
	"math"
	"slices"
)

// What Trim leaves, in milliseconds. Fragments are played one after the other without a
// pause, so what is left before and after the sound is the pause: 35 to 55 with the
// padding of frames.
const (
	keepFront = 10
	keepBack  = 25
	fade      = 5 // lets the cut begin and end at zero, without a click
)

// Trim cuts the silence at both ends, gently: 10 ms are left before the sound and 25
// after it, and the outermost 5 ms of what there was are faded. It gives no samples where
// there is no sound. A constant offset is left in: Mix takes it away.
//
// Silence is what is hardly louder than the recording's own noise, or far below its vowels.
// What is above 2 kHz is looked at for itself: there a soft f or s stands out of a
// studio's noise, which is lower.
func Trim(p PCM) PCM {
	first, last, ok := newSpectrum(p, voiceFrom).bounds()
	if !ok {
		return PCM{Rate: p.Rate}
	}
	ms := func(n int) int { return n * p.Rate / 1000 }
	front, back := ms(keepFront), ms(keepBack)
	// Where the recording has less silence than is kept, the rest is 0.
	from, to := max(0, first-front), min(len(p.Samples), last+1+back)
	out := make([]int16, front+last+1-first+back)
	kept := out[front-(first-from):][:to-from]
	copy(kept, p.Samples[from:to])
	n := min(ms(fade), len(kept)/2)
	for i := range n {
		kept[i] = int16(int(kept[i]) * i / n)
		kept[len(kept)-1-i] = int16(int(kept[len(kept)-1-i]) * i / n)
	}
	return PCM{Rate: p.Rate, Samples: out}
}

// spectrum is a recording's power over time, of the frequencies that are asked about: in blocks
// of 5 ms the mean squares of all, and of what is above 2 kHz.
type spectrum struct {
	rate      int
	samples   []float64 // without what is too low to be heard
	block     int       // samples
	all, high []float64
}

const (
	blocksPerSecond = 200
	highFrom        = 2000.0 // Hz; the telephone carries up to 3400
	voiceFrom       = 200.0  // Hz, and from 300; below is rumble, hum and the push of a breath
)

func newSpectrum(p PCM, from float64) *spectrum {
	s := &spectrum{rate: p.Rate, samples: make([]float64, len(p.Samples)), block: max(p.Rate/blocksPerSecond, 1)}
	n := len(p.Samples) / s.block
	s.all, s.high = make([]float64, n), make([]float64, n)
	low, lower, high := highPass(from, p), highPass(from, PCM{Rate: p.Rate}), highPass(highFrom, PCM{Rate: p.Rate})
	for i, v := range p.Samples {
		x := lower.pass(low.pass(float64(v)))
		y := high.pass(x)
		s.samples[i] = x
		if b := i / s.block; b < n {
			s.all[b] += x * x
			s.high[b] += y * y
		}
	}
	for b := range n {
		s.all[b] /= float64(s.block)
		s.high[b] /= float64(s.block)
	}
	return s
}

// Distances in dB, and what tells noise from a soft consonant: noise lasts, and nowhere is it much
// softer. Where nothing is like that the recording was cut closely, and its softest sounds
// are not taken for noise.
const (
	noiseBlocks = 40 // 200 ms
	steady      = 5  // by which 20 ms of noise are softer than 200
	aboveNoise  = 8  // of a block of noise over the mean of noise
	noCloser    = 17 // what is that near to the loud vowels is sound, whatever the noise
	noFarther   = 38 // what is farther below them is silence: the trail of a room
	highFarther = 3  // more above 2 kHz, where soft consonants are
)

// bounds are the first and the last sample of the sound; ok is false where there is none.
func (s *spectrum) bounds() (first, last int, ok bool) {
	if len(s.all) == 0 {
		return 0, 0, false
	}
	loud := loudest(s.all)
	threshold := func(power []float64, farther float64) float64 {
		t := max(loud*ratio(-farther), inaudible)
		if noise, ok := noiseOf(power); ok {
			t = max(t, min(noise*ratio(aboveNoise), loud*ratio(-noCloser)))
		}
		return t
	}
	all, high := threshold(s.all, noFarther), threshold(s.high, noFarther+highFarther)
	// The filter is still to be heard after an abrupt end: what is not in the whole is no sound.
	heard := func(i int) bool { return s.all[i] > all || min(s.high[i], s.all[i]) > high }
	// Two blocks of three: a click of the mouse is no sound.
	sound := func(i, step int) bool {
		n := 0
		for k := range 3 {
			if j := i + k*step; j >= 0 && j < len(s.all) && heard(j) {
				n++
			}
		}
		return heard(i) && n >= 2
	}
	from, to := 0, len(s.all)-1
	for from <= to && !sound(from, 1) {
		from++
	}
	if from > to {
		return 0, 0, false
	}
	for !sound(to, -1) {
		to--
	}
	return s.edge(from, 1, all), s.edge(to, -1, all), true
}

// noiseOf is the power of a recording's noise; ok is false where it has none that is known.
func noiseOf(power []float64) (noise float64, ok bool) {
	power, _ = withoutSilence(power)
	if len(power) < noiseBlocks {
		return 0, false
	}
	noise = slices.Min(smooth(power, noiseBlocks))
	return noise, noise < slices.Min(smooth(power, shortPause))*ratio(steady)
}

// inaudible is the mean square of what A-law sends as silence.
const inaudible = 8 * 8

// withoutSilence leaves digital silence at both ends away, and tells how many blocks at the first: a
// studio that puts it around a noisy recording does not make that quiet.
func withoutSilence(power []float64) (rest []float64, first int) {
	for len(power) > 0 && power[len(power)-1] <= inaudible {
		power = power[:len(power)-1]
	}
	for first < len(power) && power[first] <= inaudible {
		first++
	}
	return power[first:], first
}

// edge is where in a block, or in the one before it, the sound begins (or ends, with step -1).
func (s *spectrum) edge(block, step int, threshold float64) int {
	at, end := max(0, block-1)*s.block, (block+1)*s.block-1
	if step < 0 {
		at, end = min(len(s.samples), (block+2)*s.block)-1, block*s.block
	}
	amplitude := math.Sqrt(2 * threshold)
	for ; at != end; at += step {
		if math.Abs(s.samples[at]) > amplitude {
			return at
		}
	}
	return end - step*(s.block-1) // a soft one: all of the block
}

// ratio of powers.
func ratio(db float64) float64 { return math.Pow(10, db/10) }

// loudest is how loud the loud vowels are: what 100 ms of a recording, or half of a shorter one, reach.
// So a knock is not it, nor does it depend on how much silence there is.
func loudest(power []float64) float64 {
	if len(power) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(power))
	return sorted[len(sorted)-1-min(blocksPerSecond/10, len(sorted)/2)]
}

// smooth gives the means of n values on end.
func smooth(values []float64, n int) []float64 {
	if len(values) < n {
		return values
	}
	out := make([]float64, len(values)-n+1)
	for i := range out {
		for _, v := range values[i : i+n] {
			out[i] += v / float64(n)
		}
	}
	return out
}
