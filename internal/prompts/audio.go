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

// ManifestFile is the file of the audio folder that says what is in it.
const ManifestFile = "manifest.json"

// BytesPerMS is how much of an audio file a millisecond takes: A-law, 8 kHz, mono.
const BytesPerMS = 8

// Manifest lists the audio of a folder: language, then prompt id.
type Manifest map[string]map[string]Audio

// Audio is one recording of the folder.
type Audio struct {
	File       string  `json:"file"` // within the folder: "zh/main.welcome-1b2c3d4e5f60.alaw"
	SHA256     string  `json:"sha256"`
	Codec      Codec   `json:"codec"`
	MS         int     `json:"ms"`
	Source     string  `json:"source"` // "voice:cmn-latn-pinyin", or the recording: "recordings/zh/main.welcome.wav"
	Text       string  `json:"text"`   // what it says; another text in the catalogue means that it is out of date
	TextSHA256 string  `json:"text_sha256"`
	Before     float64 `json:"level_before"` // active speech level (ITU-T P.56), dBov
	After      float64 `json:"level_after"`
}

// Codec is a form of audio files, which Asterisk knows by their extension.
type Codec string

// The codecs. A trunk's own needs no transcoding: its files are sent as they are.
const (
	ALaw  Codec = "alaw"  // ITU-T G.711, 8 kHz
	ULaw  Codec = "ulaw"  // ITU-T G.711, 8 kHz
	SLn16 Codec = "sln16" // signed linear, 16 bit little-endian, 16 kHz
)

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

// AudioFile names the recording of a text within the audio folder by what it says:
// a changed sentence is another file, so that calls which began with the older
// menus, and menus that are taken back, still find theirs.
func AudioFile(lang, id, text string) string {
	sum := sha256.Sum256([]byte(text))
	return path.Join(lang, id+"-"+hex.EncodeToString(sum[:6])+".alaw")
}

// WithAudio gives a catalogue whose Fragments know their files and lengths. audio
// is the audio folder, and dir its absolute path as Asterisk sees it. Every
// recording that is missing, says an older text or has another length than the
// manifest says is in the error, which is source.Problems.
func (c *Catalog) WithAudio(dir string, audio fs.FS) (*Catalog, error) {
	if !path.IsAbs(dir) {
		return nil, source.Problems{audioProblem(source.Pos{File: dir, Line: 1, Col: 1}, "the audio folder's path %q is not absolute", dir)}
	}
	recorded, err := c.Recorded(audio)
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

// Recorded lists the recordings of the audio folder that say what the catalogue
// says. The error is source.Problems: what has none; the others are listed all the same.
func (c *Catalog) Recorded(audio fs.FS) (Manifest, error) {
	manifest, err := readManifest(audio)
	if err != nil {
		return nil, source.Problems{audioProblem(manifestPos, "%v (make the audio with 'ivr prompts build')", err)}
	}
	var ps source.Problems
	recorded := Manifest{}
	for name, l := range c.langs {
		recorded[name] = make(map[string]Audio, len(l.entries))
		for _, e := range l.entries {
			a, known := manifest[name][e.ID]
			wrong := a.wrong(audio, e, known)
			if wrong != "" {
				// The manifest tells of the newest menus; these may be older.
				if older, there := earlier(audio, name, e); there {
					a, wrong = older, ""
				}
			}
			if wrong != "" {
				pos := e.Pos
				if pos.File == "" { // a part of spoken numbers stands in no file
					pos = manifestPos
				}
				ps = append(ps, audioProblem(pos, "prompt %q in %s %s (make it with 'ivr prompts build')", e.ID, name, wrong))
				continue
			}
			recorded[name][e.ID] = a
		}
	}
	return recorded, ps.Err()
}

// earlier finds the recording of a text by its name, where the manifest does not
// list it any more.
func earlier(audio fs.FS, lang string, e Entry) (Audio, bool) {
	file := AudioFile(lang, e.ID, e.Text)
	info, err := fs.Stat(audio, file)
	if err != nil || info.Size() == 0 || info.Size()%BytesPerMS != 0 {
		return Audio{}, false
	}
	return Audio{File: file, MS: int(info.Size() / BytesPerMS), Text: e.Text}, true
}

var manifestPos = source.Pos{File: ManifestFile, Line: 1, Col: 1}

func audioProblem(pos source.Pos, format string, args ...any) source.Problem {
	return source.Problem{Pos: pos, Message: fmt.Sprintf(format, args...), Rule: "audio"}
}

// wrong says what is wrong with the recording of an entry; "" for nothing.
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
	case a.MS <= 0 || info.Size() != int64(a.MS)*BytesPerMS:
		return fmt.Sprintf("has a file of %d bytes where the manifest says %d ms", info.Size(), a.MS)
	}
	return ""
}

func readManifest(audio fs.FS) (Manifest, error) {
	data, err := fs.ReadFile(audio, ManifestFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("the audio folder has no " + ManifestFile)
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
