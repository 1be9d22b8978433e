package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"hotline/internal/menu"
	"hotline/internal/menu/transcript"
	"hotline/internal/menu/tree"
	"hotline/internal/prompts"
	"hotline/internal/prompts/voice"
)

// feed gives events to the call and shows what comes of them; line is what the
// caller did, "" for nothing.
func (s *sim) feed(line string, events []menu.Event) {
	var effects []menu.Effect
	shown := ""
	for _, e := range events {
		if p, ok := e.(menu.Pressed); ok {
			if s.player.Machine.Secret() {
				shown += "•"
			} else {
				shown += string(p.Key)
			}
		}
		// The effects are good until the next Step only.
		effects = append(effects, slices.Clone(s.player.Step(e))...)
	}
	if shown != "" {
		line = shown
	}
	if line != "" && line != "call" && !strings.HasPrefix(line, "answer ") {
		fmt.Fprintf(s.out, "%s\n", s.paint(faint, "  ← "+line))
	}
	said := false
	for _, e := range effects {
		_, play := e.(menu.Play)
		said = said || play
		s.show(e)
	}
	if keys := s.keys(); said && keys != "" {
		fmt.Fprintf(s.out, "  %s\n", keys)
	}
}

// show prints one effect: what is said as text, the rest as transcripts write it.
func (s *sim) show(e menu.Effect) {
	s.boss.asked(e, s.tree, s.player.Machine.Node())
	switch e := e.(type) {
	case menu.Play:
		fmt.Fprintf(s.out, "  %s\n", s.paint(bold, "» "+s.text(e.Refs)))
		s.ear.say(s.tongue, e.Refs)
	case menu.StopPlay:
		s.ear.cut()
		return // what is said next shows it
	case menu.Speak:
		s.tongue = e.Language
	}
	fmt.Fprintf(s.out, "    %s\n", s.paint(faint, transcript.Line(e)))
}

// text is what is said, a blank between its parts.
func (s *sim) text(refs []prompts.Ref) string {
	words := make([]string, len(refs))
	for i, r := range refs {
		words[i] = catalogWords(s.catalog, s.tongue, []prompts.Ref{r})
	}
	return strings.Join(words, " ")
}

// keys is a line with every key that means something now; "" where none does.
func (s *sim) keys() string {
	state := s.player.Machine.State()
	n := s.tree.Nodes[state.Node]
	if state.Await != "key" || n == nil {
		return ""
	}
	parts := s.own(state.Asks, n)
	var everywhere []string
	for _, key := range slices.Sorted(maps.Keys(s.tree.Keys)) {
		everywhere = append(everywhere, key+" "+string(s.tree.Keys[key]))
	}
	if s.tree.SpeedDial != "" && state.Node == s.tree.Start {
		everywhere = append(everywhere, s.tree.SpeedDial+"code"+s.tree.SpeedDial)
	}
	if len(everywhere) > 0 {
		parts = append(parts, s.paint(faint, "│ "+strings.Join(everywhere, " · ")))
	}
	return strings.Join(parts, "  ")
}

// own are the keys of a question itself.
func (s *sim) own(asks string, n *tree.Node) []string {
	var parts []string
	add := func(key, label string) { parts = append(parts, s.paint(green, key)+" "+label) }
	p := &s.tree.Phrases
	one := func(r prompts.Ref) string { return s.text([]prompts.Ref{r}) }
	switch asks {
	case "menu":
		for _, o := range n.Menu.Options {
			label := s.text(o.Label)
			if o.Quiet {
				label = s.paint(faint, label+" (not announced)")
			}
			add(o.Key, label)
		}
	case "entry":
		add("0-9", entryKeys(n))
	case "read_back":
		add("1", one(p.Right))
		add("2", one(p.Retype))
	case "confirm":
		add("1", one(p.Confirm))
		add("2", one(p.Decline))
	case "callback":
		add("1", one(p.CallbackYes))
		add("2", one(p.CallbackNo))
	case "rating":
		add("1-5", "rating")
	case "language":
		for _, c := range n.Language.Choices {
			add(c.Key, catalogWords(s.catalog, c.Language, c.Say))
		}
	}
	return parts
}

// entryKeys says what is to be typed, in the words of the menu's file.
func entryKeys(n *tree.Node) string {
	if n.Collect == nil {
		return "service password, # ends it"
	}
	c := n.Collect
	text := fmt.Sprintf("%s, %d keys", c.Entry, c.Fewest)
	if c.Most != c.Fewest {
		text = fmt.Sprintf("%s, %d to %d keys", c.Entry, c.Fewest, c.Most)
	}
	if c.Entry.Star() {
		text += ", * is part of it"
	}
	if c.Terminator != "" {
		text += ", " + c.Terminator + " ends it"
	}
	return text
}

// ear plays what is said on this machine, or gathers it for a file. The nil ear
// hears nothing.
type ear struct {
	begin   func() (context.Context, context.CancelFunc)
	catalog *prompts.Catalog // with recordings
	file    string           // to write; "" to play
	patient bool             // each announcement is heard to its end
	said    []prompts.Fragment
	stop    context.CancelFunc
	ended   chan error // of what is being played; nil for nothing
	failed  error      // nothing can be played here
}

func newEar(begin func() (context.Context, context.CancelFunc), catalog *prompts.Catalog, hear string) *ear {
	e := &ear{begin: begin, catalog: catalog}
	if hear != playHere {
		e.file = hear
	}
	return e
}

// say begins an announcement.
func (e *ear) say(language string, refs []prompts.Ref) {
	if e == nil || e.failed != nil {
		return
	}
	said, err := e.catalog.Fragments(language, refs)
	if err != nil {
		e.failed = err
		return
	}
	if e.file != "" {
		e.said = append(e.said, said...)
		return
	}
	e.cut()
	ctx, stop := e.begin()
	ended := make(chan error, 1)
	e.stop, e.ended = stop, ended
	go func() { ended <- voice.Play(ctx, said) }()
	if e.patient {
		e.wait()
	}
}

// cut ends what is being played.
func (e *ear) cut() {
	if e == nil || e.ended == nil {
		return
	}
	e.stop()
	e.wait()
}

// wait waits until it has been heard, or has been cut.
func (e *ear) wait() {
	if err := <-e.ended; err != nil && !errors.Is(err, context.Canceled) {
		e.failed = fmt.Errorf("%w; --hear FILE.wav writes it into a file instead", err)
	}
	e.stop()
	e.ended = nil
}

// close ends the hearing: the last announcement is heard to its end, the file written.
func (e *ear) close() error {
	switch {
	case e == nil:
		return nil
	case e.file != "" && e.failed == nil:
		return writeWAV(e.file, e.said)
	case e.ended != nil:
		e.wait()
	}
	return e.failed
}
