package dialtest

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestNextIsWhatAnswersTheKey(t *testing.T) {
	at := func(ms int) time.Time { return noon.Add(time.Duration(ms) * time.Millisecond) }
	said := func(from, to int, whole bool) Heard {
		return Heard{Prompt: "p", Start: at(from), End: at(to - 20), To: time.Duration(to-from) * time.Millisecond, Whole: whole}
	}
	for name, c := range map[string]struct {
		line []Heard
		key  int
		want int
	}{
		"nothing":                            {nil, 500, -1},
		"still the old one":                  {[]Heard{said(0, 900, false)}, 500, -1},
		"cut by the key":                     {[]Heard{said(0, 520, false), said(525, 600, false)}, 500, 1},
		"after a pause":                      {[]Heard{said(0, 300, true), said(505, 530, false)}, 500, 1},
		"the old list's next, then the new":  {[]Heard{said(0, 510, true), said(510, 530, false), said(530, 560, false)}, 500, 2},
		"the old list's next, not cut yet":   {[]Heard{said(0, 510, true), said(510, 530, false)}, 500, -1},
		"right after a whole one, and on":    {[]Heard{said(0, 510, true), said(510, 1510, false)}, 500, 1},
		"short and whole":                    {[]Heard{said(0, 510, true), said(510, 600, true)}, 500, 1},
		"the first of a call has no key":     {[]Heard{said(0, 100, false)}, -1, 0},
		"the packet of the very same moment": {[]Heard{said(0, 500, false), said(500, 600, false)}, 500, 1},
	} {
		key := at(c.key)
		if c.key < 0 {
			key = time.Time{}
		}
		if got := next(c.line, key); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestJudge(t *testing.T) {
	a, b := Heard{Prompt: "a", Whole: true}, Heard{Prompt: "b", Also: []string{"bb"}, Whole: true}
	cut, opened := Heard{Prompt: "a"}, Heard{Prompt: "a", Open: true}
	ab := []string{"a", "bb"}
	for name, c := range map[string]struct {
		line  []Heard
		want  []string
		whole bool
		n     int
		fit   fit
	}{
		"all of it":                       {[]Heard{a, b}, ab, true, 2, fits},
		"more than it":                    {[]Heard{a, b, a}, ab, true, 2, fits},
		"the first, more to come":         {[]Heard{a}, ab, true, 1, pending},
		"the first is being said":         {[]Heard{opened}, ab, true, 0, pending},
		"the begin is enough":             {[]Heard{opened}, ab, false, 1, fits},
		"cut where it must be whole":      {[]Heard{cut, b}, ab, true, 0, misfit},
		"another":                         {[]Heard{b}, ab, true, 0, misfit},
		"another where a begin is enough": {[]Heard{b}, ab, false, 0, misfit},
		"may still become the right one":  {[]Heard{opened}, []string{"b"}, true, 0, pending},
		"unknown sound":                   {[]Heard{a, {Prompt: Unknown}}, ab, true, 1, misfit},
	} {
		if n, got := judge(c.line, c.want, c.whole); n != c.n || got != c.fit {
			t.Errorf("%s: %d, %d; want %d, %d", name, n, got, c.n, c.fit)
		}
	}
}

func TestRealTranscriptIsFollowed(t *testing.T) {
	p := startPBX(t, []*Clip{welcome, menu, please1, please2, one}, map[string][]string{
		"":  {"main.welcome", "main.menu"},
		"1": {"please.1", "please.2"},
		"2": {"n.1", "main.menu"},
	})
	caller := p.caller(false)
	quick := Walk{Listen: 100 * time.Millisecond, Patience: 5 * time.Second, Length: 40 * time.Millisecond}
	follow := func(w Walk, steps ...Step) error {
		s, err := caller.Dial(testContext(t), p.call())
		if err != nil {
			t.Fatal(err)
		}
		err = s.Follow(testContext(t), w, steps)
		return errors.Join(err, s.Hangup(testContext(t)))
	}
	patient := quick
	patient.Patient = true
	if err := follow(patient,
		Step{Hear: []string{"main.welcome", "main.menu"}, Press: "1"},
		Step{Hear: []string{"please.1"}},
		Step{Hear: []string{"please.2"}, Press: "2"},
		Step{Hear: []string{"n.1"}, Hangup: true}); err != nil {
		t.Errorf("patient: %v", err)
	}
	if err := follow(quick,
		Step{Hear: []string{"main.welcome", "main.menu"}, Press: "1"},
		Step{Hear: []string{"please.1", "please.2"}, Press: "2"},
		Step{Hear: []string{"n.1"}}); err != nil {
		t.Errorf("quick: %v", err)
	}
	var wrong *MismatchError
	err := follow(quick, Step{Hear: []string{"main.welcome"}, Press: "1"}, Step{Hear: []string{"please.1", "n.1"}})
	if !errors.As(err, &wrong) || wrong.Step != 2 || !strings.Contains(err.Error(), "step 2: want to hear [please.1 n.1], heard [please.1 please.2") {
		t.Errorf("something else is heard: %v", err)
	}
	short := quick
	short.Patience = 1500 * time.Millisecond
	err = follow(short, Step{Hear: []string{"main.welcome"}, Press: "2"}, Step{Hear: []string{"n.1", "main.menu", "please.1"}})
	if !errors.As(err, &wrong) || wrong.Step != 2 || !errors.Is(err, errNothing) {
		t.Errorf("nothing more is heard: %v", err)
	}
}
