package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"hotline/internal/prompts"
	"hotline/internal/prompts/decode"
	"hotline/internal/prompts/recorded"
	"hotline/internal/prompts/sound"
	"hotline/internal/prompts/voice"
	"hotline/internal/source"
)

// recipe is raised whenever this package makes other audio of the same source.
const recipe = "2"

// item is one prompt on its way.
type item struct {
	lang string
	prompts.Entry
	recording *recorded.Recording // nil: the voice speaks

	audio  prompts.Audio
	data   []byte // of the file; nil where the audio folder has it
	cached bool
	found  source.Problems // of the recording
}

// made is what the cache keeps beside a file.
type made struct {
	prompts.Audio
	Container string           `json:"container,omitempty"` // of a recording
	Faults    []decode.Refusal `json:"faults,omitempty"`
	Facts     sound.Facts      `json:"facts,omitzero"`
}

// make gives an item its audio.
func (o *Options) make(ctx context.Context, it *item, from *recordings) error {
	if it.Silence > 0 { // whatever a studio has delivered
		return o.silence(it)
	}
	if it.recording != nil {
		return o.fromRecording(ctx, it, from)
	}
	text := voice.Text{Lang: it.lang, Text: it.Text, Variant: it.Voice}
	it.audio.Source = "voice:" + text.Name()
	if o.kept(it) {
		return nil
	}
	_, err := o.cachedOr(it, text.Recipe(o.Codec.Rate()), func() (made, []byte, error) {
		p, err := o.speak(ctx, text)
		if err != nil {
			return made{}, nil, err
		}
		return o.finish(it, p)
	})
	return err
}

// silence makes a pause, which has no level.
func (o *Options) silence(it *item) error {
	it.audio.Source = "silence"
	if o.kept(it) {
		return nil
	}
	_, err := o.cachedOr(it, []string{strconv.Itoa(it.Silence)}, func() (made, []byte, error) {
		rate := o.Codec.Rate()
		data := sound.Encode(sound.PCM{Rate: rate, Samples: make([]int16, rate*it.Silence/1000)}, o.Codec, it.ID)
		return made{Audio: prompts.Audio{MS: len(data) / o.Codec.BytesPerMS(), Before: sound.Quiet, After: sound.Quiet}}, data, nil
	})
	return err
}

// speak gives the voice's sound of a text.
func (o *Options) speak(ctx context.Context, t voice.Text) (sound.PCM, error) {
	p, err := voice.Speak(ctx, t, o.Codec.Rate())
	if err != nil {
		return p, err
	}
	if p = sound.Trim(p); p.MS() < shortest {
		return p, fmt.Errorf("the text %q gives no sound", t.Text)
	}
	return p, nil
}

// shortest is less than any syllable takes, in milliseconds.
const shortest = 60

// finish brings trimmed sound to the level and the codec.
func (o *Options) finish(it *item, p sound.PCM) (made, []byte, error) {
	level, before, after, _ := sound.ToLevel(p, sound.TargetLevel)
	data := sound.Encode(level, o.Codec, it.lang+"\x00"+it.ID)
	return made{Audio: prompts.Audio{MS: len(data) / o.Codec.BytesPerMS(), Before: before, After: after}}, data, nil
}

// kept tells whether a file that is to stay says what the item says, in the same voice.
func (o *Options) kept(it *item) bool {
	a, known := o.Keep[it.lang][it.ID]
	if !known || a.Text != it.Text || a.Codec != o.Codec || a.Source != it.audio.Source || !o.there(a) {
		return false
	}
	it.audio, it.cached = a, true
	return true
}

// there tells whether the audio folder has a file, to the last bit.
func (o *Options) there(a prompts.Audio) bool {
	data, err := os.ReadFile(filepath.Join(o.AudioDir, filepath.FromSlash(a.File)))
	return err == nil && prompts.Hash(data) == a.SHA256
}

// cachedOr takes an item's audio from the cache, where it is by everything that it was made
// of, or makes it and keeps it there.
func (o *Options) cachedOr(it *item, of []string, produce func() (made, []byte, error)) (made, error) {
	parts := append([]string{recipe, sound.Recipe, string(o.Codec), it.lang, it.ID, it.audio.Source, it.audio.SourceSHA256, it.Text}, of...)
	file := filepath.Join(o.CacheDir, prompts.Hash(strings.Join(parts, "\x00"))[:32])
	if m, ok := o.known(it, file); ok {
		return m, nil
	}
	m, data, err := produce()
	if err != nil {
		return made{}, err
	}
	hash := prompts.Hash(data)
	m.File, m.SHA256, m.Codec = prompts.AudioFile(it.lang, it.ID, hash, o.Codec), hash, o.Codec
	m.Source, m.SourceSHA256, m.Text, m.TextSHA256 = it.audio.Source, it.audio.SourceSHA256, it.Text, prompts.Hash(it.Text)
	note, err := json.Marshal(m)
	if err != nil {
		return made{}, err
	}
	// The note comes last: what it tells of is there.
	if err := errors.Join(writeFile(file+"."+string(o.Codec), data), writeFile(file+".json", note)); err != nil {
		return made{}, fmt.Errorf("keep it in the cache: %w", err)
	}
	it.audio, it.data = m.Audio, data
	return m, nil
}

// known looks an item up in the cache. What is damaged there is made again.
func (o *Options) known(it *item, file string) (made, bool) {
	note, err := os.ReadFile(file + ".json")
	if err != nil {
		return made{}, false
	}
	var m made
	if json.Unmarshal(note, &m) != nil || m.SHA256 == "" {
		return made{}, false
	}
	if !o.there(m.Audio) {
		data, err := os.ReadFile(file + "." + string(o.Codec))
		if err != nil || prompts.Hash(data) != m.SHA256 {
			return made{}, false
		}
		it.data = data
	}
	it.audio, it.cached = m.Audio, true
	return m, true
}

// put writes an item's file into the audio folder, where it is not there. The name says
// what is in it, so whatever else is there under it is damaged.
func (o *Options) put(it *item) error {
	if it.data == nil {
		return nil
	}
	file := filepath.Join(o.AudioDir, filepath.FromSlash(it.audio.File))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return writeFile(file, it.data)
}

// recordings are what the studio has delivered, of those prompts that they still say.
type recordings struct {
	root *os.Root // of the prompts' folder; nil where there are none
	all  recorded.All
}

// sources looks which recordings there are. Findings of severity problem are the error.
func (o *Options) sources() (*recordings, source.Problems, error) {
	if o.Folder == "" {
		return &recordings{}, nil, nil
	}
	fsys := os.DirFS(o.Folder)
	if _, err := fs.Stat(fsys, "recordings"); errors.Is(err, fs.ErrNotExist) {
		return &recordings{}, nil, nil
	}
	root, err := os.OpenRoot(o.Folder)
	if err != nil {
		return nil, nil, fmt.Errorf("read the recordings: %w", err)
	}
	all, stray := recorded.Find(fsys, o.Texts)
	var warnings, problems source.Problems
	for _, p := range append(o.Rules.Weigh(stray), o.Rules.Listing(o.Texts, all)...) {
		if p.Warning {
			warnings = append(warnings, p)
		} else {
			problems = append(problems, p)
		}
	}
	problems.Sort()
	return &recordings{root, all}, warnings, problems.Err()
}

// of is the recording that says an entry; nil for none. One of which it was noted that it
// says another text is not played: what callers are to know counts more than how it sounds.
func (r *recordings) of(lang string, e prompts.Entry) *recorded.Recording {
	rec, there := r.all[lang][e.ID]
	if !there || rec.Note.Text != "" && rec.Note.Text != e.Text {
		return nil
	}
	return &rec
}

// fromRecording makes an item's audio of its recording, and judges that.
func (o *Options) fromRecording(ctx context.Context, it *item, from *recordings) error {
	data, err := decode.Read(from.root, it.recording.File, decode.Standard)
	if err != nil {
		return o.refused(it, err)
	}
	it.audio.Source, it.audio.SourceSHA256 = it.recording.File, prompts.Hash(data)
	if want, listed := o.Hashes[it.recording.File]; o.Hashes != nil && (!listed || want != it.audio.SourceSHA256) {
		return fmt.Errorf("%s has changed meanwhile", it.recording.File)
	}
	m, err := o.cachedOr(it, nil, func() (made, []byte, error) {
		d, err := decode.Decode(ctx, it.recording.File, data, decode.Standard)
		if err != nil {
			return made{}, nil, err
		}
		p, err := decode.Resample(ctx, sound.Mix(d.Channels), o.Codec.Rate())
		if err != nil {
			return made{}, nil, err
		}
		m, sent, err := o.finish(it, sound.Trim(p))
		m.Container, m.Faults, m.Facts = d.Container, d.Faults, sound.Measure(d.Channels)
		return m, sent, err
	})
	if err != nil {
		return o.refused(it, err)
	}
	it.found = o.Rules.Sound(*it.recording, it.Entry, it.lang, m.Container, m.Facts, o.Rules.OffersKey(it.lang, it.Text))
	for _, f := range m.Faults {
		it.found = append(it.found, o.Rules.Refused(f.Rule, f.Why, *it.recording)...)
	}
	return nil
}

// refused makes a finding of a recording that cannot be read; another error stays one.
func (o *Options) refused(it *item, err error) error {
	var no decode.Refusal
	if !errors.As(err, &no) {
		return err
	}
	it.found = o.Rules.Refused(no.Rule, no.Why, *it.recording)
	return nil
}
