package prompts

import (
	"strings"
	"testing"
	"testing/fstest"
)

// audioOf records every prompt of a catalogue, in 40 ms each, under its plain name.
func audioOf(t *testing.T, c *Catalog) (fstest.MapFS, Manifest) {
	t.Helper()
	fsys, m := fstest.MapFS{}, Manifest{}
	for _, lang := range c.Languages() {
		m[lang] = map[string]Audio{}
		for _, e := range c.Entries(lang) {
			file := lang + "/" + e.ID + ".alaw"
			m[lang][e.ID] = Audio{File: file, Codec: ALaw, MS: 40, Text: e.Text}
			fsys[file] = &fstest.MapFile{Data: make([]byte, 40*ALaw.BytesPerMS())}
		}
	}
	return fsys, m
}

func TestWithAudioKnowsFilesAndLengths(t *testing.T) {
	c := load(t, "a.one: 您好\n")
	fsys, m := audioOf(t, c)
	heard, err := c.WithAudio("/srv/audio", fsys, m)
	if err != nil {
		t.Fatal(err)
	}
	said, err := heard.Fragments("zh", []Ref{Prompt("a.one"), {Read: Number, N: 2000}})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"/srv/audio/zh/a.one", "/srv/audio/zh/n.liang", "/srv/audio/zh/n.1000"} {
		if said[i].File != want || said[i].MS != 40 {
			t.Errorf("fragment %d is %+v, want %s of 40 ms", i, said[i], want)
		}
	}
	if silent, _ := c.Fragments("zh", []Ref{Prompt("a.one")}); silent[0].File != "" {
		t.Error("the catalogue without audio was changed")
	}
}

func TestWithAudioNamesEveryRecordingThatIsWrong(t *testing.T) {
	c := load(t, "a.ok: 您好\na.missing: 再见\na.old: 请按\na.lost: 请稍候\na.cut: 重听\n")
	fsys, m := audioOf(t, c)
	delete(m["zh"], "a.missing")
	delete(m["zh"], "n.7")
	m["zh"]["a.old"] = Audio{File: "zh/a.old.alaw", Codec: ALaw, MS: 40, Text: "请选"}
	delete(fsys, "zh/a.lost.alaw")
	fsys["zh/a.cut.alaw"].Data = fsys["zh/a.cut.alaw"].Data[:100]
	_, err := c.WithAudio("/srv/audio", fsys, m)
	const hint = " (make it with 'ivr prompts build') [audio]"
	want := strings.Join([]string{
		`manifest.json:1:1: prompt "n.7" in zh has no recording` + hint,
		`zh.yaml:2:1: prompt "a.missing" in zh has no recording` + hint,
		`zh.yaml:3:1: prompt "a.old" in zh has a recording of an older text, "请选"` + hint,
		`zh.yaml:4:1: prompt "a.lost" in zh has lost its file zh/a.lost.alaw` + hint,
		`zh.yaml:5:1: prompt "a.cut" in zh has a file of 100 bytes where the manifest says 40 ms` + hint,
	}, "\n")
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestWithAudioNeedsAnAbsolutePath(t *testing.T) {
	c := load(t, "a.one: 您好\n")
	if _, err := c.WithAudio("audio", fstest.MapFS{}, nil); err == nil || !strings.Contains(err.Error(), `path "audio" is not absolute`) {
		t.Errorf("got %v", err)
	}
}

func TestReadManifest(t *testing.T) {
	for want, fsys := range map[string]fstest.MapFS{
		"the audio folder has no manifest.json": {},
		"read manifest.json: unexpected end":    {ManifestFile: {Data: []byte("{")}},
	} {
		if _, err := ReadManifest(fsys); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	m, err := ReadManifest(fstest.MapFS{ManifestFile: {Data: []byte(`{"zh":{"a":{"file":"zh/a-1.ulaw","sha256":"1","codec":"ulaw","ms":20,"text":"您好","level_after":-26}}}`)}})
	if want := (Audio{File: "zh/a-1.ulaw", SHA256: "1", Codec: ULaw, MS: 20, Text: "您好", After: -26}); err != nil || m["zh"]["a"] != want {
		t.Errorf("read %+v, %v", m, err)
	}
}

func TestEachLanguageHasItsOwnRecordings(t *testing.T) {
	c, err := Load(fstest.MapFS{"zh.yaml": {Data: []byte("a: 您好\n")}, "en.yaml": {Data: []byte("a: Hello.\n")}})
	if err != nil {
		t.Fatal(err)
	}
	fsys, m := audioOf(t, c)
	heard, err := c.WithAudio("/srv/audio", fsys, m)
	if err != nil {
		t.Fatal(err)
	}
	said, err := heard.Fragments("zh", []Ref{{ID: "a"}, {ID: "a", In: "en"}, {Read: Digits, N: 7, In: "en"}})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"/srv/audio/zh/a", "/srv/audio/en/a", "/srv/audio/en/n.7"} {
		if said[i].File != want {
			t.Errorf("fragment %d is %s, want %s", i, said[i].File, want)
		}
	}
	delete(m, "en")
	recorded, err := c.Recorded(fsys, m)
	if want := `en.yaml:1:1: prompt "a" in en has no recording`; err == nil || !strings.Contains(err.Error(), want) || len(recorded["zh"]) != len(c.Entries("zh")) || len(recorded["en"]) != 0 {
		t.Errorf("without English audio: %v", err)
	}
}
