package decode

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"hotline/internal/prompts/recorded"
)

// form is what a recording is, and how it is decoded.
type form struct {
	container string   // one of recorded.Formats
	demuxer   string   // of ffmpeg, the only one that it may use; "" for sox
	codecs    string   // of ffmpeg, those that it may use
	options   []string // of the demuxer
	raw       int      // rate of mono 16 bit little-endian that comes out; 0 for ffmpeg's, which says so itself
	data      []byte   // what the decoder gets
	bare      bool     // nothing in it tells that it is that form
	examine   func(data []byte) (contents, error)
}

// contents is what a container tells of its sound.
type contents struct {
	samples int64 // of a channel, at least; 0 unknown
	faults  []Refusal
}

func (c *contents) fault(rule, format string, args ...any) {
	c.faults = append(c.faults, refuse(rule, format, args...))
}

// command is the decoder's, to read from a pipe and to write to one.
func (f form) command(l Limits) (name string, args []string) {
	if f.demuxer == "" {
		return "sox", strings.Fields(fmt.Sprintf("-V1 -D -t %s -r %d -c 1 - -t raw -b 16 -e signed-integer -L -", f.container, f.raw))
	}
	args = strings.Fields("-nostdin -hide_banner -loglevel error -threads 1 -protocol_whitelist pipe -err_detect crccheck")
	args = append(args, "-format_whitelist", f.demuxer, "-codec_whitelist", f.codecs)
	args = append(args, f.options...)
	args = append(args, "-f", f.demuxer, "-i", "pipe:0")
	// The first sound of the file and nothing else of it: no picture, no text, no title.
	args = append(args, strings.Fields("-map 0:a:0 -vn -sn -dn -map_metadata -1 -map_chapters -1 -bitexact")...)
	// A second more than it may last shows that it lasts too long.
	return "ffmpeg", append(args, "-t", fmt.Sprint(l.Audio.Seconds()+1), "-c:a", "pcm_s16be", "-f", "au", "pipe:1")
}

// g711 are the options of headerless sound.
var g711 = []string{"-sample_rate", "8000", "-ch_layout", "mono"}

// recognise tells a recording by its content. Only what nothing in it tells is left to
// the extension: an extension can be typed by anybody.
func recognise(ext string, data []byte) (form, error) {
	begins := func(magic string) bool { return bytes.HasPrefix(data, []byte(magic)) }
	switch {
	case begins("ID3"):
		rest, err := behindID3(data)
		if err != nil {
			return form{}, err
		}
		// Tags hold pictures and texts, nothing to be heard: no decoder sees them.
		return recognise(ext, rest)
	case begins("RIFF") && len(data) >= 12 && string(data[8:12]) == "WAVE":
		return wave(data)
	case begins("OggS"):
		return form{container: "ogg", demuxer: "ogg", codecs: "vorbis,libvorbis,opus,libopus,speex,libspeex,flac", data: data, examine: examineOgg}, nil
	case begins("fLaC"):
		return form{container: "flac", demuxer: "flac", codecs: "flac", data: data, examine: examineFLAC}, nil
	case begins(asfHeader):
		return form{container: "wma", demuxer: "asf", codecs: "wmav1,wmav2,wmapro,wmalossless,wmavoice", data: data, examine: examineASF}, nil
	}
	if what := foreign(data); what != "" {
		return form{}, refuse(Unreadable, "it is %s: save it as one of %s", what, strings.Join(recorded.Formats, ", "))
	}
	if at := findMPEG(data, ext == "mp3"); at == 0 || at > 0 && ext == "mp3" {
		return form{container: "mp3", demuxer: "mp3", codecs: "mp3float,mp3", data: data, examine: examineMPEG}, nil
	}
	if frames, good := gsmFrames(data); good == frames && frames >= 10 || ext == "gsm" && good*10 >= frames*9 && good > 0 {
		return form{container: "gsm", demuxer: "gsm", codecs: "gsm,libgsm", options: []string{"-sample_rate", "8000"}, data: data, examine: examineGSM}, nil
	}
	if ext == "alaw" || ext == "ulaw" {
		ext = law(ext, data)
	}
	switch ext {
	case "alaw":
		return form{container: ext, demuxer: "alaw", codecs: "pcm_alaw", options: g711, data: data, bare: true, examine: plain}, nil
	case "ulaw":
		return form{container: ext, demuxer: "mulaw", codecs: "pcm_mulaw", options: g711, data: data, bare: true, examine: plain}, nil
	case "vox":
		return form{container: ext, raw: 8000, data: data, bare: true, examine: plain}, nil
	}
	if slices.Contains(recorded.Formats, ext) {
		return form{}, refuse(Unreadable, "nothing in it is %s, nor any other recording: have it sent again", ext)
	}
	return form{}, refuse(Unreadable, "it is no recording: save it as one of %s", strings.Join(recorded.Formats, ", "))
}

// plain is sound without a container: every byte is a sample, and nothing can be missing.
func plain([]byte) (contents, error) { return contents{}, nil }

// behindID3 skips tags in front (ID3v2.4, section 3.1: seven bits of each length byte count).
func behindID3(data []byte) ([]byte, error) {
	const header = 10
	for bytes.HasPrefix(data, []byte("ID3")) {
		if len(data) < header {
			return nil, refuse(Unreadable, "it ends within its first tag: have it sent again")
		}
		size := int64(header)
		if data[5]&0x10 != 0 {
			size += header // a footer
		}
		for i, b := range data[6:header] {
			size += int64(b&0x7F) << (7 * (3 - i))
		}
		if size >= int64(len(data)) {
			return nil, refuse(Unreadable, "its tag (ID3) claims %d bytes, the file has %d: there is no sound behind it; have it sent again", size, len(data))
		}
		data = data[size:]
	}
	return data, nil
}

// others are contents that somebody may take for a recording, or wants us to: a program
// would follow what playlists and films refer to.
var others = []struct {
	at          int
	magic, what string
}{
	{4, "ftyp", "MPEG-4 (mp4, m4a, mov)"}, {0, "RIFF", "RIFF without sound (avi, webp)"}, {0, "RF64", "WAVE of more than 4 GB (RF64)"},
	{0, "RIFX", "big-endian WAVE (RIFX)"}, {0, "FORM", "AIFF"}, {0, ".snd", "Sun audio (au)"}, {0, "caff", "Apple's CAF"}, {0, "#!AMR", "AMR"}, {0, "wvpk", "WavPack"},
	{0, "MAC ", "Monkey's Audio"}, {0, "Creative Voice File", "Creative's VOC"}, {0, "riff.\x91\xcf\x11", "Sony Wave64"},
	{0, "\x1aE\xdf\xa3", "Matroska (mkv, webm)"}, {0, "MThd", "MIDI"}, {0, "FLV\x01", "Flash video"},
	{0, "\x00\x00\x01\xba", "MPEG video"}, {0, "PK\x03\x04", "a ZIP archive"}, {0, "\x1f\x8b\x08", "a gzip archive"}, {0, "7z\xbc\xaf", "a 7-Zip archive"},
	{0, "Rar!", "a RAR archive"}, {0, "BZh", "a bzip2 archive"}, {0, "\xfd7zXZ", "an xz archive"}, {0, "%PDF", "a PDF"}, {0, "\x7fELF", "a program"}, {0, "MZ\x90", "a program"},
	{0, "\xd0\xcf\x11\xe0", "a Word or Excel document"}, {0, "\x89PNG", "a picture"}, {0, "\xff\xd8\xff", "a picture"}, {0, "GIF8", "a picture"},
}

// foreign names content that is no recording; "" where it may be one.
func foreign(data []byte) string {
	for _, o := range others {
		if len(data) > o.at && bytes.HasPrefix(data[o.at:], []byte(o.magic)) {
			return o.what
		}
	}
	if isText(data) {
		return "a text (a playlist, a script, a web page)"
	}
	return ""
}

// isText tells a text from samples, which have no reason to be letters and blanks only.
// Silence can be: in A-law it is the letter U.
func isText(data []byte) bool {
	const enough, variety = 4 << 10, 6
	begin := data[:min(len(data), enough)]
	begin = bytes.TrimPrefix(begin, []byte("\ufeff"))
	for cut := 0; cut < utf8.UTFMax && len(data) > enough && !utf8.Valid(begin); cut++ {
		begin = begin[:len(begin)-1] // the last letter may be cut in two
	}
	if !utf8.Valid(begin) {
		return false
	}
	seen := map[rune]bool{}
	for _, r := range string(begin) {
		if !unicode.IsPrint(r) && !unicode.IsSpace(r) {
			return false
		}
		seen[r] = true
	}
	return len(seen) >= variety
}

// gsmFrame is what 20 ms of GSM 06.10 take, each begun by the same four bits (RFC 3551, section 4.5.8.1).
const gsmFrame = 33

// gsmFrames counts whole frames, and those that begin as they have to.
func gsmFrames(data []byte) (frames, good int) {
	for ; len(data) >= gsmFrame; data = data[gsmFrame:] {
		frames++
		if data[0]>>4 == 0xD {
			good++
		}
	}
	return frames, good
}

func examineGSM(data []byte) (contents, error) {
	var c contents
	frames, good := gsmFrames(data)
	if good < frames {
		c.fault(Damaged, "%d of its %d frames are no GSM 06.10", frames-good, frames)
	}
	if rest := len(data) % gsmFrame; rest != 0 {
		c.fault(Truncated, "its last frame has %d of %d bytes", rest, gsmFrame)
	}
	return c, nil
}

// examineFLAC reads STREAMINFO (RFC 9639, section 8.2), which every file begins with.
func examineFLAC(data []byte) (contents, error) {
	const at, size = 8, 34
	if len(data) < at+size {
		return contents{}, refuse(Unreadable, "it ends within its header: have it sent again")
	}
	if data[4]&0x7F != 0 || data[5] != 0 || data[6] != 0 || data[7] != size {
		return contents{}, refuse(Unreadable, "its header does not begin with what FLAC has to (STREAMINFO): have it made anew")
	}
	// 20 bits rate, 3 channels, 5 bits of a sample, 36 samples
	packed := binary.BigEndian.Uint64(data[at+10:])
	if packed>>44 == 0 {
		return contents{}, refuse(Unreadable, "its header says 0 samples a second: have it made anew")
	}
	return contents{samples: int64(packed & (1<<36 - 1))}, nil
}
