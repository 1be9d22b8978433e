package voice

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"time"

	"hotline/internal/prompts"
	"hotline/internal/prompts/sound"
)

// ErrNoPlayer: this machine has no program that plays sound.
var ErrNoPlayer = errors.New("no program here plays sound (apt-get install alsa-utils, sox or ffmpeg)")

// players by preference. Each takes a WAV at its standard input, which tells it all
// that options would have to, and ends when it has been heard.
var players = [][]string{
	{"aplay", "-q", "-"},
	{"play", "-q", "-t", "wav", "-"},
	{"ffplay", "-nodisp", "-autoexit", "-loglevel", "error", "-i", "-"},
}

// Play lets the person at this machine hear fragments of a catalogue WithAudio, one
// after the other as a caller does, and returns once they have been heard. It takes
// the first of aplay, play (sox) and ffplay that is there and finds a sound card. Its
// error is ErrNoPlayer where none is there, the context's where a key has cut the
// announcement short, and else what each of the players complained of.
func Play(ctx context.Context, said []prompts.Fragment) error {
	var wav bytes.Buffer
	if err := WriteWAV(&wav, said); err != nil {
		return err
	}
	// The sound takes its time; a player that waits for a card gets no more than runLimit on top.
	limit, lasts := runLimit+time.Duration(wav.Len()/2/8)*time.Millisecond, time.Duration(0) // at 8 kHz; less at more
	for _, f := range said {
		lasts += time.Duration(f.MS) * time.Millisecond
	}
	var failed []error
	for _, p := range players {
		began := time.Now()
		_, complaint, err := pipe(ctx, limit, wav.Bytes(), p[0], p[1:]...)
		// ffplay ends with 0 where it finds no card, and well before all can have been heard. What
		// others complain of, they have played.
		if err == nil && p[0] == "ffplay" && complaint != "" && time.Since(began) < lasts {
			err = fmt.Errorf("%s: %s", p[0], complaint)
		}
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case !errors.Is(err, exec.ErrNotFound):
			failed = append(failed, err)
		}
	}
	if len(failed) == 0 {
		return ErrNoPlayer
	}
	return fmt.Errorf("no sound comes out (has this machine a sound card?): %w", errors.Join(failed...))
}

// WriteWAV writes fragments of a catalogue WithAudio as one recording that every
// program plays: 16 bit, mono, at the rate of their codec.
func WriteWAV(w io.Writer, said []prompts.Fragment) error {
	all := sound.PCM{Rate: prompts.ALaw.Rate()}
	for _, f := range said {
		if f.File == "" {
			return fmt.Errorf("prompt %q has no recording (make it with 'ivr prompts build')", f.ID)
		}
		p, err := load(f.File)
		if err != nil {
			return fmt.Errorf("read the recording of prompt %q: %w", f.ID, err)
		}
		all.Rate, all.Samples = p.Rate, append(all.Samples, p.Samples...)
	}
	if _, err := w.Write(sound.WAV(all)); err != nil {
		return fmt.Errorf("write the WAV: %w", err)
	}
	return nil
}

// load reads a file of the audio folder, in whatever codec it is there.
func load(file string) (sound.PCM, error) {
	var missing error
	for _, c := range prompts.Codecs {
		data, err := os.ReadFile(file + "." + string(c))
		switch {
		case err == nil:
			return sound.Decode(c, data), nil
		case missing == nil || !errors.Is(err, fs.ErrNotExist):
			missing = err
		}
	}
	return sound.PCM{}, missing
}
