package decode

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hotline/internal/prompts/promptstest"
	"hotline/internal/prompts/sound"
)

// tone makes recordings of a second: a sine of 440 Hz whose top is at half of full scale.
const (
	toneHz = 440
	tone   = "synth 1 sine 440 gain -6.0206"
)

// sox makes a file; the options stand in front of its name.
func sox(t testing.TB, file string, rate, channels int, options string) string {
	t.Helper()
	args := strings.Fields(fmt.Sprintf("-V1 -D -n -r %d -c %d %s", rate, channels, options))
	args = append(append(args, file), strings.Fields(tone)...)
	if out, err := exec.Command("sox", args...).CombinedOutput(); err != nil {
		t.Fatalf("sox %s: %v %s", strings.Join(args, " "), err, out)
	}
	return file
}

// ffmpeg makes one file of another.
func ffmpeg(t testing.TB, from, to, options string) string {
	t.Helper()
	args := append([]string{"-v", "error", "-y", "-i", from}, strings.Fields(options)...)
	if out, err := exec.Command("ffmpeg", append(args, to)...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %s: %v %s", strings.Join(args, " "), err, out)
	}
	return to
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// amplitude is how much of a frequency is in the middle of some sound, 1 for full scale
// (Goertzel's sum), and total is what all of it comes to: they are alike for a pure tone.
func amplitude(p sound.PCM, hz float64) (of, total float64) {
	middle := p.Samples[len(p.Samples)/4 : len(p.Samples)*3/4]
	var re, im, power float64
	for i, s := range middle {
		v := float64(s) / 32768
		at := 2 * math.Pi * hz * float64(i) / float64(p.Rate)
		re, im, power = re+v*math.Cos(at), im+v*math.Sin(at), power+v*v
	}
	n := float64(len(middle))
	return 2 * math.Hypot(re, im) / n, math.Sqrt(2 * power / n)
}

// isTone checks that a recording is the tone, in all its channels.
func isTone(t *testing.T, d Decoded, container string, rate, channels int) {
	t.Helper()
	if d.Container != container || len(d.Channels) != channels || len(d.Faults) > 0 {
		t.Fatalf("it is %s of %d channels, %v; want %s of %d", d.Container, len(d.Channels), d.Faults, container, channels)
	}
	for c, p := range d.Channels {
		// ffmpeg's encoder of WMA loses up to two frames of 20 ms; most encoders pad to whole ones.
		if p.Rate != rate || p.MS() < 960 || p.MS() > 1130 {
			t.Errorf("channel %d: %d ms at %d samples a second, want a second at %d", c, p.MS(), p.Rate, rate)
		}
		of, total := amplitude(p, toneHz)
		if lowest := container == "ogg" && channels == 6 && c == 3; lowest {
			continue // its encoder leaves nothing above 120 Hz
		}
		if of < 0.47 || of > 0.53 || total < 0.47 || total > 0.54 {
			t.Errorf("channel %d: %.3f of the tone in a sound of %.3f, want 0.5", c, of, total)
		}
	}
}

// fixture is a way to write a recording. Options of sox, or of ffmpeg from sox's WAV.
type fixture struct {
	name, ext, sox, ffmpeg string
	rates, channels        []int
}

var (
	allRates  = []int{8000, 11025, 16000, 22050, 44100, 48000}
	someRates = []int{8000, 22050, 44100}
	phone     = []int{8000}
	mono      = []int{1}
	stereo    = []int{1, 2}
	surround  = []int{1, 2, 6}
)

var fixtures = []fixture{
	{name: "u8", ext: "wav", sox: "-b 8 -e unsigned-integer", rates: someRates, channels: surround},
	{name: "s16", ext: "wav", sox: "-b 16", rates: append(allRates, 96000, 192000), channels: surround},
	{name: "s24", ext: "wav", sox: "-b 24", rates: append(someRates, 48000, 96000), channels: surround},
	{name: "s32", ext: "wav", sox: "-b 32 -e signed-integer", rates: someRates, channels: surround},
	{name: "f32", ext: "wav", sox: "-b 32 -e floating-point", rates: someRates, channels: surround},
	{name: "alaw", ext: "wav", sox: "-e a-law", rates: someRates, channels: stereo},
	{name: "ulaw", ext: "wav", sox: "-e mu-law", rates: someRates, channels: stereo},
	{name: "ms-adpcm", ext: "wav", sox: "-e ms-adpcm", rates: someRates, channels: stereo},
	{name: "ima-adpcm", ext: "wav", sox: "-e ima-adpcm", rates: someRates, channels: stereo},
	{name: "gsm610", ext: "wav", sox: "-e gsm-full-rate", rates: phone, channels: mono},
	{name: "mp3-in-wav", ext: "wav", ffmpeg: "-c:a libmp3lame", rates: []int{44100}, channels: stereo},
	{name: "cbr", ext: "mp3", ffmpeg: "-b:a 64k", rates: allRates, channels: stereo},
	{name: "vbr", ext: "mp3", ffmpeg: "-q:a 2", rates: someRates, channels: mono},
	{name: "wmav1", ext: "wma", ffmpeg: "-c:a wmav1", rates: someRates, channels: mono},
	{name: "wmav2", ext: "wma", ffmpeg: "-c:a wmav2", rates: allRates, channels: stereo},
	{name: "vorbis", ext: "ogg", ffmpeg: "-c:a libvorbis", rates: allRates, channels: surround},
	{name: "opus", ext: "ogg", ffmpeg: "-c:a libopus", rates: []int{48000}, channels: stereo},
	{name: "speex", ext: "ogg", ffmpeg: "-c:a libspeex", rates: []int{8000, 16000}, channels: stereo},
	{name: "flac16", ext: "flac", sox: "-b 16", rates: allRates, channels: surround},
	{name: "flac24", ext: "flac", sox: "-b 24", rates: someRates, channels: stereo},
	{name: "gsm", ext: "gsm", rates: phone, channels: mono},
	{name: "vox", ext: "vox", rates: phone, channels: mono},
	{name: "alaw", ext: "alaw", sox: "-t al", rates: phone, channels: mono},
	{name: "ulaw", ext: "ulaw", sox: "-t ul", rates: phone, channels: mono},
}

// make writes the recording of one rate and number of channels.
func (f fixture) make(t testing.TB, dir string, rate, channels int) string {
	file := filepath.Join(dir, fmt.Sprintf("%s-%d-%d.%s", f.name, rate, channels, f.ext))
	if f.ffmpeg == "" {
		return sox(t, file, rate, channels, f.sox)
	}
	return ffmpeg(t, sox(t, file+".src.wav", rate, channels, "-b 16"), file, f.ffmpeg)
}

// Every form with every rate, channels and depth that a studio may send is the same tone.
func TestWhatAStudioSendsIsDecoded(t *testing.T) {
	t.Parallel()
	promptstest.Need(t, "sox", "ffmpeg", "prlimit")
	dir := t.TempDir()
	for _, f := range fixtures {
		t.Run(f.ext+"/"+f.name, func(t *testing.T) {
			t.Parallel()
			for _, rate := range f.rates {
				for _, channels := range f.channels {
					file := f.make(t, dir, rate, channels)
					d, err := Decode(t.Context(), filepath.Base(file), read(t, file), Standard)
					if err != nil {
						t.Errorf("%s: %v", filepath.Base(file), err)
						continue
					}
					t.Run(fmt.Sprint(rate, "x", channels), func(t *testing.T) { isTone(t, d, f.ext, rate, channels) })
				}
			}
		})
	}
}

// What is renamed is what it was.
func TestTheContentTellsWhatARecordingIs(t *testing.T) {
	t.Parallel()
	promptstest.Need(t, "sox", "ffmpeg", "prlimit")
	dir := t.TempDir()
	for _, f := range fixtures {
		if f.name == "vox" || f.ext == "alaw" || f.ext == "ulaw" {
			continue // nothing in them tells
		}
		data := read(t, f.make(t, dir, f.rates[0], 1))
		for _, name := range []string{"x.vox", "x.WAV"} {
			d, err := Decode(t.Context(), name, data, Standard)
			if err != nil {
				t.Errorf("%s %s as %s: %v", f.ext, f.name, name, err)
			} else if d.Container != f.ext {
				t.Errorf("%s %s as %s: it is %s", f.ext, f.name, name, d.Container)
			}
		}
	}
}

// Half of a file that has a header is half of its sound, and is said to be half.
func TestACutRecordingIsSaidToBeCut(t *testing.T) {
	t.Parallel()
	for form, data := range good(t) {
		if form == "vox" || form == "alaw" || form == "ulaw" {
			continue // they have no end that could be missing
		}
		name := "x." + extension(form)
		whole, err := Decode(t.Context(), name, data, Standard)
		if err != nil || len(whole.Faults) > 0 {
			t.Fatalf("%s: %v, %v", form, err, whole.Faults)
		}
		half, err := Decode(t.Context(), name, data[:len(data)/2+20], Standard)
		if err != nil || len(half.Faults) != 1 || half.Faults[0].Rule != Truncated {
			t.Errorf("half of %s: %v, %v", form, err, half.Faults)
			continue
		}
		if part := float64(half.Channels[0].MS()) / float64(whole.Channels[0].MS()); part < 0.15 || part > 0.6 {
			t.Errorf("half of %s: %.2f of the sound", form, part) // ogg has pages of a second
		}
	}
}

func TestResampleKeepsTheTone(t *testing.T) {
	t.Parallel()
	promptstest.Need(t, "sox", "prlimit")
	for _, from := range allRates {
		p := sound.PCM{Rate: from, Samples: make([]int16, from)}
		for i := range p.Samples { // at full scale: what the filter overshoots must not be cut
			p.Samples[i] = int16(math.Round(32767 * math.Sin(2*math.Pi*toneHz*float64(i)/float64(from))))
		}
		for _, to := range []int{8000, 16000} {
			got, err := Resample(t.Context(), p, to)
			if err != nil {
				t.Fatal(err)
			}
			of, total := amplitude(got, toneHz)
			if got.Rate != to || got.MS() != 1000 || of < 0.97 || of > 1 || total-of > 0.001 {
				t.Errorf("%d to %d: %d ms at %d, %.4f of the tone in %.4f", from, to, got.MS(), got.Rate, of, total)
			}
		}
	}
}

// refused gives the Refusal that an error is.
func refused(t *testing.T, err error) Refusal {
	t.Helper()
	var r Refusal
	if !errors.As(err, &r) {
		t.Fatalf("got %v, want a refusal", err)
	}
	return r
}
