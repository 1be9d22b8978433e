package proof

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"hotline/internal/prompts"
	"hotline/internal/prompts/decode"
	"hotline/internal/prompts/promptstest"
	"hotline/internal/prompts/recorded"
	"hotline/internal/prompts/sound"
	"hotline/internal/prompts/voice"
)

// run gives what a program makes of some input.
func run(t *testing.T, in []byte, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var said bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v: %s", name, args, err, said.Bytes())
	}
	return out
}

// take is a sentence as a studio delivers it: at -24 dBov, with a bit of silence around.
type take struct {
	lang, text string
	wav        []byte // 22,050 Hz, 16 bit, mono
}

const rate = 22050

// sox makes a WAV of another one, without dither.
func sox(t *testing.T, wav []byte, effects ...string) []byte {
	t.Helper()
	return run(t, wav, "sox", append([]string{"-V1", "-D", "--ignore-length", "-t", "wav", "-", "-t", "wav", "-"}, effects...)...)
}

// raw and fromRaw change a WAV of a take into samples, and back.
func raw(t *testing.T, wav []byte) []int16 {
	t.Helper()
	out := run(t, wav, "sox", "-V1", "-D", "--ignore-length", "-t", "wav", "-", "-t", "raw", "-e", "signed-integer", "-b", "16", "-L", "-")
	samples := make([]int16, len(out)/2)
	for i := range samples {
		samples[i] = int16(binary.LittleEndian.Uint16(out[2*i:]))
	}
	return samples
}

func fromRaw(samples []int16) []byte {
	return sound.WAV(sound.PCM{Rate: rate, Samples: samples})
}

// inStore are the takes that were asked for, by language and text: several tests ask for the
// same, and each takes the starts of two programs.
var (
	storeMu sync.Mutex // guards inStore
	inStore = map[[2]string]take{}
)

// delivered is a text, spoken.
func delivered(t *testing.T, lang, text string) take {
	t.Helper()
	storeMu.Lock()
	defer storeMu.Unlock()
	if tk, ok := inStore[[2]string{lang, text}]; ok {
		return tk
	}
	p, err := voice.Speak(t.Context(), voice.Text{Lang: lang, Text: text}, rate)
	if err != nil {
		t.Fatal(err)
	}
	p, _, _, _ = sound.ToLevel(p, -24)
	tk := take{lang, text, fromRaw(slices.Concat(make([]int16, rate*15/100), p.Samples, make([]int16, rate/5)))}
	inStore[[2]string{lang, text}] = tk
	return tk
}

// takes are n shipped sentences of each language, spoken.
func takes(t *testing.T, n int) []take {
	t.Helper()
	promptstest.Need(t, "espeak-ng", "sox", "ffmpeg")
	c, err := prompts.Load(os.DirFS("../../../prompts"))
	if err != nil {
		t.Fatal(err)
	}
	var all []take
	for _, lang := range c.Languages() {
		found := 0
		for _, e := range c.Entries(lang) {
			if long := utf8.RuneCountInString(e.Text); e.Pos.File == "" || long < 10 || found == n {
				continue
			}
			found++
			all = append(all, delivered(t, lang, e.Text))
		}
	}
	return all
}

// judged gives the findings on a recording of a text, and what was measured of it.
func judged(t *testing.T, r *Rules, tk take, file string, data []byte, offersKey bool) ([]string, sound.Facts) {
	t.Helper()
	d, err := decode.Decode(t.Context(), file, data, decode.Standard)
	if err != nil {
		t.Fatalf("%s of %q: %v", file, tk.text, err)
	}
	rec := recorded.Recording{File: "recordings/" + tk.lang + "/" + file}
	facts := sound.Measure(d.Channels)
	var rules []string
	for _, p := range r.Sound(rec, prompts.Entry{ID: "a.b", Text: tk.text}, tk.lang, d.Container, facts, offersKey) {
		rules = append(rules, p.Rule)
		if p.Pos.File != rec.File || !strings.HasPrefix(p.Message, `prompt "a.b": `) || !strings.ContainsAny(p.Message, ":;") {
			t.Errorf("a finding that does not say where, what and what to do: %v", p)
		}
	}
	slices.Sort(rules)
	return rules, facts
}

func shippedRules(t *testing.T) *Rules {
	t.Helper()
	r, err := Load(os.DirFS("../../../prompts"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Sixty clean sentences, and the same with the noise of codecs, have nothing wrong with them.
func TestNothingIsFoundOnCleanSpeech(t *testing.T) {
	rules, all := shippedRules(t), takes(t, 30)
	if len(all) != 60 {
		t.Fatalf("%d sentences, want 60", len(all))
	}
	for ext, encoded := range map[string]func(t *testing.T, wav []byte) []byte{
		"wav": func(_ *testing.T, wav []byte) []byte { return wav },
		"mp3": mp3,
		"gsm": func(t *testing.T, wav []byte) []byte {
			return run(t, wav, "sox", "-V1", "-D", "--ignore-length", "-t", "wav", "-", "-r", "8000", "-t", "gsm", "-")
		},
		"vox": func(t *testing.T, wav []byte) []byte {
			return run(t, wav, "sox", "-V1", "-D", "--ignore-length", "-t", "wav", "-", "-r", "8000", "-t", "vox", "-")
		},
	} {
		t.Run(ext, func(t *testing.T) {
			t.Parallel()
			for _, tk := range all {
				if found, facts := judged(t, rules, tk, "a.b."+ext, encoded(t, tk.wav), false); len(found) > 0 {
					t.Errorf("%q: %v: %+v", tk.text, found, facts)
				}
			}
		})
	}
}

// blend adds what sox's synth makes, at a level of dBov, to all of a take.
func blend(t *testing.T, wav []byte, level float64, synth ...string) []byte {
	t.Helper()
	samples := raw(t, wav)
	args := append([]string{"-V1", "-D", "-n", "-r", fmt.Sprint(rate), "-c", "1", "-b", "16", "-t", "wav", "-"}, "synth", fmt.Sprint(float64(len(samples))/rate+0.1))
	made := raw(t, run(t, nil, "sox", append(args, synth...)...))
	was, _ := sound.Level(sound.PCM{Rate: rate, Samples: made})
	noise, _ := sound.Gain(sound.PCM{Rate: rate, Samples: made}, level-was)
	for i := range samples {
		samples[i] = int16(max(-32768, min(32767, int(samples[i])+int(noise.Samples[i]))))
	}
	return fromRaw(samples)
}

// fault is one thing wrong with a recording, and the rules that name it.
type fault struct {
	name string
	of   func(t *testing.T, wav []byte) []byte
	file string // "a.b.wav" where it is ""
	want string
}

func effect(effects ...string) func(*testing.T, []byte) []byte {
	return func(t *testing.T, wav []byte) []byte { return sox(t, wav, effects...) }
}

func with(level float64, synth ...string) func(*testing.T, []byte) []byte {
	return func(t *testing.T, wav []byte) []byte { return blend(t, wav, level, synth...) }
}

func mp3(t *testing.T, wav []byte) []byte {
	return run(t, wav, "ffmpeg", "-loglevel", "error", "-i", "pipe:0", "-b:a", "64k", "-f", "mp3", "pipe:1")
}

// hum is the mains with its multiples, as a transformer has them.
func hum(hz int) []string {
	return []string{"sine", fmt.Sprint(hz), "synth", "sine", "mix", fmt.Sprint(2 * hz), "synth", "sine", "mix", fmt.Sprint(3 * hz)}
}

var faults = []fault{
	{"as it was delivered", effect(), "", ""},
	{"pink noise", with(-45, "pinknoise"), "", "hiss"},
	{"white noise", with(-45, "whitenoise"), "", "hiss"},
	{"white noise at 8 kHz", func(t *testing.T, wav []byte) []byte {
		return sox(t, blend(t, wav, -42, "whitenoise"), "rate", "8000")
	}, "", "hiss"},
	{"hardly any noise", with(-66, "pinknoise"), "", ""},
	{"mains of Europe and China", with(-45, hum(50)...), "", "hum"},
	{"mains of America", with(-45, hum(60)...), "", "hum"},
	{"loud mains", with(-36, hum(50)...), "", "hum"},
	{"hum and hiss", func(t *testing.T, wav []byte) []byte {
		return blend(t, blend(t, wav, -40, hum(50)...), -48, "whitenoise")
	}, "", "hiss hum"},
	{"a rumble", with(-45, "brownnoise"), "", ""},
	{"cut tops", effect("gain", "-n", "6"), "", "clipping too-loud"},
	{"cut tops, made softer", effect("gain", "-n", "6", "gain", "-12"), "", "clipping"},
	{"cut tops, made much softer", effect("gain", "-n", "6", "gain", "-20"), "", "clipping"},
	{"cut tops at another rate", effect("gain", "-n", "12", "gain", "-10", "rate", "44100"), "", "clipping"},
	{"cut tops in the right channel", effect("remix", "1v0.2", "1v10"), "", "clipping too-loud"},
	{"an offset", effect("gain", "-6", "dcshift", "0.1"), "", ""},
	{"long silence before", effect("pad", "0.4"), "", "leading-silence"},
	{"long silence after", effect("pad", "0", "2"), "", ""},
	{"too soft", effect("gain", "-20"), "", "too-quiet"},
	{"not too soft", effect("gain", "-14"), "", ""},
	{"two fifths of it", func(t *testing.T, wav []byte) []byte {
		samples := raw(t, wav)
		return fromRaw(samples[:len(samples)*2/5])
	}, "", "wrong-length"},
	{"three sentences", effect("repeat", "2"), "", "wrong-length"},
	{"nothing", effect("gain", "-120"), "", "silence"},
	{"only noise", func(t *testing.T, wav []byte) []byte {
		return blend(t, sox(t, wav, "gain", "-120"), -40, "pinknoise")
	}, "", "silence"},
	{"a tone", func(t *testing.T, wav []byte) []byte {
		return blend(t, sox(t, wav, "gain", "-120"), -20, "sine", "440")
	}, "", "silence"},
	{"an mp3 that is called wav", mp3, "", "wrong-extension"},
	{"an mp3", mp3, "a.b.MP3", ""},
}

func TestFaultsAreFound(t *testing.T) {
	rules, all := shippedRules(t), takes(t, 2)
	for _, f := range faults {
		t.Run(strings.ReplaceAll(f.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			for _, tk := range all {
				file := f.file
				if file == "" {
					file = "a.b.wav"
				}
				found, facts := judged(t, rules, tk, file, f.of(t, tk.wav), true)
				if got := strings.Join(found, " "); got != f.want {
					t.Errorf("%q: found %q, want %q: %+v", tk.text, got, f.want, facts)
				}
			}
		})
	}
}

func TestAKnockLeavesNoRoomForTheLevel(t *testing.T) {
	rules, tk := shippedRules(t), takes(t, 1)[0]
	samples := raw(t, sox(t, tk.wav, "gain", "-8"))
	samples[len(samples)/2] = 30000
	if found, facts := judged(t, rules, tk, "a.b.wav", fromRaw(samples), false); !slices.Equal(found, []string{"knock"}) {
		t.Errorf("found %v: %+v", found, facts)
	}
}

func TestLongPromptsOfferAKey(t *testing.T) {
	rules, tk := shippedRules(t), takes(t, 1)[0]
	var samples []int16
	once, text := raw(t, tk.wav), tk.text
	for tk.text = ""; len(samples) < 17*rate; tk.text += text {
		samples = append(samples, once...)
	}
	found, facts := judged(t, rules, tk, "a.b.wav", fromRaw(samples), false)
	if !slices.Contains(found, "too-long") {
		t.Errorf("found %v: %+v", found, facts)
	}
	if found, _ = judged(t, rules, tk, "a.b.wav", fromRaw(samples), true); slices.Contains(found, "too-long") {
		t.Errorf("with a key to press %v", found)
	}
}
