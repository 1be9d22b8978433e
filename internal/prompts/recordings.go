package prompts

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"hotline/internal/source"
)

// RecordingFormats are the extensions that recordings come with. What has a header
// may have any rate and number of channels; .vox is Dialogic ADPCM of 8 kHz, .gsm is GSM 06.10, .alaw and .ulaw
// are G.711 of 8 kHz, all of them mono and without a header.
var RecordingFormats = []string{"wav", "mp3", "wma", "vox", "ogg", "flac", "gsm", "alaw", "ulaw"}

// Recordings are what a studio has delivered: language, then prompt id.
type Recordings map[string]map[string]Recording

// Recording is one file of a studio. It takes the place of the voice.
type Recording struct {
	File string // within the prompts' folder: "recordings/zh/main.welcome.wav"
	Note Said   // zero: nobody has noted what it says
}

// Pos is where problems of the recording are reported.
func (r Recording) Pos() source.Pos { return source.Pos{File: r.File, Line: 1, Col: 1} }

// FindRecordings lists recordings/<language>/<id>.<format> of the folder that Load
// reads, for the prompts of a catalogue. It looks at names only. Its Problems name what
// cannot be a recording of the catalogue; the rest is listed all the same.
func FindRecordings(fsys fs.FS, c *Catalog) (Recordings, source.Problems) {
	all := Recordings{}
	var ps source.Problems
	for _, lang := range subfolders(fsys, "recordings", &ps) {
		dir := path.Join("recordings", lang)
		at := source.Pos{File: dir, Line: 1, Col: 1}
		if !slices.Contains(c.Languages(), lang) {
			ps = append(ps, source.Problem{Pos: at, Rule: "stray-recording",
				Message: fmt.Sprintf("recordings in %q, which is no language of the prompts (known: %s)", lang, strings.Join(c.Languages(), ", "))})
			continue
		}
		all[lang] = map[string]Recording{}
		files, err := fs.ReadDir(fsys, dir)
		if err != nil {
			ps = append(ps, source.Problem{Pos: at, Rule: "unreadable", Message: fmt.Sprintf("cannot be read: %v", err)})
			continue
		}
		for _, f := range files {
			c.take(all[lang], lang, path.Join(dir, f.Name()), f, &ps)
		}
		for id, said := range ReadNotes(fsys, lang, &ps) {
			if r, there := all[lang][id]; there {
				r.Note = said
				all[lang][id] = r
			}
		}
	}
	return all, ps
}

// subfolders names the folders in a folder, none where it is not there.
func subfolders(fsys fs.FS, dir string, ps *source.Problems) (names []string) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		*ps = append(*ps, source.Problem{Pos: source.Pos{File: dir, Line: 1, Col: 1}, Rule: "unreadable", Message: fmt.Sprintf("cannot be read: %v", err)})
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names
}

// take adds a file to the recordings of a language, or says why it is none.
func (c *Catalog) take(to map[string]Recording, lang, file string, f fs.DirEntry, ps *source.Problems) {
	name := path.Base(file)
	ext := strings.TrimPrefix(path.Ext(name), ".")
	id := strings.TrimSuffix(name, "."+ext)
	wrong := func(rule, format string, args ...any) {
		*ps = append(*ps, source.Problem{Pos: source.Pos{File: file, Line: 1, Col: 1}, Rule: rule, Message: fmt.Sprintf(format, args...)})
	}
	other, twice := to[id]
	switch {
	case name == NotesFile || strings.HasPrefix(name, "."):
	case !f.Type().IsRegular():
		wrong("unreadable", "is no plain file; links and folders are not followed: copy the recording itself here")
	case !slices.Contains(RecordingFormats, strings.ToLower(ext)):
		wrong("wrong-extension", "the extension is none of %s", strings.Join(RecordingFormats, ", "))
	case !c.Has(lang, id):
		wrong("stray-recording", "there is no prompt %q in %s.yaml; rename it to the prompt's id, or delete it", id, lang)
	case c.silent(lang, id):
		wrong("stray-recording", "prompt %q is a pause, which the build makes; delete the recording", id)
	case twice:
		wrong("two-recordings", "prompt %q has another recording, %s; delete one", id, other.File)
	default:
		to[id] = Recording{File: file}
	}
}
