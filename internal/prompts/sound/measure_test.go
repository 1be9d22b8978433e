package sound

import (
	"math"
	"testing"
)

// What is wrong with one channel is wrong with the recording, whichever it is; nothing but silence is all lead.
func TestMeasureListensToEveryChannel(t *testing.T) {
	good := vowel(8000, -30, 1)
	loud := vowel(8000, -10, 1)
	bad := cut(loud, 0.6*peakOf(loud.Samples), 0)
	want := Measure([]PCM{bad})
	if want.Clipped < 20 {
		t.Fatalf("only %d cut tops", want.Clipped)
	}
	for name, channels := range map[string][]PCM{"left": {bad, good}, "right": {good, bad}} {
		if got := Measure(channels); got.Clipped != want.Clipped || math.Abs(got.Peak-want.Peak) > 0.01 || got.Channels != 2 {
			t.Errorf("cut tops on the %s: %d with a peak of %.2f dBov, want %d and %.2f", name, got.Clipped, got.Peak, want.Clipped, want.Peak)
		}
	}
	if got := Measure([]PCM{silent(8000, 1.5)}); got.LeadMS != 1500 || got.Level != Quiet {
		t.Errorf("1.5 s of silence have %d ms before the speech, of %.1f dBov", got.LeadMS, got.Level)
	}
	if got := Measure([]PCM{join(silent(8000, 0.5), soft(sine(8000, 400, -20, 0.5)), silent(8000, 0.3))}); math.Abs(float64(got.LeadMS)-500) > 6 || math.Abs(float64(got.TailMS)-300) > 6 || got.MS != 1300 {
		t.Errorf("%d ms before and %d after the sound of %d ms, want 500, 300 of 1300", got.LeadMS, got.TailMS, got.MS)
	}
}
