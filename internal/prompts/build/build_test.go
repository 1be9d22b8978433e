package build

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"

	"hotline/internal/prompts"
	"hotline/internal/prompts/promptstest"
	"hotline/internal/prompts/sound"
)

func catalogue(t *testing.T, yaml string) *prompts.Catalog {
	t.Helper()
	return catalogueOf(t, fstest.MapFS{"zh.yaml": {Data: []byte(yaml)}})
}

func catalogueOf(t *testing.T, files fstest.MapFS) *prompts.Catalog {
	t.Helper()
	c, err := prompts.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// studio is an audio folder and its cache.
type studio struct {
	t            *testing.T
	audio, cache string
}

func newStudio(t *testing.T) studio {
	promptstest.Need(t, "espeak-ng", "sox")
	return studio{t, filepath.Join(t.TempDir(), "audio"), filepath.Join(t.TempDir(), "cache")}
}

// build gives the ids that were spoken, not cached.
func (s studio) build(ctx context.Context, yaml string) (spoken []string, err error) {
	s.t.Helper()
	err = Build(ctx, Options{Texts: catalogue(s.t, yaml), AudioDir: s.audio, CacheDir: s.cache, Each: func(r Result) {
		if !r.Cached {
			spoken = append(spoken, r.ID)
		}
	}})
	return spoken, err
}

// files reads all that is below the audio folder, without the plain names that only
// lead to a recording.
func (s studio) files() map[string]string {
	s.t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(s.audio, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(s.audio, path)
		all[filepath.ToSlash(name)] = string(data)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return all
}

func TestTheShippedPromptsAreSpokenAndFound(t *testing.T) {
	s := newStudio(t)
	texts, err := prompts.Load(os.DirFS("../../../prompts"))
	if err != nil {
		t.Fatal(err)
	}
	s.checkAll(texts)
}

// Every part of spoken numbers is a recording of its own, in each language.
func TestEveryLanguageIsSpokenAndFound(t *testing.T) {
	s := newStudio(t)
	s.checkAll(catalogueOf(t, fstest.MapFS{
		"zh.yaml": {Data: []byte("a.one: 您好，欢迎致电10086。\n")},
		"en.yaml": {Data: []byte("a.one: Welcome to 10086.\na.two: Your current balance is\na.three: To go back, please press\n")},
	}))
}

// checkAll builds a catalogue and measures every one of its recordings.
func (s studio) checkAll(texts *prompts.Catalog) {
	s.t.Helper()
	var last, total, want int
	err := Build(s.t.Context(), Options{Texts: texts, AudioDir: s.audio, CacheDir: s.cache, Progress: func(done, all int) {
		if done != last+1 {
			s.t.Errorf("progress goes from %d to %d", last, done)
		}
		last, total = done, all
	}})
	if err != nil {
		s.t.Fatal(err)
	}
	heard := s.heard(texts)
	for _, lang := range heard.Languages() {
		for _, e := range heard.Entries(lang) {
			want++
			said, err := heard.Fragments(lang, []prompts.Ref{prompts.Prompt(e.ID)})
			if err != nil {
				s.t.Fatal(err)
			}
			if e.Silence > 0 {
				s.checkSilence(lang, e)
				continue
			}
			checkSound(s.t, lang, said[0])
		}
	}
	if last != want || total != want {
		s.t.Errorf("progress ended at %d of %d, want %d", last, total, want)
	}
	if got := len(s.files()); got > want+1 || got < want*9/10 { // what is spoken alike may be one file
		s.t.Errorf("%d files in the audio folder, want %d and the manifest", got, want)
	}
}

// heard is a catalogue with what the audio folder says of it.
func (s studio) heard(texts *prompts.Catalog) *prompts.Catalog {
	s.t.Helper()
	heard, err := texts.WithAudio(s.audio, os.DirFS(s.audio), s.manifest())
	if err != nil {
		s.t.Fatal(err)
	}
	return heard
}

func (s studio) manifest() prompts.Manifest {
	s.t.Helper()
	m, err := prompts.ReadManifest(os.DirFS(s.audio))
	if err != nil {
		s.t.Fatal(err)
	}
	return m
}

// checkSilence: a pause is as long as its entry says, nothing is heard in it, and
// no voice has made it.
func (s studio) checkSilence(lang string, e prompts.Entry) {
	s.t.Helper()
	a := s.manifest()[lang][e.ID]
	data, err := os.ReadFile(filepath.Join(s.audio, a.File))
	if err != nil {
		s.t.Fatal(err)
	}
	if a.MS != e.Silence || len(data) != e.Silence*8 || a.Source != "silence" || a.After != sound.Quiet {
		s.t.Errorf("%s: %d bytes, %+v", e.ID, len(data), a)
	}
	for _, v := range sound.Decode(prompts.ALaw, data).Samples {
		if v > 8 || v < -8 { // the smallest step of A-law
			s.t.Fatalf("%s: a sample of %d", e.ID, v)
		}
	}
}

// checkSound measures what a listener would notice: levels, length, silence at the joins.
func checkSound(t *testing.T, lang string, f prompts.Fragment) {
	t.Helper()
	data, err := os.ReadFile(f.File + ".alaw")
	if err != nil {
		t.Fatal(err)
	}
	if len(data)%frameBytes != 0 || len(data) != f.MS*8 {
		t.Errorf("%s: %d bytes for %d ms", f.ID, len(data), f.MS)
	}
	p := sound.Decode(prompts.ALaw, data)
	if _, level, _, _ := sound.ToLevel(p, sound.TargetLevel); math.Abs(level-sound.TargetLevel) > 1 {
		t.Errorf("%s: level %.1f dBov", f.ID, level)
	}
	facts := sound.Measure([]sound.PCM{p})
	if facts.Clipped > 0 || facts.Peak > -1 {
		t.Errorf("%s: clipped %d times, peak %.1f dBov", f.ID, facts.Clipped, facts.Peak)
	}
	// A soft f or th counts as silence here, and so may the closure before a j.
	if facts.LeadMS > 75 || facts.TailMS > 120 {
		t.Errorf("%s: %d ms of silence before and %d after it", f.ID, facts.LeadMS, facts.TailMS)
	}
	if each, least, most := pace(lang, f); each < least || each > most {
		t.Errorf("%s in %s: %d ms a sound of %q, want %d to %d", f.ID, lang, each, f.Text, least, most)
	}
}

// pace is how long a recording takes for each character that sounds: a syllable in
// Mandarin, a letter in English. A text that is half spoken, or spelt, is far off.
func pace(lang string, f prompts.Fragment) (each, least, most int) {
	sounds := 0
	spelt := strings.Contains(f.Text, ".") && len(f.Text) < 5 // a.m.
	for _, r := range f.Text {
		if unicode.IsLetter(r) && spelt {
			sounds += 3
		} else if unicode.IsLetter(r) {
			sounds++
		} else if unicode.IsDigit(r) && lang == "zh" {
			sounds++
		} else if unicode.IsDigit(r) {
			sounds += 4 // "zero", "five"
		}
	}
	if lang == "zh" {
		return f.MS / sounds, 150, 450
	}
	return f.MS / sounds, 40, 200
}

const frameBytes = 160

func TestOnlyWhatChangedIsSpokenAndWhatWentIsGone(t *testing.T) {
	s := newStudio(t)
	const parts = 26 // of spoken numbers
	spoken, err := s.build(t.Context(), "a.one: 您好\na.two: 再见\n")
	if err != nil || len(spoken) != 2+parts {
		t.Fatalf("spoken %v, %v", spoken, err)
	}
	before, was := s.files(), s.manifest()
	if spoken, err = s.build(t.Context(), "a.one: 您好\na.two: 再见\n"); err != nil || len(spoken) != 0 {
		t.Errorf("nothing changed, and spoken were %v, %v", spoken, err)
	}
	spoken, err = s.build(t.Context(), "a.one: 您好\na.three: 请稍候\n")
	if err != nil || strings.Join(spoken, " ") != "a.three" {
		t.Errorf("one is new, and spoken were %v, %v", spoken, err)
	}
	after := s.files()
	now := s.manifest()
	one, two, three := now["zh"]["a.one"].File, was["zh"]["a.two"].File, now["zh"]["a.three"].File
	if after[one] != before[one] || after[three] == "" {
		t.Error("the unchanged prompt changed, or the new one is missing")
	}
	if after[two] != before[two] {
		t.Error("older menus cannot say their prompt any more")
	}
	if got, want := len(after), 3+parts+1; got != want {
		t.Errorf("%d files are there, want %d", got, want)
	}
	if got := s.plain("a.three"); got != after[three] {
		t.Error("the plain name of the new prompt leads to something else")
	}
	if _, err := os.Lstat(filepath.Join(s.audio, "zh", "a.two.alaw")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the plain name of the removed prompt is still there: %v", err)
	}
}

// plain reads a prompt under the name that the dialplan knows.
func (s studio) plain(id string) string {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.audio, "zh", id+".alaw"))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(data)
}

func TestADamagedCacheIsNotPlayed(t *testing.T) {
	s := newStudio(t)
	if _, err := s.build(t.Context(), "a.one: 您好\n"); err != nil {
		t.Fatal(err)
	}
	good := s.files()
	cached, err := filepath.Glob(filepath.Join(s.cache, "*.alaw"))
	if err != nil || len(cached) == 0 {
		t.Fatal(cached, err)
	}
	if err := os.RemoveAll(filepath.Join(s.audio, "zh")); err != nil { // which would be trusted: it is checked by its hash
		t.Fatal(err)
	}
	for i, file := range cached { // as after a power cut: emptied or cut off
		if err := os.Truncate(file, int64(i%2*77)); err != nil {
			t.Fatal(err)
		}
	}
	spoken, err := s.build(t.Context(), "a.one: 您好\n")
	if err != nil || len(spoken) != len(cached) {
		t.Errorf("of %d damaged sounds %d were spoken again, %v", len(cached), len(spoken), err)
	}
	for name, data := range s.files() {
		if data != good[name] {
			t.Errorf("%s changed", name)
		}
	}
}

// A file's name says what is in it, and is not believed: one with another byte is made whole by the next build.
func TestADamagedSoundIsMadeWhole(t *testing.T) {
	s := newStudio(t)
	if _, err := s.build(t.Context(), "a.one: 您好\n"); err != nil {
		t.Fatal(err)
	}
	good, name := s.files(), s.manifest()["zh"]["a.one"].File
	wrong := []byte(good[name])
	wrong[len(wrong)/2] ^= 1
	if err := os.WriteFile(filepath.Join(s.audio, name), wrong, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.build(t.Context(), "a.one: 您好\n"); err != nil {
		t.Fatal(err)
	}
	if s.files()[name] != good[name] {
		t.Errorf("%s is what it was damaged to", name)
	}
}

func TestAFailedBuildLeavesTheAudioAsItWas(t *testing.T) {
	const good = "a.one: 您好\na.two: 再见\n"
	fake := func(t *testing.T, script string) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "sox"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	}
	for name, c := range map[string]struct {
		yaml, want string
		prepare    func(t *testing.T)
	}{
		"broken sox":         {"a.one: 您早\n", "sox: exit status 3: out of tune", func(t *testing.T) { fake(t, "echo out of tune >&2; exit 3") }},
		"sox without output": {"a.one: 您早\n", "gives no sound", func(t *testing.T) { fake(t, "cat > /dev/null") }},
		"no programs":        {"a.one: 您早\n", "espeak-ng is missing (apt-get install espeak-ng)", func(t *testing.T) { t.Setenv("PATH", t.TempDir()) }},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStudio(t)
			if _, err := s.build(t.Context(), good); err != nil {
				t.Fatal(err)
			}
			before := s.files()
			c.prepare(t)
			spoken, err := s.build(t.Context(), c.yaml)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("spoken %v, error %v, want %s", spoken, err, c.want)
			}
			after := s.files()
			for file, data := range before {
				if after[file] != data {
					t.Errorf("%s changed", file)
				}
			}
			if len(after) != len(before) {
				t.Errorf("%d files, were %d", len(after), len(before))
			}
			if left, _ := filepath.Glob(filepath.Join(s.cache, halfWritten+"*")); len(left) > 0 {
				t.Errorf("left in the cache: %v", left)
			}
		})
	}
}

func TestABuildThatIsCalledOffStops(t *testing.T) {
	s := newStudio(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.build(ctx, "a.one: 您好\n"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if files := s.files(); len(files) != 0 {
		t.Errorf("%d files were made", len(files))
	}
}

// A prompt is recognised by its frames, so prompts that begin alike, and even those
// that say the same, must not share them.
func TestPromptsThatBeginAlikeSoundTheirOwn(t *testing.T) {
	s := newStudio(t)
	if _, err := s.build(t.Context(), "a.one: 对不起，请您稍后再拨\na.two: 对不起，请您重新选择\na.same: 对不起，请您稍后再拨\n"); err != nil {
		t.Fatal(err)
	}
	owner := map[string]string{}
	shared, frames := 0, 0
	for name, data := range s.files() {
		if !strings.HasPrefix(name, "zh/a.") {
			continue
		}
		for i := 0; i < len(data); i += frameBytes {
			frame := data[i : i+frameBytes]
			if strings.Trim(frame, "\xd5\x55") == "" {
				continue
			}
			frames++
			if other, seen := owner[frame]; seen && other != name {
				shared++
			}
			owner[frame] = name
		}
	}
	if frames < 200 || shared*100 > frames {
		t.Errorf("%d of %d frames belong to two prompts", shared, frames)
	}
}

// TestOlderMenusFindTheirRecordings: what was said before is not spoken over, so a
// call that goes on with it, or menus that are taken back, say it as they did.
func TestOlderMenusFindTheirRecordings(t *testing.T) {
	s := newStudio(t)
	const old, changed = "a.one: 您好\n", "a.one: 您好吗\n"
	if _, err := s.build(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	sound, was := s.plain("a.one"), s.manifest()
	if _, err := s.build(t.Context(), changed); err != nil {
		t.Fatal(err)
	}
	if s.plain("a.one") == sound {
		t.Error("the plain name says the old text")
	}
	heard, err := catalogue(t, old).WithAudio(s.audio, os.DirFS(s.audio), was)
	if err != nil {
		t.Fatal(err)
	}
	said, err := heard.Fragments("zh", []prompts.Ref{prompts.Prompt("a.one")})
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(said[0].File + ".alaw")
	if err != nil || string(data) != sound || len(data) != said[0].MS*prompts.ALaw.BytesPerMS() {
		t.Errorf("older menus say %d bytes of %d, %v", len(data), len(sound), err)
	}
	if err := Place(s.audio, was); err != nil || s.plain("a.one") != sound {
		t.Errorf("taken back, the plain name says something else: %v", err)
	}
}

// TestKeptSoundsStay: a text that is said already is not spoken again by a voice that
// says it otherwise today.
func TestKeptSoundsStay(t *testing.T) {
	s := newStudio(t)
	if _, err := s.build(t.Context(), "a.one: 您好\na.two: 再见\n"); err != nil {
		t.Fatal(err)
	}
	keep := s.manifest()
	other := strings.Repeat("\x55", 40*prompts.ALaw.BytesPerMS())
	for _, id := range []string{"a.one", "a.two"} {
		a := keep["zh"][id]
		a.SHA256, a.MS = prompts.Hash(other), 40
		a.File = prompts.AudioFile("zh", id, a.SHA256, prompts.ALaw)
		keep["zh"][id] = a
		if err := os.WriteFile(filepath.Join(s.audio, a.File), []byte(other), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m, err := Make(t.Context(), Options{Texts: catalogue(t, "a.one: 您好\na.two: 再见了\n"), AudioDir: s.audio, CacheDir: s.cache, Keep: keep})
	if err != nil {
		t.Fatal(err)
	}
	if m["zh"]["a.one"] != keep["zh"]["a.one"] || m["zh"]["a.two"].SHA256 == prompts.Hash(other) {
		t.Errorf("kept is %+v, said anew %+v", m["zh"]["a.one"], m["zh"]["a.two"])
	}
}

func TestEveryCodecIsWhatTheManifestSays(t *testing.T) {
	s := newStudio(t)
	levels := map[prompts.Codec]int{}
	for _, c := range prompts.Codecs {
		if err := Build(t.Context(), Options{Texts: catalogue(t, "a.one: 您好，欢迎致电10086。\n"), AudioDir: s.audio, CacheDir: s.cache, Codec: c}); err != nil {
			t.Fatal(err)
		}
		a := s.manifest()["zh"]["a.one"]
		data, err := os.ReadFile(filepath.Join(s.audio, a.File))
		if err != nil || prompts.Hash(data) != a.SHA256 || len(data) != a.MS*c.BytesPerMS() || a.MS%20 != 0 || path.Ext(a.File) != "."+string(c) {
			t.Errorf("%s: %+v, %d bytes, %v", c, a, len(data), err)
		}
		if level, _ := sound.Level(sound.Decode(c, data)); math.Abs(level-sound.TargetLevel) > 1 || math.Abs(level-a.After) > 0.2 {
			t.Errorf("%s: %.1f dBov, the manifest says %.1f", c, level, a.After)
		}
		levels[c] = a.MS
		plain, err := filepath.Glob(filepath.Join(s.audio, "zh", "a.one.*"))
		if err != nil || len(plain) != 1 {
			t.Errorf("%s: Asterisk may take any of %v", c, plain)
		}
	}
	if levels[prompts.ALaw] != levels[prompts.ULaw] || max(levels[prompts.ALaw]-levels[prompts.SLn16], levels[prompts.SLn16]-levels[prompts.ALaw]) > 40 {
		t.Errorf("lengths differ: %v", levels)
	}
}
