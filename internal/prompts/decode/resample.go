package decode

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"hotline/internal/prompts/sound"
)

// resampleFormat is what goes into sox and comes out of it. With 32 bits there is room
// for what the filter overshoots, which sox would cut off, and nothing is rounded twice.
const resampleFormat = "-t raw -c 1 -b 32 -e signed-integer -L"

// headroom is in bits: 6 dB above the loudest sample.
const headroom = 1

// Resample brings sound to another rate without aliasing, by sox. The filter can
// overshoot the loudest samples: where that would clip, the whole becomes softer by as
// much, a fraction of a decibel. Sound that has the rate already is returned as it is.
// Its error is the machine's: the context's end, or that of the program.
func Resample(ctx context.Context, p sound.PCM, rate int) (sound.PCM, error) {
	if p.Rate == rate || len(p.Samples) == 0 {
		return sound.PCM{Rate: rate, Samples: p.Samples}, nil
	}
	input := make([]byte, 0, 4*len(p.Samples))
	for _, s := range p.Samples {
		input = binary.LittleEndian.AppendUint32(input, uint32(int32(s)<<(16-headroom)))
	}
	// No dither (-D): the same sound is the same bytes, and a codec dithers as it needs.
	args := strings.Fields(fmt.Sprintf("-V1 -D %s -r %d - %s -r %d -", resampleFormat, p.Rate, resampleFormat, rate))
	raw, err := pipe(ctx, Standard, input, "sox", args...)
	if err != nil {
		return sound.PCM{}, fmt.Errorf("bring sound from %d to %d samples a second: %w", p.Rate, rate, err)
	}
	wide := make([]float64, len(raw)/4)
	loudest := 0.0
	for i := range wide {
		wide[i] = float64(int32(binary.LittleEndian.Uint32(raw[4*i:]))) / (1 << (16 - headroom))
		loudest = max(loudest, math.Abs(wide[i]))
	}
	gain := min(1, math.MaxInt16/max(loudest, 1))
	out := make([]int16, len(wide))
	for i, v := range wide {
		out[i] = int16(math.Round(v * gain))
	}
	return sound.PCM{Rate: rate, Samples: out}, nil
}
