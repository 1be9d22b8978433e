package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"hotline/internal/dialtest"
	"hotline/internal/prompts"
)

// booth is a hotline whose prompts a studio has recorded, in files of its own.
type booth struct {
	*hotline
	texts, audio string // folders
}

// newBooth records a few prompts, in as many formats, and starts a server on them.
func newBooth(t *testing.T) *booth {
	t.Helper()
	need(t)
	name := "booth-" + uuid.NewString()[:8]
	b := &booth{texts: t.TempDir(), audio: filepath.Join(os.Getenv("AUDIO"), name)}
	t.Cleanup(func() { _ = os.RemoveAll(b.audio) })
	fatal(t, os.CopyFS(b.texts, os.DirFS(os.Getenv("PROMPTS"))))
	b.record(t, "main.welcome.wma", "f3", "-c:a", "wmav2", "-ar", "22050")
	b.record(t, "label.301.mp3", "f3", "-ar", "44100", "-ac", "2")
	b.record(t, "svc.caller_id.wav", "f3", "-c:a", "pcm_s24le", "-ar", "48000")
	b.hotline = prepare(t, "PROMPTS="+b.texts, "AUDIO="+b.audio, "ARI_SOUNDS="+os.Getenv("ARI_SOUNDS")+"/"+name)
	build := b.run(t, "prompts", "build")
	if code := build.wait(t); code != 0 {
		t.Fatalf("ivr prompts build: exit %d\n%s", code, build.log.String())
	}
	b.live(t)
	return b
}

// record speaks a prompt's text as another person, and delivers it in a studio's format.
func (b *booth) record(t *testing.T, file, variant string, args ...string) {
	t.Helper()
	catalog, err := prompts.Load(os.DirFS(b.texts))
	fatal(t, err)
	id := strings.TrimSuffix(file, filepath.Ext(file))
	dir := filepath.Join(b.texts, "recordings", "zh")
	wav, delivered := filepath.Join(t.TempDir(), "said.wav"), filepath.Join(t.TempDir(), file)
	fatal(t, os.MkdirAll(dir, 0o755))
	program(t, "espeak-ng", "-v", "cmn-latn-pinyin+"+variant, "-s", "170", "-w", wav, catalog.Text("zh", prompts.Prompt(id)))
	program(t, "ffmpeg", append([]string{"-nostdin", "-y", "-loglevel", "error", "-i", wav}, append(args, delivered)...)...)
	data, err := os.ReadFile(delivered)
	fatal(t, err)
	fatal(t, errors.Join(os.WriteFile(filepath.Join(dir, ".new"), data, 0o644), os.Rename(filepath.Join(dir, ".new"), filepath.Join(dir, file))))
}

func program(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// welcomes calls, hears the welcome to its end, and gives the hash of what was heard. The
// caller knows the recordings of what is live now.
func (b *booth) welcomes(t *testing.T, number string) string {
	t.Helper()
	audio, err := dialtest.LoadAudio(os.DirFS(b.audio))
	fatal(t, err)
	phone, err := dialtest.New(dialtest.Options{Addr: os.Getenv("SIP_ADDR"), Token: os.Getenv("DIALTEST_TOKEN"), Audio: audio})
	fatal(t, err)
	defer func() { fatal(t, phone.Close()) }()
	b.numbers.Store(number, true)
	s, err := phone.Dial(t.Context(), dialtest.Call{From: msisdn(t, number), To: "10086", App: b.app})
	fatal(t, err)
	k := &talk{Session: s, t: t, h: b.hotline, number: number}
	defer k.hangup()
	k.hear("main.welcome")
	k.keys("31")
	k.hear("svc.caller_id")
	hash := ""
	for _, h := range s.Heard() {
		if h.Prompt == "main.welcome" {
			hash = h.SHA256
		}
	}
	return hash
}

// listed is what the manifest says of the welcome.
func (b *booth) listed(t *testing.T) prompts.Audio {
	t.Helper()
	m, err := prompts.ReadManifest(os.DirFS(b.audio))
	fatal(t, err)
	return m["zh"]["main.welcome"]
}

// TestRecordingsAreHeardBitForBit: what a studio has delivered is what callers hear, as the
// manifest says; another take is another version, and taken back it is the first one again.
func TestRecordingsAreHeardBitForBit(t *testing.T) {
	t.Parallel()
	b := newBooth(t)
	first := b.listed(t)
	if first.Source != "recordings/zh/main.welcome.wma" || first.After < -27 || first.After > -25 {
		t.Errorf("the manifest says %+v", first)
	}
	if got := b.welcomes(t, "13970000101"); got != first.SHA256 {
		t.Errorf("heard %q, the manifest says %s", got, first.SHA256)
	}

	b.record(t, "main.welcome.wma", "m3", "-c:a", "wmav2", "-ar", "22050")
	b.publishes(t, 2)
	second := b.listed(t)
	if got := b.welcomes(t, "13970000102"); second.SHA256 == first.SHA256 || got != second.SHA256 {
		t.Errorf("heard %q, the manifest says %s; it was %s", got, second.SHA256, first.SHA256)
	}

	// The folder has the second take still, and even the audio folder has lost the first.
	fatal(t, os.Remove(filepath.Join(b.audio, first.File)))
	back := b.run(t, "rollback")
	if code := back.wait(t); code != 0 {
		t.Fatalf("ivr rollback: exit %d\n%s", code, back.log.String())
	}
	eventually(t, patience, func() string {
		if got := b.listed(t); got.SHA256 != first.SHA256 {
			return fmt.Sprintf("%+v is live", got)
		}
		return ""
	})
	if got := b.welcomes(t, "13970000103"); got != first.SHA256 {
		t.Errorf("taken back, heard %q, want %s", got, first.SHA256)
	}
}
