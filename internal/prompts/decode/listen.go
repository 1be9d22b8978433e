package decode

import (
	"hotline/internal/prompts"
	"hotline/internal/prompts/sound"
)

// law tells A-law from mu-law. Nothing in a file of either says which it is, people mix
// them up, and the wrong one is speech still, under a roar: its pauses are loud, and a
// sample follows less from the one before it. The extension is wrong only where both say so.
func law(ext string, data []byte) string {
	const clearer, softer = 0.1, 2
	const enough = 30 * 8000 // half a minute tells as much as the rest would
	data = data[:min(len(data), enough)]
	other := map[string]string{"alaw": "ulaw", "ulaw": "alaw"}[ext]
	named, power := follows(sound.Decode(prompts.Codec(ext), data))
	would, wouldPower := follows(sound.Decode(prompts.Codec(other), data))
	if would-named > clearer && wouldPower*softer < power {
		return other
	}
	return ext
}

// least is how much a sample of telephone speech follows from the one before it: 0.7 to
// 0.95 is usual, white noise has 0. What is decoded as something that it is not is noise.
const least = 0.3

// follows is the correlation of samples with their neighbours, -1 to 1; 1 for silence, and
// for less sound than tells anything. power is their mean square.
func follows(p sound.PCM) (correlation, power float64) {
	const enough = 800
	if len(p.Samples) < enough {
		return 1, 0
	}
	var mean float64
	for _, s := range p.Samples {
		mean += float64(s)
	}
	mean /= float64(len(p.Samples))
	var product, before float64
	for _, s := range p.Samples {
		v := float64(s) - mean
		power += v * v
		product += v * before
		before = v
	}
	if power == 0 {
		return 1, 0
	}
	return product / power, power / float64(len(p.Samples))
}

// stuck is for how many milliseconds at most a sound stands still at one value that is
// not silence. No microphone does that: it is what zeros in a file become in A-law or
// mu-law, where a copy was broken off and its place on the disk never written.
func stuck(p sound.PCM) int {
	const silent = 300
	longest, run := 0, 0
	for i, s := range p.Samples {
		if i > 0 && s == p.Samples[i-1] && (s > silent || s < -silent) {
			run++
		} else {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest * 1000 / p.Rate
}
