package sound

import (
	"math"
	"math/rand/v2"
	"testing"
)

// sine is one of a level in dBov, some seconds long.
func sine(rate int, hz, level, seconds float64) PCM {
	amplitude := fullScale * math.Sqrt2 * math.Pow(10, level/20)
	p := PCM{rate, make([]int16, int(seconds*float64(rate)))}
	for i := range p.Samples {
		p.Samples[i] = round(amplitude * math.Sin(2*math.Pi*hz*float64(i)/float64(rate)))
	}
	return p
}

// noise is a Gaussian one, white up to half of the rate.
func noise(rate int, level, seconds float64) PCM {
	rms := fullScale * math.Pow(10, level/20)
	r := rand.New(rand.NewPCG(56, uint64(rate)))
	p := PCM{rate, make([]int16, int(seconds*float64(rate)))}
	for i := range p.Samples {
		p.Samples[i] = round(rms * r.NormFloat64())
	}
	return p
}

// join plays sounds one after the other.
func join(parts ...PCM) PCM {
	out := PCM{Rate: parts[0].Rate}
	for _, p := range parts {
		out.Samples = append(out.Samples, p.Samples...)
	}
	return out
}

func silent(rate int, seconds float64) PCM {
	return PCM{rate, make([]int16, int(seconds*float64(rate)))}
}

// Bursts of a known level with pauses of a known length between them. A pause shorter than the
// hangover is speech; of a longer one the hangover's 0.2 s are, and the tail of the envelope before
// it: what the two smoothings take to fall by the margin, some 0.14 s (sine) to 0.15 s.
func TestLevelOfBursts(t *testing.T) {
	const burst, tail = 2.0, 0.145
	for _, rate := range []int{8000, 16000} {
		for _, level := range []float64{-60, -40, -26, -16, -6} {
			for _, pause := range []float64{0, 0.05, 0.2, 1, 6, 18} {
				for name, b := range map[string]PCM{"sine": sine(rate, 400, level, burst), "noise": noise(rate, level, burst)} {
					if name == "noise" && level > -16 {
						continue // its peaks would be clipped
					}
					var p PCM
					p.Rate = rate
					for range 3 {
						p = join(p, b, silent(rate, pause))
					}
					heard := burst + min(pause, hangover+tail)
					want, part := level-10*math.Log10(heard/burst), heard/(burst+pause)
					got, activity := Level(p)
					if math.Abs(got-want) > 0.3 || math.Abs(activity-part) > 0.05*part+0.005 {
						t.Errorf("%s of %v dBov at %d Hz, pauses of %v s: level %.2f, activity %.3f; want %.2f and %.3f", name, level, rate, pause, got, activity, want, part)
					}
				}
			}
		}
	}
}

func TestLevelOfNothing(t *testing.T) {
	for name, p := range map[string]PCM{
		"nothing": {Rate: 8000}, "no rate": {}, "silence": silent(8000, 1), "an offset": {8000, []int16{0: 900, 1: 900, 2: 900}},
		"the last bit": noise(8000, -95, 2),
	} {
		if level, activity := Level(p); level != Quiet || activity != 0 {
			t.Errorf("%s has level %v, activity %v", name, level, activity)
		}
	}
}

func TestLevelHearsNoOffset(t *testing.T) {
	p := sine(8000, 300, -30, 3)
	want, _ := Level(p)
	for i := range p.Samples {
		p.Samples[i] += 3000 // of -21 dBov
	}
	if got, _ := Level(p); math.Abs(got-want) > 0.01 {
		t.Errorf("with an offset the level is %.2f, without it %.2f", got, want)
	}
}
