package decode

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"hotline/internal/prompts/recorded"
)

// Whatever the bytes are, looking into a container ends: with a form, or with a refusal.
// No program runs here.
func FuzzContainers(f *testing.F) {
	f.Add("wav", []byte("RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\x02\x00\x00\x00\x01\x02"))
	f.Add("mp3", []byte("ID3\x04\x00\x00\x00\x00\x00\x01 \xff\xfb\x14\xc4"))
	f.Add("mp3", bytes.Repeat(append([]byte{0xFF, 0xFB, 0x14, 0xC4}, make([]byte, 101)...), 4))
	f.Add("ogg", manyStreams(3))
	f.Add("flac", append([]byte("fLaC\x00\x00\x00\x22"), make([]byte, 34)...))
	f.Add("wma", append([]byte(asfHeader+"\x1e\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x02"+asfData), make([]byte, 40)...))
	f.Add("gsm", bytes.Repeat(append([]byte{0xD0}, make([]byte, 32)...), 11))
	f.Add("alaw", bytes.Repeat([]byte{0xD5, 0x2A}, 1000))
	f.Fuzz(func(t *testing.T, ext string, data []byte) {
		got, err := recognise(ext, data)
		if err == nil {
			_, err = got.examine(got.data)
		}
		var refusal Refusal
		switch {
		case err != nil && (!errors.As(err, &refusal) || refusal.Rule == "" || refusal.Why == ""):
			t.Errorf("%v is no refusal", err)
		case err == nil && !strings.Contains(strings.Join(recorded.Formats, " "), got.container):
			t.Errorf("it is %q", got.container)
		}
	})
}
