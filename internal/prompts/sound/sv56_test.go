package sound

import (
	"math"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"hotline/internal/prompts/promptstest"
)

// What actlev, the reference program of ITU-T G.191 (STL 2023, src/sv56), says of twelve sentences
// of espeak-ng 1.51: brought to a rate, made softer by some dB, between two silences of some seconds.
var sv56Says = []struct {
	voice             string
	rate              int
	gain, pad         string
	text              string
	samples           int
	level, percentage float64
}{
	{"cmn-latn-pinyin", 8000, "-6", "3", "对不起，系统暂时出现故障，请您稍后再拨。", 93418, -24.640, 46.767},
	{"cmn-latn-pinyin", 16000, "-1", "6", "欢迎致电一零零八六。查询话费，请按一；办理业务，请按二；人工服务，请按零。", 349957, -19.844, 43.236},
	{"cmn-latn-pinyin", 8000, "-30", "0", "请稍候。", 10067, -48.521, 86.033},
	{"cmn-latn-pinyin", 16000, "-20", "3", "您的余额为五十八元五角。", 141000, -38.497, 31.045},
	{"cmn-latn-pinyin", 8000, "-40", "6", "四十四只石狮子是死的。", 117796, -62.218, 17.544},
	{"cmn-latn-pinyin", 16000, "-12", "0", "感谢您的来电，再见。", 41557, -32.054, 93.318},
	{"en-gb", 8000, "-6", "3", "We are sorry, all our lines are busy. Please call again later.", 79151, -25.609, 36.919},
	{"en-gb", 16000, "-3", "6", "For your balance, press one. For services, press two. To hear this again, press star.", 287221, -24.019, 30.276},
	{"en-gb", 8000, "-25", "0", "Thank you for calling. Goodbye.", 18534, -45.709, 87.364},
	{"en-gb", 16000, "-15", "3", "Your balance is fifty-eight yuan and fifty fen.", 144134, -35.625, 32.155},
	{"en-gb", 8000, "-45", "6", "She sells sixth-sense thrifty fish.", 114521, -66.448, 15.117},
	{"en-gb", 16000, "-9", "0", "One moment, please.", 26400, -30.230, 86.769},
}

// The reference looks for the threshold to within 0.5 dB, which leaves its levels some 0.1 dB of their own.
func TestLevelAgreesWithTheReference(t *testing.T) {
	promptstest.Need(t, "espeak-ng", "sox")
	for _, c := range sv56Says {
		speak := exec.CommandContext(t.Context(), "espeak-ng", "-v", c.voice, "-s", "170", "-b", "1", "--stdin", "--stdout")
		speak.Stdin = strings.NewReader(c.text)
		wav, err := speak.Output()
		if err != nil {
			t.Fatal(err)
		}
		to := []string{"--ignore-length", "-t", "wav", "-", "-t", "raw", "-r", strconv.Itoa(c.rate), "-c", "1", "-b", "16", "-e", "signed-integer", "-L", "-"}
		p := PCM{c.rate, samplesOf(sox(t, wav, append(to, "gain", c.gain, "pad", c.pad, c.pad)...))}
		if len(p.Samples) != c.samples {
			t.Skipf("this espeak-ng is another: %q is %d samples, not %d", c.text, len(p.Samples), c.samples)
		}
		level, activity := Level(p)
		if math.Abs(level-c.level) > 0.1 || math.Abs(100*activity-c.percentage) > 1.5 {
			t.Errorf("%q: %.3f dBov, %.2f %% active; the reference has %.3f and %.2f", c.text, level, 100*activity, c.level, c.percentage)
		} else {
			t.Logf("%7.3f (%7.3f) dBov, %5.2f (%5.2f) %%", level, c.level, 100*activity, c.percentage)
		}
	}
}
