package voice

import (
	"hash/fnv"
	"math/bits"
	"math/rand/v2"
)

// The form of all audio: A-law (ITU-T G.711), 8 kHz, mono, in whole RTP frames, so
// that Asterisk sends a file to an A-law caller byte for byte.
const (
	perMS      = 8 // samples, and bytes, of a millisecond
	frameBytes = 20 * perMS
	silence    = 0xD5       // A-law of 0
	minSamples = 60 * perMS // no syllable is shorter
)

// Trimming. Fragments are played one after the other without a pause, so what is
// left before and after the sound is the pause: 35 to 55 ms with the padding.
const (
	audible   = 160 // -46 dB; the synthesiser's silence is digital, and a soft f or s is above this
	keepFront = 10 * perMS
	keepBack  = 25 * perMS
	fade      = 5 * perMS // lets the cut begin and end at zero, without a click
)

// trim cuts the silence at both ends, gently. It gives nil where there is no sound.
func trim(samples []int16) []int16 {
	loud := func(s int16) bool { return s > audible || s < -audible }
	first, last := 0, len(samples)-1
	for first <= last && !loud(samples[first]) {
		first++
	}
	if first > last {
		return nil
	}
	for !loud(samples[last]) {
		last--
	}
	// Where the synthesiser left less silence than is kept, the rest stays 0.
	out := make([]int16, keepFront+last+1-first+keepBack)
	from := max(0, first-keepFront)
	copy(out[keepFront-(first-from):], samples[from:min(len(samples), last+1+keepBack)])
	for i := range min(fade, len(out)/2) {
		out[i] = int16(int(out[i]) * i / fade)
		out[len(out)-1-i] = int16(int(out[len(out)-1-i]) * i / fade)
	}
	return out
}

// encode makes whole A-law frames. The dither, which any reduction to 13 bits wants,
// is seeded by the prompt: sentences that begin with the same words (对不起，…)
// would otherwise be the same bytes for a second, and a test caller that compares
// frames could not tell which of them it hears. Silence stays exactly silence.
func encode(samples []int16, seed string) []byte {
	h := fnv.New64a()
	h.Write([]byte(seed))
	noise := rand.New(rand.NewPCG(h.Sum64(), 0))
	out := make([]byte, 0, len(samples)+frameBytes)
	for _, s := range samples {
		v := int(s)
		switch {
		case v > -16 && v < 16: // below the smallest step: what resampling leaves of digital silence
			v = 0
		case v <= -64 || v >= 64:
			v += noise.IntN(16) - noise.IntN(16) // triangular, one 12-bit step
		}
		out = append(out, alaw(v))
	}
	for len(out)%frameBytes != 0 {
		out = append(out, silence)
	}
	return out
}

// alaw encodes one sample of 16 bits (G.711, table 1a): the sign, three bits for the
// segment, four for the place in it, and every other bit inverted.
func alaw(v int) byte {
	mask := byte(0xD5)
	if v < 0 {
		mask, v = 0x55, -v-1
	}
	v = min(v>>3, 0xFFF)
	segment := max(0, bits.Len(uint(v))-5)
	code := byte(segment<<4) | byte(v>>max(segment, 1))&0x0F
	return code ^ mask
}

// linear decodes A-law to the middle of the step.
func linear(code byte) int16 {
	v := code ^ 0x55
	segment, place := int(v>>4&7), int(v&15)
	m := place<<4 + 8
	if segment > 0 {
		m = (place<<4 + 0x108) << (segment - 1)
	}
	if v&0x80 == 0 {
		m = -m
	}
	return int16(m)
}
