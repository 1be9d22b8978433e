package bench

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"hotline/internal/dialtest"
)

// Result is what a run has measured. Times are milliseconds.
type Result struct {
	Keys  string  `json:"keys"`
	Rate  float64 `json:"rate"`  // calls a second
	Calls int     `json:"calls"` // of each arm
	Batch int     `json:"batch"`
	Live  int     `json:"live"` // calls held beside them in Busy

	Quiet Half `json:"quiet"`
	Busy  Half `json:"busy"` // empty where Live is 0

	Placed   int      `json:"placed"` // the calls of the warming-up included
	AsScript int      `json:"as_script"`
	Faults   []string `json:"faults,omitempty"` // the first few things that went wrong
}

// Half is a run's part with the same number of held calls.
type Half struct {
	Arms   map[Arm]*Sum `json:"arms,omitempty"`
	Ratios Ratios       `json:"ratios"`
	// IdleMS is what the held calls cost in a second by being there, which is not in Arms.
	IdleMS PerCall `json:"idle_ms_per_second"`

	idle    CPU
	batches []*batch
}

// Sum is an arm's calls taken together.
type Sum struct {
	Calls   int     `json:"calls"`
	CPU     PerCall `json:"cpu_ms_per_call"`
	P50     float64 `json:"key_to_prompt_p50_ms"` // last packet of the key to first of the prompt
	P90     float64 `json:"key_to_prompt_p90_ms"`
	P99     float64 `json:"key_to_prompt_p99_ms"`
	Max     float64 `json:"key_to_prompt_max_ms"`
	Audio   float64 `json:"audio_s_per_call"` // heard by the caller
	Missing int     `json:"missing_packets"`
	// Others is how many processors' work the rest of the machine did meanwhile.
	Others float64 `json:"others_cores"`
}

// PerCall is processor time in milliseconds.
type PerCall struct {
	Asterisk float64 `json:"asterisk"`
	Server   float64 `json:"server"`
	Postgres float64 `json:"postgres"`
}

// Both is what the menu's work costs: Asterisk and the server.
func (p PerCall) Both() float64 { return p.Asterisk + p.Server }

// Ratios are the hotline's figures over the native menus'.
type Ratios struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	CPU float64 `json:"cpu"` // Asterisk and server
	// Steps is CPU without the media's floor on either side; 0 where it was not measured.
	Steps float64 `json:"steps"`
	// CPURounds are CPU's values in each round: how much they differ is the noise.
	CPURounds []float64 `json:"cpu_rounds"`
}

// batch is a number of calls in a row to one arm.
type batch struct {
	Arm       Arm
	Calls     int
	CPU       CPU
	Took      time.Duration
	since     time.Time
	ids       []string
	bad       map[string][]string // by call, what was not as the script says
	reactions []time.Duration
	lasted    []time.Duration
	packets   int
	missing   int
}

func (b *batch) take(rec dialtest.Record, wrong string) {
	if b.bad == nil {
		b.bad = map[string][]string{}
	}
	id := rec.CallID
	if id == "" { // not even answered
		id = fmt.Sprintf("call %d", rec.Number)
	} else {
		b.ids = append(b.ids, id)
	}
	if wrong != "" {
		b.bad[id] = append(b.bad[id], wrong)
		return
	}
	for _, k := range rec.Keys {
		b.reactions = append(b.reactions, k.Reaction)
	}
	b.lasted = append(b.lasted, rec.Lasted)
	b.packets += rec.Came
	b.missing += rec.Missing
}

// note counts a batch's calls, and keeps the first faults.
func (r *Result) note(b *batch) {
	r.Placed += b.Calls
	r.AsScript += b.Calls - len(b.bad)
	for id, why := range b.bad {
		r.fault(fmt.Sprintf("%s, %s: %s", b.Arm, id, strings.Join(why, "; ")))
	}
}

func (r *Result) fault(what string) {
	const enough = 10
	if len(r.Faults) < enough {
		r.Faults = append(r.Faults, what)
	}
}

// AllAsScript tells whether every call went as the script says.
func (r *Result) AllAsScript() bool { return r.AsScript == r.Placed && len(r.Faults) == 0 }

func (r *Result) sum() {
	r.Quiet.sum()
	r.Busy.sum()
}

func (h *Half) sum() {
	h.IdleMS = perCall(h.idle, 1)
	if len(h.batches) == 0 {
		return
	}
	h.Arms = map[Arm]*Sum{}
	for _, arm := range []Arm{Native, Hotline, Media} {
		var all batch
		for _, b := range h.batches {
			if b.Arm == arm {
				all.add(b)
			}
		}
		if all.Calls > 0 {
			h.Arms[arm] = all.sum()
		}
	}
	n, o := h.Arms[Native], h.Arms[Hotline]
	h.Ratios = Ratios{P50: ratio(o.P50, n.P50), P99: ratio(o.P99, n.P99), CPU: ratio(o.CPU.Both(), n.CPU.Asterisk)}
	if m := h.Arms[Media]; m != nil {
		h.Ratios.Steps = ratio(o.CPU.Both()-m.CPU.Asterisk, n.CPU.Asterisk-m.CPU.Asterisk)
	}
	var native, hotline []float64
	for _, b := range h.batches {
		switch c := perCall(b.CPU, b.Calls); b.Arm {
		case Native:
			native = append(native, c.Asterisk)
		case Hotline:
			hotline = append(hotline, c.Both())
		}
	}
	for i := range native {
		h.Ratios.CPURounds = append(h.Ratios.CPURounds, ratio(hotline[i], native[i]))
	}
}

func (b *batch) add(c *batch) {
	b.Calls += c.Calls
	b.CPU = b.CPU.plus(c.CPU)
	b.Took += c.Took
	b.reactions = append(b.reactions, c.reactions...)
	b.packets += c.packets
	b.missing += c.missing
}

func (b *batch) sum() *Sum {
	slices.Sort(b.reactions)
	const frame = 0.020 // seconds of audio in a packet
	return &Sum{
		Calls: b.Calls, CPU: perCall(b.CPU, b.Calls),
		P50: ms(rank(b.reactions, .5)), P90: ms(rank(b.reactions, .9)), P99: ms(rank(b.reactions, .99)), Max: ms(rank(b.reactions, 1)),
		Audio: float64(b.packets) * frame / float64(b.Calls), Missing: b.missing,
		Others: max(ratio(b.CPU.Others.Seconds(), b.Took.Seconds()), 0), // the clocks differ in precision
	}
}

func perCall(c CPU, calls int) PerCall {
	return PerCall{ms(c.Asterisk) / float64(calls), ms(c.Server) / float64(calls), ms(c.Postgres) / float64(calls)}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// ratio is 0 where there is nothing to divide by.
func ratio(a, b float64) float64 {
	if b <= 0 {
		return 0
	}
	return a / b
}

// rank gives the nearest-rank percentile p of sorted values; 0 of none.
func rank(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	i := int(math.Ceil(p*float64(len(sorted)))) - 1
	return sorted[min(max(i, 0), len(sorted)-1)]
}

func mean(all []time.Duration) time.Duration {
	var sum time.Duration
	for _, d := range all {
		sum += d
	}
	return sum / time.Duration(len(all))
}
