package sound

import "math"

const maxSample = math.MaxInt16

// Mix makes one channel of several: their average, as of a caller with one ear. What is below
// 30 Hz is taken away, above all the constant offset of a bad sound card, which would click
// wherever it begins or ends. Channels are of one rate; the shorter ones end in silence.
func Mix(channels []PCM) PCM {
	if len(channels) == 0 {
		return PCM{}
	}
	longest := 0
	for _, c := range channels {
		longest = max(longest, len(c.Samples))
	}
	sum := make([]float64, longest)
	for _, c := range channels {
		f := highPass(offsetBelow, c)
		for i, s := range c.Samples {
			sum[i] += f.pass(float64(s))
		}
	}
	out := PCM{Rate: channels[0].Rate, Samples: make([]int16, longest)}
	part := 1 / float64(len(channels))
	for i, x := range sum {
		out.Samples[i] = round(x * part)
	}
	return out
}

const offsetBelow = 30.0 // Hz

// round gives the nearest sample.
func round(x float64) int16 {
	return int16(min(max(math.Round(x), -maxSample), maxSample))
}

// Gain makes sound louder by db, or softer. It never clips: a gain that would is
// reduced to what does not (limited).
func Gain(p PCM, db float64) (out PCM, limited bool) {
	peak := peakOf(p.Samples)
	factor := math.Pow(10, db/20)
	if most := maxSample / max(peak, 1); factor > most {
		factor, limited = most, true
	}
	out = PCM{Rate: p.Rate, Samples: make([]int16, len(p.Samples))}
	for i, s := range p.Samples {
		out.Samples[i] = round(float64(s) * factor)
	}
	return out, limited
}

// peakOf is the largest distance of a sample from 0.
func peakOf(samples []int16) float64 {
	peak := 0
	for _, s := range samples {
		peak = max(peak, int(s), -int(s))
	}
	return float64(peak)
}

// ToLevel brings speech to a level (dBov): see TargetLevel. It gives the levels before and
// after, and whether the sound has peaks that do not allow the target (limited). Sound
// without speech stays as it is, its level Quiet.
//
// A fragment of a spoken number is too short for P.56, which would count the 0.2 s of its
// hangover as speech: it is measured as it is heard, among others, back to back.
func ToLevel(p PCM, target float64) (out PCM, before, after float64, limited bool) {
	if before, _ = heardLevel(p); before == Quiet {
		return p, before, before, false
	}
	out, limited = Gain(p, target-before)
	after, _ = heardLevel(out)
	return out, before, after, limited
}

// What is shorter than fragmentSeconds is repeated for at least enoughSeconds.
const (
	fragmentSeconds = 1
	enoughSeconds   = 3
)

// heardLevel is Level, of a fragment as it is concatenated.
func heardLevel(p PCM) (level, activity float64) {
	if n := len(p.Samples); n > 0 && n < fragmentSeconds*p.Rate {
		again := PCM{Rate: p.Rate}
		for len(again.Samples) < enoughSeconds*p.Rate {
			again.Samples = append(again.Samples, p.Samples...)
		}
		p = again
	}
	return Level(p)
}
