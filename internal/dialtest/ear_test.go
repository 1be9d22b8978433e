package dialtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// speech makes n bytes that no other seed makes, none of them silent.
func speech(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, seed))
	b := make([]byte, n)
	for i := range b {
		for b[i] = alawSilence; !isLoud(b[i]); {
			b[i] = byte(r.Uint32())
		}
	}
	return b
}

func silence(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = alawSilence
	}
	return b
}

func ms(n int) int { return n * bytesPerMS }

// The clips of the tests. All begin and end with a pause, as synthesised speech does.
var (
	welcome = &Clip{ID: "main.welcome", alaw: slices.Concat(silence(ms(100)), speech(1, ms(400)), silence(ms(60)), speech(2, ms(200)), silence(ms(120)))}
	menu    = &Clip{ID: "main.menu", alaw: slices.Concat(silence(ms(100)), speech(3, ms(3000)), silence(ms(120)))}
	please1 = &Clip{ID: "please.1", alaw: slices.Concat(silence(ms(100)), speech(4, ms(500)), speech(5, ms(300)), silence(ms(40)))}
	please2 = &Clip{ID: "please.2", alaw: slices.Concat(silence(ms(100)), speech(4, ms(500)), speech(6, ms(300)), silence(ms(40)))}
	odd     = &Clip{ID: "odd", alaw: slices.Concat(silence(333), speech(7, 4321))}
	one     = &Clip{ID: "n.1", alaw: slices.Concat(silence(ms(20)), speech(8, ms(160)))}
	oneKey  = &Clip{ID: "key.1", alaw: one.alaw}
	short   = &Clip{ID: "short", alaw: slices.Clone(menu.alaw[:ms(900)])} // begins as main.menu does
)

func testAudio() *Audio {
	return newAudio([]*Clip{welcome, menu, please1, please2, odd, one, oneKey, short})
}

// line plays bytes into an ear as a switch sends them and keeps the clock.
type line struct {
	ear *ear
	seq uint16
	now time.Time
}

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func newLine() *line { return &line{ear: newEar(testAudio()), seq: 65530, now: noon} }

// play sends bytes in packets of 20 ms; the last may be shorter.
func (l *line) play(alaw []byte) {
	for p := range slices.Chunk(alaw, frameBytes) {
		l.ear.hear(Frame{At: l.now, Seq: l.seq, Payload: p})
		l.seq++
		l.now = l.now.Add(frameTime)
	}
}

func (l *line) lose(packets int) {
	l.seq += uint16(packets)
	l.now = l.now.Add(time.Duration(packets) * frameTime)
}

// pause lets time pass without packets, as a switch that plays nothing does.
func (l *line) pause(d time.Duration) { l.now = l.now.Add(d) }

// String has an entry a line: when, what, from where to where, in milliseconds.
func (l *line) String() string {
	var b strings.Builder
	l.ear.mu.Lock()
	defer l.ear.mu.Unlock()
	for _, h := range l.ear.timeline() {
		fmt.Fprintf(&b, "%d-%d %s %d-%d", h.Start.Sub(noon).Milliseconds(), h.End.Sub(noon).Milliseconds(), h.Prompt, h.From.Milliseconds(), h.To.Milliseconds())
		if h.Whole {
			b.WriteString(" whole")
		}
		if h.Open {
			b.WriteString(" open")
		}
		if h.Lost > 0 {
			fmt.Fprintf(&b, " lost %d", h.Lost)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestEar(t *testing.T) {
	for name, c := range map[string]struct {
		play func(l *line)
		want string
	}{
		"a whole clip, from its pause on": {
			func(l *line) { l.play(welcome.alaw) },
			"0-860 main.welcome 0-880 whole\n",
		},
		"a playlist": {
			func(l *line) { l.play(slices.Concat(welcome.alaw, please1.alaw, one.alaw)) },
			"0-860 main.welcome 0-880 whole\n880-1800 please.1 0-940 whole\n1820-1980 n.1 0-180 whole\n",
		},
		"still being said": {
			func(l *line) { l.play(menu.alaw[:ms(1500)]) },
			"0-1480 main.menu 0-1500 open\n",
		},
		"cut by the next": {
			func(l *line) { l.play(menu.alaw[:ms(1500)]); l.play(welcome.alaw) },
			"0-1480 main.menu 0-1500\n1500-2360 main.welcome 0-880 whole\n",
		},
		"cut in its pause: the pause that both have belongs to the next": {
			func(l *line) { l.play(welcome.alaw[:ms(520)]); l.play(please1.alaw) },
			"0-500 main.welcome 0-520\n520-1440 please.1 0-940 whole\n",
		},
		"cut and begun again": {
			func(l *line) { l.play(menu.alaw[:ms(700)]); l.play(menu.alaw) },
			"0-680 main.menu 0-700\n700-3900 main.menu 0-3220 whole\n",
		},
		"twice in a row": {
			func(l *line) { l.play(welcome.alaw); l.play(welcome.alaw) },
			"0-860 main.welcome 0-880 whole\n880-1740 main.welcome 0-880 whole\n",
		},
		"two that begin alike": {
			func(l *line) { l.play(please2.alaw) },
			"0-920 please.2 0-940 whole\n",
		},
		"a clip that is the begin of another": {
			func(l *line) { l.play(short.alaw); l.play(welcome.alaw) },
			"0-880 short 0-900 whole\n900-1760 main.welcome 0-880 whole\n",
		},
		"a clip that goes on where another ends": {
			func(l *line) { l.play(menu.alaw) },
			"0-3200 main.menu 0-3220 whole\n",
		},
		"packets lost within a clip": {
			func(l *line) { l.play(menu.alaw[:ms(1000)]); l.lose(3); l.play(menu.alaw[ms(1060):]) },
			"0-3200 main.menu 0-3220 whole lost 3\n",
		},
		"packets lost at the begin": {
			func(l *line) { l.play(silence(ms(100))); l.lose(10); l.play(menu.alaw[ms(200):]) },
			"300-3300 main.menu 200-3220 whole\n",
		},
		"packets lost over the end of one and the begin of the next": {
			func(l *line) { l.play(welcome.alaw[:ms(700)]); l.lose(20); l.play(menu.alaw[ms(220):ms(1000)]) },
			"0-680 main.welcome 0-880 whole lost 20\n1100-1860 main.menu 220-1000 open\n",
		},
		"silence before, between and after": {
			func(l *line) {
				l.play(silence(ms(500)))
				l.play(welcome.alaw)
				l.play(silence(ms(3000)))
				l.play(one.alaw)
				l.play(silence(ms(200)))
			},
			"500-1360 main.welcome 0-880 whole\n4380-4540 n.1 0-180 whole\n",
		},
		"no packets between": {
			func(l *line) { l.play(welcome.alaw); l.pause(5 * time.Second); l.play(welcome.alaw) },
			"0-860 main.welcome 0-880 whole\n5880-6740 main.welcome 0-880 whole\n",
		},
		"not cut at whole frames": {
			func(l *line) { l.play(slices.Concat(odd.alaw, welcome.alaw, odd.alaw, menu.alaw[:ms(500)])) },
			"0-580 odd 0-581 whole\n580-1460 main.welcome 0-880 whole\n1460-2040 odd 0-581 whole\n2040-2540 main.menu 0-500 open\n",
		},
		"packets of odd length": {
			func(l *line) { l.play(odd.alaw); l.play(welcome.alaw[:77]); l.play(welcome.alaw[77:]) },
			"0-580 odd 0-581 whole\n600-1480 main.welcome 0-880 whole\n",
		},
		"unknown sound": {
			func(l *line) { l.play(welcome.alaw); l.play(speech(99, ms(5000))); l.play(one.alaw) },
			"0-860 main.welcome 0-880 whole\n880-5860 ? 0-5000\n5880-6040 n.1 0-180 whole\n",
		},
		"unknown sound that goes on": {
			func(l *line) { l.play(speech(99, ms(200))) },
			"0-180 ? 0-200 open\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLine()
			c.play(l)
			if got := l.String(); got != c.want {
				t.Errorf("heard\n%swant\n%s", got, c.want)
			}
		})
	}
}

// Whatever is played, cut and lost, the ear says the same things in the same
// order, and never more than was played.
func FuzzEar(f *testing.F) {
	f.Add([]byte{0, 200, 1, 30, 2, 255, 9, 3, 4, 12, 5, 80})
	f.Fuzz(func(t *testing.T, plan []byte) {
		plan = plan[:min(len(plan), 100)]
		clips := []*Clip{welcome, menu, please1, please2, odd, one, short}
		l := newLine()
		played := 0
		for len(plan) >= 2 && played < 100_000 {
			what, amount := int(plan[0])%10, int(plan[1])
			plan = plan[2:]
			switch {
			case what < len(clips):
				alaw := clips[what].alaw
				alaw = alaw[:max(1, len(alaw)*(amount+1)/256)]
				l.play(alaw)
				played += len(alaw)
			case what == 7:
				l.lose(amount % 30)
				played += (amount % 30) * frameBytes
			case what == 8:
				l.play(silence(amount * 10))
				played += amount * 10
			default:
				l.play(speech(uint64(amount)+100, amount*10+1))
				played += amount*10 + 1
			}
		}
		heard := 0
		var before time.Time
		for _, h := range l.ear.timeline() {
			if h.To < h.From || h.End.Before(h.Start) || h.Start.Before(before) {
				t.Errorf("impossible entry %+v after %v", h, before)
			}
			before = h.Start
			heard += int((h.To - h.From) / time.Millisecond * bytesPerMS)
		}
		// Each of the lost packets may have been silence.
		if heard > played+len(l.String())*frameBytes {
			t.Errorf("heard %d bytes of %d:\n%s", heard, played, l)
		}
	})
}

func BenchmarkEar(b *testing.B) {
	for name, alaw := range map[string][]byte{"known": menu.alaw, "silence": silence(ms(3000)), "unknown": speech(99, ms(3000))} {
		b.Run(name, func(b *testing.B) {
			l := newLine()
			packets := 0
			for b.Loop() {
				l.play(alaw)
				packets += len(alaw) / frameBytes
				l.ear.line = l.ear.line[:0]
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(packets), "ns/packet")
		})
	}
}

// TestLanguages: the same prompt is another recording in another language; a recording
// that two languages share is told by both names.
func TestLanguages(t *testing.T) {
	common := speech(21, ms(300))
	a := newAudio([]*Clip{
		{ID: "a", Lang: "en", alaw: speech(20, ms(300))}, {ID: "beep", Lang: "en", alaw: common},
		{ID: "a", Lang: "zh", alaw: speech(22, ms(300))}, {ID: "tone", Lang: "zh", alaw: common},
	})
	for id, want := range map[string]bool{"a": true, "en:a": true, "zh:a": true, "fr:a": false, "tone": true, "zh:tone": true, "en:tone": false, "en:beep": true} {
		if a.Has(id) != want {
			t.Errorf("%s is among the recordings: %v", id, !want)
		}
	}
	english := Heard{Prompt: "a", Lang: "en", Also: []string{"b", "zh:c"}}
	for id, want := range map[string]bool{"a": true, "en:a": true, "zh:a": false, "b": true, "en:b": true, "c": true, "zh:c": true, "en:c": false} {
		if english.Is(id) != want {
			t.Errorf("%+v is %s: %v", english, id, !want)
		}
	}
}
