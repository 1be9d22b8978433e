package journal

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	steps        prometheus.Counter
	dropped      prometheus.Counter
	damaged      prometheus.Counter
	rejected     prometheus.Counter
	failures     prometheus.Counter
	batch        prometheus.Histogram
	closed       *prometheus.CounterVec
	conservation prometheus.Gauge
	overdue      prometheus.Gauge
	unserved     prometheus.Counter
}

func newMetrics() *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	return &metrics{
		steps:    counter("ivr_journal_steps_total", "Steps written to Postgres for the first time."),
		dropped:  counter("ivr_journal_dropped_steps_total", "Steps that could not be written to the spool: it was full, or the disk was."),
		damaged:  counter("ivr_journal_damaged_segments_total", "Segments of the spool set aside because a record was damaged."),
		rejected: counter("ivr_journal_rejected_steps_total", "Steps that Postgres would not take, written to the spool's rejected file."),
		failures: counter("ivr_journal_batch_failures_total", "Batches that failed and are tried again."),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "ivr_journal_batch_seconds", Help: "Time to write one batch of steps to Postgres.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 13),
		}),
		closed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ivr_applications_closed_total",
			Help: "Applications whose call or the sweeper ended them, by the outcome that they had then.",
		}, []string{"kind", "outcome", "detail", "test"}),
		conservation: gauge("ivr_conservation_difference", "Applications opened less closed less open, of those opened in the last 15 minutes. Must be 0."),
		overdue:      gauge("ivr_applications_overdue", "Applications without outcome or order although their call ended more than 2 minutes ago. Must be 0."),
		unserved:     counter("ivr_unserved_calls_total", "Calls in the PBX's record that no server got."),
	}
}

func (m *metrics) register(r prometheus.Registerer, j *Journal) error {
	lag := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	for _, c := range []prometheus.Collector{
		m.steps, m.dropped, m.damaged, m.rejected, m.failures, m.batch, m.closed, m.conservation, m.overdue, m.unserved,
		lag("ivr_journal_lag_seconds", "Age of the oldest step that is not in Postgres.", func() float64 { return j.lag(time.Now()).Seconds() }),
		lag("ivr_journal_lag_steps", "Steps in the spool that are not in Postgres.", func() float64 { return float64(j.waiting()) }),
		lag("ivr_journal_spool_bytes", "Bytes of the spool's segments.", func() float64 { _, b := j.spool.counts(); return float64(b) }),
	} {
		if err := r.Register(c); err != nil {
			return fmt.Errorf("register the journal's metrics: %w", err)
		}
	}
	return nil
}
