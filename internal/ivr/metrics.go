package ivr

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics of the telephone. Labels are closed sets: menu.EndReason, and test "true" or "false".
type metrics struct {
	calls       *prometheus.CounterVec
	ended       *prometheus.CounterVec
	refused     prometheus.Counter
	resumed     prometheus.Counter
	lost        prometheus.Counter
	broken      prometheus.Counter
	keyToPrompt prometheus.Histogram
}

func newMetrics(r prometheus.Registerer, live func() float64) *metrics {
	f := promauto.With(r)
	f.NewGaugeFunc(prometheus.GaugeOpts{Name: "ivr_live_calls", Help: "Calls under way."}, live)
	return &metrics{
		calls:   f.NewCounterVec(prometheus.CounterOpts{Name: "ivr_calls_total", Help: "Calls taken."}, []string{"test"}),
		ended:   f.NewCounterVec(prometheus.CounterOpts{Name: "ivr_calls_ended_total", Help: "Calls ended, by reason."}, []string{"reason", "test"}),
		refused: f.NewCounter(prometheus.CounterOpts{Name: "ivr_calls_refused_total", Help: "Calls refused: too many, stopping, or without arguments."}),
		resumed: f.NewCounter(prometheus.CounterOpts{Name: "ivr_calls_resumed_total", Help: "Calls of a server that had died, gone on with."}),
		lost:    f.NewCounter(prometheus.CounterOpts{Name: "ivr_calls_lost_total", Help: "Calls of a server that had died of which too little was known: an apology and goodbye."}),
		broken:  f.NewCounter(prometheus.CounterOpts{Name: "ivr_announcements_failed_total", Help: "Announcements that failed, or of whose end the switch did not tell in time."}),
		keyToPrompt: f.NewHistogram(prometheus.HistogramOpts{
			Name: "ivr_key_to_prompt_seconds", Help: "From the end of a key to the begin of the next announcement, as the switch reports them.",
			Buckets: []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5},
		}),
	}
}
