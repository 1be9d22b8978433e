// Package transcript is the written form of a call: the caller's side as lines
// that begin with ">", the hotline's side as the lines between them. The same
// file is a test of a menu, a story to read, and what a violation is printed as.
//
//	> call
//	node main
//	app 1 opens undecided
//	play main.welcome label.1 menu.press key.1
//	> press 1
//	stop
//	…
//
// It refuses to decide anything: it feeds a menu.Machine and writes down what it says.
package transcript

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"hotline/internal/menu"
	"hotline/internal/menu/tree"
	"hotline/internal/orders"
)

// Player feeds the lines of a caller's side to a Machine. It knows which
// announcement, timer and task are under way, so that the lines need no IDs.
type Player struct {
	Machine *menu.Machine
	Outside menu.Seen // what a Look is answered with; its ID does not matter

	tree    *tree.Tree
	play    menu.ID
	timer   menu.ID
	task    menu.ID // of the Desk
	profile menu.ID // the question who the caller is
	move    menu.ID // the transfer
}

// New begins a call on the tree; its first line is "> call".
func New(tree *tree.Tree) *Player {
	return &Player{Machine: menu.New(tree), Outside: menu.Seen{At: workday}, tree: tree}
}

// workday is when transcripts take place that do not say so: a Monday morning.
var workday = time.Date(2026, 10, 12, 10, 0, 0, 0, time.UTC)

// Clone copies the call as it stands.
func (p *Player) Clone() *Player {
	c := *p
	c.Machine = p.Machine.Clone()
	return &c
}

// Playing tells whether an announcement is under way; Waiting, whether a task is.
func (p *Player) Playing() bool { return p.play != 0 }

// Waiting tells whether the Desk, or a transfer, is being waited for.
func (p *Player) Waiting() bool { return p.task != 0 || p.move != 0 }

// Asking tells whether the question who the caller is has no answer yet: "> profile".
func (p *Player) Asking() bool { return p.profile != 0 }

// Timing tells whether a timer runs: "> silence" lets it run down.
func (p *Player) Timing() bool { return p.timer != 0 }

// Step gives one event to the Machine and remembers what is under way after it. A
// look outside is answered at once. The effects are good until the next Step.
func (p *Player) Step(e menu.Event) []menu.Effect {
	switch e := e.(type) {
	case menu.Played:
		over(&p.play, e.ID)
	case menu.Elapsed:
		over(&p.timer, e.ID)
	case menu.Answered:
		over(&p.task, e.ID)
		over(&p.profile, e.ID)
	case menu.Returned:
		over(&p.move, e.ID)
	case menu.Closing:
		p.task, p.move = 0, 0 // the answer is the Desk's affair from here on
	}
	effects := p.Machine.Step(e)
	for _, e := range effects {
		p.follow(e)
	}
	if n := len(effects); n > 0 {
		if look, ok := effects[n-1].(menu.Look); ok {
			seen := p.Outside
			seen.ID = look.ID
			return append(slices.Clone(effects), p.Step(seen)...)
		}
	}
	return effects
}

// follow remembers what an effect has begun or ended.
func (p *Player) follow(e menu.Effect) {
	switch e := e.(type) {
	case menu.Play:
		p.play, p.timer = e.ID, 0
	case menu.StopPlay:
		p.play = 0
	case menu.SetTimer:
		p.timer = e.ID
	case menu.Submit:
		p.task = e.ID
	case menu.Ask:
		if e.App == 0 {
			p.profile = e.ID
		} else {
			p.task = e.ID
		}
	case menu.Verify:
		p.task = e.ID
	case menu.Transfer:
		p.move = e.ID
	case menu.End:
		p.play, p.timer, p.task, p.profile, p.move = 0, 0, 0, 0, 0
	}
}

// over ends what is under way, if it is this one.
func over(what *menu.ID, id menu.ID) {
	if *what == id {
		*what = 0
	}
}

// Syntax lists the lines of a caller's side, for help and for errors.
const Syntax = `> call                     the call is answered; "> call en": the caller chose English in an
                           earlier call; "> call anonymous": the number is not known
> resumed main 3 3011 app=1 told=unknown
                           instead: the server of a call that had come to these nodes has died,
                           and another goes on; app= is the application that was open, told= what
                           came of the last node's function; wrong=2 passwords, verified, language=en
> press 3 1 *              keys; "> press 1 at 2 400ms 35%": when Ref 2 (from 0) had been
                           said for 400 ms and 35 % of the announcement had been heard
> played   > failed        the announcement comes to its end, or cannot be played
> silence                  nothing is pressed until the timer runs down
> committed                the order's intent is stored
> answer success/confirmed balance=money:5850 state=word:open
                           what the BOSS says to an order, a query or a password
> profile success/confirmed brand=word:全球通 star=count:5
                           what the BOSS says of the caller
> seen closed notice=notice.upgrade price=6.00 at=2026-10-01T09:30
                           from here on: the service is closed (or open), a notice, what the
                           BOSS asks for a service a month (or unknown), the time
> refused                  nobody answers a transfer
> returned   > returned 301   the person is done; or sends the caller to a node
> transferred              the call ends with the person
> hangup   > timeout   > lost   > stopping
                           the caller hangs up, the call's limit, the switch, the server`

// Events turns a line (without ">") into the events that it stands for now. An
// error says what is wrong with the line.
func (p *Player) Events(line string) ([]menu.Event, error) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return nil, fmt.Errorf("an empty line; one of:\n%s", Syntax)
	}
	switch words[0] {
	case "call":
		return []menu.Event{started(words[1:])}, nil
	case "resumed":
		e, err := p.resumed(words[1:])
		return []menu.Event{e}, err
	case "press":
		return p.keys(words[1:])
	case "played":
		return []menu.Event{menu.Played{ID: p.play, Heard: menu.Heard{Play: p.play, Ref: 1 << 20, Percent: 100}}}, nil
	case "failed":
		return []menu.Event{menu.Played{ID: p.play, Failed: true}}, nil
	case "silence":
		if p.play != 0 {
			return nil, fmt.Errorf("an announcement is being said; write \"> played\" before \"> silence\"")
		}
		if p.timer == 0 {
			return nil, fmt.Errorf("no timer runs")
		}
		return []menu.Event{menu.Elapsed{ID: p.timer}}, nil
	case "committed":
		return []menu.Event{menu.Committed{ID: p.task, Order: "order"}}, nil
	case "answer":
		a, err := answer(words[1:])
		return []menu.Event{menu.Answered{ID: p.task, Answer: a}}, err
	case "profile":
		a, err := answer(words[1:])
		return []menu.Event{menu.Answered{ID: p.profile, Answer: a}}, err
	case "seen":
		return nil, p.see(words[1:])
	case "refused":
		return []menu.Event{menu.Returned{ID: p.move}}, nil
	case "returned":
		return []menu.Event{menu.Returned{ID: p.move, Reached: true, Node: strings.Join(words[1:], " ")}}, nil
	case "transferred":
		return []menu.Event{menu.Left{Why: menu.ByTransfer}}, nil
	case "stopping":
		return []menu.Event{menu.Closing{Heard: p.heard(nil)}}, nil
	}
	why, ok := map[string]menu.Leaving{"hangup": menu.ByCaller, "timeout": menu.ByTimeout, "lost": menu.BySwitch}[words[0]]
	if !ok {
		return nil, fmt.Errorf("no such line %q; one of:\n%s", line, Syntax)
	}
	at, err := position(words[1:])
	return []menu.Event{menu.Left{Why: why, Heard: p.heard(at)}}, err
}

func started(words []string) menu.Started {
	var e menu.Started
	for _, w := range words {
		if w == "anonymous" {
			e.Anonymous = true
		} else {
			e.Language = w
		}
	}
	return e
}

// resumed reads what is on record of a call. What the open application is about is what
// the last of its nodes is.
func (p *Player) resumed(words []string) (menu.Resumed, error) {
	e := menu.Resumed{Last: 100}
	for _, w := range words {
		name, value, option := strings.Cut(w, "=")
		n, err := strconv.Atoi(value)
		switch {
		case w == "verified":
			e.Verified = true
		case !option:
			e.Nodes = append(e.Nodes, w)
		case name == "language":
			e.Language = value
		case name == "told":
			outcome, detail, _ := strings.Cut(value, "/")
			e.Told = orders.Result{Outcome: orders.Outcome(outcome), Detail: orders.Detail(detail)}
		case name == "app" && err == nil:
			e.Apps, e.Open.App = menu.App(n), menu.App(n)
		case name == "wrong" && err == nil:
			e.Wrong = n
		default:
			return e, fmt.Errorf("%q is no node, app=N, told=RESULT, wrong=N, verified or language=LANGUAGE", w)
		}
	}
	if e.Open.App != 0 && len(e.Nodes) > 0 {
		e.Open.Function = p.about(e.Nodes[len(e.Nodes)-1])
	}
	return e, nil
}

func (p *Player) about(node string) tree.Function {
	if n := p.tree.Nodes[node]; n != nil && n.Serves != nil {
		return *n.Serves
	}
	return tree.Function{Kind: orders.KindHandling}
}

// see reads how things stand outside: "open", "closed", "notice=ID", "at=TIME".
func (p *Player) see(words []string) error {
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		switch name {
		case "open", "closed":
			p.Outside.Closed = name == "closed"
		case "notice":
			p.Outside.Notice = value
		case "price":
			if err := p.price(value); err != nil {
				return err
			}
		case "at":
			at, err := time.Parse("2006-01-02T15:04", value)
			if err != nil {
				return fmt.Errorf("%q is no time such as 2026-10-01T09:30", value)
			}
			p.Outside.At = at
		default:
			return fmt.Errorf("%q is not open, closed, notice=PROMPT, price=YUAN or at=TIME", w)
		}
	}
	return nil
}

// price is what the BOSS asks from here on: "6.00", or "unknown".
func (p *Player) price(value string) error {
	if value == "unknown" {
		p.Outside.Price, p.Outside.Priced = 0, false
		return nil
	}
	yuan, fen, dot := strings.Cut(value, ".")
	n, err := strconv.ParseUint(yuan+fen, 10, 32)
	if err != nil || !dot || len(fen) != 2 {
		return fmt.Errorf("%q is no price such as 6.00, nor unknown", value)
	}
	p.Outside.Price, p.Outside.Priced = orders.Money(n), true
	return nil
}

func (p *Player) heard(at *menu.Heard) menu.Heard {
	if p.play == 0 {
		return menu.Heard{}
	}
	h := menu.Heard{Play: p.play}
	if at != nil {
		h.Ref, h.MS, h.Percent = at.Ref, at.MS, at.Percent
	}
	return h
}

func (p *Player) keys(words []string) ([]menu.Event, error) {
	var events []menu.Event
	for i, w := range words {
		if w == "at" {
			at, err := position(words[i:])
			if err != nil {
				return nil, err
			}
			if len(events) == 0 {
				break
			}
			first := events[0].(menu.Pressed)
			first.Heard = p.heard(at)
			events[0] = first
			return events, nil
		}
		for k := range len(w) {
			if !strings.ContainsRune("0123456789*#ABCD", rune(w[k])) {
				return nil, fmt.Errorf("%q is no DTMF key (0-9 * # A-D)", w[k:k+1])
			}
			events = append(events, menu.Pressed{Key: w[k], Heard: p.heard(nil)})
		}
	}
	if len(events) == 0 {
		return nil, fmt.Errorf("which key? e.g. \"> press 1\"")
	}
	return events, nil
}

// position reads "at 2 400ms 35%": Ref, milliseconds of it, percent of all.
func position(words []string) (*menu.Heard, error) {
	if len(words) == 0 {
		return nil, nil
	}
	var h menu.Heard
	if _, err := fmt.Sscanf(strings.Join(words, " "), "at %d %dms %d%%", &h.Ref, &h.MS, &h.Percent); err != nil {
		return nil, fmt.Errorf("%q is not \"at REF MSms PERCENT%%\"", strings.Join(words, " "))
	}
	return &h, nil
}

// answer reads "success/confirmed balance=money:5850 state=word:open".
func answer(words []string) (orders.Answer, error) {
	if len(words) == 0 {
		return orders.Answer{}, fmt.Errorf("which answer? e.g. \"> answer success/confirmed\"")
	}
	outcome, detail, _ := strings.Cut(words[0], "/")
	a := orders.Answer{Result: orders.Result{Outcome: orders.Outcome(outcome), Detail: orders.Detail(detail)}}
	for _, w := range words[1:] {
		name, typed, ok := strings.Cut(w, "=")
		kind, text, ok2 := strings.Cut(typed, ":")
		v := orders.Value{Kind: orders.ValueKind(kind)}
		var err error
		if v.Kind.Worded() {
			v.Word = text
		} else {
			v.Number, err = strconv.ParseInt(text, 10, 64)
		}
		if !ok || !ok2 || err != nil {
			return a, fmt.Errorf("%q is not NAME=money:FEN, NAME=count:N, NAME=date:YYYYMMDD, NAME=month:YYYYMM, NAME=time:HHMM, NAME=code:0571, NAME=phone:13800000001, NAME=word:WORD or NAME=list:A,B", w)
		}
		if a.Values == nil {
			a.Values = map[string]orders.Value{}
		}
		a.Values[name] = v
	}
	return a, nil
}
