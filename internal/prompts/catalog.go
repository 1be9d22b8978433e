package prompts

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"hotline/internal/source"
)

// Catalog is everything that can be said, in each of its languages: the texts of
// the prompt files, and the parts that spoken numbers are made of. It is not
// changed after Load, so any number of calls may read it at once; a reload makes
// a new one.
type Catalog struct{ langs map[string]*language }

// language keeps what Fragments needs ready made: a call asks at every key press.
type language struct {
	entries []Entry
	said    map[string]Fragment // by id; Ref is 0
	pieces  []Fragment          // by piece of the reader
	reader  *reader
}

// Entry is one prompt as its author wrote it. The parts of spoken numbers are
// entries too (without Pos), because each of them is a recording.
type Entry struct {
	ID     string
	Text   string
	Voice  string            // who speaks it: one of Voices, a variant of the language's voice; "" for the usual one
	Note   string            // for whoever records it; "" for none
	Notice Notice            // what it was written for; zero for none
	Waive  map[string]string // rule that does not hold here, with the reason; which rules there are, prompts/proof knows
	Pos    source.Pos

	// Silence is for how many milliseconds nothing is heard: the pause within a
	// telephone number, which is a file like the others, and which neither a voice nor a
	// studio makes. 0 for what is said.
	Silence int
}

// Notice is the order of the house that a prompt answers: a new service, another price.
// Callers are to hear it within hours (see `ivr prompts notices`).
type Notice struct {
	ID string // as the house numbers them: "TZ-2026-118"
	At time.Time
}

// Fragment is one recording to play: which of the Refs it says, in words and as a file.
type Fragment struct {
	Ref  int // index into the Refs asked for
	ID   string
	Text string
	File string // absolute, without extension, as Asterisk's "sound:" wants it; "" before WithAudio
	MS   int    // milliseconds; 0 before WithAudio
}

var (
	languageName = regexp.MustCompile(`^[a-z]{2,3}$`)
	promptID     = regexp.MustCompile(`^[a-z0-9_]+(\.[a-z0-9_]+)*$`)
)

// Load reads every <language>.yaml at the top of fsys, such as zh.yaml: a mapping
// of prompt id to text, or to {text, note, waive}. The error is source.Problems, all of
// them at once; file names in it are relative to fsys.
func Load(fsys fs.FS) (*Catalog, error) {
	files, err := fs.Glob(fsys, "*.yaml")
	var ps source.Problems
	if err != nil || len(files) == 0 {
		ps = append(ps, fileProblem("zh.yaml", "no prompt file <language>.yaml in the folder"))
		return nil, ps.Err()
	}
	c := &Catalog{langs: make(map[string]*language, len(files))}
	for _, file := range files {
		lang := strings.TrimSuffix(file, ".yaml")
		r, ok := readers[lang]
		if !languageName.MatchString(lang) || !ok {
			ps = append(ps, fileProblem(file, "numbers cannot be read aloud in language %q (known: %s)",
				lang, strings.Join(slices.Sorted(maps.Keys(readers)), ", ")))
			continue
		}
		data, err := fs.ReadFile(fsys, file)
		if err != nil {
			ps = append(ps, fileProblem(file, "cannot be read: %v", err))
			continue
		}
		c.langs[lang] = newLanguage(readEntries(file, data, r, &ps), r)
	}
	if err := ps.Err(); err != nil {
		return nil, err
	}
	return c, nil
}

// fileProblem is about a file as a whole.
func fileProblem(file, format string, args ...any) source.Problem {
	return source.Problem{Pos: source.Pos{File: file, Line: 1, Col: 1}, Message: fmt.Sprintf(format, args...), Rule: "prompt-file"}
}

// readEntries reads one prompt file. The reader's own ids cannot be given another
// text: "n.2" saying something else would make every amount a wrong one.
func readEntries(file string, data []byte, r *reader, ps *source.Problems) []Entry {
	var entries []Entry
	root, ok := source.Parse(file, data, ps)
	if !ok {
		return nil
	}
	root.Entries(func(key, value source.Node) {
		e := Entry{ID: key.Scalar(), Pos: key.Pos()}
		switch {
		case !promptID.MatchString(e.ID):
			key.Report("prompt-id", "prompt id %q is not words of a-z, 0-9 and _ joined by dots, such as main.welcome", e.ID)
		case r.owns(e.ID):
			key.Report("prompt-id", "prompt id %q belongs to the reading of numbers, which says it itself", e.ID)
		}
		if value.IsObject() {
			value.Object(map[string]source.Field{
				"text":   {Read: func(n source.Node) { e.Text = n.Text() }, Required: true},
				"voice":  {Read: func(n source.Node) { e.Voice = variant(n) }},
				"note":   {Read: func(n source.Node) { e.Note = n.Text() }},
				"notice": {Read: func(n source.Node) { e.Notice = notice(n) }},
				"waive":  {Read: func(n source.Node) { e.Waive = waived(n) }},
			})
		} else {
			e.Text = value.Text()
		}
		e.Text = strings.TrimSpace(e.Text)
		if e.Text != "" && !strings.ContainsFunc(e.Text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
			value.Report("empty", "%q has nothing to be said; a caller would hear silence", e.Text)
		}
		entries = append(entries, e)
	})
	return entries
}

// waived reads which rules do not hold for a prompt, each with the reason.
func waived(n source.Node) map[string]string {
	reasons := map[string]string{}
	n.Entries(func(k, v source.Node) { reasons[k.Scalar()] = v.Text() })
	return reasons
}

// Voices are how else a language's voice can sound: variants of espeak-ng. It has more, and
// takes a name that it does not know for the voice itself, so nothing but this list tells.
var Voices = strings.Fields("f1 f2 f3 f4 f5 m1 m2 m3 m4 m5 m6 m7 m8")

// variant reads one of Voices.
func variant(n source.Node) string {
	name := n.Text()
	if name != "" && !slices.Contains(Voices, name) {
		n.Report("voice", "there is no voice %q (known: %s)", name, strings.Join(Voices, " "))
	}
	return name
}

// notice reads what a prompt was written for, and when that was given.
func notice(n source.Node) (is Notice) {
	n.Object(map[string]source.Field{
		"id": {Required: true, Read: func(n source.Node) { is.ID = n.Text() }},
		"at": {Required: true, Read: func(n source.Node) {
			var err error
			if is.At, err = time.Parse("2006-01-02T15:04Z07:00", n.Scalar()); err != nil {
				n.Report("notice", "%q is no time such as 2026-11-20T09:00+08:00", n.Scalar())
			}
		}},
	})
	return is
}

func newLanguage(entries []Entry, r *reader) *language {
	l := &language{reader: r, said: make(map[string]Fragment, len(entries)+len(r.pieces))}
	l.entries = append(entries, r.pieces...)
	for _, e := range l.entries {
		l.said[e.ID] = Fragment{ID: e.ID, Text: e.Text}
	}
	l.index()
	return l
}

// index lays the fragments of the reader's pieces beside each other.
func (l *language) index() {
	l.pieces = make([]Fragment, len(l.reader.pieces))
	for i, e := range l.reader.pieces {
		l.pieces[i] = l.said[e.ID]
	}
}

// Languages are the names of the languages, sorted: "zh".
func (c *Catalog) Languages() []string { return slices.Sorted(maps.Keys(c.langs)) }

// Entries are the prompts of a language in the order of its file, then the parts of
// spoken numbers. An unknown language has none.
func (c *Catalog) Entries(lang string) []Entry {
	l, ok := c.langs[lang]
	if !ok {
		return nil
	}
	return slices.Clone(l.entries)
}

// Has tells whether the language has a prompt with this id.
func (c *Catalog) Has(lang, id string) bool {
	l, ok := c.langs[lang]
	if !ok {
		return false
	}
	_, ok = l.said[id]
	return ok
}

// Text is what is said for a Ref, numbers as they are spoken ("五十八元五角"). It is
// "" for what cannot be said: Fragments tells why.
func (c *Catalog) Text(lang string, r Ref) string {
	l, err := c.language(lang, r)
	if err != nil {
		return ""
	}
	if r.Read == Say {
		return l.said[r.ID].Text
	}
	pieces, _ := l.reader.read(r)
	return l.reader.write(pieces)
}

// ErrCannotSay is what Fragments' errors wrap.
var ErrCannotSay = errors.New("cannot be said")

// Fragments are the recordings that say refs, in order, each Ref in its own
// language where it names one (In) and in lang elsewhere. It fails with
// ErrCannotSay on an unknown language or prompt, and on a value that is not Sayable.
func (c *Catalog) Fragments(lang string, refs []Ref) ([]Fragment, error) {
	said := make([]Fragment, 0, len(refs))
	for i, r := range refs {
		l, err := c.language(lang, r)
		if err != nil {
			return nil, err
		}
		if r.Read == Say {
			f, ok := l.said[r.ID]
			if !ok {
				return nil, cannotSay(lang, r)
			}
			f.Ref = i
			said = append(said, f)
			continue
		}
		pieces, ok := l.reader.read(r)
		if !ok {
			return nil, cannotSay(lang, r)
		}
		said = slices.Grow(said, len(pieces)+len(refs)-i-1)
		for _, p := range pieces {
			f := l.pieces[p]
			f.Ref = i
			said = append(said, f)
		}
	}
	return said, nil
}

// language is the one that a Ref is said in, in a call of lang.
func (c *Catalog) language(lang string, r Ref) (*language, error) {
	in := cmp.Or(r.In, lang)
	l, ok := c.langs[in]
	if !ok {
		return nil, fmt.Errorf("prompts in language %q: %w", in, ErrCannotSay)
	}
	return l, nil
}

// cannotSay names the Ref and the language that it was to be said in.
func cannotSay(lang string, r Ref) error {
	in := cmp.Or(r.In, lang)
	if r.In = ""; r.Read == Say {
		return fmt.Errorf("prompt %q in language %q: %w", r.ID, in, ErrCannotSay)
	}
	return fmt.Errorf("%s in language %q: %w", r, in, ErrCannotSay)
}
