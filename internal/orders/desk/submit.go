package desk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"hotline/internal/crash"
	"hotline/internal/orders"
)

// unknown is the answer where an order was sent and nothing came back.
var unknown = orders.Answer{Result: orders.Result{Outcome: orders.Unknown}}

// Submit carries out an order and gives its answer, within the deadline. It
// blocks. ctx is the life of the server, not of the call: an order goes on when
// its caller hangs up. committed, if any, is called once the intent is stored,
// with the order's id: a new one, or that of the unresolved order which this
// one joined. Where nothing could be stored nothing is sent, and the answer
// comes alone.
//
// o.Key is needed; an empty o.ID becomes a new UUIDv7. A caller who is not known, or has
// made as many orders as Options.Daily, is rejected/ineligible, and rejected/other is a wish
// that is being carried out with other terms; nobody is asked.
func (d *Desk) Submit(ctx context.Context, o orders.Order, committed func(orderID string)) orders.Answer {
	ctx, end, ok := d.begin(ctx)
	if !ok {
		return failed(orders.Platform)
	}
	defer end()
	if o.Caller.IsZero() {
		return orders.Answer{Result: orders.Result{Outcome: orders.Rejected, Detail: orders.Ineligible}}
	}
	ctx, cancel := context.WithTimeout(ctx, d.opt.Deadline)
	defer cancel()
	permit, refusal := d.calls.enter(ctx, d.opt.Deadline/2)
	if permit == nil {
		return refusal
	}
	defer permit.release()

	stored, err := d.commit(ctx, &o)
	if errors.Is(err, errTooMany) {
		d.metrics.tooMany.Inc()
		d.log.Warn("order refused: its number has made as many within 24 hours as it may", "call", o.Call, "application", o.Application)
		return orders.Answer{Result: orders.Result{Outcome: orders.Rejected, Detail: orders.Ineligible}}
	}
	if errors.Is(err, errOtherTerms) {
		// Its result would be told for what this caller has not asked for.
		d.log.Warn("order refused: the same is being done with other terms", "call", o.Call, "application", o.Application)
		return orders.Answer{Result: orders.Result{Outcome: orders.Rejected, Detail: orders.Other}}
	}
	if err != nil {
		d.log.Error("order not stored, nothing sent", "call", o.Call, "application", o.Application, "error", err)
		return failed(orders.Platform)
	}
	crash.At(crash.OrderInserted)
	if committed != nil {
		committed(stored)
	}
	if stored != o.ID {
		permit.release() // waiting for another's order takes no room at the BOSS
		return d.await(ctx, stored)
	}
	return d.carryOut(ctx, o, permit)
}

// commit stores the intent, giving o an id if it has none, and tells the id of
// the order that stands for it: o's own, or the one that it joined.
func (d *Desk) commit(ctx context.Context, o *orders.Order) (stored string, _ error) {
	if o.Key == "" {
		return "", errors.New("an order without idempotency key")
	}
	id, err := uuid.NewV7()
	if o.ID != "" {
		id, err = uuid.Parse(o.ID)
	}
	if err != nil {
		return "", fmt.Errorf("the order's id: %w", err)
	}
	o.ID = id.String() // in the spelling that Postgres gives back
	return d.store.commit(ctx, *o, d.opt)
}

// carryOut sends a stored order, if it is still for us to send: another Desk may
// have found it pending for too long and closed it.
func (d *Desk) carryOut(ctx context.Context, o orders.Order, permit *permit) orders.Answer {
	fence, sending, err := d.store.markSent(ctx, o.ID, d.lease())
	if err != nil {
		// It may be marked all the same; that we have not sent it is certain.
		d.log.Error("order not marked, nothing sent", "call", o.Call, "order", o.ID, "error", err)
		ours, err := d.store.withdraw(ctx, o.ID)
		if err != nil {
			// Where it is marked, whoever finds it sends it by its key.
			d.log.Warn("order not withdrawn, left to reconciliation", "order", o.ID, "error", err)
			return unknown
		}
		if ours {
			return failed(orders.Platform)
		}
	}
	if !sending {
		permit.release()
		return d.await(ctx, o.ID)
	}
	crash.At(crash.OrderMarked)
	answer := d.send(ctx, o, permit)
	crash.At(crash.OrderReplied)
	permit.release()
	answer = d.settle(ctx, holding{o.ID, fence}, answer)
	crash.At(crash.OrderCommitted)
	return answer
}

// lease is how long an order that was sent is left to the one who sent it: until
// the deadline has passed and the result has been stored.
func (d *Desk) lease() time.Duration { return d.opt.Deadline + 2*storeWait }

// send asks the BOSS, once, and says what is certain of an order afterwards.
func (d *Desk) send(ctx context.Context, o orders.Order, permit *permit) orders.Answer {
	answer, err := d.call(opSubmit, func() (orders.Answer, error) { return d.boss.Submit(ctx, o) })
	permit.verdict(answer, err)
	if err != nil {
		d.log.Warn("BOSS failed on an order", "call", o.Call, "order", o.ID, "error", discreet(err, o.With))
		if errors.Is(err, orders.ErrNotSent) {
			return failure(err)
		}
		return unknown
	}
	if !final(answer) && answer.Outcome != orders.Unknown {
		// No word of the closed set for an order: it may have acted.
		d.log.Error("BOSS gave an order an impossible result", "call", o.Call, "order", o.ID, "result", answer.Result.String())
		return unknown
	}
	return answer
}

// final tells whether an answer is one that an order can end with.
func final(a orders.Answer) bool {
	switch a.Outcome {
	case orders.Success, orders.Rejected, orders.AuthFailed, orders.SystemFailed:
		return a.Result.Valid()
	}
	return false
}

// holding is an order that this Desk works on, under the fence that it took it with.
type holding struct {
	id    string
	fence int64
}

// settle stores what came of an order and gives what to tell the caller: the
// answer, or what another Desk has stored before us. Where Postgres is away, storing goes
// on, and the caller is told what the BOSS has said. A failure is not: until it is stored, who
// finds the order unresolved may send it again.
func (d *Desk) settle(ctx context.Context, h holding, answer orders.Answer) orders.Answer {
	stored, err := d.record(ctx, h, answer)
	if err == nil {
		return stored
	}
	d.log.Warn("result of an order not stored, will try again", "order", h.id, "result", answer.Result.String(), "error", err)
	d.mu.Lock()
	// Not the order's deadline, which may have passed: this ends when it is
	// stored or when Close cuts it off.
	ctx, end := d.track(context.WithoutCancel(ctx))
	d.mu.Unlock()
	go func() {
		defer end()
		d.keepRecording(ctx, h, answer)
	}()
	if !testimony(answer) {
		return unknown
	}
	return answer
}

// keepRecording tries until the result is stored. Cut off, it leaves the order
// to the look-ups of whoever runs next.
func (d *Desk) keepRecording(ctx context.Context, h holding, answer orders.Answer) {
	for wait := d.opt.Poll; ; wait = min(2*wait, 10*time.Second) {
		select {
		case <-ctx.Done():
			d.log.Error("result of an order never stored", "order", h.id, "result", answer.Result.String())
			return
		case <-time.After(wait):
		}
		if _, err := d.record(ctx, h, answer); err == nil {
			return
		}
	}
}

// record stores a result once and gives the one that stands.
func (d *Desk) record(ctx context.Context, h holding, answer orders.Answer) (orders.Answer, error) {
	err := d.store.resolve(ctx, h, answer, d.opt.Retry)
	if errors.Is(err, errTaken) && testimony(answer) {
		// Another works on the order now, and our lease is gone. But the BOSS has told us
		// what it did, which is true whoever writes it, and may be told to nobody else.
		err = d.store.testify(ctx, h.id, answer)
	}
	if errors.Is(err, errSecond) && answer.Outcome == orders.AuthFailed {
		return d.record(ctx, h, belated(answer))
	}
	if !errors.Is(err, errResolved) && !errors.Is(err, errTaken) {
		return answer, err
	}
	stands, err := d.store.read(ctx, h.id)
	switch {
	case err != nil:
		return answer, err
	case !final(stands.answer):
		return unknown, nil // it is another's to find out
	}
	if (answer.Outcome == orders.Success) != (stands.answer.Outcome == orders.Success) && final(answer) {
		// The BOSS has told two things, or acted after it was said to be too late
		// for that (Settle is too short). People must look at this one.
		d.metrics.conflicts.Inc()
		d.log.Error("order succeeded and failed", "order", h.id,
			"stored", stands.answer.Result.String(), "result", answer.Result.String())
	}
	return stands.answer, nil
}

// belated is a wrong password of which we learn when the order is unknown already: what is not
// known becomes success, rejected or system_failed, and is not reopened as a wrong password.
func belated(answer orders.Answer) orders.Answer {
	if answer.Outcome == orders.AuthFailed {
		answer.Result = orders.Result{Outcome: orders.Rejected, Detail: orders.Other}
	}
	return answer
}

// testimony tells whether an answer can only come from the BOSS itself, about the effect of
// the order; all others are what somebody concludes from silence, or from a failure.
func testimony(a orders.Answer) bool {
	return final(a) && a.Outcome != orders.SystemFailed
}

// await waits for the result of an order that another one carries out, in
// whatever process. An order that is unknown already is looked up now, and not
// waited for as long as one that the BOSS is just working on.
func (d *Desk) await(ctx context.Context, id string) orders.Answer {
	o := d.watch(ctx, id, func(o row) bool { return final(o.answer) || o.state == stateUnknown })
	if o.state == stateUnknown {
		if err := d.Hurry(ctx, id); err != nil && !errors.Is(err, ErrNotUnknown) {
			d.log.Warn("look-up of a joined order not hurried", "order", id, "error", err)
		}
		short, cancel := context.WithTimeout(ctx, d.opt.Deadline/4)
		defer cancel()
		o = d.watch(short, id, func(o row) bool { return final(o.answer) })
	}
	switch {
	case final(o.answer):
		return o.answer
	case o.state == statePending:
		return unknown // its Desk died before it sent; reconciliation closes it
	}
	// Again, because unknown closes those who joined since the last time.
	if err := d.store.testify(ctx, id, unknown); err != nil && !errors.Is(err, errResolved) {
		d.log.Warn("joined order not closed as unknown, left to reconciliation", "order", id, "error", err)
	}
	return unknown
}

// watch reads an order again and again until it is as wanted, or ctx ends, and
// gives what it read last.
func (d *Desk) watch(ctx context.Context, id string, wanted func(row) bool) row {
	var last row
	for wait := d.opt.Poll / 10; ; wait = min(2*wait, d.opt.Poll) {
		o, err := d.store.read(ctx, id)
		if err == nil {
			last = o
		}
		if err == nil && wanted(o) {
			return o
		}
		select {
		case <-ctx.Done():
			return last
		case <-time.After(wait):
		}
	}
}
