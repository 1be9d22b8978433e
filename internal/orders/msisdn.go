package orders

import (
	"fmt"
)

// MSISDN is a caller's telephone number (ITU-T E.164, digits only). It prints,
// logs and marshals masked; Reveal is the one way to the digits, so that every
// use of them can be found.
type MSISDN struct{ digits string }

// ParseMSISDN takes 3 to 15 digits, with an optional leading "+".
func ParseMSISDN(s string) (MSISDN, error) {
	if len(s) > 0 && s[0] == '+' {
		s = s[1:]
	}
	if len(s) < 3 || len(s) > 15 {
		return MSISDN{}, fmt.Errorf("a number has 3 to 15 digits, this has %d", len(s))
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return MSISDN{}, fmt.Errorf("a number has digits only, character %d is none", i+1)
		}
	}
	return MSISDN{s}, nil
}

// IsZero tells whether the caller's number is not known.
func (m MSISDN) IsZero() bool { return m.digits == "" }

// Reveal gives the digits. Only the BOSS adapters and the sealing of stored
// numbers have a reason to call it.
func (m MSISDN) Reveal() string { return m.digits }

// String masks the middle: "138****0001"; a short number keeps its last two digits.
func (m MSISDN) String() string {
	n := len(m.digits)
	switch {
	case n == 0:
		return "unknown"
	case n < 9:
		return "****" + m.digits[n-2:]
	}
	return m.digits[:3] + "****" + m.digits[n-4:]
}

// MarshalText masks as String does, so that no encoder leaks the digits.
func (m MSISDN) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// Format masks under every verb: %d of a struct would print its fields otherwise.
func (m MSISDN) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(m.String())) }
