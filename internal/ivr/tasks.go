package ivr

import (
	"context"
	"strconv"
	"strings"

	"hotline/internal/crash"
	"hotline/internal/menu"
	"hotline/internal/orders"
)

// submit hands an order to the Desk. The order outlives the call; its
// application's id is the idempotency key, as an application has one order.
func (s *session) submit(ctx context.Context, f menu.Submit) {
	app := orders.ApplicationID(s.call.ID.String(), int(f.App))
	o := orders.Order{
		Key: app, Application: app, Call: s.call.ID.String(), Caller: s.call.Caller,
		Service: f.Service, Action: f.Action, Price: f.Price, Test: s.call.Test, With: f.With,
		BossPrice: f.BossPrice, Priced: f.Priced,
	}
	s.tasks(func() {
		crash.At(crash.OrderConfirmed)
		answer := s.desk.Submit(ctx, o, func(id string) { s.reply(menu.Committed{ID: f.ID, Order: id}) })
		crash.At(crash.CallAnswered)
		s.reply(menu.Answered{ID: f.ID, Answer: answer})
	})
}

// ask puts a question to the Desk. What the Machine asks for itself is part of no application.
func (s *session) ask(ctx context.Context, f menu.Ask) {
	q := orders.Query{Call: s.call.ID.String(), Caller: s.call.Caller, Name: f.Query, Service: f.Service, Anyone: f.Anyone, With: f.With}
	if f.App != 0 {
		q.Application = orders.ApplicationID(q.Call, int(f.App))
	}
	s.tasks(func() { s.reply(menu.Answered{ID: f.ID, Answer: s.desk.Ask(ctx, q)}) })
}

func (s *session) verify(ctx context.Context, f menu.Verify) {
	v := orders.Verification{Call: s.call.ID.String(), Caller: s.call.Caller, Password: f.Password}
	if f.App != 0 {
		v.Application = orders.ApplicationID(v.Call, int(f.App))
	}
	s.tasks(func() { s.reply(menu.Answered{ID: f.ID, Answer: s.desk.Verify(ctx, v)}) })
}

// refuse answers what the Desk is not asked: the platform cannot do it now.
func (s *session) refuse(id menu.ID) {
	no := orders.Answer{Result: orders.Result{Outcome: orders.SystemFailed, Detail: orders.Platform}}
	s.tasks(func() { s.reply(menu.Answered{ID: id, Answer: no}) })
}

// reply brings what the Desk says to the call, if there is still one.
func (s *session) reply(e menu.Event) {
	select {
	case s.replies <- e:
	case <-s.done:
	}
}

// facts are what the dialplan, and the person's telephone, is told of a transfer: a
// variable HOTLINE_NAME for each fact, inherited by the channel that is called, and
// the priority in app_queue's own variable.
func (s *session) facts(f menu.Transfer) map[string]string {
	all := map[string]string{"__HOTLINE_CALL": s.call.ID.String(), "QUEUE_PRIO": strconv.Itoa(f.Priority)}
	for name, value := range f.Facts {
		all["__HOTLINE_"+strings.ToUpper(name)] = value
	}
	return all
}

// The arguments of Stasis() for a channel that comes back from a transfer are those of
// its first time, then whether a person had answered (1 or 0), and the node that the
// person has named.
const (
	argReached = 5
	argNode    = 6
)

// comesBack reads them.
func comesBack(args []string) (reached bool, node string) {
	if len(args) > argNode {
		node = args[argNode]
	}
	return len(args) > argReached && args[argReached] == "1", node
}
