package tmf

import (
	"errors"
	"slices"
	"strings"
	"unicode"

	"hotline/internal/orders"
)

// standing is what a state of TMF622 says of an order's effect.
type standing int

const (
	open    standing = iota + 1 // it may still be carried out
	done                        // it was
	refused                     // it never will be: the BOSS decided so
	failed                      // it never will be: the BOSS could not
	mixed                       // of its items some were
)

// standings are all states of TMF622 v4 (ProductOrderStateType). acknowledged is that it
// was understood, inProgress that somebody works on it: neither is success. Until a
// cancellation is decided, an order is not cancelled.
var standings = map[string]standing{
	"acknowledged":          open,
	"inProgress":            open,
	"pending":               open,
	"held":                  open,
	"assessingCancellation": open,
	"pendingCancellation":   open,
	"completed":             done,
	"rejected":              refused,
	"cancelled":             refused, // at the BOSS: nobody here cancels
	"failed":                failed,
	"partial":               mixed,
}

var errState = errors.New("the reply has an order in no state of TMF622")

// standing puts the order's state and that of its only item together. An order that has
// ended while its item has not is asked for again; one that was carried out while its
// item was not, or the other way round, says nothing.
func (p productOrder) standing() (standing, error) {
	s := standings[p.State]
	if s == 0 {
		return 0, errState
	}
	item := standings[p.Items[0].State]
	switch {
	case p.Items[0].State == "":
		item = s
	case item == 0 || item == mixed: // which an item cannot be
		return 0, errState
	}
	switch {
	case s == open || item == open || item == mixed:
		return open, nil
	case s == mixed:
		return item, nil
	case (s == done) != (item == done):
		return 0, errors.New("the reply has an order that was carried out while its item was not, or the other way round")
	}
	return s, nil
}

// answer says what became of the order of a key. Its errors leave that open.
func (p productOrder) answer(key string) (orders.Answer, error) {
	if p.ExternalID != key {
		return orders.Answer{}, errors.New("the reply has an order of another externalId")
	}
	if len(p.Items) != 1 {
		return orders.Answer{}, errors.New("the reply has an order that has not just the one item that was sent")
	}
	s, err := p.standing()
	if err != nil {
		return orders.Answer{}, err
	}
	a := orders.Answer{BossRef: p.ref()}
	switch s {
	case open:
		a.Outcome = orders.Unknown
	case done:
		a.Outcome, a.Detail = orders.Success, orders.Confirmed
	case failed:
		a.Outcome, a.Detail = orders.SystemFailed, orders.BossError
	default:
		a.Result = p.reason()
	}
	return a, nil
}

// reason is why an order was refused: TMF622 has no field for it, so it is the text of a
// note of the id "reason", a detail of a rejection or of a failed proof.
func (p productOrder) reason() orders.Result {
	for _, n := range p.Notes {
		if n.ID != "reason" {
			continue
		}
		for _, outcome := range []orders.Outcome{orders.Rejected, orders.AuthFailed} {
			if r := (orders.Result{Outcome: outcome, Detail: orders.Detail(n.Text)}); r.Valid() {
				return r
			}
		}
	}
	return orders.Result{Outcome: orders.Rejected, Detail: orders.Other}
}

// refLimit is far more than any BOSS's reference has.
const refLimit = 128

// ref is the BOSS's id of the order, if people can read it, without the customer's number,
// of which some make it.
func (p productOrder) ref() string {
	if len(p.ID) > refLimit || slices.ContainsFunc([]rune(p.ID), func(r rune) bool { return !unicode.IsGraphic(r) }) {
		return ""
	}
	ref := p.ID
	for _, who := range p.Parties {
		if n, err := orders.ParseMSISDN(who.ID); err == nil && (who.Role == "" || who.Role == "customer") {
			ref = strings.ReplaceAll(ref, n.Reveal(), n.String())
		}
	}
	return ref
}
