package ivr

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics of the telephone. Labels are closed sets: menu.EndReason, Refusal, and test "true" or "false".
type metrics struct {
	calls       *prometheus.CounterVec
	ended       *prometheus.CounterVec
	refused     map[Refusal]prometheus.Counter
	strayed     prometheus.Counter
	resumed     prometheus.Counter
	lost        prometheus.Counter
	broken      prometheus.Counter
	keyToPrompt prometheus.Histogram
}

func newMetrics(r prometheus.Registerer, l Limits, live func() float64) *metrics {
	f := promauto.With(r)
	refusals := f.NewCounterVec(prometheus.CounterOpts{Name: "ivr_calls_refused_total", Help: "Calls refused, by reason."}, []string{"reason"})
	refused := map[Refusal]prometheus.Counter{}
	for _, why := range Refusals() {
		refused[why] = refusals.WithLabelValues(string(why))
	}
	limits := f.NewGaugeVec(prometheus.GaugeOpts{Name: "ivr_calls_limit", Help: "What is refused, by the reason that it is refused with: calls at once, new ones a second, calls of a number. 0: no limit."}, []string{"reason"})
	for why, most := range map[Refusal]float64{
		RefusedFull: float64(l.Live), RefusedRate: l.Rate, RefusedUnnamed: float64(l.Unnamed),
		RefusedLive: float64(l.NumberLive), RefusedMinute: float64(l.NumberMinute), RefusedHour: float64(l.NumberHour),
	} {
		limits.WithLabelValues(string(why)).Set(most)
	}
	f.NewGaugeFunc(prometheus.GaugeOpts{Name: "ivr_live_calls", Help: "Calls under way."}, live)
	return &metrics{
		calls:   f.NewCounterVec(prometheus.CounterOpts{Name: "ivr_calls_total", Help: "Calls taken."}, []string{"test"}),
		ended:   f.NewCounterVec(prometheus.CounterOpts{Name: "ivr_calls_ended_total", Help: "Calls ended, by reason."}, []string{"reason", "test"}),
		refused: refused,
		strayed: f.NewCounter(prometheus.CounterOpts{Name: "ivr_transfers_refused_total", Help: "Transfers to a queue that is not in the list, which were not made. Must stay 0."}),
		resumed: f.NewCounter(prometheus.CounterOpts{Name: "ivr_calls_resumed_total", Help: "Calls of a server that had died, gone on with."}),
		lost:    f.NewCounter(prometheus.CounterOpts{Name: "ivr_calls_lost_total", Help: "Calls of a server that had died of which too little was known: an apology and goodbye."}),
		broken:  f.NewCounter(prometheus.CounterOpts{Name: "ivr_announcements_failed_total", Help: "Announcements that failed, or of whose end the switch did not tell in time."}),
		keyToPrompt: f.NewHistogram(prometheus.HistogramOpts{
			Name: "ivr_key_to_prompt_seconds", Help: "From the end of a key to the begin of the next announcement, as the switch reports them.",
			Buckets: []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5},
		}),
	}
}
