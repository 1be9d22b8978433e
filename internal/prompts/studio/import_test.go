package studio

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hotline/internal/prompts"
	"hotline/internal/prompts/promptstest"
	"hotline/internal/prompts/recorded"
	"hotline/internal/prompts/voice"
	"hotline/internal/source"
)

// record makes a recording of a text, as a studio would: the voice reads it, sox writes
// the format that the name says.
func record(t *testing.T, file, text string) {
	t.Helper()
	said, err := voice.Speak(t.Context(), voice.Text{Lang: "zh", Text: text}, 16000)
	if err != nil {
		t.Fatal(err)
	}
	var raw []byte
	for _, s := range said.Samples {
		raw = binary.LittleEndian.AppendUint16(raw, uint16(s))
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	form := []string{"-t", strings.ToLower(strings.TrimPrefix(filepath.Ext(file), "."))}
	if form[1] == "vox" {
		form = append(form, "-r", "8000")
	}
	cmd := exec.Command("sox", slices.Concat([]string{"-V1", "-t", "raw", "-r", "16000", "-c", "1", "-b", "16", "-e", "signed-integer", "-"}, form, []string{file})...)
	cmd.Stdin = strings.NewReader(string(raw))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

const two = "a.one: 您好，请稍候。\na.two: 感谢您的来电。\n"

// take imports a folder and gives a line for each file: its name, verdict and rules.
func (h *house) take(dir string, change func(*Delivery)) (*Report, []string) {
	h.Helper()
	d := Delivery{Dir: dir, Prompts: h.dir, Texts: h.texts(), Rules: h.rules(), At: morning}
	if change != nil {
		change(&d)
	}
	r, err := Import(h.Context(), d)
	if err != nil {
		h.Fatal(err)
	}
	var lines []string
	for _, f := range r.Files {
		line := f.Name + " " + string(f.Verdict)
		for _, p := range f.Findings {
			if !p.Warning {
				line += " " + p.Rule
			}
		}
		lines = append(lines, line)
	}
	return r, lines
}

// there are the files of the prompts' folder below a folder of it, with their content.
func (h *house) there(below string) map[string]string {
	h.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(filepath.Join(h.dir, below), func(file string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(file)
		name, _ := filepath.Rel(h.dir, file)
		all[name] = string(data)
		return err
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		h.Fatal(err)
	}
	return all
}

// state is how a prompt stands.
func (h *house) state(id string) State {
	h.Helper()
	for _, p := range h.look().prompts {
		if p.ID == id {
			return p.State
		}
	}
	return ""
}

func want(t *testing.T, got []string, lines ...string) {
	t.Helper()
	if !slices.Equal(got, lines) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(lines, "\n  "))
	}
}

// TestWhatAStudioSendsIsTakenByItsName, from the folder of its language or none, with an
// extension in capitals; what is no recording of a prompt is named, with what was meant.
func TestWhatAStudioSendsIsTakenByItsName(t *testing.T) {
	promptstest.Need(t, "espeak-ng", "sox", "ffmpeg")
	h, from := newHouse(t, two), t.TempDir()
	h.sheet(morning.Add(-time.Hour))
	record(t, filepath.Join(from, "zh", "a.one.WAV"), "您好，请稍候。")
	record(t, filepath.Join(from, "a.tow.flac"), "感谢您的来电。")
	for name, content := range map[string]string{"n.1.wav": "no sound", "n.2.m4a": "x", "readme.txt": "x", ".DS_Store": "x", "other/a.one.wav": "x"} {
		file := filepath.Join(from, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/hostname", filepath.Join(from, "n.3.wav")); err != nil {
		t.Fatal(err)
	}
	files := []string{"a.tow.flac unknown stray-recording", "n.1.wav refused unreadable", "n.2.m4a refused wrong-extension",
		"n.3.wav refused unreadable", "other ignored", "readme.txt ignored", "zh/a.one.WAV accepted"}
	before := h.there(".")
	_, dry := h.take(from, func(d *Delivery) { d.DryRun = true })
	want(t, dry, files...)
	if after := h.there("."); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("a dry run has changed something:\n%v", after)
	}
	r, got := h.take(from, nil)
	want(t, got, files...)
	if !r.Failed() || !strings.Contains(r.Files[0].Findings.Error(), "is it a.two?") {
		t.Errorf("failed %v: %v", r.Failed(), r.Files[0].Findings)
	}
	sent, err := os.ReadFile(filepath.Join(from, "zh", "a.one.WAV"))
	if err != nil {
		t.Fatal(err)
	}
	have := h.there("recordings")
	if have["recordings/zh/a.one.wav"] != string(sent) || len(have) != 2 {
		t.Errorf("the recordings are not what was sent: %d files", len(have))
	}
	var ps source.Problems
	note := recorded.ReadNotes(os.DirFS(h.dir), "zh", &ps)["a.one"]
	if len(ps) > 0 || note.Text != "您好，请稍候。" || note.SHA256 != prompts.Hash(sent) || !note.At.Equal(morning) {
		t.Errorf("noted is %+v %v", note, ps)
	}
	missing := 0
	for _, m := range r.Missing {
		if m.ID == "a.one" {
			t.Error("what was taken is missing")
		}
		if m.ID == "a.two" && m.Sheet == 1 {
			missing++
		}
	}
	if missing != 1 || h.state("a.one") != Recorded || h.state("n.1") != Refused || h.state("a.two") != New {
		t.Errorf("missing %+v; a.one %s, n.1 %s", r.Missing, h.state("a.one"), h.state("n.1"))
	}
	_, again := h.take(from, nil)
	if again[len(again)-1] != "zh/a.one.WAV unchanged" {
		t.Errorf("sent again: %q", again)
	}
}

// TestARefusedFileReplacesNothing, and a good one replaces the older recording whatever
// its format was: there are never two.
func TestARefusedFileReplacesNothing(t *testing.T) {
	promptstest.Need(t, "espeak-ng", "sox", "ffmpeg")
	h, first, bad, better := newHouse(t, two), t.TempDir(), t.TempDir(), t.TempDir()
	record(t, filepath.Join(first, "a.one.vox"), "您好，请稍候。")
	record(t, filepath.Join(first, "a.two.wav"), "感谢您的来电。")
	h.take(first, nil)
	good := h.there("recordings")
	if len(good) != 3 || good["recordings/zh/a.one.vox"] == "" {
		t.Fatalf("%d files", len(good))
	}

	if err := os.WriteFile(filepath.Join(bad, "a.one.wav"), []byte("RIFF"), 0o644); err != nil {
		t.Fatal(err)
	}
	record(t, filepath.Join(bad, "a.two.wav"), "感谢您的来电。再见。")
	record(t, filepath.Join(bad, "a.two.flac"), "感谢您的来电。再见。")
	_, got := h.take(bad, nil)
	want(t, got, "a.one.wav refused unreadable", "a.two.flac refused two-recordings", "a.two.wav refused two-recordings")
	if now := h.there("recordings"); fmt.Sprint(now) != fmt.Sprint(good) {
		t.Error("a refused file has changed the recordings")
	}
	if h.state("a.one") != Recorded {
		t.Errorf("a good recording is %s after another take was refused", h.state("a.one"))
	}

	record(t, filepath.Join(better, "a.one.flac"), "您好，请稍候。")
	r, got := h.take(better, nil)
	want(t, got, "a.one.flac accepted")
	if now := h.there("recordings"); r.Files[0].Replaces != "a.one.vox" || len(now) != 3 || now["recordings/zh/a.one.flac"] == "" {
		t.Errorf("replaces %q; %d files", r.Files[0].Replaces, len(now))
	}
	if _, there := h.look().ledger.refusals["zh"]["a.one"]; there {
		t.Error("what was accepted is still noted as refused")
	}
}

// TestWhatIsRefusedIsAskedForAgain, once: after the next sheet it waits like any other.
func TestWhatIsRefusedIsAskedForAgain(t *testing.T) {
	h, from := newHouse(t, two), t.TempDir()
	if ids := h.sheet(morning.Add(-time.Hour)); len(ids) != 2 {
		t.Fatal(ids)
	}
	for _, name := range []string{"a.one.wav", "a.none.wav"} {
		if err := os.WriteFile(filepath.Join(from, name), []byte("RIFF"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	h.write("recordings/zh/.import-1234", "half of a recording") // of an import that was killed
	_, got := h.take(from, func(d *Delivery) { d.DryRun = true })
	want(t, got, "a.none.wav unknown stray-recording", "a.one.wav refused unreadable")
	if h.state("a.one") != New || len(h.there("recordings")) != 1 || len(h.there(ledgerDir)) != 1 {
		t.Errorf("--dry-run has changed something: a.one is %s, %v, %v", h.state("a.one"), h.there("recordings"), h.there(ledgerDir))
	}
	h.take(from, nil)
	if left := h.there("recordings"); len(left) != 0 {
		t.Errorf("left of the import before are %v", left)
	}
	want(t, h.sheet(morning.Add(time.Hour)), "a.one refused")
	want(t, h.sheet(morning.Add(2*time.Hour)))
	if h.state("a.one") != New {
		t.Errorf("a.one is %s although a sheet has asked for it again", h.state("a.one"))
	}
	only := filepath.Join(from, "only")
	if err := errors.Join(os.Mkdir(only, 0o755), os.Rename(filepath.Join(from, "a.none.wav"), filepath.Join(only, "a.none.wav"))); err != nil {
		t.Fatal(err)
	}
	if r, _ := h.take(only, nil); !r.Failed() {
		t.Error("a file of no prompt counts as taken")
	}
}

// TestWhatIsImportedIsListenedTo: silence, and a file whose end is missing, can be decoded and are refused.
func TestWhatIsImportedIsListenedTo(t *testing.T) {
	promptstest.Need(t, "espeak-ng", "sox", "ffmpeg")
	h, from := newHouse(t, two), t.TempDir()
	spoil := func(name, text string, how func([]byte) []byte) {
		file := filepath.Join(from, name)
		record(t, file, text)
		data, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(file, how(data), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	spoil("a.one.wav", "您好，请稍候。", func(wav []byte) []byte { clear(wav[44:]); return wav })
	spoil("a.two.wav", "感谢您的来电。", func(wav []byte) []byte { return wav[:len(wav)*4/5/2*2] })
	r, got := h.take(from, nil)
	want(t, got, "a.one.wav refused silence", "a.two.wav refused truncated")
	if !r.Failed() || len(h.there("recordings")) != 0 {
		t.Errorf("taken were %v", h.there("recordings"))
	}
	why := h.look().ledger.refusals["zh"]["a.two"].Why
	if len(why) != 1 || !strings.Contains(why[0], "are missing") {
		t.Errorf("the next sheet says %q", why)
	}
}

// TestADryRunWritesNothing, also of a recording that would be accepted.
func TestADryRunWritesNothing(t *testing.T) {
	promptstest.Need(t, "espeak-ng", "sox", "ffmpeg")
	h, from := newHouse(t, two), t.TempDir()
	record(t, filepath.Join(from, "a.one.wav"), "您好，请稍候。")
	_, got := h.take(from, func(d *Delivery) { d.DryRun = true })
	want(t, got, "a.one.wav accepted")
	if _, err := os.Stat(filepath.Join(h.dir, "recordings")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a folder of recordings: %v", err)
	}
}

// TestARecordingOfAnEarlierTextIsNotTakenForTodays: neither what an older sheet asked
// for, nor a folder that is sent again.
func TestARecordingOfAnEarlierTextIsNotTakenForTodays(t *testing.T) {
	promptstest.Need(t, "espeak-ng", "sox", "ffmpeg")
	h, from := newHouse(t, two), t.TempDir()
	h.sheet(morning.Add(-time.Hour))
	record(t, filepath.Join(from, "a.one.wav"), "您好，请稍候。")
	h.write("zh.yaml", "a.one: 您好，请等待。\na.two: 感谢您的来电。\n")
	_, got := h.take(from, nil)
	want(t, got, "a.one.wav refused stale-recording")

	h.write("zh.yaml", two)
	_, got = h.take(from, nil)
	want(t, got, "a.one.wav accepted")
	h.write("zh.yaml", "a.one: 您好，请等待。\na.two: 感谢您的来电。\n")
	r, got := h.take(from, nil)
	want(t, got, "a.one.wav unchanged")
	if len(r.Files[0].Findings) != 1 || h.state("a.one") != Changed {
		t.Errorf("%v; a.one is %s", r.Files[0].Findings, h.state("a.one"))
	}
	_, got = h.take(from, func(d *Delivery) { d.Current = true })
	want(t, got, "a.one.wav accepted")
	if h.state("a.one") != Recorded {
		t.Errorf("a.one is %s, though somebody says that it is right", h.state("a.one"))
	}
}

// TestWhatWasPutThereByHandIsNoted, once it has been listened to. Nothing is moved, and
// the notes of others stay.
func TestWhatWasPutThereByHandIsNoted(t *testing.T) {
	promptstest.Need(t, "espeak-ng", "sox", "ffmpeg")
	h := newHouse(t, two)
	recordings := filepath.Join(h.dir, "recordings")
	others, err := recorded.WriteNotes(map[string]recorded.Said{"gone.prompt": {SHA256: "ab", Text: "从前", At: morning.Add(-time.Hour)}})
	if err != nil {
		t.Fatal(err)
	}
	h.write("recordings/zh/recorded.yaml", string(others))
	record(t, filepath.Join(recordings, "zh", "a.one.wav"), "您好，请稍候。")
	h.write("recordings/zh/a.two.wav", "no sound")
	if h.state("a.one") != Unnoted || h.look().Draw(Options{Languages: []string{"zh"}}).Unnoted != 2 {
		t.Errorf("a.one is %s", h.state("a.one"))
	}
	for _, dir := range []string{recordings, filepath.Join(recordings, "zh")} {
		_, got := h.take(dir, nil)
		if len(got) != 2 || !strings.HasSuffix(got[1], "a.two.wav refused unreadable") {
			t.Errorf("%s: got %q", dir, got)
		}
	}
	notes := h.there("recordings")["recordings/zh/recorded.yaml"]
	if len(h.there("recordings")) != 3 || h.state("a.one") != Recorded || !strings.Contains(notes, "gone.prompt") || strings.Contains(notes, "a.two") {
		t.Errorf("a.one is %s; noted is\n%s", h.state("a.one"), notes)
	}
	// Another file in its place is not the one that was listened to.
	record(t, filepath.Join(recordings, "zh", "a.one.wav"), "感谢您的来电。")
	if h.state("a.one") != Unnoted {
		t.Errorf("a.one is %s after its file was replaced by hand", h.state("a.one"))
	}
}

// TestTheLanguageOfADeliveryIsNotGuessed where there are several.
func TestTheLanguageOfADeliveryIsNotGuessed(t *testing.T) {
	h, from := newHouse(t, two), t.TempDir()
	h.write("en.yaml", "a.one: One moment, please.\na.two: Goodbye.\n")
	if err := os.WriteFile(filepath.Join(from, "a.one.wav"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	d := Delivery{Dir: from, Prompts: h.dir, Texts: h.texts(), Rules: h.rules(), At: morning}
	if _, err := Import(t.Context(), d); !errors.Is(err, ErrLanguage) {
		t.Errorf("got %v", err)
	}
	d.Language = "en"
	r, err := Import(t.Context(), d)
	if err != nil || r.Files[0].Lang != "en" || r.Files[0].Verdict != Rejected {
		t.Errorf("%v: %+v", err, r)
	}
	if err := os.MkdirAll(filepath.Join(h.dir, "recordings", "zh"), 0o755); err != nil {
		t.Fatal(err)
	}
	d.Dir = filepath.Join(h.dir, "recordings", "zh")
	if _, err := Import(t.Context(), d); !errors.Is(err, ErrLanguage) {
		t.Errorf("Mandarin as English: %v", err)
	}
}

// TestAnImportThatCannotEndLeavesNothing: called off, locked out, or before notes that
// cannot be read.
func TestAnImportThatCannotEndLeavesNothing(t *testing.T) {
	promptstest.Need(t, "espeak-ng", "sox", "ffmpeg")
	h, from := newHouse(t, two), t.TempDir()
	record(t, filepath.Join(from, "a.one.wav"), "您好，请稍候。")
	d := Delivery{Dir: from, Prompts: h.dir, Texts: h.texts(), Rules: h.rules(), At: morning}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Import(over, d); !errors.Is(err, context.Canceled) {
		t.Errorf("called off: %v", err)
	}
	unlock, err := lock(h.dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Import(t.Context(), d); err == nil || !strings.Contains(err.Error(), "another import") {
		t.Errorf("two at once: %v", err)
	}
	unlock()
	h.write("recordings/zh/recorded.yaml", "a.two: broken\n")
	var ps source.Problems
	if _, err := Import(t.Context(), d); !errors.As(err, &ps) {
		t.Errorf("broken notes: %v", err)
	}
	if have := h.there("recordings"); len(have) != 1 {
		t.Errorf("left are %d files", len(have))
	}
}
