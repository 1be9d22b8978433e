package decode

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// waveCodecs are the kinds of sound in WAVE files by their number (Microsoft's mmreg.h), as
// ffmpeg's decoders. No other is tried: ffmpeg knows a hundred, written for games.
var waveCodecs = map[uint16]string{
	0x01: "pcm_u8,pcm_s16le,pcm_s24le,pcm_s32le",
	0x03: "pcm_f32le,pcm_f64le",
	0x02: "adpcm_ms", 0x06: "pcm_alaw", 0x07: "pcm_mulaw",
	0x10: "adpcm_ima_oki", 0x11: "adpcm_ima_wav", 0x17: "adpcm_ima_oki",
	gsm610: "gsm_ms,libgsm_ms", 0x55: "mp3float,mp3",
}

// gsm610 is the one kind whose writers count the odd byte behind it as sound (sox does).
const gsm610 = 0x31

// waveFormat is the part "fmt " of a WAVE file.
type waveFormat struct {
	tag, channels uint16
	rate, perSec  uint32 // samples, bytes
	align, bits   uint16 // bytes of a sample of all channels; bits of a channel's
}

// waveFile is what is found in a WAVE file.
type waveFile struct {
	format  waveFormat
	whole   int64 // bytes of the file by its header
	file    int64 // and that it has
	claimed int64 // bytes of sound by its header
	have    int64 // and that are there
	stray   int64 // bytes behind that are no part of such a file
	end     int64 // of the sound, in the file
}

// wave recognises what is in a WAVE file.
func wave(data []byte) (form, error) {
	w, err := readWave(data)
	if err != nil {
		return form{}, err
	}
	f := w.format
	codecs, known := waveCodecs[f.tag]
	switch {
	case !known:
		return form{}, refuse(Unreadable, "its sound is of kind 0x%04x, which is not known here: save it as PCM", f.tag)
	case f.channels == 0 || f.channels > maxChannels:
		return form{}, refuse(Unreadable, "its header says %d channels; a recording has 1 to %d: save it with one", f.channels, maxChannels)
	case f.rate < minRate || f.rate > maxRate:
		return form{}, refuse(Unreadable, "its header says %d samples a second; a recording has %d to %d: save it with 48000", f.rate, minRate, maxRate)
	case w.have == 0:
		return form{}, refuse(Empty, "there is a header, and no sound behind it")
	}
	if f.tag == gsm610 && f.align > 0 && w.have%int64(f.align) == 1 {
		w.have--
		w.claimed--
		data = data[:w.end-1] // its decoder would complain
	}
	return form{container: "wav", demuxer: "wav", codecs: codecs, data: data,
		examine: func([]byte) (contents, error) { return w.contents(), nil }}, nil
}

// readWave finds the parts of a WAVE file. A part's size is the file's word, never trusted.
func readWave(data []byte) (waveFile, error) {
	const header, part, least = 12, 8, 16
	order := binary.LittleEndian
	w := waveFile{whole: int64(order.Uint32(data[4:])) + part, file: int64(len(data))}
	formatted := false
	for rest := data[header:]; len(rest) >= part; {
		name, size, body := string(rest[:4]), int64(order.Uint32(rest[4:])), rest[part:]
		switch {
		case name == "fmt ":
			if size < least || len(body) < least {
				return w, refuse(Unreadable, "its description of the sound ('fmt ') has %d bytes of %d: have it sent again", min(size, int64(len(body))), least)
			}
			w.format, formatted = readFormat(body[:min(size, int64(len(body)))]), true
		case name == "data" && !formatted:
			return w, refuse(Unreadable, "its sound has no description ('fmt ') in front: have it made anew")
		case name == "data":
			w.claimed, w.have = size, min(size, int64(len(body)))
			if endless(size) {
				w.have = int64(len(body))
			}
			w.end = int64(len(data)-len(body)) + w.have
			if next := body[w.have:]; len(next) > 0 {
				w.stray = strayBytes(next[min(size&1, int64(len(next))):])
			}
			return w, nil
		}
		size += size & 1 // parts begin at even places
		if size > int64(len(body)) {
			break
		}
		rest = body[size:]
	}
	return w, refuse(Unreadable, "it has no sound ('data'), or ends before it: have it sent again")
}

// endless tells the sizes that programs write who do not know the end yet, or never came
// to write it: ffmpeg's and sox's into a pipe, and a recorder's that was switched off.
func endless(size int64) bool { return size == 0 || size >= 0x7FFF0000 }

// strayBytes are those behind the sound that cannot be another part: their first four are no name.
func strayBytes(next []byte) int64 {
	const name = 4
	for _, b := range next[:min(len(next), name)] {
		if b < ' ' || b > '~' {
			return int64(len(next))
		}
	}
	return 0
}

func readFormat(b []byte) waveFormat {
	order := binary.LittleEndian
	f := waveFormat{
		tag: order.Uint16(b), channels: order.Uint16(b[2:]),
		rate: order.Uint32(b[4:]), perSec: order.Uint32(b[8:]), align: order.Uint16(b[12:]), bits: order.Uint16(b[14:]),
	}
	// WAVE_FORMAT_EXTENSIBLE: the kind is the begin of a GUID.
	if guid := 24; f.tag == 0xFFFE && len(b) >= guid+2 {
		f.tag = order.Uint16(b[guid:])
	}
	return f
}

// linear tells whether each sample has bytes of its own.
func (f waveFormat) linear() bool {
	return strings.HasPrefix(waveCodecs[f.tag], "pcm_")
}

func (w waveFile) contents() contents {
	var c contents
	f := w.format
	switch {
	case !endless(w.claimed) && w.claimed > w.have:
		c.fault(Truncated, "its header says %d bytes of sound, %d are there%s", w.claimed, w.have, f.missing(w.claimed-w.have))
	case (f.linear() || f.tag == gsm610) && f.align > 0 && w.have%int64(f.align) != 0:
		c.fault(Truncated, "it ends in the middle of a sample or a frame")
	}
	// Writers disagree by the odd byte, and by the header itself, on what the whole is.
	wrong := !endless(w.whole-8) && (w.whole < w.end-w.have || w.whole > w.file+44)
	switch width := int64(f.bits+7) / 8 * int64(f.channels); {
	case f.linear() && (int64(f.align) != width || int64(f.perSec) != int64(f.rate)*width):
		c.fault(Damaged, "its header contradicts itself: %d samples a second, %d bits, %d channels, and %d bytes a second", f.rate, f.bits, f.channels, f.perSec)
	case wrong && len(c.faults) == 0:
		c.fault(Damaged, "its header says %d bytes, the file has %d", w.whole, w.file)
	case w.stray > 0:
		c.fault(Damaged, "its header says %d bytes of sound, and %d bytes follow that are no part of a WAVE file", w.claimed, w.stray)
	}
	return c
}

// missing says how long some bytes would last.
func (f waveFormat) missing(bytes int64) string {
	lost := float64(bytes) / float64(max(f.perSec, 1))
	if long := Standard.Audio.Seconds(); f.perSec == 0 || lost > long {
		return "" // the header lies, rather
	}
	return fmt.Sprintf(" (%.2f s are missing)", lost)
}
