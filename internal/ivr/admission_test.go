package ivr

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"hotline/internal/ivr/asterisk"
	"hotline/internal/orders"
)

func hashed(m orders.MSISDN) []byte { return []byte("hash of " + m.Reveal()) }

// count reads a counter.
func count(t *testing.T, c prometheus.Counter) float64 {
	t.Helper()
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}

// arrives brings a call of a number and tells what became of it: a reason, or "taken". Its
// caller hangs up when leave is closed.
func (r *rig) arrives(number string, leave chan struct{}) Refusal {
	line := newFakeLine()
	r.server.Arrive(context.Background(), line, asterisk.Arrival{Args: []string{uuid.NewString(), "10086", number, "0"}, At: time.Now()})
	synctest.Wait()
	select {
	case went := <-line.went:
		var why Refusal
		_, _ = fmt.Sscanf(went, "refused %s", &why)
		return why
	default:
	}
	go func() {
		<-leave
		line.hangUp(time.Now())
	}()
	return "taken"
}

// limited is a rig whose server has these limits, and no call yet.
func limited(t *testing.T, l Limits) *rig {
	r := newRig(t, shipped(t))
	r.server.admission = newAdmission(l, hashed)
	return r
}

// TestWhoIsRefused brings calls, some at once, some later, to each limit.
func TestWhoIsRefused(t *testing.T) {
	const a, b, withheld = "13800000001", "13800000002", ""
	type step struct {
		after  time.Duration
		number string
		want   Refusal
		ends   bool // the calls so far hang up before
	}
	for name, c := range map[string]struct {
		limits Limits
		steps  []step
	}{
		"none": {Limits{}, []step{{0, a, "taken", false}, {0, a, "taken", false}, {0, withheld, "taken", false}}},
		"live": {Limits{Live: 2}, []step{
			{0, a, "taken", false}, {0, b, "taken", false}, {time.Second, b, RefusedFull, false}, {0, b, "taken", true}}},
		"rate": {Limits{Rate: 2}, []step{
			{0, a, "taken", false}, {0, b, "taken", false}, {0, a, RefusedRate, false}, {400 * time.Millisecond, a, RefusedRate, false},
			{100 * time.Millisecond, a, "taken", false}, {0, a, RefusedRate, false}, {time.Hour, a, "taken", false}, {0, a, "taken", false}, {0, a, RefusedRate, false}}},
		"live of a number": {Limits{NumberLive: 1}, []step{
			{0, a, "taken", false}, {0, a, RefusedLive, false}, {0, b, "taken", false}, {0, withheld, "taken", false}, {0, withheld, "taken", false}, {0, a, "taken", true}}},
		"minute of a number": {Limits{NumberMinute: 2}, []step{
			{0, a, "taken", false}, {30 * time.Second, a, "taken", true}, {0, a, RefusedMinute, true}, {0, b, "taken", false},
			{29 * time.Second, a, RefusedMinute, true}, {time.Second, a, "taken", true}, {0, a, RefusedMinute, true}}},
		"hour of a number": {Limits{NumberMinute: 9, NumberHour: 2}, []step{
			{0, a, "taken", false}, {50 * time.Minute, a, "taken", true}, {0, a, RefusedHour, true}, {10 * time.Minute, a, "taken", true}, {0, a, RefusedHour, true}}},
		"without a number": {Limits{Unnamed: 1, NumberLive: 1, NumberMinute: 1}, []step{
			{0, withheld, "taken", false}, {0, withheld, RefusedUnnamed, false}, {0, "nobody", RefusedUnnamed, false}, {0, a, "taken", false}, {0, withheld, "taken", true}}},
		"a flood without numbers": {Limits{Live: 4, Unnamed: 2, Rate: 4}, []step{
			{0, withheld, "taken", false}, {0, withheld, "taken", false}, {0, withheld, RefusedUnnamed, true}, {0, a, "taken", false}, {0, b, "taken", false},
			{0, "13800000003", RefusedRate, false}, {500 * time.Millisecond, withheld, "taken", true}, {0, withheld, RefusedUnnamed, false}}},
		// Who is refused takes nothing from others, and the refused do not count.
		"a number before the rate": {Limits{Rate: 2, NumberMinute: 1}, []step{
			{0, a, "taken", false}, {0, a, RefusedMinute, true}, {0, a, RefusedMinute, true}, {0, b, "taken", false}, {0, "13800000003", RefusedRate, false},
			{time.Minute, a, "taken", true}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := limited(t, c.limits)
				leave, refused := make(chan struct{}), 0
				for i, s := range c.steps {
					if s.ends {
						close(leave)
						leave = make(chan struct{})
					}
					time.Sleep(s.after)
					synctest.Wait()
					got := r.arrives(s.number, leave)
					if got != s.want {
						t.Errorf("call %d: %q, want %q", i+1, got, s.want)
					}
					if s.want != "taken" {
						refused++
					}
				}
				close(leave)
				synctest.Wait()
				counted := 0.0
				for _, why := range Refusals() {
					counted += count(t, r.server.metrics.refused[why])
				}
				if counted != float64(refused) || len(r.server.Live()) != 0 || len(r.server.admission.of) != 0 {
					t.Errorf("%v of %d refusals counted, live %v, of %v", counted, refused, r.server.Live(), r.server.admission.of)
				}
			})
		})
	}
}

// TestCallsOfOtherServers: a number's calls count wherever it made them, once each, for an
// hour; and where they cannot be told, what is known still counts.
func TestCallsOfOtherServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := limited(t, Limits{NumberMinute: 2, NumberHour: 3})
		number, err := orders.ParseMSISDN("13800000001")
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		elsewhere := []Begun{{uuid.New(), string(hashed(number)), began.Add(-30 * time.Minute)}, {uuid.New(), string(hashed(number)), began.Add(-10 * time.Second)}}
		var asked []time.Duration
		ctx, cancel := context.WithCancel(t.Context())
		followed := make(chan struct{})
		go func() {
			defer close(followed)
			r.server.FollowNumbers(ctx, func(_ context.Context, after time.Time) ([]Begun, error) {
				asked = append(asked, time.Since(after))
				if len(asked) > 2 {
					return nil, errors.New("postgres is away")
				}
				return elsewhere, nil // also what it has told before
			})
		}()
		synctest.Wait()
		leave := make(chan struct{})
		close(leave)
		time.Sleep(12 * time.Second)
		for i, want := range []Refusal{"taken", RefusedMinute} {
			if got := r.arrives("13800000001", leave); got != want {
				t.Errorf("call %d: %s, want %s", i+1, got, want)
			}
		}
		time.Sleep(50 * time.Second)
		if got := r.arrives("13800000001", leave); got != RefusedHour {
			t.Errorf("after a minute: %s", got)
		}
		time.Sleep(30 * time.Minute)
		if got := r.arrives("13800000001", leave); got != "taken" {
			t.Errorf("after half an hour: %s", got)
		}
		cancel()
		<-followed
		// The first look is at a whole hour; the next overlap with what was on its way.
		if want := []time.Duration{time.Hour, 65 * time.Second, 65 * time.Second, 70 * time.Second}; !slices.Equal(asked[:4], want) {
			t.Errorf("asked for calls of the last %v", asked[:4])
		}
		r.server.learn(nil, time.Now().Add(2*time.Hour))
		if n := len(r.server.admission.begun); n != 0 {
			t.Errorf("%d numbers are remembered for ever", n)
		}
	})
}

// TestTransferElsewhere: a queue that is not in the list is not dialled, whatever the menu
// says; the caller goes on as if nobody had answered.
func TestTransferElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, shipped(t))
		defer r.end()
		r.server.opt.Queues = []string{"english"}
		for _, line := range []string{"call", "press 0", "played", "silence"} {
			r.do(line)
		}
		synctest.Wait()
		if len(r.line.went) > 0 {
			t.Errorf("sent to %s", <-r.line.went)
		}
		if got := count(t, r.server.metrics.strayed); got != 1 {
			t.Errorf("%v transfers are said to be refused", got)
		}
		if got := r.notes.take(); !slices.ContainsFunc(got, func(s string) bool {
			return s == "play agent.failed agent.callback_offer agent.callback_yes menu.press key.1 agent.callback_no menu.press key.2"
		}) {
			t.Errorf("%q", got)
		}
		r.do("hangup")
	})
}

// TestReasonsAreTold: the metric has every reason from the start, so that its first
// refusal shows as a change.
func TestReasonsAreTold(t *testing.T) {
	r := newRig(t, shipped(t))
	if got := slices.Collect(maps.Keys(r.server.metrics.refused)); len(got) != len(Refusals()) || slices.Contains(got, "") {
		t.Errorf("reasons %q", got)
	}
}
