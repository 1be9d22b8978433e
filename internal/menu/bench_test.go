package menu_test

import (
	"testing"

	"hotline/internal/menu"
	"hotline/internal/menu/transcript"
)

// BenchmarkStep is what an event costs the loop of a call: a caller who presses what
// means nothing, asks for it again, comes to a service, and hangs up.
func BenchmarkStep(b *testing.B) {
	tree := hotline(b)
	p := transcript.New(tree)
	var events []menu.Event
	for _, line := range []string{"call", "press 7 at 1 400ms 35%", "played", "silence", "press # at 0 200ms 5%", "press 3", "press 1", "press *", "hangup"} {
		happened, err := p.Events(line)
		if err != nil {
			b.Fatal(err)
		}
		for _, e := range happened {
			events = append(events, e)
			p.Step(e)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		m := menu.New(tree)
		for _, e := range events {
			m.Step(e)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(events)), "ns/step")
}
