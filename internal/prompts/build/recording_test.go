package build

import (
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"hotline/internal/prompts"
	"hotline/internal/prompts/promptstest"
	"hotline/internal/prompts/proof"
	"hotline/internal/prompts/sound"
	"hotline/internal/source"
)

// folder is a prompts' folder with recordings.
type folder struct {
	studio
	dir   string
	texts *prompts.Catalog
	rules *proof.Rules
}

// sentence is long enough that its level can be measured.
const sentence = "您好，欢迎致电，请您选择需要的服务"

func newFolder(t *testing.T, yaml string) *folder {
	s := newStudio(t)
	promptstest.Need(t, "ffmpeg")
	rules, err := proof.Load(os.DirFS("../../../prompts"))
	if err != nil {
		t.Fatal(err)
	}
	f := &folder{studio: s, dir: t.TempDir(), rules: rules}
	f.say(yaml)
	return f
}

// say changes the texts.
func (f *folder) say(yaml string) {
	f.t.Helper()
	f.write("zh.yaml", yaml)
	f.texts = catalogueOf(f.t, fstest.MapFS{"zh.yaml": {Data: []byte(yaml)}})
}

func (f *folder) write(name, content string) {
	f.t.Helper()
	file := filepath.Join(f.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(content), 0o644)); err != nil {
		f.t.Fatal(err)
	}
}

// record speaks the sentence as a studio would deliver it: through a program's own encoder.
func (f *folder) record(file string, args ...string) {
	f.t.Helper()
	wav := filepath.Join(f.t.TempDir(), "speech.wav")
	f.run("espeak-ng", "-v", "cmn-latn-pinyin", "-s", "170", "-w", wav, sentence)
	to := filepath.Join(f.dir, "recordings", "zh", file)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		f.t.Fatal(err)
	}
	program := "sox"
	if args[0] == "ffmpeg" {
		program = "ffmpeg"
		args = append([]string{"-nostdin", "-y", "-loglevel", "error", "-i", wav}, append(args[1:], to)...)
	} else {
		for i, a := range args {
			switch a {
			case "IN":
				args[i] = wav
			case "OUT":
				args[i] = to
			}
		}
	}
	f.run(program, args...)
}

func (f *folder) run(program string, args ...string) {
	f.t.Helper()
	if out, err := exec.CommandContext(f.t.Context(), program, args...).CombinedOutput(); err != nil {
		f.t.Fatalf("%s %v: %v\n%s", program, args, err, out)
	}
}

func (f *folder) make() (prompts.Manifest, source.Problems, error) {
	f.t.Helper()
	var warned source.Problems
	m, err := Make(f.t.Context(), Options{
		Texts: f.texts, Folder: f.dir, Rules: f.rules, AudioDir: f.audio, CacheDir: f.cache,
		Warn: func(ps source.Problems) { warned = ps },
	})
	return m, warned, err
}

// Whatever the studio delivers, callers hear one form and one level.
func TestRecordingsOfEveryFormatComeOutAlike(t *testing.T) {
	formats := map[string][]string{
		"a.wav.wav":    {"IN", "-r", "44100", "-c", "2", "-b", "24", "OUT", "gain", "-14"},
		"a.mp3.mp3":    {"ffmpeg", "-ar", "44100", "-b:a", "96k"},
		"a.wma.wma":    {"ffmpeg", "-ar", "22050", "-c:a", "wmav2"},
		"a.vox.vox":    {"IN", "-r", "8000", "-c", "1", "-t", "vox", "OUT", "gain", "-6"},
		"a.ogg.ogg":    {"ffmpeg", "-ar", "48000", "-c:a", "libvorbis"},
		"a.flac.flac":  {"IN", "-r", "48000", "OUT", "gain", "-30"},
		"a.gsm.gsm":    {"IN", "-r", "8000", "-c", "1", "-t", "gsm", "OUT", "gain", "-6"},
		"a.alaw.alaw":  {"IN", "-r", "8000", "-c", "1", "-t", "al", "OUT", "gain", "-6"},
		"a.ulaw.ulaw":  {"IN", "-r", "8000", "-c", "1", "-t", "ul", "OUT", "gain", "-6"},
		"a.adpcm.wav":  {"ffmpeg", "-ar", "22050", "-c:a", "adpcm_ms"},
		"a.stereo.mp3": {"ffmpeg", "-ar", "32000", "-ac", "2", "-b:a", "64k", "-af", "volume=-10dB"},
	}
	yaml := "a.voice: " + sentence + "\n"
	for file := range formats {
		yaml += strings.TrimSuffix(file, filepath.Ext(file)) + ": " + sentence + "\n"
	}
	f := newFolder(t, yaml)
	for file, args := range formats {
		f.record(file, args...)
	}
	m, _, err := f.make()
	if err != nil {
		t.Fatal(err)
	}
	voice := m["zh"]["a.voice"]
	for file := range formats {
		a := m["zh"][strings.TrimSuffix(file, filepath.Ext(file))]
		data, err := os.ReadFile(filepath.Join(f.audio, a.File))
		if err != nil {
			t.Fatal(err)
		}
		level, _ := sound.Level(sound.Decode(a.Codec, data))
		if a.Source != "recordings/zh/"+file || a.Codec != prompts.ALaw || math.Abs(level-sound.TargetLevel) > 1 || len(data)%frameBytes != 0 {
			t.Errorf("%s: %+v at %.1f dBov", file, a, level)
		}
		if ratio := float64(a.MS) / float64(voice.MS); ratio < 0.9 || ratio > 1.2 {
			t.Errorf("%s: %d ms, the voice takes %d", file, a.MS, voice.MS)
		}
		if strings.Contains(file, "gain") && math.Abs(a.Before-a.After) < 3 {
			t.Errorf("%s: was at %.1f dBov and is at %.1f", file, a.Before, a.After)
		}
	}
	if voice.SourceSHA256 != "" || !strings.HasPrefix(voice.Source, "voice:") {
		t.Errorf("without a recording: %+v", voice)
	}
}

// A text that changed after it was recorded is spoken by the voice, until the studio has
// recorded it again.
func TestARecordingOfAnOlderTextIsNotPlayed(t *testing.T) {
	f := newFolder(t, "a.one: "+sentence+"\n")
	f.record("a.one.wav", "IN", "OUT")
	m, _, err := f.make()
	if err != nil || m["zh"]["a.one"].Source != "recordings/zh/a.one.wav" {
		t.Fatal(m["zh"]["a.one"], err)
	}
	f.write("recordings/zh/recorded.yaml", `a.one: {sha256: "`+m["zh"]["a.one"].SourceSHA256+`", text: `+sentence+`, at: "2026-11-20T09:00:00+08:00"}`+"\n")
	if m, _, err = f.make(); err != nil || m["zh"]["a.one"].SourceSHA256 == "" {
		t.Fatal(m["zh"]["a.one"], err)
	}
	f.say("a.one: " + sentence + "，谢谢\n")
	m, warned, err := f.make()
	if err != nil || m["zh"]["a.one"].SourceSHA256 != "" || !strings.Contains(warned.Error(), "[stale-recording]") {
		t.Errorf("%+v, %v, %v", m["zh"]["a.one"], warned, err)
	}
}

// What callers must not hear stops a build, all of it named; what is heard stays.
func TestABadRecordingFailsTheBuild(t *testing.T) {
	f := newFolder(t, "a.one: "+sentence+"\na.two: "+sentence+"\na.three: 再见\n")
	if err := Build(t.Context(), Options{Texts: f.texts, AudioDir: f.audio, CacheDir: f.cache}); err != nil {
		t.Fatal(err)
	}
	before := f.files()
	f.write("recordings/zh/a.one.wav", "RIFF, it says")
	f.record("a.two.wav", "-n", "-r", "8000", "OUT", "trim", "0", "4")
	f.record("a.three.wav", "IN", "OUT")
	_, _, err := f.make()
	if err == nil || !strings.Contains(err.Error(), "recordings/zh/a.one.wav:1:1") || !strings.Contains(err.Error(), "recordings/zh/a.two.wav:1:1") {
		t.Errorf("got %v", err)
	}
	after := f.files()
	if len(after) != len(before) {
		t.Errorf("%d files in the audio folder, were %d", len(after), len(before))
	}
}

// The version that is published is the one whose recordings were read.
func TestARecordingThatChangesMeanwhileIsNotPublished(t *testing.T) {
	f := newFolder(t, "a.one: "+sentence+"\n")
	f.record("a.one.wav", "IN", "OUT")
	_, err := Make(t.Context(), Options{
		Texts: f.texts, Folder: f.dir, Rules: f.rules, AudioDir: f.audio, CacheDir: f.cache,
		Hashes: map[string]string{"recordings/zh/a.one.wav": prompts.Hash("another")},
	})
	if err == nil || !strings.Contains(err.Error(), "recordings/zh/a.one.wav has changed meanwhile") {
		t.Errorf("got %v", err)
	}
}
