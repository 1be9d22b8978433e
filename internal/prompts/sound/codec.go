package sound

import (
	"encoding/binary"
	"hash/fnv"
	"math/bits"
	"math/rand/v2"
	"time"

	"hotline/internal/prompts"
)

// Frame is what a packet of the telephone network carries: audio is whole frames, so
// that Asterisk sends a file to a caller byte for byte.
const Frame = 20 * time.Millisecond

// Encode makes whole frames of a codec, the last one filled up with silence. It gives nil
// where p has another rate than the codec.
//
// The dither, which any reduction to 13 bits wants, is seeded by the prompt: sentences
// that begin with the same words (对不起，…) would otherwise be the same bytes for a
// second, and a test caller that compares frames could not tell which of them it hears.
// Linear sound has it too, as it is brought to 13 bits on its way to most callers.
// Silence stays exactly silence.
func Encode(p PCM, codec prompts.Codec, seed string) []byte {
	if p.Rate != codec.Rate() {
		return nil
	}
	h := fnv.New64a()
	h.Write([]byte(seed)) // cannot fail
	noise := rand.New(rand.NewPCG(h.Sum64(), 0))
	frame := p.Rate * int(Frame/time.Millisecond) / 1000
	padded := make([]int16, (len(p.Samples)+frame-1)/frame*frame)
	for i, s := range p.Samples {
		padded[i] = dither(s, noise)
	}
	return encode(padded, codec)
}

// dither adds a triangular noise of one 12-bit step to what is louder than noise, and
// takes away what resampling leaves of digital silence: less than A-law's smallest step.
func dither(s int16, noise *rand.Rand) int16 {
	v := int(s)
	switch {
	case v > -16 && v < 16:
		return 0
	case v > -64 && v < 64:
		return s
	}
	v += noise.IntN(16) - noise.IntN(16)
	return int16(min(max(v, -maxSample), maxSample))
}

func encode(samples []int16, codec prompts.Codec) []byte {
	if codec == prompts.SLn16 {
		out := make([]byte, 0, 2*len(samples))
		for _, s := range samples {
			out = binary.LittleEndian.AppendUint16(out, uint16(s))
		}
		return out
	}
	code := alaw
	if codec == prompts.ULaw {
		code = ulaw
	}
	out := make([]byte, len(samples))
	for i, s := range samples {
		out[i] = code(s)
	}
	return out
}

// Decode gives what Encode's bytes sound like. Half a sample at the end is left out.
func Decode(codec prompts.Codec, data []byte) PCM {
	p := PCM{Rate: codec.Rate()}
	if codec == prompts.SLn16 {
		p.Samples = make([]int16, len(data)/2)
		for i := range p.Samples {
			p.Samples[i] = int16(binary.LittleEndian.Uint16(data[2*i:]))
		}
		return p
	}
	linear := alawLinear
	if codec == prompts.ULaw {
		linear = ulawLinear
	}
	p.Samples = make([]int16, len(data))
	for i, c := range data {
		p.Samples[i] = linear(c)
	}
	return p
}

// alaw encodes one sample of 16 bits (G.711, table 1a): the sign, three bits for the
// segment, four for the place in it, and every other bit inverted.
func alaw(s int16) byte {
	mask, v := byte(0xD5), int(s)
	if v < 0 {
		mask, v = 0x55, -v-1
	}
	v >>= 3
	segment := max(0, bits.Len(uint(v))-5)
	code := byte(segment<<4) | byte(v>>max(segment, 1))&0x0F
	return code ^ mask
}

// alawLinear decodes A-law to the middle of the step.
func alawLinear(code byte) int16 {
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

// ulawBias lets mu-law's segments begin at powers of two: 33 steps of 14 bits.
const ulawBias = 33 << 2

// ulaw encodes one sample of 16 bits (G.711, table 2a): as A-law, with every bit inverted.
func ulaw(s int16) byte {
	mask, v := byte(0xFF), int(s)
	if v < 0 {
		mask, v = 0x7F, -v
	}
	v = min(v+ulawBias, 0x7FFF)
	segment := bits.Len(uint(v)) - 8
	code := byte(segment<<4) | byte(v>>(segment+3))&0x0F
	return code ^ mask
}

// ulawLinear decodes mu-law to the middle of the step.
func ulawLinear(code byte) int16 {
	v := ^code
	segment, place := int(v>>4&7), int(v&15)
	m := (place<<3+ulawBias)<<segment - ulawBias
	if v&0x80 != 0 {
		m = -m
	}
	return int16(m)
}
