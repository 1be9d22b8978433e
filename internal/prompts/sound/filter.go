package sound

import "math"

// filter is a second-order section, transposed direct form II.
type filter struct{ b0, b1, b2, a1, a2, z1, z2 float64 }

func (f *filter) pass(x float64) float64 {
	y := f.b0*x + f.z1
	f.z1 = f.b1*x - f.a1*y + f.z2
	f.z2 = f.b2*x - f.a2*y
	// In digital silence they fade to numbers so small that a processor takes a hundred times as long.
	if f.z1 < nothing && f.z1 > -nothing {
		f.z1 = 0
	}
	if f.z2 < nothing && f.z2 > -nothing {
		f.z2 = 0
	}
	return y
}

// nothing is far below a sample's last bit.
const nothing = 1e-12

// highPass is a Butterworth filter, by the bilinear transform, for the samples of p. It begins as if
// the offset that p begins with had been there for ever, or it would answer with a click. Of a rate
// too low to have such frequencies it lets nothing through.
func highPass(hz float64, p PCM) *filter {
	if float64(p.Rate) < 2.2*hz {
		return &filter{}
	}
	w := math.Tan(math.Pi * hz / float64(p.Rate))
	n := 1 / (1 + math.Sqrt2*w + w*w)
	offset := mean(p.Samples[:min(len(p.Samples), p.Rate/50)])
	return &filter{b0: n, b1: -2 * n, b2: n, a1: 2 * (w*w - 1) * n, a2: (1 - math.Sqrt2*w + w*w) * n, z1: -n * offset, z2: n * offset}
}

// mean is the offset of samples.
func mean(samples []int16) float64 {
	if len(samples) == 0 {
		return 0
	}
	sum := 0
	for _, s := range samples {
		sum += int(s)
	}
	return float64(sum) / float64(len(samples))
}
