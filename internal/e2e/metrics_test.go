package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"hotline/internal/orders/sandbox"
)

// TestMetrics places a known set of calls and looks whether every family has
// moved by just that much.
func TestMetrics(t *testing.T) {
	t.Parallel()
	h := open(t)
	order := h.dial(t, "13970000001")
	order.keys("311")
	if got := h.proc.metrics(t)["ivr_live_calls"]; got != 1 {
		t.Errorf("%v calls are said to be live", got)
	}
	order.keys("1")
	order.hear("wait.please", "order.opened")
	order.became("hung_up", "order open caller_id: success/confirmed")
	query := h.dial(t, "13970000002")
	query.keys("11")
	query.hear("wait.please", "balance.is")
	query.begins("label.101")
	query.became("hung_up", "query query balance: success/confirmed")
	h.fault(t, "13970000003", sandbox.Fault{Operation: sandbox.OpSubmit, Mode: sandbox.Fail})
	failed := h.dial(t, "13970000003")
	failed.keys("3111")
	failed.hear("order.boss_error")
	failed.became("hung_up", "order open caller_id: system_failed/boss_error")
	gone := h.dial(t, "13970000004")
	gone.begins("main.welcome")
	gone.became("hung_up", "undecided: abandoned/during_prompt")

	var steps float64
	if _, err := fmt.Sscan(h.value(t, "select count(*)::text from ivr.steps"), &steps); err != nil {
		t.Fatal(err)
	}
	closed := func(kind, outcome, detail string) string {
		return fmt.Sprintf(`ivr_applications_closed_total{detail=%q,kind=%q,outcome=%q,test="true"}`, detail, kind, outcome)
	}
	want := map[string]float64{
		`ivr_calls_total{test="true"}`:                                                        4,
		`ivr_calls_ended_total{reason="hung_up",test="true"}`:                                 4,
		`ivr_calls_refused_total{reason="rate"}`:                                              0,
		"ivr_live_calls":                                                                      0,
		"ivr_announcements_failed_total":                                                      0,
		"ivr_key_to_prompt_seconds_count":                                                     4 + 2 + 4,
		closed("order", "success", "confirmed"):                                               1,
		closed("query", "success", "confirmed"):                                               1,
		closed("order", "system_failed", "boss_error"):                                        1,
		closed("undecided", "abandoned", "during_prompt"):                                     1,
		`ivr_boss_request_duration_seconds_count{operation="submit",outcome="success"}`:       1,
		`ivr_boss_request_duration_seconds_count{operation="submit",outcome="system_failed"}`: 1,
		`ivr_boss_request_duration_seconds_count{operation="query",outcome="success"}`:        1,
		`ivr_boss_requests_in_flight{operation="submit"}`:                                     0,
		"ivr_orders_conflicting_results_total":                                                0,
		"ivr_journal_steps_total":                                                             steps,
		"ivr_journal_lag_steps":                                                               0,
		"ivr_journal_lag_seconds":                                                             0,
		"ivr_journal_dropped_steps_total":                                                     0,
		"ivr_journal_rejected_steps_total":                                                    0,
		"ivr_journal_damaged_segments_total":                                                  0,
		"ivr_conservation_difference":                                                         0,
		"ivr_applications_overdue":                                                            0,
		`ivr_ari_connected{node="asterisk-1"}`:                                                1,
		`ivr_ari_reconnects_total{node="asterisk-1"}`:                                         0,
		`ivr_ari_overrun_channels_total{node="asterisk-1"}`:                                   0,
		`ivr_ari_events_total{node="asterisk-1",type="ChannelDtmfReceived"}`:                  10,
		`ivr_ari_events_total{node="asterisk-1",type="StasisStart"}`:                          4,
	}
	eventually(t, patience, func() string {
		got := h.proc.metrics(t)
		var wrong []string
		for _, name := range slices.Sorted(maps.Keys(want)) {
			value, there := got[name]
			if !there || value != want[name] {
				wrong = append(wrong, fmt.Sprintf("%s %v (there: %t), want %v", name, value, there, want[name]))
			}
		}
		return strings.Join(wrong, "\n")
	})
	for name := range h.proc.metrics(t) {
		if strings.Contains(name, "\"139") || strings.Contains(name, "+86") {
			t.Errorf("a label with a number: %s", name)
		}
	}
}
