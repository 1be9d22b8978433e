package proof

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"hotline/internal/prompts"
	"hotline/internal/prompts/recorded"
	"hotline/internal/prompts/sound"
)

// TestWhatAStudioIsToldIsWhatItIsJudgedBy: a recording of the longest time has no
// finding about its length, one of a little more has.
func TestWhatAStudioIsToldIsWhatItIsJudgedBy(t *testing.T) {
	r, err := Load(fstest.MapFS{"style/rules.yaml": {Data: []byte("wrong-length: {severity: warning, longest: 2}\ntoo-long: {severity: problem, seconds: 12}\n")}})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"一", "您好，欢迎致电。", strings.Repeat("请您稍候，", 20)} {
		e := prompts.Entry{ID: "a.one", Text: text}
		most := int(r.Longest("zh", e) / time.Millisecond)
		for ms, fine := range map[int]bool{most: true, most + 10: false} {
			f := sound.Facts{Rate: 8000, Channels: 1, MS: ms, Level: -26, Activity: 1, Peak: -9, Floor: -80, Hiss: -90, Hum: -90}
			found := r.Sound(recorded.Recording{File: "recordings/zh/a.one.wav"}, e, "zh", "wav", f, false)
			if (len(found) == 0) != fine {
				t.Errorf("%d ms of %q: %v", ms, text, found)
			}
		}
	}
}

// TestANoticeIsLateByTheRules beside the prompts.
func TestANoticeIsLateByTheRules(t *testing.T) {
	e := prompts.Entry{ID: "a.one", Notice: prompts.Notice{ID: "TZ-1"}}
	for rules, want := range map[string]string{
		"late-notice: {severity: problem, hours: 2}": "TZ-1, which was given 3.0 hours ago (at most 2)",
		"late-notice: {severity: problem, hours: 3}": "",
		"late-notice: {severity: off, hours: 2}":     "",
	} {
		r, err := Load(fstest.MapFS{"style/rules.yaml": {Data: []byte(rules)}})
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Late(e, 3*time.Hour).Error(); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%s: got %q", rules, got)
		}
	}
	r, err := Load(fstest.MapFS{})
	if err != nil || r.Notice() != 6*time.Hour {
		t.Errorf("%v: the standard is %v", err, r.Notice())
	}
}
