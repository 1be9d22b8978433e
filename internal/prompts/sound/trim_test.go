package sound

import (
	"math"
	"testing"
)

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
			// 10 ms before, 25 after: what docs/prompts.md says of the pauses in a number.
			if want := ms(10 + 100 + 25); len(got) < want-ms(1) || len(got) > want+ms(7) { // a tone ends more abruptly than a voice
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

// word is a vowel of -20 dBov between two soft consonants of 70 ms: noise above 2 kHz, as an f is.
func word(rate int, consonant float64) PCM {
	hiss := func() PCM {
		p := noise(rate, consonant, 0.07)
		f := highPass(2000, p)
		for i, s := range p.Samples {
			p.Samples[i] = round(f.pass(float64(s)))
		}
		return p
	}
	return join(hiss(), soft(sine(rate, 300, -20, 0.3)), hiss())
}

// plus adds noise of a level to all of a sound.
func plus(p PCM, level float64) PCM {
	n := noise(p.Rate, level, float64(len(p.Samples))/float64(p.Rate)+1)
	out := PCM{p.Rate, make([]int16, len(p.Samples))}
	for i, s := range p.Samples {
		out.Samples[i] = round(float64(s) + float64(n.Samples[i]))
	}
	return out
}

func TestTrimKeepsSoftConsonants(t *testing.T) {
	for _, rate := range []int{8000, 16000, 44100} {
		for _, consonant := range []float64{-35, -45, -52} { // 15, 25, 32 dB below the vowel
			for _, studio := range []float64{Quiet, -90, -70} {
				for _, around := range []float64{0, 0.02, 0.5} {
					p := plus(join(silent(rate, around), word(rate, consonant), silent(rate, around)), studio)
					got := Trim(p).MS()
					want := keepFront + 440 + keepBack
					if got < want-3 || got > want+12 {
						t.Errorf("%d Hz, consonants of %v dBov in %v, %v s around: %d ms are left, want %d", rate, consonant, studio, around, got, want)
					}
				}
			}
		}
	}
}

// A steady noise around the speech is cut away, although it is louder than a studio's softest sounds.
func TestTrimKnowsTheRecordingsNoise(t *testing.T) {
	for _, rate := range []int{8000, 44100} {
		for _, level := range []float64{-60, -45, -40} {
			for _, silence := range []float64{0, 0.1} { // that was put around it later
				p := plus(join(silent(rate, 0.6), soft(sine(rate, 300, -20, 0.5)), silent(rate, 0.8)), level)
				p = join(silent(rate, silence), p, silent(rate, silence))
				if got, want := Trim(p).MS(), keepFront+500+keepBack; got < want-3 || got > want+15 { // a peak of the noise just before
					t.Errorf("%d Hz, noise of %v dBov, %v s of silence around: %d ms are left, want %d", rate, level, silence, got, want)
				}
			}
		}
	}
}

func TestTrimTakesNoClickForSpeech(t *testing.T) {
	p := join(silent(8000, 0.4), PCM{8000, []int16{9000, -9000, 4000}}, silent(8000, 0.4), soft(sine(8000, 300, -20, 0.5)), silent(8000, 0.4))
	if got, want := Trim(p).MS(), keepFront+500+keepBack; got < want-3 || got > want+7 {
		t.Errorf("%d ms are left, want %d", got, want)
	}
}

// A studio's noise does not begin and end at once: fragments are played one after the other, and each edge
// would be a click. It comes within 5 ms, and goes within 5.
func TestTrimFadesWhatItCuts(t *testing.T) {
	for _, rate := range []int{8000, 44100} {
		const loud = 300
		hum := PCM{rate, make([]int16, 3*rate)} // a square wave: each of its samples shows how far the fade is
		for i := range hum.Samples {
			hum.Samples[i] = loud - int16(i/(rate/400)%2)*2*loud
		}
		for i, s := range soft(sine(rate, 300, -12, 1)).Samples {
			hum.Samples[rate+i] = s
		}
		got := Trim(hum).Samples
		for i := range rate / 200 {
			most := float64(loud) * float64(i) / float64(rate/200)
			for _, s := range []int16{got[i], got[len(got)-1-i]} {
				if math.Abs(float64(s)) > most+1 {
					t.Fatalf("%d Hz: %d samples from an end the noise is %d, faded it is %.0f at most", rate, i, s, most)
				}
			}
		}
	}
}

// What was trimmed stays as it is when it is trimmed again: to 5 ms, which the fade may take.
func TestTrimTwice(t *testing.T) {
	once := Trim(plus(join(silent(8000, 0.5), word(8000, -40), silent(8000, 0.5)), -75))
	twice := Trim(once)
	if d := once.MS() - twice.MS(); d < -5 || d > 5 {
		t.Errorf("%d ms became %d", once.MS(), twice.MS())
	}
}
