package outside

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"hotline/internal/orders"
)

// mismatches are the services whose gauge says that their price differs.
func mismatches(t *testing.T, reg *prometheus.Registry) string {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var services []string
	for _, f := range families {
		for _, m := range f.Metric {
			if f.GetName() == "ivr_price_mismatch" && m.GetGauge().GetValue() == 1 {
				services = append(services, m.Label[0].GetValue())
			}
		}
	}
	return strings.Join(services, " ")
}

// TestPrices: a difference is told once, shows as long as it lasts, and what was known
// holds while the BOSS says nothing.
func TestPrices(t *testing.T) {
	var log bytes.Buffer
	reg := prometheus.NewRegistry()
	b := NewBoard(Options{Log: slog.New(slog.NewTextHandler(&log, nil)), Registerer: reg})
	if _, known := b.Price("caller_id"); known || b.priceAge() != -1 {
		t.Error("a price is known before the BOSS has told any")
	}
	told := map[string]orders.Money{"caller_id": 600, "sms_bill": 0, "unknown_there": 100}
	for _, step := range []struct {
		what     string
		asked    map[string]orders.Money
		err      error
		told     map[string]orders.Money
		mismatch string
		errors   int          // in the log, in this step
		asks     orders.Money // for caller_id
	}{
		{"agreed", map[string]orders.Money{"caller_id": 600, "sms_bill": 0, "not_here": 5}, nil, told, "", 0, 600},
		{"dearer", map[string]orders.Money{"caller_id": 700, "sms_bill": 0}, nil, told, "caller_id", 1, 700},
		{"still", map[string]orders.Money{"caller_id": 700, "sms_bill": 0}, nil, told, "caller_id", 0, 700},
		{"BOSS away", nil, errors.New("away"), told, "caller_id", 0, 700},
		{"dearer still", map[string]orders.Money{"caller_id": 800, "sms_bill": 100}, nil, told, "caller_id sms_bill", 2, 800},
		{"menus follow", nil, errors.New("away"), map[string]orders.Money{"caller_id": 800, "sms_bill": 0}, "sms_bill", 0, 800},
		{"agreed again", map[string]orders.Money{"caller_id": 600, "sms_bill": 0}, nil, told, "", 0, 600},
		{"dearer again", map[string]orders.Money{"caller_id": 800}, nil, told, "caller_id", 1, 800},
	} {
		log.Reset()
		b.readPrices(t.Context(), func(context.Context) (map[string]orders.Money, error) { return step.asked, step.err }, step.told)
		if got := mismatches(t, reg); got != step.mismatch {
			t.Errorf("%s: %q differ, want %q", step.what, got, step.mismatch)
		}
		if n := strings.Count(log.String(), "level=ERROR"); n != step.errors {
			t.Errorf("%s: %d errors in the log, want %d:\n%s", step.what, n, step.errors, log.String())
		}
		if p, known := b.Price("caller_id"); !known || p != step.asks {
			t.Errorf("%s: %v (known: %v), want %v", step.what, p, known, step.asks)
		}
	}
	if age := b.priceAge(); age < 0 || age > 60 {
		t.Errorf("they are %v s old", age)
	}
}

// TestFollowPrices: the BOSS is asked before a minute is over, and no more when it ends.
func TestFollowPrices(t *testing.T) {
	b := NewBoard(Options{Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan struct{}, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.FollowPrices(ctx, func(context.Context) (map[string]orders.Money, error) {
			asked <- struct{}{}
			return map[string]orders.Money{"caller_id": 600}, nil
		}, func() map[string]orders.Money { return nil })
	}()
	<-asked
	within(t, limit, "known", func() bool { p, known := b.Price("caller_id"); return known && p == 600 })
	cancel()
	<-done
}
