package voice

import (
	"bytes"
	"encoding/binary"
	"math"
	"os/exec"
	"testing"
)

// tone is ms of 440 Hz between two silences.
func tone(before, ms, after int) []int16 {
	s := make([]int16, (before+ms+after)*perMS)
	for i := range ms * perMS {
		s[before*perMS+i] = int16(8000 * math.Sin(2*math.Pi*440*float64(i+3)/8000))
	}
	return s
}

func TestTrimLeavesTheSameSilenceWhateverWasThere(t *testing.T) {
	for _, silent := range [][2]int{{0, 0}, {3, 3}, {10, 25}, {200, 300}} {
		got := trim(tone(silent[0], 100, silent[1]))
		if want := keepFront + 100*perMS + keepBack; len(got) < want-8 || len(got) > want {
			t.Errorf("%v ms of silence around: %d samples left, want %d", silent, len(got), want)
		}
		for i := range keepFront - 4 {
			if got[i] > audible || got[i] < -audible {
				t.Fatalf("%v: sound in the silence before, at %d", silent, i)
			}
		}
		if got[0] != 0 || got[len(got)-1] != 0 {
			t.Errorf("%v: the cut begins or ends above 0", silent)
		}
	}
	if got := trim(make([]int16, 4000)); got != nil {
		t.Errorf("silence has %d samples of sound", len(got))
	}
}

func TestEncodeMakesWholeFramesAndKeepsSilence(t *testing.T) {
	quiet := encode(make([]int16, 1001), "a")
	if !bytes.Equal(quiet, bytes.Repeat([]byte{silence}, 1120)) {
		t.Errorf("1001 samples of silence became %d bytes that are not 1120 of silence", len(quiet))
	}
	a, again, b := encode(tone(0, 100, 0), "a"), encode(tone(0, 100, 0), "a"), encode(tone(0, 100, 0), "b")
	if !bytes.Equal(a, again) {
		t.Error("the same prompt is other bytes the second time")
	}
	for i := 0; i < len(a); i += frameBytes {
		if bytes.Equal(a[i:i+frameBytes], b[i:i+frameBytes]) {
			t.Errorf("frame %d of two prompts is the same", i/frameBytes)
		}
	}
}

// The reference is sox: what it decodes must be within half a step of what went in.
func TestALawAgreesWithSox(t *testing.T) {
	need(t, "sox")
	var in []byte
	for v := math.MinInt16; v <= math.MaxInt16; v++ {
		in = append(in, alaw(v))
	}
	for i, got := range soxDecodes(t, in) {
		v := i + math.MinInt16
		// A step is 1/16 of the segment, which is at most |v|; the smallest is 16.
		if half := max(8, abs(v)/32); abs(int(got)-v) > half+1 {
			t.Fatalf("%d is decoded as %d", v, got)
		}
	}
	var codes []byte
	for code := range 256 {
		codes = append(codes, byte(code))
	}
	for code, want := range soxDecodes(t, codes) {
		if got := linear(byte(code)); got != want {
			t.Errorf("code %#02x is decoded as %d, want %d", code, got, want)
		}
	}
}

func soxDecodes(t *testing.T, in []byte) []int16 {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sox", "-t", "raw", "-r", "8000", "-e", "a-law", "-b", "8", "-c", "1", "-", "-D", "-t", "raw", "-b", "16", "-e", "signed", "-L", "-")
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if len(out) != 2*len(in) {
		t.Fatalf("%d bytes decoded to %d", len(in), len(out))
	}
	samples := make([]int16, len(in))
	for i := range samples {
		samples[i] = int16(binary.LittleEndian.Uint16(out[2*i:]))
	}
	return samples
}

func abs(v int) int { return max(v, -v) }
