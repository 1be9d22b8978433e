package sound

import "encoding/binary"

// WAV gives sound as a recording that every program plays: 16 bit, mono.
func WAV(p PCM) []byte {
	const header, sample = 44, 2 // bytes
	size := uint32(len(p.Samples) * sample)
	le := binary.LittleEndian
	out := make([]byte, 0, header+int(size))
	out = le.AppendUint32(append(out, "RIFF"...), header-8+size)
	out = le.AppendUint32(append(out, "WAVEfmt "...), 16) // bytes of what follows, to "data"
	out = le.AppendUint16(out, 1)                         // PCM
	out = le.AppendUint16(out, 1)                         // channel
	out = le.AppendUint32(out, uint32(p.Rate))
	out = le.AppendUint32(out, uint32(p.Rate)*sample)
	out = le.AppendUint16(out, sample)
	out = le.AppendUint16(out, 8*sample)
	out = le.AppendUint32(append(out, "data"...), size)
	for _, s := range p.Samples {
		out = le.AppendUint16(out, uint16(s))
	}
	return out
}
