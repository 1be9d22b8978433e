package prompts

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"strings"

	"hotline/internal/source"
)

// ManifestFile is the file of the audio folder that says what the live version is heard with.
const ManifestFile = "manifest.json"

// Manifest says what a catalogue is heard with: language, then prompt id.
type Manifest map[string]map[string]Audio

// Audio is one file of the audio folder, ready for Asterisk.
type Audio struct {
	File   string `json:"file"`   // within the folder: "zh/main.welcome-1b2c3d4e5f60.alaw"
	SHA256 string `json:"sha256"` // of the file, hexadecimal
	Codec  Codec  `json:"codec"`
	MS     int    `json:"ms"`

	Source       string `json:"source"`                  // "voice:cmn-latn-pinyin", the recording ("recordings/zh/main.welcome.wav"), or "silence"
	SourceSHA256 string `json:"source_sha256,omitempty"` // of the recording; "" for the voice
	Text         string `json:"text"`                    // what it says; another text in the catalogue means that it is out of date
	TextSHA256   string `json:"text_sha256"`

	// Active speech level (ITU-T P.56) of the source and of the file, dBov.
	Before float64 `json:"level_before"`
	After  float64 `json:"level_after"`
}

// Codec is a form of audio files, which Asterisk knows by their extension.
type Codec string

// The codecs. A trunk's own needs no transcoding: its files are sent as they are.
const (
	ALaw  Codec = "alaw"  // ITU-T G.711, 8 kHz
	ULaw  Codec = "ulaw"  // ITU-T G.711, 8 kHz
	SLn16 Codec = "sln16" // signed linear, 16 bit little-endian, 16 kHz
)

// Codecs are all of them.
var Codecs = []Codec{ALaw, ULaw, SLn16}

// Rate is its samples a second.
func (c Codec) Rate() int {
	if c == SLn16 {
		return 16000
	}
	return 8000
}

// BytesPerMS is how much of a file a millisecond takes.
func (c Codec) BytesPerMS() int {
	if c == SLn16 {
		return 32
	}
	return 8
}

// Hash is how files and texts are told apart: SHA-256, hexadecimal.
func Hash[T string | []byte](content T) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// AudioFile names a file of the audio folder by what is in it: whatever changes is
// another file, so that calls which began with older menus, and menus that are
// taken back, still find theirs.
func AudioFile(lang, id, hash string, codec Codec) string {
	return path.Join(lang, id+"-"+hash[:12]+"."+string(codec))
}

// ReadManifest reads what the audio folder says of itself.
func ReadManifest(audio fs.FS) (Manifest, error) {
	data, err := fs.ReadFile(audio, ManifestFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the audio folder has no %s: %w", ManifestFile, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read the audio folder's list: %w", err)
	}
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("read %s: %w", ManifestFile, err)
	}
	return m, nil
}

// WithAudio gives a catalogue whose Fragments know their files and lengths. audio
// is the audio folder, dir its absolute path as Asterisk sees it, and m what the catalogue is
// heard with. Every file that is missing, says another text or has another length than m
// says is in the error, which is source.Problems.
func (c *Catalog) WithAudio(dir string, audio fs.FS, m Manifest) (*Catalog, error) {
	if !path.IsAbs(dir) {
		return nil, source.Problems{audioProblem(source.Pos{File: dir, Line: 1, Col: 1}, "the audio folder's path %q is not absolute", dir)}
	}
	recorded, err := c.Recorded(audio, m)
	if err != nil {
		return nil, err
	}
	heard := &Catalog{langs: make(map[string]*language, len(c.langs))}
	for name, l := range c.langs {
		h := &language{entries: l.entries, reader: l.reader, said: maps.Clone(l.said)}
		for _, e := range l.entries {
			a := recorded[name][e.ID]
			f := h.said[e.ID]
			f.File, f.MS = path.Join(dir, strings.TrimSuffix(a.File, path.Ext(a.File))), a.MS
			h.said[e.ID] = f
		}
		h.index()
		heard.langs[name] = h
	}
	return heard, nil
}

// Recorded is the part of a Manifest that the audio folder has and that says what the
// catalogue says. The error is source.Problems: what has none; the others are given all the same.
func (c *Catalog) Recorded(audio fs.FS, m Manifest) (Manifest, error) {
	var ps source.Problems
	recorded := Manifest{}
	for name, l := range c.langs {
		recorded[name] = make(map[string]Audio, len(l.entries))
		for _, e := range l.entries {
			a, known := m[name][e.ID]
			wrong := a.wrong(audio, e, known)
			if wrong == "" {
				recorded[name][e.ID] = a
				continue
			}
			pos := e.Pos
			if pos.File == "" { // a part of spoken numbers stands in no file
				pos = source.Pos{File: ManifestFile, Line: 1, Col: 1}
			}
			ps = append(ps, audioProblem(pos, "prompt %q in %s %s (make it with 'ivr prompts build')", e.ID, name, wrong))
		}
	}
	return recorded, ps.Err()
}

func audioProblem(pos source.Pos, format string, args ...any) source.Problem {
	return source.Problem{Pos: pos, Message: fmt.Sprintf(format, args...), Rule: "audio"}
}

// wrong says what is wrong with the audio of an entry; "" for nothing.
func (a Audio) wrong(audio fs.FS, e Entry, known bool) string {
	if !known {
		return "has no recording"
	}
	if a.Text != e.Text {
		return fmt.Sprintf("has a recording of an older text, %q", a.Text)
	}
	info, err := fs.Stat(audio, a.File)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "has lost its file " + a.File
	case err != nil:
		return fmt.Sprintf("has a file that cannot be read: %v", err)
	case a.MS <= 0 || info.Size() != int64(a.MS)*int64(a.Codec.BytesPerMS()):
		return fmt.Sprintf("has a file of %d bytes where the manifest says %d ms", info.Size(), a.MS)
	}
	return ""
}
