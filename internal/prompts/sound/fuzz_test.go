package sound

import (
	"encoding/json"
	"math"
	"testing"

	"hotline/internal/prompts"
)

// Whatever a decoder gives is measured without a crash, in numbers that can be kept, and what is
// made of it is whole frames that are not cut.
func FuzzMeasure(f *testing.F) {
	f.Add(8000, []byte{})
	f.Add(0, []byte{1, 2, 3, 4})
	f.Add(100, encode(sine(8000, 1000, -10, 0.2).Samples, prompts.SLn16))
	f.Add(1200, encode(noise(8000, -20, 0.3).Samples, prompts.SLn16))
	f.Add(8000, encode(join(silent(8000, 0.3), noise(8000, -30, 0.5), sine(8000, 50, -3, 0.3)).Samples, prompts.SLn16))
	f.Add(192000, encode(sine(192000, 1000, -1, 0.05).Samples, prompts.SLn16))
	f.Fuzz(func(t *testing.T, rate int, data []byte) {
		p := PCM{min(max(rate, 0), 384000), samplesOf(data)}
		facts := Measure([]PCM{p, {p.Rate, p.Samples[:len(p.Samples)/2]}})
		if _, err := json.Marshal(facts); err != nil {
			t.Fatalf("%+v: %v", facts, err)
		}
		for _, level := range []float64{facts.Level, facts.Peak, facts.Floor, facts.Hiss, facts.Hum, facts.DC} {
			if level < Quiet || level > 0.1 {
				t.Errorf("a level of %v dBov: %+v", level, facts)
			}
		}
		if facts.LeadMS < 0 || facts.TailMS < 0 || facts.LeadMS+facts.TailMS > facts.MS || facts.Activity < 0 || facts.Activity > 1 {
			t.Errorf("impossible: %+v", facts)
		}
		p.Rate = 8000
		made, before, after, limited := ToLevel(Trim(p), TargetLevel)
		if len(made.Samples) > len(p.Samples)+8*(keepFront+keepBack) {
			t.Errorf("%d samples were trimmed to %d", len(p.Samples), len(made.Samples))
		}
		if before != Quiet && math.Abs(after-TargetLevel) > 1 && !limited {
			t.Errorf("from %.2f dBov to %.2f", before, after)
		}
		if n := len(Encode(made, prompts.ALaw, "")); n%160 != 0 || n < len(made.Samples) || n >= len(made.Samples)+160 {
			t.Errorf("%d samples became %d bytes", len(made.Samples), n)
		}
	})
}
