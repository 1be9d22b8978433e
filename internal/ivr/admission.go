package ivr

import (
	"context"
	"log/slog"
	"math"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"hotline/internal/orders"
)

// Refusal is why a call was not taken. It is the extension of the dialplan's context
// "refused", which says it to the caller and writes it into the PBX's own record.
type Refusal string

// The refusals: a closed set, that of the column reason of ivr.unserved.
const (
	RefusedFull     Refusal = "full"          // as many calls are live as this server serves well
	RefusedRate     Refusal = "rate"          // as many calls have begun within a second
	RefusedUnnamed  Refusal = "unnamed"       // as many calls are live, or have begun within a second, whose number is not known
	RefusedLive     Refusal = "number_live"   // the number has as many calls at once
	RefusedMinute   Refusal = "number_minute" // the number has called so often within a minute
	RefusedHour     Refusal = "number_hour"   // or within an hour
	RefusedStopping Refusal = "stopping"      // the server stops
	RefusedOther    Refusal = "other"         // came without its arguments, or is being served already
)

// Refusals lists them all.
func Refusals() []Refusal {
	return []Refusal{RefusedFull, RefusedRate, RefusedUnnamed, RefusedLive, RefusedMinute, RefusedHour, RefusedStopping, RefusedOther}
}

// Limits are how many calls a Server takes. Live and Rate are what one process serves well;
// those of a number keep one caller from taking the place of all others. 0 is no limit.
type Limits struct {
	Live    int     // calls at once
	Rate    float64 // new calls a second, with bursts of one second's
	Unnamed int     // of Live: calls of callers whose number is withheld or not to be trusted; they have the same share of Rate

	NumberLive, NumberMinute, NumberHour int // calls of one number: at once, begun within a minute, within an hour
}

// Begun is a call that some server has taken.
type Begun struct {
	Call   uuid.UUID
	Number string // hash of the caller's number, as Options.Hash gives it
	At     time.Time
}

const (
	// followEvery is how soon a server learns of calls that another one has taken.
	followEvery = 5 * time.Second
	// overlap is how long a call may take to be seen by others: its first steps are on
	// their way to Postgres.
	overlap = time.Minute
	// oldest is how far back a number's calls matter.
	oldest = time.Hour
)

// admission decides which calls are taken, at once and from memory: a caller must hear why
// not within a second, and also while Postgres is away. The Server's mu guards it.
type admission struct {
	limits Limits
	pace   *rate.Limiter
	shares *rate.Limiter // of callers without a number: a flood of them leaves room for others
	hash   func(orders.MSISDN) []byte
	live   map[uuid.UUID]string // with the hash of the number, "" for none
	of     map[string]int       // live calls by that
	begun  map[string]map[uuid.UUID]time.Time
	swept  time.Time
}

func newAdmission(l Limits, hash func(orders.MSISDN) []byte) *admission {
	pace, shares := paced(l.Rate), paced(0)
	if l.Live > 0 && l.Unnamed > 0 && l.Unnamed < l.Live {
		shares = paced(l.Rate * float64(l.Unnamed) / float64(l.Live))
	}
	if hash == nil { // all callers would be one
		hash = func(orders.MSISDN) []byte { return []byte("somebody") }
		l.NumberLive, l.NumberMinute, l.NumberHour = 0, 0, 0
	}
	return &admission{limits: l, pace: pace, shares: shares, hash: hash, live: map[uuid.UUID]string{}, of: map[string]int{}, begun: map[string]map[uuid.UUID]time.Time{}}
}

// paced lets so many pass a second, with bursts of one second's; all where it is 0.
func paced(perSecond float64) *rate.Limiter {
	if perSecond <= 0 {
		return rate.NewLimiter(rate.Inf, 0)
	}
	return rate.NewLimiter(rate.Limit(perSecond), max(1, int(math.Ceil(perSecond))))
}

// number is what a caller is counted by; "" for one whose number is not known.
func (a *admission) number(caller orders.MSISDN) string {
	if caller.IsZero() {
		return ""
	}
	return string(a.hash(caller))
}

// refuses tells why a call is not taken, "" where it is. What is wrong with its caller goes
// before what is wrong with us: who dials too often is told so however busy we are, and takes
// nothing from the second's share of others.
func (a *admission) refuses(call Call, at time.Time) Refusal {
	l, number := &a.limits, a.number(call.Caller)
	over := func(n, most int) bool { return most > 0 && n >= most }
	switch named := number != ""; {
	case named && over(a.of[number], l.NumberLive):
		return RefusedLive
	case named && over(a.since(number, at.Add(-time.Minute)), l.NumberMinute):
		return RefusedMinute
	case named && over(a.since(number, at.Add(-oldest)), l.NumberHour):
		return RefusedHour
	case call.Caller.IsZero() && (over(a.of[""], l.Unnamed) || !a.shares.AllowN(at, 1)):
		return RefusedUnnamed
	case over(len(a.live), l.Live):
		return RefusedFull
	case !a.pace.AllowN(at, 1):
		return RefusedRate
	}
	return ""
}

// since counts the calls of a number that began after a time.
func (a *admission) since(number string, after time.Time) (n int) {
	for _, at := range a.begun[number] {
		if at.After(after) {
			n++
		}
	}
	return n
}

// begins counts a call in, of whichever server.
func (a *admission) begins(b Begun) {
	if b.Number == "" || a.limits.NumberMinute == 0 && a.limits.NumberHour == 0 {
		return
	}
	if a.begun[b.Number] == nil {
		a.begun[b.Number] = map[uuid.UUID]time.Time{}
	}
	if _, known := a.begun[b.Number][b.Call]; !known {
		a.begun[b.Number][b.Call] = b.At
	}
}

// sweep forgets calls that do not matter any more, once a minute: all numbers of an hour are looked at.
func (a *admission) sweep(at time.Time) {
	if at.Sub(a.swept) < time.Minute {
		return
	}
	a.swept = at
	for number, calls := range a.begun {
		for call, began := range calls {
			if at.Sub(began) > oldest {
				delete(calls, call)
			}
		}
		if len(calls) == 0 {
			delete(a.begun, number)
		}
	}
}

// add and remove count a call that is served here, once.
func (a *admission) add(call Call) {
	number := a.number(call.Caller)
	a.live[call.ID] = number
	a.of[number]++
}

func (a *admission) remove(id uuid.UUID) {
	number := a.live[id]
	delete(a.live, id)
	if a.of[number]--; a.of[number] == 0 {
		delete(a.of, number)
	}
}

// FollowNumbers learns of the calls that numbers have made before this process began, and
// make by other servers, so that neither a restart nor a second server gives a number its
// calls anew. recent lists the calls that began after a time. Without an answer of it
// every server goes on with what it has seen itself. It returns when ctx ends.
func (s *Server) FollowNumbers(ctx context.Context, recent func(ctx context.Context, after time.Time) ([]Begun, error)) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	known, failing := time.Now().Add(-oldest), false
	for {
		asked := time.Now()
		calls, err := recent(ctx, known)
		switch {
		case err == nil:
			s.learn(calls, asked)
			known, failing = asked.Add(-overlap), false
		case !failing && ctx.Err() == nil:
			failing = true
			s.opt.Log.Warn("the calls that other servers take are not known now: a number may call each of them as often", "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (s *Server) learn(calls []Begun, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range calls {
		s.admission.begins(b)
	}
	s.admission.sweep(at)
}

// refuse sends a caller to the dialplan, which says why, and writes it down.
func (s *Server) refuse(line Line, call Call, why Refusal) {
	s.metrics.refused[why].Inc()
	s.opt.Log.LogAttrs(context.Background(), slog.LevelDebug, "call refused", slog.String("call", call.ID.String()), slog.String("reason", string(why)))
	line.Continue(refused, string(why), nil)
}

// admit counts a call in, or tells why it is not taken. A call that is being served is not
// taken a second time: two records of one call would spoil both.
func (s *Server) admit(call Call) Refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := time.Now()
	if s.draining {
		return RefusedStopping
	}
	if _, twice := s.admission.live[call.ID]; twice {
		return RefusedOther
	}
	if why := s.admission.refuses(call, at); why != "" {
		return why
	}
	s.admission.begins(Begun{Call: call.ID, Number: s.admission.number(call.Caller), At: at})
	s.take(call)
	return ""
}

// readmit counts in a call that a server has taken before, whatever the limits say: it is
// on the line. It is false where the call is served already, or the server stops.
func (s *Server) readmit(call Call) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, twice := s.admission.live[call.ID]; twice || s.draining {
		return false
	}
	s.take(call)
	return true
}

func (s *Server) take(call Call) {
	s.admission.add(call)
	s.sessions.Add(1)
}

func (s *Server) release(id uuid.UUID) {
	s.mu.Lock()
	s.admission.remove(id)
	s.mu.Unlock()
	s.sessions.Done()
}
