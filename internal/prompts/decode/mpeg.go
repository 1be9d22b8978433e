package decode

import (
	"bytes"
	"encoding/binary"
)

// mpegFrame is the header of a frame of MPEG audio, layer III (ISO 11172-3, section 2.4.1.3).
type mpegFrame struct {
	size    int // bytes with the header
	samples int // of a channel
	rate    int
	version byte
	info    int // where an encoder's note about the whole file begins, in the first frame
}

var (
	mpegRates    = [3]int{44100, 48000, 32000} // MPEG-1; halved for MPEG-2, again for MPEG-2.5
	mpegBitrates = [2][14]int{                 // kbit/s by index-1
		{32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
		{8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
	}
)

// readMPEG reads a frame's header. Frames without a bit rate ("free format") are none here.
func readMPEG(b []byte) (mpegFrame, bool) {
	const header = 4
	if len(b) < header || b[0] != 0xFF || b[1]&0xE0 != 0xE0 || b[1]>>1&3 != 1 {
		return mpegFrame{}, false
	}
	version, bitrate, rate, padding, mono := b[1]>>3&3, int(b[2]>>4), int(b[2]>>2&3), int(b[2]>>1&1), b[3]>>6 == 3
	if version == 1 || bitrate == 0 || bitrate == 15 || rate == 3 {
		return mpegFrame{}, false
	}
	f := mpegFrame{version: version, rate: mpegRates[rate], samples: 1152, info: header + 32}
	kbit := mpegBitrates[0][bitrate-1]
	if mono {
		f.info = header + 17
	}
	if version != 3 {
		f.rate, f.samples, kbit = f.rate/2, 576, mpegBitrates[1][bitrate-1]
		f.info = header + 17
		if mono {
			f.info = header + 9
		}
	}
	if version == 0 {
		f.rate /= 2
	}
	f.size = f.samples/8*kbit*1000/f.rate + padding
	return f, true
}

// same tells whether two frames can be of one recording.
func (f mpegFrame) same(o mpegFrame) bool { return f.version == o.version && f.rate == o.rate }

// findMPEG gives the place of the first frame that two more follow, or exactly the end; -1
// for none. Where MPEG is expected the last of them may be cut. It looks only at the
// begin: what comes much later is a chance.
func findMPEG(data []byte, expected bool) int {
	const far, enough = 64 << 10, 3
	for at := range min(len(data), far) {
		if data[at] != 0xFF {
			continue
		}
		first, ok := readMPEG(data[at:])
		next, n := at, 0
		for ok && n < enough {
			f, is := readMPEG(data[min(next, len(data)):])
			if !is || !f.same(first) {
				break
			}
			next += f.size
			n++
		}
		if n == enough || n > 0 && (next == len(data) || expected && next > len(data)) {
			return at
		}
	}
	return -1
}

// examineMPEG goes through the frames, of which a file has no list: what follows the last
// whole one is a tag or was cut. Encoders note the number of frames in the first one.
func examineMPEG(data []byte) (contents, error) {
	var c contents
	begin := max(0, findMPEG(data, true))
	first, _ := readMPEG(data[begin:])
	promised, noted := frameCount(data[begin:], first)
	frames, lost, gaps := 0, begin, min(begin, 1)
	for at := begin; at < len(data); {
		f, ok := readMPEG(data[at:])
		switch {
		case ok && f.same(first) && at+f.size > len(data):
			c.fault(Truncated, "its last frame has %d of %d bytes", len(data)-at, f.size)
			at = len(data)
		case ok && f.same(first):
			frames++
			at += f.size
		case tagged(data[at:]):
			at = len(data)
		default:
			next := findMPEG(data[at+1:], true)
			if next < 0 {
				next = len(data) - at - 1
			}
			at, lost, gaps = at+1+next, lost+1+next, gaps+1
		}
	}
	if noted {
		frames-- // that of the note has no sound
	}
	if promised > frames && gaps == 0 && len(c.faults) == 0 {
		c.fault(Truncated, "its header promises %d frames, %d are there", promised, frames)
	}
	if gaps > 0 {
		c.fault(Damaged, "%d bytes of it are no MP3", lost)
	}
	return c, nil
}

// frameCount reads an encoder's note: Xing's ("Info" where the bit rate is constant), or Fraunhofer's.
func frameCount(data []byte, first mpegFrame) (frames int, noted bool) {
	const vbriAt = 36
	at := func(i int, name string) bool { return len(data) > i && bytes.HasPrefix(data[i:], []byte(name)) }
	word := func(i int) int {
		if len(data) < i+4 {
			return 0
		}
		return int(binary.BigEndian.Uint32(data[i:]))
	}
	switch i := first.info; {
	case at(i, "Xing") || at(i, "Info"):
		if word(i+4)&1 == 0 {
			return 0, true
		}
		return word(i + 8), true
	case at(vbriAt, "VBRI"):
		return word(vbriAt + 14), true
	}
	return 0, false
}

// tagged tells whether what follows the sound is a title and the like.
func tagged(rest []byte) bool {
	for _, tag := range []string{"TAG", "APETAGEX", "LYRICSBEGIN", "ID3"} {
		if bytes.HasPrefix(rest, []byte(tag)) {
			return true
		}
	}
	return len(bytes.Trim(rest, "\x00")) == 0 // padding
}
