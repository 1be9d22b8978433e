package sound

import (
	"bytes"
	"encoding/binary"
	"math"
	"os/exec"
	"slices"
	"testing"

	"hotline/internal/prompts"
	"hotline/internal/prompts/promptstest"
)

// samplesOf reads sound of 16 bits.
func samplesOf(data []byte) []int16 {
	samples := make([]int16, len(data)/2)
	for i := range samples {
		samples[i] = int16(binary.LittleEndian.Uint16(data[2*i:]))
	}
	return samples
}

// sox runs it without dither on some input, and gives what it writes.
func sox(t *testing.T, in []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sox", append([]string{"-V1", "-D"}, args...)...)
	var said bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("sox %q: %v: %s", args, err, said.Bytes())
	}
	return out
}

// The formats of raw sound as sox names them.
var (
	linear16 = []string{"-t", "raw", "-r", "8000", "-e", "signed-integer", "-b", "16", "-L", "-c", "1", "-"}
	soxCodec = map[prompts.Codec][]string{
		prompts.ALaw: {"-t", "raw", "-r", "8000", "-e", "a-law", "-b", "8", "-c", "1", "-"},
		prompts.ULaw: {"-t", "raw", "-r", "8000", "-e", "mu-law", "-b", "8", "-c", "1", "-"},
	}
)

// Each of the 256 codes is decoded as sox does, byte for byte, and encoded again as itself. Each of
// the 65,536 samples gets sox's code, or where it is at the border of two steps the neighbour's: sox
// rounds to 13 (14) bits before, which the Recommendation does not.
func TestCodecsAgreeWithSox(t *testing.T) {
	promptstest.Need(t, "sox")
	var codes []byte
	for c := range 256 {
		codes = append(codes, byte(c))
	}
	var every []int16
	for v := math.MinInt16; v <= math.MaxInt16; v++ {
		every = append(every, int16(v))
	}
	border := map[prompts.Codec]int{prompts.ALaw: 4, prompts.ULaw: 2}
	for codec, form := range soxCodec {
		decoded := sox(t, codes, append(form[:len(form):len(form)], linear16...)...)
		mine := Decode(codec, codes)
		if got := encode(mine.Samples, prompts.SLn16); !bytes.Equal(got, decoded) {
			t.Errorf("%s: codes are decoded as %v, sox has %v", codec, mine.Samples, samplesOf(decoded))
		}
		for c, again := range encode(mine.Samples, codec) {
			if int(again) != c && mine.Samples[c] != 0 { // mu-law has two codes for 0
				t.Errorf("%s: code %#02x is decoded as %d, which is encoded as %#02x", codec, c, mine.Samples[c], again)
			}
		}
		theirs := sox(t, encode(every, prompts.SLn16), append(linear16[:len(linear16):len(linear16)], form...)...)
		for i, code := range encode(every, codec) {
			near := theirs[max(0, i-border[codec]):min(len(theirs), i+border[codec]+1)]
			if codec == prompts.ULaw && every[i] < 0 && code == 0x7F {
				code = 0xFF // both are 0; sox has only the positive one near it
			}
			if code != theirs[i] && !bytes.Contains(near, []byte{code}) {
				t.Fatalf("%s: %d is encoded as %#02x, by sox as %#02x; it is at no border of the two", codec, every[i], code, theirs[i])
			}
		}
	}
}

func TestEncodeMakesWholeFramesOfSilence(t *testing.T) {
	silence := map[prompts.Codec]byte{prompts.ALaw: 0xD5, prompts.ULaw: 0xFF, prompts.SLn16: 0}
	for codec, code := range silence {
		frame := 20 * codec.BytesPerMS()
		quiet := Encode(PCM{codec.Rate(), make([]int16, codec.Rate()/8+1)}, codec, "a") // 125 ms and one sample
		if !bytes.Equal(quiet, bytes.Repeat([]byte{code}, 7*frame)) {
			t.Errorf("%s: a bit more than 6 frames of silence became %d bytes that are not 7 frames of %#02x", codec, len(quiet), code)
		}
	}
	if got := Encode(PCM{Rate: 8000, Samples: make([]int16, 8000)}, prompts.SLn16, ""); got != nil {
		t.Error("sound of 8 kHz was encoded for 16 kHz: it would be played twice as fast")
	}
}

// The noise that is added is not to be heard: a tone stays as clear as A-law and mu-law allow (38 dB), what is
// softer than any speech is left alone, the last bits become silence, and full scale stays full scale.
func TestEncodeAddsNothingThatIsHeard(t *testing.T) {
	for _, codec := range prompts.Codecs {
		rate := codec.Rate()
		tone := sine(rate, 440, -20, 1)
		signal, noise := 0.0, 0.0
		for i, s := range Decode(codec, Encode(tone, codec, "a")).Samples {
			was := float64(tone.Samples[i])
			signal, noise = signal+was*was, noise+(float64(s)-was)*(float64(s)-was)
		}
		if clear := 10 * math.Log10(signal/noise); clear < 35 {
			t.Errorf("%s: a tone is %.1f dB above the noise of its encoding", codec, clear)
		}
		for level, off := range map[int16]int{15: 0, -15: 0, 40: 16, -40: 16, 32767: 1024, -32767: 1024} {
			flat := PCM{rate, slices.Repeat([]int16{level}, rate)}
			want := int(level)
			if level == 15 || level == -15 {
				want = int(Decode(codec, Encode(PCM{rate, make([]int16, 1)}, codec, "a")).Samples[0])
			}
			for i, s := range Decode(codec, Encode(flat, codec, "a")).Samples {
				if d := int(s) - want; max(d, -d) > off {
					t.Fatalf("%s: sample %d of %d is heard as %d, want %d to within %d", codec, i, level, s, want, off)
				}
			}
		}
	}
}

func TestPromptsOfTheSameSoundDifferInEveryFrame(t *testing.T) {
	for _, codec := range []prompts.Codec{prompts.ALaw, prompts.ULaw, prompts.SLn16} {
		p := sine(codec.Rate(), 440, -20, 1)
		a, again, b := Encode(p, codec, "a"), Encode(p, codec, "a"), Encode(p, codec, "b")
		if !bytes.Equal(a, again) {
			t.Errorf("%s: the same prompt is other bytes the second time", codec)
		}
		for frame := 20 * codec.BytesPerMS(); len(a) > 0; a, b = a[frame:], b[frame:] {
			if bytes.Equal(a[:frame], b[:frame]) {
				t.Errorf("%s: a frame of two prompts is the same", codec)
			}
		}
	}
}
