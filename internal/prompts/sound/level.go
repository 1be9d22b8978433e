package sound

import "math"

// TargetLevel is what every prompt is brought to, in dBov: the nominal level of speech in ITU-T's
// tests of telephone codecs (P.830). The peaks of a voice, 15 to 20 dB above, have room.
const TargetLevel = -26.0

// The parameters of ITU-T P.56 (12/2011), method B.
const (
	smoothing  = 0.03 // seconds: time constant of each of the two smoothings of the envelope
	hangover   = 0.2  // seconds that speech lasts after its envelope has fallen below a threshold
	margin     = 15.9 // dB between the threshold that decides what speech is and the level of that speech
	thresholds = 15   // each of half the one above, from half of full scale down to 1/32768
)

// fullScale is the sample that 0 dBov stands for.
const fullScale = 32768.0

// decibels of a mean square in the square of samples.
func decibels(square float64) float64 {
	if square <= 0 {
		return Quiet
	}
	return max(10*math.Log10(square/(fullScale*fullScale)), Quiet)
}

// Level is the active speech level in dBov and the activity factor (0 to 1) of ITU-T
// P.56, method B: the mean power of the speech and of its short pauses, not of what is
// silent around it. It is Quiet, 0 where there is no speech. A constant offset is not
// heard, so it is left out; the rest agrees with the reference sv56 of ITU-T G.191.
//
// What is shorter than a second is mostly beginning and hangover: see ToLevel.
func Level(p PCM) (level, activity float64) {
	m := newMeter(p.Rate)
	offset := mean(p.Samples)
	for _, s := range p.Samples {
		m.hear(float64(s) - offset)
	}
	return m.result()
}

// meter is P.56's state. Which thresholds the envelope is above is one number, as each
// threshold is half of the next; so a sample costs no loop over all of them, only a
// crossing does.
type meter struct {
	n       int
	squares float64
	keep    float64 // of a smoothing's value, every sample
	p, q    float64 // the two smoothings
	hang    int     // samples of hangover

	above  int                 // thresholds that q reaches now
	spent  [thresholds + 1]int // samples at which it reached so many
	hung   [thresholds]int     // samples below a threshold that were hangover
	fellAt [thresholds]int     // when q fell below it; -1 before it ever was above
}

func newMeter(rate int) *meter {
	m := &meter{keep: math.Exp(-1 / (float64(rate) * smoothing)), hang: int(hangover*float64(rate) + 0.5)}
	for j := range m.fellAt {
		m.fellAt[j] = -1
	}
	return m
}

// hear takes one sample, on the scale of 16 bits.
func (m *meter) hear(x float64) {
	m.squares += x * x
	m.p += (1 - m.keep) * (math.Abs(x) + nothing - m.p) // see filter
	m.q += (1 - m.keep) * (m.p - m.q)

	// The lowest threshold is 1, so the exponent of q counts those that it reaches.
	above := min(max(int(math.Float64bits(m.q)>>52)-1022, 0), thresholds)
	for ; m.above < above; m.above++ {
		m.hung[m.above] += m.hangs(m.above)
	}
	for m.above > above {
		m.above--
		m.fellAt[m.above] = m.n
	}
	m.spent[above]++
	m.n++
}

// hangs is how long the hangover has lasted since q fell below a threshold.
func (m *meter) hangs(j int) int {
	if m.fellAt[j] < 0 {
		return 0
	}
	return min(m.n-m.fellAt[j], m.hang)
}

// result finds the threshold that lies the margin below the level of what is active at
// it, between the two of the fifteen that it lies between.
func (m *meter) result() (level, activity float64) {
	active := 0 // samples that were so loud, without hangover
	var counts [thresholds]int
	for j := thresholds - 1; j >= 0; j-- {
		active += m.spent[j+1]
		counts[j] = active + m.hung[j]
		if j >= m.above {
			counts[j] += m.hangs(j)
		}
	}
	var before, distance float64 // of the threshold below: level, and what it is above the threshold
	for j, n := range counts {
		if n == 0 {
			break // louder than anything here
		}
		at := 10 * math.Log10(m.squares/float64(n)/(fullScale*fullScale))
		above := at - 20*math.Log10(math.Ldexp(1, j-thresholds))
		if above <= margin {
			if j == 0 {
				break // noise of the last bit
			}
			level = before + (at-before)*(distance-margin)/(distance-above)
			power := 10 * math.Log10(m.squares/float64(m.n)/(fullScale*fullScale))
			return level, min(math.Pow(10, (power-level)/10), 1)
		}
		before, distance = at, above
	}
	return Quiet, 0
}
