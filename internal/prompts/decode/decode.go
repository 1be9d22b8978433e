// Package decode turns recordings that somebody sent into samples. It is the one room
// that touches untrusted sound: a file may be damaged, be something else than its name
// says, or be made to do harm.
//
//	Read: a plain file of the folder -> Decode: bytes -> samples -> Resample
//
// Three things keep a recording harmless. What it is follows from its first bytes, here,
// and the decoder may open nothing but that form, so that no playlist, film or script
// comes near a program that would follow it. The bytes go in and the samples come out
// through pipes: the decoder is told of no file and no address, knows no protocol but its
// pipes and may write no file. And it runs without a shell, under limits of time, memory
// and output that the kernel keeps (prlimit, of Debian's util-linux).
//
// It refuses to judge how a recording sounds (prompts/proof does), to read a file by a
// path (Read wants an os.Root), and to decode anything itself: ffmpeg and sox do. What is
// read here are the containers, for what decoders do not tell: that the end is missing.
package decode

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os/exec"
	"path"
	"strings"
	"time"

	"hotline/internal/prompts/sound"
)

// Limits are what one recording may cost.
type Limits struct {
	Bytes  int64         // of its file
	Audio  time.Duration // that it may last
	Run    time.Duration // of each run of a program: by the clock, and of a processor's time
	Memory int64         // address space of the program, in bytes; ffmpeg wants 300 MB before it does anything
}

// Standard suits prompts: they are said within seconds.
var Standard = Limits{Bytes: 50 << 20, Audio: 2 * time.Minute, Run: 20 * time.Second, Memory: 1 << 30}

// What a studio can have meant; the rest is a damaged header, or a trap.
const (
	maxChannels      = 8
	minRate, maxRate = 4000, 192000
)

// output is how much decoded sound may take: the longest recording in eight channels of
// 48 kHz, or in two of 192 kHz.
func (l Limits) output() int64 {
	return int64(l.Audio.Seconds()+1) * 48000 * maxChannels * 2
}

// Decoded is the sound of a recording.
type Decoded struct {
	Container string      // what it is by its content: one of recorded.Formats
	Channels  []sound.PCM // 1 to 8 of one length, at the recording's own rate of 4 to 192 kHz; never empty

	// Faults are what is wrong with the file although there is sound: Truncated where its
	// end is missing, Damaged where it contradicts itself or parts of it are no sound.
	Faults []Refusal
}

// Refusal says why a recording, or a part of it, has no sound. Its rule is one of the constants below.
type Refusal struct{ Rule, Why string }

// Error gives Why; the rule is for programs.
func (r Refusal) Error() string { return r.Why }

// The rules of refusals, and of faults.
const (
	Unreadable     = "unreadable"
	Empty          = "empty"
	TooLarge       = "too-large"
	TooLong        = "too-long"
	DecoderTimeout = "decoder-timeout"

	Truncated = "truncated"
	Damaged   = "damaged"
)

// remedy is what to do about a rule, where it is the same each time.
var remedy = map[string]string{
	Empty:          ": have it sent again",
	Truncated:      ": have it sent again",
	Damaged:        ": have it sent again",
	DecoderTimeout: ": no prompt takes that long; have it made anew, as wav",
}

func refuse(rule, format string, args ...any) Refusal {
	return Refusal{rule, fmt.Sprintf(format, args...) + remedy[rule]}
}

// Decode gives the sound of a recording. name is its file's name: its extension counts
// only where the content has no header that tells (vox, alaw, ulaw). What cannot be decoded is a
// Refusal; any other error is the machine's: the context's end, or a program that is missing.
func Decode(ctx context.Context, name string, data []byte, l Limits) (Decoded, error) {
	switch {
	case len(data) == 0:
		return Decoded{}, refuse(Empty, "the file is empty")
	case int64(len(data)) > l.Bytes:
		return Decoded{}, tooLarge(int64(len(data)), l)
	}
	f, err := recognise(strings.ToLower(strings.TrimPrefix(path.Ext(name), ".")), data)
	if err != nil {
		return Decoded{}, err
	}
	found, err := f.examine(f.data)
	if err != nil {
		return Decoded{}, err
	}
	channels, complaint, err := f.decode(ctx, l)
	var refusal Refusal
	switch {
	case errors.As(err, &refusal) && refusal.Rule == Unreadable && len(found.faults) > 0:
		return Decoded{}, found.faults[0] // the cause, where a decoder tells what it led to
	case err != nil:
		return Decoded{}, err
	}
	d := Decoded{Container: f.container, Channels: channels, Faults: found.faults}
	if err := d.judge(found, complaint, l); err != nil {
		return Decoded{}, err
	}
	d.listen(f)
	return d, nil
}

// judge compares what was decoded with what the container said.
func (d *Decoded) judge(found contents, complaint string, l Limits) error {
	rate, have := d.Channels[0].Rate, int64(len(d.Channels[0].Samples))
	if n := len(d.Channels); n > maxChannels {
		return refuse(Unreadable, "it has %d channels; a recording has at most %d: save it with one", n, maxChannels)
	}
	if rate < minRate || rate > maxRate {
		return refuse(Unreadable, "it has %d samples a second; a recording has %d to %d: save it with 48000", rate, minRate, maxRate)
	}
	if have > int64(l.Audio.Seconds()*float64(rate)) {
		return refuse(TooLong, "it lasts longer than %v: no prompt does; send each prompt in a file of its own", l.Audio)
	}
	if have == 0 {
		return refuse(Empty, "there is a header, and no sound behind it")
	}
	if want := found.samples; want > have {
		d.fault(Truncated, "its header promises %s of sound, %s can be decoded", seconds(want, rate), seconds(have, rate))
	}
	if complaint != "" && len(d.Faults) == 0 { // else it is the consequence
		d.fault(Damaged, "parts of it cannot be decoded (%s)", complaint)
	}
	return nil
}

// listen finds what the container cannot tell, and no one who speaks can have recorded.
func (d *Decoded) listen(f form) {
	const still = 50 // ms; a tone that is cut flat stands still for less
	if correlation, _ := follows(d.Channels[0]); f.bare && correlation < least {
		d.fault(Damaged, "it is noise when it is decoded as %s of 8000 samples a second, so it is something else", f.container)
		return
	}
	for _, p := range d.Channels {
		if ms := stuck(p); ms >= still {
			d.fault(Damaged, "for %.2f s it stands still at one value: a part of the file was never written", float64(ms)/1000)
			return
		}
	}
}

func (d *Decoded) fault(rule, format string, args ...any) {
	d.Faults = append(d.Faults, refuse(rule, format, args...))
}

func seconds(samples int64, rate int) string {
	return fmt.Sprintf("%.2f s", float64(samples)/float64(rate))
}

func tooLarge(n int64, l Limits) Refusal {
	return refuse(TooLarge, "the file has %d bytes; a recording has at most %d: send each prompt in a file of its own", n, l.Bytes)
}

// decode runs the decoder of a form. complaint is what it found wrong with some of the
// sound, "" for nothing. Its Refusals are about no sound at all.
func (f form) decode(ctx context.Context, l Limits) (channels []sound.PCM, complaint string, err error) {
	name, args := f.command(l)
	got, err := run(ctx, l, f.data, name, args)
	reason := cmp.Or(got.said, "its decoder gives no reason")
	var exit *exec.ExitError
	switch {
	case errors.Is(err, errLimit):
		return nil, "", refuse(DecoderTimeout, "its decoder has not ended within %v", l.Run)
	case got.over:
		return nil, "", refuse(TooLarge, "it decodes to more than %d MB: save it as mono with 48000 samples a second", l.output()>>20)
	case errors.As(err, &exit) && !exit.Exited():
		return nil, "", refuse(Unreadable, "its decoder broke down over it (%v): have it made anew, as wav", exit)
	case err != nil && !errors.As(err, &exit):
		return nil, "", err
	}
	if f.raw > 0 {
		channels = split(got.out, f.raw, 1, binary.LittleEndian)
	} else if channels, err = readAU(got.out); err != nil {
		return nil, "", refuse(Unreadable, "it cannot be decoded (%s): have it made anew, as wav", reason)
	}
	if exit != nil && len(channels[0].Samples) == 0 {
		return nil, "", refuse(Unreadable, "it cannot be decoded (%s): have it made anew, as wav", reason)
	}
	return channels, got.said, nil
}

// readAU takes apart what ffmpeg writes: the plainest form that has rate and channels in
// front of the samples (Sun's .snd: six big-endian words). Its rate may be anything.
func readAU(data []byte) ([]sound.PCM, error) {
	const header, linear16 = 24, 3
	if len(data) < header || string(data[:4]) != ".snd" {
		return nil, errors.New("no sound")
	}
	word := func(i int) int64 { return int64(binary.BigEndian.Uint32(data[4*i:])) }
	begin, channels := word(1), word(5)
	if word(3) != linear16 || begin < header || begin > int64(len(data)) || channels < 1 || channels > 1<<16 {
		return nil, errors.New("no sound that is known here")
	}
	return split(data[begin:], int(word(4)), int(channels), binary.BigEndian), nil
}

// split parts channels whose samples stand side by side.
func split(data []byte, rate, channels int, order binary.ByteOrder) []sound.PCM {
	n := len(data) / 2 / channels
	all := make([]sound.PCM, channels)
	for c := range all {
		samples := make([]int16, n)
		for i := range samples {
			samples[i] = int16(order.Uint16(data[2*(i*channels+c):]))
		}
		all[c] = sound.PCM{Rate: rate, Samples: samples}
	}
	return all
}
