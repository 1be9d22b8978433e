// Package recorded tells which recordings of a studio there are beside the texts, and what
// each is noted to say. It goes by names and notes only: what is in a file, prompts/decode
// and prompts/sound tell, what is wrong with it, prompts/proof.
package recorded

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"hotline/internal/prompts"
	"hotline/internal/source"
)

// Formats are the extensions that recordings come with. What has a header
// may have any rate and number of channels; .vox is Dialogic ADPCM of 8 kHz, .gsm is GSM 06.10, .alaw and .ulaw
// are G.711 of 8 kHz, all of them mono and without a header.
var Formats = []string{"wav", "mp3", "wma", "vox", "ogg", "flac", "gsm", "alaw", "ulaw"}

// All are what a studio has delivered: language, then prompt id.
type All map[string]map[string]Recording

// Recording is one file of a studio. It takes the place of the voice.
type Recording struct {
	File string // within the prompts' folder: "recordings/zh/main.welcome.wav"
	Note Said   // zero: nobody has noted what it says
}

// Pos is where problems of the recording are reported.
func (r Recording) Pos() source.Pos { return source.Pos{File: r.File, Line: 1, Col: 1} }

// Find lists recordings/<language>/<id>.<format> of the folder that prompts.Load
// reads, for the prompts of a catalogue. It looks at names only. Its Problems name what
// cannot be a recording of the catalogue; the rest is listed all the same.
func Find(fsys fs.FS, c *prompts.Catalog) (All, source.Problems) {
	all := All{}
	var ps source.Problems
	for _, lang := range subfolders(fsys, "recordings", &ps) {
		dir := path.Join("recordings", lang)
		if !slices.Contains(c.Languages(), lang) {
			ps = append(ps, problem(dir, "stray-recording", "recordings in %q, which is no language of the prompts (known: %s)", lang, strings.Join(c.Languages(), ", ")))
			continue
		}
		l := language{name: lang, entries: map[string]prompts.Entry{}, found: map[string]Recording{}}
		all[lang] = l.found
		files, err := fs.ReadDir(fsys, dir)
		if err != nil {
			ps = append(ps, problem(dir, "unreadable", "cannot be read: %v", err))
			continue
		}
		for _, e := range c.Entries(lang) {
			l.entries[e.ID] = e
		}
		for _, f := range files {
			l.take(path.Join(dir, f.Name()), f, &ps)
		}
		for id, said := range ReadNotes(fsys, lang, &ps) {
			if r, there := l.found[id]; there {
				r.Note = said
				l.found[id] = r
			}
		}
	}
	return all, ps
}

// subfolders names the folders in a folder, none where it is not there.
func subfolders(fsys fs.FS, dir string, ps *source.Problems) (names []string) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		*ps = append(*ps, problem(dir, "unreadable", "cannot be read: %v", err))
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names
}

// language is one of the catalogue, and what is found of it.
type language struct {
	name    string
	entries map[string]prompts.Entry // by id
	found   map[string]Recording     // by id
}

// take adds a file to the recordings of a language, or says why it is none.
func (l language) take(file string, f fs.DirEntry, ps *source.Problems) {
	name := path.Base(file)
	ext := strings.TrimPrefix(path.Ext(name), ".")
	id := strings.TrimSuffix(name, "."+ext)
	wrong := func(rule, format string, args ...any) { *ps = append(*ps, problem(file, rule, format, args...)) }
	entry, known := l.entries[id]
	other, twice := l.found[id]
	switch {
	case name == NotesFile || strings.HasPrefix(name, "."):
	case !f.Type().IsRegular():
		wrong("unreadable", "is no plain file; links and folders are not followed: copy the recording itself here")
	case !slices.Contains(Formats, strings.ToLower(ext)):
		wrong("wrong-extension", "the extension is none of %s", strings.Join(Formats, ", "))
	case !known:
		wrong("stray-recording", "there is no prompt %q in %s.yaml; rename it to the prompt's id, or delete it", id, l.name)
	case entry.Silence > 0:
		wrong("stray-recording", "prompt %q is a pause, which the build makes; delete the recording", id)
	case twice:
		wrong("two-recordings", "prompt %q has another recording, %s; delete one", id, other.File)
	default:
		l.found[id] = Recording{File: file}
	}
}

func problem(file, rule, format string, args ...any) source.Problem {
	return source.Problem{Pos: source.Pos{File: file, Line: 1, Col: 1}, Rule: rule, Message: fmt.Sprintf(format, args...)}
}
