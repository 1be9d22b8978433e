package voice

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hotline/internal/prompts"
	"hotline/internal/prompts/promptstest"
	"hotline/internal/prompts/sound"
)

// tones are fragments of 200 ms each, in files of their own.
func tones(t *testing.T, n int) []prompts.Fragment {
	t.Helper()
	var said []prompts.Fragment
	for i := range n {
		file := filepath.Join(t.TempDir(), string(rune('a'+i)))
		if err := os.WriteFile(file+".alaw", tone(file), 0o644); err != nil {
			t.Fatal(err)
		}
		said = append(said, prompts.Fragment{ID: "a", File: file, MS: 200})
	}
	return said
}

// tone is 200 ms of 440 Hz as a file has it.
func tone(seed string) []byte {
	p := sound.PCM{Rate: 8000, Samples: make([]int16, 1600)}
	for i := range p.Samples {
		p.Samples[i] = int16(8000 * math.Sin(2*math.Pi*440*float64(i)/8000))
	}
	return sound.Encode(p, prompts.ALaw, seed)
}

// onlyPlayers leaves nothing to run but these scripts, by their program's name.
func onlyPlayers(t *testing.T, scripts map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, script := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
}

// What sox makes of the WAV is what it makes of the recordings.
func TestAWAVSoundsAsTheRecordingsDo(t *testing.T) {
	promptstest.Need(t, "sox")
	said := tones(t, 3)
	var wav bytes.Buffer
	if err := WriteWAV(&wav, said); err != nil {
		t.Fatal(err)
	}
	var sound []byte
	for _, f := range said {
		data, err := os.ReadFile(f.File + ".alaw")
		if err != nil {
			t.Fatal(err)
		}
		sound = append(sound, data...)
	}
	cmd := exec.CommandContext(t.Context(), "sox", "-V3", "-D", "-t", "wav", "-", "-t", "raw", "-r", "8000", "-c", "1", "-e", "a-law", "-b", "8", "-")
	var complaint strings.Builder
	cmd.Stdin, cmd.Stderr = &wav, &complaint
	out, err := cmd.Output()
	if err != nil || strings.Contains(complaint.String(), "WARN") {
		t.Fatal(err, complaint.String())
	}
	if !bytes.Equal(out, sound) {
		t.Errorf("%d bytes of A-law come back, other than the %d of the recordings", len(out), len(sound))
	}
	if err := WriteWAV(&wav, []prompts.Fragment{{ID: "a.one"}}); err == nil || !strings.Contains(err.Error(), `"a.one" has no recording`) {
		t.Errorf("got %v", err)
	}
	if err := WriteWAV(&wav, []prompts.Fragment{{ID: "a.one", File: "/nowhere/a"}}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// The real program, with a file for a sound card.
func TestPlayIsHeard(t *testing.T) {
	promptstest.Need(t, "play")
	dir := t.TempDir()
	heard, card := filepath.Join(dir, "heard"), filepath.Join(dir, "asound.conf")
	if err := os.WriteFile(card, []byte(`pcm.!default { type file file "`+heard+`" format raw slave.pcm { type null } }`), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("ALSA_CONFIG_PATH", card)
	sox, err := exec.LookPath("play")
	if err != nil {
		t.Fatal(err)
	}
	onlyPlayers(t, map[string]string{"play": `exec ` + sox + ` "$@"`})
	said := tones(t, 2)
	if err := Play(t.Context(), said); err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := WriteWAV(&want, said); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(heard); err != nil || !bytes.HasPrefix(got, want.Bytes()[44:]) {
		t.Errorf("heard %d bytes, %v, that are not the %d of two tones", len(got), err, want.Len()-44)
	}
}

func TestPlayTakesThePlayerThatWorks(t *testing.T) {
	const works, deaf = "while read -r line; do :; done; exit 0", "echo much about libraries >&2; echo no card >&2; exit 1"
	for name, c := range map[string]struct {
		scripts map[string]string
		want    string
	}{
		"none is there":                     {nil, ErrNoPlayer.Error()},
		"the first":                         {map[string]string{"aplay": works, "play": deaf}, ""},
		"another":                           {map[string]string{"aplay": deaf, "ffplay": works}, ""},
		"one that ends well without a card": {map[string]string{"ffplay": "while read -r line; do :; done; echo no card >&2; exit 0"}, "has this machine a sound card?): ffplay: no card"},
		"only deaf ones":                    {map[string]string{"aplay": deaf, "play": deaf}, "has this machine a sound card?): aplay: exit status 1: no card\nplay: exit status 1: no card"},
	} {
		t.Run(name, func(t *testing.T) {
			said := tones(t, 1)
			onlyPlayers(t, c.scripts)
			err := Play(t.Context(), said)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.HasSuffix(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// A key cuts an announcement short: the player is ended, not waited for.
func TestPlayCanBeCutShort(t *testing.T) {
	said, started := tones(t, 1), filepath.Join(t.TempDir(), "started")
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	onlyPlayers(t, map[string]string{"aplay": "echo > " + started + "; exec " + sleep + " 60"})
	ctx, cut := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- Play(ctx, said) }()
	deadline := time.After(10 * time.Second)
	for waiting := true; waiting; {
		select {
		case <-deadline:
			t.Fatal("the player does not start")
		case <-time.After(5 * time.Millisecond):
			_, err := os.Stat(started)
			waiting = err != nil
		}
	}
	cut()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the player goes on")
	}
}
