package sound

import "math"

const (
	shortPause = 4   // blocks, 20 ms: even the closure of a t is a pause for hiss
	longPause  = 12  // blocks, 60 ms: the shortest in which mains hum can be told from a voice
	alike      = 6   // dB by which the pauses of a recording differ
	notSpeech  = 6   // dB below the loud vowels; where nothing is so quiet, there is no pause
	humShare   = 0.5 // of all that is so low: less is rumble and breath
)

// pauses measures what is heard where the recording is quietest: its power, that above 2 kHz,
// and that of mains hum. Each is looked for where its own frequencies are quietest, as speech that
// hardly pauses still has vowels without hiss and an s without hum; a single word may not, so
// of a fragment only what is around its first and last sample is listened to. Quiet stands for
// what was not to be found.
func (s *spectrum) pauses(p PCM, first, last int) (floor, hiss, hum float64) {
	floor, hiss, hum = Quiet, Quiet, Quiet
	low := newSpectrum(decimate(p), offsetBelow)
	loudLow := loudest(low.all)
	if last-first < fragmentSeconds*s.rate {
		s.around(first, last)
		every := s.rate / low.rate
		low.around(first/every, last/every)
	}
	if power, at := quietest(s.all, shortPause); len(at) > 0 {
		floor = decibels(power)
	}
	if power, at := quietest(s.high, shortPause); len(at) > 0 {
		hiss = decibels(power)
	}
	if power, at := quietest(low.all, longPause); len(at) > 0 && low.rate > lowestRate && power < loudLow*ratio(-notSpeech) {
		if of := low.hum(at); of > humShare*power {
			hum = decibels(of)
		}
	}
	return floor, hiss, hum
}

// around leaves what is outside of two samples: the rest is no pause.
func (s *spectrum) around(first, last int) {
	for i := max(0, first/s.block-1); i < min(len(s.all), last/s.block+2); i++ {
		s.all[i], s.high[i] = math.Inf(1), math.Inf(1)
	}
}

// span is a part of a recording, in blocks from the first to before the last.
type span struct{ from, to int }

// quietest finds the pauses: the stretches of at least n blocks that are as quiet as the quietest one,
// and their mean power.
func quietest(power []float64, n int) (mean float64, at []span) {
	heard, first := withoutSilence(power)
	if len(heard) < n {
		return 0, nil
	}
	windows := smooth(heard, n)
	least := math.Inf(1)
	for _, w := range windows {
		least = min(least, w)
	}
	if math.IsInf(least, 1) {
		return 0, nil
	}
	count := 0
	for i, w := range windows {
		if w > least*ratio(alike) {
			continue
		}
		mean += w
		count++
		if last := len(at) - 1; last >= 0 && at[last].to >= first+i {
			at[last].to = first + i + n
		} else {
			at = append(at, span{first + i, first + i + n})
		}
	}
	return mean / float64(count), at
}

// Mains hum is looked for below 1 kHz, which a rate of 2 kHz has room for.
const (
	humRate   = 2000
	harmonics = 9

	lowestRate = 2 * (harmonics + 1) * 60 // has room for them
)

// decimate keeps the means of some samples each. They let through little enough of what does not fit
// into the lower rate for hum to stand out.
func decimate(p PCM) PCM {
	every := max(p.Rate/humRate, 1)
	out := PCM{Rate: p.Rate / every, Samples: make([]int16, len(p.Samples)/every)}
	for i := range out.Samples {
		sum := 0
		for _, v := range p.Samples[i*every : (i+1)*every] {
			sum += int(v)
		}
		out.Samples[i] = round(float64(sum) / float64(every))
	}
	return out
}

// hum is the mean square of 50 or 60 Hz and their multiples in the pauses.
func (s *spectrum) hum(pauses []span) float64 {
	var lines50, lines60, total float64
	for _, a := range pauses {
		x := s.samples[a.from*s.block : a.to*s.block]
		n := float64(len(x))
		lines50 += n * lines(x, 50/float64(s.rate))
		lines60 += n * lines(x, 60/float64(s.rate))
		total += n
	}
	return max(lines50, lines60) / total
}

// lines is the power of a frequency (as a part of the rate) and its multiples over what there is
// half way between them.
func lines(x []float64, frequency float64) (power float64) {
	between := goertzel(x, frequency/2)
	for k := 1.0; k <= harmonics; k++ {
		next := goertzel(x, (k+0.5)*frequency)
		power += max(0, goertzel(x, k*frequency)-(between+next)/2)
		between = next
	}
	return power
}

// goertzel is the mean square of a frequency.
func goertzel(x []float64, frequency float64) float64 {
	c := 2 * math.Cos(2*math.Pi*frequency)
	var s1, s2 float64
	for _, v := range x {
		s1, s2 = v+c*s1-s2, s1
	}
	n := float64(len(x))
	return 2 * (s1*s1 + s2*s2 - c*s1*s2) / (n * n)
}
