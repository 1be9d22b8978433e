package admin

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestReadyzSaysWhatIsNotReady(t *testing.T) {
	var down error
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "ivr_test", Help: "h"}, func() float64 { return 7 }))
	srv := httptest.NewServer(Handler(Options{Metrics: registry, Checks: []Check{
		{Name: "asterisk", Err: func() error { return down }},
		{Name: "menus", Err: func() error { return nil }},
	}}))
	defer srv.Close()

	if code, body := get(t, srv.URL+"/readyz"); code != 200 || !strings.Contains(body, `"ready":true`) {
		t.Errorf("%d %s", code, body)
	}
	down = errors.New("no connection to http://127.0.0.1:8088")
	code, body := get(t, srv.URL+"/readyz")
	if code != 503 || !strings.Contains(body, `"asterisk":"no connection to http://127.0.0.1:8088"`) || !strings.Contains(body, `"menus":"ok"`) {
		t.Errorf("%d %s", code, body)
	}
	if code, _ := get(t, srv.URL+"/healthz"); code != 200 {
		t.Errorf("healthz %d", code)
	}
	if _, body := get(t, srv.URL+"/metrics"); !strings.Contains(body, "ivr_test 7") {
		t.Error(body)
	}
}

// TestRefusedMenusAreNoReasonToSendCallersElsewhere, but they are told of.
func TestRefusedMenusAreNoReasonToSendCallersElsewhere(t *testing.T) {
	var refused error
	srv := httptest.NewServer(Handler(Options{
		Metrics: prometheus.NewRegistry(),
		Notes:   []Check{{Name: "menus", Err: func() error { return refused }}},
		Status:  func() any { return map[string]int{"calls": 3} },
	}))
	defer srv.Close()
	if code, body := get(t, srv.URL+"/readyz"); code != 200 || !strings.Contains(body, `"notes":{"menus":"ok"}`) || strings.Contains(body, "status") {
		t.Errorf("%d %s", code, body)
	}
	refused = errors.New("10086.yaml:3:1: no node")
	if code, body := get(t, srv.URL+"/readyz"); code != 200 || !strings.Contains(body, `"notes":{"menus":"10086.yaml:3:1: no node"}`) || !strings.Contains(body, `"ready":true`) {
		t.Errorf("%d %s", code, body)
	}
	if code, body := get(t, srv.URL+"/status"); code != 200 || !strings.Contains(body, `"calls":3`) || !strings.Contains(body, "no node") {
		t.Errorf("%d %s", code, body)
	}
}
