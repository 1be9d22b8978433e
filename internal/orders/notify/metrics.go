package notify

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	outcomes *prometheus.CounterVec // result
	waiting  *prometheus.GaugeVec   // state
	oldest   prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	with := promauto.With(reg)
	m := &metrics{
		outcomes: with.NewCounterVec(prometheus.CounterOpts{
			Name: "ivr_notifications_total",
			Help: "Results of orders: heard in the call, sent, failed attempts, given_up.",
		}, []string{"result"}),
		waiting: with.NewGaugeVec(prometheus.GaugeOpts{
			Name: "ivr_notifications_waiting",
			Help: "Results not delivered yet: held until it is known whether the caller heard them, due; of all processes together (take the maximum, not the sum).",
		}, []string{"state"}),
		oldest: with.NewGauge(prometheus.GaugeOpts{
			Name: "ivr_notifications_oldest_due_seconds",
			Help: "How old the oldest result is that is due and not delivered; 0: none is.",
		}),
	}
	// From the start: what appears first as 1 has not increased, for who watches it.
	for _, result := range []string{"heard", "sent", "failed", "given_up"} {
		m.outcomes.WithLabelValues(result)
	}
	return m
}
