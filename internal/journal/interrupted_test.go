package journal

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	"hotline/internal/menu"
	"hotline/internal/menu/tree"
	"hotline/internal/orders"
)

// ordering is a call that has come to an order, which application 1 is about.
func ordering() []any {
	return []any{
		menu.Started{Language: "en"}, menu.Speak{Language: "en"}, menu.Entered{Node: "main"},
		menu.AppOpened{App: 1, Kind: orders.KindUndecided, Node: "main"},
		menu.Missed{Why: menu.NoInput}, menu.Entered{Node: "auth"},
		menu.AppBound{App: 1, Kind: orders.KindOrder, Service: "caller_id", Action: orders.Open, Node: "auth"},
		menu.Verify{ID: 7, App: 1}, menu.Answered{ID: 7, Answer: orders.Answer{Result: orders.Result{Outcome: orders.AuthFailed, Detail: orders.WrongPassword}}},
		menu.Verify{ID: 9, App: 1}, menu.Answered{ID: 9, Answer: orders.Answer{Result: orders.Result{Outcome: orders.Success, Detail: orders.Confirmed}}},
		menu.Entered{Node: "order"}, menu.Play{ID: 11, Node: "order"}, menu.SetTimer{ID: 12},
	}
}

var function = tree.Function{Kind: orders.KindOrder, Service: "caller_id", Action: orders.Open}

func TestInterruptedKnowsWhereACallStood(t *testing.T) {
	known := menu.Resumed{
		Language: "en", Nodes: []string{"main", "auth", "order"}, Last: 12, Apps: 1, Verified: true, Wrong: 1,
		Open: menu.Unfinished{App: 1, Function: function, Tries: menu.Tries{NoInput: 1}},
	}
	with := func(change func(*menu.Resumed)) menu.Resumed {
		r := known
		change(&r)
		return r
	}
	told := func(o orders.Outcome, d orders.Detail) menu.Resumed {
		return with(func(r *menu.Resumed) { r.Told = orders.Result{Outcome: o, Detail: d} })
	}
	closed := func(o orders.Outcome, d orders.Detail) menu.Resumed {
		r := told(o, d)
		r.Open = menu.Unfinished{}
		return r
	}
	ends := func(o orders.Outcome, d orders.Detail) menu.AppClosed {
		return menu.AppClosed{App: 1, Result: orders.Result{Outcome: o, Detail: d}, At: menu.Position{Node: "order"}}
	}
	for name, c := range map[string]struct {
		more  []any
		order string // "", stored, or its outcome/detail
		want  menu.Resumed
	}{
		"asked to confirm":             {nil, "", known},
		"its order is under way":       {nil, "stored", told(orders.Unknown, "")},
		"its order is done":            {nil, "success", told(orders.Success, orders.Confirmed)},
		"told what came of it":         {[]any{ends(orders.Rejected, orders.AlreadyOpen)}, "", closed(orders.Rejected, orders.AlreadyOpen)},
		"and gone on":                  {[]any{ends(orders.Rejected, orders.AlreadyOpen), menu.Entered{Node: "after"}}, "", with(func(r *menu.Resumed) { r.Nodes, r.Open = append(r.Nodes[:3:3], "after"), menu.Unfinished{} })},
		"told of a success, and later": {[]any{ends(orders.Success, orders.Confirmed)}, "success", closed(orders.Success, orders.Confirmed)},
	} {
		t.Run(name, func(t *testing.T) {
			pool := newPool(t)
			j := openJournal(t, testOptions(t, pool))
			h := testHead(time.Now())
			if c.order != "" {
				order, err := commitOrder(t.Context(), pool, h.ID, 1, uuid.New(), h.Caller)
				if err != nil {
					t.Fatal(err)
				}
				if c.order == "success" {
					if err := resolveOrder(t.Context(), pool, order, "success", "confirmed"); err != nil {
						t.Fatal(err)
					}
				}
			}
			say(t, j, h, append(ordering(), c.more...))
			settle(t, j)
			got, err := j.Interrupted(t.Context(), h.ID)
			if err != nil || got.Ended || got.Elsewhere || got.Playing != 11 || got.Menu != h.Menu || got.Version != h.MenuVersion {
				t.Fatalf("%+v, %v", got, err)
			}
			if !reflect.DeepEqual(got.Resumed, c.want) {
				t.Errorf("%+v\nwant %+v", got.Resumed, c.want)
			}
			// To a server elsewhere, what has not been delivered yet keeps its numbers.
			j.server = "another"
			far, err := j.Interrupted(t.Context(), h.ID)
			if err != nil || !far.Elsewhere || far.Seq <= got.Seq || far.Resumed.Apps <= got.Resumed.Apps || far.Resumed.Last <= got.Resumed.Last {
				t.Errorf("elsewhere: %+v, %v", far, err)
			}
		})
	}
}

// TestTheLastResumptionCounts: two servers have gone on with a call at once, and the record of the
// one whose numbers are lower comes later. The call is the other's.
func TestTheLastResumptionCounts(t *testing.T) {
	pool := newPool(t)
	here := openJournal(t, testOptions(t, pool))
	opt := testOptions(t, pool)
	opt.Server = "another"
	there := openJournal(t, opt)
	h := testHead(time.Now())
	say(t, here, h, ordering())
	settle(t, here)
	near, err1 := here.Interrupted(t.Context(), h.ID)
	far, err2 := there.Interrupted(t.Context(), h.ID)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	for _, one := range []struct {
		j  *Journal
		at Interrupted
	}{{there, far}, {here, near}} {
		c := one.j.Resume(h, one.at.Seq)
		c.Event(time.Now(), one.at.Resumed, false)
		if err := c.Flush(); err != nil {
			t.Fatal(err)
		}
		settle(t, one.j)
	}
	if got, err := here.Interrupted(t.Context(), h.ID); err != nil || !got.Elsewhere {
		t.Errorf("still here: %+v, %v", got, err)
	}
	if got, err := there.Interrupted(t.Context(), h.ID); err != nil || got.Elsewhere {
		t.Errorf("not there: %+v, %v", got, err)
	}
}

func TestInterruptedKnowsNoOtherCall(t *testing.T) {
	j := openJournal(t, testOptions(t, newPool(t)))
	if _, err := j.Interrupted(t.Context(), uuid.New()); !errors.Is(err, ErrNoCall) {
		t.Error(err)
	}
}
