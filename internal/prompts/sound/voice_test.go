package sound_test

import (
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"hotline/internal/prompts"
	"hotline/internal/prompts/promptstest"
	"hotline/internal/prompts/sound"
	"hotline/internal/prompts/voice"
)

// made is what a text becomes, on its way to a caller and back.
func made(t *testing.T, lang, text string, codec prompts.Codec) sound.PCM {
	t.Helper()
	p, err := voice.Speak(t.Context(), voice.Text{Lang: lang, Text: text}, codec.Rate())
	if err != nil {
		t.Fatal(err)
	}
	p, _, after, limited := sound.ToLevel(sound.Trim(p), sound.TargetLevel)
	if limited || math.Abs(after-sound.TargetLevel) > 1 {
		t.Errorf("%q: %.2f dBov, limited %v", text, after, limited)
	}
	data := sound.Encode(p, codec, text)
	frame := 20 * codec.BytesPerMS()
	if len(data) == 0 || len(data)%frame != 0 {
		t.Errorf("%q: %d bytes are not whole frames of %d", text, len(data), frame)
	}
	heard := sound.Decode(codec, data)
	if f := sound.Measure([]sound.PCM{heard}); f.Peak > -0.5 {
		t.Errorf("%q: a peak of %.2f dBov", text, f.Peak)
	}
	return heard
}

func catalogue(t *testing.T) *prompts.Catalog {
	t.Helper()
	promptstest.Need(t, "espeak-ng", "sox")
	c, err := prompts.Load(os.DirFS("../../../prompts"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Shipped sentences are as loud as they are to be, by P.56 itself, in every codec.
func TestWhatIsSpokenHasTheLevel(t *testing.T) {
	c := catalogue(t)
	codecs := []prompts.Codec{prompts.ALaw, prompts.ULaw, prompts.SLn16}
	for _, lang := range c.Languages() {
		entries := c.Entries(lang)
		for i := 0; i < len(entries); i += 9 {
			e, codec := entries[i], codecs[i/9%len(codecs)]
			if e.Text == "" {
				continue // a pause
			}
			heard := made(t, lang, e.Text, codec)
			if heard.MS() < 1000 {
				continue // a fragment: TestSpokenNumbersHaveTheLevel
			}
			if level, _ := sound.Level(heard); math.Abs(level-sound.TargetLevel) > 1 {
				t.Errorf("%s %q in %s: %.2f dBov", lang, e.Text, codec, level)
			}
		}
	}
}

// Numbers are heard as fragments on end: any of them is as loud as a sentence.
func TestSpokenNumbersHaveTheLevel(t *testing.T) {
	c, random := catalogue(t), rand.New(rand.NewPCG(26, 56))
	for _, lang := range c.Languages() {
		known := map[string]sound.PCM{}
		worst := 0.0
		for range 60 {
			ref := prompts.Ref{Read: prompts.Money, N: random.Int64N(1e9)}
			if random.IntN(2) == 0 {
				ref = prompts.Ref{Read: prompts.Number, N: random.Int64N(1e6)}
			}
			fragments, err := c.Fragments(lang, []prompts.Ref{ref})
			if err != nil {
				t.Fatal(err)
			}
			said := sound.PCM{Rate: 8000}
			for _, f := range fragments {
				if _, spoken := known[f.ID]; !spoken {
					known[f.ID] = made(t, lang, f.Text, prompts.ALaw)
				}
				said.Samples = append(said.Samples, known[f.ID].Samples...)
			}
			if said.MS() < 1000 {
				continue
			}
			level, _ := sound.Level(said)
			worst = max(worst, math.Abs(level-sound.TargetLevel))
			if math.Abs(level-sound.TargetLevel) > 1 {
				t.Errorf("%s %v: %.2f dBov", lang, ref, level)
			}
		}
		t.Logf("%s: within %.2f dB, of %d fragments", lang, worst, len(known))
	}
}

// Speed: what is done to a recording of 3 s at 44.1 kHz in two channels, resampling and decoding
// apart. A thousand of them take some seconds.
func BenchmarkRecording(b *testing.B) {
	channel := func(seed uint64) sound.PCM {
		r := rand.New(rand.NewPCG(seed, 0))
		p := sound.PCM{Rate: 44100, Samples: make([]int16, 3*44100)}
		for i := range p.Samples {
			p.Samples[i] = int16(3000 * r.NormFloat64() * math.Abs(math.Sin(float64(i)/9000)))
		}
		return p
	}
	stereo := []sound.PCM{channel(1), channel(2)}
	resampled := sound.PCM{Rate: 8000, Samples: channel(3).Samples[:3*8000]}
	for b.Loop() {
		sound.Measure(stereo)
		sound.Mix(stereo)
		p, _, _, _ := sound.ToLevel(sound.Trim(resampled), sound.TargetLevel)
		sound.Encode(p, prompts.ALaw, "a")
	}
}
