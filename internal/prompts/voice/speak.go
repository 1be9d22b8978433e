// Package voice speaks a text with a speech synthesiser, so that a changed sentence can
// be heard in seconds and long before a studio has recorded it:
//
//	text -> words as the voice reads them right -> espeak-ng -> sox (sampling rate)
//
// Play and WriteWAV let the person at this machine hear what callers hear.
//
// It refuses to decide what is said, to judge how it sounds, and to write files: prompts/build
// does.
package voice

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"hotline/internal/prompts"
	"hotline/internal/prompts/sound"
)

// speaker is a language's voice of the synthesiser, with its words a minute. Both
// are set for a telephone and a caller who hears a sentence once.
type speaker struct{ voice, rate string }

// speakers by language. Of espeak-ng 1.51's two Mandarin voices "cmn" reads the
// pinyin that it has looked up as English letters; only the other speaks Chinese
// (espeak-ng issue 1236).
var speakers = map[string]speaker{"zh": {"cmn-latn-pinyin", "180"}, "en": {"en-gb", "160"}}

// Text is what is spoken: a text in a language, by one of prompts.Voices; "" for the voice itself.
type Text struct{ Lang, Text, Variant string }

// Name tells whose voice it is: "cmn-latn-pinyin", "en-gb+f2". It is "" where nobody speaks the language.
func (t Text) Name() string {
	name := speakers[t.Lang].voice
	if t.Variant != "" && name != "" {
		name += "+" + t.Variant
	}
	return name
}

// Recipe is everything that the sound of a text depends on: while it is the same, so is the sound.
func (t Text) Recipe(rate int) []string {
	return append(append(t.espeak(), soxArgs(rate)...), Speakable(t.Lang, t.Text))
}

// espeak is what espeak-ng is told: -a 70 is softer than its own 100, at which it clips some
// sentences itself; -z drops the pause that ends a sentence, -b 1 is UTF-8.
// The text goes through stdin, so that none can be taken for an option.
func (t Text) espeak() []string {
	return append([]string{"-v", t.Name(), "-s", speakers[t.Lang].rate}, strings.Fields("-a 70 -z -b 1 --stdin --stdout")...)
}

// soxArgs bring the synthesiser's WAV, whose header knows no length on a pipe, to
// samples. The gain leaves room for what resampling overshoots.
func soxArgs(rate int) []string {
	return strings.Fields(fmt.Sprintf("-V1 -D --ignore-length -t wav - -t raw -r %d -c 1 -b 16 -e signed-integer -L - gain -2", rate))
}

// Limits of one run of a program. A prompt takes some 0.1 s.
const (
	runLimit  = 20 * time.Second
	maxStderr = 200 // bytes of it that an error shows
)

// Speak makes the sound of a text, with whatever silence the synthesiser leaves around it.
func Speak(ctx context.Context, t Text, rate int) (sound.PCM, error) {
	if t.Name() == "" {
		return sound.PCM{}, fmt.Errorf("no voice speaks language %q", t.Lang)
	}
	if t.Variant != "" && !slices.Contains(prompts.Voices, t.Variant) {
		return sound.PCM{}, fmt.Errorf("there is no voice %q (known: %s)", t.Variant, strings.Join(prompts.Voices, " "))
	}
	wav, _, err := pipe(ctx, runLimit, []byte(Speakable(t.Lang, t.Text)), "espeak-ng", t.espeak()...)
	if err != nil {
		return sound.PCM{}, err
	}
	raw, _, err := pipe(ctx, runLimit, wav, "sox", soxArgs(rate)...)
	if err != nil {
		return sound.PCM{}, err
	}
	p := sound.PCM{Rate: rate, Samples: make([]int16, len(raw)/2)}
	for i := range p.Samples {
		p.Samples[i] = int16(binary.LittleEndian.Uint16(raw[2*i:]))
	}
	return p, nil
}

// pipe runs a program on some input and gives its output, and the last that it complained of.
func pipe(ctx context.Context, limit time.Duration, input []byte, name string, args ...string) (output []byte, complaint string, err error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, "", fmt.Errorf("%s is missing (apt-get install %s): %w", name, name, err)
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var out, said bytes.Buffer
	cmd := exec.CommandContext(limited, path, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &out, &said
	cmd.WaitDelay = time.Second // a grandchild may keep the pipes open
	err = cmd.Run()
	complaint = strings.TrimSpace(said.String())
	complaint = complaint[strings.LastIndexByte(complaint, '\n')+1:] // the verdict; libraries talk before it
	complaint = complaint[:min(len(complaint), maxStderr)]
	if err != nil {
		if limited.Err() != nil && ctx.Err() == nil {
			err = fmt.Errorf("no end after %v", limit)
		}
		return nil, complaint, fmt.Errorf("%s: %w: %s", name, err, complaint)
	}
	return out.Bytes(), complaint, nil
}
