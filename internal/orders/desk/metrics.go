package desk

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"hotline/internal/orders"
)

// operation is what the BOSS is asked to do: a label.
type operation string

const (
	opSubmit operation = "submit"
	opLookup operation = "lookup"
	opQuery  operation = "query"
	opVerify operation = "verify"
)

type metrics struct {
	latency    *prometheus.HistogramVec // operation, outcome
	inFlight   *prometheus.GaugeVec     // operation
	unresolved *prometheus.GaugeVec     // state
	conflicts  prometheus.Counter
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
		conflicts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "ivr_orders_conflicting_results_total",
			Help: "Orders for which the BOSS told of success after failure had been stored, or the reverse. Must stay 0.",
		}),
	}
	if reg == nil {
		return m, nil
	}
	var errs []error
	for _, c := range []prometheus.Collector{m.latency, m.inFlight, m.unresolved, m.conflicts} {
		errs = append(errs, reg.Register(c))
	}
	return m, errors.Join(errs...)
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
