package sound

import (
	"math"
	"testing"
)

func TestGainNeverClips(t *testing.T) {
	for _, level := range []float64{-60, -20, -4} {
		for _, db := range []float64{-40, -6, 0, 3, 20, 60, 120} {
			p := sine(8000, 440, level, 0.5)
			before := peakOf(p.Samples)
			got, limited := Gain(p, db)
			after := peakOf(got.Samples)
			want := before * math.Pow(10, db/20)
			if limited != (want > maxSample) {
				t.Errorf("%v dBov, %+v dB: limited %v", level, db, limited)
			}
			if math.Abs(after-min(want, maxSample)) > 1 {
				t.Errorf("%v dBov, %+v dB: the peak is %v, want %v", level, db, after, want)
			}
			// A sound whose tops are cut at full scale has the same peak, and another shape.
			for i, s := range p.Samples {
				if want := float64(s) * after / before; math.Abs(float64(got.Samples[i])-want) > 1+math.Abs(want)/before {
					t.Fatalf("%v dBov, %+v dB: sample %d is %d, in the shape of the sound it is %.0f", level, db, i, got.Samples[i], want)
				}
			}
		}
	}
	if got, limited := Gain(silent(8000, 1), 30); limited || peakOf(got.Samples) != 0 {
		t.Error("silence became something else")
	}
}

func TestToLevel(t *testing.T) {
	for _, seconds := range []float64{0.15, 0.5, 0.99, 1, 4} {
		for _, level := range []float64{-55, -26, -10} {
			out, before, after, limited := ToLevel(sine(8000, 500, level, seconds), TargetLevel)
			// A tone is nothing but speech, so its level is its power, which needs no P.56.
			power := 0.0
			for _, s := range out.Samples {
				power += float64(s) * float64(s) / float64(len(out.Samples))
			}
			if got := decibels(power); math.Abs(got - -26) > 0.3 {
				t.Errorf("%v s of %v dBov: the power is %.2f dBov, callers are to hear -26", seconds, level, got)
			}
			if math.Abs(before-level) > 0.3 || math.Abs(after-TargetLevel) > 0.1 || limited {
				t.Errorf("%v s of %v dBov: from %.2f to %.2f, limited %v", seconds, level, before, after, limited)
			}
		}
	}
	quiet, before, after, _ := ToLevel(silent(8000, 2), TargetLevel)
	if before != Quiet || after != Quiet || peakOf(quiet.Samples) != 0 {
		t.Errorf("silence was brought from %v to %v", before, after)
	}
	knock := join(sine(8000, 500, -50, 3), PCM{8000, []int16{20000}}, sine(8000, 500, -50, 3))
	if _, _, after, limited := ToLevel(knock, TargetLevel); !limited || after > TargetLevel-1 {
		t.Errorf("a knock of full scale was not noticed: level %v, limited %v", after, limited)
	}
}

func TestMixIsTheMeanWithoutOffsets(t *testing.T) {
	left, right := sine(8000, 500, -20, 1), sine(8000, 500, -20, 0.5)
	for i := range left.Samples {
		left.Samples[i] += 500
	}
	got := Mix([]PCM{left, right})
	if len(got.Samples) != 8000 || got.Rate != 8000 {
		t.Fatalf("%d samples at %d Hz", len(got.Samples), got.Rate)
	}
	both, one := Mix([]PCM{{8000, got.Samples[:4000]}}), Mix([]PCM{{8000, got.Samples[4000:]}})
	if l, _ := heardLevel(both); math.Abs(l - -20) > 0.1 {
		t.Errorf("two alike are %.2f dBov, want -20", l)
	}
	if l, _ := heardLevel(one); math.Abs(l - -26.02) > 0.1 {
		t.Errorf("one beside silence is %.2f dBov, want -26", l)
	}
	if got := mean(got.Samples); math.Abs(got) > 2 {
		t.Errorf("an offset of %v is left", got)
	}
}
