package sound

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"hotline/internal/prompts"
)

// What actlev, the reference program of ITU-T G.191 (STL 2023, src/sv56), says of eight sentences
// (A-law, 8 kHz, of several levels) between two silences of some seconds.
var sv56Says = []struct {
	file              string
	pad               int // seconds
	level, percentage float64
}{
	{"speech-1.alaw", 3, -25.017, 36.723}, // 对不起，系统暂时出现故障。
	{"speech-2.alaw", 1, -19.706, 53.938}, // 欢迎致电一零零八六。
	{"speech-3.alaw", 0, -42.559, 86.845}, // 请稍候。
	{"speech-4.alaw", 0, -32.088, 93.253}, // 感谢您的来电，再见。
	{"speech-5.alaw", 6, -23.622, 13.505}, // Your balance is fifty-eight yuan.
	{"speech-6.alaw", 0, -45.755, 88.582}, // Thank you for calling. Goodbye.
	{"speech-7.alaw", 2, -36.446, 34.308}, // She sells sixth-sense thrifty fish.
	{"speech-8.alaw", 0, -30.168, 85.094}, // One moment, please.
}

// The reference looks for the threshold to within 0.5 dB, which leaves its levels some 0.1 dB of their own.
func TestLevelAgreesWithTheReference(t *testing.T) {
	for _, c := range sv56Says {
		data, err := os.ReadFile(filepath.Join("testdata", c.file))
		if err != nil {
			t.Fatal(err)
		}
		p := Decode(prompts.ALaw, data)
		silence := make([]int16, c.pad*p.Rate)
		p.Samples = slices.Concat(silence, p.Samples, silence)
		level, activity := Level(p)
		if math.Abs(level-c.level) > 0.1 || math.Abs(100*activity-c.percentage) > 1.5 {
			t.Errorf("%s: %.3f dBov, %.2f %% active; the reference has %.3f and %.2f", c.file, level, 100*activity, c.level, c.percentage)
		}
	}
}
