package recorded

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"hotline/internal/source"
)

// NotesFile is the file beside the recordings of a language that says which text each of them says.
const NotesFile = "recorded.yaml"

// Said notes what a recording says: written when it is imported, so that a later change
// of the text shows.
type Said struct {
	SHA256 string // of the recording's file, hexadecimal
	Text   string
	At     time.Time
	Pos    source.Pos
}

// ReadNotes reads what the recordings of a language are noted to say, by prompt id, also
// of prompts that are no more. A language without notes has none.
func ReadNotes(fsys fs.FS, lang string, ps *source.Problems) map[string]Said {
	notes := map[string]Said{}
	file := path.Join("recordings", lang, NotesFile)
	data, err := fs.ReadFile(fsys, file)
	if errors.Is(err, fs.ErrNotExist) {
		return notes
	}
	if err != nil {
		*ps = append(*ps, problem(file, "prompt-file", "cannot be read: %v", err))
		return notes
	}
	root, ok := source.Parse(file, data, ps)
	if !ok {
		return notes
	}
	root.Entries(func(key, value source.Node) {
		said := Said{Pos: key.Pos()}
		value.Object(map[string]source.Field{
			"sha256": {Required: true, Read: func(n source.Node) { said.SHA256 = n.Text() }},
			"text":   {Required: true, Read: func(n source.Node) { said.Text = n.Text() }},
			"at": {Required: true, Read: func(n source.Node) {
				var err error
				at := n.Text()
				if said.At, err = time.Parse(time.RFC3339, at); err != nil && at != "" {
					n.Report("recorded", "%q is no time such as 2026-11-20T09:00:00+08:00", at)
				}
			}},
		})
		notes[key.Scalar()] = said
	})
	return notes
}

// WriteNotes gives the content of a NotesFile: what ReadNotes reads, sorted by id, so
// that one recording more is four lines more.
func WriteNotes(notes map[string]Said) ([]byte, error) {
	var b strings.Builder
	b.WriteString("# What the recordings beside this file say; written by 'ivr prompts import'.\n")
	for _, id := range slices.Sorted(maps.Keys(notes)) {
		said := notes[id]
		// All in quotes: to YAML a hash may look like a number, a text like anything.
		text, err := yaml.Marshal(&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: said.Text})
		if err != nil {
			return nil, fmt.Errorf("note what %s says: %w", id, err)
		}
		fmt.Fprintf(&b, "%s:\n  sha256: %q\n  text: %s  at: %q\n", id, said.SHA256, text, said.At.Format(time.RFC3339))
	}
	return []byte(b.String()), nil
}
