// Package admin is what ops see of a running server over HTTP: its health, whether
// it is ready and if not why, what it serves, and its metrics.
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

// Options are what a Handler shows. Notes and Status may be left out.
type Options struct {
	Checks []Check
	// Notes are for people: what they complain of does not make a server unready.
	// Menus that were refused are no reason to send callers elsewhere.
	Notes   []Check
	Status  func() any // anything else that can be JSON
	Metrics prometheus.Gatherer
}

// State is what /readyz and /status answer. A check that is in order says "ok".
type State struct {
	Ready  bool              `json:"ready"`
	Checks map[string]string `json:"checks"`
	Notes  map[string]string `json:"notes,omitempty"`
	Status any               `json:"status,omitempty"` // of /status only
}

// Handler serves /healthz (200 while the process lives), /readyz (200, or 503 where
// not all checks are in order; a State), /status (200 and a State, whatever is in
// order) and /metrics (Prometheus).
func Handler(o Options) http.Handler {
	r := chi.NewRouter()
	r.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	r.Get("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		state, code := o.state(), http.StatusOK
		if !state.Ready {
			code = http.StatusServiceUnavailable
		}
		answer(w, code, state)
	})
	r.Get("/status", func(w http.ResponseWriter, _ *http.Request) {
		state := o.state()
		if o.Status != nil {
			state.Status = o.Status()
		}
		answer(w, http.StatusOK, state)
	})
	r.Method(http.MethodGet, "/metrics", promhttp.HandlerFor(o.Metrics, promhttp.HandlerOpts{}))
	return r
}

func (o Options) state() State {
	s := State{Ready: true, Checks: map[string]string{}, Notes: map[string]string{}}
	for _, c := range o.Checks {
		s.Checks[c.Name] = "ok"
		if err := c.Err(); err != nil {
			s.Ready, s.Checks[c.Name] = false, err.Error()
		}
	}
	for _, c := range o.Notes {
		s.Notes[c.Name] = "ok"
		if err := c.Err(); err != nil {
			s.Notes[c.Name] = err.Error()
		}
	}
	return s
}

func answer(w http.ResponseWriter, code int, state State) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(state) // the reader has gone away
}
