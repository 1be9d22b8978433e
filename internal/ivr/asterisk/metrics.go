package asterisk

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of one Conn. All label sets are closed, and every child that is counted
// in a call is looked up once, here.
type metrics struct {
	connected  prometheus.Gauge
	verified   prometheus.Gauge
	reconnects prometheus.Counter
	events     [kinds]prometheus.Counter
	late       prometheus.Counter
	overruns   prometheus.Counter
	replays    prometheus.Counter
	requests   map[requestKind]map[string]prometheus.Counter
	answered   prometheus.Histogram
}

// The classes of an answer; "none" where the connection went before it came.
var statusClasses = []string{"2xx", "4xx", "5xx", "other", "none"}

func statusClass(status int) string {
	switch {
	case status == 0:
		return "none"
	case status >= 200 && status < 300:
		return "2xx"
	case status >= 400 && status < 500:
		return "4xx"
	case status >= 500 && status < 600:
		return "5xx"
	}
	return "other"
}

// newMetrics registers with the constant label node, so that several Asterisks
// share a registerer. waiting is asked for at each scrape.
func newMetrics(r prometheus.Registerer, node string, waiting func() int) *metrics {
	r = prometheus.WrapRegistererWith(prometheus.Labels{"node": node}, r)
	m := &metrics{
		connected: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "ivr_ari_connected", Help: "1 while the ARI connection is up and its event filter is set."}),
		verified: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "ivr_audio_verified", Help: "1 while this Asterisk, since it was started, is known to have every sound of the live menus, by hash. 0: it gets no calls."}),
		reconnects: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "ivr_ari_reconnects_total", Help: "ARI connections made after the first."}),
		late: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "ivr_ari_late_events_total", Help: "Events of channels that were already over, or are not ours."}),
		overruns: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "ivr_ari_overrun_channels_total", Help: "Channels hung up because nobody read their events. Must stay 0."}),
		replays: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "ivr_ari_replays_total", Help: "Prompts played once more because a stop had hit them at birth."}),
		answered: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "ivr_ari_request_seconds", Help: "Time from sending a request to its answer.",
			Buckets: []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .25, 1, 5}}),
		requests: map[requestKind]map[string]prometheus.Counter{},
	}
	events := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "ivr_ari_events_total", Help: "Messages from Asterisk by type."}, []string{"type"})
	for k, name := range kindNames {
		m.events[k] = events.WithLabelValues(name)
	}
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "ivr_ari_requests_total", Help: "Requests to Asterisk by kind and class of the answer."}, []string{"kind", "class"})
	for _, k := range requestKinds {
		m.requests[k] = map[string]prometheus.Counter{}
		for _, class := range statusClasses {
			m.requests[k][class] = requests.WithLabelValues(string(k), class)
		}
	}
	queue := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "ivr_ari_queue_length", Help: "Requests not sent or not answered yet."},
		func() float64 { return float64(waiting()) })
	r.MustRegister(m.connected, m.verified, m.reconnects, m.late, m.overruns, m.replays, m.answered, events, requests, queue)
	return m
}

func (m *metrics) request(k requestKind, status int, took time.Duration) {
	m.requests[k][statusClass(status)].Inc()
	if status != 0 {
		m.answered.Observe(took.Seconds())
	}
}
