package tree

import (
	"slices"
	"strings"

	"hotline/internal/orders"
	"hotline/internal/orders/entry"
	"hotline/internal/prompts"
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
	Failed  map[orders.Detail]prompts.Ref // system_failed of a query

	ServiceClosed prompts.Ref // by ops, for now
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

// cause is one phrase by the name that menus give it, and how it is kept.
type cause struct {
	name      string
	byAttempt bool // a list says a further attempt differently
	keep      func(prompts.Ref)
}

// causes lists every phrase.
func (p *Phrases) causes() []cause {
	p.Malformed, p.Done = map[entry.Kind]prompts.Ref{}, map[orders.Action]prompts.Ref{}
	p.Results, p.Failed = map[orders.Result]prompts.Ref{}, map[orders.Detail]prompts.Ref{}
	all := []cause{
		{"no_input", true, func(r prompts.Ref) { p.NoInput = append(p.NoInput, r) }},
		{"invalid", true, func(r prompts.Ref) { p.Invalid = append(p.Invalid, r) }},
	}
	for name, ref := range map[string]*prompts.Ref{
		"press": &p.Press, "gave_up": &p.GaveUp, "unknown_code": &p.UnknownCode, "goodbye": &p.Goodbye,
		"wait": &p.Wait, "wait_still": &p.WaitStill, "wait_sorry": &p.WaitSorry, "stopping": &p.Stopping,
		"will_open": &p.WillOpen, "will_close": &p.WillClose, "price": &p.Price,
		"confirm": &p.Confirm, "decline": &p.Decline, "cancelled": &p.Cancelled,
		"too_short": &p.TooShort, "too_long": &p.TooLong, "mismatch": &p.Mismatch,
		"entry_is": &p.EntryIs, "right": &p.Right, "retype": &p.Retype,
		"enter_password": &p.EnterPassword, "password_gave_up": &p.PasswordGaveUp,
		"service_closed": &p.ServiceClosed, "outside_hours": &p.OutsideHours,
		"transfer": &p.Transfer, "transfer_failed": &p.NoAgent,
		"callback_offer": &p.CallbackOffer, "callback_yes": &p.CallbackYes, "callback_no": &p.CallbackNo, "callback_done": &p.CallbackDone,
		"thanks": &p.Thanks, "language_set": &p.LanguageSet,
	} {
		all = append(all, cause{name, false, func(r prompts.Ref) { *ref = r }})
	}
	for name, action := range map[string]orders.Action{
		"opened": orders.Open, "closed": orders.Close, "applied": orders.Apply, "changed": orders.Change, "reset": orders.Reset,
	} {
		all = append(all, cause{name, false, func(r prompts.Ref) { p.Done[action] = r }})
	}
	for _, kind := range []entry.Kind{entry.Amount, entry.Month, entry.Phone, entry.IDCard} {
		all = append(all, cause{"bad_" + string(kind), false, func(r prompts.Ref) { p.Malformed[kind] = r }})
	}
	for _, result := range orders.Results() {
		name := string(result.Detail)
		switch result.Outcome {
		case orders.Rejected, orders.AuthFailed:
			if result.Detail == orders.Other {
				name = "rejected"
			}
		case orders.SystemFailed:
			if result.Detail == orders.Media || result.Detail == orders.Switch {
				continue // nobody is left to hear it
			}
			all = append(all, cause{"query_" + name, false, func(r prompts.Ref) { p.Failed[result.Detail] = r }})
		case orders.Unknown:
			name = "unknown"
		default:
			continue
		}
		all = append(all, cause{name, false, func(r prompts.Ref) { p.Results[result] = r }})
	}
	slices.SortFunc(all, func(a, b cause) int { return strings.Compare(a.name, b.name) })
	return all
}
