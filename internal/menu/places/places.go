// Package places says where in a menu each prompt is said: in which announcement of
// which node, with what before and after it, and which keys lead there. Whoever
// records "please press" has to know that a key follows.
//
//	keys 3 1 · node 301 · "…【开通】请按 一 关闭 请按 二 …"
//
// The announcements are those of menu.Machine, laid out without playing a call; a
// test holds them to what the machine says in the transcripts of the shipped hotline.
//
// It refuses to put anything into words, and to tell what a menu does not say itself:
// the dialplan's own announcements, and the notices that ops put before a service.
package places

import (
	"maps"
	"slices"

	"hotline/internal/menu/tree"
	"hotline/internal/orders"
	"hotline/internal/orders/entry"
	"hotline/internal/prompts"
)

// Announcement is what is said in one go.
type Announcement struct {
	Menu  string
	Node  string // "" for what may be said anywhere
	Keys  string // from the first menu: "3 1 1", an entry as "<month>"; "" is the first menu itself
	Aside bool   // no key leads there: callers are sent, or it may be said anywhere
	Code  string // the speed-dial code: "3011"; "" for none
	Parts []Part
}

// Part is a piece of an announcement.
type Part struct {
	As   Role
	Said []prompts.Ref // which prompt it is; of several, one of them, as the call goes
	Read prompts.Reading
}

// Role is what a piece of an announcement is there for. The set is closed.
type Role string

// The roles.
const (
	Greeting Role = "greeting" // at the first visit only
	Intro    Role = "intro"    // before the options
	Option   Role = "option"   // the label of an option
	Press    Role = "press"    // "please press"
	Key      Role = "key"      // the name of a key
	Hint     Role = "hint"     // behind the options
	Question Role = "question" // what is to be typed
	Error    Role = "error"    // what was wrong with a key or an entry
	GaveUp   Role = "gave_up"  // the attempts are used up
	Wait     Role = "wait"     // the BOSS is being asked
	Confirm  Role = "confirm"  // what is about to be ordered, or has been typed
	Answer   Role = "answer"   // of the BOSS to a query
	Value    Role = "value"    // a number, an amount, a date
	Result   Role = "result"   // what came of it
	Person   Role = "person"   // on the way to one
	Announce Role = "announce" // something to be told
	Goodbye  Role = "goodbye"
)

// In lists the announcements of a tree: those of its nodes in the order of their keys
// and names, then those that may be said anywhere.
func In(t *tree.Tree) []Announcement {
	ways := keys(t)
	codes := map[string]string{}
	for _, code := range slices.Backward(slices.Sorted(maps.Keys(t.Codes))) {
		codes[t.Codes[code]] = code
	}
	var all []Announcement
	for _, id := range inOrder(t, ways) {
		w := writer{tree: t, node: t.Nodes[id], at: Announcement{Menu: t.Name, Node: id, Keys: ways[id].keys, Code: codes[id]}}
		_, reached := ways[id]
		w.at.Aside = !reached
		w.write()
		all = append(all, w.all...)
	}
	w := writer{tree: t, node: &tree.Node{}, at: Announcement{Menu: t.Name, Aside: true}}
	w.say(part(Goodbye, t.Phrases.Goodbye))
	w.say(part(Announce, t.Phrases.Stopping))
	w.say(part(Announce, t.Phrases.Resumed))
	return append(all, w.all...)
}

// writer lays out the announcements of one node, as menu.Machine composes them.
type writer struct {
	tree *tree.Tree
	node *tree.Node
	at   Announcement // without Parts
	all  []Announcement
}

// say adds an announcement; what a menu has no prompt for is left out of it.
func (w *writer) say(parts ...[]Part) {
	a := w.at
	for _, p := range slices.Concat(parts...) {
		p.Said = slices.DeleteFunc(slices.Clone(p.Said), func(r prompts.Ref) bool { return r.ID == "" })
		if len(p.Said) > 0 || p.Read != prompts.Say {
			a.Parts = append(a.Parts, p)
		}
	}
	if len(a.Parts) > 0 {
		w.all = append(w.all, a)
	}
}

func part(as Role, refs ...prompts.Ref) []Part {
	parts := make([]Part, len(refs))
	for i, r := range refs {
		parts[i] = Part{As: as, Said: []prompts.Ref{r}}
	}
	return parts
}

// value is something that is read aloud.
func value(how prompts.Reading) []Part { return []Part{{As: Value, Read: how}} }

// write adds everything that is said in the node.
func (w *writer) write() {
	p, n := &w.tree.Phrases, w.node
	if n.Serves != nil && (n.Serves.Kind == orders.KindOrder || n.Serves.Kind == orders.KindQuery || n.Serves.Kind == orders.KindPassword) {
		w.say(part(Result, p.ServiceClosed))
	}
	if f := n.Serves; f != nil && f.Kind == orders.KindOrder && f.Action == orders.Open && p.PriceDiffers != (prompts.Ref{}) {
		w.say(part(Result, p.PriceDiffers))
	}
	if (n.Serves != nil && !n.Anyone || n.Auth != nil) && p.NoNumber != (prompts.Ref{}) {
		w.say(part(Result, p.NoNumber))
	}
	switch {
	case n.Menu != nil:
		w.menu()
	case n.Say != nil:
		w.say(part(Announce, n.Say.Refs...))
	case n.Collect != nil:
		w.collect()
	case n.Auth != nil:
		w.auth()
	case n.Order != nil:
		w.order()
	case n.Query != nil:
		w.query()
	case n.Switch != nil && (n.Switch.On == tree.ByBrand || n.Switch.On == tree.ByStar):
		w.waits()
	case n.Transfer != nil:
		w.transfer()
	case n.Survey != nil:
		w.question(part(Question, n.Survey.Say...), nil, false)
		w.say(part(Result, p.Thanks))
	case n.Language != nil:
		w.language()
	case n.Hangup != nil:
		w.say(part(Goodbye, n.Hangup.Say...))
	}
}

// press names the key of what was said before.
func (w *writer) press(key string) []Part {
	return slices.Concat(part(Press, w.tree.Phrases.Press), part(Key, tree.KeyRef(key)))
}

// yesNo offers two things, with their keys.
func (w *writer) yesNo(yes, no prompts.Ref) []Part {
	return slices.Concat(part(Option, yes), w.press("1"), part(Option, no), w.press("2"))
}

// question adds what is asked, and asked again after each error: those that every
// question may meet, and the entry's own. gives tells whether who does not answer
// it is given up.
func (w *writer) question(asked []Part, wrong []prompts.Ref, gives bool) {
	again := asked
	if len(w.node.Again) > 0 {
		again = part(Question, w.node.Again...)
	}
	w.say(asked)
	w.wrong(again, wrong, gives)
}

// wrong adds the errors of a question, each before the question again.
func (w *writer) wrong(again []Part, wrong []prompts.Ref, gives bool) {
	p, n := &w.tree.Phrases, w.node
	own := func(own, phrases []prompts.Ref) []prompts.Ref {
		if len(own) > 0 {
			return own
		}
		return phrases
	}
	for _, e := range slices.Concat(own(n.NoInput, p.NoInput), own(n.Invalid, p.Invalid), wrong) {
		w.say(part(Error, e), again)
	}
	if gives {
		w.say(part(GaveUp, p.GaveUp))
	}
}

func (w *writer) menu() {
	m := w.node.Menu
	var wrong []prompts.Ref
	if w.tree.SpeedDial != "" && w.node.ID == w.tree.Start {
		wrong = []prompts.Ref{w.tree.Phrases.UnknownCode}
	}
	said := part(Intro, m.Intro...)
	for _, o := range m.Options {
		if !o.Quiet {
			said = slices.Concat(said, part(Option, o.Label...), w.press(o.Key))
		}
	}
	said = append(said, part(Hint, m.Hint...)...)
	if len(m.Greeting) > 0 {
		w.say(part(Greeting, m.Greeting...), said)
	}
	w.question(said, wrong, true)
}

// readAs is how entries are read back; what is not in it is secret.
var readAs = map[entry.Kind]prompts.Reading{
	entry.Amount: prompts.Money, entry.Month: prompts.Month, entry.Digits: prompts.Digits, entry.Phone: prompts.Phone,
}

func (w *writer) collect() {
	p, c := &w.tree.Phrases, w.node.Collect
	wrong := []prompts.Ref{p.TooShort, p.TooLong, p.Malformed[c.Entry]}
	if c.SameAs != "" {
		wrong = append(wrong, p.Mismatch)
	}
	w.question(part(Question, c.Say...), wrong, true)
	how := readAs[c.Entry]
	if !c.ReadBack || how == prompts.Say {
		return
	}
	asked := slices.Concat(part(Confirm, p.EntryIs), value(how), w.yesNo(p.Right, p.Retype))
	w.say(asked)
	w.wrong(asked, nil, true) // other words for the entry are none for this
}

func (w *writer) auth() {
	p, n := &w.tree.Phrases, w.node
	asked := n.Auth.Say
	if len(asked) == 0 {
		asked = []prompts.Ref{p.EnterPassword}
	}
	refused := p.Results[orders.Result{Outcome: orders.AuthFailed, Detail: orders.WrongPassword}]
	w.question(part(Question, asked...), []prompts.Ref{p.TooShort, p.TooLong, refused}, true)
	w.waits()
	w.say(part(Result, p.PasswordGaveUp))
	w.results()
}

// waits adds what is said while the BOSS is asked.
func (w *writer) waits() {
	p := &w.tree.Phrases
	for _, r := range []prompts.Ref{p.Wait, p.WaitStill, p.WaitSorry} {
		w.say(part(Wait, r))
	}
}

// results adds what came of a node in the end, other than success.
func (w *writer) results() {
	p, n := &w.tree.Phrases, w.node
	query := n.Query != nil || n.Serves != nil && n.Serves.Kind == orders.KindQuery
	for _, r := range orders.Results() {
		said := p.Results[r]
		switch failed := p.Failed[r.Detail]; {
		case r.Outcome == orders.Success, r.Outcome == orders.Unknown && n.Order == nil: // see told in menu
			continue
		case query && r.Outcome == orders.SystemFailed || query && failed.ID != "":
			said = failed
		}
		w.say(part(Result, said))
	}
}

func (w *writer) order() {
	p, o := &w.tree.Phrases, w.node.Order
	if s := w.tree.Services[o.Service]; o.Confirm && s != nil {
		will := p.WillOpen
		if o.Action == orders.Close {
			will = p.WillClose
		}
		said := part(Confirm, will, s.Say)
		if o.Action == orders.Open && s.Price > 0 { // closing costs nothing
			said = slices.Concat(said, part(Confirm, p.Price), value(prompts.Money))
		}
		w.question(slices.Concat(said, w.yesNo(p.Confirm, p.Decline)), nil, true)
		w.say(part(Result, p.Cancelled))
	}
	w.waits()
	w.say(part(Result, p.Done[o.Action]))
	w.results()
}

func (w *writer) query() {
	var said []Part
	for _, a := range w.node.Query.Answer {
		switch {
		case a.Value == "":
			said = append(said, part(Answer, a.Ref)...)
		case a.Services:
			one := Part{As: Answer, Said: []prompts.Ref{a.Ref}}
			for _, id := range slices.Sorted(maps.Keys(w.tree.Services)) {
				one.Said = append(one.Said, w.tree.Services[id].Say)
			}
			said = append(said, one)
		case a.Words != nil:
			one := Part{As: Answer}
			for _, word := range slices.Sorted(maps.Keys(a.Words)) {
				one.Said = append(one.Said, a.Words[word])
			}
			said = append(said, one)
		default:
			said = append(said, value(a.Ref.Read)...)
		}
	}
	w.waits()
	w.say(said)
	w.results()
}

func (w *writer) transfer() {
	p, t := &w.tree.Phrases, w.node.Transfer
	said := t.Say
	if len(said) == 0 {
		said = []prompts.Ref{p.Transfer}
	}
	w.say(part(Person, said...))
	why := []prompts.Ref{p.NoAgent}
	if t.Hours != "" {
		why = append(why, p.OutsideHours)
	}
	for _, r := range why {
		if t.Callback {
			w.question(slices.Concat(part(Person, r, p.CallbackOffer), w.yesNo(p.CallbackYes, p.CallbackNo)), nil, false)
		}
		w.say(part(Person, r)) // to one whose number is hidden, nobody can call back
	}
	if t.Callback {
		w.question(slices.Concat(part(Person, p.CallbackOffer), w.yesNo(p.CallbackYes, p.CallbackNo)), nil, false)
		w.say(part(Result, p.CallbackDone))
	}
}

func (w *writer) language() {
	var said []Part
	for _, c := range w.node.Language.Choices {
		offer := slices.Concat(part(Option, c.Say...), w.press(c.Key))
		for i := range offer {
			offer[i].Said = slices.Clone(offer[i].Said)
			offer[i].Said[0].In = c.Language
		}
		said = append(said, offer...)
	}
	if w.node.Language.Set == "" {
		w.question(said, nil, false)
	}
	w.say(part(Result, w.tree.Phrases.LanguageSet))
}
