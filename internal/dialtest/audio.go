package dialtest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"hotline/internal/prompts"
)

// Clip is one recording that can be recognised.
type Clip struct {
	ID   string // prompt id, e.g. "main.welcome"
	Text string // what it says
	Lang string
	// SHA256 is that of the file, as the manifest has it; "" where there is no manifest.
	SHA256 string
	// Also are further prompts whose audio is the same to the last bit; those of
	// another language have it before them: "en:main.welcome".
	Also []string
	alaw []byte
}

// is tells whether hearing the clip is hearing the prompt id.
func (c *Clip) is(id string) bool { return is(c.Lang, id, c.ID, c.Also) }

// is tells whether a prompt, or one of those whose audio is the same, is the one asked
// for: "main.welcome" in any language, or "en:main.welcome".
func is(lang, asked, id string, also []string) bool {
	in, plain := cutLang(asked, "")
	same := func(id string) bool {
		l, p := cutLang(id, lang)
		return p == plain && (in == "" || in == l)
	}
	return same(id) || slices.ContainsFunc(also, same)
}

// cutLang takes the language off a prompt's name; one without it is of language by.
func cutLang(name, by string) (lang, id string) {
	if lang, id, named := strings.Cut(name, ":"); named {
		return lang, id
	}
	return by, name
}

// beside writes prompts' names as they stand beside a prompt of language lang.
func beside(lang string, of string, names ...string) []string {
	all := make([]string, 0, len(names))
	for _, name := range names {
		l, id := cutLang(name, of)
		if l != lang {
			id = l + ":" + id
		}
		all = append(all, id)
	}
	return all
}

// Audio is a set of recordings, indexed by their content. The zero Audio knows
// none. It is not changed after LoadAudio, so all calls share one.
//
// The index has the hash of every 20 ms window of every clip, counted from the
// clip's begin (50,000 for 15 minutes). A stream need not be cut at the same
// places: the Ear moves a window over it byte by byte, with a hash that rolls.
type Audio struct {
	clips []*Clip
	index map[uint64][]place
}

// place is a byte of a clip.
type place struct {
	clip *Clip
	off  int
}

const (
	// maxSame is how many places may share a window before it says nothing about
	// where it comes from: pauses, the hum of a synthesiser.
	maxSame = 8
	// hashBase is odd and large (from Knuth's MMIX generator); the bytes are
	// compared after every hit, so a collision costs time only.
	hashBase uint64 = 6364136223846793005
)

// hashOut is hashBase^(frameBytes-1): the weight of the byte that leaves the window.
var hashOut = func() uint64 {
	h := uint64(1)
	for range frameBytes - 1 {
		h *= hashBase
	}
	return h
}()

// hash is the polynomial hash of a window; roll moves it on by one byte.
func hash(window []byte) uint64 {
	var h uint64
	for _, b := range window {
		h = h*hashBase + uint64(b) + 1
	}
	return h
}

func roll(h uint64, out, in byte) uint64 {
	return (h-(uint64(out)+1)*hashOut)*hashBase + uint64(in) + 1
}

// ErrCodec: what is not A-law comes transcoded, and is not recognised by its bytes.
var ErrCodec = errors.New("a dial test knows what it hears only where the trunk's codec is alaw")

// LoadAudio reads the audio folder that "ivr prompts build" wrote: its manifest and the raw
// A-law files (8 kHz, mono) of all its languages.
func LoadAudio(folder fs.FS) (*Audio, error) {
	m, err := prompts.ReadManifest(folder)
	if err != nil {
		return nil, err
	}
	var clips []*Clip
	for _, lang := range slices.Sorted(maps.Keys(m)) {
		for _, id := range slices.Sorted(maps.Keys(m[lang])) {
			a := m[lang][id]
			if a.Codec != prompts.ALaw {
				return nil, fmt.Errorf("the audio of prompt %q is %s: %w", id, a.Codec, ErrCodec)
			}
			alaw, err := fs.ReadFile(folder, a.File)
			if err != nil {
				return nil, fmt.Errorf("read the audio of prompt %q: %w", id, err)
			}
			if hash := prompts.Hash(alaw); hash != a.SHA256 {
				return nil, fmt.Errorf("the audio of prompt %q, %s, is not what the manifest says: its SHA-256 is %s, not %s", id, a.File, hash, a.SHA256)
			}
			clips = append(clips, &Clip{ID: id, Text: a.Text, Lang: lang, SHA256: a.SHA256, alaw: alaw})
		}
	}
	return newAudio(clips), nil
}

// newAudio joins clips of the same content and indexes the rest.
func newAudio(clips []*Clip) *Audio {
	a := &Audio{index: map[uint64][]place{}}
	same := map[string]*Clip{}
	for _, c := range clips {
		if first, again := same[string(c.alaw)]; again {
			first.Also = append(first.Also, beside(first.Lang, c.Lang, c.ID)...)
			continue
		}
		same[string(c.alaw)] = c
		a.clips = append(a.clips, c)
		for off := 0; off+frameBytes <= len(c.alaw); off += frameBytes {
			window := c.alaw[off : off+frameBytes]
			if loud(window) == 0 {
				continue
			}
			h := hash(window)
			if len(a.index[h]) <= maxSame { // one more than counts, as the sign of too many
				a.index[h] = append(a.index[h], place{c, off})
			}
		}
	}
	return a
}

// Has tells whether the prompt id is among the recordings.
func (a *Audio) Has(id string) bool {
	return slices.ContainsFunc(a.clips, func(c *Clip) bool { return c.is(id) })
}

// find gives the places with exactly this window; none where there are too many.
func (a *Audio) find(h uint64, window []byte) []place {
	at := a.index[h]
	if len(at) == 0 || len(at) > maxSame {
		return nil
	}
	var found []place
	for _, p := range at {
		if bytes.Equal(p.clip.alaw[p.off:p.off+frameBytes], window) {
			found = append(found, p)
		}
	}
	return found
}

// isLoud tells sound from silence: in A-law (G.711; every second bit is inverted,
// hence 0x55) silence is the lowest steps of the first segment.
func isLoud(b byte) bool { return (b^0x55)&0x7F > 2 }

// loud counts the bytes that are not silence.
func loud(alaw []byte) int {
	n := 0
	for _, b := range alaw {
		if isLoud(b) {
			n++
		}
	}
	return n
}
