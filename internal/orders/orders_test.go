package orders

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestNumbersPrintMasked tries every way in which a number gets into a text.
func TestNumbersPrintMasked(t *testing.T) {
	m, err := ParseMSISDN("+13800001234")
	if err != nil {
		t.Fatal(err)
	}
	order := Order{Caller: m}
	var ways []string
	for _, verb := range []string{"%v", "%s", "%q", "%x", "%+v", "%#v", "%d"} {
		ways = append(ways, fmt.Sprintf(verb, m), fmt.Sprintf(verb, order), fmt.Sprintf(verb, &order))
	}
	text, err := json.Marshal(order)
	if err != nil {
		t.Fatal(err)
	}
	for _, way := range append(ways, string(text)) {
		if strings.Contains(way, "0000") || strings.Contains(way, fmt.Sprintf("%x", "13800001234")) {
			t.Errorf("shows the number: %s", way)
		}
	}
	if m.String() != "138****1234" || m.Reveal() != "13800001234" {
		t.Errorf("%s, %s", m, m.Reveal())
	}
}

func TestParseMSISDN(t *testing.T) {
	for text, want := range map[string]string{
		"10086": "****86", "13800001234": "138****1234", "12": "", "": "", "1380000123a": "", "1234567890123456": "", "+": "",
	} {
		m, err := ParseMSISDN(text)
		if (err == nil) != (want != "") || err == nil && m.String() != want {
			t.Errorf("%q: %v, %v", text, m, err)
		}
		if err != nil && text != "" && strings.Contains(err.Error(), text) && len(text) > 3 {
			t.Errorf("the error shows the number: %v", err)
		}
	}
	if !(MSISDN{}).IsZero() || (MSISDN{}).String() != "unknown" {
		t.Error("the zero number")
	}
}

func TestMoney(t *testing.T) {
	for fen, want := range map[Money]string{0: "0.00", 5: "0.05", 650: "6.50", -7: "-0.07", -12345: "-123.45"} {
		if fen.String() != want {
			t.Errorf("%d fen is %s, want %s", int64(fen), fen, want)
		}
	}
}

func TestResultsAreTheClosedSet(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Results() {
		if !r.Valid() || seen[r.String()] {
			t.Errorf("%v", r)
		}
		seen[r.String()] = true
	}
	if len(seen) != 26 {
		t.Errorf("%d pairs of outcome and detail, want 26", len(seen))
	}
	for _, r := range []Result{{}, {Success, NoDetail}, {Success, AlreadyOpen}, {"won", NoDetail}, {Unknown, Confirmed}} {
		if r.Valid() {
			t.Errorf("%v is not in the set", r)
		}
	}
	if got := ApplicationID("call", 2); got != "call.2" {
		t.Error(got)
	}
}
