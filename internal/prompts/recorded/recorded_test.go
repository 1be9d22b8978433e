package recorded

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"hotline/internal/prompts"
)

func catalogue(t *testing.T) *prompts.Catalog {
	t.Helper()
	c, err := prompts.Load(fstest.MapFS{"zh.yaml": {Data: []byte("a.one: 您好\na.two: 再见\na.three: 请稍候\n")}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestWhatIsNoRecordingIsNamed with what to do, and hides none of the others.
func TestWhatIsNoRecordingIsNamed(t *testing.T) {
	pause := ""
	for _, e := range catalogue(t).Entries("zh") {
		if e.Silence > 0 {
			pause = e.ID
		}
	}
	files := fstest.MapFS{
		"recordings/zh/a.one.wav":         {},
		"recordings/zh/a.two.MP3":         {},
		"recordings/zh/a.two.wav":         {},
		"recordings/zh/a.three.wav":       {Mode: fs.ModeSymlink},
		"recordings/zh/a.four.wav":        {},
		"recordings/zh/" + pause + ".wav": {},
		"recordings/zh/a.one.aiff":        {},
		"recordings/zh/.a.one.wav.part":   {},
		"recordings/zh/recorded.yaml":     {Data: []byte("a.one: {sha256: \"ab\", text: 您好, at: \"2026-11-20T09:00:00+08:00\"}\n")},
		"recordings/fr/a.one.wav":         {},
		"recordings/.git/x":               {},
		"recordings/README":               {},
	}
	all, ps := Find(files, catalogue(t))
	if one, two := all["zh"]["a.one"], all["zh"]["a.two"]; len(all) != 1 || len(all["zh"]) != 2 || one.Note.Text != "您好" || one.File != "recordings/zh/a.one.wav" || two.File != "recordings/zh/a.two.MP3" || two.Note.SHA256 != "" {
		t.Errorf("%+v", all)
	}
	for _, want := range []string{
		`recordings/zh/a.two.wav:1:1: prompt "a.two" has another recording, recordings/zh/a.two.MP3; delete one [two-recordings]`,
		`recordings/zh/a.three.wav:1:1: is no plain file; links and folders are not followed: copy the recording itself here [unreadable]`,
		`recordings/zh/a.four.wav:1:1: there is no prompt "a.four" in zh.yaml; rename it to the prompt's id, or delete it [stray-recording]`,
		`recordings/zh/` + pause + `.wav:1:1: prompt "` + pause + `" is a pause, which the build makes; delete the recording [stray-recording]`,
		`recordings/zh/a.one.aiff:1:1: the extension is none of wav, mp3`,
		`recordings/fr:1:1: recordings in "fr", which is no language of the prompts (known: zh) [stray-recording]`,
	} {
		if !strings.Contains(ps.Error(), want) {
			t.Errorf("%s\nis not in\n%v", want, ps)
		}
	}
	if len(ps) != 6 {
		t.Errorf("%d findings, want 6:\n%v", len(ps), ps)
	}
}

// closed is a folder that cannot be listed.
type closed struct{ fstest.MapFS }

func (c closed) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == "recordings/zh" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("permission denied")}
	}
	return c.MapFS.ReadDir(name)
}

func TestAFolderThatCannotBeListedIsNamed(t *testing.T) {
	all, ps := Find(closed{fstest.MapFS{"recordings/zh/a.one.wav": {}}}, catalogue(t))
	if len(all["zh"]) != 0 || len(ps) != 1 || !strings.Contains(ps.Error(), "recordings/zh:1:1: cannot be read") {
		t.Errorf("%v, %v", all, ps)
	}
	if all, ps := Find(fstest.MapFS{}, catalogue(t)); len(all) != 0 || len(ps) != 0 {
		t.Errorf("without recordings: %v, %v", all, ps)
	}
}
