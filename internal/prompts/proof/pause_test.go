package proof

import (
	"strings"
	"testing"
	"testing/fstest"

	"hotline/internal/prompts"
	"hotline/internal/prompts/recorded"
)

// The pause within telephone numbers is a fragment that no studio can deliver: it is not
// missing, and what is delivered for it is not used.
func TestAPauseNeedsNoRecording(t *testing.T) {
	files := fstest.MapFS{
		"zh.yaml":          {Data: []byte("a.one: 您好\n")},
		"style/rules.yaml": {Data: []byte("missing-recording: {severity: warning, languages: [zh]}\n")},
	}
	texts, err := prompts.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	pauses := 0
	for _, e := range texts.Entries("zh") {
		if e.Silence == 0 {
			files["recordings/zh/"+e.ID+".wav"] = &fstest.MapFile{}
		} else {
			pauses++
		}
	}
	rules, err := Load(files)
	if err != nil {
		t.Fatal(err)
	}
	named := func() (all []string) {
		recordings, found := recorded.Find(files, texts)
		for _, p := range append(found, rules.Listing(texts, recordings)...) {
			if p.Rule != ruleUnnoted {
				all = append(all, p.Error())
			}
		}
		return all
	}
	if got := named(); pauses == 0 || len(got) > 0 {
		t.Errorf("of %d pauses: %v", pauses, got)
	}
	files["recordings/zh/u.pause.wav"] = &fstest.MapFile{}
	delete(files, "recordings/zh/a.one.wav")
	want := `recordings/zh/u.pause.wav:1:1: prompt "u.pause" is a pause, which the build makes; delete the recording [stray-recording]/` +
		`zh.yaml:1:1: warning: prompt "a.one": has no recording in recordings/zh: 'ivr prompts studio' lists what to record [missing-recording]`
	if got := strings.Join(named(), "/"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
