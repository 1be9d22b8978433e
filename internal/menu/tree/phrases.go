package tree

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"hotline/internal/orders"
	"hotline/internal/orders/entry"
	"hotline/internal/prompts"
	"hotline/internal/source"
)

// Phrases are what the engine itself says. Every cause of an error has a sentence
// of its own; those with several Refs say a further attempt differently.
type Phrases struct {
	Press prompts.Ref // between an option's label and its key

	NoInput, Invalid []prompts.Ref // by attempt
	GaveUp           prompts.Ref   // attempts used up, before the goodbye
	UnknownCode      prompts.Ref   // a speed-dial code that is none
	Goodbye          prompts.Ref   // the key that ends the call

	Wait      prompts.Ref // the BOSS has been asked
	WaitStill prompts.Ref // every 15 s of waiting
	WaitSorry prompts.Ref // after more than 30 s
	Stopping  prompts.Ref // the server must stop
	Resumed   prompts.Ref // the call was interrupted and goes on; zero: it goes on without a word

	// A confirmation: action, service, price, keys.
	WillOpen, WillClose, Price, Confirm, Decline, Cancelled prompts.Ref

	// Entries: what is wrong with one, by kind and fault; reading back.
	TooShort, TooLong      prompts.Ref
	Malformed              map[entry.Kind]prompts.Ref // of amount, month, phone, id_card
	Mismatch               prompts.Ref                // not the same as before
	EntryIs, Right, Retype prompts.Ref                // "you typed …", "right", "type again"

	// The service password.
	EnterPassword, PasswordGaveUp prompts.Ref // PasswordGaveUp: three wrong ones in one call

	Done    map[orders.Action]prompts.Ref // an order's success: open, close, apply, change, reset
	Results map[orders.Result]prompts.Ref // every other result of an order or an auth
	Failed  map[orders.Detail]prompts.Ref // system_failed or rejected of a query

	ServiceClosed prompts.Ref // by ops, for now
	NoNumber      prompts.Ref // the caller's number is not known, so nothing about it can be done; may be missing
	PriceDiffers  prompts.Ref // the BOSS asks another price than callers are told; may be missing
	OutsideHours  prompts.Ref
	Transfer      prompts.Ref // before a transfer
	NoAgent       prompts.Ref // nobody answers
	CallbackOffer prompts.Ref // "shall we call back": yes 1, no 2
	CallbackYes   prompts.Ref
	CallbackNo    prompts.Ref
	CallbackDone  prompts.Ref // noted
	Thanks        prompts.Ref // for a rating
	LanguageSet   prompts.Ref // said in the new language
}

// cause is one phrase by the name that menus give it: what it is for, what makes a
// menu need it, how it is kept.
type cause struct {
	name, doc string
	when      need
	byAttempt bool // a list says a further attempt differently
	keep      func(prompts.Ref)
}

// need is what makes a menu need a phrase: a node that does something, or (of the
// menu as a whole) whatever tree tells. The zero need is that of every menu.
type need struct {
	what string // that the node does, for the message
	node func(*Node) bool
	tree func(*Tree) bool
}

var (
	tasks     = need{what: "asks the BOSS", node: func(n *Node) bool { return n.Order != nil || n.Query != nil || n.Auth != nil || n.profile() }}
	results   = need{what: "has a result of the BOSS to tell", node: func(n *Node) bool { return n.Order != nil || n.Query != nil || n.Auth != nil }}
	business  = need{what: "is about a service or a query, which may be closed for now", node: func(n *Node) bool { return n.Order != nil || n.Query != nil }}
	queries   = need{what: "asks for something that may fail", node: func(n *Node) bool { return n.Query != nil || n.Auth != nil }}
	refusals  = need{what: "asks for something that may be refused", node: func(n *Node) bool { return n.Query != nil }}
	confirms  = need{what: "has an order confirmed", node: func(n *Node) bool { return n.Order != nil && n.Order.Confirm }}
	passwords = need{what: "needs the service password", node: func(n *Node) bool { return n.Auth != nil || n.Order != nil && n.Order.aboutPassword() }}
	auths     = need{what: "asks for the service password", node: func(n *Node) bool { return n.Auth != nil }}
	entries   = need{what: "asks for an entry", node: func(n *Node) bool { return n.Auth != nil || n.Collect != nil }}
	readBacks = need{what: "reads an entry back", node: func(n *Node) bool { return n.Collect != nil && n.Collect.ReadBack }}
	repeated  = need{what: "asks for the same again", node: func(n *Node) bool { return n.Collect != nil && n.Collect.SameAs != "" }}
	transfers = need{what: "is a transfer", node: func(n *Node) bool { return n.Transfer != nil }}
	unsaid    = need{what: "is a transfer that says nothing itself", node: func(n *Node) bool { return n.Transfer != nil && len(n.Transfer.Say) == 0 }}
	hours     = need{what: "has hours", node: func(n *Node) bool { return n.Transfer != nil && n.Transfer.Hours != "" }}
	callbacks = need{what: "offers to call back", node: func(n *Node) bool { return n.Transfer != nil && n.Transfer.Callback }}
	surveys   = need{what: "asks for a rating", node: func(n *Node) bool { return n.Survey != nil }}
	languages = need{what: "changes the language", node: func(n *Node) bool { return n.Language != nil }}
	codes     = need{what: "'speed_dial' needs it", tree: func(t *Tree) bool { return t.SpeedDial != "" }}
	goodbyes  = need{what: "a key that ends the call needs it", tree: func(t *Tree) bool {
		return slices.Contains(slices.Collect(maps.Values(t.Keys)), Bye)
	}}
	// A version that was published before there was the phrase must still load.
	wishes = need{what: "says it if it has it", tree: func(*Tree) bool { return false }}
)

// ordered is the need of orders with this action, confirmed or not.
func ordered(a orders.Action, confirmed bool) need {
	return need{what: "is an order to " + string(a), node: func(n *Node) bool {
		return n.Order != nil && n.Order.Action == a && (n.Order.Confirm || !confirmed)
	}}
}

// typed is the need of entries of a kind.
func typed(k entry.Kind) need {
	return need{what: "asks for an entry of kind " + string(k), node: func(n *Node) bool { return n.Collect != nil && n.Collect.Entry == k }}
}

// profile tells whether a node has to know who the caller is.
func (n *Node) profile() bool {
	return n.Switch != nil && (n.Switch.On == ByBrand || n.Switch.On == ByStar) || n.Transfer != nil && n.Transfer.Priority
}

// causes lists every phrase, in the order of their names.
func (p *Phrases) causes() []cause {
	p.Malformed, p.Done = map[entry.Kind]prompts.Ref{}, map[orders.Action]prompts.Ref{}
	p.Results, p.Failed = map[orders.Result]prompts.Ref{}, map[orders.Detail]prompts.Ref{}
	one := func(to *prompts.Ref) func(prompts.Ref) { return func(r prompts.Ref) { *to = r } }
	all := []cause{
		{"press", "between an option's label and its key", need{}, false, one(&p.Press)},
		{"no_input", "nothing was pressed; a list goes by attempt", need{}, true, func(r prompts.Ref) { p.NoInput = append(p.NoInput, r) }},
		{"invalid", "a key that means nothing; a list goes by attempt", need{}, true, func(r prompts.Ref) { p.Invalid = append(p.Invalid, r) }},
		{"gave_up", "the attempts are used up; before the goodbye", need{}, false, one(&p.GaveUp)},
		{"stopping", "the server must stop", need{}, false, one(&p.Stopping)},
		{"resumed", "after an interruption by a fault of ours, before the call goes on; without it the call goes on without a word", wishes, false, one(&p.Resumed)},
		{"unknown_code", "a speed-dial code that is none", codes, false, one(&p.UnknownCode)},
		{"goodbye", "the key that ends the call", goodbyes, false, one(&p.Goodbye)},
		{"wait", "the BOSS has been asked", tasks, false, one(&p.Wait)},
		{"wait_still", "every 15 seconds of waiting", tasks, false, one(&p.WaitStill)},
		{"wait_sorry", "after more than 30 seconds", tasks, false, one(&p.WaitSorry)},
		{"will_open", "a confirmation begins: you will open", ordered(orders.Open, true), false, one(&p.WillOpen)},
		{"will_close", "a confirmation begins: you will close", ordered(orders.Close, true), false, one(&p.WillClose)},
		{"no_number", "the caller's number is withheld or not to be trusted, so nothing of his can be ordered or asked; without it ineligible is said", wishes, false, one(&p.NoNumber)},
		{"price_differs", "the BOSS asks another price than callers are told, so that nothing is ordered; without it service_closed is said", wishes, false, one(&p.PriceDiffers)},
		{"price", "before the price a month", ordered(orders.Open, true), false, one(&p.Price)},
		{"confirm", "to confirm (press 1)", confirms, false, one(&p.Confirm)},
		{"decline", "to cancel (press 2)", confirms, false, one(&p.Decline)},
		{"cancelled", "the confirmation was declined", confirms, false, one(&p.Cancelled)},
		{"too_short", "an entry with too few digits", entries, false, one(&p.TooShort)},
		{"too_long", "an entry with too many digits", entries, false, one(&p.TooLong)},
		{"mismatch", "not the same as before", repeated, false, one(&p.Mismatch)},
		{"entry_is", "an entry is read back: you typed", readBacks, false, one(&p.EntryIs)},
		{"right", "if it is right (press 1)", readBacks, false, one(&p.Right)},
		{"retype", "to type it again (press 2)", readBacks, false, one(&p.Retype)},
		{"enter_password", "the question for the service password", auths, false, one(&p.EnterPassword)},
		{"password_gave_up", "three wrong passwords in one call", auths, false, one(&p.PasswordGaveUp)},
		{"opened", "the service is open now", ordered(orders.Open, false), false, func(r prompts.Ref) { p.Done[orders.Open] = r }},
		{"closed", "the service is closed now", ordered(orders.Close, false), false, func(r prompts.Ref) { p.Done[orders.Close] = r }},
		{"applied", "there is a service password now", ordered(orders.Apply, false), false, func(r prompts.Ref) { p.Done[orders.Apply] = r }},
		{"changed", "the service password has been changed", ordered(orders.Change, false), false, func(r prompts.Ref) { p.Done[orders.Change] = r }},
		{"reset", "the service password has been reset", ordered(orders.Reset, false), false, func(r prompts.Ref) { p.Done[orders.Reset] = r }},
		{"service_closed", "closed for callers by those who run the hotline, for now", business, false, one(&p.ServiceClosed)},
		{"outside_hours", "nobody is there at this time", hours, false, one(&p.OutsideHours)},
		{"transfer", "before a transfer", unsaid, false, one(&p.Transfer)},
		{"transfer_failed", "nobody answers", transfers, false, one(&p.NoAgent)},
		{"callback_offer", "shall we call back?", callbacks, false, one(&p.CallbackOffer)},
		{"callback_yes", "to be called back (press 1)", callbacks, false, one(&p.CallbackYes)},
		{"callback_no", "not to be called back (press 2)", callbacks, false, one(&p.CallbackNo)},
		{"callback_done", "the wish to be called back is noted", callbacks, false, one(&p.CallbackDone)},
		{"thanks", "for a rating", surveys, false, one(&p.Thanks)},
		{"language_set", "said in the new language", languages, false, one(&p.LanguageSet)},
	}
	for kind, what := range map[entry.Kind]string{entry.Amount: "amount", entry.Month: "month", entry.Phone: "telephone number", entry.IDCard: "identity number"} {
		all = append(all, cause{"bad_" + string(kind), "of the right length, and still no " + what, typed(kind), false, func(r prompts.Ref) { p.Malformed[kind] = r }})
	}
	for _, result := range orders.Results() {
		all = append(all, p.results(result)...)
	}
	slices.SortFunc(all, func(a, b cause) int { return strings.Compare(a.name, b.name) })
	return all
}

// results are the phrases for a result that the BOSS may give, in an order and in a query.
func (p *Phrases) results(result orders.Result) []cause {
	c := cause{string(result.Detail), "a result: " + result.String(), results, false, func(r prompts.Ref) { p.Results[result] = r }}
	switch result.Outcome {
	case orders.Rejected:
		if result.Detail == orders.Other {
			c.name = "rejected"
		}
		if result.Detail == orders.AlreadyOpen || result.Detail == orders.InsufficientBalance {
			break // a query changes nothing and costs nothing
		}
		return []cause{c, {"query_" + c.name, "of a query: " + result.String(), refusals, false, func(r prompts.Ref) { p.Failed[result.Detail] = r }}}
	case orders.AuthFailed:
		c.when = passwords
	case orders.SystemFailed:
		if result.Detail == orders.Media || result.Detail == orders.Switch {
			return nil // nobody is left to hear it
		}
		return []cause{c, {"query_" + c.name, "of a query: " + result.String(), queries, false, func(r prompts.Ref) { p.Failed[result.Detail] = r }}}
	case orders.Unknown:
		c.name = "unknown"
	default:
		return nil
	}
	return []cause{c}
}

// phrases reads what the engine itself says, from wherever in the files it stands;
// every phrase that this menu can come to say must be there. What it can never say may
// be there: files of phrases are shared between menus.
func (l *loader) phrases(root source.Node) {
	causes := l.tree.Phrases.causes()
	owner := map[prompts.Ref]string{}
	for _, n := range l.parts.phrases {
		for _, misspelt := range l.sayings(causes, owner).read(n) {
			l.said[misspelt] = n.Pos()
		}
	}
	at := root
	if len(l.parts.phrases) > 0 {
		at = l.parts.phrases[0]
	}
	ids := sorted(l.tree.Nodes)
	for _, c := range causes {
		if _, there := l.said[c.name]; there || l.lost {
			continue
		}
		if why, needed := l.tree.needs(c.when, ids); needed {
			at.Report("missing-phrase", "phrase %q is missing (%s): %s", c.name, c.doc, why)
		}
	}
}

// needs tells why a phrase is needed, if it is.
func (t *Tree) needs(w need, ids []string) (why string, needed bool) {
	switch {
	case w.tree != nil:
		return w.what, w.tree(t)
	case w.node == nil:
		return "every menu needs it", true
	}
	for _, id := range ids {
		if w.node(t.Nodes[id]) {
			return fmt.Sprintf("node %q %s", id, w.what), true
		}
	}
	return "", false
}

// sayings is the phrases as keys of a mapping. No two causes share a prompt.
func (l *loader) sayings(causes []cause, owner map[prompts.Ref]string) table {
	t := table{}
	for _, c := range causes {
		one := named("prompt", func(n source.Node) {
			ref := l.prompt(n)
			if other, taken := owner[ref]; taken && other != c.name && ref.ID != "" {
				n.Report("shared-prompt", "prompt %q is already said for %q; every cause has a prompt of its own", ref.ID, other)
			}
			owner[ref] = c.name
			c.keep(ref)
		})
		v := one
		if c.byAttempt {
			v = either(one, list(one, "one prompt"))
		}
		once := value{func(n source.Node) {
			if first, again := l.said[c.name]; again {
				n.Report("duplicate-key", "phrase %q stands in another file already (%s)", c.name, first)
				return
			}
			l.said[c.name] = n.Pos()
			if n.IsList() && !c.byAttempt {
				n.Report("type", "only no_input and invalid may differ by attempt; %q takes one prompt", c.name)
				return
			}
			v.read(n)
		}, v.is}
		t[c.name] = field{once, false, c.doc}
	}
	return t
}
