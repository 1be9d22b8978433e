package orders

import "slices"

// Outcome is how an application ended. The set is closed.
type Outcome string

// The outcomes of an application.
const (
	Success      Outcome = "success"
	Rejected     Outcome = "rejected"
	AuthFailed   Outcome = "auth_failed"
	InputFailed  Outcome = "input_failed"
	Abandoned    Outcome = "abandoned"
	Cancelled    Outcome = "cancelled"
	Escalated    Outcome = "escalated"
	Switched     Outcome = "switched"
	SystemFailed Outcome = "system_failed"
	Unknown      Outcome = "unknown"
)

// Detail is the closed second level of an Outcome.
type Detail string

// The details, by the outcome that they belong to.
const (
	NoDetail Detail = "" // cancelled, switched, unknown

	Confirmed  Detail = "confirmed"  // success: the BOSS completed it within the call
	Reconciled Detail = "reconciled" // success: found out later

	AlreadyOpen         Detail = "already_open" // rejected
	NotOpen             Detail = "not_open"
	InsufficientBalance Detail = "insufficient_balance"
	Ineligible          Detail = "ineligible"
	Other               Detail = "other"

	WrongPassword Detail = "wrong_password" // auth_failed
	Locked        Detail = "locked"

	NoInput Detail = "no_input" // input_failed
	Invalid Detail = "invalid"
	Mixed   Detail = "mixed"

	DuringPrompt Detail = "during_prompt" // abandoned
	AfterPrompt  Detail = "after_prompt"
	DuringWait   Detail = "during_wait"

	Requested Detail = "requested" // escalated
	Forced    Detail = "forced"

	BossTimeout     Detail = "boss_timeout" // system_failed
	BossError       Detail = "boss_error"
	BossUnavailable Detail = "boss_unavailable"
	Media           Detail = "media"
	Switch          Detail = "switch"
	Platform        Detail = "platform"
)

// details is the closed set: which detail may stand with which outcome.
var details = map[Outcome][]Detail{
	Success:      {Confirmed, Reconciled},
	Rejected:     {AlreadyOpen, NotOpen, InsufficientBalance, Ineligible, Other},
	AuthFailed:   {WrongPassword, Locked},
	InputFailed:  {NoInput, Invalid, Mixed},
	Abandoned:    {DuringPrompt, AfterPrompt, DuringWait},
	Cancelled:    {NoDetail},
	Escalated:    {Requested, Forced},
	Switched:     {NoDetail},
	SystemFailed: {BossTimeout, BossError, BossUnavailable, Media, Switch, Platform},
	Unknown:      {NoDetail},
}

// Result is an outcome with its detail.
type Result struct {
	Outcome Outcome `json:"outcome"`
	Detail  Detail  `json:"detail,omitempty"`
}

// Valid tells whether the pair is in the closed set.
func (r Result) Valid() bool { return slices.Contains(details[r.Outcome], r.Detail) }

// String gives "rejected/already_open", or the outcome alone where it has no detail.
func (r Result) String() string {
	if r.Detail == NoDetail {
		return string(r.Outcome)
	}
	return string(r.Outcome) + "/" + string(r.Detail)
}

// Results lists every pair of the closed set, in a stable order.
func Results() []Result {
	var all []Result
	for _, o := range []Outcome{Success, Rejected, AuthFailed, InputFailed, Abandoned, Cancelled, Escalated, Switched, SystemFailed, Unknown} {
		for _, d := range details[o] {
			all = append(all, Result{o, d})
		}
	}
	return all
}
