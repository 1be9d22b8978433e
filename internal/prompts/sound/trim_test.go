package sound

import "testing"

// soft lets a sound begin and end within 2 ms: one that is cut has a click at the cut, which is sound.
func soft(p PCM) PCM {
	n := p.Rate / 500
	for i := range n {
		p.Samples[i] = int16(int(p.Samples[i]) * i / n)
		p.Samples[len(p.Samples)-1-i] = int16(int(p.Samples[len(p.Samples)-1-i]) * i / n)
	}
	return p
}

func TestTrimLeavesTheSameSilenceWhateverWasThere(t *testing.T) {
	for _, rate := range []int{8000, 16000, 44100} {
		ms := func(n int) int { return n * rate / 1000 }
		for _, around := range [][2]float64{{0, 0}, {0.003, 0.003}, {0.01, 0.025}, {0.2, 0.3}, {2, 4}} {
			got := Trim(join(silent(rate, around[0]), soft(sine(rate, 440, -15, 0.1)), silent(rate, around[1]))).Samples
			if want := ms(keepFront + 100 + keepBack); len(got) < want-ms(1) || len(got) > want {
				t.Errorf("%v s of silence around at %d Hz: %d samples left, want %d", around, rate, len(got), want)
			}
			if peak := peakOf(got[:ms(keepFront)-ms(1)]); peak > 160 {
				t.Errorf("%v at %d Hz: a peak of %v in the silence before", around, rate, peak)
			}
			if got[0] != 0 || got[len(got)-1] != 0 {
				t.Errorf("%v at %d Hz: the cut begins or ends above 0", around, rate)
			}
		}
	}
	for name, p := range map[string]PCM{"nothing": {Rate: 8000}, "silence": silent(8000, 1), "two samples": {8000, []int16{9000, 9000}}} {
		if got := Trim(p); len(got.Samples) != 0 || got.Rate != 8000 {
			t.Errorf("%s has %d samples of sound at %d Hz", name, len(got.Samples), got.Rate)
		}
	}
}
