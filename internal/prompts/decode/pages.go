package decode

import (
	"bytes"
	"encoding/binary"
	"math"
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

// GUIDs of an ASF file as they stand in it (Microsoft's "Advanced Systems Format", section 10).
const (
	asfHeader     = "\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c"
	asfProperties = "\xa1\xdc\xab\x8c\x47\xa9\xcf\x11\x8e\xe4\x00\xc0\x0c\x20\x53\x65"
	asfData       = "\x36\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c"
)

// examineASF reads how many bytes the file and its sound have to have.
func examineASF(data []byte) (contents, error) {
	const inHeader, properties = 30, 104
	var c contents
	size, _, ok := asfObject(data)
	if !ok || size < inHeader || size > int64(len(data)) {
		return c, refuse(Unreadable, "its header is cut, or says a wrong size: have it sent again")
	}
	live := false // written without knowing the end: sizes mean nothing
	for rest := data[inHeader:size]; ; {
		n, name, ok := asfObject(rest)
		if !ok {
			break
		}
		if name == asfProperties && len(rest) >= properties {
			live = rest[88]&1 != 0
			if claimed := asfWord(rest[40:]); !live && claimed > int64(len(data)) {
				c.fault(Truncated, "its header says %d bytes, %d are there", claimed, len(data))
			}
		}
		if n > int64(len(rest)) {
			c.fault(Damaged, "a part of its header says a wrong size")
			break
		}
		rest = rest[n:]
	}
	n, name, ok := asfObject(data[size:])
	switch {
	case !ok || name != asfData:
		return c, refuse(Unreadable, "there is no sound behind its header: have it sent again")
	case !live && len(c.faults) == 0 && n > int64(len(data))-size:
		c.fault(Truncated, "its sound has %d bytes by its header, %d are there", n, int64(len(data))-size)
	}
	return c, nil
}

// asfObject reads the name and the size of a part, which counts its own 24 bytes.
func asfObject(b []byte) (size int64, name string, ok bool) {
	const guid, header = 16, 24
	if len(b) < header {
		return 0, "", false
	}
	size = asfWord(b[guid:])
	return size, string(b[:guid]), size >= header
}

// asfWord is a size; what no file can have is as large as can be said.
func asfWord(b []byte) int64 {
	return int64(min(binary.LittleEndian.Uint64(b), math.MaxInt64))
}
