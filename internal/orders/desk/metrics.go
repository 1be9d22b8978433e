package desk

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sony/gobreaker/v2"

	"hotline/internal/orders"
)

// operation is what the BOSS is asked to do: a label.
type operation string

const (
	opSubmit operation = "submit"
	opLookup operation = "lookup"
	opQuery  operation = "query"
	opVerify operation = "verify"
	opPrices operation = "prices"
)

type metrics struct {
	latency    *prometheus.HistogramVec // operation, outcome
	inFlight   *prometheus.GaugeVec     // operation
	unresolved *prometheus.GaugeVec     // state
	oldest     *prometheus.GaugeVec     // state
	forPerson  prometheus.Gauge
	conflicts  prometheus.Counter
	decided    prometheus.Counter
	tooMany    prometheus.Counter
	breakers   *prometheus.GaugeVec   // gate, state
	limit      *prometheus.GaugeVec   // gate, limit
	refused    *prometheus.CounterVec // gate, why
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "ivr_boss_request_duration_seconds",
			Help:    "How long the BOSS took, by operation and by the outcome (or how it failed).",
			Buckets: []float64{.01, .05, .1, .25, .5, 1, 2, 5, 10, 20, 40},
		}, []string{"operation", "outcome"}),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "ivr_boss_requests_in_flight",
			Help: "Requests that the BOSS is working on for this process.",
		}, []string{"operation"}),
		unresolved: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "ivr_orders_unresolved",
			Help: "Orders without a final result, by state, of all processes together (take the maximum, not the sum).",
		}, []string{"state"}),
		oldest: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "ivr_orders_oldest_unresolved_seconds",
			Help: "Age of the oldest order without a final result, by state, of all processes together (take the maximum). 0: there is none.",
		}, []string{"state"}),
		forPerson: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "ivr_orders_for_a_person",
			Help: "Orders that nothing but a person can decide, of all processes together (take the maximum, not the sum). Must go back to 0.",
		}),
		decided: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "ivr_orders_decided_total",
			Help: "Orders whose result a person has given.",
		}),
		tooMany: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "ivr_orders_over_limit_total",
			Help: "Orders refused because their number had made as many within 24 hours as it may.",
		}),
		breakers: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "ivr_boss_breaker",
			Help: "1 for the state that the breaker on the way to the BOSS is in, by gate (calls, reconciling). Open: nothing is asked.",
		}, []string{"gate", "state"}),
		limit: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "ivr_boss_limit",
			Help: "What this process spares the BOSS, by gate: requests at once (concurrent), waiting (queue) and a second (rate).",
		}, []string{"gate", "limit"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ivr_boss_refused_total",
			Help: "Requests that were not put to the BOSS, by gate and why (breaker, queue, patience).",
		}, []string{"gate", "why"}),
		conflicts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "ivr_orders_conflicting_results_total",
			Help: "Orders for which the BOSS told of success after failure had been stored, or the reverse. Must stay 0.",
		}),
	}
	if reg == nil {
		return m, nil
	}
	var errs []error
	for _, c := range []prometheus.Collector{m.latency, m.inFlight, m.unresolved, m.oldest, m.forPerson, m.conflicts, m.decided, m.tooMany, m.breakers, m.limit, m.refused} {
		errs = append(errs, reg.Register(c))
	}
	return m, errors.Join(errs...)
}

// breaker sets the state that a breaker is in.
func (m *metrics) breaker(gate, state string) {
	for _, s := range []gobreaker.State{gobreaker.StateClosed, gobreaker.StateHalfOpen, gobreaker.StateOpen} {
		is := 0.0
		if s.String() == state {
			is = 1
		}
		m.breakers.WithLabelValues(gate, s.String()).Set(is)
	}
}

// label is the outcome of a request, out of a closed set.
func label(a orders.Answer, err error) string {
	switch {
	case err == nil && a.Result.Valid():
		return string(a.Outcome)
	case err == nil:
		return "impossible"
	case errors.Is(err, orders.ErrNotFound):
		return "not_found"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "cut_off"
	case errors.Is(err, orders.ErrNotSent):
		return "not_sent"
	case errors.Is(err, orders.ErrAnswerLost):
		return "answer_lost"
	}
	return "error"
}
