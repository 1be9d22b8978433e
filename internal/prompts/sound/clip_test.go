package sound

import (
	"math"
	"testing"
)

// cut takes the tops off, at a height, and makes the rest softer.
func cut(p PCM, height, db float64) PCM {
	out := PCM{p.Rate, make([]int16, len(p.Samples))}
	for i, s := range p.Samples {
		out.Samples[i] = round(min(max(float64(s), -height), height) * math.Pow(10, db/20))
	}
	return out
}

// vowel is a sound of 120 Hz that swells and fades, with two formants.
func vowel(rate int, level, seconds float64) PCM {
	p := PCM{rate, make([]int16, int(seconds*float64(rate)))}
	amplitude := fullScale * math.Pow(10, level/20)
	for i := range p.Samples {
		t := float64(i) / float64(rate)
		x := math.Sin(2*math.Pi*120*t) + 0.7*math.Sin(2*math.Pi*600*t+1) + 0.3*math.Sin(2*math.Pi*1700*t+2)
		p.Samples[i] = round(amplitude * x * math.Sin(math.Pi*t/seconds))
	}
	return p
}

func TestCutTopsAreCounted(t *testing.T) {
	for _, rate := range []int{8000, 16000, 44100} {
		p := vowel(rate, -10, 1)
		for _, db := range []float64{0, -6, -20} {
			if n := clipped(cut(p, fullScale, db)); n > 0 {
				t.Errorf("%d Hz, whole tops at %v dB: %d are cut", rate, db, n)
			}
			if n := clipped(cut(p, 0.6*peakOf(p.Samples), db)); n < 20 {
				t.Errorf("%d Hz, cut tops at %v dB: only %d are found", rate, db, n)
			}
		}
	}
}

// An amplifier with an offset cuts one side only, and a short top at the end of what samples can hold is cut
// where the same top below is a wave's own.
func TestOneSideIsEnough(t *testing.T) {
	for _, side := range []float64{1, -1} {
		p := vowel(8000, -10, 1)
		height := 0.6 * peakOf(p.Samples)
		for i, s := range p.Samples {
			p.Samples[i] = round(side * min(side*float64(s), height))
		}
		if n := clipped(p); n < 20 {
			t.Errorf("side %v: only %d cut tops are found", side, n)
		}
		top := round(side * maxSample)
		if n := clipped(PCM{8000, []int16{0, top / 2, top, top, top / 2, 0, -top / 2, 0}}); n != 1 {
			t.Errorf("side %v: two samples at full scale are %d cut tops", side, n)
		}
	}
}

// A-law's steps are coarse: neighbouring samples at a top have one code without being cut.
func TestTheStepsOfCodecsAreNoCutTops(t *testing.T) {
	for _, level := range []float64{-8, -14, -26} {
		samples := vowel(8000, level, 2).Samples
		for codec := range soxCodec {
			if n := clipped(Decode(codec, encode(samples, codec))); n > 0 {
				t.Errorf("%s at %v dBov: %d tops are cut", codec, level, n)
			}
		}
	}
}

func TestSoundThatStandsStill(t *testing.T) {
	p := join(vowel(8000, -12, 1), silent(8000, 1), vowel(8000, -12, 1))
	if n := clipped(p); n > 0 {
		t.Errorf("silence stands still %d times", n)
	}
	for i := range p.Samples[:8000*3] {
		p.Samples[i] += 3000 // of a sound card
	}
	if n := clipped(p); n > 0 {
		t.Errorf("silence beside an offset stands still %d times", n)
	}
	for i := range 1600 {
		p.Samples[4000+i] = -5504 // what a zero is in A-law
	}
	if n := clipped(p); n < 9 || n > 11 {
		t.Errorf("0.2 s that stand still are counted as %d of 20 ms", n)
	}
}
