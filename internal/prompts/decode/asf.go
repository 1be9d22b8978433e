package decode

import (
	"encoding/binary"
	"math"
)

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
