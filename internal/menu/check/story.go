package check

import (
	"slices"
	"strconv"
	"strings"

	"hotline/internal/menu"
	"hotline/internal/menu/transcript"
	"hotline/internal/menu/tree"
	"hotline/internal/orders"
	"hotline/internal/source"
)

// finding makes a violation a problem at its node, with the call that shows it.
func (x *explorer) finding(v violation) Finding {
	at := x.tree.Start
	if v.from != over && x.tree.Nodes[x.vertices[v.from].state.Node] != nil {
		at = x.vertices[v.from].state.Node
	}
	return Finding{
		Problem:    source.Problem{Pos: x.tree.Nodes[at].Pos, Message: v.message, Rule: v.rule},
		Transcript: x.story(v),
	}
}

// story writes the call of a violation as transcript.Run would: both sides, ready for
// "ivr sim --transcript". The call is played anew, by the numbers of what happens.
func (x *explorer) story(v violation) string {
	var numbers []int
	for i := v.from; i != over; i = x.vertices[i].from {
		numbers = append(numbers, x.vertices[i].nth)
	}
	slices.Reverse(numbers)
	if v.nth != nothing {
		numbers = append(numbers, v.nth)
	}
	s := story{tree: x.tree, call: x.start(), outside: transcript.New(x.tree).Outside}
	round := len(numbers)
	for i, n := range append(numbers, v.round...) {
		if i == round {
			s.text.WriteString(s.pending)
			s.pending = ""
			s.text.WriteString("# and from here on again and again:\n")
		}
		// What can happen is listed as it was in the exploration, with the IDs of this call.
		all := []happening{}
		if i == 0 {
			for _, e := range x.roots {
				all = append(all, happening{event: e})
			}
		} else {
			state := s.call.State()
			all = x.alphabet.in(&state, &s.watch)
		}
		// A circle is closed by states that are equal for the exploration, and may not be
		// equal in all: then the story ends where it differs.
		if n >= len(all) || !s.add(all[n].event) {
			break
		}
	}
	return s.text.String() + s.pending
}

// story is a call as it is being written down. What a look outside finds is written
// before the event that leads to the look, so that event is kept back.
type story struct {
	tree    *tree.Tree
	call    Call
	watch   watch
	outside menu.Seen // as the transcript has it so far: it holds until it is changed
	text    strings.Builder
	pending string
}

// add writes an event and what comes of it; false where the call breaks down.
func (s *story) add(e menu.Event) bool {
	if seen, ok := e.(menu.Seen); ok {
		s.look(seen)
	} else {
		s.text.WriteString(s.pending)
		s.pending = "> " + line(e, &s.watch) + "\n"
	}
	s.watch.event(e)
	effects, crash := step(s.call, e)
	for _, f := range effects {
		s.pending += transcript.Line(f) + "\n"
	}
	s.watch.effects(effects)
	if crash != "" {
		s.pending += "# " + crash + "\n"
	}
	return crash == ""
}

// look writes how things stand outside, where a transcript does not know it yet.
func (s *story) look(e menu.Seen) {
	var words []string
	if e.Closed != s.outside.Closed {
		words = append(words, map[bool]string{true: "closed", false: "open"}[e.Closed])
	}
	if e.Notice != s.outside.Notice {
		words = append(words, "notice="+e.Notice)
	}
	if e.Price != s.outside.Price || e.Priced != s.outside.Priced {
		words = append(words, "price="+map[bool]string{true: e.Price.String(), false: "unknown"}[e.Priced])
	}
	if !e.At.Equal(s.outside.At) {
		words = append(words, "at="+e.At.Format("2006-01-02T15:04"))
	}
	if len(words) > 0 {
		s.text.WriteString("> seen " + strings.Join(words, " ") + "\n")
	}
	s.outside = e
}

// line writes an event as the caller's line of a transcript.
func line(e menu.Event, w *watch) string {
	switch e := e.(type) {
	case menu.Pressed:
		return "press " + string(e.Key)
	case menu.Played:
		if e.Failed {
			return "failed"
		}
		return "played"
	case menu.Elapsed:
		return "silence"
	case menu.Committed:
		return "committed"
	case menu.Answered:
		if e.ID == w.profile {
			return "profile " + answered(e.Answer)
		}
		return "answer " + answered(e.Answer)
	case menu.Returned:
		if !e.Reached {
			return "refused"
		}
		return strings.TrimSpace("returned " + e.Node)
	case menu.Left:
		return map[menu.Leaving]string{menu.ByCaller: "hangup", menu.ByTimeout: "timeout", menu.BySwitch: "lost", menu.ByTransfer: "transferred"}[e.Why]
	case menu.Closing:
		return "stopping"
	case menu.Started:
		if e.Anonymous {
			return "call anonymous"
		}
	}
	return "call"
}

// answered writes an answer as "success/confirmed balance=money:5850".
func answered(a orders.Answer) string {
	words := []string{a.Result.String()}
	for _, name := range sortedKeys(a.Values) {
		v := a.Values[name]
		text := v.Word
		if !v.Kind.Worded() {
			text = strconv.FormatInt(v.Number, 10)
		}
		words = append(words, name+"="+string(v.Kind)+":"+text)
	}
	return strings.Join(words, " ")
}
