package decode

import (
	"bytes"
	"encoding/binary"
)

// oggPage is what an Ogg file consists of (RFC 3533, section 6).
type oggPage struct {
	size   int
	last   bool // of its stream
	serial uint32
	number uint32
}

var oggMagic = []byte("OggS")

// readOgg reads a page that is there as a whole. Its checksum is the one thing in all
// these containers that tells of a single wrong bit.
func readOgg(b []byte) (p oggPage, whole, sound bool) {
	const header, crcAt, countAt = 27, 22, 26
	if len(b) < header || !bytes.HasPrefix(b, oggMagic) {
		return p, false, false
	}
	count := int(b[countAt])
	if len(b) < header+count {
		return p, false, false
	}
	p = oggPage{size: header + count, last: b[5]&4 != 0, serial: binary.LittleEndian.Uint32(b[14:]), number: binary.LittleEndian.Uint32(b[18:])}
	for _, n := range b[header : header+count] {
		p.size += int(n)
	}
	if len(b) < p.size {
		return p, false, false
	}
	sum := oggSum(oggSum(oggSum(0, b[:crcAt]), make([]byte, 4)), b[crcAt+4:p.size])
	return p, true, sum == binary.LittleEndian.Uint32(b[crcAt:])
}

// oggTable is of the polynomial 0x04c11db7, most significant bit first, which hash/crc32 does not have.
var oggTable = func() (table [256]uint32) {
	for i := range table {
		r := uint32(i) << 24
		for range 8 {
			r = r<<1 ^ 0x04c11db7*(r>>31)
		}
		table[i] = r
	}
	return table
}()

func oggSum(sum uint32, b []byte) uint32 {
	for _, v := range b {
		sum = sum<<8 ^ oggTable[byte(sum>>24)^v]
	}
	return sum
}

// examineOgg goes through the pages: each stream has numbered ones, the last says that it is the last.
func examineOgg(data []byte) (contents, error) {
	var c contents
	open, wrong, cut := map[uint32]uint32{}, 0, 0 // the next page of a stream
	for at := 0; at < len(data); {
		p, whole, sound := readOgg(data[at:])
		if !whole {
			next := bytes.Index(data[at+1:], oggMagic)
			if next < 0 {
				cut = len(data) - at
				break
			}
			wrong, at = wrong+1, at+1+next
			continue
		}
		if number, known := open[p.serial]; !sound || known && number != p.number {
			wrong++
		}
		open[p.serial] = p.number + 1
		if p.last {
			delete(open, p.serial)
		}
		at += p.size
	}
	if cut > 0 || len(open) > 0 {
		c.fault(Truncated, "its last page is missing or cut")
	}
	if wrong > 0 {
		c.fault(Damaged, "%d of its pages are wrong or missing", wrong)
	}
	return c, nil
}
