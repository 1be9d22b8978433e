package voice

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// recipe is raised whenever trim or encode makes other sound of the same speech.
const recipe = "1"

// speaker is a language's voice of the synthesiser, with its words a minute. Both
// are set for a telephone and a caller who hears a sentence once.
type speaker struct{ voice, rate string }

// speakers by language. Of espeak-ng 1.51's two Mandarin voices "cmn" reads the
// pinyin that it has looked up as English letters; only the other speaks Chinese
// (espeak-ng issue 1236).
var speakers = map[string]speaker{"zh": {"cmn-latn-pinyin", "180"}, "en": {"en-gb", "160"}}

// args for espeak-ng: -z drops the pause that ends a sentence, -b 1 is UTF-8. The
// text goes through stdin, so that none can be taken for an option.
func (s speaker) args() []string {
	return append([]string{"-v", s.voice, "-s", s.rate}, strings.Fields("-z -b 1 --stdin --stdout")...)
}

// soxArgs bring the synthesiser's WAV, whose header knows no length on a pipe, to
// samples. The gain is the same for every prompt, so that fragments played one
// after the other are equally loud; it leaves room for what resampling overshoots.
var soxArgs = strings.Fields("-V1 -D --ignore-length -t wav - -t raw -r 8000 -c 1 -b 16 -e signed-integer -L - gain -2")

// Limits of one run of a program. A prompt takes some 0.1 s.
const (
	runLimit  = 20 * time.Second
	maxStderr = 200 // bytes of it that an error shows
)

// speak makes the sound of a recording.
func speak(ctx context.Context, r *recording) ([]byte, error) {
	voice, ok := speakers[r.lang]
	if !ok {
		return nil, fmt.Errorf("no voice speaks language %q", r.lang)
	}
	wav, err := pipe(ctx, runLimit, []byte(speakable(r.lang, r.Text)), "espeak-ng", voice.args()...)
	if err != nil {
		return nil, err
	}
	raw, err := pipe(ctx, runLimit, wav, "sox", soxArgs...)
	if err != nil {
		return nil, err
	}
	samples := make([]int16, len(raw)/2)
	for i := range samples {
		samples[i] = int16(binary.LittleEndian.Uint16(raw[2*i:]))
	}
	samples = trim(samples)
	if len(samples) < minSamples {
		return nil, fmt.Errorf("the text %q gives no sound", r.Text)
	}
	return encode(samples, r.key), nil
}

// pipe runs a program on some input and gives its output.
func pipe(ctx context.Context, limit time.Duration, input []byte, name string, args ...string) ([]byte, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, fmt.Errorf("%s is missing (apt-get install %s): %w", name, name, err)
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var out, said bytes.Buffer
	cmd := exec.CommandContext(limited, path, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &out, &said
	cmd.WaitDelay = time.Second // a grandchild may keep the pipes open
	if err := cmd.Run(); err != nil {
		if limited.Err() != nil && ctx.Err() == nil {
			err = fmt.Errorf("no end after %v", limit)
		}
		complaint := strings.TrimSpace(said.String())
		complaint = complaint[strings.LastIndexByte(complaint, '\n')+1:] // the verdict; libraries talk before it
		return nil, fmt.Errorf("%s: %w: %s", name, err, complaint[:min(len(complaint), maxStderr)])
	}
	return out.Bytes(), nil
}
