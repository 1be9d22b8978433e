// Package admin is what ops see of a running server over HTTP: its health, whether
// it is ready and if not why, and its metrics.
//
// It refuses to know the parts that it reports on: they are handed in as small
// func values. It changes nothing.
package admin

import (
	"encoding/json"
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Check is one thing that has to be in order for callers to be served.
type Check struct {
	Name string
	Err  func() error // nil: in order; the error says what is wrong and what to do
}

// Handler serves /healthz (200 while the process lives), /readyz (200, or 503 with
// what is not ready, as JSON: {"ready": false, "checks": {"asterisk": "…"}}) and
// /metrics (Prometheus).
func Handler(checks []Check, metrics prometheus.Gatherer) http.Handler {
	r := chi.NewRouter()
	r.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	r.Get("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		state := struct {
			Ready  bool              `json:"ready"`
			Checks map[string]string `json:"checks"`
		}{true, map[string]string{}}
		for _, c := range checks {
			state.Checks[c.Name] = "ok"
			if err := c.Err(); err != nil {
				state.Ready = false
				state.Checks[c.Name] = err.Error()
			}
		}
		w.Header().Set("Content-Type", "application/json")
		if !state.Ready {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(state) // the reader has gone away
	})
	r.Method(http.MethodGet, "/metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	return r
}
