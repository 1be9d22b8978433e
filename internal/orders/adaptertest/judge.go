package adaptertest

import (
	"errors"
	"slices"

	"hotline/internal/orders"
)

// said is what an adapter said of an order, and what came of it by the ledger.
type said struct {
	answer  orders.Answer
	err     error
	arrived bool // the BOSS, or what stands for it, had the request
	denied  bool // it promised that nothing was done
	now     int  // effects when the adapter returned
	settled int  // effects when nothing was on its way any more
}

// decisions are the outcomes that are a BOSS's to give.
var decisions = []orders.Outcome{orders.Success, orders.Rejected, orders.AuthFailed, orders.SystemFailed, orders.Unknown}

// judge holds what was said against the ledger.
func (b *bench) judge(s said) {
	if s.err != nil {
		b.judgeError(s)
		return
	}
	r := s.answer.Result
	switch {
	case !r.Valid() || !slices.Contains(decisions, r.Outcome):
		b.errorf("the answer %q is none that a BOSS can give: answers are in the closed set, failures are errors", r)
	case r.Outcome == orders.Unknown:
	case r.Outcome == orders.Success && s.now == 0:
		b.errorf("it says %v, the ledger of the BOSS has nothing", r)
	case r.Outcome != orders.Success && s.settled > 0:
		b.errorf("it says %v as an answer, which is final, and the BOSS has acted", r)
	}
}

func (b *bench) judgeError(s said) {
	notSent := errors.Is(s.err, orders.ErrNotSent)
	lost := errors.Is(s.err, orders.ErrAnswerLost)
	switch {
	case errors.Is(s.err, orders.ErrNotFound):
		b.errorf("ErrNotFound is for look-ups, here it leaves open whether the BOSS acted: %v", s.err)
	case notSent && lost:
		b.errorf("the error says both ErrNotSent and ErrAnswerLost: %v", s.err)
	case notSent && s.settled > 0:
		b.errorf("it says ErrNotSent, and the BOSS has acted: %v", s.err)
	case notSent && s.arrived && !s.denied:
		b.errorf("it says ErrNotSent of a request that was sent, so that it cannot know: %v", s.err)
	case !notSent && !s.arrived:
		b.errorf("nothing was sent, it does not say ErrNotSent: %v", s.err)
	case !notSent && !lost:
		b.errorf("the error says neither ErrNotSent nor ErrAnswerLost: %v", s.err)
	}
	if s.answer.Outcome != "" {
		b.errorf("with the error comes an answer, %v", s.answer.Result)
	}
}
